use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use synthetic_core::artifact::{LocalFolder, Stored};
use synthetic_core::prelude::*;
use synthetic_core::secret::EnvSecrets;
use synthetic_core::testing::check_sink_contract;
use synthetic_core::{Outcome, Runner};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A store in memory, of which parts can be made to fail.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    files: BTreeMap<Key, (String, Bytes)>,
    /// How often each key was to be stored.
    puts: Vec<Key>,
    /// What keys with this in them come to.
    fault: Option<(&'static str, Fault)>,
    /// Nothing can be listed.
    blind: bool,
    /// No listing ends.
    slow: bool,
    lists: u32,
}

#[derive(Clone, Copy)]
enum Fault {
    Unavailable,
    Refused,
    Panic,
    Hang,
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self) -> Vec<String> {
        self.kept().files.keys().map(ToString::to_string).collect()
    }

    /// Returns what the file is whose key ends so.
    fn file(&self, end: &str) -> (String, String) {
        let kept = self.kept();
        let (_, (media_type, bytes)) = kept.files.iter().find(|(key, _)| key.as_str().ends_with(end)).unwrap();
        (media_type.clone(), String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn fail(&self, with: &'static str, fault: impl Into<Option<Fault>>) {
        self.kept().fault = fault.into().map(|fault| (with, fault));
    }
}

#[async_trait]
impl ArtifactStore for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn put(&self, key: &Key, media_type: &str, bytes: Bytes) -> Result<(), StoreError> {
        let fault = {
            let mut kept = self.kept();
            kept.puts.push(key.clone());
            kept.fault.filter(|(with, _)| key.as_str().contains(with)).map(|(_, fault)| fault)
        };
        match fault {
            Some(Fault::Unavailable) => return Err(StoreError::Unavailable(format!("no answer for {key}"))),
            Some(Fault::Refused) => return Err(StoreError::Refused(format!("no permission for {key}"))),
            Some(Fault::Panic) => panic!("a broken store"),
            Some(Fault::Hang) => std::future::pending().await,
            None => {}
        }
        self.kept().files.insert(key.clone(), (media_type.to_owned(), bytes));
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.kept().files.get(key).map(|(_, bytes)| bytes.clone()))
    }

    async fn list(&self, folder: Option<&Key>) -> Result<Vec<Stored>, StoreError> {
        self.kept().lists += 1;
        if self.kept().slow {
            std::future::pending::<()>().await;
        }
        let kept = self.kept();
        if kept.blind {
            return Err(StoreError::Refused("memory: cannot list".into()));
        }
        let below = |key: &&Key| folder.is_none_or(|folder| key.is_below(folder));
        Ok(kept
            .files
            .keys()
            .filter(below)
            .map(|key| Stored::new(key.clone(), kept.files[key].1.len() as u64))
            .collect())
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.kept().files.remove(key);
        Ok(())
    }
}

/// Returns the report of a run at such a time, with a log and an attachment, that expects so much.
async fn report(name: &'static str, at: Duration, expected: u32) -> Report {
    let canary = canary(Spec::new(name), move |run: Run| async move {
        run.attach("cart.json", "application/json", "{}");
        run.attach("../cart.json", "text/html", "<script>");
        tracing::info!("asked");
        tracing::warn!(cart = 7, "answered\nslowly");
        run.expect("1", 1, eq(expected))
    });
    let clock = Clock::starting_at(UNIX_EPOCH + at);
    let mut report = Runner::new().clock(clock).location("eu/1").run(canary).await;
    report.run_id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    report
}

async fn passed() -> Report {
    report("shop", Duration::ZERO, 1).await
}

async fn failed() -> Report {
    report("shop", Duration::ZERO, 2).await
}

