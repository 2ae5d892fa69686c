//! Runs of several attempts: which end calls for another one, what each begins with, and what the one report says of all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use synthetic_core::monitor::{Builder, Exit};
use synthetic_core::prelude::*;
use synthetic_core::report::{CleanupResult, JSON_SCHEMA};
use synthetic_core::secret::EnvSecrets;
use synthetic_core::testing::RecordingSink;
use synthetic_core::{Clock, OnLeak, Persona, Personas, Reason, RetryOn, Runner};
use tokio::time::{Instant, sleep};

use crate::cleanup::shelf::Shelf;
use crate::cleanup::target::{Delete, Target, Things, Way};

/// A canary whose attempts know their number, from 1, and how many there were.
fn numbered<F, Fut>(spec: Spec, body: F) -> (impl Canary, Arc<AtomicUsize>)
where
    F: Fn(Run, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    (canary(spec, move |run: Run| body(run, counted.fetch_add(1, Ordering::SeqCst) + 1)), made)
}

/// Runs a canary whose attempts know their number.
async fn check<F, Fut>(spec: Spec, body: F) -> (Report, usize)
where
    F: Fn(Run, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    let (canary, made) = numbered(spec, body);
    let report = once(canary).await;
    (report, made.load(Ordering::SeqCst))
}

fn spec() -> Spec {
    Spec::new("api-health")
}

fn refused() -> Failure {
    Failure::with_reason(Reason::Connect, "GET /health: connect to 10.0.0.7:443 refused")
}

/// Is refused by the network in its first attempts, and then finds everything well.
fn refused_until(run: &Run, number: usize, well: usize) -> Result {
    if number < well { Err(refused()) } else { run.expect("status", 200, eq(200)) }
}

fn subjects(failures: &[Failure]) -> Vec<&str> {
    failures.iter().map(Failure::subject).collect()
}

