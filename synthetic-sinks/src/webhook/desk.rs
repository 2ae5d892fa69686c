//! Where messages are written and sent, one after the other: by runs that arrive, and by the keeper in between.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use synthetic_core::sink::{DeliveryError, MonitorView};
use synthetic_core::{Clock, Report};
use tokio::time::Instant;

use super::book::Book;
use super::file::StateFile;
use super::moment::Moment;
use super::post::Post;
use super::rule::Rule;
use super::target::{Beside, Target};

/// How long a canary of an earlier process may be missing before it counts as removed: a program that runs a selection of
/// its canaries once is done by then.
const ADOPTED_AFTER: Duration = Duration::from_secs(600);
/// How long it is tried to tell that an alert is over.
const RESOLVE_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How many alerts one message has, where it may have several.
const AT_ONCE: usize = 64;

/// What a webhook is set to.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) target: Target,
    pub(super) rule: Rule,
    pub(super) labels: BTreeMap<String, String>,
    /// How often it looks after what nobody has to run for.
    pub(super) every: Duration,
    pub(super) post: Post,
    pub(super) state_file: Option<PathBuf>,
}

/// What a webhook knows.
#[derive(Debug, Default)]
pub(super) struct Desk {
    book: Book,
    file: Option<StateFile>,
    was_read: bool,
    /// When the first work was done.
    began: Option<Instant>,
    /// Nothing is sent before: the server asked for it.
    not_before: Option<(Instant, String)>,
    pub(super) closed: bool,
}

type View<'a> = Option<&'a Arc<dyn MonitorView>>;

impl Desk {
    /// Takes in runs, telling after each what it changed, so that nothing is passed over while the server answers. When it does
    /// not, the other runs are taken in all the same, and what they come to is told later.
    pub(super) async fn deliver(
        &mut self,
        settings: &Settings,
        view: View<'_>,
        reports: &[Arc<Report>],
    ) -> Result<(), DeliveryError> {
        self.open(settings).await;
        let mut stands = Ok(());
        for report in reports {
            let is_there = view.is_none_or(|view| view.has_canary(&report.canary));
            if is_there && self.book.take_in(report, &settings.rule) && !is_down(&stands) {
                stands = self.tell(settings).await.and(stands);
            }
        }
        if !is_down(&stands) {
            stands = self.look_after(settings, view).await.and(stands);
        }
        self.save(settings).await;
        stands
    }

    /// Does what no run has to come for: what is owed, canaries that are gone, servers that forget.
    pub(super) async fn keep(&mut self, settings: &Settings, view: View<'_>) -> Result<(), DeliveryError> {
        self.open(settings).await;
        let done = self.look_after(settings, view).await;
        self.save(settings).await;
        done
    }

    /// Tells what is owed.
    pub(super) async fn flush(&mut self, settings: &Settings) -> Result<(), DeliveryError> {
        self.open(settings).await;
        let done = self.tell(settings).await;
        self.save(settings).await;
        done
    }

    async fn look_after(&mut self, settings: &Settings, view: View<'_>) -> Result<(), DeliveryError> {
        if self.book.is_empty() {
            return Ok(());
        }
        let now = now();
        if let Some(view) = view {
            let long_enough = self.began.is_some_and(|began| began.elapsed() >= ADOPTED_AFTER);
            // One at a place where the monitor does not run any more has no more runs either.
            let is_there =
                |canary: &str, location: Option<&str>| view.has_canary(canary) && view.location() == location;
            self.book.retire(is_there, long_enough, now);
        }
        let given_up = self.book.give_up(Moment(now.0.saturating_sub(millis(RESOLVE_FOR))));
        if given_up > 0 {
            let sink = &settings.name;
            tracing::warn!(target: "synthetic", sink, given_up, "nobody could be told for a day that alerts are over");
        }
        let told = self.tell(settings).await;
        if is_down(&told) {
            return told;
        }
        self.tell_all(settings).await.and(told)
    }

    /// Sends what is owed. It stops where the server cannot be reached, and goes on where it refuses one message.
    async fn tell(&mut self, settings: &Settings) -> Result<(), DeliveryError> {
        let owed = self.book.owed();
        if owed.is_empty() {
            return Ok(());
        }
        self.wait_is_over()?;
        // Should the process die while it waits for an answer.
        self.save(settings).await;
        let mut refused = Ok(());
        for key in owed {
            let Some(notice) = self.book.send(&key) else { continue };
            let body = settings.target.body(&notice, settings.beside(now()));
            match settings.post.send(body).await {
                Ok(()) => self.book.told(&key),
                Err(error @ DeliveryError::Fatal(_)) => {
                    self.book.refused(&key);
                    refused = Err(error);
                }
                Err(error) => return Err(self.noted(error)),
            }
        }
        refused
    }

    /// Sends everything that fires to a server that forgets it otherwise.
    async fn tell_all(&mut self, settings: &Settings) -> Result<(), DeliveryError> {
        if !settings.target.forgets() {
            return Ok(());
        }
        let firing = self.book.firing(settings.every);
        if firing.is_empty() {
            return Ok(());
        }
        self.wait_is_over()?;
        let mut refused = Ok(());
        for some in firing.chunks(AT_ONCE) {
            let body = settings.target.all(some.iter().map(|(_, notice)| notice), settings.beside(now()));
            match settings.post.send(body).await {
                Ok(()) => some.iter().for_each(|(key, _)| self.book.sent(key)),
                // The others would end where nobody says any more that they go on.
                Err(error @ DeliveryError::Fatal(_)) => refused = Err(error),
                Err(error) => return Err(self.noted(error)),
            }
        }
        refused
    }

    fn noted(&mut self, error: DeliveryError) -> DeliveryError {
        if let DeliveryError::RateLimited { after, why } = &error {
            self.not_before = Instant::now().checked_add(*after).map(|until| (until, why.clone()));
        }
        error
    }

    fn wait_is_over(&self) -> Result<(), DeliveryError> {
        match &self.not_before {
            Some((until, why)) if *until > Instant::now() => {
                Err(DeliveryError::RateLimited { after: *until - Instant::now(), why: why.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Reads the file, once. Without it, what fires is told of again: better twice than never.
    async fn open(&mut self, settings: &Settings) {
        self.began.get_or_insert_with(Instant::now);
        if std::mem::replace(&mut self.was_read, true) {
            return;
        }
        let Some(path) = &settings.state_file else { return };
        let file = self.file.insert(StateFile::at(path.clone()));
        match file.read().await {
            Ok(entries) => self.book.restore(entries),
            Err(why) => tracing::warn!(target: "synthetic", sink = settings.name, "{why}"),
        }
    }

    /// Writes the file. People have been told in any case, so a disk that is full is no error of delivery.
    async fn save(&mut self, settings: &Settings) {
        let Some(file) = &mut self.file else { return };
        if let Err(why) = file.write(&self.book.kept()).await {
            tracing::warn!(target: "synthetic", sink = settings.name, "{why}");
        }
    }
}

impl Settings {
    fn beside(&self, now: Moment) -> Beside<'_> {
        Beside { labels: &self.labels, now, every: self.every }
    }
}

/// Returns the time: read anew, since it is compared with the clocks of others.
fn now() -> Moment {
    Clock::system().now().into()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Returns whether it is of no use to send anything else now.
fn is_down(stands: &Result<(), DeliveryError>) -> bool {
    matches!(stands, Err(error) if !matches!(error, DeliveryError::Fatal(_)))
}
