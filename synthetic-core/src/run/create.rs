//! [`Run::create`]: the only way in which test data is born.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::canary::Spec;
use crate::cleanup::{
    AnyResource, Cleaner, Creation, Entry, Mark, Patience, Resource, State, canary_part, remove, to_json,
};
use crate::clock::later;
use crate::failure::{Failure, Reason, Result};
use crate::run::creations::{InFlight, Place};
use crate::run::{Context, Made, Run, Undo, aside};

/// The largest payload that the journal keeps, in bytes of JSON.
const LARGEST_PAYLOAD: usize = 4 * 1024;
/// How long a search is given to show what was just made, and after how long it is asked again.
const SEARCH: Duration = Duration::from_secs(5);
const SEARCH_AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(1500)];

/// # What the journey makes
impl Run {
    /// Makes a thing in the target, and sees to it that it is removed, whatever happens: the only way in which test data is
    /// born.
    ///
    /// The intent is written to the journal, then the request is sent that carries the mark, then the id is written, and
    /// then the thing is returned. After the body, everything that was made is removed, newest first; what a killed
    /// process made, the next one removes. A time that is up and a cancellation wait for a creation in flight, as long as
    /// its own time allows ([`Recovery::create_timeout`](crate::cleanup::Recovery::create_timeout)), and begin no other.
    ///
    /// `make` is given the [`Mark`], sends it along where [`Resource::find`] looks for it, and makes one thing by one
    /// request. Every call has a mark of its own, also in a [`retry`](Self::retry).
    ///
    /// After the first creation of a kind, its search is tried: when it does not find what was just made, the report says
    /// that cleanup is blind for it.
    ///
    /// # Errors
    ///
    /// Passes the failure of `make` on. An error of our own, and nothing was sent, when the run is over, when the canary has
    /// too many things already ([`Spec::max_live`]), when the journal cannot be written, or when the monitor has a journal
    /// and does not know the kind ([`Builder::resource`](crate::monitor::Builder::resource)).
    ///
    /// # Cancellation
    ///
    /// When it is dropped, by a `select!` of the body, the answer is lost: cleanup finds out by the mark whether something
    /// was made.
    ///
    /// # Examples
    ///
    /// See [`Resource`].
    #[track_caller]
    pub fn create<R, F, Fut>(
        &self,
        resource: &R,
        make: F,
    ) -> impl Future<Output = Result<R::Made>> + Send + use<R, F, Fut>
    where
        R: Resource,
        F: FnOnce(Mark) -> Fut + Send,
        Fut: Future<Output = Result<R::Made>> + Send,
    {
        let birth = Birth::new(self, resource, Location::caller());
        async move { birth.give(None, make).await }
    }

    /// Makes a thing by [`Resource::replay`], so that the same request can be sent again to learn the id that a lost answer
    /// hid: for targets with idempotency keys. Otherwise as [`create`](Self::create).
    ///
    /// The payload is kept in the journal until the id is known: at most 4 KiB of JSON, and no secret. A secret that the run
    /// has resolved is refused.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); and an error of our own when the payload is too large, is no JSON, or has a secret in it.
    ///
    /// # Cancellation
    ///
    /// As [`create`](Self::create).
    #[track_caller]
    pub fn create_replayable<R, P>(
        &self,
        resource: &R,
        payload: P,
    ) -> impl Future<Output = Result<R::Made>> + Send + use<R, P>
    where
        R: Resource,
        P: Serialize,
    {
        let birth = Birth::new(self, resource, Location::caller());
        let payload = birth.payload(&payload);
        let resource = resource.clone();
        async move {
            let payload = payload.map_err(|failure| birth.refuse(failure))?;
            let body = payload.clone();
            birth.give(Some(payload), |mark| async move { resource.replay(&mark, &body).await }).await
        }
    }
}

/// One thing that is about to be made.
struct Birth<R> {
    run: Run,
    resource: R,
    place: &'static Location<'static>,
}

impl<R: Resource> Birth<R> {
    fn new(run: &Run, resource: &R, place: &'static Location<'static>) -> Self {
        Self { run: run.clone(), resource: resource.clone(), place }
    }

