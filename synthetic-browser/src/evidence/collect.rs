//! When evidence is taken by itself: as a failure is raised, as a step ends, and when the journey has ended.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use synthetic_core::Run;

use crate::engine::{RequestId, World};
use crate::evidence::Keep;
use crate::evidence::names::{of_step, unique};
use crate::evidence::picture::{Part, said, time};
use crate::evidence::screenshot::attach;
use crate::network::archive::archive;
use crate::network::record::record;
use crate::page::Page;
use crate::page::watch::{Exchange, ExchangeEnd, Step};

/// The most pictures of steps of one page.
const MOST_PICTURES: usize = 25;
/// The most failures of one page of which evidence is taken.
const MOST_FAILURES: usize = 5;
/// How long the document may take.
const TIME: Duration = Duration::from_secs(2);
/// How long the bodies of answers may take, all together.
const BODIES: Duration = Duration::from_secs(1);
/// How long the document may take of a page of which no picture could be taken: it is likely to hang, and all evidence has 5 s.
const AFTER_NO_PICTURE: Duration = Duration::from_millis(500);
/// How long the vitals may take.
const VITALS: Duration = Duration::from_millis(500);
/// The largest document that is kept, in UTF-16 units.
const LARGEST_DOCUMENT: usize = 512 * 1024;
/// The largest body of an answer that is kept, and the most bodies.
const LARGEST_BODY: usize = 64 * 1024;
const MOST_BODIES: usize = 20;

impl Page {
    /// Begins to take in what happens for the run: evidence when its journey has ended, before the page closes.
    pub(crate) fn collect_for(&self, run: &Run) {
        let policy = &self.collector().policy;
        let page = self.clone();
        let gathered = run.clone();
        run.gather(async move { page.gather(&gathered).await });
        if policy.network != Keep::Never {
            let (keep, watch, collector) = (policy.network, Arc::clone(self.watch()), Arc::clone(self.collector()));
            run.attach_last(unique(run, "network", "har"), "application/json", move |failed| {
                let bodies = std::mem::take(&mut collector.state().bodies);
                let archive = || watch.read(|tally| archive(tally, &bodies, &collector.browser));
                keep.holds(failed).then(archive).flatten()
            });
        }
        if policy.console != Keep::Never {
            let (keep, watch) = (policy.console, Arc::clone(self.watch()));
            run.attach_last(unique(run, "console", "txt"), "text/plain; charset=utf-8", move |failed| {
                keep.holds(failed).then(|| watch.read(crate::evidence::console::console)).flatten()
            });
        }
    }

    /// Notes the step that is current, before anything is asked of the page in it; the one before is pictured when that is
    /// wanted. Boxed, since pictures ask the page for what is masked.
    pub(crate) fn enter_step(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let run = self.run().filter(|run| !run.is_cleaning_up());
        let Some(run) = run else { return Box::pin(std::future::ready(())) };
        let now = run.current_step().map(|(place, path)| Step { place, path });
        let before = self.watch().change(|tally| {
            if tally.step.as_deref() == now.as_ref() {
                return None;
            }
            std::mem::replace(&mut tally.step, now.map(Arc::new))
        });
        match before {
            Some(before) => Box::pin(async move { self.picture_of(&run, &before).await }),
            None => Box::pin(std::future::ready(())),
        }
    }

    /// Takes the picture of a step that has ended, when it is wanted and the step did not fail, which has one of its own.
    async fn picture_of(&self, run: &Run, step: &Arc<Step>) {
        let wanted = {
            let collector = self.collector();
            let mut state = collector.state();
            let failed = state.failed_in.as_ref().is_some_and(|failed| failed.as_ref() == Some(step));
            let wanted = collector.policy.pictures == Keep::Always && !failed && state.pictures < MOST_PICTURES;
            state.pictures += usize::from(wanted);
            wanted
        };
        if wanted {
            attach(run, &of_step(Some(step)), self.picture(&Part::Viewport, &[]).await);
        }
    }

    /// Begins to take evidence of a failure that the page has raised, beside whatever comes next.
    pub(crate) fn failed(&self, run: &Run) {
        if run.is_tentative() || run.is_cleaning_up() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        if let Some(evidence) = self.evidence_of_failure(run) {
            let task = tokio::spawn(evidence);
            self.collector().state().underway.push(task);
        }
    }

