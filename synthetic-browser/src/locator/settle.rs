//! Looks at what is expected, again and again, until it holds or the time is up.

use serde::Deserialize;
use serde_json::{Value, json};
use synthetic_core::expect::Mismatch;
use synthetic_core::{Failure, Reason, Result};

use crate::engine::FrameId;
use crate::locator::action::{actual, with_hint};
use crate::locator::expectation::{Expectation, Of};
use crate::locator::query::Query;
use crate::locator::reach::{Again, Missed, bound};
use crate::locator::seen::Seen;
use crate::page::Page;
use crate::page::ask::Trouble;
use crate::page::fail::{RUN_TIME_UP, Unsettled};
use crate::page::limit::{Limit, span};

impl Expectation {
    /// Looks until it holds or the time is up. The failure is not yet recorded.
    pub(crate) async fn settle(&self, limit: &Limit) -> Result<(), Unsettled> {
        self.settled(limit).await.map(drop)
    }

    /// Looks until it holds, and returns what was observed.
    pub(super) async fn settled(&self, limit: &Limit) -> Result<Value, Unsettled> {
        if let Some(defect) = &self.defect {
            let failure = Failure::setup(format!("what is expected of the {}: {defect}", self.subject()));
            return Err(Unsettled { failure, unmet: false });
        }
        let (locator, what, name) = match &self.of {
            Of::Element { locator, what, name } => (locator, *what, name),
            Of::Page { page, what } => return self.settled_page(page, what, limit).await,
        };
        let mut key = Value::Null;
        let mut last = None;
        let mut again = Again::new(limit);
        loop {
            let looked: Result<_, Missed> = async {
                let frame = locator.frame(limit).await?;
                let script = "(query, what, name, before, bound) => canary.observe(query, what, name, before, bound)";
                let arguments = [json!(locator.query), json!(what), json!(name), key.clone(), json!(bound(limit))];
                let answer: Observed = locator.page.call(limit, &frame, script, &arguments).await?;
                Ok((answer, frame))
            }
            .await;
            match looked {
                Ok((Observed { seen, key: now }, frame)) => {
                    key = now;
                    match (self.judge)(&seen, &locator.query) {
                        Ok(()) => return Ok(seen.value),
                        Err(mismatch) if limit.is_over() => {
                            return Err(self.unmet(mismatch, &seen, &frame, limit).await);
                        }
                        Err(mismatch) => last = Some((mismatch, seen, frame)),
                    }
                }
                Err(missed) => {
                    // Another document has to be looked at anew.
                    key = Value::Null;
                    if let Err(missed) = again.after(missed).await {
                        return Err(self.missed(missed, last, limit).await);
                    }
                }
            }
        }
    }

    async fn settled_page(&self, page: &Page, what: &'static str, limit: &Limit) -> Result<Value, Unsettled> {
        let mut before = Value::Null;
        let mut again = Again::new(limit);
        let none = Query::none();
        loop {
            let script = "(what, before, bound) => canary.observePage(what, before, bound)";
            let arguments = [json!(what), before.clone(), json!(bound(limit))];
            match page.call::<Value>(limit, page.main(), script, &arguments).await {
                Ok(now) => {
                    before = now.clone();
                    let seen = Seen { value: now, ..Seen::default() };
                    match (self.judge)(&seen, &none) {
                        Ok(()) => return Ok(seen.value),
                        Err(mismatch) if limit.is_over() => {
                            let seen = Seen { count: 1, ..seen };
                            return Err(self.unmet(mismatch, &seen, page.main(), limit).await);
                        }
                        Err(_) => {}
                    }
                }
                Err(trouble) => {
                    if let Err(missed) = again.after(Missed::Trouble(trouble)).await {
                        return Err(self.missed(missed, None, limit).await);
                    }
                }
            }
        }
    }

    async fn unmet(&self, mismatch: Mismatch, seen: &Seen, frame: &FrameId, limit: &Limit) -> Unsettled {
        let reason = if limit.of_the_run { Reason::Timeout } else { Reason::Expectation };
        let failure = Failure::with_reason(reason, self.subject()).expected(mismatch.expected).actual(format!(
            "{} (waited {})",
            mismatch.actual,
            span(limit.whole())
        ));
        let (page, near) = match &self.of {
            Of::Element { locator, what, .. } => {
                let missing = seen.count == 0 && *what != "hidden";
                (&locator.page, missing.then_some(&locator.query))
            }
            Of::Page { page, .. } => (page, None),
        };
        let counts = matches!(self.of, Of::Element { what: "count" | "hidden", .. });
        let failure = match counts {
            true if limit.of_the_run => failure.hint(RUN_TIME_UP),
            true => failure,
            false if matches!(self.of, Of::Page { .. }) && !limit.of_the_run => {
                failure.hint("is this another page: an error, a login, maintenance, another service?")
            }
            false => with_hint(failure, seen, limit),
        };
        Unsettled::unmet(page.with_surroundings(failure, frame, near).await)
    }

    async fn missed(&self, missed: Missed, last: Option<(Mismatch, Seen, FrameId)>, limit: &Limit) -> Unsettled {
        match (missed, last) {
            (Missed::Trouble(Trouble::Stale | Trouble::Silent), Some((mismatch, seen, frame))) => {
                self.unmet(mismatch, &seen, &frame, limit).await
            }
            (Missed::Trouble(trouble), _) => {
                Unsettled { failure: self.page().troubled(&self.subject(), trouble, limit).await, unmet: false }
            }
            (Missed::Seen { frame, query, in_frame, seen }, _) => {
                let failure = Failure::with_reason(Reason::Expectation, self.subject())
                    .expected("is in a frame of the page")
                    .actual(actual(&query, in_frame, &seen, limit));
                let near = (seen.count == 0).then_some(&query);
                let failure = with_hint(failure, &seen, limit);
                Unsettled::unmet(self.page().with_surroundings(failure, &frame, near).await)
            }
        }
    }
}

#[derive(Deserialize)]
struct Observed {
    seen: Seen,
    key: Value,
}