/// Returns the names of the files that a sink keeps of a run.
async fn kept(sink: impl Fn(Artifacts) -> Artifacts, report: Report) -> Vec<String> {
    let store = Memory::default();
    sink(Artifacts::new(store.clone())).deliver(&[Arc::new(report)]).await.unwrap();
    store.keys().iter().map(|key| key.rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn it_keeps_the_sink_contract() {
    check_sink_contract(|| async { Artifacts::new(Memory::default()).keep(Keep::Always) }).await;
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention::new().total_bytes(1 << 20);
    let make = || async { Artifacts::new(LocalFolder::at(folder.path())).retention(retention.clone()) };
    check_sink_contract(make).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_leaves_its_report_its_log_and_its_attachments_in_one_folder() {
    let store = Memory::default();
    let at = Duration::from_millis(1_800_000_000_007);
    Artifacts::new(store.clone()).deliver(&[Arc::new(report("shop", at, 2).await)]).await.unwrap();
    let folder = "canary/eu_1-3c444ac1/shop/2027/01/15/08/00-00-007/failed-01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(
        store.keys(),
        ["attachments/01-cart.json", "attachments/02-_._cart.json", "log.jsonl", "report.json"]
            .map(|name| format!("{folder}/{name}"))
    );
    let (media_type, text) = store.file("/report.json");
    let read: Report = serde_json::from_str(&text).unwrap();
    assert_eq!((&*media_type, read.outcome, read.artifacts.len()), ("application/json", Outcome::Failed, 2));
    assert_eq!(read.artifacts[1].name, "../cart.json", "the report has the names as they were");
    let (media_type, text) = store.file("/log.jsonl");
    assert_eq!(media_type, "application/jsonl");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let texts: Vec<_> =
        lines.iter().map(|line| (line["level"].as_str().unwrap(), line["text"].as_str().unwrap())).collect();
    assert_eq!(texts, [("INFO", "asked"), ("WARN", "answered\nslowly cart=7")]);
    assert_eq!(store.file("/02-_._cart.json"), ("text/html".to_owned(), "<script>".to_owned()));
}

#[tokio::test]
async fn every_kind_is_kept_as_its_policy_says() {
    let all = ["01-cart.json", "02-_._cart.json", "log.jsonl", "report.json"];
    assert_eq!(kept(|sink| sink, failed().await).await, all);
    assert_eq!(kept(|sink| sink, passed().await).await, [""; 0]);
    assert_eq!(kept(|sink| sink.keep(Keep::Never), failed().await).await, [""; 0]);
    assert_eq!(kept(|sink| sink.keep(Keep::Always), failed().await).await, all);
    // A run that passed has no log.
    assert_eq!(kept(|sink| sink.keep(Keep::Always), passed().await).await, [all[0], all[1], all[3]]);
    assert_eq!(kept(|sink| sink.reports(Keep::Always), passed().await).await, ["report.json"]);
    assert_eq!(kept(|sink| sink.logs(Keep::Never), failed().await).await, [all[0], all[1], all[3]]);
    assert_eq!(kept(|sink| sink.attachments(Keep::Never), failed().await).await, ["log.jsonl", "report.json"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_passed_with_something_to_look_into_is_kept_as_failures_are() {
    let down = AtomicBool::new(true);
    let flaky = canary(Spec::new("shop").retry(2), move |run: Run| {
        let down = down.swap(false, Ordering::Relaxed);
        async move {
            let refused = Failure::with_reason(synthetic_core::Reason::Connect, "connect to 10.0.0.7:443 refused");
            if down { Err(refused) } else { run.expect("db", "up", eq("up")) }
        }
    });
    let store = Memory::default();
    let report = Runner::new().run(flaky).await;
    Artifacts::new(store.clone()).deliver(&[Arc::new(report)]).await.unwrap();
    let keys = store.keys();
    assert!(matches!(&keys[..], [key] if key.contains("/flaky-") && key.ends_with("/report.json")), "{keys:?}");
}

#[tokio::test]
async fn no_secret_of_a_run_is_in_what_is_kept() {
    const SECRET: &str = "correct horse battery";
    let canary = canary(Spec::new("shop"), |run: Run| async move {
        let secret = run.secret("web/password").await?;
        run.attach(format!("{SECRET}.json"), "application/json", format!("{{\"password\":\"{}\"}}", secret.expose()));
        run.attach("raw.bin", "application/octet-stream", SECRET);
        tracing::warn!("logged in with {SECRET}");
        run.label("who", SECRET);
        run.expect(format!("hello {SECRET}"), SECRET, eq("welcome"))
    });
    let secrets = EnvSecrets::with_lookup(|name| (name == "WEB_PASSWORD").then(|| SECRET.into()));
    let report = Runner::new().secrets(secrets).run(canary).await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    let store = Memory::default();
    Artifacts::new(store.clone()).deliver(&[Arc::new(report)]).await.unwrap();
    assert_eq!(store.keys().len(), 4);
    for (key, (_, bytes)) in &store.kept().files {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(SECRET) && !key.as_str().contains("horse"), "{key}: {text}");
    }
}

/// Runs a canary once in a monitor that keeps evidence in `store`, and returns what became of both.
async fn once(store: &Memory) -> (Outcome, synthetic_core::sink::SinkStats) {
    let canary = canary(Spec::new("shop"), |run: Run| async move { run.expect("1", 1, eq(1)) });
    let sink = Artifacts::new(store.clone()).keep(Keep::Always);
    let monitor = Monitor::named("test").canary(every(secs(60)), canary).sink(sink).build().unwrap();
    let (reports, mut summary) = monitor.once().await;
    (reports[0].outcome, summary.sinks.remove(0))
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_changes_no_outcome_and_is_counted() {
    for (fault, reason, said) in [
        (Fault::Refused, "fatal", "no permission for canary/"),
        (Fault::Unavailable, "shutdown", "no answer for canary/"),
        (Fault::Panic, "fatal", "memory panicked"),
        (Fault::Hang, "shutdown", ""),
    ] {
        let store = Memory::default();
        store.fail("report.json", fault);
        let (outcome, stats) = once(&store).await;
        assert_eq!(outcome, Outcome::Passed);
        assert_eq!((stats.delivered, stats.dropped.get(reason)), (0, Some(&1)), "{stats:?}");
        assert!(stats.last_error.as_ref().is_some_and(|error| error.contains(said)), "{stats:?}");
    }
}

#[tokio::test]
async fn what_is_stored_is_not_sent_again_with_what_is_not() {
    let store = Memory::default();
    store.fail("log.jsonl", Fault::Unavailable);
    let sink = Artifacts::new(store.clone());
    let batch = [Arc::new(failed().await)];
    assert!(matches!(sink.deliver(&batch).await, Err(DeliveryError::Retry(why)) if why.contains("no answer")));
    store.fail("", None);
    store.kept().puts.clear();
    assert_eq!(sink.deliver(&batch).await, Ok(()));
    let puts: Vec<_> = store.kept().puts.iter().map(|key| key.parts().next_back().unwrap().to_owned()).collect();
    assert_eq!((puts, store.keys().len()), (vec!["log.jsonl".to_owned()], 4));
    assert!(sink.stored().is_empty());
}

#[tokio::test]
async fn a_run_that_cannot_be_stored_stands_in_the_way_of_no_other() {
    let store = Memory::default();
    store.fail("/sick/", Fault::Refused);
    let sink = Artifacts::new(store.clone());
    let batch = [Arc::new(report("sick", Duration::ZERO, 2).await), Arc::new(failed().await)];
    assert!(matches!(sink.deliver(&batch).await, Err(DeliveryError::Fatal(_))));
    assert_eq!(store.keys().len(), 4, "{:?}", store.keys());
    // What was given up is forgotten with the next batch.
    assert_eq!(sink.deliver(&[Arc::new(passed().await)]).await, Ok(()));
    assert!(sink.stored().is_empty());
}

#[tokio::test]
async fn what_another_try_may_cure_is_tried_again_beside_what_none_will() {
    let store = Memory::default();
    let sink = Artifacts::new(store.clone());
    store.fail("attachments/01", Fault::Unavailable);
    let both = Arc::new(failed().await);
    let one = sink.deliver(&[Arc::clone(&both)]).await;
    assert!(matches!(one, Err(DeliveryError::Retry(_))), "{one:?}");
    store.fail("failed", Fault::Refused);
    let other = sink.deliver(&[both]).await;
    assert!(matches!(other, Err(DeliveryError::Fatal(_))), "{other:?}");
}

#[tokio::test(start_paused = true)]
async fn retention_is_looked_after_at_first_then_hourly_and_when_there_is_too_much() {
    let store = Memory::default();
    let old = RunFolder::new(None, "shop", UNIX_EPOCH, uuid(1), "passed").file("report.json");
    let put = || store.kept().files.insert(old.clone(), (String::new(), Bytes::from(vec![b'x'; 100_000])));
    let is_there = || store.kept().files.contains_key(&old);
    let sink = Artifacts::new(store.clone())
        .clock(Clock::starting_at(UNIX_EPOCH + 10 * DAY))
        .retention(Retention::new().passed(DAY).total_bytes(1_000_000));
    let deliver = async |bytes: usize| {
        let canary = canary(Spec::new("shop"), move |run: Run| async move {
            run.attach("page.txt", "text/plain", vec![b'x'; bytes]);
            run.expect("1", 1, eq(2))
        });
        let report = Runner::new().clock(Clock::starting_at(UNIX_EPOCH + 10 * DAY)).run(canary).await;
        sink.deliver(&[Arc::new(report)]).await.unwrap();
        sink.flush().await.unwrap();
    };
    put();
    deliver(10).await;
    assert!(!is_there(), "looked after at first");
    put();
    deliver(10).await;
    assert!(is_there(), "not each time");
    tokio::time::advance(Duration::from_secs(3601)).await;
    deliver(10).await;
    assert!(!is_there(), "looked after hourly");
    put();
    deliver(990_000).await;
    assert!(is_there(), "not too much yet");
    deliver(20_000).await;
    assert!(!is_there(), "looked after when there is too much");
    let total: usize = store.kept().files.values().map(|(_, bytes)| bytes.len()).sum();
    assert!(total <= 1_000_000, "{total}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_looked_after_is_said_at_flush_and_tried_again_in_a_minute() {
    let store = Memory::default();
    store.kept().blind = true;
    let sink = Artifacts::new(store.clone()).retention(Retention::new().passed(DAY));
    assert_eq!(sink.deliver(&[Arc::new(failed().await)]).await, Ok(()), "the run itself is kept");
    let said = DeliveryError::Retry("what is too old could not be deleted: memory: cannot list".into());
    assert_eq!(sink.flush().await, Err(said.clone()));
    assert_eq!(sink.flush().await, Ok(()), "what was stored waits for nobody");
    assert_eq!(sink.deliver(&[Arc::new(failed().await)]).await, Ok(()));
    assert_eq!((sink.flush().await, store.kept().lists), (Ok(()), 1), "not each time");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(sink.deliver(&[Arc::new(failed().await)]).await, Ok(()));
    assert_eq!((sink.flush().await, store.kept().lists), (Err(said), 2));
    store.kept().blind = false;
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(sink.deliver(&[Arc::new(failed().await)]).await, Ok(()));
    assert_eq!(sink.flush().await, Ok(()));
}

#[tokio::test]
async fn a_store_that_is_slow_to_be_looked_after_keeps_no_delivery_waiting() {
    let store = Memory::default();
    store.kept().slow = true;
    let sink = Artifacts::new(store.clone()).retention(Retention::new().passed(DAY));
    for _ in 0..3 {
        assert_eq!(sink.deliver(&[Arc::new(failed().await)]).await, Ok(()));
    }
    assert_eq!(store.kept().lists, 1, "one at a time");
}

fn uuid(last: u32) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(last))
}
