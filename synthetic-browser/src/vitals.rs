//! [`Vitals`]: how soon a page is there for its user, and how calm and quick it is then.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use serde::Deserialize;
use synthetic_core::expect::{Matcher, Mismatch, Sense, check, described};
use synthetic_core::report::Unit;
use synthetic_core::{Failure, Reason, Result, Run};

use crate::engine::World;
use crate::evidence::picture::time;
use crate::network::seen::millis;
use crate::page::Page;
use crate::page::action::Action;
use crate::page::ask::Trouble;
use crate::page::fail::Unsettled;
use crate::page::limit::span;

/// How often the page is asked for what it has not measured yet.
const LOOK: Duration = Duration::from_millis(50);

/// The [web vitals](https://web.dev/articles/vitals) of a document, measured in the browser as
/// [web-vitals](https://github.com/GoogleChrome/web-vitals) does, from when its document was asked for on.
///
/// `None` is what was not measured: there was none, such as [`inp`](Self::inp) where nobody has clicked, or the browser does
/// not have it. Firefox has no [`cls`](Self::cls).
///
/// When the journey has ended, those of the document that the page has then are measurements of the run: `lcp`, `fcp`,
/// `ttfb` and `inp` in seconds, `cls` as a number. A browser without a window on a fast network is not a user's telephone:
/// compare them with their own past.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Vitals {
    /// Largest Contentful Paint (<https://web.dev/articles/lcp>): when the largest picture or text was there, until the first
    /// click or key.
    pub lcp: Option<Duration>,
    /// First Contentful Paint (<https://web.dev/articles/fcp>): when the first picture or text was there.
    pub fcp: Option<Duration>,
    /// Time to First Byte (<https://web.dev/articles/ttfb>): when the document began to come, redirects included.
    pub ttfb: Option<Duration>,
    /// Interaction to Next Paint (<https://web.dev/articles/inp>): how long the page took to show something after a click, a
    /// tap or a key; of all, the longest, less one for each 50.
    pub inp: Option<Duration>,
    /// Cumulative Layout Shift (<https://web.dev/articles/cls>): how much of the viewport moved how far by itself, as the
    /// largest sum of a session, in which shifts follow within 1 s for at most 5 s.
    pub cls: Option<f64>,
}

/// One of the [`Vitals`] that are times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Vital {
    /// Largest Contentful Paint.
    Lcp,
    /// First Contentful Paint.
    Fcp,
    /// Time to First Byte.
    Ttfb,
    /// Interaction to Next Paint.
    Inp,
}

#[derive(Debug, Default, Deserialize)]
struct Measured {
    lcp: Option<f64>,
    fcp: Option<f64>,
    cls: Option<f64>,
    inp: Option<f64>,
    ttfb: Option<f64>,
    missing: Vec<String>,
}

impl Vitals {
    /// Returns one that is a time.
    #[must_use]
    pub fn get(&self, vital: Vital) -> Option<Duration> {
        match vital {
            Vital::Lcp => self.lcp,
            Vital::Fcp => self.fcp,
            Vital::Ttfb => self.ttfb,
            Vital::Inp => self.inp,
        }
    }

    fn of(measured: &Measured) -> Self {
        let time = |ms: Option<f64>| ms.map(millis);
        Self {
            lcp: time(measured.lcp),
            fcp: time(measured.fcp),
            ttfb: time(measured.ttfb),
            inp: time(measured.inp),
            cls: measured.cls,
        }
    }

    fn record(&self, run: &Run) {
        let times = [("lcp", self.lcp), ("fcp", self.fcp), ("ttfb", self.ttfb), ("inp", self.inp)];
        for (name, time) in times {
            if let Some(time) = time {
                run.metric(name, time.as_secs_f64(), Unit::Seconds);
            }
        }
        if let Some(cls) = self.cls {
            run.metric("cls", cls, Unit::Count);
        }
    }
}

const MEASURE: &str = "() => canary.measured()";

