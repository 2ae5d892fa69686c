//! What a page asks of the network: seen, expected, blocked, answered.

pub(crate) mod archive;
pub(crate) mod expectation;
pub(crate) mod pattern;
pub(crate) mod record;
pub(crate) mod rules;
pub(crate) mod seen;

use std::future::{Future, IntoFuture};
use std::panic::Location;

use synthetic_core::expect::Matcher;
use synthetic_core::{Failure, Reason, Result};

use crate::network::expectation::{RequestExpectation, Wanted};
use crate::network::pattern::Pattern;
use crate::network::rules::Answer;
use crate::network::seen::PageRequest;
use crate::page::Page;
use crate::page::action::Action;
use crate::page::ask::Trouble;
use crate::page::limit::span;
use crate::page::watch::{Exchange, Tally};

/// # Network
///
/// Requests are named by a pattern, a glob as
/// [Playwright](https://playwright.dev/docs/network#glob-url-patterns) has it: `*` is any text without `/`, `**` any text,
/// `{png,jpg}` one of a list, and `\` takes the next character as it is. A pattern with a scheme or with `**` at its beginning
/// is compared with the whole URL, one with `/` at its beginning with what follows the host, any other with what follows the
/// scheme: `"**/*.woff2"`, `"/api/orders*"`, `"*.doubleclick.net/**"`. One without a `?` says nothing of the query. A method may
/// stand before it: `"POST /api/orders"`.
impl Page {
    /// Returns the requests that the page has made so far over http and https, oldest first: each redirect, each frame, and
    /// what came from a cache, at most 2,000.
    #[must_use]
    pub fn requests(&self) -> Vec<PageRequest> {
        self.watch()
            .read(|tally| tally.requests.iter().filter_map(|exchange| PageRequest::of(exchange, tally)).collect())
    }

    /// Blocks requests from now on: `page.block(["*.doubleclick.net/**", "**/*.woff2"])`. They fail in the page, and count
    /// nowhere. What is there already stays; [`Opening::block`](crate::Opening::block) is before everything.
    ///
    /// # Errors
    ///
    /// An error of our own for what is no pattern.
    #[track_caller]
    pub fn block<P: AsRef<str>>(&self, patterns: impl IntoIterator<Item = P>) -> Action {
        let (page, place) = (self.clone(), Location::caller());
        let patterns: Vec<_> = patterns.into_iter().map(|text| Pattern::new(text.as_ref())).collect();
        Action::new(async move {
            for pattern in patterns {
                let pattern =
                    pattern.map_err(|problem| page.raise(Failure::setup(format!("block: {problem}")), place))?;
                page.rules().add(pattern, None);
            }
            page.hold("block requests", place).await
        })
    }

    /// Answers requests ourselves from now on, in the place of the service. They count nowhere. The latest that was said of a
    /// request counts; [`Opening::answer`](crate::Opening::answer) is before everything.
    ///
    /// A request from another origin is allowed to read the answer, unless it has headers of its own for that.
    ///
    /// # Errors
    ///
    /// An error of our own for what is no pattern, or no answer that a browser takes.
    #[track_caller]
    pub fn answer(&self, pattern: impl AsRef<str>, answer: Answer) -> Action {
        let (page, place) = (self.clone(), Location::caller());
        let pattern = Pattern::new(pattern.as_ref());
        Action::new(async move {
            let wrong = |problem: String| page.raise(Failure::setup(format!("answer: {problem}")), place);
            if let Some(problem) = answer.defect() {
                return Err(wrong(problem));
            }
            page.rules().add(pattern.map_err(wrong)?, Some(answer));
            page.hold("answer requests", place).await
        })
    }

    /// Expects something of the status of a request: `expect_request("POST /api/orders", eq(201))`. It holds as soon as one
    /// such request, made before or after this, has an answer with such a status.
    #[track_caller]
    pub fn expect_request(&self, pattern: impl AsRef<str>, status: impl Matcher<u16> + 'static) -> RequestExpectation {
        RequestExpectation::new(self, Wanted::status(pattern.as_ref(), status), Location::caller())
    }

    /// Expects something of the number of requests that were made so far: `expect_requests("**/*.js", le(20_usize))`. It
    /// waits until it holds; what only more requests could break is judged at once.
    #[track_caller]
    pub fn expect_requests(
        &self,
        pattern: impl AsRef<str>,
        count: impl Matcher<usize> + 'static,
    ) -> RequestExpectation {
        RequestExpectation::new(self, Wanted::count(pattern.as_ref(), count), Location::caller())
    }

    /// Expects that no request of the page has failed so far: none without an answer, none with a status of 400 or more.
    /// What was broken off because the page went elsewhere, and what we blocked, has not failed.
    #[track_caller]
    pub fn no_failed_requests(&self) -> RequestExpectation {
        RequestExpectation::new(self, Wanted::none_failed(), Location::caller())
    }

