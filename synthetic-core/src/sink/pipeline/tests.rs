mod spools;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::*;
use crate::sink::{Batch, DeliveryError};
use crate::testing::{RecordingSink, once};
use crate::{Spec, canary};

/// Starts a pipeline of sinks without spools.
fn start(sinks: impl IntoIterator<Item = Arc<dyn Sink>>) -> Pipeline {
    Pipeline::start(sinks.into_iter().map(|sink| Outlet { sink, spool: None }))
}

async fn report() -> Arc<Report> {
    Arc::new(once(canary(Spec::new("test"), |run| async move { run.expect("x", 1, crate::expect::eq(1)) })).await)
}

/// A sink that answers as it is told, and delivers only while its gate is open.
struct Scripted {
    answers: Mutex<Vec<Result<(), DeliveryError>>>,
    gate: Semaphore,
    calls: AtomicU32,
    batch: Batch,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Result<(), DeliveryError>>) -> Self {
        let batch = Batch { most: 10, linger: Duration::ZERO };
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Self {
            answers: Mutex::new(answers),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            calls: AtomicU32::new(0),
            batch,
        }
    }
}

#[async_trait]
impl Sink for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }
    fn batch(&self) -> Batch {
        self.batch
    }
    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        assert!(reports.len() <= self.batch.most);
        self.calls.fetch_add(1, Ordering::SeqCst);
        let _ = self.gate.acquire().await;
        self.answers.lock().unwrap().pop().unwrap_or(Ok(()))
    }
}

