//! Reaches elements: through the frames they are in, until they are fit for what is to be done with them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::{FrameId, Handle};
use crate::locator::Locator;
use crate::locator::query::Query;
use crate::locator::seen::Seen;
use crate::page::ask::Trouble;
use crate::page::limit::Limit;

/// How long the page looks by itself before it is asked again.
const LOOK: Duration = Duration::from_secs(1);
/// How long to let a document go that is being left.
const LEAVING: Duration = Duration::from_millis(10);

/// An element that is fit, and what was found out on the way.
#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    /// Where it receives the mouse, in the tab's viewport.
    #[serde(default)]
    pub(crate) x: f64,
    #[serde(default)]
    pub(crate) y: f64,
    /// A field that has its text by now.
    #[serde(default)]
    pub(crate) done: bool,
    /// A field that has nothing in it.
    #[serde(default)]
    pub(crate) empty: bool,
    /// What is to be checked is as it should be.
    #[serde(default)]
    pub(crate) already: bool,
    /// The frame that it is in.
    #[serde(skip)]
    pub(crate) frame: Option<FrameId>,
}

/// Why an element was not reached.
#[derive(Debug)]
pub(crate) enum Missed {
    Trouble(Trouble),
    /// The frame in which the query was looked for last, the query, and what was seen of it.
    Seen {
        frame: FrameId,
        query: Query,
        in_frame: bool,
        seen: Seen,
    },
}

impl From<Trouble> for Missed {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Decides whether to try again: when the document was left meanwhile, or is not yet as it should be, until the time is up.
pub(crate) struct Again<'a> {
    limit: &'a Limit,
    last: Option<Missed>,
}

impl<'a> Again<'a> {
    pub(crate) fn new(limit: &'a Limit) -> Self {
        Self { limit, last: None }
    }

    /// Returns when to try again, or an error when that is of no use: what was seen last, rather than that nothing was.
    pub(crate) async fn after(&mut self, missed: Missed) -> Result<(), Missed> {
        match missed {
            Missed::Trouble(Trouble::Stale | Trouble::Silent) if self.limit.is_over() => {
                return Err(self.last.take().unwrap_or(missed));
            }
            Missed::Trouble(Trouble::Stale) => tokio::time::sleep(LEAVING).await,
            Missed::Seen { .. } if !self.limit.is_over() => self.last = Some(missed),
            over => return Err(over),
        }
        Ok(())
    }
}

impl Locator {
    /// Waits until exactly one element is there that is all it `needs` to be, and prepares it: see `ready` in
    /// `script/wait.js`.
    pub(crate) async fn ready(&self, limit: &Limit, needs: &[&str], then: &Value) -> Result<Ready, Missed> {
        let mut again = Again::new(limit);
        loop {
            match self.ready_once(limit, needs, then).await {
                Ok(ready) => return Ok(ready),
                Err(missed) => again.after(missed).await?,
            }
        }
    }

    async fn ready_once(&self, limit: &Limit, needs: &[&str], then: &Value) -> Result<Ready, Missed> {
        let chain = self.chain(limit).await?;
        let frame = chain.last().unwrap_or_else(|| self.page.main());
        let mut ready = self.fit(limit, frame, &self.query, needs, then).await?;
        // From the frame outwards to the tab's viewport.
        for (query, around) in self.frames.iter().zip(&chain).rev().filter(|_| needs.contains(&"hit")) {
            let script = "(query, point) => canary.outside(query, point)";
            let arguments = [json!(query), json!({ "x": ready.x, "y": ready.y })];
            let at: Value = self.page.call(limit, around, script, &arguments).await?;
            if let Some(why) = at["why"].as_str() {
                let seen = Seen { count: 1, why: Some(why.to_owned()), ..Seen::default() };
                return Err(Missed::Seen { frame: around.clone(), query: self.query.clone(), in_frame: false, seen });
            }
            (ready.x, ready.y) = (at["x"].as_f64().unwrap_or_default(), at["y"].as_f64().unwrap_or_default());
        }
        ready.frame = Some(frame.clone());
        Ok(ready)
    }

    /// Waits for the one element of the query, and returns it for what only the protocol can do with it.
    pub(crate) async fn handle(&self, limit: &Limit) -> Result<Handle, Missed> {
        let mut again = Again::new(limit);
        loop {
            let frame = match self.frame(limit).await {
                Ok(frame) => frame,
                Err(missed) => {
                    again.after(missed).await?;
                    continue;
                }
            };
            match self.element(limit, &frame, &self.query).await {
                Ok(handle) => return Ok(handle),
                Err(missed) => again.after(missed).await?,
            }
        }
    }

    /// Returns the frame that the locator looks in.
    pub(crate) async fn frame(&self, limit: &Limit) -> Result<FrameId, Missed> {
        Ok(self.chain(limit).await?.pop().unwrap_or_else(|| self.page.main().clone()))
    }

    /// Returns the frames on the way to the element, the tab's own first.
    pub(crate) async fn chain(&self, limit: &Limit) -> Result<Vec<FrameId>, Missed> {
        let mut chain = vec![self.page.main().clone()];
        for query in self.frames.iter() {
            let around = chain.last().unwrap_or_else(|| self.page.main());
            self.fit(limit, around, query, &[], &json!({})).await.map_err(|missed| match missed {
                Missed::Seen { frame, query, seen, .. } => Missed::Seen { frame, query, in_frame: true, seen },
                trouble @ Missed::Trouble(_) => trouble,
            })?;
            let handle = self.element(limit, around, query).await?;
            match self.page.ask(limit, self.page.tab().frame_of(&handle)).await? {
                Some(frame) => chain.push(frame),
                None => {
                    let seen = Seen { count: 1, why: Some("no frame".to_owned()), ..Seen::default() };
                    return Err(Missed::Seen { frame: around.clone(), query: query.clone(), in_frame: true, seen });
                }
            }
        }
        Ok(chain)
    }

    async fn fit(
        &self,
        limit: &Limit,
        frame: &FrameId,
        query: &Query,
        needs: &[&str],
        then: &Value,
    ) -> Result<Ready, Missed> {
        let script = "(query, needs, then, bound) => canary.ready(query, needs, then, bound)";
        let arguments = [json!(query), json!(needs), then.clone(), json!(bound(limit))];
        let answer: Value = self.page.call(limit, frame, script, &arguments).await?;
        let wrong = |error: serde_json::Error| Trouble::Refused(format!("the script library answered: {error}"));
        if answer["ok"] == true {
            return Ok(serde_json::from_value(answer).map_err(wrong)?);
        }
        let seen = serde_json::from_value(answer).map_err(wrong)?;
        Err(Missed::Seen { frame: frame.clone(), query: query.clone(), in_frame: false, seen })
    }

    async fn element(&self, limit: &Limit, frame: &FrameId, query: &Query) -> Result<Handle, Missed> {
        let arguments = [json!(query)];
        let found = self.page.tab().element(frame, "query => canary.one(query)", &arguments);
        // It was there a moment ago.
        self.page.ask(limit, found).await?.ok_or(Missed::Trouble(Trouble::Stale))
    }
}

/// Returns how long the page may look by itself, in milliseconds.
pub(crate) fn bound(limit: &Limit) -> u64 {
    u64::try_from(limit.left().min(LOOK).as_millis()).unwrap_or(u64::MAX)
}
