//! What is expected of an element, or of the page: looked at until it holds or the time is up.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;

use serde_json::Value;
use synthetic_core::Result;
use synthetic_core::expect::{Matcher, Mismatch, Sense, check, described};

use crate::locator::Locator;
use crate::locator::query::Query;
use crate::locator::seen::Seen;
use crate::page::Page;
use crate::page::action::Action;
use crate::page::fail::Unsettled;
use crate::page::limit::Limit;

/// Expects something of an element or of a page, and looks again until it holds or the time is up. Await it.
///
/// # Errors
///
/// When it does not hold in time, the failure says what was wanted, what was seen last, what is near, and where the page is.
///
/// # Examples
///
/// ```no_run
/// # use synthetic_core::prelude::*;
/// # use synthetic_browser::Page;
/// # async fn dashboard(run: Run, page: Page) -> Result {
/// run.step("dashboard", page.id("metrics-panel").visible()).await?;
/// page.css(".order").count(ge(1)).await?;
/// let _held: bool = page.id("banner").text(contains("Sale")).prefer().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "an expectation is judged when it is awaited"]
pub struct Expectation {
    pub(super) of: Of,
    pub(super) judge: Judge,
    /// What is wrong with the matcher itself.
    pub(super) defect: Option<String>,
    place: &'static Location<'static>,
}

/// Wishes for something: if it does not hold in time, the run is degraded and goes on. Await it for whether it held.
///
/// # Errors
///
/// Only what stood in the way of looking is a failure: a page that crashed, a browser that is gone.
#[must_use = "a wish is judged when it is awaited"]
pub struct Wish(Expectation);

pub(super) type Judge = Box<dyn Fn(&Seen, &Query) -> Result<(), Mismatch> + Send + Sync>;

pub(super) enum Of {
    Element {
        locator: Locator,
        /// What the script library observes: `text`.
        what: &'static str,
        /// The name of an attribute.
        name: String,
    },
    Page {
        page: Page,
        what: &'static str,
    },
}

/// # Expecting
///
/// Each looks again until it holds or the time is up. Await it to demand it; [`prefer`](Expectation::prefer) makes it a wish.
impl Locator {
    /// Expects exactly one such element, and that it can be seen: displayed, with a size, not `visibility: hidden`.
    #[track_caller]
    pub fn visible(&self) -> Expectation {
        self.expect_flag("visible", "is visible", "is hidden")
    }

    /// Expects that no such element can be seen, or that there is none.
    #[track_caller]
    pub fn hidden(&self) -> Expectation {
        let judge = |seen: &Seen, _: &Query| match seen.value {
            Value::Bool(true) => Ok(()),
            _ => Err(Mismatch::new("is hidden, or not in the document", why(seen, "visible"))),
        };
        self.expectation("hidden", "", None, Box::new(judge))
    }

    /// Expects something of its text: `text(contains("3 items"))`.
    ///
    /// The text is what the document has, without what is not displayed, and white space counts as one space.
    #[track_caller]
    pub fn text(&self, matcher: impl Matcher<String> + 'static) -> Expectation {
        self.expect_text("text", "", matcher)
    }

    /// Expects something of the value of a field: `value(eq("1"))`. What was filled in as a secret is shown in no failure.
    #[track_caller]
    pub fn value(&self, matcher: impl Matcher<String> + 'static) -> Expectation {
        self.expect_text("value", "", matcher)
    }

    /// Expects something of an attribute, as it is written in the document; `exists()` and `not(exists())` judge whether it
    /// is there.
    #[track_caller]
    pub fn attribute(&self, name: impl Into<String>, matcher: impl Matcher<String> + 'static) -> Expectation {
        self.expect_text("attribute", name, matcher)
    }

    /// Expects something of the number of elements: `count(3_usize)`, `count(ge(1))`.
    #[track_caller]
    pub fn count(&self, matcher: impl Matcher<usize> + 'static) -> Expectation {
        let defect = matcher.defect();
        let judge = move |seen: &Seen, _: &Query| {
            let count = usize::try_from(seen.count).unwrap_or(usize::MAX);
            check(&count, &matcher).map_err(|Mismatch { expected, actual, .. }| {
                let list = if seen.count > 1 { format!(": {}", seen.matches.join(", ")) } else { String::new() };
                Mismatch::new(expected, actual + &list)
            })
        };
        self.expectation("count", "", defect, Box::new(judge))
    }

