//! How long evidence is kept: [`Retention`].

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::layout::{self, Listed};
use super::{ArtifactStore, Key, StoreError, Stored};

/// Says how long a store keeps what runs left, and how much of it: failures longer than successes.
///
/// It goes by the [layout](super::RunFolder) alone, so that it needs no index and works for every store and for what other
/// monitors left there; what was not laid out so is neither counted nor deleted. A run goes as a whole. Buckets have rules of
/// their own (lifecycle), which cost nothing: prefer them there, since this one lists all that is kept.
///
/// # Default
///
/// Everything is kept.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use synthetic_core::artifact::{LocalFolder, Retention};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// let retention = Retention::new().passed(7 * DAY).failed(30 * DAY).total_bytes(10 << 30);
/// let now = SystemTime::UNIX_EPOCH + 20_000 * DAY;
/// let kept = retention.apply(&LocalFolder::at(folder.path()), now).await?;
/// assert_eq!((kept.runs_deleted, kept.bytes), (0, 0));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    passed: Option<Duration>,
    failed: Option<Duration>,
    total_bytes: Option<u64>,
}

impl Retention {
    /// Keeps everything, until told otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps runs that passed, or were skipped, for so long after their start.
    #[must_use]
    pub fn passed(mut self, age: Duration) -> Self {
        self.passed = Some(age);
        self
    }

    /// Keeps all other runs for so long after their start, and never shorter than those that [passed](Self::passed).
    #[must_use]
    pub fn failed(mut self, age: Duration) -> Self {
        self.failed = Some(age);
        self
    }

    /// Keeps at most so many bytes: the oldest run that passed goes first, and one that failed only when no other is left.
    #[must_use]
    pub fn total_bytes(mut self, most: u64) -> Self {
        self.total_bytes = Some(most);
        self
    }

    /// Returns the most bytes that are kept, if that is bounded.
    #[must_use]
    pub fn most_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Deletes what need not be kept at the time `now`.
    ///
    /// # Errors
    ///
    /// Returns what stands in the way. What was deleted until then is; another call goes on.
    pub async fn apply(&self, store: &dyn ArtifactStore, now: SystemTime) -> Result<Retained, StoreError> {
        let root = Key::new("canary").map_err(|error| StoreError::Refused(error.to_string()))?;
        let stored = store.list(Some(&root)).await?;
        let runs = runs(&stored);
        let mut kept = Retained { bytes: runs.iter().map(|run| run.bytes).sum(), ..Retained::default() };
        for run in self.unwanted(runs, now) {
            for key in run.keys {
                store.delete(key).await?;
            }
            kept.bytes -= run.bytes;
            kept.bytes_deleted += run.bytes;
            kept.runs_deleted += 1;
        }
        Ok(kept)
    }

    /// Returns the runs to delete.
    fn unwanted<'a>(&self, mut runs: Vec<StoredRun<'a>>, now: SystemTime) -> Vec<StoredRun<'a>> {
        // In the order in which they would be given up.
        runs.sort_by(|a, b| (a.failed, a.at, a.keys.first()).cmp(&(b.failed, b.at, b.keys.first())));
        let mut bytes: u64 = runs.iter().map(|run| run.bytes).sum();
        let mut unwanted = Vec::new();
        let mut wanted = Vec::new();
        for run in runs {
            if self.is_too_old(&run, now) {
                bytes -= run.bytes;
                unwanted.push(run);
            } else {
                wanted.push(run);
            }
        }
        let most = self.total_bytes.unwrap_or(u64::MAX);
        for run in wanted {
            if bytes <= most {
                break;
            }
            bytes -= run.bytes;
            unwanted.push(run);
        }
        unwanted
    }

    fn is_too_old(&self, run: &StoredRun<'_>, now: SystemTime) -> bool {
        let most =
            if run.failed { self.failed.map(|age| age.max(self.passed.unwrap_or_default())) } else { self.passed };
        let age = now.duration_since(run.at).unwrap_or_default();
        most.is_some_and(|most| age > most)
    }
}

/// What [`Retention::apply`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retained {
    /// How many bytes runs still take.
    pub bytes: u64,
    /// How many runs were deleted.
    pub runs_deleted: u64,
    /// How many bytes they took.
    pub bytes_deleted: u64,
}

#[derive(Debug)]
struct StoredRun<'a> {
    at: SystemTime,
    failed: bool,
    bytes: u64,
    keys: Vec<&'a Key>,
}

