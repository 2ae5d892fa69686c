//! The worker of a sink with a spool: what it is given is on the disk before it is delivered, and stays until it is.

mod backlog;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, sleep_until};

use self::backlog::Backlog;
use super::attempt::{self, Backoff, caught};
use super::closing::Closing;
use super::{QUEUE, Store};
use crate::clock::{Clock, later};
use crate::report::Report;
use crate::sink::{Batch, DeliveryError, Sink, Tally};

/// How long to wait for a disk that cannot be read.
const DISK_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Spooled {
    sink: Arc<dyn Sink>,
    reports: Receiver<Arc<Report>>,
    tally: Arc<Tally>,
    closing: Closing,
    backlog: Backlog,
    /// How many of the first reports of the backlog are the batch that is tried until its fate is known.
    batch: usize,
    /// Whether the sink has it, and only has to flush. Known also of a try that is given up.
    is_delivered: Arc<AtomicBool>,
    backoff: Backoff,
    clock: Clock,
    longest: Duration,
}

/// What is done about the next batch.
enum Stage {
    /// Nothing: there is none.
    Idle,
    /// It waits for company.
    Lingering(Instant),
    /// The sink has it in its hands.
    Trying(Pin<Box<dyn Future<Output = Result<(), DeliveryError>> + Send>>),
    /// It is tried again later; sooner when it is urgent, unless somebody told us when.
    Waiting { until: Instant, may_hurry: bool },
}

impl Spooled {
    pub(super) fn new(
        sink: Arc<dyn Sink>,
        reports: Receiver<Arc<Report>>,
        tally: Arc<Tally>,
        closing: Closing,
        store: Store,
    ) -> Self {
        let longest = store.longest();
        let backlog = Backlog::new(store, Arc::clone(&tally));
        let (batch, is_delivered, backoff, clock) = (0, Arc::default(), Backoff::default(), Clock::system());
        Self { sink, reports, tally, closing, backlog, batch, is_delivered, backoff, clock, longest }
    }

    pub(super) async fn work(mut self) {
        let shape = self.sink.batch();
        let shape = Batch { most: shape.most.max(1), ..shape };
        let mut hurry = self.closing.clone();
        let (mut is_open, mut is_ending, mut stage, mut incoming) = (true, false, Stage::Idle, Vec::new());
        loop {
            let is_readable = self.backlog.fill(shape.most).await;
            if !is_open && self.backlog.is_empty() {
                break;
            }
            if matches!(stage, Stage::Idle | Stage::Lingering(_)) {
                stage = self.next_stage(stage, shape, is_ending, is_readable);
            }
            // In no order: neither a long backlog nor many reports keep the other waiting.
            tokio::select! {
                () = self.closing.time_up() => break,
                next = pass(&mut stage) => stage = match next {
                    Some(tried) => self.settle(tried).await,
                    None => self.begin(shape.most),
                },
                received = self.reports.recv_many(&mut incoming, QUEUE), if is_open => {
                    is_open = received > 0;
                    self.backlog.take_in(&mut incoming, self.batch).await;
                }
                // There may be room by now.
                () = sleep(DISK_WAIT), if self.backlog.has_unwritten() => {
                    self.backlog.take_in(&mut incoming, self.batch).await;
                }
                _ = hurry.begun(), if !is_ending => {
                    is_ending = true;
                    self.backoff = Backoff::default();
                    if let Stage::Waiting { may_hurry: true, .. } = stage {
                        stage = self.begin(shape.most);
                    }
                }
            }
        }
        drop(stage);
        self.end(incoming).await;
    }

    fn next_stage(&mut self, stage: Stage, shape: Batch, is_ending: bool, is_readable: bool) -> Stage {
        let waiting = self.backlog.in_memory();
        match stage {
            _ if waiting == 0 && !is_readable => Stage::Waiting { until: Instant::now() + DISK_WAIT, may_hurry: false },
            _ if waiting == 0 => Stage::Idle,
            _ if waiting >= shape.most || is_ending || shape.linger.is_zero() => self.begin(shape.most),
            Stage::Idle => Stage::Lingering(later(Instant::now(), shape.linger)),
            stage => stage,
        }
    }

