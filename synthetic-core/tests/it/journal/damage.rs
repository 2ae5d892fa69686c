//! Files that are torn, damaged, of another version, or no journal at all.

use super::*;

/// Returns a file as a process leaves it, and what was put into it: in its order, and at last.
async fn file() -> (Vec<u8>, Vec<Entry>, Vec<Entry>) {
    let folder = folder();
    let put = vec![
        entry(1),
        created(1),
        entry(2).with_payload(json!({ "sku": "ü" })),
        entry(3),
        created(3),
        created(3).in_state(State::Deleted),
        entry(4),
        created(4),
    ];
    let path = leave(&folder, &put).await;
    (fs::read(path).unwrap(), put, vec![created(1), entry(2).with_payload(json!({ "sku": "ü" })), created(4)])
}

/// Returns what is taken over of a file, and what is left of it in the folder: all names but that of the own file.
async fn check(bytes: &[u8]) -> (Vec<Entry>, Vec<String>, Vec<String>) {
    let folder = folder();
    let path = folder.path().join("0A.jsonl");
    fs::write(&path, bytes).unwrap();
    let journal = open(&folder);
    let Left { entries, problems, .. } = journal.adopt().await.unwrap();
    for problem in &problems {
        assert!(problem.starts_with(&format!("journal {} ", path.display())), "{problem}");
    }
    if path.exists() {
        assert_eq!(fs::read(&path).unwrap(), bytes, "what is left alone is not touched");
    } else {
        let again = journal.adopt().await.unwrap();
        assert_eq!((again.entries.len(), again.problems.len()), (0, 0), "all is said once");
    }
    let own = journal.path();
    let left = names(folder.path()).into_iter().filter(|name| !own.ends_with(name)).collect();
    let prefix = format!("{}/", folder.path().display());
    let problems = problems.into_iter().map(|problem| problem.replace(&prefix, "")).collect();
    (entries.into_iter().map(|(entry, _)| entry).collect(), problems, left)
}

/// Writes a line with a good checksum.
fn line(json: &str) -> String {
    format!("{:08x} {json}\n", crc32(json.as_bytes()))
}

/// The checksum as everybody else computes it: CRC-32 of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

