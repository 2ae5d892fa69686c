//! `html`, `html_all`, `html_count` and `html_attribute`: what CSS selectors find in a page.

use std::fmt;
use std::marker::PhantomData;

use synthetic_core::expect::{self, Matcher, Mismatch, Sense};

use super::of::judge_found;
use super::{Expectation, Judge, No};
use crate::html::{Css, Page};
use crate::response::Response;

/// Expects something of the text of the first element that a CSS selector finds: `html("h1", "Your cart")`.
///
/// The text is that of the element and of what is in it, without scripts and styles, white space collapsed. No such
/// element fails and says what is near, unless the matcher is about presence: `html(".error", not(exists()))`. It is the
/// page as the server sent it: no script has run. One of more than 250,000 nodes, nested more than 1,024 deep, or with a tag of more
/// than 4,096 attributes fails, and so do texts within one another of more than 16 MiB in all: what is judged after the answer takes
/// no time to speak of. A page is parsed once per answer; a selector that is none is found before anything is sent.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, html, html_all, html_attribute, html_count};
///
/// let _cart = Http::at("https://shop.example").get("/cart")
///     .expect(html("h1", "Your cart"))
///     .expect(html("#total", matches(r"^\d+\.\d\d EUR$")))
///     .expect(html(".error", not(exists())))
///     .expect(html_count("#cart li", between(1, 50)))
///     .expect(html_all("#cart li .name", contains("Hammer")))
///     .expect(html_attribute("link[rel=canonical]", "href", starts_with("https://")));
/// ```
pub fn html(selector: impl AsRef<str>, matcher: impl Matcher<String> + 'static) -> Expectation {
    selected("text of", selector.as_ref(), matcher, |page, css| {
        page.texts(css, 1).map_err(No::Judgement)?.pop().ok_or_else(|| No::Such(page.near(css)))
    })
}

/// Expects something of the texts of all elements that a CSS selector finds, in document order:
/// `html_all("nav a", len(5))`, `html_all(".price", every(ends_with("EUR")))`.
///
/// None at all fails and says what is near: [`html_count`] counts to zero.
pub fn html_all(selector: impl AsRef<str>, matcher: impl Matcher<Vec<String>> + 'static) -> Expectation {
    selected("texts of", selector.as_ref(), matcher, |page, css| {
        let texts = page.texts(css, usize::MAX).map_err(No::Judgement)?;
        if texts.is_empty() { Err(No::Such(page.near(css))) } else { Ok(texts) }
    })
}

/// Expects something of how many elements a CSS selector finds: `html_count("#cart li", 3_u64)`, `html_count(".error", eq(0))`.
pub fn html_count(selector: impl AsRef<str>, matcher: impl Matcher<u64> + 'static) -> Expectation {
    selected("count of", selector.as_ref(), matcher, |page, css| Ok(page.select(css, usize::MAX, |_| ()).len() as u64))
}

/// Expects something of an attribute of the first element that a CSS selector finds:
/// `html_attribute("form#login", "method", "post")`.
///
/// An attribute without a value is the empty text. `not(exists())` says that the element has no such attribute, and fails where
/// there is no element.
pub fn html_attribute(
    selector: impl AsRef<str>,
    name: impl Into<String>,
    matcher: impl Matcher<String> + 'static,
) -> Expectation {
    let name = name.into();
    let subject = format!("attribute {name} of");
    selected(subject, selector.as_ref(), matcher, move |page, css| {
        let read = |element: scraper::ElementRef<'_>| {
            let others = || element.value().attrs().map(|(name, _)| name).collect::<Vec<_>>();
            element.attr(&name).map(str::to_owned).ok_or_else(|| match others() {
                others if others.is_empty() => format!("{} is there, without any attribute", css.text),
                others => format!("{} is there, with the attributes {}", css.text, others.join(", ")),
            })
        };
        let found = page.select(css, 1, read).pop().ok_or_else(|| No::Judgement(page.near(css)))?;
        found.map_err(No::Such)
    })
}

fn selected<T: fmt::Debug + 'static>(
    subject: impl Into<String>,
    selector: &str,
    matcher: impl Matcher<T> + 'static,
    take: impl Fn(&Page, &Css) -> Result<T, No> + Send + Sync + 'static,
) -> Expectation {
    let css = Css::parse(selector);
    let defect = css.as_ref().err().cloned().or_else(|| matcher.defect());
    Expectation::new(
        Selected { subject: format!("{} {selector}", subject.into()), css, take, matcher, of: PhantomData },
        defect,
    )
}

struct Selected<T, F, M> {
    subject: String,
    css: Result<Css, String>,
    /// What is looked at, or why it cannot be.
    take: F,
    matcher: M,
    of: PhantomData<fn() -> T>,
}

impl<T, F, M> Judge for Selected<T, F, M>
where
    T: fmt::Debug,
    F: Fn(&Page, &Css) -> Result<T, No> + Send + Sync,
    M: Matcher<T>,
{
    fn subject(&self) -> String {
        self.subject.clone()
    }

    fn judge(&self, answer: &Response) -> Result<(), Mismatch> {
        let wanted = |actual: String| Mismatch::new(expect::described(&self.matcher, Sense::Is), actual);
        let css = self.css.as_ref().map_err(|why| wanted(why.clone()))?;
        let page = answer.page().map_err(|why| wanted(why.to_owned()))?;
        judge_found((self.take)(page, css), &self.matcher)
    }
}