    /// Returns what takes evidence of a failure in the step that is current in the page; `None` when that is not wanted, or
    /// was done.
    fn evidence_of_failure(&self, run: &Run) -> Option<impl Future<Output = ()> + Send + 'static> {
        let step = self.watch().read(|tally| tally.step.clone());
        {
            let collector = self.collector();
            let mut state = collector.state();
            if state.failed_in.as_ref() == Some(&step) || state.failures == MOST_FAILURES {
                return None;
            }
            state.failures += 1;
            state.failed_in = Some(step.clone());
        }
        let (page, run) = (self.clone(), run.clone());
        Some(async move {
            let stem = format!("{}-failed", of_step(step.as_deref()));
            let policy = page.collector().policy.clone();
            let mut time = TIME;
            if policy.pictures.holds(true) {
                let picture = page.picture(&Part::Viewport, &[]).await;
                if picture.is_err() {
                    time = AFTER_NO_PICTURE;
                }
                attach(&run, &stem, picture);
            }
            if policy.document.holds(true) {
                page.keep_document(&run, &stem, time).await;
            }
            if policy.network.holds(true) {
                page.keep_bodies(&run).await;
            }
        })
    }

    /// Gathers when the journey has ended, and the page is still open.
    async fn gather(&self, run: &Run) {
        self.watch().read(|tally| record(run, tally, self.rules()));
        let policy = self.collector().policy.clone();
        let underway = std::mem::take(&mut self.collector().state().underway);
        for task in underway {
            let _ = task.await;
        }
        if policy.vitals {
            self.record_vitals(run, VITALS).await;
        }
        let known = self.collector().state().failures > 0;
        if run.has_failed() && !known {
            if let Some(evidence) = self.evidence_of_failure(run) {
                evidence.await;
            }
            return;
        }
        if let Some(step) = self.watch().read(|tally| tally.step.clone()) {
            self.picture_of(run, &step).await;
        }
        if policy.document == Keep::Always && !known {
            self.keep_document(run, "page", TIME).await;
        }
    }

    async fn keep_document(&self, run: &Run, stem: &str, most: Duration) {
        let script = "(values, most) => canary.snapshot(values, most)";
        let arguments = [json!(self.secrets_filled()), json!(LARGEST_DOCUMENT)];
        let time = time(Some(run), most);
        let over = self.watch().until(|tally| tally.end);
        let taken = tokio::select! {
            biased;
            _ = over => Err("the page is gone".to_owned()),
            taken = tokio::time::timeout(time, self.tab().call(self.main(), World::Ours, script, &arguments)) => {
                taken.map_or_else(|_| Err("the page did not answer in time".to_owned()), |taken| taken.map_err(said))
            }
        };
        match taken {
            Ok(html) => {
                let html = html.as_str().unwrap_or_default().to_owned();
                run.attach(unique(run, stem, "html"), "text/html; charset=utf-8", html);
            }
            Err(why) => run.warn(format!("there is no document \"{stem}.html\": {why}")),
        }
    }

    /// Keeps the bodies of answers that tell why something failed, as far as the browser has them: that is help, and nothing
    /// is said when there are none.
    async fn keep_bodies(&self, run: &Run) {
        let wanted: Vec<RequestId> = self.watch().read(|tally| {
            let telling = tally.requests.iter().rev().filter(|exchange| is_telling(exchange));
            telling.map(|exchange| exchange.request.id.clone()).take(MOST_BODIES).collect()
        });
        let fetched = async {
            for id in wanted {
                if let Ok(Some(body)) = self.tab().body(&id).await
                    && body.len() <= LARGEST_BODY
                {
                    self.collector().state().bodies.insert(id, body);
                }
            }
        };
        let _ = tokio::time::timeout(time(Some(run), BODIES), fetched).await;
    }
}

/// Whether the body of an answer may say why: text of an answer that refuses, or that a script asked for.
fn is_telling(exchange: &Exchange) -> bool {
    let Some(response) = &exchange.response else { return false };
    let Some(ExchangeEnd::Finished { transferred, .. }) = exchange.end else { return false };
    let text = ["text/", "json", "xml"].iter().any(|kind| response.mime_type.contains(kind));
    let asked = response.status >= 400 || matches!(&*exchange.request.kind, "fetch" | "xhr");
    text && asked && transferred <= LARGEST_BODY as u64
}
