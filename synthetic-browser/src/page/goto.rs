//! Going to a URL, and back and forth.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::time::{Duration, UNIX_EPOCH};

use synthetic_core::expect::{Matcher, check};
use synthetic_core::{Clock, Failure, Reason, Result};

use crate::engine::{DocumentId, Navigation, World};
use crate::page::Page;
use crate::page::ask::Trouble;
use crate::page::fail::RUN_TIME_UP;
use crate::page::limit::{Limit, span};
use crate::page::no_answer::no_answer;
use crate::page::url::{peer, shown, target};
use crate::page::watch::{Exchange, ExchangeEnd, Tally};

/// How many open requests a failure lists.
const LISTED: usize = 8;
/// How much later than its document an answer may be told of.
const ANSWER: Duration = Duration::from_secs(1);
/// How much of the text of an error page a failure shows, in characters.
const EXCERPT: usize = 400;

/// Says when a navigation is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// The document is there: its head has come.
    Committed,
    /// The document is parsed (`DOMContentLoaded`).
    DomLoaded,
    /// All that the document names has come too: pictures, styles, frames (`load`). The default.
    #[default]
    Loaded,
}

/// Goes to a URL. Await it.
///
/// # Default
///
/// - done when the page is [loaded](Until::Loaded)
/// - a status of 400 or more is a failure
/// - it may take 30 s
///
/// # Errors
///
/// Without an answer, the failure names host and port, says why, and what can be done, with the reason `Dns`, `Connect`,
/// `Tls` or `Protocol`. When the time is up ([`Reason::Timeout`]), it says what was waited for: any answer at all, or which
/// requests are still open. A URL that is neither http nor https is an error of our own.
#[must_use = "it does not go anywhere until it is awaited"]
pub struct Goto {
    page: Page,
    to: To,
    until: Until,
    /// What is expected of the status; `None` when any will do.
    status: Option<Box<dyn Matcher<u16>>>,
    patience: Duration,
    place: &'static Location<'static>,
}

#[derive(Debug)]
enum To {
    Url(String),
    Reload,
    History(i32),
}

/// # Going
impl Page {
    /// Goes to a URL, absolute or relative to the page's [base](crate::page::open::Opening::base).
    #[track_caller]
    pub fn goto(&self, url: impl AsRef<str>) -> Goto {
        self.go(To::Url(url.as_ref().to_owned()))
    }

    /// Loads the page again.
    #[track_caller]
    pub fn reload(&self) -> Goto {
        self.go(To::Reload)
    }

    /// Goes back in the history. It fails when there is nothing to go back to.
    #[track_caller]
    pub fn back(&self) -> Goto {
        self.go(To::History(-1))
    }

    /// Goes forward in the history. It fails when there is nothing to go forward to.
    #[track_caller]
    pub fn forward(&self) -> Goto {
        self.go(To::History(1))
    }

    #[track_caller]
    fn go(&self, to: To) -> Goto {
        Goto {
            page: self.clone(),
            to,
            until: Until::default(),
            status: Some(Box::new(200..=399_u16)),
            patience: self.navigation_patience,
            place: Location::caller(),
        }
    }
}

impl Goto {
    /// Sets when it is done.
    pub const fn until(mut self, until: Until) -> Self {
        self.until = until;
        self
    }

    /// Takes any status.
    pub fn any_status(mut self) -> Self {
        self.status = None;
        self
    }

    /// Expects something else of the status: `expect_status(404)`.
    pub fn expect_status(mut self, matcher: impl Matcher<u16> + 'static) -> Self {
        self.status = Some(Box::new(matcher));
        self
    }