    async fn give<F, Fut>(&self, payload: Option<Value>, make: F) -> Result<R::Made>
    where
        F: FnOnce(Mark) -> Fut + Send,
        Fut: Future<Output = Result<R::Made>> + Send,
    {
        let here = self.run.here();
        let cleaner = &here.run.cleaner;
        let time = Resource::recovery(&self.resource).create_time();
        let deadline = later(Instant::now(), time);
        self.may_begin(&here).map_err(|failure| self.refuse(failure))?;
        let place = Place { step: here.step, tries: here.lineage() };
        let in_flight = InFlight::begin(&here.run.creations, place, deadline)
            .ok_or_else(|| self.refuse(over(self.resource.kind())))?;

        let monitor = here.run.monitor.as_deref().unwrap_or("local");
        let mark = Mark::new(monitor, here.run.spec.name(), here.run.id, in_flight.number);
        let any: Arc<dyn AnyResource> = Arc::new(self.resource.clone());
        here.run.creations.remember(mark.clone());
        let made = Made { mark: mark.clone(), resource: Arc::clone(&any) };
        here.run.push(Undo::Made(made.clone())).map_err(|_| self.refuse(over(self.resource.kind())))?;
        let mut entry = Entry::intent(mark.clone(), self.resource.kind(), cleaner.journal.now());
        entry.payload = payload;
        // Counted again, with what other tasks began in the meantime.
        let (most, _) = here.run.spec.limits();
        cleaner.journal.reserve(&entry, any, most).map_err(|live| self.refuse(self.too_many(&here, live)))?;
        cleaner.journal.begin(&entry).await.map_err(|error| {
            let failure = Failure::setup(format!("{} was not created: {error}", self.resource.kind()));
            self.refuse(failure.hint("without its intent on disk, a kill -9 would leave it behind"))
        })?;

        // The disk may have held the thread for so long that the run was given up, and its cleanup has seen that nothing was
        // sent.
        if !cleaner.journal.sending(&mark) {
            return Err(self.refuse(over(self.resource.kind())));
        }
        let creation = Creation::new(mark.clone(), deadline);
        let made_or_not = timeout_at(deadline, creation.scope(make(mark.clone()))).await;
        let thing = match made_or_not {
            Ok(Ok(thing)) => thing,
            Ok(Err(failure)) => {
                if creation.made_nothing() {
                    self.put(cleaner, entry.in_state(State::Refused)).await;
                }
                return Err(failure);
            }
            Err(_) => {
                let text = format!("creation of {} was not answered within {time:?}", self.resource.kind());
                return Err(self.refuse(Failure::with_reason(Reason::Timeout, text)));
            }
        };
        // What has no id is found by its mark, as if its answer had been lost.
        let id = self.resource.read_id(&thing).and_then(|id| to_json(&self.resource, &id));
        let id = id.map_err(|failure| self.refuse(failure))?;
        if self.run.redact(&id.to_string()) != id.to_string() {
            cleaner.journal.keep_id_secret(&mark);
            self.run.warn(format!(
                "an id of {} has a secret in it, which the journal does not keep: after a crash it is as if its answer had \
                 been lost",
                self.resource.kind()
            ));
        }
        self.put(cleaner, entry.created(id.clone())).await;
        drop(in_flight);
        if here.run.is_past_its_body() {
            remove_late(&here, made);
            return Ok(thing);
        }
        self.check_search(&here, &mark, &id).await;
        Ok(thing)
    }

    /// Returns why nothing is made, if so.
    fn may_begin(&self, here: &Context) -> Result {
        let kind = self.resource.kind();
        let cleaner = &here.run.cleaner;
        if let Some(problem) = self.resource.problem() {
            return Err(Failure::setup(format!("{kind} is not created: its resource cannot remove it: {problem}")));
        }
        if here.cleanup {
            return Err(Failure::setup(format!("{kind} is not created: cleanup only removes")));
        }
        if self.run.time_left().is_zero() || here.is_past_a_poll() {
            return Err(Failure::with_reason(
                Reason::Cancelled,
                format!("{kind} is not created: no time is left for it"),
            ));
        }
        if cleaner.remembers() && cleaner.kinds.get(kind).is_none() {
            let failure = Failure::setup(format!("{kind} is not created: the monitor does not know this kind"));
            return Err(failure.hint(format!(
                "add `.resource(…)` with the resource for {kind:?} to the monitor: without it, a restart could not remove \
                 what a crash leaves behind"
            )));
        }
        let (most, _) = here.run.spec.limits();
        let (live, _) = cleaner.journal.pending(&canary_part(here.run.spec.name()), true);
        if live >= most {
            return Err(self.too_many(here, live));
        }
        if !cleaner.journal.is_durable() && cleaner.sweeps() && here.run.creations.begun() == 0 {
            let warning = "the monitor has no journal: what a kill -9 leaves behind stays there; add `.journal(path)`";
            self.run.warn(warning);
        }
        Ok(())
    }

