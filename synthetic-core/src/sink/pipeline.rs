//! Delivers reports to sinks: one bounded queue and one task a sink, so that none slows another or a canary.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{DeliveryError, Sink};
use crate::clock::later;
use crate::failure::panic_message;
use crate::report::Report;

/// How many reports wait for a sink before further ones are dropped and counted.
const QUEUE: usize = 1024;
/// How long a worker that is ended may take to notice.
const MOMENT: Duration = Duration::from_millis(100);
/// How often a batch is tried before it is dropped and counted.
const TRIES: u32 = 5;

/// What a sink was given, what it delivered, and what it lost and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkStats {
    /// The sink's name.
    pub sink: String,
    /// How many reports wait, or are on their way.
    pub queued: u64,
    /// How many reports were delivered.
    pub delivered: u64,
    /// How many were dropped, by reason: `queue_full`, `fatal`, `gave_up`, `shutdown`.
    pub dropped: BTreeMap<&'static str, u64>,
    /// What the last error said that lost reports or kept the sink from closing; one that another try cured is none.
    pub last_error: Option<String>,
}

/// The queues of all sinks of a monitor.
#[derive(Debug)]
pub(crate) struct Pipeline {
    lanes: Vec<Lane>,
}

struct Lane {
    sink: Arc<dyn Sink>,
    queue: Sender<Arc<Report>>,
    worker: JoinHandle<()>,
    tally: Arc<Tally>,
}

/// What becomes of the reports of one sink.
#[derive(Debug)]
pub(crate) struct Tally {
    accepted: AtomicU64,
    stats: Mutex<SinkStats>,
}

impl Tally {
    fn of(sink: &dyn Sink) -> Self {
        let stats = SinkStats { sink: sink.name().to_owned(), ..SinkStats::default() };
        Self { accepted: AtomicU64::new(0), stats: Mutex::new(stats) }
    }

    /// Returns the counts as they are now.
    pub(crate) fn stats(&self) -> SinkStats {
        let mut stats = self.lock().clone();
        let concluded = stats.delivered + stats.dropped.values().sum::<u64>();
        stats.queued = self.accepted.load(Ordering::Relaxed).saturating_sub(concluded);
        stats
    }

    fn lock(&self) -> MutexGuard<'_, SinkStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("sink", &self.sink.name()).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Starts a task for each sink.
    pub(crate) fn start(sinks: &[Arc<dyn Sink>]) -> Self {
        let lane = |sink: &Arc<dyn Sink>| {
            let (queue, reports) = channel(QUEUE);
            let tally = Arc::new(Tally::of(&**sink));
            let worker = Worker { sink: Arc::clone(sink), reports, tally: Arc::clone(&tally) };
            Lane { sink: Arc::clone(sink), queue, worker: tokio::spawn(worker.work()), tally }
        };
        Self { lanes: sinks.iter().map(lane).collect() }
    }

    /// Returns where it is counted what becomes of the reports, by sink.
    pub(crate) fn tallies(&self) -> Vec<Arc<Tally>> {
        self.lanes.iter().map(|lane| Arc::clone(&lane.tally)).collect()
    }

    /// Hands a report to every sink's queue and returns at once.
    pub(crate) fn accept(&self, report: &Arc<Report>) {
        for lane in &self.lanes {
            lane.tally.accepted.fetch_add(1, Ordering::Relaxed);
            match lane.queue.try_send(Arc::clone(report)) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => lose(&lane.tally, "queue_full", 1, "its queue is full"),
                Err(TrySendError::Closed(_)) => lose(&lane.tally, "shutdown", 1, "it was closed"),
            }
        }
    }

    /// Delivers what is queued, closes the sinks, and returns what became of everything: within `bound` and a moment,
    /// come what may.
    pub(crate) async fn close(self, bound: Duration) -> Vec<SinkStats> {
        let deadline = later(Instant::now(), bound);
        let mut all = Vec::new();
        let lanes: Vec<_> = self
            .lanes
            .into_iter()
            .map(|Lane { queue, worker, tally, .. }| {
                drop(queue); // The worker ends when its queue is empty and closed; all do so side by side.
                (worker, tally)
            })
            .collect();
        for (mut worker, tally) in lanes {
            match timeout_at(deadline, &mut worker).await {
                Ok(Ok(())) => {}
                Ok(Err(broken)) => lose(&tally, "shutdown", 0, &ended(broken)),
                Err(_) => {
                    worker.abort();
                    // One that blocks its thread does not even notice.
                    let _ = timeout(MOMENT, worker).await;
                    lose(&tally, "shutdown", 0, "it was not done when the time for closing was up");
                }
            }
            // What nobody has spoken for by now, nobody will.
            let mut stats = tally.stats();
            let unspoken = std::mem::take(&mut stats.queued);
            if unspoken > 0 {
                *stats.dropped.entry("shutdown").or_default() += unspoken;
            }
            all.push(stats);
        }
        all
    }
}