    /// Sets how long it may take.
    pub const fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    async fn run(self) -> Result {
        let Self { page, place, .. } = &self;
        let limit = page.limit(self.patience);
        match self.arrive(&limit).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(page.raise(page.with_script_errors(*failure), place)),
        }
    }

    async fn arrive(&self, limit: &Limit) -> Result<(), Box<Failure>> {
        let (page, what) = (&self.page, self.to_string());
        let target = match &self.to {
            To::Url(url) => {
                let url = target(url, page.inner.base.as_ref());
                Some(url.map_err(|problem| Failure::setup(format!("goto: {problem}")))?)
            }
            To::Reload | To::History(_) => None,
        };
        let blank = target.as_ref().is_some_and(|url| url.scheme() == "about");
        // An empty page asks nothing of anybody.
        if !blank {
            page.count_check();
        }
        let before = page.watch().read(Before::of);
        let went = async {
            match (&self.to, &target) {
                (To::Url(_), Some(url)) => page.tab().navigate(url.as_str()).await,
                (To::History(delta), _) => {
                    let there = page.tab().history(*delta).await?;
                    Ok(if there { Navigation::Within } else { Navigation::Nothing })
                }
                (To::Reload | To::Url(_), _) => page.tab().reload().await.map(|()| Navigation::Within),
            }
        };
        let navigation = match page.ask(limit, went).await {
            Ok(navigation) => navigation,
            Err(Trouble::Silent) => return Err(self.too_late(&before, limit).await.into()),
            // A document that goes elsewhere at once: what it goes to is waited for.
            Err(Trouble::Stale) => Navigation::Document(DocumentId("".into())),
            Err(trouble) => return Err(page.troubled(&what, trouble, limit).await.into()),
        };
        let asked = target.as_ref().map_or_else(|| page.url(), ToString::to_string);
        match navigation {
            // Only a fragment can be gone to without another document.
            Navigation::Within if target.as_ref().is_some_and(|to| is_within(to, &page.url())) => return Ok(()),
            Navigation::Failed(word) => {
                // An error status without a body is, to the browser, no answer either. The event may yet be on its way.
                if word.contains("HTTP_RESPONSE_CODE_FAILURE") {
                    let answered = page.watch().until(|tally| before.status(tally));
                    let _ = tokio::time::timeout(Limit::of_evidence(page.run().as_ref()).left(), answered).await;
                }
                if page.watch().read(|tally| before.status(tally)).is_some_and(|(status, _)| status >= 400) {
                    return self.judge(&before).await.map_err(Box::new);
                }
                let url = page.watch().read(|tally| before.request(tally).map(|last| last.request.url.clone()));
                return Err(no_answer(&what, &asked, url.as_deref().unwrap_or(&asked), &word).into());
            }
            Navigation::Nothing if matches!(self.to, To::History(_)) => {
                return Err(Failure::new(what)
                    .expected("is in the history")
                    .actual("there is nothing to go to")
                    .into());
            }
            Navigation::Nothing => {
                // A request that was broken off before its answer is no download.
                let failed = page.watch().read(|tally| {
                    let last = before.request(tally).filter(|last| last.response.is_none())?;
                    let Some(ExchangeEnd::Failed { error, .. }) = &last.end else { return None };
                    Some((last.request.url.clone(), error.clone()))
                });
                if let Some((url, word)) = failed {
                    return Err(no_answer(&what, &asked, &url, &word).into());
                }
                let came = page
                    .watch()
                    .read(|tally| before.request(tally).map(|last| (what_came(last), last.response.is_some())));
                let (got, answered) =
                    came.unwrap_or_else(|| ("a download, or an answer without content".to_owned(), true));
                let hint = if answered {
                    "a download is taken with `page.download(…)`"
                } else {
                    "did the page go elsewhere or crash meanwhile?"
                };
                return Err(Failure::new(what).expected("gives a page").actual(got).hint(hint).into());
            }
            Navigation::Document(_) | Navigation::Within => {}
        }
        if !blank {
            let committed = self.wait(&before, limit, Until::Committed).await;
            self.answered(&before, limit).await;
            // What it is answered says more than that the rest does not come.
            self.judge(&before).await?;
            committed?;
        }
        self.wait(&before, limit, self.until).await?;
        if !blank && self.status.is_some() && page.watch().read(|tally| before.is_unanswered(tally)) {
            // Told of late, it is judged late; a check that could not be made is none that held.
            self.answered(&before, limit).await;
            self.judge(&before).await?;
            if page.watch().read(|tally| before.is_unanswered(tally)) {
                let failure = Failure::new(format!("status of {}", shown(&asked))).expected("is known");
                return Err(failure.actual("the browser showed a page, and did not tell what was answered").into());
            }
        }
        Ok(())
    }

    /// Waits until the main frame has a new document, and as much of it as is wanted.
    async fn wait(&self, before: &Before, limit: &Limit, until: Until) -> Result<(), Failure> {
        let there = self.page.watch().until(|tally| {
            let frame = tally.main_frame();
            let new = frame.documents > before.documents;
            let within = frame.within > before.within && matches!(self.to, To::History(_));
            let done = match until {
                Until::Committed => new,
                Until::DomLoaded => new && frame.dom_loaded,
                Until::Loaded => new && frame.loaded,
            };
            (done || within).then_some(())
        });
        let there = async {
            there.await;
            Ok(())
        };
        // Events need no time to come back.
        match self.page.ask(&Limit { grace: Duration::ZERO, ..*limit }, there).await {
            Ok(()) => Ok(()),
            Err(Trouble::Silent) => Err(self.too_late(before, limit).await),
            Err(trouble) => Err(self.page.troubled(&self.to_string(), trouble, limit).await),
        }
    }

    /// Waits until it is known what was answered: the document may be told of before its answer. What came without a request, as
    /// from the history, has none, and is not waited for; what is never told of is not waited for long.
    async fn answered(&self, before: &Before, limit: &Limit) {
        let known = self.page.watch().until(|tally| {
            let known = match before.request(tally) {
                Some(request) => request.response.is_some() || request.end.is_some(),
                None => !matches!(self.to, To::Url(_)),
            };
            known.then_some(())
        });
        let until = limit.until.min(tokio::time::Instant::now() + ANSWER);
        // Whatever stands in the way is found by what is waited for next.
        let _ = tokio::time::timeout_at(until, known).await;
    }

    async fn judge(&self, before: &Before) -> Result<(), Failure> {
        let Some(matcher) = &self.status else { return Ok(()) };
        // A document from a cache or of our own has no answer.
        let Some((status, url)) = self.page.watch().read(|tally| before.status(tally)) else { return Ok(()) };
        let Err(mismatch) = check(&status, matcher.as_ref()) else { return Ok(()) };
        let mut failure = Failure::mismatch(format!("status of {}", shown(&url)), mismatch);
        let script = format!("() => (document.body?.innerText ?? '').trim().slice(0, {EXCERPT})");
        let short = Limit::of_evidence(self.page.run().as_ref());
        let text = self.page.ask_aside(&short, self.page.tab().call(self.page.main(), World::Ours, &script, &[])).await;
        if let Some(text) = &text
            && let Some(text) = text.as_str().filter(|text| !text.is_empty())
        {
            failure = failure.evidence("page", text);
        }
        Err(failure)
    }

    /// Makes the failure of what did not come in time: the browser's, where that hangs, else the page's.
    async fn too_late(&self, before: &Before, limit: &Limit) -> Failure {
        match self.page.hung(&self.to_string()).await {
            Some(hung) => hung,
            None => self.late(before, limit),
        }
    }

    /// Says what was waited for when the time was up.
    fn late(&self, before: &Before, limit: &Limit) -> Failure {
        let waited = span(limit.whole());
        // By the clock of the machine, as the browser counts.
        let now = self.page.run().map_or_else(Clock::system, |run| run.clock()).now();
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0;
        let failure = self.page.watch().read(|tally| {
            let failure = Failure::with_reason(Reason::Timeout, self.to_string())
                .expected(format!("is {} within {waited}", self.until));
            let request = before.request(tally);
            match (before.status(tally), request) {
                (None, Some(open)) => failure.actual(format!(
                    "no answer from {} to {} {}",
                    peer(&open.request.url),
                    open.request.method,
                    shown(&open.request.url)
                )),
                (None, None) => failure.actual("no request was made"),
                (Some((status, _)), _) => {
                    let waited_for = tally.open_requests().filter(|open| !open.is_icon());
                    let open: Vec<String> = waited_for.map(|open| opened(open, now)).collect();
                    let failure = match open.len() {
                        0 => failure.actual(format!("answered with {status}, but not {}", self.until)),
                        1 => failure.actual(format!("answered with {status}, and 1 request is still open")),
                        n => failure.actual(format!("answered with {status}, and {n} requests are still open")),
                    };
                    let more = open.len().saturating_sub(LISTED);
                    let mut list = open.into_iter().take(LISTED).collect::<Vec<_>>().join("\n");
                    if more > 0 {
                        list.push_str(&format!("\nand {more} more"));
                    }
                    if list.is_empty() { failure } else { failure.evidence("open", list) }
                }
            }
        });
        if limit.of_the_run {
            failure.hint(RUN_TIME_UP)
        } else {
            failure.hint("is the service overloaded? if it may take longer, allow that with `within`")
        }
    }
}

