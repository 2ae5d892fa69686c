//! Delivers reports to sinks: one bounded queue and one task a sink, so that none slows another or a canary.

mod attempt;
mod closing;
mod plain;
mod spooled;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout_at};

use self::attempt::panicked;
use self::closing::Close;
use self::plain::Plain;
use self::spooled::Spooled;
use super::spool::Store;
use super::{Sink, SinkStats, Tally};
use crate::clock::later;
use crate::report::Report;

/// How many reports wait in memory for a sink before further ones are dropped and counted.
pub(super) const QUEUE: usize = 1024;
/// How long a worker that is ended may take to notice.
const MOMENT: Duration = Duration::from_millis(100);
/// How long what came last may take to reach its spool when the time for closing is up: it would be told as lost, and come
/// again with the next start.
const DISK: Duration = Duration::from_secs(1);

/// A sink, and the spool that stands before it, if one does.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) spool: Option<Store>,
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
    close: Close,
    is_spooled: bool,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("sink", &self.sink.name()).finish_non_exhaustive()
    }
}

impl Lane {
    fn start(outlet: Outlet) -> Self {
        let Outlet { sink, spool } = outlet;
        let (queue, reports) = channel(QUEUE);
        let tally = Arc::new(Tally::of(&*sink));
        let (close, closing) = closing::pair();
        let (to, counted, is_spooled) = (Arc::clone(&sink), Arc::clone(&tally), spool.is_some());
        let worker = match spool {
            None => tokio::spawn(Plain { sink: to, reports, tally: counted, closing }.work()),
            Some(store) => tokio::spawn(Spooled::new(to, reports, counted, closing, store).work()),
        };
        Self { sink, queue, worker, tally, close, is_spooled }
    }
}

impl Pipeline {
    /// Starts a task for each sink.
    pub(crate) fn start(outlets: impl IntoIterator<Item = Outlet>) -> Self {
        Self { lanes: outlets.into_iter().map(Lane::start).collect() }
    }

    /// Returns where it is counted what becomes of the reports, by sink.
    pub(crate) fn tallies(&self) -> Vec<Arc<Tally>> {
        self.lanes.iter().map(|lane| Arc::clone(&lane.tally)).collect()
    }

    /// Hands a report to every sink's queue and returns at once.
    pub(crate) fn accept(&self, report: &Arc<Report>) {
        for lane in &self.lanes {
            lane.tally.accept(1);
            match lane.queue.try_send(Arc::clone(report)) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => lane.tally.lose("queue_full", 1, "its queue is full"),
                Err(TrySendError::Closed(_)) => lane.tally.lose("shutdown", 1, "it was closed"),
            }
        }
    }

    /// Delivers what is queued, closes the sinks, and returns what became of everything: within `bound` and a moment,
    /// come what may (a second where there is a spool, for its disk). What is in a spool and cannot be delivered by then stays
    /// there.
    pub(crate) async fn close(self, bound: Duration) -> Vec<SinkStats> {
        let now = Instant::now();
        let deadline = later(now, bound);
        let lanes: Vec<_> = self
            .lanes
            .into_iter()
            .map(|Lane { queue, worker, tally, close, is_spooled, .. }| {
                // A fifth of the time is for what sinks do when they are closed.
                close.at(later(now, bound / 5 * 4));
                drop(queue); // The worker ends when its queue is empty and closed; all do so side by side.
                (worker, tally, if is_spooled { later(deadline, DISK) } else { deadline })
            })
            .collect();
        let (mut tallies, mut late) = (Vec::new(), Vec::new());
        for (mut worker, tally, deadline) in lanes {
            match timeout_at(deadline, &mut worker).await {
                Ok(Ok(())) => {}
                Ok(Err(broken)) => tally.fault("shutdown", &ended(broken)),
                Err(_) => {
                    worker.abort();
                    late.push(worker);
                    tally.fault("shutdown", "it was not done when the time for closing was up");
                }
            }
            tallies.push(tally);
        }
        let moment = Instant::now() + MOMENT;
        for worker in late {
            // One that blocks its thread does not even notice.
            let _ = timeout_at(moment, worker).await;
        }
        tallies.iter().for_each(|tally| tally.say_losses(true));
        tallies.iter().map(|tally| last_count(tally)).collect()
    }
}

/// What nobody has spoken for by now, nobody will, unless it is in a spool.
fn last_count(tally: &Tally) -> SinkStats {
    let mut stats = tally.stats();
    let unspoken = stats.queued.saturating_sub(stats.spooled);
    stats.queued = stats.spooled;
    if unspoken > 0 {
        *stats.dropped.entry("shutdown").or_default() += unspoken;
    }
    stats
}

fn ended(broken: JoinError) -> String {
    match broken.try_into_panic() {
        Ok(panic) => panicked(&*panic).to_string(),
        Err(_) => "the runtime was shut down".to_owned(),
    }
}

#[cfg(test)]
mod tests;
