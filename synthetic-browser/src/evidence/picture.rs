//! Pictures of a page in which nothing is to be seen that is masked.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use synthetic_core::Run;

use crate::engine::{EngineError, FrameId, Rect, Shot, World};
use crate::locator::Locator;
use crate::locator::query::Query;
use crate::locator::reach::Missed;
use crate::page::Page;
use crate::page::ask::Trouble;
use crate::page::watch::End;

/// How long a picture may take.
const TIME: Duration = Duration::from_secs(2);
/// How often it is tried again when the page changed what is masked meanwhile.
const TRIES: usize = 3;
/// The most frames in which something is masked. Of a page with more there is no picture: there may be a secret in any of them.
const MOST_FRAMES: usize = 32;

/// What of a page is in a picture.
#[derive(Debug, Clone, Default)]
pub(crate) enum Part {
    #[default]
    Viewport,
    FullPage,
    Element(Box<Locator>),
}

/// A mask: what a query finds in a frame.
pub(crate) type Mask = (FrameId, Query);

impl Page {
    /// Takes a picture, or says why there is none. What was filled in as a secret is masked, in every frame.
    pub(crate) async fn picture(&self, part: &Part, masks: &[Locator]) -> Result<Bytes, String> {
        let time = time(self.run().as_ref(), TIME);
        let taken = tokio::time::timeout(time, self.pictured(part, masks));
        let over = self.watch().until(|tally| tally.end);
        tokio::select! {
            biased;
            end = over => Err(match end {
                End::Crashed => "the page crashed".to_owned(),
                End::Closed => "the page was closed".to_owned(),
            }),
            taken = taken => match taken {
                Ok(taken) => taken,
                Err(_) => Err(format!("the page did not answer in {}", crate::page::limit::span(time))),
            },
        }
    }

    async fn pictured(&self, part: &Part, masks: &[Locator]) -> Result<Bytes, String> {
        let _still = self.collector().still.lock().await;
        let mut found = Vec::new();
        for mask in masks {
            let frame = mask.frame(&self.limit(TIME)).await;
            let frame = frame.map_err(|missed| {
                self.put_back(missed);
                format!("the frame of what is to be masked is not there: {mask}")
            })?;
            found.push((frame, mask.query.clone()));
        }
        for _ in 0..TRIES {
            if let Some(picture) = self.pictured_once(part, &found).await? {
                return Ok(picture);
            }
        }
        Err("the page kept changing what is masked".to_owned())
    }

    /// Takes one; `None` when something was not masked all the time.
    async fn pictured_once(&self, part: &Part, masks: &[Mask]) -> Result<Option<Bytes>, String> {
        let secrets = self.secrets_filled();
        if secrets.is_empty() && masks.is_empty() {
            let shot = self.shot(part).await?;
            return self.tab().screenshot(&shot).await.map(Some).map_err(said);
        }
        let frames = self.frames(masks, !secrets.is_empty());
        if frames.len() > MOST_FRAMES {
            let frames = frames.len();
            return Err(format!(
                "what is secret or masked may be in {frames} frames: at most {MOST_FRAMES} are looked at"
            ));
        }
        for frame in &frames {
            match self.in_frame("mask", frame, &secrets, masks).await {
                Ok(_) => {}
                // It is no more, or another document; the look afterwards tells.
                Err(EngineError::Stale(_)) if frame != self.main() => {}
                Err(EngineError::Stale(_)) => return Ok(None),
                Err(error) => return Err(format!("what is secret could not be masked: {}", said(error))),
            }
        }
        let shot = self.shot(part).await;
        let picture = match shot {
            Ok(shot) => self.tab().screenshot(&shot).await.map_err(said),
            Err(why) => Err(why),
        };
        let mut masked = self.frames(masks, !secrets.is_empty()).iter().all(|frame| frames.contains(frame));
        for frame in &frames {
            match self.in_frame("unmask", frame, &secrets, masks).await {
                Ok(held) => masked &= held == Value::Bool(true),
                Err(EngineError::Stale(_)) if frame != self.main() => {}
                Err(_) => masked = false,
            }
        }
        picture.map(|picture| masked.then_some(picture))
    }