fn monitor(canary: impl Canary) -> (Builder, RecordingSink) {
    let sink = RecordingSink::new();
    (Monitor::named("test").canary(every(mins(60)), canary).sink(sink.clone()), sink)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_passes_after_an_error_of_the_network_is_flaky() {
    let start = Instant::now();
    let (report, made) = check(spec().retry(2), |run, number| async move { refused_until(&run, number, 2) }).await;
    assert_eq!((report.outcome, report.reason, report.flaky(), made), (Outcome::Passed, None, true, 2), "{report}");
    assert!(report.failures.is_empty() && report.attempts.len() == 1, "{report}");
    let first = &report.attempts[0];
    assert_eq!((first.outcome, first.reason), (Outcome::Failed, Some(Reason::Connect)));
    assert_eq!(first.leading().unwrap().subject(), "GET /health: connect to 10.0.0.7:443 refused");
    assert_ne!(first.run_id, report.run_id);
    assert_eq!(start.elapsed(), Duration::ZERO, "at once");
}

#[tokio::test]
async fn a_run_that_is_not_told_to_makes_one_attempt() {
    let (report, made) = check(spec(), |run, number| async move { refused_until(&run, number, 2) }).await;
    assert_eq!((report.outcome, report.attempts.len(), made), (Outcome::Failed, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn only_what_the_network_cut_short_is_tried_again_unless_told_otherwise() {
    for on in [RetryOn::Network, RetryOn::AnyFailure] {
        for reason in Reason::ALL {
            let (report, made) = check(spec().retry(1).retry_on(on), move |run, _| async move {
                run.count_check();
                match reason {
                    Reason::Preference => assert!(!run.prefer("latency", 2, lt(1))),
                    Reason::Leftover => run.defer("cart 7", async { Err(Failure::new("status of DELETE /carts/7")) }),
                    Reason::Panic => panic!("boom"),
                    _ => return Err(Failure::with_reason(reason, "x")),
                };
                Ok(())
            })
            .await;
            assert_eq!(report.reason, Some(reason), "{report}");
            let again = match on {
                RetryOn::AnyFailure => reason.outcome() == Outcome::Failed,
                _ => reason.is_network(),
            };
            assert_eq!((made, report.attempts.len()), if again { (2, 1) } else { (1, 0) }, "{on:?}: {report}");
            assert!(!report.flaky(), "{report}");
        }
    }
}

#[tokio::test]
async fn what_cannot_run_or_checks_nothing_is_not_tried_again() {
    let any = |spec: Spec| spec.retry(2).retry_on(RetryOn::AnyFailure);
    let (report, made) = check(any(Spec::new("Ünï")), |run, _| async move { run.expect("x", 1, eq(1)) }).await;
    assert_eq!((report.reason, report.attempts.len(), made), (Some(Reason::Setup), 0, 0));
    let (report, made) = check(any(spec()), |_, _| async { Ok(()) }).await;
    assert_eq!((report.reason, made), (Some(Reason::NothingChecked), 1));
    let (report, made) = check(any(spec()).on_leak(OnLeak::Fail), |run, _| async move {
        run.defer("cart 7", async { Err(Failure::new("status of DELETE /carts/7")) });
        run.expect("x", 1, eq(1))
    })
    .await;
    assert_eq!((report.outcome, report.reason, made), (Outcome::Failed, Some(Reason::Leftover), 1), "nothing to cure");
}

#[tokio::test]
async fn the_report_of_a_failure_that_stays_has_every_attempt_in_order() {
    let (report, made) = check(spec().retry(3), |run, number| async move {
        run.soft(
            "look up",
            async move { Err::<(), _>(Failure::with_reason(Reason::Dns, format!("look-up {number}"))) },
        )
        .await;
        Err(Failure::new(format!("status {number}")))
    })
    .await;
    assert_eq!((report.outcome, report.reason, report.flaky(), made), (Outcome::Failed, Some(Reason::Dns), false, 4));
    let each: Vec<_> = report.attempts.iter().map(|attempt| subjects(&attempt.failures)).collect();
    assert_eq!(each, [["look-up 1", "status 1"], ["look-up 2", "status 2"], ["look-up 3", "status 3"]]);
    assert_eq!(subjects(&report.failures), ["look-up 4", "status 4"]);
    let mut ids: Vec<_> = report.attempts.iter().map(|attempt| attempt.run_id).chain([report.run_id]).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4, "{ids:?}");
}

#[tokio::test]
async fn an_answer_that_is_wrong_ends_the_attempts() {
    let (report, made) = check(spec().retry(5), |run, number| async move {
        if number == 1 { Err(refused()) } else { run.expect("status", 503, eq(200)) }
    })
    .await;
    assert_eq!((report.reason, report.attempts.len(), made), (Some(Reason::Expectation), 1, 2), "{report}");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_whole_timeout() {
    let start = Instant::now();
    let (report, made) = check(spec().timeout(secs(5)).retry(1), |run, number| async move {
        sleep(if number == 1 { secs(60) } else { secs(4) }).await;
        run.expect("status", 200, eq(200))
    })
    .await;
    assert_eq!((report.outcome, report.flaky(), made), (Outcome::Passed, true, 2), "{report}");
    assert_eq!((report.attempts[0].reason, report.attempts[0].duration), (Some(Reason::Timeout), secs(5)));
    assert_eq!((report.duration, start.elapsed()), (secs(4), secs(9)), "that of the last attempt");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_confirmed_after_the_wait_which_is_no_part_of_the_duration() {
    // Whether the spec retries, when the run is well, how many attempts there are.
    for (more, well, attempts) in [(0, 9, 2), (0, 2, 2), (1, 9, 2), (3, 9, 4), (3, 3, 3)] {
        let start = Instant::now();
        let starts = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&starts);
        let clock = Clock::starting_at(SystemTime::UNIX_EPOCH);
        let (canary, _) = numbered(spec().retry(more).confirm_after(secs(30)), move |run, number| {
            seen.lock().unwrap().push(start.elapsed());
            async move {
                sleep(secs(1)).await;
                refused_until(&run, number, well)
            }
        });
        let report = Runner::new().clock(clock).run(canary).await;
        let nth = |n: usize| secs(31 * n as u64);
        assert_eq!(*starts.lock().unwrap(), (0..attempts).map(nth).collect::<Vec<_>>(), "{more} more, {report}");
        assert_eq!((report.flaky(), report.duration), (well <= attempts, secs(1)), "{more} more, {report}");
        assert_eq!(report.scheduled_at, SystemTime::UNIX_EPOCH, "when its first attempt should have started");
        assert_eq!(report.attempts[0].started_at, SystemTime::UNIX_EPOCH);
        assert_eq!(report.started_at, SystemTime::UNIX_EPOCH + nth(attempts - 1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_ends_when_the_monitor_stops_and_the_failure_stands_unconfirmed() {
    let (canary, made) = numbered(spec().confirm_after(mins(20)), |_, _| async { Err(refused()) });
    let (builder, sink) = monitor(canary);
    let start = Instant::now();
    let summary = builder.grace(secs(20)).build().unwrap().run_until(sleep(secs(5))).await;
    assert_eq!((start.elapsed().as_secs(), made.load(Ordering::SeqCst)), (15, 1), "half of the grace is for runs");
    let reports = sink.reports();
    assert_eq!((reports.len(), reports[0].outcome, summary.exit()), (1, Outcome::Failed, Exit::Failed));
    assert_eq!(
        reports[0].warnings,
        ["attempt 2 was not made, so that nothing confirms the failure: the run was cancelled"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_cancelled_is_the_last_one() {
    let (canary, made) = numbered(spec().retry(5).timeout(mins(5)), |_, number| async move {
        if number < 2 { Err(refused()) } else { std::future::pending().await }
    });
    let (builder, sink) = monitor(canary);
    builder.grace(secs(2)).build().unwrap().run_until(sleep(secs(5))).await;
    let reports = sink.reports();
    assert_eq!((reports.len(), reports[0].reason, made.load(Ordering::SeqCst)), (1, Some(Reason::Cancelled), 2));
    assert_eq!(reports[0].attempts[0].reason, Some(Reason::Connect), "what was seen is told: {}", reports[0]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_makes_no_further_attempt() {
    let (canary, made) = numbered(spec().confirm_after(secs(10)), |_, _| async { Err(refused()) });
    tokio::select! {
        _ = once(canary) => panic!("it waits"),
        () = sleep(secs(5)) => {}
    }
    sleep(mins(1)).await;
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_an_attempt_made_is_removed_before_the_next_one_makes_its_own() {
    let target = Target::default();
    let things = Things::new(&target, Way::Search);
    let texts = Arc::new(Mutex::new(Vec::new()));
    let (seen, made_here) = (Arc::clone(&texts), target.clone());
    let (report, _) = check(spec().retry(2), move |run, number| {
        let (things, target, texts) = (things.clone(), made_here.clone(), Arc::clone(&seen));
        async move {
            assert_eq!(target.ids(), Vec::<String>::new(), "attempt {number}");
            let id = things.make(&run).await?;
            texts.lock().unwrap().push(target.text(&id));
            refused_until(&run, number, 3)
        }
    })
    .await;
    assert_eq!((report.outcome, target.all("made"), target.all("deleted")), {
        let ids: Vec<_> = ["1", "2", "3"].map(str::to_owned).into();
        (Outcome::Passed, ids.clone(), ids)
    });
    let items: Vec<_> = report.cleanup.items.iter().map(ToString::to_string).collect();
    assert_eq!(items, ["shop/order 1: removed", "shop/order 2: removed", "shop/order 3: removed"], "{report}");
    // A mark carries the id of its attempt.
    let ids = report.attempts.iter().map(|attempt| attempt.run_id).chain([report.run_id]);
    let ends: Vec<_> = ids.map(|id| format!("-{}-1", ulid(id.as_u128()))).collect();
    let texts = texts.lock().unwrap();
    assert!(texts.len() == 3 && texts.iter().zip(&ends).all(|(text, end)| text.ends_with(end)), "{texts:?}, {ends:?}");
}

/// Writes 128 bits as a ULID: 26 digits of Crockford's Base32.
fn ulid(bits: u128) -> String {
    let digit = |n: u32| char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(bits >> (5 * n) & 31) as usize]);
    (0..26).rev().map(digit).collect()
}

#[tokio::test]
async fn a_persona_is_given_back_before_the_next_attempt() {
    let pool = Personas::of([Persona::new("alice")]).unwrap();
    let (report, _) = check(spec().retry(1), move |run, number| {
        let pool = pool.clone();
        async move {
            let persona = run.persona(&pool).await?;
            run.expect("persona", persona.name(), eq("alice"))?;
            refused_until(&run, number, 2)
        }
    })
    .await;
    assert!(report.flaky(), "{report}");
}

#[tokio::test]
async fn what_the_first_attempt_left_behind_counts_in_the_run() {
    for (on_leak, outcome, reason, warnings) in [
        (OnLeak::Warn, Outcome::Passed, None, &["attempt 1: left behind: cart 1"][..]),
        (OnLeak::Degrade, Outcome::Degraded, Some(Reason::Leftover), &[]),
        (OnLeak::Fail, Outcome::Failed, Some(Reason::Leftover), &[]),
    ] {
        let (canary, _) = numbered(spec().retry(1).on_leak(on_leak), |run, number| async move {
            run.defer(format!("cart {number}"), async move {
                if number == 1 { Err(Failure::new("status of DELETE /carts/1").actual("500")) } else { Ok(()) }
            });
            refused_until(&run, number, 2)
        });
        let (reports, summary) = monitor(canary).0.build().unwrap().once().await;
        let report = &reports[0];
        assert_eq!((report.outcome, report.reason, report.flaky()), (outcome, reason, outcome.is_up()), "{report}");
        assert_eq!(report.warnings, warnings, "{report}");
        let items: Vec<_> = report.cleanup.items.iter().map(|item| (item.name.as_str(), item.result)).collect();
        assert_eq!(items, [("cart 1", CleanupResult::Failed), ("cart 2", CleanupResult::Removed)]);
        assert_eq!(summary.canaries["api-health"].left_behind, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_sweep_removes_between_two_attempts_is_not_left_behind() {
    let (target, shelf) = (Target::default(), Shelf::default());
    let things = Things::new(&target, Way::Search);
    target.on_delete("1", [Delete::Forbidden, Delete::Works]);
    let made = things.clone();
    let (canary, _) = numbered(spec().confirm_after(mins(3)), move |run, number| {
        let things = made.clone();
        async move {
            things.make(&run).await?;
            refused_until(&run, number, 2)
        }
    });
    let (builder, sink) = monitor(canary);
    let builder = builder.journal_store(shelf.open()).resource(things).sweep_every(mins(1));
    builder.build().unwrap().run_until(sleep(mins(10))).await;
    let report = &sink.reports()[0];
    let items: Vec<_> = report.cleanup.items.iter().map(ToString::to_string).collect();
    assert_eq!(items, ["shop/order 1: removed", "shop/order 2: removed"], "{report}");
    assert_eq!((report.outcome, report.cleanup.swept.len()), (Outcome::Passed, 0), "{report}");
}

#[tokio::test]
async fn no_further_attempt_is_made_while_too_much_waits_for_its_removal() {
    let (target, shelf) = (Target::default(), Shelf::default());
    let things = Things::new(&target, Way::Search);
    target.on_delete("1", [Delete::Forbidden]);
    let made = things.clone();
    let (canary, count) = numbered(spec().retry(3).max_pending(0), move |run, _| {
        let things = made.clone();
        async move {
            things.make(&run).await?;
            Err(refused())
        }
    });
    let (builder, sink) = monitor(canary);
    builder.journal_store(shelf.open()).resource(things).build().unwrap().once().await;
    let report = &sink.reports()[0];
    assert_eq!((report.reason, count.load(Ordering::SeqCst)), (Some(Reason::Connect), 1), "{report}");
    assert_eq!(report.warnings.len(), 1, "{report}");
    assert!(
        report.warnings[0].starts_with("attempt 2 was not made, so that nothing confirms the failure: "),
        "{report}"
    );
    assert!(report.warnings[0].contains("canary \"api-health\" pauses: 1 things that it made wait"), "{report}");
}

#[tokio::test]
async fn a_warning_says_which_attempt_it_is_about() {
    let (report, _) = check(spec().retry(2), |run, number| async move {
        run.warn(format!("cache {number} is cold"));
        refused_until(&run, number, 3)
    })
    .await;
    assert_eq!(
        report.warnings,
        ["attempt 1: cache 1 is cold", "attempt 2: cache 2 is cold", "cache 3 is cold"],
        "{report}"
    );
}

#[tokio::test]
async fn no_secret_stands_in_what_is_said_of_an_earlier_attempt() {
    let stores = EnvSecrets::with_lookup(|name| (name == "SHOP_TOKEN").then(|| "correct horse".into()));
    let (canary, _) = numbered(spec().retry(2), |run, number| async move {
        if number > 1 {
            // Nobody asks for the secret any more.
            return refused_until(&run, number, 3);
        }
        let token = run.secret("shop/token").await?;
        run.warn(format!("sent {}", token.expose()));
        Err(Failure::with_reason(Reason::Protocol, format!("answer to {}", token.expose())))
    });
    let report = Runner::new().secrets(stores).run(canary).await;
    let json = serde_json::to_string(&report).unwrap();
    assert!(report.flaky() && !json.contains("correct horse") && !report.to_string().contains("correct horse"));
    assert_eq!(report.attempts[0].failures[0].subject(), "answer to [redacted:shop/token]");
    assert_eq!(report.warnings, ["attempt 1: sent [redacted:shop/token]"]);
}

/// A run of three attempts that takes its time, on a clock of its own.
async fn three_attempts(well: usize) -> Report {
    let clock = Clock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let (canary, _) = numbered(spec().retry(2).confirm_after(secs(30)), move |run, number| async move {
        run.step("GET /health", async {
            sleep(ms(12)).await;
            if number == 2 {
                run.soft("look", async { Err::<(), _>(Failure::with_reason(Reason::Dns, "no address\nat all")) }).await;
            }
            let failure = refused().at(std::panic::Location::caller()).evidence("times", "resolve 0.2 ms");
            if number < well {
                Err(failure.hint("see whether the shop runs"))
            } else {
                run.expect("db", "up", eq("up"))
            }
        })
        .await
    });
    let mut report = Runner::new().clock(clock).run(canary).await;
    for (n, attempt) in report.attempts.iter_mut().enumerate() {
        attempt.run_id = format!("01890a5d-ac96-774b-bcce-b302099a805{n}").parse().unwrap();
    }
    report.run_id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    report
}

fn text(report: &Report) -> String {
    let text = report.to_string();
    let parts: Vec<_> = text.split(".rs:").collect();
    parts.iter().map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect::<Vec<_>>().join(".rs")
}

#[tokio::test(start_paused = true)]
async fn the_text_of_a_flaky_run_says_so_and_why() {
    insta::assert_snapshot!(text(&three_attempts(3).await));
}

#[tokio::test(start_paused = true)]
async fn the_text_of_a_failure_that_stays_ends_with_its_last_attempt_and_tells_of_the_others() {
    insta::assert_snapshot!(text(&three_attempts(9).await));
}

#[tokio::test(start_paused = true)]
async fn attempts_have_a_json_form_that_keeps_the_schema_and_comes_back() {
    let schema: Value = serde_json::from_str(JSON_SCHEMA).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let report = three_attempts(3).await;
    let mut json = serde_json::to_value(&report).unwrap();
    let errors: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {json:#}");
    let back: Report = serde_json::from_value(json.clone()).unwrap();
    assert_eq!((back.flaky(), back.to_string()), (true, report.to_string()));
    assert_eq!(serde_json::to_value(&back).unwrap(), json);

    let mut first = json["attempts"][0].take();
    first["failures"][0].as_object_mut().unwrap().remove("location");
    assert_eq!(
        first,
        json!({
            "run_id": "01890a5d-ac96-774b-bcce-b302099a8050",
            "started_at": "2027-01-15T08:00:00Z",
            "duration_ms": 12.0,
            "outcome": "failed",
            "reason": "connect",
            "failures": [{
                "reason": "connect",
                "subject": "GET /health: connect to 10.0.0.7:443 refused",
                "hint": "see whether the shop runs",
                "evidence": [{ "label": "times", "text": "resolve 0.2 ms" }],
                "step": ["GET /health"],
            }],
        })
    );
    json["attempts"] = json!([{ "outcome": "failed" }]);
    assert!(!validator.is_valid(&json), "an attempt has an id");

    let (at_once, _) = check(spec().retry(2), |run, _| async move { run.expect("x", 1, eq(1)) }).await;
    assert!(serde_json::to_value(&at_once).unwrap().get("attempts").is_none(), "absent when there are none");
    assert!(at_once.to_string().lines().count() == 1 && !at_once.to_string().contains("attempt"));
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_given_one_report_a_run_and_the_summary_counts_flaky_runs() {
    let (canary, made) = numbered(spec().retry(2), |run, number| async move {
        refused_until(&run, number % 3, if number < 6 { 2 } else { 0 })
    });
    let sink = RecordingSink::new();
    let builder = Monitor::named("test").canary(every(mins(1)), canary).sink(sink.clone());
    let summary = builder.build().unwrap().run_until(sleep(secs(150))).await;
    let attempts: Vec<_> = sink.reports().iter().map(|report| report.attempts.len()).collect();
    assert_eq!((attempts, made.load(Ordering::SeqCst)), (vec![1, 2, 0], 6));
    assert_eq!((summary.runs(), summary.canaries["api-health"].flaky), (3, 2));
    insta::assert_snapshot!(summary, @"api-health     3 runs, 3 passed, 2 of them flaky");
    assert_eq!(summary.exit(), Exit::Passed);
}

#[test]
fn a_spec_says_how_often_a_run_is_tried_and_refuses_a_run_without_an_end() {
    let plain = spec();
    assert_eq!((plain.retries(), plain.confirm_time(), plain.retry_policy()), (0, None, RetryOn::Network));
    let confirmed = spec().confirm_after(secs(5)).retry_on(RetryOn::AnyFailure);
    assert_eq!((confirmed.retries(), confirmed.confirm_time()), (1, Some(secs(5))), "at least one");
    assert_eq!((confirmed.retry(3).retries(), spec().retry(0).retries()), (3, 0));

    let tried = |more| monitor(canary(spec().retry(more), |_run: Run| async { Ok(()) })).0.build();
    assert!(tried(10).is_ok());
    let error = tried(11).unwrap_err().to_string();
    assert!(error.contains("it is tried 11 more times when it fails: at most 10, so that a run has an end"), "{error}");
}
