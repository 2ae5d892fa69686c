//! How each kind of receiver wants to be told.

pub(super) mod alertmanager;
pub(super) mod pagerduty;
mod slack;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use synthetic_core::Secret;

use super::moment::Moment;
use super::notice::Notice;
use super::template::{self, Template};

/// A kind of receiver, with what its messages need.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Generic { template: Option<Template> },
    Slack,
    PagerDuty { routing_key: Secret },
    Alertmanager,
}

/// What a message says beside the notice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) labels: &'a BTreeMap<String, String>,
    /// The time.
    pub(super) now: Moment,
    /// How often a firing alert is sent again.
    pub(super) every: Duration,
}

impl Target {
    /// Returns the name that a sink of this kind has.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Generic { .. } => "webhook",
            Self::Slack => "slack",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Alertmanager => "alertmanager",
        }
    }

    /// Returns whether it forgets an alert that it does not hear of again and again.
    pub(super) fn forgets(&self) -> bool {
        matches!(self, Self::Alertmanager)
    }

    /// Writes the message.
    pub(super) fn body(&self, notice: &Notice, beside: Beside<'_>) -> Vec<u8> {
        match self {
            Self::Generic { template: Some(template) } => template.render(notice).into_bytes(),
            Self::Generic { template: None } => generic(notice, beside.labels).to_string().into_bytes(),
            Self::Slack => slack::body(notice).to_string().into_bytes(),
            Self::PagerDuty { routing_key } => {
                pagerduty::body(notice, routing_key, beside.labels).to_string().into_bytes()
            }
            Self::Alertmanager => alertmanager::body([notice], beside).to_string().into_bytes(),
        }
    }

    /// Writes all of what fires at once, for one that [forgets](Self::forgets).
    pub(super) fn all<'a>(&self, notices: impl IntoIterator<Item = &'a Notice>, beside: Beside<'_>) -> Vec<u8> {
        alertmanager::body(notices, beside).to_string().into_bytes()
    }
}

fn generic(notice: &Notice, labels: &BTreeMap<String, String>) -> Value {
    let mut body = template::plain(notice);
    if !labels.is_empty() {
        body["labels"] = json!(labels);
    }
    body
}