    /// Begins a try of the batch, a new one if there is none.
    fn begin(&mut self, most: usize) -> Stage {
        if self.batch == 0 {
            self.batch = most.min(self.backlog.in_memory());
        }
        if self.batch == 0 {
            return Stage::Idle;
        }
        let (sink, batch) = (Arc::clone(&self.sink), self.backlog.first(self.batch));
        let is_delivered = Arc::clone(&self.is_delivered);
        Stage::Trying(Box::pin(async move {
            if !is_delivered.load(Ordering::Relaxed) {
                attempt::deliver(&*sink, &batch).await?;
                is_delivered.store(true, Ordering::Relaxed);
            }
            // Only now is it safe to forget: a sink may keep what was delivered until it is flushed.
            attempt::flush(&*sink).await
        }))
    }

    async fn settle(&mut self, tried: Result<(), DeliveryError>) -> Stage {
        let error = match tried {
            Ok(()) => {
                self.tally.delivered(self.batch as u64);
                return self.conclude(self.batch).await;
            }
            Err(error @ DeliveryError::Fatal(_)) => {
                self.tally.heard();
                self.tally.lose("fatal", self.batch as u64, &error.to_string());
                return self.conclude(self.batch).await;
            }
            Err(error) => error,
        };
        self.tally.retry(&error.to_string());
        let too_old = self.too_old();
        if too_old > 0 {
            let why = format!("they are older than {:?}: {error}", self.longest);
            self.tally.lose("gave_up", too_old as u64, &why);
            if let Stage::Idle = self.conclude(too_old).await {
                return Stage::Idle;
            }
        }
        let may_hurry = matches!(error, DeliveryError::Retry(_));
        Stage::Waiting { until: later(Instant::now(), self.backoff.wait(&error)), may_hurry }
    }

    /// Forgets the first reports of the batch. When it was all of it, nothing is to be done about it any more.
    async fn conclude(&mut self, reports: usize) -> Stage {
        self.backlog.forget(reports).await;
        self.batch -= reports;
        if self.batch > 0 {
            return Stage::Waiting { until: Instant::now(), may_hurry: true };
        }
        self.is_delivered.store(false, Ordering::Relaxed);
        self.backoff = Backoff::default();
        Stage::Idle
    }

    /// Returns how many of the first reports of the batch are not worth another try.
    fn too_old(&self) -> usize {
        let now = self.clock.now();
        let is_old = |report: &Arc<Report>| now.duration_since(report.started_at).is_ok_and(|age| age > self.longest);
        self.backlog.first(self.batch).iter().take_while(|report| is_old(report)).count()
    }

    /// Writes down what came last, and lets the sink go.
    async fn end(mut self, mut incoming: Vec<Arc<Report>>) {
        self.reports.close();
        while let Ok(report) = self.reports.try_recv() {
            incoming.push(report);
        }
        let is_delivered = self.is_delivered.load(Ordering::Relaxed);
        self.backlog.take_in(&mut incoming, if is_delivered { self.batch } else { 0 }).await;
        match caught(|| self.sink.close()).await {
            // To close is to flush.
            Ok(()) if is_delivered => {
                self.tally.delivered(self.batch as u64);
                self.backlog.forget(self.batch).await;
            }
            Ok(()) => {}
            Err(error) => self.tally.fault("close", &format!("it could not be closed: {error}")),
        }
        self.backlog.close();
    }
}

/// Waits until a stage is over, and returns what was tried if something was.
async fn pass(stage: &mut Stage) -> Option<Result<(), DeliveryError>> {
    match stage {
        Stage::Idle => std::future::pending().await,
        Stage::Lingering(until) | Stage::Waiting { until, .. } => {
            sleep_until(*until).await;
            None
        }
        Stage::Trying(trying) => Some(trying.await),
    }
}
