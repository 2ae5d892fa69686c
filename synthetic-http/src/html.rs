//! A page of HTML, parsed once per answer, and what CSS selectors find in it.

use std::panic::Location;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scraper::{ElementRef, Html, Node, Selector};
use serde::de::DeserializeOwned;
use synthetic_core::{Failure, Result};

use crate::capture::Texts;
use crate::response::{Response, short_type_name};

mod parse;

/// How many characters of an element's text a failure shows.
const EXCERPT: usize = 100;

/// How much is read of a page to find texts in it: each node that is visited and each byte of text counts. Texts of elements that
/// are within one another are read once for each.
const READ: usize = 16 * 1024 * 1024;

/// A parsed page. Its elements remember what they computed of themselves, so that they are looked at by one at a time.
pub(crate) struct Page(Mutex<Html>);

impl Page {
    /// Parses a text, or says which limit it exceeds.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(Mutex::new(parse::parse(text)?)))
    }

    /// Returns what `read` makes of each element that is selected, in document order, at most `most` of them.
    pub(crate) fn select<T>(&self, css: &Css, most: usize, read: impl Fn(ElementRef<'_>) -> T) -> Vec<T> {
        self.html().select(&css.selector).take(most).map(read).collect()
    }

    /// Returns the text of each element that is selected, in document order, at most `most` of them.
    ///
    /// # Errors
    ///
    /// Says so where there is more to be read than is bearable.
    pub(crate) fn texts(&self, css: &Css, most: usize) -> Result<Vec<String>, String> {
        let mut left = READ;
        let html = self.html();
        let texts = html.select(&css.selector).take(most).map(|element| text(element, &mut left));
        texts.collect::<Option<_>>().ok_or_else(|| {
            format!("more text than is read: elements {} within one another, of {} MiB together", css.text, READ >> 20)
        })
    }

    /// Says that nothing is selected, and what is there of the way to it.
    pub(crate) fn near(&self, css: &Css) -> String {
        let html = self.html();
        let mut prefix = css.text.as_str();
        while let Some((shorter, _)) = prefix.rsplit_once([' ', '>', '+', '~', '.', '#', '[', ':']) {
            prefix = shorter.trim_end_matches([' ', '>', '+', '~', '.', '#', '[', ':']);
            let Ok(selector) = Selector::parse(prefix) else { continue };
            let count = html.select(&selector).count();
            if let Some(first) = html.select(&selector).next() {
                let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
                return format!(
                    "no element {}; there is {prefix} ({times}), with {}",
                    css.text,
                    excerpt("text", &text(first, &mut { READ }).unwrap_or_default())
                );
            }
        }
        let title = Selector::parse("title").ok().and_then(|title| text(html.select(&title).next()?, &mut { READ }));
        let elements = html.root_element().descendent_elements().count();
        let title = excerpt("title", &title.unwrap_or_default());
        format!("no element {}; the page has {title} and {elements} elements", css.text)
    }

    fn html(&self) -> MutexGuard<'_, Html> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A CSS selector, ready for use.
pub(crate) struct Css {
    pub(crate) text: String,
    selector: Selector,
}

impl Css {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match Selector::parse(text) {
            Ok(selector) => Ok(Self { text: text.to_owned(), selector }),
            Err(why) => Err(format!("{text:?} is no CSS selector: {}", reason(&why))),
        }
    }
}

