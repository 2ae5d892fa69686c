//! [`Locator`]: how an element is found, and what is done with it.

pub(crate) mod action;
pub(crate) mod expectation;
pub(crate) mod keys;
pub(crate) mod mouse;
pub(crate) mod query;
pub(crate) mod reach;
pub(crate) mod seen;
pub(crate) mod settle;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::locator::query::{Part, Query};
use crate::page::Page;

/// Names the methods that find elements, the same for a page, a frame and an element.
macro_rules! locators {
    ($owner:ty, $text:ident) => {
        /// # Finding elements
        ///
        /// A locator is a value: it finds nothing until something is done with it, and then looks again every time. Open
        /// shadow roots are looked into. What is done with it needs exactly one element: two matches are a failure that
        /// lists them.
        impl $owner {
            /// Finds the element with an id: `id("login-btn")`.
            pub fn id(&self, id: impl Into<String>) -> Locator {
                self.find(Part::Id { text: id.into() })
            }

            /// Finds elements by a CSS selector: `css("form > .error")`.
            ///
            /// It matches within one shadow root at a time: write `css("my-dialog").css("button")` for a button in the
            /// shadow root of a `my-dialog`.
            pub fn css(&self, selector: impl Into<String>) -> Locator {
                self.find(Part::Css { text: selector.into() })
            }

            /// Finds the innermost elements with a text in them, without regard to case: `"Thank you"`.
            ///
            /// White space counts as one space. [`exact`](Locator::exact) wants the whole text.
            pub fn $text(&self, text: impl Into<String>) -> Locator {
                self.find(Part::Text { text: text.into(), exact: false })
            }

            /// Finds elements by their ARIA role and accessible name: `role("heading", "Your cart")`.
            ///
            /// Roles are those of the [ARIA specification](https://www.w3.org/TR/wai-aria-1.2/#role_definitions), also
            /// where an HTML element has one [by itself](https://www.w3.org/TR/html-aam-1.0/). The name may be any part of
            /// the [accessible name](https://www.w3.org/TR/accname-1.2/), without regard to case, and `""` is any name.
            /// What assistive technology is not told of, such as a hidden element, is not found.
            pub fn role(&self, role: impl Into<String>, name: impl Into<String>) -> Locator {
                self.find(Part::Role { role: role.into(), text: name.into(), exact: false })
            }

            /// Finds buttons by their name: `button("Sign in")`. Short for [`role`](Self::role).
            pub fn button(&self, name: impl Into<String>) -> Locator {
                self.role("button", name)
            }

            /// Finds links by their name: `link("Help")`. Short for [`role`](Self::role).
            pub fn link(&self, name: impl Into<String>) -> Locator {
                self.role("link", name)
            }

            /// Finds fields by a part of their label, without regard to case: `label("Email")`. A label is a `label` element,
            /// `aria-labelledby` or `aria-label`.
            pub fn label(&self, label: impl Into<String>) -> Locator {
                self.find(Part::Label { text: label.into(), exact: false })
            }

            /// Finds fields by a part of their placeholder, without regard to case.
            pub fn placeholder(&self, placeholder: impl Into<String>) -> Locator {
                self.find(Part::Placeholder { text: placeholder.into(), exact: false })
            }

            /// Finds elements by their attribute `data-testid`, the whole of it.
            pub fn test_id(&self, id: impl Into<String>) -> Locator {
                self.find(Part::TestId { text: id.into() })
            }
        }
    };
}

locators!(Page, text);
locators!(Frame, text);
// `text` is what is expected of it.
locators!(Locator, find_text);

/// Finds an element, and does something with it or expects something of it. A value, cheap to clone.
///
/// Printed, it reads as it was written: `button "Delete" in row "Bob"`.
///
/// # Default
///
/// It waits for what the [`Page`] waits, 5 s.
#[derive(Clone)]
#[must_use = "a locator does nothing until something is done with it"]
pub struct Locator {
    pub(crate) page: Page,
    /// The frames in which it is found, outermost first.
    pub(crate) frames: Arc<[Query]>,
    pub(crate) query: Query,
    patience: Option<Duration>,
}

/// # Narrowing
impl Locator {
    /// Wants the whole text, with its case, where a part of it would do: `button("Save").exact()` is not "Save as".
    pub fn exact(mut self) -> Self {
        self.query = self.query.exact();
        self
    }

    /// Keeps those in which a text is, without regard to case: `role("row", "").has_text("Bob")`.
    pub fn has_text(self, text: impl Into<String>) -> Self {
        self.narrow(Part::HasText { text: text.into(), exact: false })
    }

    /// Keeps one, in the order of the document, counted from 0.
    pub fn nth(self, n: u32) -> Self {
        self.narrow(Part::Nth { n: n.into() })
    }

    /// Keeps the first one.
    pub fn first(self) -> Self {
        self.nth(0)
    }

    /// Keeps the last one.
    pub fn last(self) -> Self {
        self.narrow(Part::Nth { n: -1 })
    }

    /// Waits this long for it, instead of what the page waits.
    pub const fn within(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    pub(crate) fn new(page: &Page, frames: &Arc<[Query]>, part: Part) -> Self {
        Self { page: page.clone(), frames: Arc::clone(frames), query: Query::new(part), patience: None }
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience.unwrap_or_else(|| self.page.patience())
    }

    fn find(&self, part: Part) -> Self {
        self.clone().narrow(part)
    }

    fn narrow(mut self, part: Part) -> Self {
        self.query = self.query.with(part);
        self
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.query)?;
        self.frames.iter().rev().try_for_each(|frame| write!(f, " in frame {frame}"))
    }
}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locator({self})")
    }
}

/// Finds elements in a frame of a page: `page.frame("iframe#payment").label("Card number")`. A value, cheap to clone.
#[derive(Clone)]
#[must_use = "a frame does nothing until something in it is used"]
pub struct Frame {
    page: Page,
    frames: Arc<[Query]>,
}

impl Frame {
    pub(crate) fn new(page: &Page, around: &[Query], selector: String) -> Self {
        let frames = around.iter().cloned().chain([Query::new(Part::Css { text: selector })]).collect();
        Self { page: page.clone(), frames }
    }

    /// Finds a frame in this one, by a CSS selector for its element.
    pub fn frame(&self, selector: impl Into<String>) -> Self {
        Self::new(&self.page, &self.frames, selector.into())
    }

    fn find(&self, part: Part) -> Locator {
        Locator::new(&self.page, &self.frames, part)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frame(")?;
        for (n, frame) in self.frames.iter().rev().enumerate() {
            write!(f, "{}{frame}", if n == 0 { "" } else { " in " })?;
        }
        f.write_str(")")
    }
}
