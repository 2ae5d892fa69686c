//! What is done with an element.

use std::future::Future;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use synthetic_core::{Failure, Reason, Result, Secret};

use crate::engine::{Button, KeyAction, MouseAction, World};
use crate::locator::Locator;
use crate::locator::keys::{Typed, chord, typed};
use crate::locator::reach::{Missed, Ready};
use crate::locator::seen::{NONE_THERE, Seen, WHICH_ONE};
use crate::page::action::Action;
use crate::page::ask::Trouble;
use crate::page::fail::RUN_TIME_UP;
use crate::page::limit::{Limit, span};

/// What an element must be to receive the mouse.
pub(super) const CLICKABLE: &[&str] = &["visible", "enabled", "stable", "hit"];
const HOVERABLE: &[&str] = &["visible", "stable", "hit"];
const FILLABLE: &[&str] = &["visible", "enabled", "editable"];
const CHOOSABLE: &[&str] = &["visible", "enabled"];

/// # Doing
///
/// Each waits until exactly one element is there and fit for it: visible, enabled, at rest (its box is the same in two
/// frames), editable where it is written into, and not covered by another where it is clicked; it is scrolled into view. The
/// mouse and the keys are those of the browser, so that the page cannot tell them from a person's.
///
/// # Errors
///
/// When it is not fit in time, the failure says what it is instead (`covered by <div class="overlay">`), what is near, and
/// where the page is. A page that crashes is a failure of the target, a browser that is gone an error of our own.
impl Locator {
    /// Clicks in its middle.
    ///
    /// # Errors
    ///
    /// As said [above](#doing).
    #[track_caller]
    pub fn click(&self) -> Action {
        self.press_mouse("click", Button::Left, 1)
    }

    /// Clicks twice.
    ///
    /// # Errors
    ///
    /// As said [above](#doing).
    #[track_caller]
    pub fn double_click(&self) -> Action {
        self.press_mouse("double-click", Button::Left, 2)
    }

    /// Clicks with the right button.
    ///
    /// # Errors
    ///
    /// As said [above](#doing).
    #[track_caller]
    pub fn right_click(&self) -> Action {
        self.press_mouse("right-click", Button::Right, 1)
    }

    /// Moves the mouse to its middle.
    ///
    /// # Errors
    ///
    /// As said [above](#doing).
    #[track_caller]
    pub fn hover(&self) -> Action {
        let act = self.begin("hover over");
        Action::new(async move {
            let Ready { x, y, .. } = act.ready(HOVERABLE, &json!({})).await?;
            act.send(act.tab().mouse(&[MouseAction::Move { x, y }])).await
        })
    }

    /// Writes a text into a field, in the place of what is in it: an `input`, a `textarea`, something `contenteditable`.
    ///
    /// The text comes in one go, as if it were pasted; [`type_text`](Self::type_text) presses its keys. A date is written as
    /// HTML does: `2026-11-21`.
    ///
    /// # Errors
    ///
    /// As said [above](#doing).
    #[track_caller]
    pub fn fill(&self, text: impl Into<String>) -> Action {
        let (act, text) = (self.begin("fill"), text.into());
        Action::new(act_fill(act, move || text, false))
    }

    /// Writes a secret into a field: it is in no failure, no log and no picture.
    ///
    /// # Errors
    ///
    /// As said [above](#doing); and an error of our own for a secret that cannot be kept out of reports, such as one of three
    /// characters.
    #[track_caller]
    pub fn fill_secret(&self, secret: &Secret) -> Action {
        let (act, secret) = (self.begin("fill"), secret.clone());
        Action::new(async move {
            act.locator.page.keep_secret(&secret, act.place)?;
            let collector = Arc::clone(act.locator.page.collector());
            collector.keep_secret(&secret);
            // No picture is taken meanwhile; one that is due is taken before.
            act.locator.page.enter_step().await;
            let _still = collector.still.lock().await;
            act_fill(act, move || secret.expose().to_owned(), true).await
        })
    }