    async fn in_frame(
        &self,
        what: &str,
        frame: &FrameId,
        secrets: &[Value],
        masks: &[Mask],
    ) -> Result<Value, EngineError> {
        let queries: Vec<&Query> = masks.iter().filter(|(of, _)| of == frame).map(|(_, query)| query).collect();
        let script = format!("(values, queries) => canary.{what}(values, queries)");
        self.tab().call(frame, World::Ours, &script, &[json!(secrets), json!(queries)]).await
    }

    /// Returns the frames in which something is to be masked: the page's own, which tells whether it went elsewhere, those of
    /// masks, and all where a secret was filled in.
    fn frames(&self, masks: &[Mask], all: bool) -> HashSet<FrameId> {
        let mut frames: HashSet<FrameId> = masks.iter().map(|(frame, _)| frame.clone()).collect();
        frames.insert(self.main().clone());
        if all {
            self.watch().read(|tally| frames.extend(tally.frames.keys().cloned()));
        }
        frames
    }

    /// Says what to take.
    async fn shot(&self, part: &Part) -> Result<Shot, String> {
        let locator = match part {
            Part::Viewport => return Ok(Shot::default()),
            Part::FullPage => return Ok(Shot { full_page: true, clip: None }),
            Part::Element(locator) => locator,
        };
        let gone = || format!("{locator} is not there, or not once");
        let limit = locator.page.limit(TIME);
        let chain = locator.chain(&limit).await.map_err(|missed| {
            self.put_back(missed);
            gone()
        })?;
        let Some(own) = chain.last() else { return Err(gone()) };
        let place: Option<Place> = self.boxed("boxOf", own, &locator.query).await?;
        let Some(Place { mut x, mut y, width, height, scroll_x, scroll_y, view_width, view_height }) = place else {
            return Err(gone());
        };
        if width < 1.0 || height < 1.0 {
            return Err(format!("{locator} has no size"));
        }
        for (query, around) in locator.frames.iter().zip(&chain).rev() {
            let origin: Option<Rect> = self.boxed("originOf", around, query).await?;
            let Some(origin) = origin else { return Err(gone()) };
            (x, y) = (x + origin.x, y + origin.y);
        }
        let inside = x >= 0.0 && y >= 0.0 && x + width <= view_width && y + height <= view_height;
        let clip = Rect { x, y, width, height };
        // What does not fit into the viewport is there on the page.
        Ok(if inside || !locator.frames.is_empty() {
            Shot { full_page: false, clip: Some(clip) }
        } else {
            Shot { full_page: true, clip: Some(Rect { x: x + scroll_x, y: y + scroll_y, ..clip }) }
        })
    }

    /// Leaves a dialog that came in between for whatever is done next: a picture hides no failure.
    pub(crate) fn put_back(&self, missed: Missed) {
        if let Missed::Trouble(Trouble::Dialog(dialog)) = missed {
            self.watch().change(|tally| tally.unexpected.push_front(dialog));
        }
    }

    async fn boxed<T: for<'a> Deserialize<'a>>(
        &self,
        what: &str,
        frame: &FrameId,
        query: &Query,
    ) -> Result<Option<T>, String> {
        let script = format!("query => canary.{what}(query)");
        let value = self.tab().call(frame, World::Ours, &script, &[json!(query)]).await.map_err(said)?;
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// Returns the texts that are to be in no picture, for the script library.
    pub(crate) fn secrets_filled(&self) -> Vec<Value> {
        self.collector().secrets().iter().map(|secret| json!(secret.expose())).collect()
    }
}

/// The box of an element, and how the viewport lies on the page.
#[derive(Debug, Deserialize)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    scroll_x: f64,
    scroll_y: f64,
    view_width: f64,
    view_height: f64,
}

/// Returns how long evidence may take: no more than half of what is left of the run's time.
pub(crate) fn time(run: Option<&Run>, most: Duration) -> Duration {
    run.filter(|run| !run.is_cleaning_up()).map_or(most, |run| most.min(run.time_left() / 2))
}

pub(crate) fn said(error: EngineError) -> String {
    error.to_string()
}
