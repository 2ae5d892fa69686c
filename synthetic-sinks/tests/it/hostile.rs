//! Whatever a target answers, and whatever a canary calls things, is text in every sink and never part of its form.

use std::ops::Range;
use std::sync::Arc;

use synthetic_core::Report;
use synthetic_core::prelude::*;
use synthetic_core::report::RequestReport;

use crate::sinks::{Said, all};

/// What breaks one form or another, or looks as if it did.
const FRAGMENTS: [&str; 28] = [
    "\"",
    "'",
    "\\",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\0",
    "\x1b[2J\x1b[31m",
    "\u{9b}2J",
    "\u{85}\u{2028}\u{2029}",
    "\u{202e}abc\u{2066}",
    "\u{feff}\u{fffe}\u{ffff}",
    "ü",
    "日本",
    "👩‍👩‍👧",
    "<script>alert(1)</script>",
    "]]>",
    "<![CDATA[",
    "&amp;&#0;",
    "<!-- -->",
    "::error::forged",
    "\n ::stop-commands::t\n",
    "##[add-mask]s",
    "%0A::error::late",
    "{\"a\":1}",
    "# HELP x\nx{y=\"z\"} 1\n",
    "\u{7f}\u{7}",
];

/// Returns a text of some fragments, the same for the same seed.
fn text(seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let fragments = (0..random.usize(1..12)).map(|_| FRAGMENTS[random.usize(..FRAGMENTS.len())]);
    fragments.collect()
}

/// Runs a canary all of whose texts are `text`, and one that passes.
async fn saying(text: &str) -> Vec<Arc<Report>> {
    let said = text.to_owned();
    let body = move |run: Run| {
        let text = said.clone();
        async move {
            run.label("said", text.clone());
            run.label(text.clone(), "said");
            run.warn(text.clone());
            run.attach(text.clone(), "text/plain", text.clone());
            run.record_request(RequestReport::new("GET", text.clone()));
            tracing::info!("{text}");
            run.prefer(text.clone(), text.clone(), eq("else"));
            run.defer(text.clone(), {
                let text = text.clone();
                async move { Err(Failure::new(text.clone()).hint(text)) }
            });
            run.step(text.clone(), async {
                let failure = Failure::new(text.clone()).expected(text.clone()).actual(text.clone());
                Err(run.raise(failure.evidence("answer", text.clone()).cause(text.clone()).hint(text.clone())))
            })
            .await
        }
    };
    let mut failed = once(canary(Spec::new("hostile"), body)).await;
    (failed.location, failed.monitor) = (Some(text.into()), Some(text.into()));
    failed.tags = [text.to_owned()].into();
    // As a name that the monitor refuses, whose run has a report too.
    failed.canary = text.into();
    let mut passed = once(canary(Spec::new("tame"), |run: Run| async move { run.expect("1", 1, eq(1)) })).await;
    passed.monitor = Some(text.into());
    vec![Arc::new(failed), Arc::new(passed)]
}

async fn check(case: &str, text: &str) {
    let (reports, tame) = (saying(text).await, saying("tame text").await);
    for kind in all() {
        let (bytes, tame) = (kind.write(&reports).await, kind.write(&tame).await);
        let said = Said { reports: &reports, bytes: &bytes, tame: &tame };
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (kind.check)(&said)));
        assert!(checked.is_ok(), "{case} breaks what {} wrote", kind.name);
    }
}

#[tokio::test]
async fn no_text_of_a_report_is_part_of_the_form_of_a_sink() {
    for fragment in FRAGMENTS {
        check(&format!("fragment {fragment:?}"), fragment).await;
    }
}

/// Checks mixtures of the fragments. All of them are many seconds of work for a processor, so they are no single test.
async fn check_mixtures(seeds: Range<u64>) {
    for seed in seeds {
        check(&format!("seed {seed}"), &text(seed)).await;
    }
}

#[tokio::test]
async fn nor_is_a_mixture_of_such_texts() {
    check_mixtures(0..50).await;
}

#[tokio::test]
async fn nor_is_another_mixture_of_them() {
    check_mixtures(50..100).await;
}

/// Checks a fragment as often as makes a mebibyte. Each has a test of its own, since that is seconds of work for a processor.
async fn check_a_mebibyte_of(fragment: &str) {
    check(&format!("1 MiB of {fragment:?}"), &fragment.repeat((1 << 20) / fragment.len())).await;
}

#[tokio::test]
async fn nor_is_a_mebibyte_of_markup() {
    check_a_mebibyte_of("\"<&\n").await;
}

#[tokio::test]
async fn nor_is_a_mebibyte_of_commands() {
    check_a_mebibyte_of("]]>::error::x\n").await;
}

#[tokio::test]
async fn nor_is_a_mebibyte_of_joined_emoji() {
    check_a_mebibyte_of("👩‍👩‍👧").await;
}
