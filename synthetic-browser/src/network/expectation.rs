//! What is expected of the requests of a page.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;

use synthetic_core::expect::{Matcher, Mismatch, Sense, check, described};
use synthetic_core::{Failure, Reason, Result};

use crate::engine::World;
use crate::network::pattern::Pattern;
use crate::network::rules::Rules;
use crate::network::{meant, near, seen};
use crate::page::Page;
use crate::page::ask::Trouble;
use crate::page::fail::Unsettled;
use crate::page::limit::{Limit, span};
use crate::page::watch::{Exchange, ExchangeEnd, Tally};

/// How many requests a failure lists.
const LISTED: usize = 5;

/// Expects something of the requests that a page makes, until it holds or the time is up. Await it to demand it;
/// [`prefer`](Self::prefer) makes it a wish.
///
/// # Errors
///
/// When it does not hold, the failure lists the requests that were meant, or which ones were made instead. A pattern that is none is
/// an error of our own.
#[must_use = "an expectation is judged when it is awaited"]
pub struct RequestExpectation {
    page: Page,
    wanted: Wanted,
    place: &'static Location<'static>,
}

/// Wishes for something of the requests of a page: if it does not hold, the run is degraded and goes on. Await it for
/// whether it held.
///
/// # Errors
///
/// Only what stood in the way of looking is a failure, and a pattern that is none.
#[must_use = "a wish is judged when it is awaited"]
pub struct RequestWish(RequestExpectation);

/// What is wanted.
pub(crate) enum Wanted {
    Status { pattern: Result<Pattern, String>, matcher: Box<dyn Matcher<u16>> },
    Count { pattern: Result<Pattern, String>, matcher: Box<dyn Matcher<usize>> },
    NoneFailed { except: Vec<Result<Pattern, String>> },
}

/// How it stands: it holds, it may yet, or it never will.
enum Standing {
    Holds,
    Waits(Mismatch),
    Fails(Mismatch),
}

impl RequestExpectation {
    pub(crate) fn new(page: &Page, wanted: Wanted, place: &'static Location<'static>) -> Self {
        Self { page: page.clone(), wanted, place }
    }

    /// Leaves requests out of [`no_failed_requests`](Page::no_failed_requests): those of which it is known that they fail.
    pub fn except(mut self, pattern: impl AsRef<str>) -> Self {
        if let Wanted::NoneFailed { except } = &mut self.wanted {
            except.push(Pattern::new(pattern.as_ref()));
        }
        self
    }

    /// Makes it a wish: if it does not hold, the run is degraded and goes on.
    pub fn prefer(self) -> RequestWish {
        RequestWish(self)
    }

    /// Looks until it holds.
    async fn settle(&self) -> Result<(), Unsettled> {
        let page = &self.page;
        page.count_check();
        if let Some(problem) = self.wanted.defect() {
            return Err(Unsettled::in_the_way(Failure::setup(format!("{self}: {problem}"))));
        }
        let limit = page.limit(page.patience());
        let rules = page.rules().clone();
        let settled = page.watch().until(|tally| match self.wanted.judge(tally, &rules) {
            Standing::Holds => Some(Ok(())),
            Standing::Fails(mismatch) => Some(Err(mismatch)),
            Standing::Waits(_) => None,
        });
        let looked = async {
            // What the page knows of, such as a request that failed, the browser may still be about to tell: it does so before
            // it answers what is asked later. The answer itself, or that there was none, says nothing of requests. What was
            // told has to be counted, too.
            if !matches!(self.wanted, Wanted::Status { .. }) {
                let _ = page.tab().call(page.main(), World::Ours, "() => null", &[]).await;
                page.caught_up().await;
            }
            Ok(settled.await)
        };
        match page.ask(&Limit { grace: std::time::Duration::ZERO, ..limit }, looked).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(mismatch)) => Err(Unsettled::unmet(self.unmet(mismatch, None).await)),
            Err(Trouble::Silent) => match page.watch().read(|tally| self.wanted.judge(tally, &rules)) {
                Standing::Holds => Ok(()),
                Standing::Waits(mismatch) | Standing::Fails(mismatch) => {
                    Err(Unsettled::unmet(self.unmet(mismatch, Some(&limit)).await))
                }
            },
            Err(trouble) => Err(Unsettled::in_the_way(page.troubled(&self.to_string(), trouble, &limit).await)),
        }
    }

    async fn unmet(&self, mismatch: Mismatch, waited: Option<&Limit>) -> Failure {
        let of_the_run = waited.is_some_and(|limit| limit.of_the_run);
        let reason = if of_the_run { Reason::Timeout } else { Reason::Expectation };
        let actual = match waited {
            Some(limit) => format!("{} (waited {})", mismatch.actual, span(limit.whole())),
            None => mismatch.actual,
        };
        let failure = Failure::with_reason(reason, self.to_string()).expected(mismatch.expected).actual(actual);
        self.page.with_surroundings(failure, self.page.main(), None).await
    }
}

impl Wanted {
    pub(crate) fn status(pattern: &str, matcher: impl Matcher<u16> + 'static) -> Self {
        Self::Status { pattern: Pattern::new(pattern), matcher: Box::new(matcher) }
    }

    pub(crate) fn count(pattern: &str, matcher: impl Matcher<usize> + 'static) -> Self {
        Self::Count { pattern: Pattern::new(pattern), matcher: Box::new(matcher) }
    }

    pub(crate) fn none_failed() -> Self {
        Self::NoneFailed { except: Vec::new() }
    }

