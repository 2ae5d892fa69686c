//! [`Mark`]: the text by which a made thing is found again.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use uuid::Uuid;

/// What every mark begins with: who finds it in a database knows whose it is.
const PREFIX: &str = "syn1-";
/// The longest name of a monitor in a mark, in bytes; a longer one is cut.
const LONGEST_MONITOR: usize = 40;
/// The longest name of a canary in a mark, in bytes; a longer one is cut.
const LONGEST_CANARY: usize = 100;

/// Names one made thing, so that it is found again also when the answer to its creation was lost:
/// `syn1-<monitor>-<canary>-<ULID>-<n>`.
///
/// It is unique, can be searched for in any log or table, and stands in a URL as it is: only letters, digits, `-` and `_`.
/// The ULID holds the 128 bits of the run's id, and so the time at which the run began; `n` counts what the run makes,
/// from 1. Characters of the monitor's name that are not letters, digits or `_` become `_`, so that a mark is read back
/// in one way only. At most 200 bytes long.
///
/// Format: ULID, <https://github.com/ulid/spec>.
///
/// # Examples
///
/// ```
/// use synthetic_core::cleanup::Mark;
///
/// let mark: Mark = "syn1-shop-order-lifecycle-01JD3QKX7V0000000000000000-2".parse()?;
/// assert_eq!((mark.monitor(), mark.canary(), mark.number()), ("shop", "order-lifecycle", 2));
/// assert!("order 17".parse::<Mark>().is_err());
/// # Ok::<(), synthetic_core::cleanup::ParseMarkError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mark {
    text: Arc<str>,
    monitor: Range<usize>,
    canary: Range<usize>,
    run: Uuid,
    number: u32,
}

impl Mark {
    /// Makes the mark of the nth thing of a run.
    pub(crate) fn new(monitor: &str, canary: &str, run: Uuid, number: u32) -> Self {
        let (monitor, canary) = (monitor_part(monitor), canary_part(canary));
        let text = format!("{PREFIX}{monitor}-{canary}-{}-{number}", Ulid::from(run.as_u128()));
        let canary_at = PREFIX.len() + monitor.len() + 1;
        Self {
            text: text.into(),
            monitor: PREFIX.len()..canary_at - 1,
            canary: canary_at..canary_at + canary.len(),
            run,
            number,
        }
    }

    /// Returns a mark like this one that nothing is ever made with: what a search finds by it, it would find by any.
    pub(crate) fn unused(&self) -> Self {
        Self::new(self.monitor(), self.canary(), self.run, u32::MAX)
    }

    /// Finds the first mark in a text: in an e-mail address, a title, a line of a log.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::cleanup::Mark;
    /// let mark = Mark::find_in("canary+syn1-shop-login-01JD3QKX7V0000000000000000-1@example.com").unwrap();
    /// assert_eq!(mark.canary(), "login");
    /// assert_eq!(Mark::find_in("canary@example.com"), None);
    /// ```
    #[must_use]
    pub fn find_in(text: &str) -> Option<Self> {
        let starts = text.match_indices(PREFIX).map(|(at, _)| at);
        starts
            .filter_map(|at| {
                let rest = &text[at..];
                let end = rest.find(|c: char| !is_mark_character(c)).unwrap_or(rest.len());
                rest[..end].parse().ok()
            })
            .next()
    }

    /// Returns the whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the name of the monitor that the thing was made by, as it stands in the mark; `local` without a monitor.
    #[must_use]
    pub fn monitor(&self) -> &str {
        &self.text[self.monitor.clone()]
    }

    /// Returns the name of the canary that the thing was made by, as it stands in the mark.
    #[must_use]
    pub fn canary(&self) -> &str {
        &self.text[self.canary.clone()]
    }

    /// Returns the id of the run that the thing was made in.
    #[must_use]
    pub fn run_id(&self) -> Uuid {
        self.run
    }

    /// Returns the place of the thing among those of its run, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns when the run began that the thing was made in, to the millisecond.
    #[must_use]
    pub fn began_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(Ulid::from(self.run.as_u128()).timestamp_ms())
    }
}

/// Returns what all marks of a monitor begin with: `syn1-shop-`.
pub(crate) fn prefix_of(monitor: &str) -> String {
    format!("{PREFIX}{}-", monitor_part(monitor))
}

/// Returns a canary's name as it stands in its marks.
pub(crate) fn canary_part(canary: &str) -> Cow<'_, str> {
    // As a rule it is the name itself.
    if !canary.is_empty() && canary.len() <= LONGEST_CANARY && canary.chars().all(is_mark_character) {
        return Cow::Borrowed(canary);
    }
    let part: String =
        canary.chars().map(|c| if is_mark_character(c) { c } else { '_' }).take(LONGEST_CANARY).collect();
    Cow::Owned(if part.is_empty() { "_".to_owned() } else { part })
}

/// Returns a monitor's name as it stands in its marks: without `-`, which ends it there.
fn monitor_part(monitor: &str) -> String {
    let part: String =
        monitor.chars().map(|c| if c != '-' && is_mark_character(c) { c } else { '_' }).take(LONGEST_MONITOR).collect();
    if part.is_empty() { "_".to_owned() } else { part }
}

fn is_mark_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

impl FromStr for Mark {
    type Err = ParseMarkError;

    fn from_str(text: &str) -> Result<Self, ParseMarkError> {
        let parts = || {
            let rest = text.strip_prefix(PREFIX).filter(|rest| rest.chars().all(is_mark_character))?;
            let (monitor, rest) = rest.split_once('-')?;
            let (rest, number) = rest.rsplit_once('-')?;
            let (canary, ulid) = rest.rsplit_once('-')?;
            let is_written_so = |n: &u32| *n > 0 && n.to_string() == number;
            let number = number.parse().ok().filter(is_written_so)?;
            let run = Ulid::from_string(ulid).ok().filter(|run| run.to_string() == ulid)?;
            let named = !monitor.is_empty() && monitor.len() <= LONGEST_MONITOR;
            (named && !canary.is_empty() && canary.len() <= LONGEST_CANARY).then_some(())?;
            Some((monitor.len(), canary.len(), Uuid::from_u128(run.into()), number))
        };
        let (monitor, canary, run, number) = parts().ok_or_else(|| ParseMarkError(shown(text)))?;
        let canary_at = PREFIX.len() + monitor + 1;
        Ok(Self {
            text: text.into(),
            monitor: PREFIX.len()..canary_at - 1,
            canary: canary_at..canary_at + canary,
            run,
            number,
        })
    }
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

impl TryFrom<String> for Mark {
    type Error = ParseMarkError;
    fn try_from(text: String) -> Result<Self, ParseMarkError> {
        text.parse()
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        mark.text.as_ref().to_owned()
    }
}

impl AsRef<str> for Mark {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({})", self.text)
    }
}

/// Says that a text is no mark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mark: one looks like syn1-shop-order-lifecycle-01JD3QKX7V0000000000000000-1")]
pub struct ParseMarkError(String);

#[cfg(test)]
mod tests;
