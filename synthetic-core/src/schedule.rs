//! When a canary runs: pure functions from a start and a seed to moments.
//!
//! A [`Schedule`] is a cadence, [`every`] or [`cron`](fn@cron), and what is said beside it: jitter, windows, a faster cadence while
//! failing. It holds no state: the next start follows from when the monitor started and which start was the last one.

#[cfg(feature = "cron")]
mod cron;
#[cfg(feature = "alerts")]
mod pace;
mod parse;
mod spread;
mod window;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[cfg(feature = "cron")]
pub use self::cron::cron;
#[cfg(feature = "alerts")]
pub(crate) use self::pace::Pace;
pub use self::parse::ParseScheduleError;
pub(crate) use self::spread::{apart, seed, stagger, within_a_minute};
pub use self::window::{Window, window};
pub(crate) use self::words::Words;
pub use crate::expect::{Every, every};

/// How many starts are passed over one by one before it is given up to count them.
const MOST_PASSED: u64 = 100_000;

/// When a canary runs.
///
/// Starts are nominal: however long a run takes, it moves none after it. `every` counts monotonically from the start of the
/// monitor, whatever the wall clock does; cron and windows go by the wall clock of their time zone.
///
/// # Examples
///
/// ```
/// use synthetic_core::Schedule;
/// use synthetic_core::prelude::*;
/// use synthetic_core::schedule::window;
///
/// let schedule = every(mins(1)).jitter(0.1).except(window("Sun 02:00", "Sun 04:00").zone("Europe/London"));
/// assert_eq!(schedule.to_string(), "every 1m, jitter 10 %, except Sun 02:00 to Sun 04:00 (Europe/London)");
///
/// let plain: Schedule = every(secs(90)).into();
/// assert_eq!(plain.to_string(), "every 1m30s");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a schedule does nothing until it is given to a monitor"]
pub struct Schedule {
    beat: Beat,
    /// What few say: a plain schedule has nothing there.
    more: Option<Arc<More>>,
}

/// What a schedule repeats.
#[derive(Debug, Clone, PartialEq)]
enum Beat {
    Every(Duration),
    #[cfg(feature = "cron")]
    Cron(Arc<cron::Cron>),
    /// Nothing: it runs once, at the start of the monitor.
    Once,
    /// It could not be read.
    #[cfg(feature = "cron")]
    Wrong,
}

/// What is said beside the cadence.
#[derive(Debug, Clone, PartialEq, Default)]
struct More {
    jitter: f64,
    offset: Option<Duration>,
    only: Vec<Window>,
    except: Vec<Window>,
    failing: Option<Duration>,
    at_start: bool,
    problems: Vec<String>,
}

/// What the starts of a schedule are computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The wall-clock time at which the monitor started.
    pub(crate) wall: SystemTime,
    /// How long after that `every` starts first, unless it says so itself.
    pub(crate) offset: Duration,
    /// What everything random derives from.
    pub(crate) seed: u64,
}

/// A start that is due, now or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// Its nominal moment, after the origin.
    pub(crate) at: Duration,
    /// How many starts before it were passed over.
    pub(crate) missed: u64,
}

impl From<Every<Duration>> for Schedule {
    fn from(every: Every<Duration>) -> Self {
        Self { beat: Beat::Every(every.period()), more: None }
    }
}

/// # A cadence
///
/// ```
/// use synthetic_core::prelude::*;
/// assert_eq!(every(mins(1)).period(), secs(60));
/// assert_eq!(every(mins(10)).while_failing(mins(1)).to_string(), "every 10m, every 1m while it fails");
/// ```
impl Every<Duration> {
    /// Returns the time from one start to the next.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.element
    }

    /// As [`Schedule::jitter`].
    pub fn jitter(self, share: f64) -> Schedule {
        Schedule::from(self).jitter(share)
    }

    /// As [`Schedule::offset`].
    pub fn offset(self, offset: Duration) -> Schedule {
        Schedule::from(self).offset(offset)
    }

    /// As [`Schedule::only`].
    pub fn only(self, window: Window) -> Schedule {
        Schedule::from(self).only(window)
    }

    /// As [`Schedule::except`].
    pub fn except(self, window: Window) -> Schedule {
        Schedule::from(self).except(window)
    }

    /// As [`Schedule::while_failing`].
    pub fn while_failing(self, interval: Duration) -> Schedule {
        Schedule::from(self).while_failing(interval)
    }
}

impl Schedule {
    /// Runs once, when the monitor starts.
    pub fn once() -> Self {
        Self { beat: Beat::Once, more: None }
    }

    /// Makes one that only says what is wrong with it.
    #[cfg(feature = "cron")]
    fn wrong(problem: String) -> Self {
        Self { beat: Beat::Wrong, more: Some(Arc::new(More { problems: vec![problem], ..More::default() })) }
    }

    /// Delays every start by a share of the time to the next one, 0 to 1, a different one each time: so that what many
    /// monitors do does not meet at the target. The starts keep their order, and never drift.
    pub fn jitter(self, share: f64) -> Self {
        self.with(|more| more.jitter = share)
    }

