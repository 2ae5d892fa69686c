//! Removes one thing, as the state machine of the journal has it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::any_resource::{AnyResource, shown};
use super::journal::Journal;
use super::{Creation, Entry, Gone, Mark, Recovery, State};
use crate::clock::later;
use crate::failure::{Failure, Fate, Reason, Result, panic_message};
use crate::report::{CleanupItem, CleanupResult};

/// How long it waits before a removal is tried again, at first; twice as long each further time.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long a removal may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For the requests that it takes, with what another try may cure.
    pub(crate) each: Duration,
    /// Until when it may wait for what may still appear in the target, where nobody looks for it later.
    pub(crate) wait_until: Option<Instant>,
    /// Whether somebody tries again later what is not done now.
    pub(crate) again: bool,
}

/// How long a task that does not give up its thread is waited for beyond its time.
pub(crate) const MOMENT: Duration = Duration::from_millis(100);

/// The removal of one thing, on its way.
pub(crate) type Removing = Pin<Box<dyn Future<Output = Option<CleanupItem>> + Send>>;

/// Removes a thing that a journal knows, and says what became of it; `None` when the journal knows it no more. It has a
/// task of its own: nothing that is wrong with it, or with the code that removes it, goes beyond it. What that code
/// should stand in is put `around` it.
pub(crate) async fn remove<F>(
    journal: &Arc<Journal>,
    resource: &Arc<dyn AnyResource>,
    mark: &Mark,
    patience: Patience,
    around: impl FnOnce(Removing) -> F,
) -> Option<CleanupItem>
where
    F: Future<Output = Option<CleanupItem>> + Send + 'static,
{
    let before = journal.get(mark)?.entry;
    let start = Instant::now();
    let waits = patience.wait_until.map_or(Duration::ZERO, |end| end.saturating_duration_since(start));
    let work: Removing = {
        let (journal, resource, mark) = (Arc::clone(journal), Arc::clone(resource), mark.clone());
        Box::pin(async move { remove_here(&journal, &resource, &mark, patience).await })
    };
    match isolated(patience.each.saturating_add(waits).saturating_add(MOMENT), around(work)).await {
        Ok(item) => item,
        Err(Broken { result, failure }) => {
            let mut item = CleanupItem::new(before.name(), start.elapsed(), result, Some(failure));
            describe(&mut item, &before);
            Some(item)
        }
    }
}

async fn remove_here(
    journal: &Arc<Journal>,
    resource: &Arc<dyn AnyResource>,
    mark: &Mark,
    patience: Patience,
) -> Option<CleanupItem> {
    let started = Instant::now();
    let before = journal.get(mark)?.entry;
    let removal = Removal { journal, resource: &**resource, mark, patience };
    let (result, failure) = removal.run(later(started, patience.each)).await;
    // A replay may have learned the id of what is still there.
    let entry = journal.get(mark).map_or(before, |tracked| tracked.entry);
    let mut item = CleanupItem::new(entry.name(), started.elapsed(), result, failure);
    describe(&mut item, &entry);
    Some(item)
}

/// Says of an item what its entry knows.
pub(crate) fn describe(item: &mut CleanupItem, entry: &Entry) {
    item.kind = Some(entry.kind.clone());
    item.mark = Some(entry.mark.to_string());
    item.id = entry.id.as_ref().map(shown);
}

struct Removal<'a> {
    journal: &'a Arc<Journal>,
    resource: &'a dyn AnyResource,
    mark: &'a Mark,
    patience: Patience,
}

/// How one pass ended.
enum Pass {
    /// It is over, in this state.
    Over(State),
    /// It may still appear in the target, until then.
    NotQuiet(SystemTime),
    /// Nothing can find it.
    Blind(Failure),
}

