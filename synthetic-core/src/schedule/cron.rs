//! Cron expressions: of five fields, and the forms of CloudWatch.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::window::unknown_zone;
use super::{Beat, Origin, Schedule, spread};
use crate::clock::Clock;

/// How many starts are looked at for the shortest time between two of them.
const LOOKED_AT: usize = 200;

/// Runs when a clock on the wall matches an expression: `"*/5 8-18 * * MON-FRI"`, of five fields (minute, hour, day of the
/// month, month, day of the week), as cron has them.
///
/// Schedules of CloudWatch can be copied: `"cron(0/5 8-18 ? * MON-FRI *)"`, of six fields, the last one the year, Sunday being 1;
/// `"rate(5 minutes)"`, which is `every`; and `"rate(0 minutes)"`, which runs once.
///
/// Times are in UTC unless a [zone](Schedule::zone) is said. When the clocks are put forward, a time that is not there, such as
/// 02:30, runs at the first one after the gap, 03:00; an expression that repeats, such as `*/15 * * * *`, goes on after it. When
/// they are put back, a time that is there twice runs once, the first time; an expression that repeats runs through both.
///
/// What cannot be read is refused when a monitor is built.
///
/// # Examples
///
/// ```
/// use synthetic_core::schedule::cron;
///
/// let at_work = cron("*/5 8-18 * * MON-FRI").zone("Europe/London").once_at_start();
/// assert_eq!(at_work.to_string(), "cron \"*/5 8-18 * * MON-FRI\" (Europe/London), once at start");
/// ```
pub fn cron(expression: &str) -> Schedule {
    match expression.parse::<Schedule>() {
        Ok(schedule) => schedule,
        Err(error) => Schedule::wrong(format!("its schedule cannot be read: {error}")),
    }
}

/// A cron expression in a time zone.
#[derive(Debug, Clone)]
pub(super) struct Cron {
    text: String,
    pattern: croner::Cron,
    zone: TimeZone,
    zone_name: String,
    wrong_zone: Option<String>,
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.zone_name) == (&other.text, &other.zone_name)
    }
}

impl Schedule {
    /// Sets the time zone of a cron expression, by its name in the IANA database: `America/New_York`. The database is part of
    /// the program. Of `every`, which does not go by the wall clock, it sets nothing.
    pub fn zone(mut self, name: &str) -> Self {
        if let Beat::Cron(cron) = &mut self.beat {
            let cron = Arc::make_mut(cron);
            name.clone_into(&mut cron.zone_name);
            match TimeZone::get(name) {
                Ok(zone) => (cron.zone, cron.wrong_zone) = (zone, None),
                Err(_) => cron.wrong_zone = Some(unknown_zone("its schedule", name)),
            }
        }
        self
    }

    /// Reads an expression of five fields, or of the six that CloudWatch has.
    pub(super) fn parse_cron(expression: &str) -> Result<Self, String> {
        let parser = CronParser::builder();
        let (parser, pattern) = match expression.split_whitespace().count() {
            5 => (parser.seconds(Seconds::Disallowed).year(Year::Disallowed), expression.to_owned()),
            6 => {
                let parser = parser.seconds(Seconds::Required).year(Year::Required);
                // croner wants seconds where there is a year.
                (parser.alternative_weekdays(true).sloppy_ranges(true), format!("0 {expression}"))
            }
            n => return Err(format!("it has {n} fields: cron has five, and CloudWatch six, with the year")),
        };
        let pattern = parser.build().parse(&pattern).map_err(|error| error.to_string())?;
        let text = expression.to_owned();
        let cron = Cron { text, pattern, zone: TimeZone::UTC, zone_name: "UTC".to_owned(), wrong_zone: None };
        Ok(Self { beat: Beat::Cron(Arc::new(cron)), more: None })
    }
}

impl Cron {
    /// Returns the first start after a moment, or of all: each is delayed by the offset, and by a share of the time to the next.
    pub(super) fn next(
        &self,
        jitter: f64,
        offset: Duration,
        origin: &Origin,
        after: Option<Duration>,
    ) -> Option<Duration> {
        let after = after.map(|after| after.checked_sub(offset));
        // Before its delay is over, it comes from before.
        let mut from = match after {
            None => self.zoned(origin.wall.checked_sub(Duration::from_nanos(1))?)?,
            Some(None) => self.zoned(origin.wall.checked_sub(Duration::from_nanos(1))?)?,
            Some(Some(after)) if jitter > 0.0 => {
                let after = self.zoned(origin.wall_at(after))?;
                self.pattern
                    .find_previous_occurrence(&after, true)
                    .ok()?
                    .checked_sub(jiff::Span::new().seconds(1))
                    .ok()?
            }
            Some(Some(after)) => self.zoned(origin.wall_at(after))?,
        };
        // One may be before the origin, one may be over already.
        for _ in 0..4 {
            let next = self.pattern.find_next_occurrence(&from, false).ok()?;
            let delay = match self.pattern.find_next_occurrence(&next, false) {
                Ok(one_more) if jitter > 0.0 => {
                    let gap = SystemTime::from(one_more.timestamp()).duration_since(next.timestamp().into()).ok()?;
                    spread::delay(origin.seed, next.timestamp().as_second().unsigned_abs(), jitter, gap)
                }
                _ => Duration::ZERO,
            };
            let at = SystemTime::from(next.timestamp()).duration_since(origin.wall).ok().map(|at| at + delay);
            if let Some(at) = at.filter(|at| after.flatten().is_none_or(|after| *at > after)) {
                return Some(at + offset);
            }
            from = next;
        }
        None
    }

    pub(super) fn shortest_gap(&self) -> Option<Duration> {
        let starts = self.pattern.iter_after(self.zoned(Clock::system().now())?).take(LOOKED_AT);
        let starts: Vec<SystemTime> = starts.map(|start| start.timestamp().into()).collect();
        starts.windows(2).filter_map(|pair| pair[1].duration_since(pair[0]).ok()).min()
    }

    pub(super) fn problem(&self) -> Option<String> {
        if self.wrong_zone.is_some() {
            return self.wrong_zone.clone();
        }
        let never = self.pattern.find_next_occurrence(&self.zoned(Clock::system().now())?, false).is_err();
        never.then(|| {
            format!("its schedule cron {:?} comes true never again: see its days, months and years", self.text)
        })
    }

    fn zoned(&self, at: SystemTime) -> Option<Zoned> {
        Some(Timestamp::try_from(at).ok()?.to_zoned(self.zone.clone()))
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cron {:?} ({})", self.text, self.zone_name)
    }
}