fn ended(broken: JoinError) -> String {
    match broken.try_into_panic() {
        Ok(panic) => panicked(&*panic).to_string(),
        Err(_) => "the runtime was shut down".to_owned(),
    }
}

/// A panic is a fault that another try does not cure.
fn panicked(panic: &(dyn Any + Send)) -> DeliveryError {
    DeliveryError::Fatal(format!("it panicked: {}", panic_message(panic)))
}

/// Waits for what a sink does; a panic in it stops neither the sink nor the count of what it was given.
async fn caught<F>(call: impl FnOnce() -> F) -> Result<(), DeliveryError>
where
    F: Future<Output = Result<(), DeliveryError>>,
{
    let mut work = match catch_unwind(AssertUnwindSafe(|| Box::pin(call()))) {
        Ok(work) => work,
        Err(panic) => return Err(panicked(&*panic)),
    };
    poll_fn(|task| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(task)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))))
    })
    .await
}

struct Worker {
    sink: Arc<dyn Sink>,
    reports: Receiver<Arc<Report>>,
    tally: Arc<Tally>,
}

impl Worker {
    async fn work(mut self) {
        let mut batch = Vec::new();
        let shape = self.sink.batch();
        let most = shape.most.max(1);
        while self.reports.recv_many(&mut batch, most).await > 0 {
            let until = later(Instant::now(), shape.linger);
            while batch.len() < most && !shape.linger.is_zero() {
                let more = most - batch.len();
                match timeout_at(until, self.reports.recv_many(&mut batch, more)).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            // Counted as lost until it is delivered: if this task is ended in between, the count is right.
            let in_flight = InFlight { tally: &self.tally, reports: batch.len() as u64 };
            let delivered = self.deliver(&batch).await;
            in_flight.conclude(delivered);
            batch.clear();
        }
        if let Err(error) = caught(|| self.sink.close()).await {
            lose(&self.tally, "close", 0, &format!("it could not be closed: {error}"));
        }
    }

    async fn deliver(&self, batch: &[Arc<Report>]) -> Result<(), (&'static str, DeliveryError)> {
        let mut tried = 0;
        loop {
            tried += 1;
            let wait = match caught(|| self.sink.deliver(batch)).await {
                Ok(()) => return Ok(()),
                Err(error @ DeliveryError::Fatal(_)) => return Err(("fatal", error)),
                Err(error) if tried == TRIES => return Err(("gave_up", error)),
                Err(DeliveryError::RateLimited { after, .. }) => after.min(Duration::from_secs(300)),
                Err(DeliveryError::Retry(_)) => Duration::from_millis(200 << tried),
            };
            sleep(wait.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.reports.close();
        let mut left = 0;
        while self.reports.try_recv().is_ok() {
            left += 1;
        }
        if left > 0 {
            lose(&self.tally, "shutdown", left, "it was ended before they could be delivered");
        }
    }
}

/// A batch on its way. If nobody lives to say what became of it, it is lost.
struct InFlight<'a> {
    tally: &'a Tally,
    reports: u64,
}

impl InFlight<'_> {
    fn conclude(mut self, delivered: Result<(), (&'static str, DeliveryError)>) {
        let reports = std::mem::take(&mut self.reports);
        match delivered {
            Ok(()) => self.tally.lock().delivered += reports,
            Err((reason, error)) => lose(self.tally, reason, reports, &error.to_string()),
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if self.reports > 0 {
            lose(self.tally, "shutdown", self.reports, "it was ended while they were being delivered");
        }
    }
}

fn lose(tally: &Tally, reason: &'static str, reports: u64, why: &str) {
    let mut stats = tally.lock();
    if reports > 0 {
        *stats.dropped.entry(reason).or_default() += reports;
    }
    if reports > 0 {
        tracing::warn!(target: "synthetic", sink = stats.sink, reason, reports, "a sink lost reports: {why}");
    } else {
        tracing::warn!(target: "synthetic", sink = stats.sink, reason, "a sink did not end as it should: {why}");
    }
    stats.last_error = Some(why.to_owned());
}

#[cfg(test)]
mod tests;