impl Removal<'_> {
    async fn run(&self, mut deadline: Instant) -> (CleanupResult, Option<Failure>) {
        let mut wait = FIRST_WAIT;
        let mut last: Option<Failure> = None;
        loop {
            let Ok(pass) = timeout_at(deadline, self.pass()).await else {
                let text = format!("not done within {:?}", self.patience.each);
                let failure = Failure::with_reason(Reason::Timeout, text);
                let failure = last.into_iter().fold(failure, |failure, last| failure.cause(last.to_string()));
                return self.failed(CleanupResult::TimedOut, failure).await;
            };
            match pass {
                Ok(Pass::Over(state)) => return self.over(state).await,
                Ok(Pass::NotQuiet(until)) => match self.patience.wait_until {
                    Some(end) if Instant::now() < end => {
                        let now = self.journal.now();
                        let left = until.duration_since(now).unwrap_or_default() + Duration::from_millis(1);
                        let quiet = later(Instant::now(), left).min(end);
                        sleep_until(quiet).await;
                        // Its own time begins anew: what is over was spent on waiting.
                        deadline = later(Instant::now(), self.patience.each);
                    }
                    _ => return self.not_quiet(until).await,
                },
                Ok(Pass::Blind(failure)) => return self.abandon(failure).await,
                Err(failure) if failure.fate() == Fate::Transient && Instant::now() + wait < deadline => {
                    last = Some(failure);
                    sleep(wait.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(failure) => return self.failed(CleanupResult::Failed, failure).await,
            }
        }
    }

    /// Does what can be done now. Every part of it may be done again.
    async fn pass(&self) -> Result<Pass> {
        let Some(tracked) = self.journal.get(self.mark) else { return Ok(Pass::Over(State::Gone)) };
        if self.journal.withdraw(self.mark) {
            return Ok(Pass::Over(State::Refused)); // Nothing was ever sent.
        }
        let recovery = self.resource.recovery();
        if let Some(id) = tracked.id() {
            let was_there = self.delete(id).await? == Gone::Deleted;
            if !was_there {
                self.check_gone(id, &recovery).await?;
            }
            return Ok(Pass::Over(tracked.gone(was_there)));
        }
        if let Some(id) = self.resource.chosen_id(self.mark)? {
            let settled = self.settled(&recovery);
            let was_there = self.delete_found(&id).await?;
            return Ok(settled(was_there));
        }
        let mut refused = None;
        if let Some(payload) = tracked.entry.payload.as_ref().filter(|_| self.may_replay(&tracked.entry, &recovery)) {
            match self.replay(&tracked.entry, payload, recovery.create_time()).await {
                Ok(id) => {
                    self.note(tracked.entry.clone().created(id.clone())).await;
                    return Ok(Pass::Over(tracked.gone(self.delete(&id).await? == Gone::Deleted)));
                }
                Err(failure) if recovery.searches() => refused = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        if !recovery.searches() {
            let why = "the answer to its creation was lost, and nothing can find it";
            return Ok(Pass::Blind(Failure::new(why).hint(format!("look for the mark {} in the target", self.mark))));
        }
        let settled = self.settled(&recovery);
        let hits = self.resource.find(self.mark).await.map_err(|failure| match refused {
            Some(refused) => failure.evidence("replay", refused.to_string()),
            None => failure,
        })?;
        if !hits.is_empty() {
            self.check_search().await?;
        }
        let mut first = None;
        for id in &hits {
            // One that cannot be deleted is no reason to leave the others.
            if let Err(failure) = self.delete_found(id).await {
                first.get_or_insert(failure);
            }
        }
        first.map_or(Ok(settled(!hits.is_empty())), Err)
    }

    /// Returns how a pass ends that has removed what it found. Called before the target is asked: what that says afterwards
    /// is at least as new.
    fn settled(&self, recovery: &Recovery) -> impl Fn(bool) -> Pass + use<> {
        let tracked = self.journal.get(self.mark);
        let quiet_at = tracked.as_ref().map(|tracked| tracked.quiet_at(recovery.quiescence_time()));
        let not_quiet = quiet_at.filter(|quiet_at| self.journal.now() < *quiet_at);
        move |was_there| match (not_quiet, &tracked) {
            (Some(quiet_at), _) => Pass::NotQuiet(quiet_at),
            (None, Some(tracked)) => Pass::Over(tracked.gone(was_there)),
            (None, None) => Pass::Over(State::Gone),
        }
    }

    fn may_replay(&self, entry: &Entry, recovery: &Recovery) -> bool {
        recovery.may_replay(entry.age(self.journal.now()))
    }

    async fn delete(&self, id: &Value) -> Result<Gone> {
        match self.resource.delete(id).await {
            Err(failure) if failure.fate() == Fate::Gone => Ok(Gone::Already),
            Ok(Gone::Deleted) => {
                self.journal.deleted_one(self.resource.kind());
                Ok(Gone::Deleted)
            }
            other => other,
        }
    }

    /// Asks the search about a thing that is not there any more, as long as nothing of its kind was seen to be deleted: where
    /// things are deleted in the wrong place, nothing is ever there.
    async fn check_gone(&self, id: &Value, recovery: &Recovery) -> Result<()> {
        if !recovery.searches() || self.journal.is_deletable(self.resource.kind()) {
            return Ok(());
        }
        match self.resource.find(self.mark).await {
            Ok(ids) if ids.contains(id) => {
                let why = "its `delete` says that it is not there, and its search still finds it";
                let failure =
                    Failure::new(why).hint("correct `delete` of its resource: does it ask in the right place?");
                // A search may lag behind.
                Err(failure.with_fate(Fate::Transient))
            }
            _ => Ok(()),
        }
    }

    /// Asks the search for what is not there before what it found is deleted: where the target does not know what it is asked
    /// for, it shows what belongs to others.
    async fn check_search(&self) -> Result<()> {
        let others = match self.resource.find(&self.mark.unused()).await {
            Err(failure) if failure.fate() == Fate::Gone => return Ok(()),
            others => others?.len(),
        };
        if others == 0 {
            return Ok(());
        }
        let why =
            format!("its search finds {others} things by a mark that was never used: what it finds may be anybody's");
        let advice =
            "nothing of it was deleted; correct `find` of its resource: does the target know what it asks for?";
        Err(Failure::new(why).hint(advice))
    }

    /// Deletes what was found, and remembers that there was something.
    async fn delete_found(&self, id: &Value) -> Result<bool> {
        let was_there = self.delete(id).await? == Gone::Deleted;
        if was_there {
            self.journal.found(self.mark);
        }
        Ok(was_there)
    }

    /// Makes the thing again to learn its id. That is a creation too: what becomes of it when its answer is lost, the target
    /// decides from now on, so that is written first.
    async fn replay(&self, entry: &Entry, payload: &Value, time: Duration) -> Result<Value> {
        let mut again = entry.clone();
        again.replayed_at = Some(self.journal.now());
        self.journal.put(again).await.map_err(|error| Failure::setup(format!("its replay was not sent: {error}")))?;
        let deadline = later(Instant::now(), time);
        let creation = Creation::new(self.mark.clone(), deadline);
        let replay = creation.scope(self.resource.replay(self.mark, payload));
        let Ok(result) = timeout_at(deadline, replay).await else {
            return Err(Failure::with_reason(Reason::Timeout, format!("its replay was not done within {time:?}")));
        };
        if result.as_ref().is_err_and(|failure| failure.fate() == Fate::Refused || creation.made_nothing()) {
            self.note(entry.clone()).await;
        }
        result
    }

    async fn over(&self, state: State) -> (CleanupResult, Option<Failure>) {
        if let Some(tracked) = self.journal.get(self.mark) {
            self.note(tracked.entry.in_state(state)).await;
        }
        let result = if state == State::Deleted { CleanupResult::Removed } else { CleanupResult::AlreadyGone };
        (result, None)
    }

    async fn not_quiet(&self, until: SystemTime) -> (CleanupResult, Option<Failure>) {
        let left = until.duration_since(self.journal.now()).unwrap_or_default();
        let left = Duration::from_secs(left.as_secs_f64().ceil() as u64);
        let text = format!("the answer to its creation was lost, and it may still appear in the next {left:?}");
        if self.patience.again {
            return (CleanupResult::Pending, Some(Failure::new(text).hint("it is looked for again until then")));
        }
        let hint = format!("nobody looks for it any more: look for the mark {} in the target", self.mark);
        (CleanupResult::Abandoned, Some(Failure::new(text).hint(hint)))
    }

    /// It could not be removed: it is tried again, unless it is too old for that.
    async fn failed(&self, result: CleanupResult, failure: Failure) -> (CleanupResult, Option<Failure>) {
        let age = self.journal.get(self.mark).map(|tracked| tracked.entry.age(self.journal.now()));
        let give_up = self.resource.recovery().give_up_age();
        if age.is_some_and(|age| age >= give_up) {
            return self.abandon(failure.evidence("given up", format!("after {give_up:?}"))).await;
        }
        let failure = match failure.advice() {
            None if self.patience.again => failure.hint("it stays in the journal and is tried again by every sweep"),
            None => failure.hint("nobody tries again: remove it by its id or mark"),
            Some(_) => failure,
        };
        (result, Some(failure))
    }

    async fn abandon(&self, failure: Failure) -> (CleanupResult, Option<Failure>) {
        if let Some(tracked) = self.journal.get(self.mark) {
            self.note(tracked.entry.in_state(State::Abandoned)).await;
        }
        let failure = match failure.advice() {
            None => failure.hint("nobody tries again: remove it by its id or mark"),
            Some(_) => failure,
        };
        (CleanupResult::Abandoned, Some(failure))
    }

    /// Writes down what became of it. If that fails, the next sweep finds out again.
    async fn note(&self, entry: Entry) {
        if let Err(error) = self.journal.put(entry).await {
            tracing::warn!(target: "synthetic", mark = %self.mark, "the journal could not be written: {error}");
        }
    }
}

/// Runs a future in a task of its own: what panics or blocks in there touches nothing else. Gives it up when its time is
/// over.
pub(crate) async fn isolated<T: Send + 'static>(
    time: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Broken> {
    let mut task = tokio::spawn(work);
    match tokio::time::timeout(time, &mut task).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(broken)) => {
            let message = match broken.try_into_panic() {
                Ok(panic) => format!("it panicked: {}", panic_message(&*panic)),
                Err(_) => "the runtime was shut down".to_owned(),
            };
            Err(Broken { result: CleanupResult::Failed, failure: Failure::with_reason(Reason::Panic, message) })
        }
        Err(_) => {
            task.abort();
            let failure = Failure::with_reason(Reason::Timeout, format!("not done within {time:?}"));
            Err(Broken { result: CleanupResult::TimedOut, failure })
        }
    }
}

/// Says why work that was isolated did not come to its end.
pub(crate) struct Broken {
    pub(crate) result: CleanupResult,
    pub(crate) failure: Failure,
}
