//! Notifications, over real sockets.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod alertmanager;
mod answers;
mod files;
mod life;
mod messages;
pub(crate) mod server;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use synthetic_core::prelude::*;
use synthetic_core::{Runner, Sink};
use synthetic_sinks::Webhook;

use self::server::Server;

/// The time of the runs: they end one a minute.
const START: u64 = 1_800_000_000;

/// Makes reports of a canary, each a minute after the one before.
struct Runs {
    canary: String,
    location: Option<&'static str>,
    minute: u64,
}

impl Runs {
    fn of(canary: &str) -> Self {
        Self { canary: canary.to_owned(), location: Some("eu-west-1"), minute: 0 }
    }

    async fn next(&mut self, body: fn() -> synthetic_core::Result) -> Arc<Report> {
        self.minute += 1;
        let start = UNIX_EPOCH + Duration::from_secs(START + 60 * self.minute);
        let canary = canary(Spec::new("canary"), move |run: Run| async move {
            run.step("create order", async {
                run.expect("checked", 1, eq(1))?;
                body()
            })
            .await
        });
        let mut report = Runner::new().run(canary).await;
        (report.started_at, report.duration) = (start, Duration::ZERO);
        report.canary = self.canary.as_str().into();
        report.location = self.location.map(Into::into);
        report.monitor = Some("shop".into());
        Arc::new(report)
    }

    async fn failed(&mut self) -> Arc<Report> {
        self.next(|| Err(Failure::new("status of POST /orders").expected("is equal to 201").actual("503"))).await
    }

    async fn passed(&mut self) -> Arc<Report> {
        self.next(|| Ok(())).await
    }

    /// Plays runs, one a letter: `F` failed, `S` passed.
    async fn play(&mut self, sink: &Webhook, runs: &str) {
        for run in runs.chars() {
            let report = if run == 'F' { self.failed().await } else { self.passed().await };
            assert_eq!(sink.deliver(&[report]).await, Ok(()), "{runs}");
        }
    }
}

/// Fires and resolves at once.
fn eager(webhook: Webhook) -> Webhook {
    webhook.fires_after(1, 1).unwrap().resolves_after(1).unwrap()
}

/// A generic webhook that fires and resolves at once.
fn generic(server: &Server) -> Webhook {
    eager(Webhook::generic(&server.url("/hook")).unwrap())
}