/// Returns whether two URLs differ by their fragments at most.
fn is_within(to: &url::Url, from: &str) -> bool {
    let without = |url: &str| url.split('#').next().unwrap_or_default().to_owned();
    without(to.as_str()) == without(from)
}

/// Writes a request that is not done: `GET https://shop.example/app.js (no answer after 4.2 s)`.
fn opened(open: &Exchange, now: f64) -> String {
    let Exchange { request, response, .. } = open;
    let since = span(Duration::from_secs_f64((now - request.at).clamp(0.0, 1e9) / 1000.0));
    let answer = match response {
        Some(answer) => format!("{}, but not its end after {since}", answer.status),
        None => format!("no answer after {since}"),
    };
    format!("{} {} ({answer})", request.method, shown(&request.url))
}

/// Says what came of a request that gave no page: `204`, `200 text/csv`.
fn what_came(exchange: &Exchange) -> String {
    match (&exchange.response, &exchange.end) {
        (Some(answer), _) => format!("{} {}", answer.status, answer.mime_type).trim().to_owned(),
        (None, Some(ExchangeEnd::Failed { error, .. })) => format!("no answer: {error}"),
        (None, _) => "a navigation that was broken off before its answer".to_owned(),
    }
}

/// What there was before the navigation, to tell what it brings.
struct Before {
    documents: u64,
    within: u64,
    requests: usize,
}

