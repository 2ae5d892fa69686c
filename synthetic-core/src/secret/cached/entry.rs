//! What is known of one secret.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::secret::{Secret, SecretError};

/// For how long it is remembered that a store does not have a secret.
const MISSING: Duration = Duration::from_secs(30);

/// For how long an error is remembered.
const BROKEN: Duration = Duration::from_secs(1);

/// How long after the store was asked a refusal is news.
const FRESH: Duration = Duration::from_secs(5);

pub(super) type Answer = Result<Option<Secret>, SecretError>;

#[derive(Default)]
pub(super) struct Entry {
    /// Held by the one who asks the store.
    pub(super) turn: tokio::sync::Mutex<()>,
    known: Mutex<Option<Known>>,
}

struct Known {
    /// The how manieth answer it is.
    number: u64,
    /// When the store was asked: what it says may be as old as that.
    asked: Instant,
    /// When it had answered.
    answered: Instant,
    answer: Answer,
    refused: bool,
}

impl Entry {
    /// Returns the store's answer while it counts.
    pub(super) fn valid(&self, ttl: Duration) -> Option<Answer> {
        let known = self.known();
        let known = known.as_ref().filter(|known| !known.refused)?;
        let (since, bound) = match &known.answer {
            Ok(Some(_)) => (known.asked, ttl),
            Ok(None) => (known.asked, ttl.min(MISSING)),
            // From its answer on: what takes long to fail is asked for no more often for that.
            Err(_) => (known.answered, ttl.min(BROKEN)),
        };
        (since.elapsed() < bound).then(|| known.answer.clone())
    }

    /// Returns how often the store has answered.
    pub(super) fn answers(&self) -> u64 {
        self.known().as_ref().map_or(0, |known| known.number)
    }

    /// Returns an answer that came after so many others, for however short a time answers count.
    pub(super) fn answer_after(&self, answers: u64) -> Option<Answer> {
        let known = self.known();
        known.as_ref().filter(|known| !known.refused && known.number > answers).map(|known| known.answer.clone())
    }

    pub(super) fn keep(&self, asked: Instant, answer: Answer) {
        let mut known = self.known();
        let number = known.as_ref().map_or(0, |known| known.number) + 1;
        *known = Some(Known { number, asked, answered: Instant::now(), answer, refused: false });
    }

    /// Gives the value no more if it is the one that was refused, and was not looked up just now.
    pub(super) fn invalidate(&self, secret: &Secret) {
        if let Some(known) = self.known().as_mut()
            && known.asked.elapsed() >= FRESH
            && matches!(&known.answer, Ok(Some(given)) if given.is_same_as(secret))
        {
            known.refused = true;
        }
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
