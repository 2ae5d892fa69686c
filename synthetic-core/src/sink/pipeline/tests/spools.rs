//! Sinks with a spool before them, on real files and a clock that stands still.

use std::path::Path;

use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::*;
use crate::sink::Spool;

/// A place that is down while it is told to be, and notes what it was given.
#[derive(Default)]
struct Place {
    seen: Mutex<Vec<u64>>,
    obstacle: Mutex<Option<DeliveryError>>,
    flush: Mutex<Option<DeliveryError>>,
    hangs: Mutex<bool>,
    calls: AtomicU32,
}

impl Place {
    fn down() -> Arc<Self> {
        let place = Self::default();
        place.set(Some(DeliveryError::Retry("503".into())));
        Arc::new(place)
    }

    fn set(&self, obstacle: Option<DeliveryError>) {
        *self.obstacle.lock().unwrap() = obstacle;
    }

    fn seen(&self) -> Vec<u64> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sink for Place {
    fn name(&self) -> &'static str {
        "place"
    }
    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if *self.hangs.lock().unwrap() {
            std::future::pending::<()>().await;
        }
        if let Some(obstacle) = self.obstacle.lock().unwrap().clone() {
            return Err(obstacle);
        }
        self.seen.lock().unwrap().extend(reports.iter().map(|report| number(report)));
        Ok(())
    }
    async fn flush(&self) -> Result<(), DeliveryError> {
        self.flush.lock().unwrap().take().map_or(Ok(()), Err)
    }
}

/// A report that is told apart by a number.
struct Numbered(Report);

impl Numbered {
    async fn new() -> Self {
        Self((*report().await).clone())
    }

    fn get(&self, number: u64) -> Arc<Report> {
        Arc::new(Report { run_id: Uuid::from_u128(u128::from(number)), ..self.0.clone() })
    }
}

fn number(report: &Report) -> u64 {
    report.run_id.as_u128() as u64
}

fn spooled(spool: Spool, place: &Arc<Place>) -> Pipeline {
    let sink: Arc<dyn Sink> = Arc::clone(place) as Arc<dyn Sink>;
    Pipeline::start([Outlet { sink, spool: Some(spool.open().unwrap()) }])
}

async fn settle() {
    // A paused clock waits for the threads that work on the files; each moment is for what comes of one such work.
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    files.sum()
}

fn segments(folder: &TempDir) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    found.sort();
    found
}

