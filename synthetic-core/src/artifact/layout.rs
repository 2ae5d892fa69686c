//! How what a run leaves is laid out in a store: [`RunFolder`].

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::key::{self, Key};

/// The folder of folders that runs are laid out in.
const ROOT: &str = "canary";
/// How many parts the key of a run's folder has.
const DEPTH: usize = 9;
/// What a run that nobody needs to look into begins with.
const FINE: [&str; 2] = ["passed-", "skipped-"];

/// Names where what one run leaves is kept: `canary/<location>/<name>/YYYY/MM/DD/HH/mm-ss-SSS/<ending>-<run id>/`.
///
/// The time is that of the run's start, in UTC. The run's id keeps apart two runs of the same millisecond, as two
/// monitors of the same location make them, and makes storing a run twice harmless; the ending in front of it is what
/// [`Retention`](super::Retention) goes by, and who reads a listing. Where there is no location, `_` stands for it. What
/// cannot stand in a key is `_` too, and then a checksum of the name follows, so that names stay apart.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use synthetic_core::artifact::RunFolder;
///
/// let started_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_250);
/// let run_id = "01a317d9-c4fa-7000-8000-000000000001".parse()?;
/// let folder = RunFolder::new(Some("eu-1"), "checkout", started_at, run_id, "failed");
/// assert_eq!(
///     folder.file("report.json").as_str(),
///     "canary/eu-1/checkout/2027/01/15/08/00-00-250/failed-01a317d9-c4fa-7000-8000-000000000001/report.json",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder(String);

impl RunFolder {
    /// Names the folder of a run, which ended as `ending` says: an outcome, such as `failed`.
    #[must_use]
    pub fn new(location: Option<&str>, canary: &str, started_at: SystemTime, run_id: Uuid, ending: &str) -> Self {
        let location = location.map_or_else(|| key::NO_NAME.to_owned(), key::part);
        // As in the JSON form, a time that cannot be written is the last or first that can be.
        let furthest = if started_at < SystemTime::UNIX_EPOCH { Timestamp::UNIX_EPOCH } else { Timestamp::MAX };
        let time = Timestamp::try_from(started_at).unwrap_or(furthest).max(Timestamp::UNIX_EPOCH);
        let time = TimeZone::UTC.to_datetime(time);
        let (canary, ending) = (key::part(canary), key::part(ending));
        Self(format!(
            "{ROOT}/{location}/{canary}/{:04}/{:02}/{:02}/{:02}/{:02}-{:02}-{:03}/{ending}-{run_id}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond(),
        ))
    }

    /// Returns the key of a file in it, whatever it is called.
    #[must_use]
    pub fn file(&self, name: &str) -> Key {
        self.key(&key::file(name))
    }

    /// Returns the key of the `number`th attachment, whatever it is called: `…/attachments/01-cart.json`.
    #[must_use]
    pub fn attachment(&self, number: usize, name: &str) -> Key {
        self.key(&format!("attachments/{number:02}-{}", key::file(name)))
    }

    /// Every part of it was made to be one, and all of them together stay below the bound of a key.
    fn key(&self, rest: &str) -> Key {
        let text = format!("{}/{rest}", self.0);
        Key::new(text).expect("the parts of a run's folder are parts of a key")
    }
}

/// A run that a listing speaks of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed<'a> {
    pub(super) folder: &'a str,
    pub(super) at: SystemTime,
    /// Somebody may still want to look into it.
    pub(super) failed: bool,
}

/// Returns which run a key belongs to; nothing for a key that was not laid out here.
pub(super) fn read(key: &Key) -> Option<Listed<'_>> {
    let text = key.as_str();
    let end = text.match_indices('/').nth(DEPTH - 1)?.0;
    let folder = &text[..end];
    let parts: Vec<&str> = folder.split('/').collect();
    let [ROOT, _, _, year, month, day, hour, moment, run] = parts[..] else { return None };
    let [minute, second, milli] = moment.split('-').collect::<Vec<_>>()[..] else { return None };
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<i8>().ok()).flatten();
    let milli = (milli.len() == 3).then(|| milli.parse::<i32>().ok()).flatten()?;
    let year = (year.len() == 4).then(|| year.parse::<i16>().ok()).flatten()?;
    let nanos = milli.checked_mul(1_000_000)?;
    let time = DateTime::new(year, two(month)?, two(day)?, two(hour)?, two(minute)?, two(second)?, nanos).ok()?;
    let at = TimeZone::UTC.to_timestamp(time).ok()?.into();
    Some(Listed { folder, at, failed: !FINE.iter().any(|fine| run.starts_with(fine)) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RUN: Uuid = Uuid::from_u128(7);

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn what_is_laid_out_can_be_read_again() {
        let when = at(1_800_000_000_007);
        for (ending, failed) in
            [("passed", false), ("skipped", false), ("failed", true), ("error", true), ("flaky", true)]
        {
            let folder = RunFolder::new(Some("eu"), "shop", when, RUN, ending);
            for key in [folder.file("report.json"), folder.attachment(3, "cart.json")] {
                assert_eq!(read(&key), Some(Listed { folder: &folder.0, at: when, failed }), "{key}");
            }
        }
    }

    #[test]
    fn runs_of_the_same_millisecond_do_not_collide() {
        let folder = |run| RunFolder::new(None, "shop", at(0), Uuid::from_u128(run), "passed").file("report.json");
        assert_ne!(folder(1), folder(2));
        assert_eq!(folder(1), folder(1));
    }

    #[test]
    fn hostile_names_stay_in_their_place() {
        let long = "x/".repeat(3000);
        for name in ["../../..", "a/b", "", "\0", &long] {
            let folder = RunFolder::new(Some(name), name, at(0), RUN, name);
            for key in [folder.file(name), folder.attachment(99, name)] {
                let listed = read(&key).unwrap();
                assert_eq!((listed.at, listed.folder), (at(0), &*folder.0), "{key}");
            }
        }
    }

    #[test]
    fn times_that_cannot_be_written_are_the_nearest_that_can() {
        let time = |at| {
            let folder = RunFolder::new(None, "shop", at, RUN, "passed");
            folder.0.split('/').skip(3).take(5).collect::<Vec<_>>().join("/")
        };
        assert_eq!(time(at(0) - Duration::from_secs(1)), "1970/01/01/00/00-00-000");
        assert_eq!(time(at(0) + Duration::from_secs(1 << 40)), "9999/12/30/22/00-00-999");
    }

    #[test]
    fn what_was_not_laid_out_here_is_no_run() {
        let whole = "canary/eu/shop/2027/01/15/08/00-00-000/failed-1/report.json";
        assert!(read(&Key::new(whole).unwrap()).is_some());
        for (part, other) in [
            ("canary/", "backup/"),
            ("/2027/", "/27/"),
            ("/01/", "/13/"),
            ("00-00-000", "00-00"),
            ("00-00-000", "00-60-000"),
            ("00-00-000", "00-00-0000"),
            ("/report.json", ""),
        ] {
            let text = whole.replacen(part, other, 1);
            assert_eq!(read(&Key::new(text.as_str()).unwrap()), None, "{text}");
        }
    }
}