/// Says why a selector is none: in the words of the parser's names, which are better than its texts.
fn reason(error: &scraper::error::SelectorErrorKind) -> String {
    use scraper::error::SelectorErrorKind as Kind;
    let name = match error {
        Kind::EndOfLine => return "it ends too early".to_owned(),
        Kind::UnexpectedSelectorParseError(error) => format!("{error:?}"),
        other => format!("{other:?}"),
    };
    let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let mut words = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// Returns the text of an element as it is read: without scripts and styles, white space collapsed; nothing where that is more than
/// is `left` to be read.
fn text(element: ElementRef<'_>, left: &mut usize) -> Option<String> {
    let mut text = String::new();
    for node in element.descendants() {
        *left = left.checked_sub(1)?;
        let Node::Text(part) = node.value() else { continue };
        *left = left.checked_sub(part.len())?;
        let hidden = node.parent().and_then(ElementRef::wrap).is_some_and(|parent| {
            parent.id() != element.id() && matches!(parent.value().name(), "script" | "style" | "template" | "noscript")
        });
        if !hidden {
            text.push_str(part);
        }
    }
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    Some(collapsed)
}

/// Returns the beginning of a text and what it is: `the text "12.50 EUR"`, `no text`.
fn excerpt(what: &str, text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        _ if text.is_empty() => format!("no {what}"),
        Some((end, _)) => format!("the {what} {:?} …", &text[..end]),
        None => format!("the {what} {text:?}"),
    }
}

/// # Reading HTML
impl Response {
    /// Reads the text of the element that a CSS selector finds: of the first one as a scalar, of all of them as a list.
    ///
    /// The text is that of the element and of what is in it, without scripts and styles, white space collapsed.
    ///
    /// # Errors
    ///
    /// Returns a failure that says that there is no such element and what is near, or that the text is not of the type; or an
    /// error of our own that says why the selector is none. Within a run it is recorded.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(shop: synthetic_http::Http) -> synthetic_core::Result {
    /// let page = shop.get("/cart").send().await?;
    /// let pieces: u32 = page.read_html("#cart .pieces")?;
    /// let names: Vec<String> = page.read_html("#cart li .name")?;
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn read_html<T: DeserializeOwned>(&self, selector: &str) -> Result<T> {
        self.read_elements(selector, selector.to_owned(), Location::caller(), |page, css| {
            Ok(page.texts(css, usize::MAX)?.into_iter().map(Some).collect())
        })
    }

    /// Reads an attribute of the element that a CSS selector finds, as [`read_html`](Self::read_html) does its text. Elements
    /// without the attribute count as not found.
    ///
    /// # Errors
    ///
    /// As [`read_html`](Self::read_html).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(shop: synthetic_http::Http) -> synthetic_core::Result {
    /// let form = shop.get("/login").send().await?;
    /// let token: String = form.read_html_attribute("input[name=csrf]", "value")?;
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn read_html_attribute<T: DeserializeOwned>(&self, selector: &str, name: &str) -> Result<T> {
        let subject = format!("attribute {name} of {selector}");
        self.read_elements(selector, subject, Location::caller(), |page, css| {
            Ok(page.select(css, usize::MAX, |element| element.attr(name).map(str::to_owned)))
        })
    }

    fn read_elements<T: DeserializeOwned>(
        &self,
        selector: &str,
        subject: String,
        place: &'static Location<'static>,
        read: impl Fn(&Page, &Css) -> Result<Vec<Option<String>>, String>,
    ) -> Result<T> {
        let subject = format!("{subject} in {}", self.name);
        let raise = |failure: Failure| self.raise(failure.at(place));
        let css = Css::parse(selector).map_err(|why| raise(Failure::setup(format!("{}: {why}", self.name))))?;
        let expected = || format!("is of the form {}", short_type_name::<T>());
        let page = self.page().map_err(|why| raise(self.lacks(subject.clone(), expected(), why.to_owned())))?;
        let selected = read(page, &css);
        let selected = selected.map_err(|why| raise(self.lacks(subject.clone(), expected(), why)))?;
        let found: Vec<String> = selected.iter().flatten().cloned().collect();
        if found.is_empty() {
            let actual = match selected.len() {
                0 => page.near(&css),
                elements => format!("{elements} such elements, none of which has the attribute"),
            };
            return Err(raise(self.lacks(subject, "exists".to_owned(), actual)));
        }
        let texts = Texts::of_elements(found.iter().map(String::as_str));
        texts.read().map_err(|why| raise(self.lacks(subject, expected(), why)))
    }
}
