//! [`Resource`]: a kind of thing that canaries make in the target, and how it is removed.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Mark;
use crate::failure::{Failure, Result};

/// A kind of thing that canaries make in the target: how its id is read, how it is deleted, and how it is found again when
/// the answer to its creation was lost. Test data is born only through [`Run::create`](crate::Run::create), which is
/// given one.
///
/// It is code that outlives its process: the journal keeps the kind, the id and the mark of what was made, and whatever
/// process reads it later calls the resource that is registered for the kind
/// ([`Builder::resource`](crate::monitor::Builder::resource)).
///
/// # Contract
///
/// - [`KIND`](Self::KIND) names the kind for good: what one version of a program made, the next one removes.
/// - [`delete`](Self::delete) may be called again for what is gone, and says so ([`Gone::Already`]); a 404 or 410 that it
///   returns as a failure of `synthetic-http` counts as that too.
/// - [`find`](Self::find) returns every thing that carries the mark, and nothing else.
/// - What it does is idempotent, is safe to do from several tasks at once, and depends on nothing but the resource itself:
///   there may be no run around it.
///
/// What can be promised depends on the target; the guide's page on resources tells the four cases apart.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, Mutex};
/// use synthetic_core::prelude::*;
///
/// /// A target that lives in memory: ids, and the marks they carry.
/// #[derive(Clone, Default)]
/// struct Carts(Arc<Mutex<BTreeMap<u32, Mark>>>);
///
/// impl Resource for Carts {
///     const KIND: &'static str = "shop/cart";
///     type Made = u32;
///     type Id = u32;
///     fn id(&self, cart: &u32) -> u32 { *cart }
///     async fn delete(&self, id: &u32) -> Result<Gone> {
///         Ok(if self.0.lock().unwrap().remove(id).is_some() { Gone::Deleted } else { Gone::Already })
///     }
///     async fn find(&self, mark: &Mark) -> Result<Vec<u32>> {
///         Ok(self.0.lock().unwrap().iter().filter(|(_, m)| *m == mark).map(|(id, _)| *id).collect())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let carts = Carts::default();
/// let target = carts.clone();
/// let report = once(canary(Spec::new("boom"), move |run: Run| {
///     let carts = carts.clone();
///     async move {
///         run.create(&carts, |mark| { let carts = carts.clone(); async move {
///             carts.0.lock().unwrap().insert(7, mark);
///             Ok(7)
///         }}).await?;
///         panic!("boom")
///     }
/// })).await;
/// assert_eq!(report.cleanup.left_behind(), 0);
/// assert!(target.0.lock().unwrap().is_empty());
/// # }
/// ```
pub trait Resource: Clone + Send + Sync + 'static {
    /// The kind's name, for good: `shop/order`.
    const KIND: &'static str;

    /// What a creation returns to the journey.
    type Made: Send;

    /// What a thing is deleted by. It is kept in the journal as JSON, so it must not be a secret.
    type Id: Serialize + DeserializeOwned + Send + Sync;

    /// Returns the id of what was made.
    fn id(&self, made: &Self::Made) -> Self::Id;

    /// Deletes a thing, and says whether it was there.
    ///
    /// # Errors
    ///
    /// Returns what stood in the way. A failure of the network, and one that `synthetic-http` made of a 429 or a 5xx, is
    /// tried again.
    fn delete(&self, id: &Self::Id) -> impl Future<Output = Result<Gone>> + Send;

    /// Finds the things that carry a mark: what a lost answer hid.
    ///
    /// # Errors
    ///
    /// Returns why it could not be searched.
    ///
    /// # Default
    ///
    /// An error: write it, or say with [`Recovery::without_search`] that the target has no search.
    fn find(&self, mark: &Mark) -> impl Future<Output = Result<Vec<Self::Id>>> + Send {
        let _ = mark;
        async { Err(self.lacks("find")) }
    }

    /// Returns the id that the client chooses for the thing with this mark, where the target lets clients choose
    /// (`PUT /orders/{id}`): what a lost answer hid can then be deleted without a search.
    ///
    /// # Default
    ///
    /// None: the target chooses.
    fn chosen_id(&self, mark: &Mark) -> Option<Self::Id> {
        let _ = mark;
        None
    }

    /// Creates the thing, or, when it is called again with the same mark and payload, returns what the first call made: for
    /// targets with idempotency keys. [`Run::create_replayable`](crate::Run::create_replayable) calls it, and so does
    /// whoever must learn the id that a lost answer hid.
    ///
    /// It must send the same body for the same mark and payload.
    ///
    /// # Errors
    ///
    /// Returns why it could not be created.
    ///
    /// # Default
    ///
    /// An error: the kind has no replay.
    fn replay(&self, mark: &Mark, payload: &Value) -> impl Future<Output = Result<Self::Made>> + Send {
        let _ = (mark, payload);
        async { Err(self.lacks("replay")) }
    }

    /// Lists things whose mark begins with a prefix, for the sweep of orphans: things that no journal knows. More may be
    /// returned; what carries no mark of this monitor is never touched.
    ///
    /// # Errors
    ///
    /// Returns why it could not be listed.
    ///
    /// # Default
    ///
    /// An error. It is only called when [`Recovery::sweep_orphans`] asks for it.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<Listed<Self::Id>>>> + Send {
        let _ = prefix;
        async { Err(self.lacks("list")) }
    }

    /// Returns how things of this kind are recovered, and how long that may take.
    fn recovery(&self) -> Recovery {
        Recovery::default()
    }

    /// Returns the kind's name. Only a resource whose kind is not known before it runs says something else than
    /// [`KIND`](Self::KIND).
    fn kind(&self) -> &str {
        Self::KIND
    }

    /// Returns the id of what was made, where it may be missing. What has none counts as a lost answer.
    ///
    /// # Errors
    ///
    /// Returns why there is no id.
    fn read_id(&self, made: &Self::Made) -> Result<Self::Id> {
        Ok(self.id(made))
    }

    /// Returns what is wrong with the resource itself, so that nothing is made that it could not remove. One that is written
    /// as code has nothing.
    fn problem(&self) -> Option<String> {
        None
    }

    #[doc(hidden)]
    fn lacks(&self, what: &str) -> Failure {
        Failure::setup(format!("resource {:?} has no `{what}`", self.kind()))
    }
}