    /// Returns what is wrong with the expectation itself.
    fn defect(&self) -> Option<String> {
        let (patterns, defect) = match self {
            Self::Status { pattern, matcher } => (std::slice::from_ref(pattern), matcher.defect()),
            Self::Count { pattern, matcher } => (std::slice::from_ref(pattern), matcher.defect()),
            Self::NoneFailed { except } => (&except[..], None),
        };
        patterns.iter().find_map(|pattern| pattern.as_ref().err().cloned()).or(defect)
    }

    fn judge(&self, tally: &Tally, rules: &Rules) -> Standing {
        match self {
            Self::Status { pattern: Ok(pattern), matcher } => {
                let matcher = matcher.as_ref();
                let of_it = tally.requests.iter().filter(|exchange| meant(pattern, exchange));
                let mut statuses = of_it.filter_map(|exchange| exchange.response.as_ref()).map(|answer| answer.status);
                if statuses.any(|status| check(&status, matcher).is_ok()) {
                    return Standing::Holds;
                }
                Standing::Waits(Mismatch::new(described(matcher, Sense::Is), near(tally, pattern, 0)))
            }
            Self::Count { pattern: Ok(pattern), matcher } => {
                let matcher = matcher.as_ref();
                let made: Vec<&Exchange> = tally.requests.iter().filter(|exchange| meant(pattern, exchange)).collect();
                let Err(Mismatch { expected, actual, .. }) = check(&made.len(), matcher) else {
                    return unless_left_out(tally, &described(matcher, Sense::Is));
                };
                let list = listed(made.iter().map(|exchange| seen::line(exchange)).collect());
                let mismatch = Mismatch::new(expected, format!("{actual}{list}"));
                // More requests may come, but none is taken back: whatever a larger number would do, it is looked for.
                let hopeless = (made.len()..=made.len() + 64).all(|more| !matcher.matches(&more));
                if hopeless { Standing::Fails(mismatch) } else { Standing::Waits(mismatch) }
            }
            Self::NoneFailed { except } => {
                let known = |exchange: &&Exchange| !except.iter().flatten().any(|pattern| meant(pattern, exchange));
                let made = tally.requests.iter().filter(known);
                let failed: Vec<String> = made.filter(|each| has_failed(each, rules)).map(seen::line).collect();
                if failed.is_empty() {
                    return unless_left_out(tally, "none has failed");
                }
                let actual = format!("{} failed{}", failed.len(), listed(failed));
                Standing::Fails(Mismatch::new("none has failed", actual))
            }
            Self::Status { pattern: Err(problem), .. } | Self::Count { pattern: Err(problem), .. } => {
                Standing::Fails(Mismatch::new("is a pattern", problem))
            }
        }
    }
}

/// What holds for the requests that are known may not for those that were too many to be kept.
fn unless_left_out(tally: &Tally, expected: &str) -> Standing {
    match tally.requests_left_out {
        0 => Standing::Holds,
        left_out => {
            let actual = format!("not known: the page made {left_out} requests more than are kept");
            Standing::Fails(Mismatch::new(expected, actual))
        }
    }
}

fn has_failed(exchange: &Exchange, rules: &Rules) -> bool {
    let broken = matches!(exchange.end, Some(ExchangeEnd::Failed { .. }));
    let refused = exchange.response.as_ref().is_some_and(|response| response.status >= 400);
    (broken || refused) && !exchange.is_icon() && !seen::is_cancelled(exchange) && !rules.decided(&exchange.request.id)
}

fn listed(mut lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(LISTED);
    lines.truncate(LISTED);
    match (lines.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(": {}", lines.join(", ")),
        (false, more) => format!(": {}, and {more} more", lines.join(", ")),
    }
}

impl fmt::Display for RequestExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted {
            Wanted::Status { pattern: Ok(pattern), .. } => write!(f, "status of {pattern}"),
            Wanted::Count { pattern: Ok(pattern), .. } => write!(f, "number of requests {pattern}"),
            Wanted::Status { .. } | Wanted::Count { .. } | Wanted::NoneFailed { .. } => {
                f.write_str("requests of the page")
            }
        }
    }
}

impl IntoFuture for RequestExpectation {
    type Output = Result;
    type IntoFuture = Pin<Box<dyn Future<Output = Result> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.settle().await.map_err(|unsettled| self.page.raise(unsettled.failure, self.place)) })
    }
}

impl IntoFuture for RequestWish {
    type Output = Result<bool>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<bool>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self(expectation) = self;
        Box::pin(async move { expectation.page.wished(expectation.settle().await, expectation.place) })
    }
}

impl fmt::Debug for RequestExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestExpectation({self})")
    }
}

impl fmt::Debug for RequestWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestWish({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::Event;
    use crate::page::fake::{page, request, response};

    #[tokio::test(start_paused = true)]
    async fn what_the_browser_told_is_counted_before_it_is_judged() {
        let page = page(|happens| {
            happens.send(Event::Request(request("1"))).unwrap();
            happens.send(response("1", 503)).unwrap();
        });
        // The events are there, and nobody has had the time to take them in.
        page.tab().navigate("http://shop.example/").await.unwrap();
        let failure = page.no_failed_requests().await.unwrap_err();
        assert!(failure.to_string().contains("503"), "{failure}");
        page.tab().navigate("http://shop.example/").await.unwrap();
        let failure = page.expect_requests("**", 1_usize).await.unwrap_err();
        assert!(failure.to_string().contains('2'), "{failure}");
    }
}
