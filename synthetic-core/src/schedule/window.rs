//! [`Window`]: from when to when a canary runs, or does not.

use std::fmt;
use std::time::{Duration, SystemTime};

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

/// From when to when a canary runs, or does not: every week, every day, or once. Both ends belong to it.
///
/// Made by [`window`]. Times are those that a clock on the wall shows in its [zone](Self::zone), on the days on which it is
/// changed too: a window that ends at 02:30 on a day without one ends when the clock is past it.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a window does nothing until it is given to a schedule"]
pub struct Window {
    from: Edge,
    to: Edge,
    zone: Zone,
    wrong: Option<String>,
}

/// One end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Weekly(Weekday, Time),
    Daily(Time),
    Once(Timestamp),
}

#[derive(Debug, Clone, PartialEq)]
struct Zone {
    name: String,
    zone: TimeZone,
}

/// Makes a window of two ends of one kind: `"Fri 20:00"` to `"Sun 17:00"`, every week; `"08:00"` to `"18:00"`, every day;
/// `"2026-12-01T22:00:00Z"` to `"2026-12-02T02:00:00Z"`, once. Times are in UTC unless a [zone](Window::zone) is said.
///
/// What cannot be read is refused when a monitor is built. A daily window ends after it begins: one over midnight is two.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_core::schedule::window;
///
/// let at_work = every(mins(1)).only(window("08:00", "18:00").zone("Europe/London"));
/// assert_eq!(at_work.to_string(), "every 1m, only 08:00 to 18:00 (Europe/London)");
/// ```
pub fn window(from: &str, to: &str) -> Window {
    let zone = Zone { name: "UTC".to_owned(), zone: TimeZone::UTC };
    let midnight = Edge::Daily(Time::midnight());
    match (Edge::parse(from), Edge::parse(to)) {
        (Some(from_edge), Some(to_edge)) => {
            let wrong = wrong(from_edge, to_edge).map(|why| format!("its window from {from:?} to {to:?} {why}"));
            Window { from: from_edge, to: to_edge, zone, wrong }
        }
        (read, _) => {
            let text = if read.is_none() { from } else { to };
            let wrong = format!(
                "its window from {from:?} to {to:?} cannot be read at {text:?}: write \"Fri 20:00\", \"08:00\" or \
                 \"2026-12-01T22:00:00Z\""
            );
            Window { from: midnight, to: midnight, zone, wrong: Some(wrong) }
        }
    }
}

/// Returns what is wrong with two ends together.
fn wrong(from: Edge, to: Edge) -> Option<&'static str> {
    match (from, to) {
        (Edge::Daily(from), Edge::Daily(to)) if to < from => {
            Some("ends before it begins: for one over midnight, give two, to 23:59:59 and from 00:00")
        }
        (Edge::Once(from), Edge::Once(to)) if to < from => Some("ends before it begins: exchange the two"),
        (Edge::Weekly(..), Edge::Weekly(..)) | (Edge::Daily(_), Edge::Daily(_)) | (Edge::Once(_), Edge::Once(_)) => {
            None
        }
        _ => Some("has ends of two kinds: say the weekday in both or in none"),
    }
}

impl Edge {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(at) = text.parse() {
            return Some(Self::Once(at));
        }
        let Some((day, time)) = text.split_once(' ') else { return text.parse().ok().map(Self::Daily) };
        let days = [
            ("mon", Weekday::Monday),
            ("tue", Weekday::Tuesday),
            ("wed", Weekday::Wednesday),
            ("thu", Weekday::Thursday),
            ("fri", Weekday::Friday),
            ("sat", Weekday::Saturday),
            ("sun", Weekday::Sunday),
        ];
        let short = day.to_ascii_lowercase();
        let day = days.into_iter().find(|(name, _)| *name == short).map(|(_, day)| day)?;
        time.trim().parse().ok().map(|time| Self::Weekly(day, time))
    }

    /// Returns the first moment after `now` at which a clock shows it, if there is one.
    fn next_after(self, now: &Zoned) -> Option<Timestamp> {
        let civil = now.datetime();
        let (date, step) = match self {
            Self::Once(at) => return Some(at).filter(|at| *at > now.timestamp()),
            Self::Daily(_) => (civil.date(), 1),
            Self::Weekly(day, _) => (civil.date().checked_add(i64::from(civil.weekday().until(day)).days()).ok()?, 7),
        };
        let (Self::Daily(time) | Self::Weekly(_, time)) = self else { return None };
        let mut at = DateTime::from_parts(date, time);
        for _ in 0..3 {
            // A time that is there twice is its first one, a time that is not there the one after.
            let moment = now.time_zone().to_ambiguous_zoned(at).compatible().ok()?.timestamp();
            if moment > now.timestamp() {
                return Some(moment);
            }
            at = at.checked_add(i64::from(step).days()).ok()?;
        }
        None
    }
}