    /// Presses the keys of a text, one after another, behind what is in the field.
    ///
    /// # Errors
    ///
    /// As said [above](#doing).
    #[track_caller]
    pub fn type_text(&self, text: impl Into<String>) -> Action {
        let (act, text) = (self.begin("type into"), text.into());
        Action::new(async move {
            act.ready(FILLABLE, &json!({ "do": "focus" })).await?;
            let mut parts = typed(&text).into_iter().peekable();
            while let Some(part) = parts.next() {
                let tab = act.tab();
                let sent = async {
                    match &part {
                        Typed::Keys(keys) => tab.keys(keys).await,
                        Typed::Text(text) => tab.insert_text(text).await,
                    }
                };
                // The last one may be what the page was waiting for.
                if parts.peek().is_none() { act.send_last(sent).await? } else { act.send(sent).await? }
            }
            Ok(())
        })
    }

    /// Presses a key with the focus on it: `Enter`, `ArrowDown`, `Control+A`. Keys have their names of the
    /// [UI Events standard](https://www.w3.org/TR/uievents-key/).
    ///
    /// # Errors
    ///
    /// As said [above](#doing); and an error of our own for what is no key.
    #[track_caller]
    pub fn press(&self, keys: impl Into<String>) -> Action {
        let keys = keys.into();
        let act = self.begin(&format!("press {keys} on"));
        Action::new(async move {
            let keys = chord(&keys).map_err(|problem| act.setup(&problem))?;
            act.ready(CHOOSABLE, &json!({ "do": "focus" })).await?;
            act.send_last(act.tab().keys(&keys)).await
        })
    }

    /// Chooses an option of a `select` by its value, or else by its label.
    ///
    /// # Errors
    ///
    /// As said [above](#doing); without such an option, the failure lists those there are.
    #[track_caller]
    pub fn select(&self, option: impl Into<String>) -> Action {
        self.select_all([option])
    }

    /// Chooses these options of a `select` that takes several, and no others.
    ///
    /// # Errors
    ///
    /// As [`select`](Self::select).
    #[track_caller]
    pub fn select_all<I, S>(&self, options: I) -> Action
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let values: Vec<String> = options.into_iter().map(Into::into).collect();
        let act = self.begin(&format!(
            "select {} in",
            values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", ")
        ));
        let then = json!({ "do": "choose", "values": values });
        Action::new(async move { act.ready(CHOOSABLE, &then).await.map(drop) })
    }

    /// Checks a checkbox or chooses a radio button, unless it is so already.
    ///
    /// # Errors
    ///
    /// As said [above](#doing); and when it is not checked after the click.
    #[track_caller]
    pub fn check(&self) -> Action {
        self.set_checked("check", true)
    }

    /// Unchecks a checkbox, unless it is so already.
    ///
    /// # Errors
    ///
    /// As said [above](#doing); and when it is still checked after the click.
    #[track_caller]
    pub fn uncheck(&self) -> Action {
        self.set_checked("uncheck", false)
    }

    /// Gives files to an `input` of type file, which may be hidden.
    ///
    /// # Errors
    ///
    /// As said [above](#doing); and an error of our own when a file cannot be read.
    #[track_caller]
    pub fn upload<I, P>(&self, files: I) -> Action
    where
        I: IntoIterator<Item = P>,
        P: Into<PathBuf>,
    {
        let act = self.begin("upload to");
        let files: Vec<PathBuf> = files.into_iter().map(Into::into).collect();
        Action::new(async move {
            let mut paths = Vec::new();
            for file in files {
                let path = tokio::fs::canonicalize(&file).await;
                paths.push(path.map_err(|error| act.setup(&format!("{} cannot be read: {error}", file.display())))?);
            }
            act.ready(&["enabled"], &json!({ "do": "file" })).await?;
            let handle = act.locator.handle(&act.limit()).await;
            let handle = match handle {
                Ok(handle) => handle,
                Err(missed) => return Err(act.missed(missed, &[]).await),
            };
            act.send(act.tab().set_files(&handle, &paths)).await
        })
    }

    /// Gives it the focus.
    ///
    /// # Errors
    ///
    /// As said [above](#doing).
    #[track_caller]
    pub fn focus(&self) -> Action {
        let act = self.begin("focus");
        Action::new(async move { act.ready(&["visible"], &json!({ "do": "focus" })).await.map(drop) })
    }

    /// Scrolls until it is in the middle of the viewport.
    ///
    /// # Errors
    ///
    /// As said [above](#doing).
    #[track_caller]
    pub fn scroll_into_view(&self) -> Action {
        let act = self.begin("scroll to");
        Action::new(async move { act.ready(&["visible"], &json!({ "do": "scroll" })).await.map(drop) })
    }

    /// Calls a function with the element, and returns what it returns as JSON: `evaluate("e => e.offsetHeight")`.
    ///
    /// It sees the element's document, but not the variables and expandos of the page's scripts; for those there is
    /// [`Page::evaluate`](crate::Page::evaluate).
    ///
    /// # Errors
    ///
    /// As said [above](#doing); and what the function throws.
    #[track_caller]
    pub fn evaluate(&self, function: impl Into<String>) -> Action<Value> {
        let (act, function) = (self.begin("evaluate a script on"), function.into());
        Action::new(async move {
            act.ready(&[], &json!({})).await?;
            let limit = act.limit();
            let frame = match act.locator.frame(&limit).await {
                Ok(frame) => frame,
                Err(missed) => return Err(act.missed(missed, &[]).await),
            };
            let script = format!("query => ({function})(canary.one(query))");
            let arguments = [json!(act.locator.query)];
            let called = act.tab().call(&frame, World::Ours, &script, &arguments);
            match act.locator.page.ask(&limit, called).await {
                Ok(value) => Ok(value),
                Err(trouble) => Err(act.locator.page.script_trouble(&act.what, trouble, &limit, act.place).await),
            }
        })
    }

    #[track_caller]
    pub(super) fn begin(&self, verb: &str) -> Act {
        Act { what: format!("{verb} {self}"), locator: self.clone(), place: Location::caller() }
    }
}

