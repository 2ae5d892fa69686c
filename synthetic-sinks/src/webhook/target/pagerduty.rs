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
        let whole = json!({
          "client": "synthetic",
          "dedup_key": "shop/eu-west-1/checkout",
          "event_action": "trigger",
          "payload": {
            "class": "expectation",
            "component": "checkout",
            "custom_details": {
              "failing_since": "2027-01-15T08:00:00Z",
              "failure": "failed: status of POST /orders    step \"create order\"\n  expected  is equal to 201\n  actual    503",
              "labels": {},
              "run_id": "0189-failed",
              "status": "failing since 2027-01-15T08:00:00Z (2 min), 3 of the last 5 runs, monitor shop, run 0189-failed"
            },
            "group": "shop",
            "severity": "critical",
            "source": "eu-west-1",
            "summary": "FIRING: checkout (eu-west-1): status of POST /orders: expected is equal to 201, actual 503",
            "timestamp": "2027-01-15T08:02:00Z"
          },
          "routing_key": "R0UT1NG"
        });
        assert_eq!(message(&notice(Event::Trigger)), whole);
        assert_eq!(
            message(&notice(Event::Resolve)),
            json!({"dedup_key": "shop/eu-west-1/checkout", "event_action": "resolve", "routing_key": "R0UT1NG"})
        );
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
