//! Asks the tab, for as long as it makes sense: until the answer, or until it is known that none comes.

use std::future::Future;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::engine::{self, EngineError, FrameId, World};
use crate::page::Page;
use crate::page::dialog::Dialog;
use crate::page::limit::Limit;
use crate::page::watch::{End, Tally};

/// How long an answer may take that was under way when the tab was closed: of a browser that is gone, it says why.
const CLOSING: Duration = Duration::from_millis(200);

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The browser is gone.
    Gone(String),
    /// What renders the page is gone.
    Crashed,
    /// The tab was closed.
    Closed,
    /// A dialog opened that nobody expected.
    Dialog(Dialog),
    /// The document went away: asking again may do.
    Stale,
    /// The script threw.
    Script(String),
    /// The browser refused the command.
    Refused(String),
    /// The time is up, and the page did not answer.
    Silent,
}

impl Page {
    /// Returns once the tab is closed, and whoever asked it something has had the time to be told why.
    async fn closed(&self) {
        self.watch().until(|tally| (tally.end == Some(End::Closed)).then_some(())).await;
        tokio::time::sleep(CLOSING).await;
    }

    /// Waits for `call`, but no longer than the limit and a little, and not when something stands in the way.
    pub(crate) async fn ask<T>(
        &self,
        limit: &Limit,
        call: impl Future<Output = engine::Result<T>> + Send,
    ) -> Result<T, Trouble> {
        self.enter_step().await;
        let answer = tokio::select! {
            biased;
            trouble = self.watch().until(trouble) => return Err(trouble),
            answer = call => answer,
            () = self.closed() => return Err(Trouble::Closed),
            () = tokio::time::sleep_until(limit.until + limit.grace) => return Err(Trouble::Silent),
        };
        // What it opened while it was carried out is its own doing.
        let after = self.watch().change(trouble);
        match answer {
            _ if after.is_some() => Err(after.unwrap_or(Trouble::Silent)),
            Ok(answer) => Ok(answer),
            Err(EngineError::Gone(why)) => Err(Trouble::Gone(why)),
            Err(EngineError::Crashed) => Err(Trouble::Crashed),
            Err(EngineError::Script(text)) => Err(Trouble::Script(text)),
            // The documents of a tab that is closed are gone too, and no other comes.
            Err(_) if self.watch().read(|tally| tally.end == Some(End::Closed)) => Err(Trouble::Closed),
            Err(EngineError::Stale(_)) => Err(Trouble::Stale),
            Err(refused @ EngineError::Refused { .. }) => Err(Trouble::Refused(refused.to_string())),
        }
    }

    /// Asks for what a failure is to tell besides. What stands in the way is left for the next action to tell of.
    pub(crate) async fn ask_aside<T>(
        &self,
        limit: &Limit,
        call: impl Future<Output = engine::Result<T>> + Send,
    ) -> Option<T> {
        match self.ask(limit, call).await {
            Ok(answer) => Some(answer),
            Err(Trouble::Dialog(dialog)) => {
                self.watch().change(|tally| tally.unexpected.push_front(dialog));
                None
            }
            Err(_) => None,
        }
    }

    /// Returns once all is taken in that the browser has told so far: events wait to be, and an answer may be there before.
    pub(crate) async fn caught_up(&self) {
        let (taken, was_taken) = oneshot::channel();
        self.tab().mark(taken);
        // It is dropped when the tab is closed, and nothing more is told.
        let _ = was_taken.await;
    }

    /// Calls a function of the script library in a frame.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        limit: &Limit,
        frame: &FrameId,
        function: &str,
        arguments: &[Value],
    ) -> Result<T, Trouble> {
        let value = self.ask(limit, self.tab().call(frame, World::Ours, function, arguments)).await?;
        serde_json::from_value(value).map_err(|error| Trouble::Refused(format!("the script library answered: {error}")))
    }
}

/// Takes out what stands in the way of any answer.
fn trouble(tally: &mut Tally) -> Option<Trouble> {
    if tally.end == Some(End::Crashed) {
        return Some(Trouble::Crashed);
    }
    tally.unexpected.pop_front().map(Trouble::Dialog)
}