async fn act_fill(act: Act, text: impl FnOnce() -> String + Send, secret: bool) -> Result {
    let text = text();
    let then = json!({ "do": "replace", "text": text, "secret": secret });
    let Ready { done, empty, .. } = act.ready(FILLABLE, &then).await?;
    match (text.is_empty(), empty) {
        _ if done => return Ok(()),
        (true, true) => return Ok(()),
        (true, false) => {
            let key = "Backspace".to_owned();
            act.send(act.tab().keys(&[KeyAction::Down(key.clone()), KeyAction::Up(key)])).await?;
        }
        (false, _) => act.send(act.tab().insert_text(&text)).await?,
    }
    let limit = act.limit();
    let then = json!({ "do": "written", "text": text });
    match act.locator.ready(&limit, &[], &then).await {
        Ok(_) => Ok(()),
        Err(missed) => Err(act.missed_in(missed, FILLABLE, &limit).await),
    }
}

/// Something that is being done with an element.
pub(super) struct Act {
    pub(super) locator: Locator,
    /// `click button "Save"`.
    what: String,
    pub(super) place: &'static Location<'static>,
}

impl Act {
    pub(super) fn tab(&self) -> &dyn crate::engine::Tab {
        &**self.locator.page.tab()
    }

    pub(super) fn limit(&self) -> Limit {
        Limit::new(self.locator.patience(), self.locator.page.run().as_ref())
    }

    /// Waits until the element is fit, as one check of the run.
    async fn ready(&self, needs: &[&str], then: &Value) -> Result<Ready> {
        self.locator.page.count_check();
        let limit = self.limit();
        match Box::pin(self.locator.ready(&limit, needs, then)).await {
            Ok(ready) => Ok(ready),
            Err(missed) => Err(self.missed_in(missed, needs, &limit).await),
        }
    }

