//! The requests of a run as an HTTP archive: kept as they are made, written when the report is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use synthetic_core::artifact::Keep;
use synthetic_core::artifact::har::{Archive, Entry, Timings};
use synthetic_core::{Clock, Run};

use crate::http::Http;
use crate::measure::version;
use crate::settings::Settings;
use crate::wire::{Exchange, Failed, Leg};

/// The name of the artifact.
const NAME: &str = "http.har";
/// The most requests that are kept; the last ones are what a failure is about.
const MOST: usize = 500;
/// The most bytes of bodies that are kept, sent and received.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// The most bytes of their heads.
const MOST_OF_HEADS: usize = 2 * 1024 * 1024;
/// From this size of an answer on, its headers are copied out of what it was read into, which may be as large.
const LARGE: usize = 16 * 1024;

/// # Evidence
impl Http {
    /// Sets when the requests of a run are kept as an HTTP archive (HAR 1.2), the artifact `http.har`: each with its headers,
    /// its body, its phases and its step, redirects and what is sent a second time included.
    ///
    /// The last 500 requests of a run are kept, with 2 MiB of bodies, of which at most 64 KiB of each are written, and with 2 MiB of
    /// heads. What carries a credential by its name, and every secret that the run knows, is left out. An answer that is taken piece by piece has
    /// no body there. All `Http`s of a run write one archive.
    ///
    /// # Default
    ///
    /// [`Keep::OnFailure`].
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    /// use synthetic_http::{Http, Keep};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let report = once(canary(Spec::new("api-health"), |_| async {
    ///     Http::at("http://127.0.0.1:1").archive(Keep::Always).get("/health").send().await.map(drop)
    /// })).await;
    /// assert_eq!(report.artifacts[0].name, "http.har");
    /// # }
    /// ```
    pub fn archive(self, keep: Keep) -> Self {
        self.with(|settings| settings.archive = keep)
    }
}

/// Keeps a request that was answered, for the archive of its run. Takes its legs.
pub(crate) fn keep_answered(run: Option<&Run>, settings: &Settings, exchange: &mut Exchange) {
    let legs = std::mem::take(&mut exchange.legs);
    let answer = Answer::Whole { body: exchange.body.clone(), transferred: exchange.wire_size };
    keep(run, settings, legs, answer);
}

/// Keeps a request that was not answered.
pub(crate) fn keep_failed(run: Option<&Run>, settings: &Settings, failed: &mut Failed) {
    let legs = std::mem::take(&mut failed.trail.legs);
    if !legs.is_empty() {
        keep(run, settings, legs, Answer::Failed(failed.error.to_string()));
    }
}

/// Keeps a request whose answer was taken piece by piece.
pub(crate) fn keep_streamed(run: Option<&Run>, settings: &Settings, legs: Vec<Leg>, received: u64) {
    keep(run, settings, legs, Answer::Streamed(received));
}

fn keep(run: Option<&Run>, settings: &Settings, mut legs: Vec<Leg>, answer: Answer) {
    let Some(run) = run.filter(|_| !legs.is_empty()) else { return };
    let heads = legs.iter().map(head_size).sum();
    if answer.transferred().saturating_add(heads) > LARGE {
        for (_, _, headers) in legs.iter_mut().filter_map(|leg| leg.answer.as_mut()) {
            *headers = copied(headers);
        }
    }
    let step = run.current_step().map(|(_, path)| path.join(" > "));
    let kept = run.extension::<Kept>();
    let is_first = kept.lock().push(Request { keep: settings.archive, step, legs, heads, answer });
    if is_first {
        let (kept, clock) = (Arc::clone(&kept), run.clock());
        run.attach_last(NAME, "application/json", move |failed| kept.lock().archive(failed, clock));
    }
}

/// What was kept of a run.
#[derive(Default)]
struct Kept(Mutex<Requests>);

#[derive(Default)]
struct Requests {
    kept: VecDeque<Request>,
    /// How many of the first have lost their bodies, and how many bytes those of the others are.
    bare: usize,
    bytes: usize,
    heads: usize,
    left_out: u64,
}

/// A request, with all its hops.
struct Request {
    keep: Keep,
    step: Option<String>,
    legs: Vec<Leg>,
    /// How many bytes their heads are.
    heads: usize,
    answer: Answer,
}

/// What became of its last hop.
enum Answer {
    Whole {
        body: Bytes,
        transferred: u64,
    },
    Streamed(u64),
    Failed(String),
    /// It had a body that is no longer kept.
    Bare {
        size: usize,
        transferred: u64,
    },
}