    /// Waits for the answer to a request, and returns the request; one that has come already will do, the latest.
    ///
    /// [`response`](Self::response) is for the answer to what is about to be done.
    ///
    /// # Errors
    ///
    /// When there is none in the page's patience, the failure says what was asked for instead.
    #[track_caller]
    pub fn wait_for_response(&self, pattern: impl AsRef<str>) -> Action<PageRequest> {
        let (page, place) = (self.clone(), Location::caller());
        let pattern = Pattern::new(pattern.as_ref());
        Action::new(async move { page.answered(pattern, 0, place).await })
    }

    /// Does something during which a request is expected to be made, and returns it when its answer is there:
    /// `page.response("POST /api/orders", page.button("Buy").click())`.
    ///
    /// # Errors
    ///
    /// What the future fails with; and when there is no answer in the page's patience.
    #[track_caller]
    pub fn response<P, T, F>(
        &self,
        pattern: P,
        doing: F,
    ) -> impl Future<Output = Result<PageRequest>> + Send + use<P, T, F>
    where
        P: AsRef<str>,
        F: IntoFuture<Output = Result<T>>,
        F::IntoFuture: Send,
        T: Send,
    {
        let (page, place, doing) = (self.clone(), Location::caller(), doing.into_future());
        let pattern = Pattern::new(pattern.as_ref());
        async move {
            let before = page.watch().read(|tally| tally.requests.len());
            doing.await?;
            page.answered(pattern, before, place).await
        }
    }

    /// Waits for the answer to a request that was made after the first `from`.
    async fn answered(
        &self,
        pattern: Result<Pattern, String>,
        from: usize,
        place: &'static Location<'static>,
    ) -> Result<PageRequest> {
        self.count_check();
        let pattern = pattern.map_err(|problem| self.raise(Failure::setup(format!("response: {problem}")), place))?;
        let limit = self.limit(self.patience());
        let ended = self.watch().until(|tally| {
            let new = tally.requests.get(from..).unwrap_or_default();
            let ended = new.iter().rfind(|exchange| meant(&pattern, exchange) && is_answered(exchange))?;
            PageRequest::of(ended, tally)
        });
        match self.ask(&limit, async { Ok(ended.await) }).await {
            Ok(request) => Ok(request),
            Err(Trouble::Silent) => {
                let seen = self.watch().read(|tally| near(tally, &pattern, from));
                let failure = Failure::with_reason(
                    if limit.of_the_run { Reason::Timeout } else { Reason::Expectation },
                    format!("answer to {pattern}"),
                );
                let failure = failure.expected(format!("is there within {}", span(limit.whole()))).actual(seen);
                Err(self.raise(self.with_surroundings(failure, self.main(), None).await, place))
            }
            Err(trouble) => {
                let what = format!("answer to {pattern}");
                Err(self.raise(self.troubled(&what, trouble, &limit).await, place))
            }
        }
    }

    /// Makes the browser hold requests until the rules of the page have said what becomes of them.
    pub(crate) async fn hold(&self, what: &str, place: &'static Location<'static>) -> Result {
        let rules = self.rules().clone();
        if rules.is_empty() {
            return Ok(());
        }
        self.watch().decide(Some(Box::new(move |request| rules.decide(request))));
        let limit = self.limit(self.patience());
        match self.ask(&limit, self.tab().hold_requests(true)).await {
            Ok(()) => Ok(()),
            Err(trouble) => Err(self.raise(self.troubled(what, trouble, &limit).await, place)),
        }
    }
}

/// Returns whether a pattern means a request.
pub(crate) fn meant(pattern: &Pattern, exchange: &Exchange) -> bool {
    pattern.matches(&exchange.request.method, &exchange.request.url)
}

/// Returns whether the whole answer is there.
fn is_answered(exchange: &Exchange) -> bool {
    exchange.response.is_some() && exchange.end.is_some()
}

/// Says what became of the requests that were meant, or which ones were made instead.
pub(crate) fn near(tally: &Tally, pattern: &Pattern, from: usize) -> String {
    const LISTED: usize = 5;
    let new = tally.requests.get(from..).unwrap_or_default();
    let mut found: Vec<String> = new.iter().filter(|each| meant(pattern, each)).map(seen::line).collect();
    let of_it = !found.is_empty();
    if !of_it {
        // What scripts ask for is what is asked about.
        let api = |each: &&Exchange| matches!(&*each.request.kind, "fetch" | "xhr" | "document");
        found = new.iter().filter(api).map(seen::line).collect();
    }
    let more = found.len().saturating_sub(LISTED);
    let mut text = found.split_off(more).join(", ");
    if more > 0 {
        text = format!("{more} more, {text}");
    }
    match (of_it, text.is_empty()) {
        (true, _) => text,
        (false, true) => "no such request was made, and none by a script".to_owned(),
        (false, false) => format!("no such request was made, but {text}"),
    }
}