fn header() -> String {
    line(r#"{"format":"synthetic-journal/1","pid":1,"started_at":"2026-01-01T00:00:00Z"}"#)
}

#[tokio::test]
async fn a_last_line_that_is_torn_anywhere_is_left_out_and_everything_before_it_is_there() {
    let (bytes, _, last) = file().await;
    let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let start = bytes.len() - lines.last().unwrap().len();
    let torn = [&last[..2], &[entry(4)]].concat();
    for end in start..=bytes.len() {
        // Only the newline is missing: the checksum says that nothing else is.
        let expected = if end + 1 >= bytes.len() { &last } else { &torn };
        assert_eq!(check(&bytes[..end]).await, (expected.clone(), vec![], vec![]), "{end}");
    }
    for end in 0..=lines[0].len() {
        assert_eq!(check(&bytes[..end]).await, (vec![], vec![], vec![]), "a first line of {end} bytes");
    }
}

#[tokio::test]
async fn a_byte_that_is_flipped_anywhere_is_recovered_from_or_told_and_no_id_is_ever_wrong() {
    let (bytes, put, last) = file().await;
    let mut recovered = 0;
    for at in 0..bytes.len() {
        let flips = [0x01, 0x20, 0x80, 0xff];
        for flip in if bytes[at] == b'\n' { &flips[..] } else { &flips[at % 4..=at % 4] } {
            let mut flipped = bytes.clone();
            flipped[at] ^= flip;
            let (entries, problems, left) = check(&flipped).await;
            let place = format!("byte {at} ^ {flip:#x}: {problems:?}");
            assert!(entries.iter().all(|entry| put.contains(entry)), "{place}: {entries:?}");
            if problems.is_empty() {
                assert_eq!((entries, left), (last.clone(), vec![]), "{place}");
                recovered += 1;
            } else {
                assert!(
                    left == ["0A.jsonl.damaged"] || left == ["0A.jsonl"] && entries.is_empty(),
                    "{place}: {left:?}"
                );
                assert!(problems.len() <= 2, "{place}");
            }
        }
    }
    assert!(recovered >= 4, "a damaged end of the last line at least harms nothing");
}

#[tokio::test]
async fn of_a_damaged_line_it_is_told_where_it_is_and_what_it_shows() {
    let (bytes, _, last) = file().await;
    let mut lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = lines[2].windows(3).position(|window| window == b"A-1").unwrap();
    lines[2][at] = b'B';
    let (entries, problems, left) = check(&lines.concat()).await;
    assert_eq!(entries, [&[entry(1)], &last[1..]].concat());
    assert_eq!(left, ["0A.jsonl.damaged"]);
    let mark = entry(1).mark;
    let shown = format!("\"{}", String::from_utf8_lossy(&lines[2][..150]).replace('"', "\\\""));
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    let start = format!("journal 0A.jsonl is damaged in line 3 (its checksum is wrong), which shows {shown}");
    let end = format!(
        "\" and the mark {mark}: look for what that names by hand; all other lines are taken over, and the file is kept \
         as 0A.jsonl.damaged"
    );
    assert!(problem.starts_with(&start) && problem.ends_with(&end), "{problem}");
    assert!(problem.len() < 700, "it is cut: {problem}");
}

#[tokio::test]
async fn whatever_becomes_of_a_file_nothing_is_taken_over_that_was_not_put() {
    let (bytes, put, last) = file().await;
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..800 {
        let mut spoiled = bytes.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..spoiled.len());
            let end = random.usize(at..(at + 200).min(spoiled.len()));
            match random.u8(..5) {
                0 => spoiled[at..end].fill(0),
                1 => spoiled[at..end].iter_mut().for_each(|byte| *byte = random.u8(..)),
                2 => drop(spoiled.drain(at..end)),
                3 => drop(spoiled.splice(at..at, bytes[..end.min(bytes.len())].to_vec())),
                _ => spoiled.insert(at, b'\n'),
            }
        }
        let (entries, problems, left) = check(&spoiled).await;
        assert!(entries.iter().all(|entry| put.contains(entry)), "round {round}: {entries:?}");
        // Whole lines that are cut out leave no trace, but what is damaged is told, and the file is kept then.
        assert!(problems.is_empty() == left.is_empty(), "round {round}: {problems:?} {left:?}");
        let whole = spoiled
            .split(|byte| *byte == b'\n')
            .all(|line| line.is_empty() || bytes.windows(line.len()).any(|is| is == line));
        assert!(entries == last || !problems.is_empty() || whole, "round {round}");
    }
}

#[tokio::test]
async fn a_journal_of_the_first_version_is_taken_over_completely() {
    let folder = folder();
    fs::write(folder.path().join("0A.jsonl"), include_bytes!("../journal-v1.jsonl")).unwrap();
    let at = |micros: u64| SystemTime::UNIX_EPOCH + Duration::from_micros(1_772_431_200_000_000 + micros);
    let entry = |n, kind: &str, micros| Entry::intent(entry(n).mark, kind, at(micros));
    let id = json!({ "tenant": "ü", "number": u64::MAX });
    let mut kept = entry(3, "shop/cart", 2_000_000).created(id).in_state(State::Kept);
    kept.not_before = Some(at(24 * 60 * 60 * 1_000_000 + 1));
    let payload = json!({ "sku": "WIDGET-A", "price": 9.95, "note": "zwölf\n\"Stück\"" });
    let all = vec![
        entry(1, "shop/order", 1_500_000).with_payload(payload),
        entry(2, "shop/order", 1_500_000).created(json!("A-17")),
        kept,
        entry(7, "mail/box", 6_000_000).created(json!(-3)).in_state(State::Abandoned),
        entry(8, "mail/settings", 7_000_000).created(json!(null)),
    ];
    assert_eq!(adopt(&folder).await, (all, vec![]));
}

