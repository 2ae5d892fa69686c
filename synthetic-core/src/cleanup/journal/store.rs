//! [`JournalStore`]: where the journal is kept.

use async_trait::async_trait;

use crate::cleanup::Entry;

/// Keeps what canaries made and have not removed yet, so that another process finds it when this one is killed.
///
/// # Contract
///
/// - [`put`](Self::put) replaces what was known of an entry, which is named by its mark. When it returns, the process may
///   be killed without the entry being lost; when it fails, the entry is as it was before.
/// - An entry whose state [is over](crate::cleanup::State::is_over) may be forgotten.
/// - What a process put belongs to it as long as it lives, and to nobody else. When it has died, by whatever death,
///   [`adopt`](Self::adopt) gives all of it to one living process, once, and keeps it from then on as if that had put it.
/// - [`look`](Self::look) returns what `adopt` would, and changes nothing.
/// - What cannot be read is a [problem](Left::problems) in words, never dropped in silence.
/// - [`close`](Self::close) leaves nothing behind when every entry is over; what is not over, the next process adopts. A
///   store that is dropped without it is one whose process has died.
/// - No secret is written: an entry has none.
///
/// [`check_journal_store_contract`](crate::testing::check_journal_store_contract) asserts what of it can be asserted.
#[async_trait]
pub trait JournalStore: Send + Sync + 'static {
    /// Returns where it is, for messages: a path.
    fn place(&self) -> String;

    /// Writes entries over what was known of them.
    ///
    /// # Errors
    ///
    /// Returns why they could not be written: nothing is made then.
    async fn put(&self, entries: &[Entry]) -> Result<(), JournalError>;

    /// Takes over what processes that are gone have left.
    ///
    /// # Errors
    ///
    /// Returns why the place could not be read at all.
    async fn adopt(&self) -> Result<Left, JournalError>;

    /// Looks at what processes that are gone have left, and leaves it there.
    ///
    /// # Errors
    ///
    /// Returns why the place could not be read at all.
    async fn look(&self) -> Result<Left, JournalError>;

    /// Lets go: nothing is put afterwards. A second call does nothing.
    ///
    /// # Errors
    ///
    /// Returns why it could not be closed.
    async fn close(&self) -> Result<(), JournalError>;
}

/// What processes that are gone have left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Left {
    /// The entries that are not over, each with where it was found.
    pub entries: Vec<(Entry, String)>,
    /// What could not be read, each a sentence that names the place and says what to do.
    pub problems: Vec<String>,
}

/// Says why a journal cannot be read or written. Its text names the place and the cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(String);

impl JournalError {
    /// Makes an error of its text: a fragment that names the place and the cause.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
