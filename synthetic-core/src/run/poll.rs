//! What takes time, and what may fail a few times: `eventually` and `retry`.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::clock::later;
use crate::failure::{Failure, Reason, Result};
use crate::outcome::Outcome;
use crate::run::Context;
use crate::run::context::Try;
use crate::run::ledger::{LastTry, LeftOut, MOST_FAILURES};
use crate::schedule::Every;

/// The shortest time between two looks: timers know no shorter one, and without one nothing else would run in between.
const SHORTEST: Duration = Duration::from_millis(1);

/// How often to look, and until when: `every(ms(250)).up_to(secs(10))`. See [`Run::eventually`](crate::Run::eventually).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a poll does nothing until it is given to `Run::eventually`"]
pub struct Poll {
    interval: Duration,
    up_to: Duration,
}

impl Every<Duration> {
    /// Looks this often, for at most `up_to`. The first look is made at once, and made in any case; at least a millisecond
    /// lies between two.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    /// let patient = every(ms(250)).up_to(secs(10));
    /// assert_eq!(patient, every(ms(250)).up_to(secs(10)));
    /// ```
    pub fn up_to(self, up_to: Duration) -> Poll {
        Poll { interval: self.period(), up_to }
    }
}

/// How many tries, and how long to wait between them: `attempts(3).wait(ms(200))`. See
/// [`Run::retry`](crate::Run::retry).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "attempts do nothing until they are given to `Run::retry`"]
pub struct Attempts {
    most: u32,
    wait: Duration,
    only_network: bool,
}

/// Allows `most` tries in all, at least one.
///
/// # Default
///
/// - wait: 200 ms after the first try, twice as long after each further one, at most 10 s
/// - every failure is tried again; errors of our own are not
pub const fn attempts(most: u32) -> Attempts {
    Attempts { most: if most == 0 { 1 } else { most }, wait: Duration::from_millis(200), only_network: false }
}

impl Attempts {
    /// Sets the wait after the first try; it doubles after each further one, up to 10 s.
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Tries again only when a network stood between us and an answer, never on an answer that is wrong.
    pub const fn on_network_errors(mut self) -> Self {
        self.only_network = true;
        self
    }

    fn again(&self, failure: &Failure, tried: u32) -> bool {
        tried < self.most && may_pass_later(failure) && (!self.only_network || failure.reason().is_network())
    }

    fn wait_after(&self, tried: u32) -> Duration {
        self.wait.saturating_mul(1 << (tried - 1).min(16)).min(Duration::from_secs(10))
    }
}

/// Returns whether another try can end otherwise: an error of our own stays, and what is skipped is skipped.
fn may_pass_later(failure: &Failure) -> bool {
    failure.reason().outcome() == Outcome::Failed
}

pub(super) async fn eventually<T, F, Fut>(here: Context, poll: Poll, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<T>> + Send,
{
    let start = Instant::now();
    let deadline = later(start, poll.up_to);
    let mut tried = 0;
    let mut last: Option<Failure> = None;
    loop {
        tried += 1;
        let attempt = Attempt::begin(&here);
        let Some(result) = attempt.run_until(deadline, look()).await else {
            let waiting = Failure::with_reason(
                Reason::Timeout,
                format!("no answer yet when {:?} had passed, in try {tried}", poll.up_to),
            );
            let failure = match last {
                Some(last) => last.evidence("tries", waiting.subject()),
                None => waiting,
            };
            here.run.ledger().set_tries(here.step, tried);
            return Err(attempt.give_up(failure));
        };
        match attempt.judge(result) {
            Ok(value) => {
                if tried > 1 {
                    here.run.ledger().set_tries(here.step, tried);
                }
                attempt.succeed();
                return Ok(value);
            }
            Err(failure) => {
                let next = later(Instant::now(), poll.interval.max(SHORTEST));
                if !may_pass_later(&failure) || next >= deadline {
                    here.run.ledger().set_tries(here.step, tried);
                    let spent = format!(
                        "{tried} within {:?}, every {:?}; this is what the last one saw",
                        poll.up_to, poll.interval
                    );
                    return Err(attempt.give_up(failure.evidence("tries", spent)));
                }
                attempt.supersede();
                attempt.note(tried, &failure);
                last = Some(failure);
                sleep_until(next).await;
            }
        }
    }
}

pub(super) async fn retry<T, F, Fut>(here: Context, attempts: Attempts, mut work: F) -> Result<T>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<T>> + Send,
{
    let mut tried = 0;
    let mut failed = Vec::new();
    let mut left_out = 0;
    loop {
        tried += 1;
        let attempt = Attempt::begin(&here);
        let result = attempt.run(work()).await;
        let result = attempt.judge(result);
        if tried > 1 {
            here.run.ledger().set_tries(here.step, tried);
        }
        match result {
            Ok(value) => {
                here.run.ledger().recover(failed, left_out);
                attempt.succeed();
                return Ok(value);
            }
            Err(failure) if attempts.again(&failure, tried) => {
                attempt.supersede();
                attempt.note(tried, &failure);
                if failed.len() < MOST_FAILURES {
                    failed.push(failure);
                } else {
                    left_out += 1;
                }
                sleep_until(Instant::now() + attempts.wait_after(tried)).await;
            }
            Err(mut failure) => {
                for earlier in &failed {
                    failure = failure.evidence("earlier", earlier.to_string());
                }
                return Err(attempt.give_up(failure));
            }
        }
    }
}

pub(super) async fn tolerate<T>(here: Context, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let attempt = Attempt::begin(&here);
    let result = attempt.run(work).await;
    let result = attempt.judge(result);
    if result.is_err() {
        attempt.supersede();
    }
    result
}

/// Awaits what is none of the journey's business: what fails in it is for its caller to judge, and is recorded nowhere.
pub(crate) async fn aside<T>(here: Context, work: impl Future<Output = T> + Send) -> T {
    Try::begin(&here).scope(work).await
}

/// One try: what failed in it counts only when it is known to be the last.
struct Attempt<'a> {
    outer: &'a Context,
    here: Context,
}