impl Window {
    /// Sets the time zone of its times, by its name in the IANA database: `America/New_York`. It is part of the program.
    pub fn zone(mut self, name: &str) -> Self {
        match TimeZone::get(name) {
            Ok(zone) => self.zone = Zone { name: name.to_owned(), zone },
            Err(_) => self.wrong = Some(unknown_zone("its window", name)),
        }
        self
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.wrong.clone()
    }

    pub(super) fn contains(&self, at: SystemTime) -> bool {
        let Some(now) = self.zoned(at) else { return false };
        let in_a_week = |day: Weekday, time: Time| (day.to_monday_zero_offset(), time);
        match (self.from, self.to) {
            (Edge::Weekly(from_day, from), Edge::Weekly(to_day, to)) => {
                let (from, to) = (in_a_week(from_day, from), in_a_week(to_day, to));
                let now = in_a_week(now.weekday(), now.time());
                if from <= to { from <= now && now <= to } else { now >= from || now <= to }
            }
            (Edge::Daily(from), Edge::Daily(to)) => from <= now.time() && now.time() <= to,
            (Edge::Once(from), Edge::Once(to)) => from <= now.timestamp() && now.timestamp() <= to,
            _ => false,
        }
    }

    /// Returns when it begins next.
    pub(super) fn opens_after(&self, at: SystemTime) -> Option<SystemTime> {
        self.from.next_after(&self.zoned(at)?).map(SystemTime::from)
    }

    /// Returns the first moment that does not belong to it any more, of one that does.
    pub(super) fn ends_after(&self, at: SystemTime) -> Option<SystemTime> {
        let now = self.zoned(at)?;
        let first_after = |last: SystemTime| last.checked_add(Duration::from_nanos(1));
        let mut end: SystemTime = match self.to {
            Edge::Once(to) => return first_after(to.into()),
            to => to.next_after(&now).map_or(at, SystemTime::from),
        };
        // At its very last moment, the next end is that of the next time.
        if !self.contains(end) || now.time() == self.last_time() {
            end = at;
        }
        first_after(end)
    }

    fn last_time(&self) -> Time {
        match self.to {
            Edge::Weekly(_, time) | Edge::Daily(time) => time,
            Edge::Once(_) => Time::midnight(),
        }
    }

    fn zoned(&self, at: SystemTime) -> Option<Zoned> {
        Some(Timestamp::try_from(at).ok()?.to_zoned(self.zone.zone.clone()))
    }
}

/// Says that there is no such time zone.
pub(super) fn unknown_zone(whose: &str, name: &str) -> String {
    format!(
        "{whose} is in the time zone {name:?}, which there is not: name one of the IANA database, such as \"Europe/London\""
    )
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} ({})", self.from, self.to, self.zone.name)
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |time: Time| time.strftime(if time.second() == 0 { "%H:%M" } else { "%T" }).to_string();
        match self {
            Self::Weekly(day, time) => {
                let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
                let day = usize::try_from(day.to_monday_zero_offset()).ok().and_then(|n| days.get(n));
                write!(f, "{} {}", day.unwrap_or(&""), clock(*time))
            }
            Self::Daily(time) => f.write_str(&clock(*time)),
            Self::Once(at) => write!(f, "{at}"),
        }
    }
}
