//! Alertmanager's API v2: <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use synthetic_core::Outcome;

use super::Beside;
use crate::webhook::notice::Notice;
use crate::webhook::text::cut;

/// Below the base address.
pub(in crate::webhook) const PATH: &str = "api/v2/alerts";

/// The longest value of a label, in characters: it stands in every grouping and every link.
const LABEL: usize = 512;

/// An alert is its labels, so they stay the same until it is resolved; everything else is an annotation.
///
/// What fires ends in four rounds of being sent again, as Prometheus does it: an alert of a monitor that is gone does not
/// stay for ever, and one lost message resolves nothing.
pub(super) fn body<'a>(notices: impl IntoIterator<Item = &'a Notice>, beside: Beside<'_>) -> Value {
    notices.into_iter().map(|notice| alert(notice, beside)).collect::<Vec<_>>().into()
}

fn alert(notice: &Notice, beside: Beside<'_>) -> Value {
    // Never before it began, whatever the clocks say: that would be refused.
    let ends = match &notice.ended {
        Some(ended) => ended.at.min(beside.now),
        None => beside.now.after(beside.every * 4),
    };
    json!({
        "labels": labels(notice, beside.labels),
        "annotations": {
            "summary": format!("{}: {}", notice.who(), notice.seen.headline),
            "description": notice.body(),
            "status": notice.footer(),
            "run_id": notice.run_id(),
        },
        "startsAt": notice.since.to_string(),
        "endsAt": ends.max(notice.since).to_string(),
    })
}

fn labels<'a>(notice: &'a Notice, own: &'a BTreeMap<String, String>) -> BTreeMap<&'a str, Cow<'a, str>> {
    let mut labels: BTreeMap<_, _> =
        own.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str()))).collect();
    let of_the_canary = [
        ("alertname", "CanaryFailing"),
        ("canary", &notice.canary),
        ("location", notice.location.as_deref().unwrap_or_default()),
        ("monitor", notice.monitor.as_deref().unwrap_or_default()),
        ("severity", severity(notice.severity)),
    ];
    for (name, value) in of_the_canary {
        // One that is empty is none, for Alertmanager too.
        if !value.is_empty() {
            labels.entry(name).or_insert_with(|| cut(value, LABEL));
        }
    }
    labels
}

/// The two that everybody routes by.
fn severity(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Failed | Outcome::Error => "critical",
        Outcome::Degraded | Outcome::Passed | Outcome::Skipped => "warning",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::webhook::moment::Moment;
    use crate::webhook::rule::Event;
    use crate::webhook::target::tests::notice;

    fn at<'a>(labels: &'a BTreeMap<String, String>, now: &Notice) -> Beside<'a> {
        Beside { labels, now: now.at(), every: Duration::from_secs(60) }
    }

    #[test]
    fn what_fires_ends_in_four_rounds_and_what_is_resolved_has_ended() {
        let none = BTreeMap::new();
        let firing = notice(Event::Trigger);
        let whole = json!({
          "annotations": {
            "description": "failed: status of POST /orders    step \"create order\"\n  expected  is equal to 201\n  actual    503",
            "run_id": "0189-failed",
            "status": "failing since 2027-01-15T08:00:00Z (2 min), 3 of the last 5 runs, monitor shop, run 0189-failed",
            "summary": "checkout (eu-west-1): status of POST /orders: expected is equal to 201, actual 503"
          },
          "endsAt": "2027-01-15T08:06:00Z",
          "labels": {
            "alertname": "CanaryFailing",
            "canary": "checkout",
            "location": "eu-west-1",
            "monitor": "shop",
            "severity": "critical"
          },
          "startsAt": "2027-01-15T08:00:00Z"
        });
        assert_eq!(alert(&firing, at(&none, &firing)), whole);
        let resolved = notice(Event::Resolve);
        let alert = alert(&resolved, at(&none, &resolved));
        assert_eq!(alert["endsAt"], resolved.ended.as_ref().unwrap().at.to_string());
        assert_eq!(alert["startsAt"], resolved.since.to_string());
    }

    #[test]
    fn an_alert_keeps_its_labels_from_its_beginning_to_its_end() {
        let own = BTreeMap::from([("team".to_owned(), "shop".to_owned()), ("severity".to_owned(), "page".to_owned())]);
        let all = [Event::Trigger, Event::Reminder, Event::Resolve].map(|event| {
            let notice = notice(event);
            alert(&notice, at(&own, &notice))["labels"].clone()
        });
        assert!(all.iter().all(|labels| *labels == all[0]), "{all:?}");
        assert_eq!((&all[0]["team"], &all[0]["severity"]), (&json!("shop"), &json!("page")));
    }

    #[test]
    fn no_alert_ends_before_it_begins_or_in_the_future_of_a_clock_that_is_behind() {
        let none = BTreeMap::new();
        let resolved = notice(Event::Resolve);
        let past = Beside { now: Moment(0), ..at(&none, &resolved) };
        assert_eq!(alert(&resolved, past)["endsAt"], resolved.since.to_string());
    }
}