#[tokio::test(start_paused = true)]
async fn through_an_outage_nothing_is_lost_or_repeated_and_the_order_is_kept() {
    let (folder, reports) = (tempdir().unwrap(), Numbered::new().await);
    let place = Place::down();
    let pipeline = spooled(Spool::new(folder.path()), &place);
    // Far more than a queue holds, over an hour in which nothing is taken.
    for n in 0..3600 {
        pipeline.accept(&reports.get(n));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let stats = pipeline.tallies()[0].stats();
    assert_eq!((stats.delivered, stats.queued, stats.failing.as_deref()), (0, 3600, Some("503")));
    assert!(stats.spooled >= 3500 && stats.spool_bytes > 0, "{stats:?}");
    place.set(None);
    for n in 3600..3700 {
        pipeline.accept(&reports.get(n));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let stats = pipeline.close(Duration::from_secs(60)).await.remove(0);
    assert_eq!(place.seen(), (0..3700).collect::<Vec<_>>());
    assert_eq!((stats.delivered, stats.dropped.len(), stats.spooled, stats.failing), (3700, 0, 0, None));
    assert!(segments(&folder).is_empty(), "what is delivered is gone from the disk");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_delivered_is_delivered_by_the_next_process_before_what_is_new() {
    let (folder, reports) = (tempdir().unwrap(), Numbered::new().await);
    let down = Place::down();
    let pipeline = spooled(Spool::new(folder.path()), &down);
    for n in 0..10 {
        pipeline.accept(&reports.get(n));
    }
    let stats = pipeline.close(Duration::from_secs(5)).await.remove(0);
    assert_eq!((stats.delivered, stats.spooled, stats.queued, stats.dropped.len()), (0, 10, 10, 0), "{stats:?}");

    let place = Arc::new(Place::default());
    let pipeline = spooled(Spool::new(folder.path()), &place);
    pipeline.accept(&reports.get(10));
    let stats = pipeline.close(Duration::from_secs(5)).await.remove(0);
    assert_eq!(place.seen(), (0..11).collect::<Vec<_>>());
    assert_eq!((stats.delivered, stats.spooled), (11, 0));
}

#[tokio::test(start_paused = true)]
async fn a_report_from_the_disk_is_as_it_was_and_has_its_own_times() {
    let folder = tempdir().unwrap();
    let report = report().await;
    let pipeline = spooled(Spool::new(folder.path()), &Place::down());
    pipeline.accept(&report);
    pipeline.close(Duration::from_secs(5)).await;

    let sink = RecordingSink::new();
    let outlet = Outlet { sink: Arc::new(sink.clone()), spool: Some(Spool::new(folder.path()).open().unwrap()) };
    Pipeline::start([outlet]).close(Duration::from_secs(5)).await;
    let json = |report: &Report| serde_json::to_value(report).unwrap();
    assert_eq!(json(&sink.reports()[0]), json(&report));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_has_a_batch_and_cannot_flush_is_not_given_it_again() {
    let (folder, reports) = (tempdir().unwrap(), Numbered::new().await);
    let place = Arc::new(Place::default());
    *place.flush.lock().unwrap() = Some(DeliveryError::Retry("full".into()));
    let pipeline = spooled(Spool::new(folder.path()), &place);
    pipeline.accept(&reports.get(7));
    let stats = pipeline.close(Duration::from_secs(60)).await.remove(0);
    assert_eq!((place.seen(), stats.delivered, stats.retries), (vec![7], 1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_refuses_is_dropped_and_what_comes_behind_it_is_delivered() {
    let (folder, reports) = (tempdir().unwrap(), Numbered::new().await);
    let place = Arc::new(Place::default());
    place.set(Some(DeliveryError::Fatal("403".into())));
    let pipeline = spooled(Spool::new(folder.path()), &place);
    pipeline.accept(&reports.get(0));
    settle().await;
    place.set(None);
    pipeline.accept(&reports.get(1));
    let stats = pipeline.close(Duration::from_secs(60)).await.remove(0);
    assert_eq!((place.seen(), stats.delivered, stats.dropped), (vec![1], 1, [("fatal", 1)].into()));
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_room_the_oldest_go_or_the_newest_as_it_was_told() {
    for drop_newest in [false, true] {
        let (folder, reports) = (tempdir().unwrap(), Numbered::new().await);
        let line = serde_json::to_vec(&*reports.get(0)).unwrap().len() as u64 + 10;
        let (place, room) = (Place::down(), 2000 * line);
        let mut spool = Spool::new(folder.path()).bytes(room);
        if drop_newest {
            spool = spool.drop_newest();
        }
        let pipeline = spooled(spool.clone(), &place);
        for n in 0..5000 {
            pipeline.accept(&reports.get(n));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        settle().await;
        let stats = pipeline.tallies()[0].stats();
        assert!(stats.spool_bytes <= room && bytes(folder.path()) <= room + 4096, "{stats:?}");
        place.set(None);
        let stats = pipeline.close(Duration::from_secs(600)).await.remove(0);
        let (seen, lost) = (place.seen(), stats.dropped["spool_full"]);
        assert_eq!(seen.len() as u64 + lost, 5000, "every report is accounted for: {stats:?}");
        assert!(seen.is_sorted() && (1800..2200).contains(&seen.len()), "{}", seen.len());
        if drop_newest {
            assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>());
        } else {
            assert_eq!(seen.last(), Some(&4999));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_for_an_hour_of_a_hundred_runs_a_second_takes_no_more_memory_or_disk_than_it_may() {
    let (folder, reports) = (tempdir().unwrap(), Numbered::new().await);
    let (place, room) = (Arc::new(Place::default()), 1024 * 1024);
    *place.hangs.lock().unwrap() = true;
    let pipeline = spooled(Spool::new(folder.path()).bytes(room), &place);
    let given = reports.get(0);
    for n in 0..360_000_u64 {
        pipeline.accept(&given);
        if n % 100 == 99 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        if n % 30_000 == 0 {
            // The queue, what is read ahead and what the disk does not take yet are all that hold one; and this test.
            assert!(Arc::strong_count(&given) <= 3 * QUEUE + 200, "{}", Arc::strong_count(&given));
            assert!(bytes(folder.path()) <= room + 4096);
        }
    }
    let tally = Arc::clone(&pipeline.tallies()[0]);
    let stats = pipeline.close(Duration::from_secs(5)).await.remove(0);
    let dropped: u64 = stats.dropped.values().sum();
    assert_eq!(stats.spooled + dropped, 360_000, "every report is accounted for: {stats:?}");
    assert!(stats.spooled > 100, "what is on the disk stays there: {stats:?}");
    assert!(tally.stats().delivered == 0 && Arc::strong_count(&given) <= 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_spool_a_sink_that_hangs_holds_a_queue_and_a_batch() {
    let reports = Numbered::new().await;
    let place = Arc::new(Place::default());
    *place.hangs.lock().unwrap() = true;
    let pipeline = start([Arc::clone(&place) as Arc<dyn Sink>]);
    let given = reports.get(0);
    for n in 0..360_000_u64 {
        pipeline.accept(&given);
        if n % 100 == 99 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    assert!(Arc::strong_count(&given) <= QUEUE + 102, "{}", Arc::strong_count(&given));
    let stats = pipeline.close(Duration::from_secs(5)).await.remove(0);
    assert_eq!(stats.dropped.values().sum::<u64>(), 360_000);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_given_up_and_what_is_not_is_kept() {
    let (folder, reports) = (tempdir().unwrap(), Numbered::new().await);
    let place = Place::down();
    let old = Report { started_at: std::time::SystemTime::UNIX_EPOCH, ..(*reports.get(0)).clone() };
    let pipeline = spooled(Spool::new(folder.path()).keep_for(Duration::from_secs(3600)), &place);
    pipeline.accept(&Arc::new(old));
    pipeline.accept(&reports.get(1));
    settle().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    place.set(None);
    let stats = pipeline.close(Duration::from_secs(60)).await.remove(0);
    assert_eq!((place.seen(), stats.dropped), (vec![1], [("gave_up", 1)].into()));
}

#[tokio::test(start_paused = true)]
async fn a_torn_last_line_and_a_flipped_byte_are_counted_and_the_rest_is_delivered() {
    let reports = Numbered::new().await;
    for (fault, expected, lost) in [("torn", vec![0, 1, 2, 3, 9], 1), ("flipped", vec![0, 1, 3, 4, 9], 1)] {
        let folder = tempdir().unwrap();
        let pipeline = spooled(Spool::new(folder.path()), &Place::down());
        for n in 0..5 {
            pipeline.accept(&reports.get(n));
        }
        pipeline.close(Duration::from_secs(5)).await;
        let segment = segments(&folder).remove(0);
        let mut content = std::fs::read(&segment).unwrap();
        match fault {
            "torn" => content.truncate(content.len() - 20),
            _ => {
                // In the third report, behind the header.
                let start = content.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(2).unwrap().0;
                content[start + 50] ^= 1;
            }
        }
        std::fs::write(&segment, content).unwrap();

        let place = Arc::new(Place::default());
        let pipeline = spooled(Spool::new(folder.path()), &place);
        pipeline.accept(&reports.get(9));
        let stats = pipeline.close(Duration::from_secs(5)).await.remove(0);
        assert_eq!((place.seen(), stats.dropped), (expected, [("damaged", lost)].into()), "{fault}");
        let error = stats.last_error.unwrap();
        assert!(error.contains(if fault == "torn" { "cut off" } else { "checksum is wrong" }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_for_a_minute_is_given_up_and_holds_up_nothing_that_comes_after() {
    let (folder, reports) = (tempdir().unwrap(), Numbered::new().await);
    let down = Place::down();
    let pipeline = spooled(Spool::new(folder.path()), &down);
    for n in 0..10 {
        pipeline.accept(&reports.get(n));
    }
    pipeline.close(Duration::from_secs(5)).await;
    let place = Arc::new(Place::default());
    let store = Spool::new(folder.path()).open().unwrap();
    // It was found, and then it is something that is there and cannot be read.
    let segment = segments(&folder).remove(0);
    std::fs::remove_file(&segment).unwrap();
    std::fs::create_dir(&segment).unwrap();
    let pipeline = Pipeline::start([Outlet { sink: Arc::clone(&place) as Arc<dyn Sink>, spool: Some(store) }]);
    // However often somebody looks meanwhile.
    for n in 10..50 {
        pipeline.accept(&reports.get(n));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(place.seen().is_empty() && pipeline.tallies()[0].stats().dropped.is_empty(), "it may be read yet");
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(place.seen(), (10..50).collect::<Vec<_>>());
    let stats = pipeline.close(Duration::from_secs(5)).await.remove(0);
    assert_eq!((stats.delivered, &stats.dropped), (40, &[("damaged", 10)].into()), "{stats:?}");
}

#[tokio::test]
async fn files_of_others_that_look_like_ours_are_counted_and_end_nothing() {
    let reports = Numbered::new().await;
    for (name, content) in [
        ("00000000000000000009.jsonl", &b"a\nb\n"[..]),
        ("00000000000000000009.jsonl", b"\n\n\n"),
        ("00000000000000000009.jsonl", b"x"),
    ] {
        let folder = tempdir().unwrap();
        std::fs::write(folder.path().join(name), content).unwrap();
        let place = Arc::new(Place::default());
        let pipeline = spooled(Spool::new(folder.path()), &place);
        pipeline.accept(&reports.get(1));
        let stats = pipeline.close(Duration::from_secs(5)).await.remove(0);
        assert_eq!((place.seen(), stats.delivered), (vec![1], 1), "{content:?}: {stats:?}");
        assert!(stats.dropped.keys().all(|reason| *reason == "damaged"), "{stats:?}");
    }
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("18446744073709551615.jsonl"), b"a\nb\n").unwrap();
    let error = Spool::new(folder.path()).open().unwrap_err().to_string();
    assert!(error.contains("behind which there is none: remove it"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_has_when_it_is_closed_is_delivered_and_does_not_come_again() {
    struct Slow(Mutex<u64>);
    #[async_trait]
    impl Sink for Slow {
        fn name(&self) -> &'static str {
            "slow"
        }
        async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
            *self.0.lock().unwrap() += reports.len() as u64;
            Ok(())
        }
        async fn flush(&self) -> Result<(), DeliveryError> {
            std::future::pending().await
        }
        async fn close(&self) -> Result<(), DeliveryError> {
            Ok(())
        }
    }
    let (folder, reports, sink) = (tempdir().unwrap(), Numbered::new().await, Arc::new(Slow(Mutex::new(0))));
    for expected in [1, 0] {
        let spool = Some(Spool::new(folder.path()).open().unwrap());
        let pipeline = Pipeline::start([Outlet { sink: Arc::clone(&sink) as Arc<dyn Sink>, spool }]);
        if expected == 1 {
            pipeline.accept(&reports.get(1));
        }
        settle().await;
        let stats = pipeline.close(Duration::from_secs(5)).await.remove(0);
        assert_eq!((stats.delivered, stats.spooled, stats.dropped.len()), (expected, 0, 0), "{stats:?}");
    }
    assert_eq!(*sink.0.lock().unwrap(), 1);
}

/// Returns a segment with three reports, as a process leaves it that could deliver none of them.
async fn segment() -> Vec<u8> {
    let (folder, reports) = (tempdir().unwrap(), Numbered::new().await);
    let pipeline = spooled(Spool::new(folder.path()), &Place::down());
    for n in 0..3 {
        pipeline.accept(&reports.get(n));
    }
    pipeline.close(Duration::from_secs(5)).await;
    std::fs::read(&segments(&folder)[0]).unwrap()
}

/// Returns what is delivered of a segment, and what is counted as damaged; a look at it before changes nothing.
async fn delivered(bytes: &[u8]) -> (Vec<u64>, u64) {
    let (folder, place) = (tempdir().unwrap(), Arc::new(Place::default()));
    std::fs::write(folder.path().join("00000000000000000001.jsonl"), bytes).unwrap();
    drop(Spool::new(folder.path()).open().unwrap());
    let stats = spooled(Spool::new(folder.path()), &place).close(Duration::from_secs(5)).await.remove(0);
    let damaged = stats.dropped.get("damaged").copied().unwrap_or_default();
    assert_eq!((stats.queued, stats.dropped.values().sum::<u64>()), (0, damaged), "{stats:?}");
    assert!(segments(&folder).is_empty(), "nothing of it stays");
    (place.seen(), damaged)
}

#[tokio::test(start_paused = true)]
async fn of_a_segment_that_was_cut_off_anywhere_what_is_whole_is_delivered_and_the_rest_counted() {
    let bytes = segment().await;
    let ends: Vec<_> = (1..=bytes.len()).filter(|end| bytes[end - 1] == b'\n').collect();
    for length in (0..=bytes.len()).filter(|length| length % 3 == 0 || ends.iter().any(|end| end.abs_diff(*length) < 3))
    {
        // But for its end, a line is whole.
        let whole = ends.iter().skip(1).filter(|end| **end <= length + 1).count() as u64;
        let is_torn = length > ends[0] && !ends.iter().any(|end| *end == length || *end == length + 1);
        assert_eq!(delivered(&bytes[..length]).await, ((0..whole).collect(), u64::from(is_torn)), "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn whichever_byte_is_flipped_nothing_is_lost_in_silence() {
    let bytes = segment().await;
    for at in (0..bytes.len()).filter(|at| at % 3 == 0 || bytes[*at] == b'\n') {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let (seen, damaged) = delivered(&flipped).await;
        assert!(seen.is_sorted_by(|one, next| one < next), "{at}: {seen:?}");
        assert_eq!(seen.len() as u64 + damaged, 3, "{at}: {seen:?}");
    }
}

#[tokio::test]
async fn a_folder_has_one_owner_and_what_it_cannot_be_is_said() {
    let folder = tempdir().unwrap();
    let first = Spool::new(folder.path()).open().unwrap();
    let second = Spool::new(folder.path()).open().unwrap_err().to_string();
    let place = folder.path().display();
    assert_eq!(
        second,
        format!(
            "spool folder {place} is in use by another process, or by another sink of this one: give each a folder of its own"
        )
    );
    drop(first);
    assert!(Spool::new(folder.path()).open().is_ok(), "the folder is free again");

    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Spool::new(&*file).open().unwrap_err().to_string();
    assert_eq!(error, format!("spool folder {} is a file: name a folder", file.display()));

    let other = folder.path().join("00000000000000000001.jsonl");
    let mut line = Vec::new();
    crate::disk::append_line(&mut line, &serde_json::json!({ "format": "synthetic-spool/9" })).unwrap();
    std::fs::write(&other, line).unwrap();
    let error = Spool::new(folder.path()).open().unwrap_err().to_string();
    assert!(
        error.contains("is of the format \"synthetic-spool/9\", while this version reads synthetic-spool/1"),
        "{error}"
    );
}

/// A file system of a few pages, which only root may have.
#[cfg(target_os = "linux")]
struct SmallDisk(TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "spool"])
            .arg(folder.path())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: this machine lets nobody mount a small file system");
        None
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_no_delivery_and_what_it_does_not_take_is_counted() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (reports, place) = (Numbered::new().await, Place::down());
    let pipeline = spooled(Spool::new(disk.0.path()), &place);
    for n in 0..4000 {
        pipeline.accept(&reports.get(n));
        if n % 100 == 0 {
            settle().await;
        }
    }
    let stats = loop {
        let stats = pipeline.tallies()[0].stats();
        if stats.dropped.contains_key("spool_full") {
            break stats;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert!(stats.spool_bytes <= 64 * 1024, "{stats:?}");
    assert!(stats.last_error.as_deref().is_some_and(|error| error.contains("make room for it")), "{stats:?}");
    place.set(None);
    let stats = pipeline.close(Duration::from_secs(30)).await.remove(0);
    let lost: u64 = stats.dropped.values().sum();
    assert_eq!(stats.delivered + lost, 4000, "{stats:?}");
    assert!(place.seen().is_sorted() && stats.delivered >= QUEUE as u64, "{stats:?}");
    assert!(segments(&disk.0).is_empty());
}
