//! Evidence that is gathered when a body has ended: what a protocol crate still has in its hands then.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::artifact::Artifact;
use crate::cleanup::isolated;
use crate::failure::{Text, panic_message};
use crate::run::{Context, Shared, aside};

/// How much time all gathering has together.
const TIME: Duration = Duration::from_secs(5);

type Gathering = Pin<Box<dyn Future<Output = ()> + Send>>;
type Make = Box<dyn FnOnce(bool) -> Option<Bytes> + Send>;

/// What is to be gathered of one run, and made of it.
#[derive(Default)]
pub(crate) struct Evidence {
    gatherings: Mutex<Vec<Gathering>>,
    last: Mutex<Vec<LastArtifact>>,
}

/// An artifact that is made when the report is.
pub(crate) struct LastArtifact {
    pub(crate) name: String,
    pub(crate) media_type: Text,
    pub(crate) make: Make,
}

impl Evidence {
    pub(crate) fn gather(&self, gathering: Gathering) {
        self.gatherings.lock().unwrap_or_else(PoisonError::into_inner).push(gathering);
    }

    pub(crate) fn attach_last(&self, artifact: LastArtifact) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).push(artifact);
    }

    fn take_gatherings(&self) -> Vec<Gathering> {
        std::mem::take(&mut *self.gatherings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_last(&self) -> Vec<LastArtifact> {
        std::mem::take(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence").finish_non_exhaustive()
    }
}

/// Gathers the evidence of a run whose body has ended. What cannot be had is a warning, and changes no result.
pub(crate) async fn gather(run: &Arc<Shared>, dispatch: Option<&Dispatch>) {
    let gatherings = run.evidence.take_gatherings();
    if gatherings.is_empty() {
        return;
    }
    let end = Instant::now() + TIME;
    let observed = dispatch.cloned().unwrap_or_else(|| tracing::dispatcher::get_default(Dispatch::clone));
    for gathering in gatherings {
        let here = Context { cleanup: true, ..Context::top(run) };
        let work = aside(here, gathering).with_subscriber(observed.clone());
        if let Err(broken) = isolated(end.saturating_duration_since(Instant::now()), work).await {
            run.ledger().warn(format!("evidence was not gathered: {}", broken.failure.subject()));
        }
    }
}

/// Makes the artifacts that wait for the report.
pub(crate) fn attach_last(run: &Shared) {
    let artifacts = run.evidence.take_last();
    if artifacts.is_empty() {
        return;
    }
    let failed = run.ledger().has_failed();
    for LastArtifact { name, media_type, make } in artifacts {
        match catch_unwind(AssertUnwindSafe(|| make(failed))) {
            Ok(Some(bytes)) => run.ledger().attach(Artifact::new(name, media_type, bytes)),
            Ok(None) => {}
            Err(panic) => {
                let message = panic_message(&*panic);
                run.ledger().warn(format!("artifact {name:?} could not be made: it panicked: {message}"));
            }
        }
    }
}
