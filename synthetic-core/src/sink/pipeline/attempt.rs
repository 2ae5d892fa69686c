//! One try of a delivery, and how long to wait before the next.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use crate::failure::panic_message;
use crate::report::Report;
use crate::sink::{DeliveryError, Sink};

/// How long one try may take: a sink that hangs is dropped and tried again.
pub(super) const LONGEST_TRY: Duration = Duration::from_secs(120);
/// The first wait between two tries.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two tries that nobody asked for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest that a server may ask us to wait.
const LONGEST_LIMIT: Duration = Duration::from_secs(60 * 60);

/// A panic is a fault that another try does not cure.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> DeliveryError {
    DeliveryError::Fatal(format!("it panicked: {}", panic_message(panic)))
}

/// Waits for what a sink does; a panic in it stops neither the sink nor the count of what it was given.
pub(super) async fn caught<F>(call: impl FnOnce() -> F) -> Result<(), DeliveryError>
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

/// Does what a sink is asked, within the time that a try may take.
async fn in_time<F>(call: impl FnOnce() -> F) -> Result<(), DeliveryError>
where
    F: Future<Output = Result<(), DeliveryError>>,
{
    let hung = |_| Err(DeliveryError::Retry(format!("it was not done within {LONGEST_TRY:?}")));
    timeout(LONGEST_TRY, caught(call)).await.unwrap_or_else(hung)
}

/// Tries to deliver a batch.
pub(super) async fn deliver(sink: &dyn Sink, batch: &[Arc<Report>]) -> Result<(), DeliveryError> {
    in_time(|| sink.deliver(batch)).await
}

/// Tries to bring what was delivered to where it belongs.
pub(super) async fn flush(sink: &dyn Sink) -> Result<(), DeliveryError> {
    in_time(|| sink.flush()).await
}

/// Says how long to wait between tries: twice as long each time, never longer than a minute, never the same for all; and
/// as long as a server asks for.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// Returns how long to wait after this error, of which another try may cure.
    pub(super) fn wait(&mut self, error: &DeliveryError) -> Duration {
        let jitter = fastrand::f64();
        if let DeliveryError::RateLimited { after, .. } = error {
            // Never sooner than told.
            return (*after).min(LONGEST_LIMIT).mul_f64(1.0 + jitter / 10.0).min(LONGEST_LIMIT);
        }
        let longest = FIRST_WAIT.saturating_mul(1 << self.tries.min(16)).min(LONGEST_WAIT);
        self.tries = self.tries.saturating_add(1);
        longest.mul_f64(0.5 + jitter / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_differ() {
        let retry = DeliveryError::Retry("503".to_owned());
        let mut backoff = Backoff::default();
        for longest in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000].map(Duration::from_millis) {
            let wait = backoff.wait(&retry);
            assert!(wait >= longest / 2 && wait <= longest, "{wait:?} of {longest:?}");
        }
        let waits: std::collections::HashSet<_> = (0..100).map(|_| Backoff::default().wait(&retry)).collect();
        assert!(waits.len() > 90, "those who fail at once do not come back at once");
        backoff.tries = u32::MAX - 1;
        backoff.wait(&retry);
    }

    #[test]
    fn a_limit_is_waited_for_and_not_much_longer() {
        let limited = |after| DeliveryError::RateLimited { after, why: "429".to_owned() };
        for (told, least) in [(Duration::from_secs(90), 90), (Duration::MAX, 3_600)] {
            let wait = Backoff::default().wait(&limited(told)).as_secs_f64();
            assert!(wait >= f64::from(least) && wait <= f64::from(least) * 1.1, "{wait}");
        }
    }
}
