//! The reports of a sink with a spool that wait: the first of them in memory, all of them on the disk, as far as it takes them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::report::Report;
use crate::sink::Tally;
use crate::sink::pipeline::QUEUE;
use crate::sink::spool::{Appended, Place, Read, Spot, Status, Store};

/// For how long a part that cannot be read is tried again, before it is given up: it stands in the way of all that comes
/// after it.
const PATIENCE: Duration = Duration::from_secs(60);

/// In the order in which they are to be delivered: `front`, then what is unread on the disk, then `unwritten`.
pub(super) struct Backlog {
    store: Store,
    tally: Arc<Tally>,
    front: VecDeque<Waiting>,
    /// What the disk does not take. Empty, as long as it works.
    unwritten: VecDeque<Arc<Report>>,
    status: Status,
    /// Since when what comes next cannot be read.
    unreadable_since: Option<Instant>,
}

/// A report in memory that is next.
struct Waiting {
    report: Arc<Report>,
    /// Where it ends on the disk, if it is there.
    place: Option<Place>,
}

impl Backlog {
    /// Begins with what an earlier process left.
    pub(super) fn new(store: Store, tally: Arc<Tally>) -> Self {
        let found = store.found();
        found.problems.iter().for_each(|problem| tally.spool_fault(problem));
        tally.accept(found.reports + found.torn);
        tally.lose("damaged", found.torn, "its spool ends in a line that was cut off when its process ended");
        store.settle();
        let status = Status { unread: found.reports, bytes: 0 };
        tally.spooled(status.unread, status.bytes);
        Self { store, tally, front: VecDeque::new(), unwritten: VecDeque::new(), status, unreadable_since: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.front.is_empty() && self.unwritten.is_empty() && self.status.unread == 0
    }

    /// Returns how many reports can be delivered without asking the disk.
    pub(super) fn in_memory(&self) -> usize {
        self.front.len()
    }

    /// Returns the first so many of them.
    pub(super) fn first(&self, reports: usize) -> Vec<Arc<Report>> {
        self.front.iter().take(reports).map(|waiting| Arc::clone(&waiting.report)).collect()
    }

    /// Writes reports down. Those of the batch stay in memory, whatever goes to make room.
    pub(super) async fn take_in(&mut self, reports: &mut Vec<Arc<Report>>, batch: usize) {
        self.unwritten.extend(reports.drain(..));
        // What the disk did not take before, it may take now; as long as nothing on it comes after.
        while self.status.unread == 0
            && self.front.len() > batch
            && self.front.back().is_some_and(|it| it.place.is_none())
        {
            self.unwritten.extend(self.front.pop_back().map(|waiting| waiting.report));
            self.unwritten.rotate_right(1);
        }
        if self.unwritten.is_empty() {
            return;
        }
        let room = QUEUE.saturating_sub(self.front.len());
        let to_write: Vec<_> = self.unwritten.iter().cloned().collect();
        let was_behind = self.status.unread > 0;
        match self.store.work(move |files| files.append(&to_write, room)).await {
            Ok((appended, status)) => {
                self.status = status;
                self.place(appended, batch, was_behind);
            }
            Err(error) => self.not_written(&error),
        }
        self.count();
    }

    pub(super) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// What the disk does not take waits in memory, as far as there is room.
    fn not_written(&mut self, error: &str) {
        self.tally.spool_fault(error);
        let lost = self.unwritten.len().saturating_sub(QUEUE);
        self.unwritten.truncate(QUEUE);
        self.tally.lose("spool_full", lost as u64, error);
    }

    fn place(&mut self, appended: Appended, batch: usize, mut is_behind: bool) {
        let Appended { spots, dropped_segments, dropped, error } = appended;
        let mut lost = 0;
        for spot in spots {
            let Some(report) = self.unwritten.pop_front() else { break };
            match spot {
                Spot::Memory(place) => self.front.push_back(Waiting { report, place: Some(place) }),
                Spot::Disk => is_behind = true,
                Spot::Nowhere if is_behind || self.front.len() >= QUEUE => lost += 1,
                Spot::Nowhere => self.front.push_back(Waiting { report, place: None }),
            }
        }
        self.tally.lose("spool_full", lost, "its spool is full");
        if !dropped_segments.is_empty() {
            let lost = dropped + self.drop_segments(&dropped_segments, batch);
            self.tally.lose("spool_full", lost, "its spool is full, and the oldest reports made room");
        }
        if let Some(error) = error {
            self.not_written(&error);
        }
    }

    /// Drops what is in memory of segments that went, and returns how many reports that are.
    fn drop_segments(&mut self, segments: &[u64], batch: usize) -> u64 {
        let went = |waiting: &Waiting| waiting.place.is_some_and(|place| segments.contains(&place.segment));
        for waiting in self.front.iter_mut().take(batch).filter(|waiting| went(waiting)) {
            waiting.place = None;
        }
        let before = self.front.len();
        let rest = self.front.split_off(batch.min(before));
        self.front.extend(rest.into_iter().filter(|waiting| !went(waiting)));
        (before - self.front.len()) as u64
    }

    /// Reads what comes next when less than a batch is in memory. Returns whether the disk could be read.
    pub(super) async fn fill(&mut self, most: usize) -> bool {
        let most = most.min(QUEUE);
        let mut is_readable = true;
        while is_readable && self.front.len() < most && self.status.unread > 0 {
            let give_up = self.unreadable_since.is_some_and(|since| since.elapsed() >= PATIENCE);
            let missing = (2 * most).min(QUEUE) - self.front.len();
            match self.store.work(move |files| files.read(missing, give_up)).await {
                Ok((read, status)) => {
                    self.status = status;
                    is_readable = self.add(read).await;
                }
                Err(error) => {
                    self.tally.spool_fault(&error);
                    is_readable = false;
                }
            }
            self.unreadable_since =
                if is_readable { None } else { self.unreadable_since.or_else(|| Some(Instant::now())) };
            self.count();
        }
        // What the disk does not take is delivered all the same, when it is its turn.
        while self.status.unread == 0 && self.front.len() < most {
            let Some(report) = self.unwritten.pop_front() else { break };
            self.front.push_back(Waiting { report, place: None });
        }
        is_readable
    }

    async fn add(&mut self, read: Read) -> bool {
        let Read { reports, damaged, damage, error } = read;
        // Nothing at all, where something should be: it is no use to ask again at once.
        let is_progress = damaged > 0 || !reports.is_empty();
        let waiting = reports.into_iter().map(|(report, place)| Waiting { report, place: Some(place) });
        self.front.extend(waiting);
        self.tally.lose("damaged", damaged, &damage);
        if self.front.is_empty() && damaged > 0 {
            self.forget(0).await;
        }
        let Some(error) = error else { return is_progress };
        self.tally.spool_fault(&error);
        false
    }

    /// Forgets the first so many reports, in memory and on the disk: their fate is known.
    pub(super) async fn forget(&mut self, reports: usize) {
        let place = self.front.drain(..reports).filter_map(|waiting| waiting.place).next_back();
        let all = self.front.is_empty() && self.status.unread == 0;
        let forgotten = match place {
            _ if all => self.store.work(|files| files.delivered_all()).await,
            Some(place) => self.store.work(move |files| files.delivered(place)).await,
            None => return,
        };
        match forgotten {
            Ok((done, status)) => {
                self.status = status;
                if let Err(error) = done {
                    self.tally.spool_fault(&error);
                }
            }
            Err(error) => self.tally.spool_fault(&error),
        }
        self.count();
    }

    /// Counts what is in memory alone as lost. The rest is for the next process.
    pub(super) fn close(&mut self) {
        let on_disk = |waiting: &Waiting| waiting.place.is_some();
        let lost = self.front.iter().filter(|waiting| !on_disk(waiting)).count() + self.unwritten.len();
        self.front.retain(on_disk);
        self.unwritten.clear();
        self.tally.lose("shutdown", lost as u64, "it was ended before they could be delivered or written to its spool");
        self.count();
    }

    fn count(&self) {
        let on_disk = self.front.iter().filter(|waiting| waiting.place.is_some()).count();
        self.tally.spooled(self.status.unread + on_disk as u64, self.status.bytes);
    }
}