    /// Expects that it is not disabled, by itself, by a `fieldset` around it, or by `aria-disabled`.
    #[track_caller]
    pub fn enabled(&self) -> Expectation {
        self.expect_flag("enabled", "is enabled", "is disabled")
    }

    /// Expects that a checkbox, a radio button or a switch is checked.
    #[track_caller]
    pub fn checked(&self) -> Expectation {
        self.checked_is(true, Location::caller())
    }

    /// Expects that a checkbox, a radio button or a switch is not checked.
    #[track_caller]
    pub fn unchecked(&self) -> Expectation {
        self.checked_is(false, Location::caller())
    }

    /// Expects that it is checked, or not.
    pub(crate) fn checked_is(&self, wanted: bool, place: &'static Location<'static>) -> Expectation {
        let words = |checked: bool| if checked { "checked" } else { "not checked" };
        let judge = move |seen: &Seen, query: &Query| match (seen.not_one(query), &seen.value) {
            (None, Value::Bool(checked)) if *checked == wanted => Ok(()),
            (missing, value) => {
                let actual = missing.or_else(|| seen.why.clone());
                let actual = actual.unwrap_or_else(|| words(value == &Value::Bool(true)).to_owned());
                Err(Mismatch::new(format!("is {}", words(wanted)), actual))
            }
        };
        let of = Of::Element { locator: self.clone(), what: "checked", name: String::new() };
        Expectation { of, judge: Box::new(judge), defect: None, place }
    }

    /// Returns its text once exactly one such element is there.
    ///
    /// # Errors
    ///
    /// When there is not exactly one in time.
    #[track_caller]
    pub fn read_text(&self) -> Action<String> {
        self.read("text")
    }

    /// Returns the value of a field once exactly one such element is there.
    ///
    /// # Errors
    ///
    /// When there is not exactly one in time, or it is no field.
    #[track_caller]
    pub fn read_value(&self) -> Action<String> {
        self.read("value")
    }

    #[track_caller]
    fn read(&self, what: &'static str) -> Action<String> {
        let judge = |seen: &Seen, query: &Query| match (seen.not_one(query), &seen.value) {
            (None, Value::String(_)) => Ok(()),
            (missing, _) => Err(Mismatch::new("is there", missing.unwrap_or_else(|| why(seen, "nothing")))),
        };
        let expectation = self.expectation(what, "", None, Box::new(judge));
        Action::new(async move {
            expectation.count();
            let limit = expectation.limit();
            match expectation.settled(&limit).await {
                Ok(Value::String(text)) => Ok(text),
                Ok(_) => Ok(String::new()),
                Err(Unsettled { failure, .. }) => Err(expectation.page().raise(failure, expectation.place)),
            }
        })
    }

    #[track_caller]
    fn expect_flag(&self, what: &'static str, is: &'static str, not: &'static str) -> Expectation {
        let judge = move |seen: &Seen, query: &Query| match (seen.not_one(query), &seen.value) {
            (None, Value::Bool(true)) => Ok(()),
            (missing, _) => Err(Mismatch::new(is, missing.unwrap_or_else(|| why(seen, not)))),
        };
        self.expectation(what, "", None, Box::new(judge))
    }

    #[track_caller]
    fn expect_text(
        &self,
        what: &'static str,
        name: impl Into<String>,
        matcher: impl Matcher<String> + 'static,
    ) -> Expectation {
        let defect = matcher.defect();
        let judge = move |seen: &Seen, query: &Query| {
            if let Some(missing) = seen.not_one(query) {
                return Err(Mismatch::new(described(&matcher, Sense::Is), missing));
            }
            match &seen.value {
                // What the page made of a secret is not known to whoever hides secrets.
                Value::String(text) if seen.secret && !matcher.matches(text) => Err(Mismatch::new(
                    described(&matcher, Sense::Is),
                    format!("a secret of {} characters", text.chars().count()),
                )),
                Value::String(text) => check(text, &matcher),
                _ if matcher.matches_missing() == Some(true) => Ok(()),
                _ => Err(Mismatch::new(described(&matcher, Sense::Is), why(seen, "nothing"))),
            }
        };
        self.expectation(what, name, defect, Box::new(judge))
    }