    /// Sets how long after the start of the monitor `every` starts first, in place of the time by which canaries of one
    /// interval are spread; delays every start of a cron expression by it.
    pub fn offset(self, offset: Duration) -> Self {
        self.with(|more| more.offset = Some(offset))
    }

    /// Runs only inside of this window; given several times, inside of any of them.
    pub fn only(self, window: Window) -> Self {
        self.with(|more| more.only.push(window))
    }

    /// Does not run inside of this window, such as one of maintenance, whatever [`only`](Self::only) says.
    pub fn except(self, window: Window) -> Self {
        self.with(|more| more.except.push(window))
    }

    /// Runs at this interval while the last run failed or could not conclude, beside the starts that it has anyway.
    pub fn while_failing(self, interval: Duration) -> Self {
        self.with(|more| more.failing = Some(interval))
    }

    /// Runs at the start of the monitor as well, whatever the time is: a deployment is checked at once, not at the next full
    /// hour. Windows hold.
    pub fn once_at_start(self) -> Self {
        self.with(|more| more.at_start = true)
    }

    /// Returns the next starts of a canary when its monitor is started at this time, for a preview. They derive from the
    /// seed as far as they are random.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use synthetic_core::Schedule;
    /// use synthetic_core::prelude::*;
    ///
    /// let start = SystemTime::UNIX_EPOCH;
    /// let starts: Vec<_> = Schedule::from(every(mins(1))).upcoming(start, 0).take(2).collect();
    /// assert_eq!(starts, [start, start + mins(1)]);
    /// ```
    pub fn upcoming(&self, start: SystemTime, seed: u64) -> impl Iterator<Item = SystemTime> {
        let origin = Origin { wall: start, offset: Duration::ZERO, seed };
        let next =
            move |last: Option<Duration>| self.due(&origin, last, last.unwrap_or_default(), false).map(|due| due.at);
        std::iter::successors(next(None), move |last| next(Some(*last))).map(move |at| start + at)
    }

    /// Returns the next start after the nominal moment of the `last` one, or the first one. Of several that are due by `now`,
    /// it is the last. Returns nothing when there is none any more.
    pub(crate) fn due(&self, origin: &Origin, last: Option<Duration>, now: Duration, failing: bool) -> Option<Due> {
        let Some(more) = &self.more else {
            return self.regular(&More::default(), origin, last, now);
        };
        let regular = self.regular(more, origin, last, now);
        let (Some(interval), Some(last), true) = (more.failing.filter(|it| !it.is_zero()), last, failing) else {
            return regular;
        };
        let passed = now.saturating_sub(last).as_nanos() / interval.as_nanos();
        let times = u32::try_from(passed).unwrap_or(u32::MAX).max(1);
        let faster = Due { at: last.saturating_add(interval.saturating_mul(times)), missed: u64::from(times) - 1 };
        if more.closed_until(origin.wall_at(faster.at)).is_some() {
            return regular;
        }
        Some(match regular {
            Some(regular) if regular.at <= now && faster.at <= now => {
                Due { at: regular.at.max(faster.at), missed: regular.missed.max(faster.missed) }
            }
            Some(regular) if regular.at < faster.at => regular,
            _ => faster,
        })
    }

    fn regular(&self, more: &More, origin: &Origin, last: Option<Duration>, now: Duration) -> Option<Due> {
        if let Beat::Every(period) = self.beat
            && more.only.is_empty()
            && more.except.is_empty()
        {
            return Some(every_due(period, more, origin, last, now));
        }
        let mut due = Due { at: self.next_open(more, origin, last)?, missed: 0 };
        while due.missed < MOST_PASSED {
            match self.next_open(more, origin, Some(due.at)) {
                Some(next) if next <= now => due = Due { at: next, missed: due.missed + 1 },
                _ => break,
            }
        }
        Some(due)
    }

    /// Returns the first start after a moment, or of all, that is inside of the windows.
    fn next_open(&self, more: &More, origin: &Origin, after: Option<Duration>) -> Option<Duration> {
        /// So many closed windows in a row are never left.
        const MOST: usize = 10_000;
        let mut after = after;
        for _ in 0..MOST {
            let next = self.next(more, origin, after)?;
            match more.closed_until(origin.wall_at(next)) {
                None => return Some(next),
                // From there on it may be open: what is just before it is not a start.
                Some(opens) => {
                    after =
                        Some(opens?.duration_since(origin.wall).ok()?.saturating_sub(Duration::from_nanos(1)).max(next))
                }
            }
        }
        None
    }

    /// Returns the first start after a moment, or of all, whatever windows say.
    fn next(&self, more: &More, origin: &Origin, after: Option<Duration>) -> Option<Duration> {
        let start = more.offset.unwrap_or(origin.offset);
        let extra = (more.at_start || self.beat == Beat::Once).then_some(start).filter(|_| after.is_none());
        let next = match &self.beat {
            Beat::Every(period) => Some(every_due(*period, more, origin, after, after.unwrap_or_default()).at),
            #[cfg(feature = "cron")]
            Beat::Cron(cron) => cron.next(more.jitter, more.offset.unwrap_or_default(), origin, after),
            #[cfg(feature = "cron")]
            Beat::Wrong => None,
            Beat::Once => None,
        };
        extra.into_iter().chain(next).min()
    }

