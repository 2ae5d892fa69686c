//! Bytes and texts that others wrote: whatever they are, nothing panics, and what is read of them is what they say.
//!
//! Each property is tried with 256 cases, and with those that once broke it (`proptest-regressions`). `PROPTEST_CASES` asks
//! for more, and `scripts/fuzz` tries each property of this workspace for five minutes.

use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use synthetic_core::artifact::har::{Archive, Entry as Request};
use synthetic_core::cleanup::{Entry, FileJournal, JournalStore};
use synthetic_core::expect::JsonPath;
use synthetic_core::prelude::*;
use synthetic_core::schedule::{cron, window};
use synthetic_core::{Mark, Report};

/// Texts made of the words of a language, so that many of them are nearly right, and of anything.
fn nearly(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word = prop_oneof![8 => select(words).prop_map(str::to_owned), 1 => ".{0,3}"];
    vec(word, 0..12).prop_map(|words| words.concat())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop_oneof!["[abc]", ".{0,3}"];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name, inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A good text in which bytes are replaced, left out, or said twice.
fn damaged(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..6).prop_map(move |changes| {
        let mut bytes = good.clone();
        for (at, byte, what) in changes {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at.max(1)),
                _ => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn a_json_path_is_refused_or_finds_what_is_there(
        path in nearly(&["$", ".", "..", "*", "[", "]", "?", "@", "'a'", "\"b\"", "a", "b", "0", "-1", ":", ",", "==", "<", "&&",
            "!", "(", ")", "length", "count", "match", "search", "value", "\\u0061", " ", "9007199254740993"]),
        root in any_json(),
    ) {
        if let Ok(path) = JsonPath::parse(&path) {
            let found = path.find(&root);
            prop_assert!(!path.is_singular() || found.nodes().len() <= 1);
            let _ = found.to_value();
        }
        // What is put before any text is a path or is not: never a panic.
        drop(JsonPath::parse(&format!("$.{path}")));
    }

    #[test]
    fn a_cron_expression_is_refused_or_gives_moments_that_follow_each_other(
        expression in nearly(&["*", " ", "*/5", "0", "59", "60", "1-5", "MON", "FRI-SUN", "JAN", "L", "W", "15W", "6L", "2#1", "?",
            ",", "-", "/", "0/5", "cron(", ")", "2026", "7", "31", "99999999999"]),
        zone in select(&["UTC", "Europe/London", "America/New_York", "Nowhere/Land", ""][..]),
    ) {
        let schedule = cron(&expression).zone(zone);
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_000);
        let moments: Vec<SystemTime> = schedule.upcoming(start, 7).take(3).collect();
        prop_assert!(moments.windows(2).all(|pair| pair[0] < pair[1]), "{moments:?}");
        prop_assert!(moments.iter().all(|moment| *moment >= start), "{moments:?}");
        // The builder says what is wrong with it, and does not panic either.
        let spec = canary(Spec::new("c"), |_: Run| async { Ok(()) });
        drop(Monitor::named("m").canary(schedule, spec).build());
    }

    #[test]
    fn a_window_is_refused_or_taken(
        from in nearly(&["MON", "FRI", " ", "20:00", "24:00", "0:0", ":", "99", "SUNDAY", "-"]),
        to in nearly(&["MON", "FRI", " ", "20:00", "24:00", "0:0", ":", "99", "SUNDAY", "-"]),
    ) {
        let schedule = every(mins(1)).only(window(&from, &to));
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_000);
        prop_assert!(schedule.upcoming(start, 7).take(2).all(|moment| moment >= start));
        let spec = canary(Spec::new("c"), |_: Run| async { Ok(()) });
        drop(Monitor::named("m").canary(schedule, spec).build());
    }

    #[test]
    fn a_mark_is_found_in_any_text_that_has_it(before in ".{0,20}", after in "([^\\w-].{0,20})?") {
        let mark = "syn1-shop-order-lifecycle-01JD3QKX7V0000000000000000-7";
        drop(before.parse::<Mark>());
        let found = Mark::find_in(&format!("{before} {mark}{after}"));
        prop_assert!(found.is_some());
    }

    #[test]
    fn an_archive_of_whatever_a_server_says_is_json(
        url in ".{0,40}", name in ".{0,12}", value in ".{0,20}", media_type in ".{0,20}", body in vec(any::<u8>(), 0..64),
    ) {
        let mut archive = Archive::new("test", "1");
        archive.push(
            Request::new("GET", &url, SystemTime::UNIX_EPOCH)
                .request_header(&name, &value)
                .request_body(&media_type, &body)
                .answer(200, &value)
                .answer_header(&name, &value)
                .answer_header("content-type", &media_type)
                .answer_body(&body),
        );
        let read: Value = serde_json::from_slice(&archive.to_bytes()).expect("JSON");
        prop_assert_eq!(&read["log"]["version"], "1.2");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A journal as a process leaves it.
fn journal_file() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = FileJournal::open(folder.path()).expect("a journal");
    let entries: Vec<Entry> = (1..5)
        .map(|n| {
            let mark = format!("syn1-shop-orders-01JD3QKX7V0000000000000000-{n}").parse().expect("a mark");
            let entry = Entry::intent(mark, "shop/order", SystemTime::UNIX_EPOCH + Duration::from_secs(1_732_000_000));
            entry.created(json!(format!("A-{n}")))
        })
        .collect();
    runtime().block_on(journal.put(&entries)).expect("written");
    std::fs::read(journal.path()).expect("the file")
}

/// A report in its JSON form.
fn report() -> Vec<u8> {
    let report = runtime().block_on(once(canary(Spec::new("c").tags(["t"]), |run: Run| async move {
        run.label("region", "eu");
        run.step("look", async { run.expect("door", "open", eq("closed")) }).await
    })));
    serde_json::to_vec(&report).expect("JSON")
}

proptest! {
    #[test]
    fn a_journal_that_was_damaged_anyhow_gives_entries_as_they_were_written(
        bytes in prop_oneof![damaged(journal_file()), vec(any::<u8>(), 0..200)],
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("0A.jsonl"), &bytes).expect("written");
        let journal = FileJournal::open(folder.path()).expect("a journal");
        let left = runtime().block_on(journal.adopt()).expect("adopted");
        for (entry, _) in left.entries {
            let number = entry.mark.number();
            prop_assert_eq!(entry.id, Some(json!(format!("A-{number}"))), "an id that nobody wrote");
        }
    }

    #[test]
    fn a_report_that_was_damaged_anyhow_is_refused_or_can_be_shown(
        bytes in prop_oneof![damaged(report()), any_json().prop_map(|value| value.to_string().into_bytes())],
    ) {
        if let Ok(report) = serde_json::from_slice::<Report>(&bytes) {
            let _ = report.to_string();
            prop_assert!(serde_json::to_vec(&report).is_ok());
        }
    }
}