/// # Web vitals
impl Page {
    /// Returns the web vitals of the document that the page has, as they are now.
    ///
    /// # Errors
    ///
    /// What stands in the way of any action: a crash, a dialog, a page that does not answer.
    #[track_caller]
    pub fn vitals(&self) -> Action<Vitals> {
        let (page, place) = (self.clone(), Location::caller());
        Action::new(async move {
            let limit = page.limit(page.patience());
            loop {
                match page.call::<Measured>(&limit, page.main(), MEASURE, &[]).await {
                    Ok(measured) => return Ok(Vitals::of(&measured)),
                    Err(Trouble::Stale) if !limit.is_over() => tokio::task::yield_now().await,
                    Err(trouble) => {
                        return Err(page.raise(page.troubled("vitals of the page", trouble, &limit).await, place));
                    }
                }
            }
        })
    }

    /// Expects something of a web vital that is a time: `expect_vital(Vital::Lcp, under(ms(2500)))`.
    ///
    /// It is judged as soon as it is measured, which is waited for; INP is that of the clicks and keys so far.
    #[track_caller]
    pub fn expect_vital(&self, vital: Vital, matcher: impl Matcher<Duration> + 'static) -> VitalExpectation {
        let judge = Judge::Time(vital, Box::new(matcher));
        VitalExpectation { page: self.clone(), judge, place: Location::caller() }
    }

    /// Expects something of the layout shift (CLS) so far: `expect_layout_shift(under(0.1))`. Chromium only.
    #[track_caller]
    pub fn expect_layout_shift(&self, matcher: impl Matcher<f64> + 'static) -> VitalExpectation {
        VitalExpectation { page: self.clone(), judge: Judge::Shift(Box::new(matcher)), place: Location::caller() }
    }

    /// Records the vitals in the run, if the page tells them at once.
    pub(crate) async fn record_vitals(&self, run: &Run, most: Duration) {
        if self.url().is_empty() || self.url().starts_with("about:") {
            return;
        }
        let over = self.watch().until(|tally| tally.end);
        let measured = self.tab().call(self.main(), World::Ours, MEASURE, &[]);
        let measured = tokio::select! {
            biased;
            _ = over => return,
            measured = tokio::time::timeout(time(Some(run), most), measured) => measured,
        };
        // A page that does not answer has told so elsewhere.
        if let Ok(Ok(measured)) = measured
            && let Ok(measured) = serde_json::from_value::<Measured>(measured)
        {
            Vitals::of(&measured).record(run);
        }
    }
}

/// Expects something of a web vital. Await it to demand it; [`prefer`](Self::prefer) makes it a wish.
///
/// # Errors
///
/// When it does not hold, the failure says what was measured. What was not measured in the page's patience is a failure too; what
/// the browser does not measure at all is an error of our own.
#[must_use = "an expectation is judged when it is awaited"]
pub struct VitalExpectation {
    page: Page,
    judge: Judge,
    place: &'static Location<'static>,
}

/// Wishes for something of a web vital: if it does not hold, the run is degraded and goes on. Await it for whether it held.
///
/// # Errors
///
/// Only what stood in the way of measuring is a failure.
#[must_use = "a wish is judged when it is awaited"]
pub struct VitalWish(VitalExpectation);

enum Judge {
    Time(Vital, Box<dyn Matcher<Duration>>),
    Shift(Box<dyn Matcher<f64>>),
}

impl Judge {
    fn defect(&self) -> Option<String> {
        match self {
            Self::Time(_, matcher) => matcher.defect(),
            Self::Shift(matcher) => matcher.defect(),
        }
    }

