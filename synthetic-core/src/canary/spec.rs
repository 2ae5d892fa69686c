//! [`Spec`]: what is said of a canary once.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::promise::Promise;
use super::retries::{Retries, RetryOn};

/// The time that a run has when its spec does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What is said of a canary once: its name, its timeouts, its tags.
///
/// # Default
///
/// - timeout: 30 s for the body
/// - cleanup: 10 s for each thing, 30 s for all of them, apart from the body's time
/// - what is left behind degrades the run; nothing is kept for debugging
/// - guards: at most 20 things that are not removed yet; the canary pauses while more than 20 wait for their removal
/// - retries: none; where there are any, only after failures of the network, and at once
/// - objective: the monitor's; a run is slow from 80 % of its timeout
/// - tags: none
/// - class: `http`, by which it is decided how many runs go on side by side
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
///
/// let spec = Spec::new("order-lifecycle").tags(["checkout", "critical"]).timeout(secs(45));
/// assert_eq!((spec.name(), spec.time()), ("order-lifecycle", secs(45)));
/// ```
#[derive(Debug, Clone)]
#[must_use = "a spec does nothing until a canary returns it"]
pub struct Spec {
    name: Arc<str>,
    timeout: Duration,
    cleanup_each: Duration,
    cleanup_total: Duration,
    on_leak: OnLeak,
    keep: Option<Duration>,
    max_live: usize,
    max_pending: usize,
    /// None for most: a spec is copied into every run.
    retries: Option<Arc<Retries>>,
    /// What alerts hold it to; none for most.
    promise: Option<Arc<Promise>>,
    tags: Arc<[String]>,
    class: Arc<str>,
}

/// What becomes of a run that left something behind in the target. Its cleanup is reported in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnLeak {
    /// Nothing: the report carries a warning.
    Warn,
    /// It is degraded at best.
    #[default]
    Degrade,
    /// It has failed.
    Fail,
}