fn runs(stored: &[Stored]) -> Vec<StoredRun<'_>> {
    let mut runs: HashMap<&str, StoredRun<'_>> = HashMap::new();
    for Stored { key, size, .. } in stored {
        let Some(Listed { folder, at, failed }) = layout::read(key) else { continue };
        let run = runs.entry(folder).or_insert(StoredRun { at, failed, bytes: 0, keys: Vec::new() });
        run.bytes += size;
        run.keys.push(key);
    }
    runs.into_values().collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::artifact::{LocalFolder, RunFolder};

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(hour: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + 400_000 * HOUR + hour * HOUR
    }

    /// Stores runs of 100 bytes in two files each: the hour of each, and how it ended.
    async fn store(runs: &[(u32, &str)]) -> (tempfile::TempDir, LocalFolder) {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalFolder::at(folder.path());
        for (hour, ending) in runs {
            let run = RunFolder::new(Some("eu"), "shop", at(*hour), Uuid::from_u128(u128::from(*hour)), ending);
            store.put(&run.file("report.json"), "application/json", vec![b'x'; 60].into()).await.unwrap();
            store.put(&run.attachment(1, "cart.json"), "application/json", vec![b'x'; 40].into()).await.unwrap();
        }
        (folder, store)
    }

    /// Returns the hours whose runs are left, after checking that none is left in part.
    async fn left(store: &LocalFolder) -> Vec<u32> {
        let stored = store.list(None).await.unwrap();
        let mut hours: Vec<u32> = runs(&stored)
            .iter()
            .map(|run| {
                assert_eq!(run.bytes, 100);
                u32::try_from(run.at.duration_since(at(0)).unwrap().as_secs() / 3600).unwrap()
            })
            .collect();
        hours.sort_unstable();
        hours
    }

    async fn check(retention: Retention, runs: &[(u32, &str)], now: u32, expected: &[u32]) {
        let (_folder, store) = store(runs).await;
        let kept = retention.apply(&store, at(now)).await.unwrap();
        assert_eq!(left(&store).await, expected, "{retention:?}");
        let gone = (runs.len() - expected.len()) as u64;
        assert_eq!(
            kept,
            Retained { bytes: expected.len() as u64 * 100, runs_deleted: gone, bytes_deleted: gone * 100 }
        );
        assert_eq!(retention.apply(&store, at(now)).await.unwrap().runs_deleted, 0, "there is nothing left to do");
    }

    const RUNS: [(u32, &str); 6] =
        [(0, "failed"), (1, "passed"), (2, "passed"), (3, "error"), (4, "skipped"), (5, "passed")];

    #[tokio::test]
    async fn everything_is_kept_unless_told_otherwise() {
        check(Retention::new(), &RUNS, 1_000_000, &[0, 1, 2, 3, 4, 5]).await;
    }

    #[tokio::test]
    async fn what_passed_is_kept_for_its_age_and_what_failed_for_ever() {
        check(Retention::new().passed(3 * HOUR), &RUNS, 6, &[0, 3, 4, 5]).await;
    }

    #[tokio::test]
    async fn what_failed_is_kept_for_an_age_of_its_own() {
        check(Retention::new().passed(HOUR).failed(4 * HOUR), &RUNS, 6, &[3, 5]).await;
    }

    #[tokio::test]
    async fn failures_never_go_before_successes_of_their_age() {
        check(Retention::new().passed(5 * HOUR).failed(HOUR), &RUNS, 6, &[1, 2, 3, 4, 5]).await;
    }

    #[tokio::test]
    async fn of_too_many_bytes_the_oldest_successes_go_first_and_then_the_oldest_failures() {
        check(Retention::new().total_bytes(600), &RUNS, 6, &[0, 1, 2, 3, 4, 5]).await;
        check(Retention::new().total_bytes(599), &RUNS, 6, &[0, 2, 3, 4, 5]).await;
        check(Retention::new().total_bytes(250), &RUNS, 6, &[0, 3]).await;
        check(Retention::new().total_bytes(100), &RUNS, 6, &[3]).await;
        check(Retention::new().total_bytes(0), &RUNS, 6, &[]).await;
    }

    #[tokio::test]
    async fn a_run_of_the_future_is_not_old() {
        check(Retention::new().passed(HOUR), &[(9, "passed")], 0, &[9]).await;
    }

    #[tokio::test]
    async fn what_was_not_laid_out_by_a_run_is_left_alone() {
        let (folder, store) = store(&RUNS).await;
        std::fs::write(folder.path().join("canary/eu/notes.txt"), "mine").unwrap();
        std::fs::write(folder.path().join("other.txt"), "mine").unwrap();
        let kept = Retention::new().total_bytes(0).apply(&store, at(6)).await.unwrap();
        assert_eq!((kept.bytes, kept.runs_deleted), (0, 6));
        let rest: Vec<_> = store.list(None).await.unwrap().into_iter().map(|stored| stored.key.to_string()).collect();
        assert_eq!(rest, ["canary/eu/notes.txt", "other.txt"]);
        assert!(!folder.path().join("canary/eu/shop").exists(), "folders go with what was in them");
    }
}
