//! What the page asks with `alert`, `confirm`, `prompt`, and on being left.

use std::future::{Future, IntoFuture};
use std::panic::Location;

use serde::{Deserialize, Serialize};
use synthetic_core::Result;

use crate::page::Page;
use crate::page::during::Awaited;

/// Says what becomes of a page's dialogs: of `alert`, `confirm`, `prompt`, and of the question whether to leave the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialogs {
    /// A dialog is dismissed, and the action during which it opens, or the next one, fails with its message. The default:
    /// a dialog that nobody expects stands between a user and the page.
    #[default]
    Fail,
    /// Dialogs are accepted.
    Accept,
    /// Dialogs are dismissed.
    Dismiss,
    /// Dialogs are accepted, and a `prompt` is given this text.
    Answer(String),
}

impl Dialogs {
    /// Returns whether to accept, and the text to give.
    pub(crate) fn answer(&self) -> (bool, Option<String>) {
        match self {
            Self::Fail | Self::Dismiss => (false, None),
            Self::Accept => (true, None),
            Self::Answer(text) => (true, Some(text.clone())),
        }
    }
}

/// What a page asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dialog {
    /// `alert`, `confirm`, `prompt` or `beforeunload`.
    pub kind: String,
    /// What it says.
    pub message: String,
    /// What stands in its field: of a `prompt`; else empty.
    pub default: String,
}

/// # Dialogs
impl Page {
    /// Does something during which a dialog is expected to open, answers it, and returns what it said:
    /// `page.dialog(Dialogs::Accept, page.button("Delete").click())`.
    ///
    /// # Errors
    ///
    /// What the future fails with; and when no dialog opens in the page's patience.
    #[track_caller]
    pub fn dialog<T, F>(&self, answer: Dialogs, doing: F) -> impl Future<Output = Result<Dialog>> + Send + use<T, F>
    where
        F: IntoFuture<Output = Result<T>>,
        F::IntoFuture: Send,
        T: Send,
    {
        let (page, place, doing) = (self.clone(), Location::caller(), doing.into_future());
        async move {
            let former = page.watch().change(|tally| {
                tally.answered.clear();
                std::mem::replace(&mut tally.dialogs, answer)
            });
            // Put back also when this is dropped.
            let _guard = Former { page: page.clone(), former: Some(former) };
            let awaited = Awaited { what: "dialog of the page", expected: "opens", missing: "no dialog opened" };
            page.during(awaited, doing, |tally| tally.answered.pop_front(), place).await
        }
    }
}

struct Former {
    page: Page,
    former: Option<Dialogs>,
}

impl Drop for Former {
    fn drop(&mut self) {
        if let Some(former) = self.former.take() {
            self.page.on_dialog(former);
        }
    }
}