impl<'a> Attempt<'a> {
    fn begin(outer: &'a Context) -> Self {
        Self { outer, here: Try::begin(outer) }
    }

    async fn run<T>(&self, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.here.clone().scope(work).await
    }

    /// Awaits the try until its time is up; then only what it is making, because to drop that is to lose its answer.
    async fn run_until<T>(&self, deadline: Instant, work: impl Future<Output = Result<T>> + Send) -> Option<Result<T>> {
        let mut work = pin!(self.run(work));
        if let Ok(result) = timeout_at(deadline, &mut work).await {
            return Some(result);
        }
        let tries = self.tries()?;
        tries.end();
        tokio::select! {
            biased;
            _ = work => {}
            () = self.here.run.creations.settled_where(|place| place.tries.contains(&tries.id())) => {}
        }
        None
    }

    /// Returns the try's result. A check that failed in it makes it fail, also when its code went on.
    fn judge<T>(&self, result: Result<T>) -> Result<T> {
        match result {
            Ok(value) => {
                let swallowed = self.tries().and_then(|tries| tries.first_failure());
                swallowed.map_or(Ok(value), Err)
            }
            Err(mut failure) => {
                self.here.raise(&mut failure);
                Err(failure)
            }
        }
    }

    /// The try was good: what it would have preferred counts.
    fn succeed(self) {
        self.forget();
        self.tries_raised().iter_mut().for_each(|unmet| self.outer.raise(unmet));
    }

    /// The try was the last, and failed: everything that failed in it counts, `failure` with what was added to it.
    fn give_up(self, mut failure: Failure) -> Failure {
        self.forget();
        for mut raised in self.tries_raised() {
            let raised = if raised.is_same(&failure) { &mut failure } else { &mut raised };
            self.outer.raise(raised);
        }
        self.outer.raise(&mut failure);
        failure
    }

    fn tries_raised(&self) -> Vec<Failure> {
        let (raised, left_out) = self.tries().map(Try::take).unwrap_or_default();
        if left_out != LeftOut::default() {
            self.outer.run.ledger().leave_out(left_out);
        }
        raised
    }

    /// Another try follows: the steps of this one do not count.
    fn supersede(&self) {
        if let Some(tries) = self.tries() {
            self.outer.run.ledger().supersede(tries.id());
        }
    }

    /// Notes what the try said, for whoever ends the poll before the next one is done.
    fn note(&self, number: u32, failure: &Failure) {
        let last_try = LastTry { number, said: failure.to_string() };
        self.outer.run.ledger().set_last_try(self.outer.step, Some(last_try));
    }

    /// The poll has ended by itself, so that nobody else needs to speak for it.
    fn forget(&self) {
        self.outer.run.ledger().set_last_try(self.outer.step, None);
    }

    fn tries(&self) -> Option<&Try> {
        self.here.tries.as_deref()
    }
}