/// What became of a thing that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gone {
    /// It was there, and is no more.
    Deleted,
    /// It was not there any more: 404 or 410.
    Already,
}

/// A thing that was listed for the sweep of orphans: its id, and a text that its mark is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<Id> {
    /// What it is deleted by.
    pub id: Id,
    /// The text that carries its mark: its reference, its name, its e-mail address.
    pub text: String,
}

/// How things of a kind are recovered when the answer to their creation was lost, and how long that may take.
///
/// # Default
///
/// - found by [`Resource::find`]; never replayed
/// - a creation has 10 s, so long that a timeout waits for its answer
/// - quiescence: 60 s more than a creation has
/// - given up after 7 days
/// - orphans are not looked for
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use synthetic_core::cleanup::Recovery;
///
/// let recovery = Recovery::default().create_timeout(Duration::from_secs(5));
/// assert_eq!(recovery.quiescence_time(), Duration::from_secs(65));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it says nothing until `Resource::recovery` returns it"]
pub struct Recovery {
    create: Duration,
    quiescence: Option<Duration>,
    give_up: Duration,
    key: Option<Duration>,
    search: bool,
    orphans: Option<Orphans>,
}

/// Which orphans are removed, and how many of them at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orphans {
    pub(crate) older_than: Duration,
    pub(crate) at_most: usize,
}

impl Recovery {
    /// Sets how long a creation may take. When a run is cancelled or its time is up, a creation in flight is waited for so
    /// long, so that its answer is not lost.
    pub fn create_timeout(mut self, timeout: Duration) -> Self {
        self.create = timeout;
        self
    }

    /// Sets the longest time for which the target may still carry out a creation whose client has vanished, counted from
    /// the intent, and from every replay. Until then, what a lost answer hid is looked for again and again.
    pub fn quiescence(mut self, quiescence: Duration) -> Self {
        self.quiescence = Some(quiescence);
        self
    }

    /// Sets how long a removal is tried again, counted from the intent, before the thing is abandoned: reported with its
    /// id or mark, and never tried again.
    pub fn give_up_after(mut self, age: Duration) -> Self {
        self.give_up = age;
        self
    }

    /// Says that the target remembers idempotency keys for so long: [`Resource::replay`] may be called until then, less the
    /// time that it may take. The search takes over afterwards.
    pub fn replay(mut self, key_ttl: Duration) -> Self {
        self.key = Some(key_ttl);
        self
    }

    /// Says that the target has no search for marks: [`Resource::find`] is never called.
    pub fn without_search(mut self) -> Self {
        self.search = false;
        self
    }

    /// Lets the sweep remove orphans: things of this monitor older than so much, which no journal knows, at most so many a
    /// pass. Younger ones may belong to a run that goes on, in this process or in another one.
    pub fn sweep_orphans(mut self, older_than: Duration, at_most: usize) -> Self {
        self.orphans = Some(Orphans { older_than, at_most });
        self
    }

    /// Returns how long a creation may take.
    #[must_use]
    pub fn create_time(&self) -> Duration {
        self.create
    }

    /// Returns the quiescence.
    #[must_use]
    pub fn quiescence_time(&self) -> Duration {
        self.quiescence.unwrap_or_else(|| self.create.saturating_add(Duration::from_secs(60)))
    }

    pub(crate) fn give_up_age(&self) -> Duration {
        self.give_up
    }

    /// Returns whether what was to be made so long ago may be made again: a replay that begins now ends before the target
    /// forgets the key.
    pub(crate) fn may_replay(&self, age: Duration) -> bool {
        self.key.is_some_and(|ttl| age.saturating_add(self.create) < ttl)
    }

    pub(crate) fn searches(&self) -> bool {
        self.search
    }

    pub(crate) fn orphans(&self) -> Option<Orphans> {
        self.orphans
    }
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            create: Duration::from_secs(10),
            quiescence: None,
            give_up: Duration::from_secs(7 * 24 * 60 * 60),
            key: None,
            search: true,
            orphans: None,
        }
    }
}
