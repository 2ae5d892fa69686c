//! Reads a schedule from a text, as on a command line.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

use super::Schedule;
use crate::expect::every;

/// Says why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no schedule: {why}")]
pub struct ParseScheduleError {
    text: String,
    why: String,
}

/// Reads a time, `30s` or `1h 30m`, for `every`; the forms of CloudWatch, `rate(5 minutes)` and `cron(0/5 * * * ? *)`; or a cron
/// expression of five or six fields. Cron expressions need the feature `cron`.
///
/// # Examples
///
/// ```
/// use synthetic_core::Schedule;
///
/// let every: Schedule = "rate(5 minutes)".parse()?;
/// assert_eq!(every.to_string(), "every 5m");
/// let error = "rate(5 fortnights)".parse::<Schedule>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "\"rate(5 fortnights)\" is no schedule: write a rate as rate(1 minute), rate(5 minutes), rate(1 hour) or rate(2 days)",
/// );
/// # Ok::<(), synthetic_core::schedule::ParseScheduleError>(())
/// ```
impl FromStr for Schedule {
    type Err = ParseScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = match text.trim().split_once('(') {
            Some(("rate", rest)) => rate(rest),
            Some(("cron", rest)) => rest.strip_suffix(')').ok_or("its bracket is not closed".to_owned()).and_then(cron),
            _ => match text.trim().parse::<SignedDuration>().map(Duration::try_from) {
                Ok(Ok(period)) if !period.is_zero() => Ok(every(period).into()),
                Ok(_) => Err("a time between starts is longer than nothing, such as 30s".to_owned()),
                Err(_) if text.split_whitespace().count() >= 5 => cron(text.trim()),
                Err(_) => {
                    Err("write 30s, rate(5 minutes), cron(0/5 * * * ? *), or a cron expression of five fields such as \
                     */5 * * * *"
                        .to_owned())
                }
            },
        };
        read.map_err(|why| ParseScheduleError { text: text.to_owned(), why })
    }
}

/// Reads what CloudWatch writes in `rate(…)`. A rate of nothing runs once, as it does there.
fn rate(rest: &str) -> Result<Schedule, String> {
    let read = || {
        let (number, unit) = rest.strip_suffix(')')?.trim().split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        let unit = match unit.trim() {
            "minute" | "minutes" => 60,
            "hour" | "hours" => 3600,
            "day" | "days" => 86_400,
            _ => return None,
        };
        Some(Duration::from_secs(number.checked_mul(unit)?))
    };
    match read() {
        Some(period) if period.is_zero() => Ok(Schedule::once()),
        Some(period) => Ok(every(period).into()),
        None => Err("write a rate as rate(1 minute), rate(5 minutes), rate(1 hour) or rate(2 days)".to_owned()),
    }
}

#[cfg(feature = "cron")]
fn cron(expression: &str) -> Result<Schedule, String> {
    Schedule::parse_cron(expression)
}

#[cfg(not(feature = "cron"))]
fn cron(_expression: &str) -> Result<Schedule, String> {
    Err("cron expressions need the feature `cron` of synthetic-core".to_owned())
}