    #[track_caller]
    fn expectation(
        &self,
        what: &'static str,
        name: impl Into<String>,
        defect: Option<String>,
        judge: Judge,
    ) -> Expectation {
        let of = Of::Element { locator: self.clone(), what, name: name.into() };
        Expectation { of, judge, defect, place: Location::caller() }
    }
}

/// # Expecting
impl Page {
    /// Expects something of the page's title: `expect_title(contains("Example App"))`.
    #[track_caller]
    pub fn expect_title(&self, matcher: impl Matcher<String> + 'static) -> Expectation {
        self.expectation("title", matcher)
    }

    /// Expects something of the page's URL, the whole of it: `expect_url(ends_with("/dashboard"))`. In a failure, the values
    /// in its query are left out.
    #[track_caller]
    pub fn expect_url(&self, matcher: impl Matcher<String> + 'static) -> Expectation {
        self.expectation("URL", matcher)
    }

    #[track_caller]
    fn expectation(&self, what: &'static str, matcher: impl Matcher<String> + 'static) -> Expectation {
        let defect = matcher.defect();
        let judge = move |seen: &Seen, _: &Query| {
            let text = seen.value.as_str().unwrap_or_default().to_owned();
            if matcher.matches(&text) {
                return Ok(());
            }
            let shown = if what == "URL" { crate::page::url::shown(&text) } else { text };
            // What is shown may match where the whole does not.
            check(&shown, &matcher)
                .map_or_else(Err, |()| Err(Mismatch::new(described(&matcher, Sense::Is), format!("{shown:?}"))))
        };
        let of = Of::Page { page: self.clone(), what };
        Expectation { of, judge: Box::new(judge), defect, place: Location::caller() }
    }
}

fn why(seen: &Seen, otherwise: &str) -> String {
    seen.why.clone().unwrap_or_else(|| otherwise.to_owned())
}

impl Expectation {
    /// Makes it a wish: if it does not hold in time, the run is degraded and goes on.
    pub fn prefer(self) -> Wish {
        Wish(self)
    }

    /// Names what is looked at: `text of id "total"`.
    pub(super) fn subject(&self) -> String {
        match &self.of {
            Of::Element { locator, what: "visible" | "hidden" | "enabled" | "checked", .. } => locator.to_string(),
            Of::Element { locator, what: "count", .. } => format!("number of {locator}"),
            Of::Element { locator, what, name } if name.is_empty() => format!("{what} of {locator}"),
            Of::Element { locator, what, name } => format!("{what} {name} of {locator}"),
            Of::Page { what, .. } => format!("{what} of the page"),
        }
    }

    pub(super) fn page(&self) -> &Page {
        match &self.of {
            Of::Element { locator, .. } => &locator.page,
            Of::Page { page, .. } => page,
        }
    }

    fn count(&self) {
        if let Some(run) = self.page().run() {
            run.count_check();
        }
    }

    fn limit(&self) -> Limit {
        let patience = match &self.of {
            Of::Element { locator, .. } => locator.patience(),
            Of::Page { page, .. } => page.patience(),
        };
        Limit::new(patience, self.page().run().as_ref())
    }
}

impl IntoFuture for Expectation {
    type Output = Result;
    type IntoFuture = Pin<Box<dyn Future<Output = Result> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.count();
            let settled = self.settle(&self.limit()).await;
            settled.map_err(|Unsettled { failure, .. }| self.page().raise(failure, self.place))
        })
    }
}

impl IntoFuture for Wish {
    type Output = Result<bool>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<bool>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self(expectation) = self;
        Box::pin(async move {
            expectation.count();
            let settled = expectation.settle(&expectation.limit()).await;
            expectation.page().wished(settled, expectation.place)
        })
    }
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expectation({})", self.subject())
    }
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wish({})", self.0.subject())
    }
}
