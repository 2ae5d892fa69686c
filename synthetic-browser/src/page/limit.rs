//! [`Limit`]: until when something is waited for, and whose time that is.

use std::time::Duration;

use synthetic_core::Run;
use tokio::time::Instant;

/// The longest reserve of the run's time that is kept for evidence.
const RESERVE: Duration = Duration::from_secs(2);
/// The longest that an answer may be late.
const GRACE: Duration = Duration::from_secs(2);
/// As good as never, and yet a moment that can be counted with.
const AGES: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Until when something is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) began: Instant,
    pub(crate) until: Instant,
    /// How much later than asked for an answer may come: the way there and back, on a busy machine.
    pub(crate) grace: Duration,
    /// It is the time of the run, or of a step, that ends, not the patience of the page.
    pub(crate) of_the_run: bool,
}

impl Limit {
    /// Returns the limit of what begins now: `patience`, but no more than what is left of the run's time, less a tenth of it
    /// or 2 s for evidence.
    pub(crate) fn new(patience: Duration, run: Option<&Run>) -> Self {
        let began = Instant::now();
        let own = Self { began, until: began + patience.min(AGES), grace: GRACE, of_the_run: false };
        let Some(run) = run.filter(|run| !run.is_cleaning_up()) else { return own };
        let left = run.deadline().saturating_duration_since(began);
        let reserve = (left / 10).min(RESERVE);
        let until = began + (left - reserve);
        if until < own.until { Self { began, until, grace: GRACE.min(reserve / 3), of_the_run: true } } else { own }
    }

    /// Returns the limit of what a failure still asks: 3 s, but no more than half of what is left of the run's time.
    pub(crate) fn of_evidence(run: Option<&Run>) -> Self {
        let began = Instant::now();
        let left = run.filter(|run| !run.is_cleaning_up()).map_or(AGES, |run| run.time_left() / 2);
        Self { began, until: began + left.min(Duration::from_secs(3)), grace: Duration::ZERO, of_the_run: false }
    }

    /// Returns how long it is from the start to the end.
    pub(crate) fn whole(&self) -> Duration {
        self.until - self.began
    }

    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}

/// Writes a duration as a person does: `250 ms`, `1.2 s`, `30 s`.
pub(crate) fn span(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0..995 => format!("{ms} ms"),
        995..9_950 => {
            let tenths = (ms + 50) / 100;
            match tenths % 10 {
                0 => format!("{} s", tenths / 10),
                rest => format!("{}.{rest} s", tenths / 10),
            }
        }
        _ => format!("{} s", (ms + 500) / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_as_a_person_writes_it() {
        for (ms, text) in [(0, "0 ms"), (250, "250 ms"), (996, "1 s"), (1_234, "1.2 s"), (29_999, "30 s")] {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_run_the_patience_is_all() {
        let limit = Limit::new(Duration::from_secs(5), None);
        assert_eq!((limit.whole(), limit.of_the_run), (Duration::from_secs(5), false));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(limit.is_over());
    }
}