    /// Returns the time from one start to the next, of `every`.
    pub(crate) fn period(&self) -> Option<Duration> {
        if let Beat::Every(period) = self.beat { Some(period) } else { None }
    }

    /// Returns the shortest time from one start to the next, also while it fails.
    pub(crate) fn shortest_gap(&self) -> Option<Duration> {
        let failing = self.more.as_ref().and_then(|more| more.failing);
        self.cadence().into_iter().chain(failing).min()
    }

    /// Returns the shortest time from one regular start to the next, jitter and windows apart.
    fn cadence(&self) -> Option<Duration> {
        match &self.beat {
            Beat::Every(period) => Some(*period),
            #[cfg(feature = "cron")]
            Beat::Cron(cron) => cron.shortest_gap(),
            #[cfg(feature = "cron")]
            Beat::Wrong => None,
            Beat::Once => None,
        }
    }

    /// Returns everything that is wrong with it, each a sentence that says what would be right.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.beat == Beat::Every(Duration::ZERO) {
            problems.push("its interval is zero: give it one, such as every(mins(1))".to_owned());
        }
        #[cfg(feature = "cron")]
        if let Beat::Cron(cron) = &self.beat {
            problems.extend(cron.problem());
        }
        let Some(more) = &self.more else { return problems };
        problems.extend(more.problems.iter().cloned());
        if !(0.0..=1.0).contains(&more.jitter) {
            problems.push(format!("its jitter of {} is no share: say 0 to 1, as in .jitter(0.1)", more.jitter));
        }
        if more.failing.is_some_and(|interval| interval.is_zero()) {
            problems
                .push("its interval while it fails is zero: give it one, such as .while_failing(secs(20))".to_owned());
        }
        problems.extend(more.only.iter().chain(&more.except).filter_map(Window::problem));
        problems
    }

    fn with(mut self, change: impl FnOnce(&mut More)) -> Self {
        change(Arc::make_mut(self.more.get_or_insert_default()));
        self
    }
}

/// The nth start is offset + n · period + its share of jitter, which keeps the order: so the number follows from the moment.
fn every_due(period: Duration, more: &More, origin: &Origin, last: Option<Duration>, now: Duration) -> Due {
    let offset = more.offset.unwrap_or(origin.offset);
    let period = period.max(Duration::from_nanos(1));
    let nth = |n: u64| {
        offset.saturating_add(times(period, n)).saturating_add(spread::delay(origin.seed, n, more.jitter, period))
    };
    // The last one that is not after a moment, if there is one.
    let last_by = |moment: Duration| {
        let since = moment.checked_sub(offset)?.as_nanos();
        let n = u64::try_from(since / period.as_nanos()).unwrap_or(u64::MAX);
        if nth(n) <= moment { Some(n) } else { n.checked_sub(1) }
    };
    let earliest = last.and_then(last_by).map_or(0, |n| n.saturating_add(1));
    let n = last_by(now).map_or(earliest, |n| n.max(earliest));
    Due { at: nth(n), missed: n - earliest }
}

fn times(period: Duration, n: u64) -> Duration {
    let nanos = u128::from(n).saturating_mul(period.as_nanos());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl Origin {
    fn wall_at(&self, elapsed: Duration) -> SystemTime {
        self.wall.checked_add(elapsed).unwrap_or(self.wall)
    }
}

impl More {
    /// Returns when it may open again, where it is closed at a moment; `Some(None)` when it never does.
    fn closed_until(&self, at: SystemTime) -> Option<Option<SystemTime>> {
        if !self.only.is_empty() && !self.only.iter().any(|window| window.contains(at)) {
            return Some(self.only.iter().filter_map(|window| window.opens_after(at)).min());
        }
        let inside = self.except.iter().filter(|window| window.contains(at));
        inside.map(|window| window.ends_after(at)).reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b)))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.beat {
            Beat::Every(period) => write!(f, "every {}", Words(*period))?,
            #[cfg(feature = "cron")]
            Beat::Cron(cron) => write!(f, "{cron}")?,
            Beat::Once => f.write_str("once, at start")?,
            #[cfg(feature = "cron")]
            Beat::Wrong => f.write_str("never")?,
        }
        let Some(more) = &self.more else { return Ok(()) };
        if more.jitter != 0.0 {
            write!(f, ", jitter {} %", more.jitter * 100.0)?;
        }
        if let Some(offset) = more.offset {
            write!(f, ", offset {}", Words(offset))?;
        }
        more.only.iter().try_for_each(|window| write!(f, ", only {window}"))?;
        more.except.iter().try_for_each(|window| write!(f, ", except {window}"))?;
        if let Some(interval) = more.failing {
            write!(f, ", every {} while it fails", Words(interval))?;
        }
        if more.at_start { f.write_str(", once at start") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