impl Before {
    fn of(tally: &Tally) -> Self {
        let frame = tally.main_frame();
        Self { documents: frame.documents, within: frame.within, requests: tally.requests.len() }
    }

    /// Returns the last request for a document of the main frame.
    fn request<'a>(&self, tally: &'a Tally) -> Option<&'a Exchange> {
        let new = tally.requests.get(self.requests..).unwrap_or_default();
        new.iter().rfind(|exchange| {
            let of_main = exchange.request.frame.as_ref().is_none_or(|frame| *frame == tally.main);
            exchange.request.navigation && of_main
        })
    }

    /// Returns whether a document was asked for, and it is not known what was answered.
    fn is_unanswered(&self, tally: &Tally) -> bool {
        self.request(tally).is_some_and(|request| request.response.is_none())
    }

    fn status(&self, tally: &Tally) -> Option<(u16, String)> {
        let answer = self.request(tally)?.response.as_ref()?;
        Some((answer.status, answer.url.clone()))
    }
}

impl IntoFuture for Goto {
    type Output = Result;
    type IntoFuture = Pin<Box<dyn Future<Output = Result> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Display for Goto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            To::Url(url) => {
                let url = target(url, self.page.inner.base.as_ref()).map_or_else(|_| url.clone(), String::from);
                write!(f, "goto {}", shown(&url))
            }
            To::Reload => f.write_str("reload the page"),
            To::History(-1) => f.write_str("go back"),
            To::History(_) => f.write_str("go forward"),
        }
    }
}

impl fmt::Debug for Goto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Goto({self}, until it is {})", self.until)
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Committed => "answered",
            Self::DomLoaded => "parsed",
            Self::Loaded => "loaded",
        })
    }
}