    /// Sends what the element receives, which stays where it is.
    async fn send(&self, sent: impl Future<Output = crate::engine::Result<()>> + Send) -> Result {
        let limit = self.limit();
        match self.locator.page.ask(&limit, sent).await {
            Ok(()) => Ok(()),
            Err(trouble) => Err(self.troubled(trouble, &limit).await),
        }
    }

    /// Sends what the element receives, and what may make its document go away.
    async fn send_last(&self, sent: impl Future<Output = crate::engine::Result<()>> + Send) -> Result {
        let limit = self.limit();
        match self.locator.page.ask(&limit, sent).await {
            Ok(()) => Ok(()),
            Err(trouble) => self.left(trouble, &limit).await,
        }
    }

    /// Says that its document went away, as it may; whatever else there is no answer for is a failure.
    pub(super) async fn left(&self, trouble: Trouble, limit: &Limit) -> Result {
        match trouble {
            Trouble::Stale => Ok(()),
            // A browser that goes closes its tabs first.
            Trouble::Closed if self.locator.page.no_browser().await.is_none() => Ok(()),
            trouble => Err(self.troubled(trouble, limit).await),
        }
    }

    async fn troubled(&self, trouble: Trouble, limit: &Limit) -> Failure {
        let page = &self.locator.page;
        page.raise(page.troubled(&self.what, trouble, limit).await, self.place)
    }

    fn setup(&self, problem: &str) -> Failure {
        self.locator.page.raise(Failure::setup(format!("{}: {problem}", self.what)), self.place)
    }

    async fn missed(&self, missed: Missed, needs: &[&str]) -> Failure {
        let limit = self.limit();
        self.missed_in(missed, needs, &limit).await
    }

    pub(super) async fn missed_in(&self, missed: Missed, needs: &[&str], limit: &Limit) -> Failure {
        let page = &self.locator.page;
        let failure = match missed {
            Missed::Trouble(trouble) => page.troubled(&self.what, trouble, limit).await,
            Missed::Seen { frame, query, in_frame, seen } => {
                let reason = if limit.of_the_run { Reason::Timeout } else { Reason::Expectation };
                let failure = Failure::with_reason(reason, &self.what)
                    .expected(wanted(needs))
                    .actual(actual(&query, in_frame, &seen, limit));
                let failure = with_hint(failure, &seen, limit);
                let near = (seen.count == 0).then_some(&query);
                page.with_surroundings(failure, &frame, near).await
            }
        };
        page.raise(failure, self.place)
    }
}

/// Says what an element must be: `is one element that is visible, enabled, at rest and not covered`.
fn wanted(needs: &[&str]) -> String {
    let words: Vec<&str> = needs
        .iter()
        .map(|need| match *need {
            "stable" => "at rest",
            "hit" => "not covered",
            other => other,
        })
        .collect();
    match &words[..] {
        [] => "is one element".to_owned(),
        [only] => format!("is one element that is {only}"),
        [most @ .., last] => format!("is one element that is {} and {last}", most.join(", ")),
    }
}

/// Says what was there instead, and how long that was so.
pub(crate) fn actual(query: &crate::locator::query::Query, in_frame: bool, seen: &Seen, limit: &Limit) -> String {
    let what = seen.not_one(query).or_else(|| seen.why.clone()).unwrap_or_else(|| "not yet looked at".to_owned());
    let of = if in_frame { format!("frame {query} is ") } else { String::new() };
    format!("{of}{what} (waited {})", span(limit.whole()))
}

pub(crate) fn with_hint(failure: Failure, seen: &Seen, limit: &Limit) -> Failure {
    if seen.count > 1 {
        failure.hint(WHICH_ONE)
    } else if limit.of_the_run {
        failure.hint(RUN_TIME_UP)
    } else if seen.count == 0 {
        failure.hint(NONE_THERE)
    } else if seen.why.as_ref().is_some_and(|why| why.starts_with("covered by")) {
        failure.hint("is it a banner or a dialog that a user has to close first?")
    } else if seen.why.as_ref().is_some_and(|why| why.starts_with("disabled")) {
        failure.hint("must a user fill in or choose something first, or did a script or a request of the page fail?")
    } else {
        failure
    }
}