    fn too_many(&self, here: &Context, live: usize) -> Failure {
        let (kind, canary, (most, _)) = (self.resource.kind(), here.run.spec.name(), here.run.spec.limits());
        let failure = Failure::setup(format!(
            "{kind} is not created: {live} things of canary {canary:?} are not removed yet, and {most} are the most it may have"
        ));
        failure.hint("see why earlier ones are not removed, or raise `Spec::max_live`")
    }

    fn payload(&self, payload: &impl Serialize) -> Result<Value> {
        let kind = self.resource.kind();
        let value = serde_json::to_value(payload)
            .map_err(|error| Failure::setup(format!("the payload of {kind} cannot be written as JSON: {error}")))?;
        let text = value.to_string();
        if text.len() > LARGEST_PAYLOAD {
            let size = text.len();
            return Err(Failure::setup(format!(
                "the payload of {kind} has {size} bytes of JSON, {LARGEST_PAYLOAD} are the most"
            )));
        }
        if self.run.redact(&text) != text {
            let failure =
                Failure::setup(format!("the payload of {kind} has a secret in it, and the journal keeps none"));
            return Err(failure.hint("let `Resource::replay` add it"));
        }
        Ok(value)
    }

    /// Tries the search for what was just made, until it has worked once.
    async fn check_search(&self, here: &Context, mark: &Mark, id: &Value) {
        let (kind, kinds) = (self.resource.kind(), &here.run.cleaner.kinds);
        let resource: &dyn AnyResource = &self.resource;
        if !resource.recovery().searches() || kinds.is_searchable(kind) {
            return;
        }
        if !matches!(AnyResource::chosen_id(resource, mark), Ok(None)) {
            return; // It never needs a search.
        }
        let apart = Context { cleanup: true, tries: None, deadline: None, ..here.clone() };
        let search = aside(apart, async {
            let mut waits = SEARCH_AGAIN.into_iter();
            loop {
                let found = resource.find(mark).await;
                match (found, waits.next()) {
                    (Ok(ids), _) if ids.contains(id) => {
                        let others = ids.iter().filter(|found| *found != id).count();
                        return (others > 0).then(|| format!("it found {others} other things too"));
                    }
                    (_, Some(wait)) => sleep(wait).await,
                    (Ok(ids), None) if ids.is_empty() => return Some("it found nothing".to_owned()),
                    (Ok(ids), None) => return Some(format!("it found {} other things", ids.len())),
                    (Err(failure), None) => return Some(failure.to_string()),
                }
            }
        });
        match timeout(SEARCH, search).await {
            Ok(None) => kinds.set_searchable(kind),
            Ok(Some(why)) => self.blind(mark, &why),
            Err(_) => self.blind(mark, &format!("it did not answer within {SEARCH:?}")),
        }
    }

    fn blind(&self, mark: &Mark, why: &str) {
        let kind = self.resource.kind();
        self.run.warn(format!(
            "cleanup search is blind for {kind}: looking for the mark {mark} of what was just made, {why}; what a lost answer \
             hides would stay in the target. Correct `find` of its resource, or say that there is none by \
             `Recovery::without_search`"
        ));
    }

    async fn put(&self, cleaner: &Cleaner, entry: Entry) {
        // The intent is written, so that it is found in any case; the report says that it may take longer.
        if let Err(error) = cleaner.journal.put(entry).await {
            self.run.warn(format!("the journal could not be written after a creation: {error}"));
        }
    }

    fn refuse(&self, failure: Failure) -> Failure {
        self.run.raise(failure.at(self.place))
    }
}

fn over(kind: &str) -> Failure {
    Failure::with_reason(Reason::Cancelled, format!("{kind} is not created: the run is over"))
}

/// Removes what was made by a body that was given up: its run has had its cleanup, and no report can tell.
fn remove_late(here: &Context, made: Made) {
    let (run, Made { mark, resource }) = (Arc::clone(&here.run), made);
    let each = Spec::cleanup_time(&run.spec).0;
    tracing::warn!(target: "synthetic", canary = run.spec.name(), run = %run.id, %mark, "{} was created after the run had ended: removed at once", resource.kind());
    let work = async move {
        let patience = Patience { each, wait_until: None, again: run.cleaner.sweeps() };
        let item = remove(&run.cleaner.journal, &resource, &mark, patience, |removal| removal).await;
        if let Some(item) = item.filter(|item| item.result.is_leak()) {
            tracing::error!(target: "synthetic", canary = run.spec.name(), run = %run.id, mark = item.mark, "left behind: {item}");
        }
    };
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        drop(runtime.spawn(work));
    }
}
