//! The worker of a sink without a spool: its queue is in memory, and what is in the way for too long is dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout_at};

use super::attempt::{self, Backoff, caught};
use super::closing::Closing;
use crate::clock::later;
use crate::report::Report;
use crate::sink::{DeliveryError, Sink, Tally};

/// For how long a batch is tried before it is dropped and counted.
const LONGEST: Duration = Duration::from_secs(10 * 60);

pub(super) struct Plain {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) reports: Receiver<Arc<Report>>,
    pub(super) tally: Arc<Tally>,
    pub(super) closing: Closing,
}

/// Why a batch is lost.
struct Lost {
    reason: &'static str,
    why: String,
}

impl Plain {
    pub(super) async fn work(mut self) {
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
            let delivered = deliver(&*self.sink, &batch, &self.tally, &mut self.closing).await;
            let time_is_up = delivered.as_ref().is_err_and(|lost| lost.reason == "shutdown");
            in_flight.conclude(delivered);
            batch.clear();
            if time_is_up {
                break;
            }
        }
        if let Err(error) = caught(|| self.sink.close()).await {
            self.tally.fault("close", &format!("it could not be closed: {error}"));
        }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.reports.close();
        let mut left = 0;
        while self.reports.try_recv().is_ok() {
            left += 1;
        }
        self.tally.lose("shutdown", left, "it was ended before they could be delivered");
    }
}

/// Tries until the batch is delivered, or what is in the way does not go away, or does so too late.
async fn deliver(sink: &dyn Sink, batch: &[Arc<Report>], tally: &Tally, closing: &mut Closing) -> Result<(), Lost> {
    let (began, mut backoff) = (Instant::now(), Backoff::default());
    let (mut hurry, mut ending) = (closing.clone(), false);
    let mut last = None;
    loop {
        let tried = tokio::select! {
            biased;
            tried = attempt::deliver(sink, batch) => tried,
            () = closing.time_up() => return Err(Lost::to_closing(last)),
        };
        let error = match tried {
            Ok(()) => return Ok(()),
            Err(error @ DeliveryError::Fatal(_)) => return Err(Lost { reason: "fatal", why: error.to_string() }),
            Err(error) => error,
        };
        tally.retry(&error.to_string());
        if began.elapsed() >= LONGEST {
            return Err(Lost { reason: "gave_up", why: error.to_string() });
        }
        let may_hurry = !ending && matches!(error, DeliveryError::Retry(_));
        tokio::select! {
            () = sleep(backoff.wait(&error)) => {}
            // There is not much time left, so that it is tried at once and more often.
            _ = hurry.begun(), if may_hurry => (ending, backoff) = (true, Backoff::default()),
            () = closing.time_up() => return Err(Lost::to_closing(Some(error))),
        }
        last = Some(error);
    }
}

impl Lost {
    fn to_closing(last: Option<DeliveryError>) -> Self {
        let why = match last {
            Some(error) => format!("it was ended while they were being delivered: {error}"),
            None => "it was ended while they were being delivered".to_owned(),
        };
        Self { reason: "shutdown", why }
    }
}

/// A batch on its way. If nobody lives to say what became of it, it is lost.
struct InFlight<'a> {
    tally: &'a Tally,
    reports: u64,
}

impl InFlight<'_> {
    fn conclude(mut self, delivered: Result<(), Lost>) {
        let reports = std::mem::take(&mut self.reports);
        match delivered {
            Ok(()) => self.tally.delivered(reports),
            Err(Lost { reason, why }) => {
                if reason == "fatal" {
                    self.tally.heard();
                }
                self.tally.lose(reason, reports, &why);
            }
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.tally.lose("shutdown", self.reports, "it was ended while they were being delivered");
    }
}