async fn check(answers: Vec<Result<(), DeliveryError>>, delivered: u64, dropped: &[(&'static str, u64)], calls: u32) {
    let sink = Arc::new(Scripted::new(answers));
    let pipeline = start([Arc::clone(&sink) as Arc<dyn Sink>]);
    pipeline.accept(&report().await);
    let stats = pipeline.close(Duration::from_secs(600)).await;
    assert_eq!((stats[0].delivered, sink.calls.load(Ordering::SeqCst)), (delivered, calls));
    assert_eq!(stats[0].dropped, dropped.iter().copied().collect());
}

#[tokio::test(start_paused = true)]
async fn each_class_of_error_is_treated_as_what_it_is() {
    let retry = || Err(DeliveryError::Retry("503".into()));
    let limited = || Err(DeliveryError::RateLimited { after: Duration::from_secs(60), why: "429".into() });
    let fatal = || Err(DeliveryError::Fatal("403".into()));
    check(vec![Ok(())], 1, &[], 1).await;
    check(vec![retry(), retry(), Ok(())], 1, &[], 3).await;
    check(vec![limited(), Ok(())], 1, &[], 2).await;
    check(vec![fatal()], 0, &[("fatal", 1)], 1).await;
    // Ten minutes: half a second, one, two, four and so on up to a minute between tries.
    let sink = Arc::new(Scripted::new((0..100).map(|_| retry())));
    let pipeline = start([Arc::clone(&sink) as Arc<dyn Sink>]);
    pipeline.accept(&report().await);
    tokio::time::sleep(Duration::from_secs(660)).await;
    let stats = pipeline.close(Duration::from_secs(1)).await.remove(0);
    assert_eq!((stats.delivered, stats.dropped), (0, [("gave_up", 1)].into()));
    let calls = sink.calls.load(Ordering::SeqCst);
    assert!((16..30).contains(&calls), "{calls} tries");
}

#[tokio::test(start_paused = true)]
async fn a_blocked_sink_slows_no_other_and_what_it_loses_is_counted() {
    let blocked = Arc::new(Scripted { gate: Semaphore::new(0), ..Scripted::new([]) });
    let fine = RecordingSink::new();
    let pipeline = start([blocked as Arc<dyn Sink>, Arc::new(fine.clone())]);
    let report = report().await;
    for n in 0..1500 {
        pipeline.accept(&report);
        if n % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let stats = pipeline.close(Duration::from_secs(3)).await;
    assert_eq!((fine.reports().len(), stats[1].delivered), (1500, 1500));
    assert_eq!(stats[0].delivered, 0);
    assert_eq!(stats[0].dropped.values().sum::<u64>(), 1500, "every report is accounted for: {stats:?}");
    assert!(stats[0].dropped["queue_full"] > 400 && stats[0].dropped["shutdown"] > 1000, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_lingers_for_company() {
    let sink = Arc::new(Scripted { batch: Batch { most: 10, linger: Duration::from_secs(5) }, ..Scripted::new([]) });
    let pipeline = start([Arc::clone(&sink) as Arc<dyn Sink>]);
    let report = report().await;
    for _ in 0..25 {
        pipeline.accept(&report);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let stats = pipeline.close(Duration::from_secs(60)).await;
    assert_eq!((stats[0].delivered, sink.calls.load(Ordering::SeqCst)), (25, 5));
}

/// What a [`Bad`] sink does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    PanicsOnFirst,
    PanicsOnBatch,
    PanicsOnClose,
    FailsToClose,
    HangsOnClose,
    LingersForEver,
    TakesNothing,
}

struct Bad(Fault, AtomicU32);

#[async_trait]
impl Sink for Bad {
    fn name(&self) -> &'static str {
        "bad"
    }
    fn batch(&self) -> Batch {
        match self.0 {
            Fault::PanicsOnBatch => panic!("no shape"),
            Fault::LingersForEver => Batch { most: 10, linger: Duration::MAX },
            Fault::TakesNothing => Batch { most: 0, linger: Duration::ZERO },
            _ => Batch { most: 1, linger: Duration::ZERO },
        }
    }
    async fn deliver(&self, _reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        let first = self.1.fetch_add(1, Ordering::SeqCst) == 0;
        assert!(!first || self.0 != Fault::PanicsOnFirst, "out of cheese");
        Ok(())
    }
    async fn close(&self) -> Result<(), DeliveryError> {
        match self.0 {
            Fault::PanicsOnClose => panic!("no way out"),
            Fault::FailsToClose => Err(DeliveryError::Fatal("disk full".into())),
            Fault::HangsOnClose => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_a_sink_does_wrong_every_report_is_counted_and_its_fault_is_said() {
    for (fault, delivered, dropped, error) in [
        (Fault::PanicsOnFirst, 2, Some(("fatal", 1)), Some("it panicked: out of cheese")),
        (Fault::PanicsOnBatch, 0, Some(("shutdown", 3)), Some("it panicked: no shape")),
        (Fault::PanicsOnClose, 3, None, Some("it could not be closed: it panicked: no way out")),
        (Fault::FailsToClose, 3, None, Some("it could not be closed: disk full")),
        (Fault::HangsOnClose, 3, None, Some("it was not done when the time for closing was up")),
        (Fault::LingersForEver, 3, None, None),
        (Fault::TakesNothing, 3, None, None),
    ] {
        let pipeline = start([Arc::new(Bad(fault, AtomicU32::new(0))) as Arc<dyn Sink>]);
        let report = report().await;
        for _ in 0..3 {
            pipeline.accept(&report);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let stats = pipeline.close(Duration::from_secs(3)).await.remove(0);
        assert_eq!((stats.delivered, &stats.dropped), (delivered, &dropped.into_iter().collect()), "{fault:?}");
        assert_eq!(stats.last_error.as_deref(), error, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_to_close_is_no_end_at_all() {
    let pipeline = start([Arc::new(RecordingSink::new()) as Arc<dyn Sink>]);
    pipeline.accept(&report().await);
    assert_eq!(pipeline.close(Duration::MAX).await[0].delivered, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_blocks_its_thread_does_not_keep_a_monitor_from_ending() {
    struct Stuck(Mutex<std::sync::mpsc::Receiver<()>>);
    #[async_trait]
    impl Sink for Stuck {
        fn name(&self) -> &'static str {
            "stuck"
        }
        fn batch(&self) -> Batch {
            Batch { most: 1, linger: Duration::ZERO }
        }
        async fn deliver(&self, _reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
            let _ = self.0.lock().unwrap().recv();
            Ok(())
        }
    }
    let (gate, opened) = std::sync::mpsc::channel();
    let pipeline = start([Arc::new(Stuck(Mutex::new(opened))) as Arc<dyn Sink>]);
    for _ in 0..3 {
        pipeline.accept(&report().await);
    }
    let stats = pipeline.close(Duration::from_millis(50)).await;
    drop(gate);
    assert_eq!((stats[0].delivered, stats[0].dropped["shutdown"]), (0, 3), "{stats:?}");
}
