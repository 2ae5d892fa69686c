//! PagerDuty's Events API v2: <https://developer.pagerduty.com/docs/send-alert-event>.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use synthetic_core::{Outcome, Secret};

use crate::webhook::notice::Notice;
use crate::webhook::text::cut;

/// Where PagerDuty takes events, unless an account is in the EU.
pub(in crate::webhook) const ENDPOINT: &str = "https://events.pagerduty.com/v2/enqueue";

/// The most characters of a summary; longer ones are cut by PagerDuty too.
const SUMMARY: usize = 1_024;

/// A `resolve` needs the key alone. A reminder is a `trigger` with the same key, which PagerDuty adds to the open incident.
pub(super) fn body(notice: &Notice, routing_key: &Secret, labels: &BTreeMap<String, String>) -> Value {
    if notice.is_resolved() {
        return json!({
            "routing_key": routing_key.expose(),
            "event_action": "resolve",
            "dedup_key": notice.key,
        });
    }
    let source = notice.location.as_deref().or(notice.monitor.as_deref()).filter(|source| !source.is_empty());
    json!({
        "routing_key": routing_key.expose(),
        "event_action": "trigger",
        "dedup_key": notice.key,
        "client": "synthetic",
        "payload": {
            "summary": cut(&notice.title(), SUMMARY),
            "source": cut(source.unwrap_or(&notice.canary), SUMMARY),
            "severity": severity(notice.severity),
            "timestamp": notice.at().to_string(),
            "component": cut(&notice.canary, SUMMARY),
            "group": notice.monitor.as_deref().map(|monitor| cut(monitor, SUMMARY)),
            "class": notice.seen.reason,
            "custom_details": {
                "failure": notice.body(),
                "status": notice.footer(),
                "failing_since": notice.since.to_string(),
                "run_id": notice.run_id(),
                "labels": labels,
            },
        },
    })
}

/// One of the four that there are.
fn severity(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Failed => "critical",
        Outcome::Error => "error",
        Outcome::Degraded => "warning",
        Outcome::Passed | Outcome::Skipped => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::rule::Event;
    use crate::webhook::target::tests::{hostile, longest, notice};

    fn message(notice: &Notice) -> Value {
        body(notice, &Secret::new("pagerduty", "R0UT1NG"), &BTreeMap::new())
    }

    #[test]
    fn a_trigger_has_everything_and_a_resolve_the_key_alone() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&message(&notice(Event::Trigger))).unwrap(), @"");
        insta::assert_snapshot!(message(&notice(Event::Resolve)), @"");
    }

    #[test]
    fn everything_is_within_its_limit() {
        for notice in [longest(Event::Trigger), longest(Event::Resolve), hostile(Event::Reminder)] {
            let message = message(&notice);
            assert!(message["dedup_key"].as_str().unwrap().len() <= 255, "{message}");
            assert!(message.to_string().len() <= 512 * 1024);
            let summary = message.pointer("/payload/summary").and_then(Value::as_str).unwrap_or_default();
            assert!(summary.chars().count() <= SUMMARY, "{summary}");
        }
    }
}
