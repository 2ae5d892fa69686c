//! Runs of every kind, made by real canaries on a paused clock.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use synthetic_core::monitor::{CanarySummary, Summary};
use synthetic_core::prelude::*;
use synthetic_core::{Clock, OnLeak, Reason, Runner};
use uuid::Uuid;

/// What a target may answer to whoever reads its answers.
pub(crate) const HOSTILE: &str = concat!(
    "x\n::error::forged\r\n  ::stop-commands::t\n##[add-mask]s ::set-output name=a::b\n%0A::error::late\u{2028}::error::u\n",
    "::endgroup::\n</code></details></td>\n```\n````\n<!-- <script>alert(1)</script>\n| a | b |\n|--|--|\n\\| `c` \\` **d** @all\n",
    "]]> <![CDATA[ &amp; <failure/> \"q\" 'q' \0\x07\u{7f}\u{85}\u{fffe} \x1b[31mred\x1b[0m \u{202e}abc\u{2066}\ttab https://evil.example",
);

/// Makes reports, each with an id of its own that is always the same.
pub(crate) struct Runs {
    runner: Runner,
    pub(crate) reports: Vec<Arc<Report>>,
}

impl Runs {
    pub(crate) fn new() -> Self {
        let clock = Clock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        Self { runner: Runner::new().monitor("shop").location("eu-west-1").clock(clock), reports: Vec::new() }
    }

    pub(crate) async fn run<F: Future<Output = Result> + Send + 'static>(
        &mut self,
        spec: Spec,
        body: impl Fn(Run) -> F + Send + Sync + 'static,
    ) -> &mut Report {
        let mut report = self.runner.run(canary(spec, body)).await;
        report.run_id = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8000 + self.reports.len() as u128);
        self.reports.push(Arc::new(report));
        Arc::get_mut(self.reports.last_mut().unwrap()).unwrap()
    }

    /// Counts the runs as a monitor does.
    pub(crate) fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for report in &self.reports {
            let canary: &mut CanarySummary = summary.canaries.entry(Arc::clone(&report.canary)).or_default();
            *canary.outcomes.entry(report.outcome).or_default() += 1;
            canary.flaky += u64::from(report.flaky());
            canary.left_behind += report.cleanup.left_behind() as u64;
        }
        summary
    }
}

/// Runs of every kind.
pub(crate) async fn of_every_kind() -> Runs {
    let mut runs = Runs::new();
    runs.run(Spec::new("api-health"), |run| async move {
        tokio::time::sleep(ms(12)).await;
        run.expect("x", 1, eq(1))
    })
    .await;
    runs.run(Spec::new("login").on_leak(OnLeak::Warn), |run| async move {
        run.defer("close the page", async { Err(Failure::new("status of DELETE /pages/7").actual("500")) });
        run.expect("x", 1, eq(1))
    })
    .await;
    runs.run(Spec::new("search").tags(["catalogue"]), |run| async move {
        run.prefer("latency of GET /search", ms(340), lt(ms(300)));
        run.expect("x", 1, eq(1))
    })
    .await;
    runs.run(Spec::new("checkout").tags(["checkout", "critical"]), |run| async move { checkout(run).await }).await;
    runs.run(Spec::new("checkout"), |run| async move { run.expect("status of POST /orders", 201, eq(201)) }).await;
    runs.run(Spec::new("profile"), |_| async move { panic!("no such user") }).await;
    runs.run(Spec::new("eu-only"), |_| async move { Err(Failure::skip("the shop is closed in this region")) }).await;
    runs.run(Spec::new("cart"), |run| async move {
        run.defer("empty the cart", async { Err(Failure::new("status of DELETE /carts/7").actual("500")) });
        run.defer("sign out", async {
            Err(Failure::new("status of POST /logout").actual("503").hint("sign out by hand"))
        });
        run.expect("x", 1, eq(1))
    })
    .await;
    let tries = Arc::new(AtomicU32::new(0));
    let flaky = runs.run(Spec::new("mail").retry(1), move |run| {
        let first = tries.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            run.step("send", async {
                let refused = Failure::with_reason(Reason::Connect, "POST /mails: connect to 10.0.0.7:443 refused");
                if first { Err(refused) } else { run.expect("x", 1, eq(1)) }
            })
            .await
        }
    });
    flaky.await.attempts[0].run_id = Uuid::nil();
    runs
}

async fn checkout(run: Run) -> Result {
    run.label("build", "1.4.2");
    run.step("create order", async {
        tokio::time::sleep(ms(120)).await;
        let failure = Failure::new("status of POST /orders").expected("is equal to 201").actual("503");
        let failure = failure.evidence("answer", "{\"error\":\"upstream unavailable\"}\n{\"retry\":true}");
        let failure = run.raise(failure.hint("the payments service answers for this shop: see its canary"));
        run.soft("look for the reason", async { Err::<(), _>(Failure::new("log of the shop").actual("empty")) }).await;
        Err(failure)
    })
    .await
}

/// A run all of whose texts are `text`: what fails, its step, its labels, what it left behind; also where it runs.
pub(crate) async fn saying(text: &'static str) -> Runs {
    let mut runs = Runs::new();
    let report = runs.run(Spec::new("test").tags([text]), move |run| async move {
        run.label("said", text);
        run.warn(text);
        run.defer(text, async move { Err(Failure::new(text).hint(text)) });
        run.step(text, async {
            let failure = Failure::new(text).expected(text).actual(text).evidence("answer", text);
            Err(run.raise(failure.cause(text).hint(text)))
        })
        .await
    });
    report.await.location = Some(text.into());
    runs
}

/// Hides the lines of the source, which every change of it moves.
pub(crate) fn without_lines(text: &str) -> String {
    let text = regex::Regex::new(r"\.rs:\d+").unwrap().replace_all(text, ".rs").into_owned();
    regex::Regex::new(r#"line=("?)\d+"#).unwrap().replace_all(&text, "line=${1}0").into_owned()
}
