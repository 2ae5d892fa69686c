//! A process that a test can kill at a point of its choice: from then on, nothing of it does anything any more.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use synthetic_core::cleanup::journal::Left;
use synthetic_core::cleanup::{self, Entry, FileJournal, JournalError, JournalStore};
use tokio::sync::Notify;

/// What a process may be killed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// The intent is about to be written.
    IntentUnwritten,
    /// Half of the intent is written.
    IntentTorn,
    /// The intent is written, and nothing was sent.
    IntentWritten,
    /// The request to create is with the target, and was not carried out.
    CreateInFlight,
    /// The request to create was carried out, and its answer has not come.
    CreateUnanswered,
    /// The answer has come, and the id is about to be written.
    CreatedUnwritten,
    /// The id is written.
    CreatedWritten,
    /// The body goes on with its journey.
    Journey,
    /// The request to delete is with the target, and was not carried out.
    DeleteInFlight,
    /// The request to delete was carried out, and its answer has not come.
    DeleteUnanswered,
    /// It is over, which is about to be written.
    OverUnwritten,
    /// It is written that it is over.
    OverWritten,
    /// The target has been asked what carries a mark.
    Searching,
    /// What others left has been taken over.
    Adopted,
}

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    At(Point),
    /// At the nth point that it reaches, from 0.
    Nth(usize),
}

/// A process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    died: Notify,
}

#[derive(Debug, Default)]
struct State {
    kill: Option<Kill>,
    reached: Vec<Point>,
    dead: bool,
}

impl Life {
    /// Begins a process that is killed some time.
    pub(crate) fn until(kill: Kill) -> Self {
        let life = Self::default();
        life.0.state.lock().unwrap().kill = Some(kill);
        life
    }

    /// Reaches a point. A process that dies there, or is dead, goes no further.
    pub(crate) async fn reach(&self, point: Point) {
        self.go_on().await;
        if self.dies_at(point) {
            std::future::pending::<()>().await;
        }
    }

    /// Goes on, unless the process is dead.
    pub(crate) async fn go_on(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// Reaches a point, and says whether the process dies there.
    pub(crate) fn dies_at(&self, point: Point) -> bool {
        let mut state = self.0.state.lock().unwrap();
        if state.dead {
            return false;
        }
        let nth = state.reached.len();
        state.reached.push(point);
        state.dead = match state.kill {
            Some(Kill::At(at)) => at == point,
            Some(Kill::Nth(at)) => at == nth,
            None => false,
        };
        if state.dead {
            self.0.died.notify_one();
        }
        state.dead
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.state.lock().unwrap().dead
    }

    /// Returns the points that it has reached so far.
    pub(crate) fn reached(&self) -> Vec<Point> {
        self.0.state.lock().unwrap().reached.clone()
    }

    /// Returns when the process has been killed.
    pub(crate) async fn died(&self) {
        self.0.died.notified().await;
    }
}

/// A store whose process may be killed in the midst of writing.
pub(crate) trait Tears: JournalStore {
    /// Writes half of an entry.
    fn tear(&self, entry: &Entry);
}

impl Tears for FileJournal {
    fn tear(&self, entry: &Entry) {
        let json = serde_json::to_string(entry).unwrap();
        let line = format!("{:08x} {json}", 7);
        let mut file = std::fs::File::options().append(true).open(self.path()).unwrap();
        file.write_all(&line.as_bytes()[..line.len() / 2]).unwrap();
    }
}

/// The store of a process that may be killed.
pub(crate) struct Mortal {
    pub(crate) store: Box<dyn Tears>,
    pub(crate) life: Life,
}

#[async_trait::async_trait]
impl JournalStore for Mortal {
    fn place(&self) -> String {
        self.store.place()
    }

    async fn put(&self, entries: &[Entry]) -> Result<(), JournalError> {
        let (before, after) = match entries[0].state {
            cleanup::State::Intent => (Point::IntentUnwritten, Point::IntentWritten),
            cleanup::State::Created | cleanup::State::Kept | cleanup::State::Abandoned => {
                (Point::CreatedUnwritten, Point::CreatedWritten)
            }
            _ => (Point::OverUnwritten, Point::OverWritten),
        };
        self.life.reach(before).await;
        if before == Point::IntentUnwritten && self.life.dies_at(Point::IntentTorn) {
            self.store.tear(&entries[0]);
            std::future::pending::<()>().await;
        }
        self.store.put(entries).await?;
        self.life.reach(after).await;
        Ok(())
    }

    async fn adopt(&self) -> Result<Left, JournalError> {
        self.life.go_on().await;
        let left = self.store.adopt().await?;
        self.life.reach(Point::Adopted).await;
        Ok(left)
    }

    async fn look(&self) -> Result<Left, JournalError> {
        self.store.look().await
    }

    async fn close(&self) -> Result<(), JournalError> {
        self.life.go_on().await;
        self.store.close().await
    }
}
