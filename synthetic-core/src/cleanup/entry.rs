//! [`Entry`]: what the journal knows of one made thing.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Mark;
use super::any_resource::shown;
use crate::report::rfc3339;

/// What the journal knows of one thing that was made, or was about to be.
///
/// Its JSON form is that of the journal's lines. Fields that are not known are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its mark, which no other entry has.
    pub mark: Mark,
    /// The kind of the resource that removes it.
    pub kind: String,
    /// How far it is.
    pub state: State,
    /// When it was about to be made.
    #[serde(with = "rfc3339")]
    pub intent_at: SystemTime,
    /// Its id, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub id: Option<Value>,
    /// What a replay needs, until the id is known.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub payload: Option<Value>,
    /// When it was last tried to be made by a replay that was not refused: from then on, the target may carry that out.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::report::optional_rfc3339")]
    pub replayed_at: Option<SystemTime>,
    /// Before when it is not removed: it is kept for debugging.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::report::optional_rfc3339")]
    pub not_before: Option<SystemTime>,
}

/// Reads what is there as it is: a `null` that was written is an id, of a kind of which there is one thing.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// How far a made thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// It was about to be made. Whether it was, only the target knows.
    Intent,
    /// It was made, and its id is known.
    Created,
    /// It is left alone for a while, for debugging.
    Kept,
    /// Its removal was given up. It is known by its id or mark, and is not tried again.
    Abandoned,
    /// The target refused to make it.
    Refused,
    /// It was not there, or not any more.
    Gone,
    /// It was removed.
    Deleted,
}

impl State {
    /// Returns whether nothing is left to do or to say: the journal may forget it.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::cleanup::State;
    /// assert!(State::Deleted.is_over());
    /// assert!(!State::Abandoned.is_over(), "it is listed until somebody looks at it");
    /// ```
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Refused | Self::Gone | Self::Deleted)
    }

    /// Returns whether it is still to be removed.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Intent | Self::Created | Self::Kept)
    }
}

impl Entry {
    /// Makes the entry of what is about to be made.
    #[must_use]
    pub fn intent(mark: Mark, kind: impl Into<String>, intent_at: SystemTime) -> Self {
        let (kind, state) = (kind.into(), State::Intent);
        Self { mark, kind, state, intent_at, id: None, payload: None, replayed_at: None, not_before: None }
    }

    /// Returns it with what a replay needs.
    #[must_use]
    pub fn with_payload(mut self, payload: Value) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Returns it as made, with the id it has.
    #[must_use]
    pub fn created(mut self, id: Value) -> Self {
        (self.state, self.id, self.payload, self.replayed_at) = (State::Created, Some(id), None, None);
        self
    }

    /// Returns it in another state.
    #[must_use]
    pub fn in_state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// Returns how long ago it was about to be made; no time at all when the clock was set back since.
    pub(crate) fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.intent_at).unwrap_or_default()
    }

    /// Names the thing as a person does: `shop/order 17`, or `shop/order with mark syn1-…`.
    pub(crate) fn name(&self) -> String {
        match &self.id {
            Some(id) => format!("{} {}", self.kind, shown(id)),
            None => format!("{} with mark {}", self.kind, self.mark),
        }
    }
}