impl Spec {
    /// Names a canary. The name is one of its metrics' labels.
    ///
    /// A name is 1 to 255 of the characters `0-9 a-z _ -`, as CloudWatch Synthetics demands. One that is not is refused
    /// when a monitor is built, and ends a run as an error.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            timeout: DEFAULT_TIMEOUT,
            cleanup_each: Duration::from_secs(10),
            cleanup_total: Duration::from_secs(30),
            on_leak: OnLeak::default(),
            keep: None,
            max_live: 20,
            max_pending: 20,
            retries: None,
            promise: None,
            tags: Arc::new([]),
            class: http_class(),
        }
    }

    /// Sets the time that the body has.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the time that cleanup has after the body: for each thing, and for all of them together.
    pub fn cleanup_timeout(mut self, each: Duration, total: Duration) -> Self {
        (self.cleanup_each, self.cleanup_total) = (each, total);
        self
    }

    /// Sets what becomes of a run that left something behind.
    pub fn on_leak(mut self, on_leak: OnLeak) -> Self {
        self.on_leak = on_leak;
        self
    }

    /// Leaves what a run made in the target for so long when its journey failed or could not conclude, so that somebody can
    /// look at it; the sweep removes it afterwards. What was [deferred](crate::Run::defer) is undone at once.
    ///
    /// It takes a monitor with a [journal](crate::monitor::Builder::journal): without one, nobody would remember to remove
    /// it, so that it is removed at once, with a warning.
    pub fn keep_on_failure(mut self, ttl: Duration) -> Self {
        self.keep = Some(ttl);
        self
    }

    /// Sets how many things that are not removed yet the canary may have at a time: another
    /// [`create`](crate::Run::create) is refused, so that what cannot be deleted does not fill the target.
    pub fn max_live(mut self, most: usize) -> Self {
        self.max_live = most;
        self
    }

    /// Sets how many things of earlier runs may wait for their removal: while there are more, the canary does not run, and
    /// each start is reported as an error that says so.
    pub fn max_pending(mut self, most: usize) -> Self {
        self.max_pending = most;
        self
    }

    /// Makes up to `more` further attempts, at once, when one failed for a reason of the [network](RetryOn::Network). At most
    /// 10.
    ///
    /// Every attempt is whole: a timeout, a mark, personas and connections of its own, and what it made is removed before
    /// the next one begins. The run ends as its last attempt did, in one report that lists the earlier ones as
    /// [`attempts`](crate::Report::attempts); one that passed after a failure is [flaky](crate::Report::flaky). What any
    /// of them left behind counts as [`on_leak`](Self::on_leak) says, and what one [keeps](Self::keep_on_failure) stays. A
    /// run that is cancelled makes no further attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use synthetic_core::failure::Reason;
    /// use synthetic_core::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let down = AtomicBool::new(true);
    /// let report = once(canary(Spec::new("api-health").retry(2), move |run: Run| {
    ///     let down = down.swap(false, Ordering::Relaxed);
    ///     async move {
    ///         if down {
    ///             return Err(Failure::with_reason(Reason::Connect, "connect to 10.0.0.7:443 refused"));
    ///         }
    ///         run.expect("status", 200, eq(200))
    ///     }
    /// }))
    /// .await;
    /// assert!(report.outcome == Outcome::Passed && report.flaky());
    /// assert_eq!(report.attempts[0].reason, Some(Reason::Connect));
    /// # }
    /// ```
    pub fn retry(mut self, more: u32) -> Self {
        self.retries_mut().more = more;
        self
    }

    /// Lets a failure count only when it is confirmed: waits so long before a further attempt, and makes at least one.
    /// Together with [`retry`](Self::retry), waits so long before each.
    ///
    /// The wait is no part of the run's duration, and ends when the run is cancelled: the failure then stands as it is, and
    /// the report says that nothing confirmed it.
    pub fn confirm_after(mut self, wait: Duration) -> Self {
        self.retries_mut().confirm_after = Some(wait);
        self
    }

    /// Sets after which failures another attempt is made.
    pub fn retry_on(mut self, on: RetryOn) -> Self {
        self.retries_mut().on = on;
        self
    }

    /// Sets which share of its runs is to go well, in percent, for the [alerts](crate::monitor::Builder::objective) and
    /// dashboards that are made of a monitor: more than 0, less than 100. A run that was skipped or could not conclude
    /// counts neither way.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    ///
    /// let spec = Spec::new("checkout").objective(99.95).slow_after(secs(2));
    /// assert_eq!((spec.stated_objective(), spec.slow_time()), (Some(99.95), secs(2)));
    /// assert_eq!(Spec::new("search").timeout(secs(10)).slow_time(), secs(8));
    /// ```
    pub fn objective(mut self, percent: f64) -> Self {
        self.promise_mut().objective = Some(percent);
        self
    }

    /// Sets how long its runs may take on average before an alert says that they are slow, at most its timeout. Nothing
    /// becomes of a single run.
    pub fn slow_after(mut self, time: Duration) -> Self {
        self.promise_mut().slow = Some(time);
        self
    }

    /// Sets the tags, by which canaries can be selected.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the class: how many runs of a class go on side by side is the monitor's
    /// [choice](crate::monitor::Builder::concurrency). There are `http` and `browser`; one of your own needs a limit there.
    pub fn class(mut self, class: impl Into<Arc<str>>) -> Self {
        self.class = class.into();
        self
    }

    /// Returns the class.
    #[must_use]
    pub fn class_name(&self) -> &str {
        &self.class
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the time that the body has.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.timeout
    }

    /// Returns the time that cleanup has: for each thing, and for all of them.
    #[must_use]
    pub fn cleanup_time(&self) -> (Duration, Duration) {
        (self.cleanup_each, self.cleanup_total)
    }

    /// Returns what becomes of a run that left something behind.
    #[must_use]
    pub fn leak_policy(&self) -> OnLeak {
        self.on_leak
    }

    /// Returns for how long what a failed journey made is kept.
    #[must_use]
    pub fn keep_time(&self) -> Option<Duration> {
        self.keep
    }

    /// Returns how many things that are not removed yet the canary may have, and how many of earlier runs may wait before
    /// it pauses.
    #[must_use]
    pub fn limits(&self) -> (usize, usize) {
        (self.max_live, self.max_pending)
    }

    /// Returns how many further attempts a run makes at most, that of [`confirm_after`](Self::confirm_after) included.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.retries.as_ref().map_or(0, |retries| retries.most())
    }

    /// Returns how long a run waits before a further attempt.
    #[must_use]
    pub fn confirm_time(&self) -> Option<Duration> {
        self.retries.as_ref()?.confirm_after
    }

    /// Returns after which failures another attempt is made.
    #[must_use]
    pub fn retry_policy(&self) -> RetryOn {
        self.retries.as_ref().map_or_else(RetryOn::default, |retries| retries.on)
    }

    /// Returns the objective that it states, in percent.
    #[must_use]
    pub fn stated_objective(&self) -> Option<f64> {
        self.promise.as_ref()?.objective
    }

    /// Returns how long its runs may take on average before an alert says that they are slow: what
    /// [`slow_after`](Self::slow_after) says, or 80 % of its timeout.
    #[must_use]
    pub fn slow_time(&self) -> Duration {
        let said = self.promise.as_ref().and_then(|promise| promise.slow);
        said.unwrap_or_else(|| self.timeout.saturating_mul(4) / 5)
    }

    /// Returns the tags.
    #[must_use]
    pub fn all_tags(&self) -> &[String] {
        &self.tags
    }

    /// Returns how long a run takes at most, its retries and its cleanup included.
    pub(crate) fn takes_at_most(&self) -> Duration {
        let attempt =
            self.timeout.saturating_add(self.cleanup_total).saturating_add(self.confirm_time().unwrap_or_default());
        attempt.saturating_mul(self.retries().saturating_add(1))
    }

    fn promise_mut(&mut self) -> &mut Promise {
        Arc::make_mut(self.promise.get_or_insert_default())
    }

    fn retries_mut(&mut self) -> &mut Retries {
        Arc::make_mut(self.retries.get_or_insert_default())
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(crate) fn shared_tags(&self) -> Arc<[String]> {
        Arc::clone(&self.tags)
    }

    /// Returns everything that is wrong with this spec, each a sentence that says what would be right.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
        if self.name.is_empty() || self.name.len() > 255 || !self.name.bytes().all(allowed) {
            problems.push("its name must be 1 to 255 of the characters 0-9, a-z, _ and -".to_owned());
        }
        if self.timeout.is_zero() {
            problems.push("its timeout is zero: no run could ever finish".to_owned());
        }
        if self.cleanup_each.is_zero() || self.cleanup_total.is_zero() {
            problems.push("its cleanup timeout is zero: nothing could ever be removed".to_owned());
        }
        problems.extend(self.retries.as_ref().and_then(|retries| retries.problem()));
        problems.extend(self.promise.iter().flat_map(|promise| promise.problems(self.timeout)));
        problems
    }
}

/// There may be many specs, and nearly all are of this class.
fn http_class() -> Arc<str> {
    static HTTP: LazyLock<Arc<str>> = LazyLock::new(|| "http".into());
    Arc::clone(&HTTP)
}