impl Answer {
    fn transferred(&self) -> usize {
        match self {
            Self::Whole { transferred, .. } | Self::Streamed(transferred) | Self::Bare { transferred, .. } => {
                usize::try_from(*transferred).unwrap_or(usize::MAX)
            }
            Self::Failed(_) => 0,
        }
    }
}

fn head_size(leg: &Leg) -> usize {
    let size =
        |headers: &HeaderMap| headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    size(&leg.headers) + leg.answer.as_ref().map_or(0, |(_, _, headers)| size(headers))
}

/// Returns headers whose values have memory of their own: as they came, they hold all that they were read with.
fn copied(headers: &HeaderMap) -> HeaderMap {
    let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    headers.iter().map(|(name, value)| (name.clone(), copy(value))).collect()
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requests {
    /// Keeps a request, and returns whether it is the first. What has no room any more goes, the oldest first.
    fn push(&mut self, request: Request) -> bool {
        let is_first = self.kept.is_empty() && self.left_out == 0;
        self.bytes += request.bytes();
        self.heads += request.heads;
        self.kept.push_back(request);
        while (self.kept.len() > MOST || (self.heads > MOST_OF_HEADS && self.kept.len() > 1))
            && let Some(oldest) = self.kept.pop_front()
        {
            self.left_out += 1;
            self.heads -= oldest.heads;
            match self.bare.checked_sub(1) {
                Some(bare) => self.bare = bare,
                None => self.bytes -= oldest.bytes(),
            }
        }
        while self.bytes > MOST_BYTES
            && let Some(next) = self.kept.get_mut(self.bare)
        {
            self.bytes -= next.bytes();
            next.forget_bodies();
            self.bare += 1;
        }
        is_first
    }

    fn archive(&mut self, failed: bool, clock: Clock) -> Option<Bytes> {
        let mut archive = Archive::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        for request in self.kept.drain(..).filter(|request| request.keep.holds(failed)) {
            request.write(clock).into_iter().for_each(|entry| archive.push(entry));
        }
        if archive.is_empty() {
            return None;
        }
        archive.leave_out(self.left_out);
        Some(archive.to_bytes())
    }
}

impl Request {
    fn bytes(&self) -> usize {
        let answer = if let Answer::Whole { body, .. } = &self.answer { body.len() } else { 0 };
        // One body is sent again and again.
        self.legs.first().map_or(0, |leg| leg.body.len()) + answer
    }

    fn forget_bodies(&mut self) {
        self.legs.iter_mut().for_each(|leg| leg.body = Bytes::new());
        if let Answer::Whole { body, transferred } = &self.answer {
            self.answer = Answer::Bare { size: body.len(), transferred: *transferred };
        }
    }

    /// Writes an entry for each hop.
    fn write(self, clock: Clock) -> Vec<Entry> {
        let Self { step, legs, answer, .. } = self;
        let mut entries: Vec<Entry> = legs.iter().map(|leg| entry(leg, step.as_deref(), clock)).collect();
        if let Some(last) = entries.pop() {
            entries.push(match answer {
                Answer::Whole { body, transferred } => {
                    last.answer_size(body.len() as u64, Some(transferred)).answer_body(&body)
                }
                Answer::Streamed(received) => last.answer_size(received, Some(received)),
                Answer::Failed(error) => last.error(error),
                Answer::Bare { size, transferred } => last
                    .answer_size(size as u64, Some(transferred))
                    .comment("its bodies were left out, because later ones took their room"),
            });
        }
        entries
    }
}

fn entry(leg: &Leg, step: Option<&str>, clock: Clock) -> Entry {
    let mut entry = Entry::new(leg.method.as_str(), leg.url.as_str(), clock.wall_at(leg.started));
    if let Some(step) = step {
        entry = entry.step(step);
    }
    for (name, value) in &leg.headers {
        entry = entry.request_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    if !leg.body.is_empty() {
        entry = entry.request_body(media_type(&leg.headers), &leg.body);
    }
    if let Some((of, status, headers)) = &leg.answer {
        entry = entry.protocol(version(*of)).answer(status.as_u16(), status.canonical_reason().unwrap_or_default());
        for (name, value) in headers {
            entry = entry.answer_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
    }
    if let Some(address) = leg.remote_addr {
        entry = entry.server(address.ip().to_string());
    }
    entry.timings(Timings {
        dns: leg.phases.resolve,
        connect: leg.phases.connect,
        ssl: leg.phases.tls,
        wait: leg.phases.processing.unwrap_or_default(),
        receive: leg.phases.transfer.unwrap_or_default(),
        ..Timings::default()
    })
}

fn media_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
