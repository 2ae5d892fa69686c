//! Messages for the tests of every target.

use crate::webhook::moment::Moment;
use crate::webhook::notice::{Ended, Notice, Seen, key};
use crate::webhook::rule::Event;
use synthetic_core::Outcome;

/// A message as there are most.
pub(in crate::webhook) fn notice(event: Event) -> Notice {
    let start = 1_800_000_000_000;
    let ended = Ended { at: Moment(start + 720_000), run_id: Some("0189-passed".to_owned()) };
    Notice {
        event,
        key: key(Some("shop"), Some("eu-west-1"), "checkout"),
        canary: "checkout".to_owned(),
        location: Some("eu-west-1".to_owned()),
        monitor: Some("shop".to_owned()),
        since: Moment(start),
        severity: Outcome::Failed,
        failures: (3, 5),
        seen: Seen {
            at: Moment(start + 120_000),
            outcome: Outcome::Failed,
            reason: Some("expectation".to_owned()),
            run_id: "0189-failed".to_owned(),
            headline: "status of POST /orders: expected is equal to 201, actual 503".to_owned(),
            text:
                "failed: status of POST /orders    step \"create order\"\n  expected  is equal to 201\n  actual    503"
                    .to_owned(),
        },
        ended: (event == Event::Resolve).then_some(ended),
    }
}

/// One whose texts would like to be more than texts.
pub(in crate::webhook) fn hostile(event: Event) -> Notice {
    let text = "a \"b\"\n<script>]]> ü {{key}}";
    let mut notice = notice(event);
    notice.canary = text.to_owned();
    notice.location = Some(text.to_owned());
    notice.seen.headline = format!("{text} <!channel> @channel @here `` ``` \u{0}");
    notice.seen.text = notice.seen.headline.clone();
    notice
}

/// One whose texts are as long as they get.
pub(in crate::webhook) fn longest(event: Event) -> Notice {
    let mut notice = notice(event);
    let name = "\u{1}/ü".repeat(20_000);
    notice.key = key(Some(&name), Some(&name), &name);
    (notice.canary, notice.location, notice.monitor) = (name.clone(), Some(name.clone()), Some(name));
    notice.seen.headline = "&".repeat(500);
    notice.seen.text = "\u{1}".repeat(16 * 1024);
    notice
}

#[test]
fn keys_of_different_canaries_differ_and_are_never_too_long() {
    assert_eq!(key(Some("shop"), Some("eu"), "checkout"), "shop/eu/checkout");
    assert_eq!(key(None, None, "checkout"), "//checkout");
    assert_ne!(key(Some("a/b"), None, "c"), key(Some("a"), Some("b"), "c"));
    assert_ne!(key(Some("a%2Fb"), None, "c"), key(Some("a/b"), None, "c"));
    let long = |end: &str| key(None, None, &("ü".repeat(300) + end));
    assert!((250..=255).contains(&long("a").len()));
    assert_ne!(long("a"), long("b"));
    assert_eq!(long("a"), long("a"));
}