    /// Returns the name that a script has for it.
    fn key(&self) -> &'static str {
        match self {
            Self::Time(Vital::Lcp, _) => "lcp",
            Self::Time(Vital::Fcp, _) => "fcp",
            Self::Time(Vital::Ttfb, _) => "ttfb",
            Self::Time(Vital::Inp, _) => "inp",
            Self::Shift(_) => "cls",
        }
    }

    fn wanted(&self) -> String {
        match self {
            Self::Time(_, matcher) => described(matcher.as_ref(), Sense::Is),
            Self::Shift(matcher) => described(matcher.as_ref(), Sense::Is),
        }
    }

    /// Judges what was measured; `None` when it was not.
    fn judge(&self, vitals: &Vitals) -> Option<Result<(), Mismatch>> {
        match self {
            Self::Time(vital, matcher) => Some(check(&vitals.get(*vital)?, matcher.as_ref())),
            Self::Shift(matcher) => Some(check(&vitals.cls?, matcher.as_ref())),
        }
    }
}

impl VitalExpectation {
    /// Makes it a wish: if it does not hold, the run is degraded and goes on.
    pub fn prefer(self) -> VitalWish {
        VitalWish(self)
    }

    /// Measures.
    async fn settle(&self) -> Result<(), Unsettled> {
        let page = &self.page;
        page.count_check();
        if let Some(defect) = self.judge.defect() {
            return Err(Unsettled::in_the_way(Failure::setup(format!("what is expected of the {self}: {defect}"))));
        }
        let limit = page.limit(page.patience());
        loop {
            let measured = match page.call::<Measured>(&limit, page.main(), MEASURE, &[]).await {
                Ok(measured) => measured,
                Err(Trouble::Stale) if !limit.is_over() => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Err(trouble) => {
                    return Err(Unsettled::in_the_way(page.troubled(&self.to_string(), trouble, &limit).await));
                }
            };
            let failure = match self.judge.judge(&Vitals::of(&measured)) {
                Some(Ok(())) => return Ok(()),
                Some(Err(mismatch)) => Failure::mismatch(self.to_string(), mismatch),
                None if measured.missing.iter().any(|name| name == self.judge.key()) => {
                    let failure = Failure::setup(format!("{self}: this browser does not measure it"));
                    return Err(Unsettled::in_the_way(failure.hint("expect it in Chromium only")));
                }
                None if limit.is_over() => {
                    let reason = if limit.of_the_run { Reason::Timeout } else { Reason::Expectation };
                    let failure = Failure::with_reason(reason, self.to_string());
                    let failure = failure
                        .expected(self.judge.wanted())
                        .actual(format!("was not measured (waited {})", span(limit.whole())));
                    match self.judge {
                        Judge::Time(Vital::Inp, _) => failure.hint("it takes a click or a key in this document"),
                        Judge::Time(..) | Judge::Shift(_) => failure,
                    }
                }
                None => {
                    tokio::time::sleep(LOOK.min(limit.left())).await;
                    continue;
                }
            };
            return Err(Unsettled::unmet(page.with_surroundings(failure, page.main(), None).await));
        }
    }
}

impl fmt::Display for VitalExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.judge {
            Judge::Time(Vital::Lcp, _) => "largest contentful paint (LCP) of the page",
            Judge::Time(Vital::Fcp, _) => "first contentful paint (FCP) of the page",
            Judge::Time(Vital::Ttfb, _) => "time to first byte (TTFB) of the page",
            Judge::Time(Vital::Inp, _) => "interaction to next paint (INP) of the page",
            Judge::Shift(_) => "cumulative layout shift (CLS) of the page",
        })
    }
}

impl IntoFuture for VitalExpectation {
    type Output = Result;
    type IntoFuture = Pin<Box<dyn Future<Output = Result> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.settle().await.map_err(|unsettled| self.page.raise(unsettled.failure, self.place)) })
    }
}

impl IntoFuture for VitalWish {
    type Output = Result<bool>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<bool>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self(expectation) = self;
        Box::pin(async move { expectation.page.wished(expectation.settle().await, expectation.place) })
    }
}

impl fmt::Debug for VitalExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VitalExpectation({self})")
    }
}

impl fmt::Debug for VitalWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VitalWish({})", self.0)
    }
}