#[tokio::test]
async fn a_journal_of_another_version_is_left_alone_and_told() {
    let other = header().replace("journal/1", "journal/2");
    let (_, json) = other.trim_end().split_once(' ').unwrap();
    let file = line(json) + &line(&serde_json::to_string(&created(1)).unwrap());
    let problem = "journal 0A.jsonl is of the format \"synthetic-journal/2\", while this version reads synthetic-journal/1, \
                   and nothing is taken from it: run the version that wrote it, or move it out of the folder when what it \
                   names is removed";
    assert_eq!(check(file.as_bytes()).await, (vec![], vec![problem.to_owned()], vec!["0A.jsonl".to_owned()]));
}

#[tokio::test]
async fn a_file_without_a_header_is_left_alone_and_told() {
    let problem = "journal 0A.jsonl does not begin as a journal does, and nothing is taken from it: move it out of the \
                   folder if it is none, else remove what it names by hand";
    let entry = line(&serde_json::to_string(&created(1)).unwrap());
    let shown = serde_json::to_string(&created(1)).unwrap();
    let damaged = header().replace("pid", "pit");
    for file in [&entry, "{\"level\":\"info\"}\n", "notes", "\0\0\0\0", "\n", &shown, &damaged, &"x".repeat(200_000)] {
        let expected = (vec![], vec![problem.to_owned()], vec!["0A.jsonl".to_owned()]);
        assert_eq!(check(file.as_bytes()).await, expected, "{}", &file[..file.len().min(80)]);
    }
}

#[tokio::test]
async fn an_empty_file_is_removed() {
    assert_eq!(check(b"").await, (vec![], vec![], vec![]));
    assert_eq!(check(header().as_bytes()).await, (vec![], vec![], vec![]));
}

#[tokio::test]
async fn fields_that_are_not_known_are_accepted() {
    let header = line(r#"{"host":"a","format":"synthetic-journal/1","pid":"none"}"#);
    let json = serde_json::to_string(&created(1)).unwrap();
    let json = format!("{},\"attempts\":{{\"n\":3}},\"more\":[1,null]}}", json.strip_suffix('}').unwrap());
    assert_eq!(check((header + &line(&json)).as_bytes()).await, (vec![created(1)], vec![], vec![]));
}

#[tokio::test]
async fn a_state_that_is_not_known_is_told_and_all_else_is_taken_over() {
    let json = |entry| serde_json::to_string(&entry).unwrap();
    let newer = json(created(2)).replace("created", "archived");
    let file = header() + &line(&json(created(1))) + &line(&newer) + &line(&json(created(3)));
    let (entries, problems, left) = check(file.as_bytes()).await;
    assert_eq!((entries, left), (vec![created(1), created(3)], vec!["0A.jsonl.damaged".to_owned()]));
    let start =
        "journal 0A.jsonl is damaged in line 3 (written by a newer version: unknown variant `archived`, expected";
    assert!(problems.len() == 1 && problems[0].starts_with(start), "{problems:?}");
}

#[tokio::test]
async fn a_line_that_is_too_long_spoils_no_other_and_many_damaged_ones_are_counted() {
    let json = |entry| line(&serde_json::to_string(&entry).unwrap());
    for bytes in [65_527, 65_528, 65_529, 70_000, 1_000_000] {
        let file = header() + &json(created(1)) + &"x".repeat(bytes) + "\n" + &json(created(2));
        let (entries, problems, _) = check(file.as_bytes()).await;
        assert_eq!((entries, problems.len()), (vec![created(1), created(2)], 1), "{bytes}");
        let too_long = problems[0].contains("in line 3 (longer than 65536 bytes), which shows \"xxxx");
        assert_eq!(too_long, bytes > 65_536, "{}", problems[0]);
    }
    let file = header() + &json(created(1)) + &"junk\n".repeat(10_000) + &"x".repeat(70_000);
    let (entries, problems, _) = check(file.as_bytes()).await;
    assert_eq!((entries, problems.len()), (vec![created(1)], 21));
    assert!(problems[20].starts_with("journal 0A.jsonl is damaged in 9981 more lines: "), "{}", problems[20]);
}
