//! What the benches share: the canary that is measured, the sink that is told of its runs, the harness that kills, and the
//! monitor with very many canaries.

pub mod cleanup;
pub mod flow;
pub mod kill9;
pub mod process;
pub mod scale;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use synthetic_core::prelude::*;
use synthetic_core::sink::DeliveryError;
use synthetic_core::{Reason, Report, Sink};
use synthetic_http::{Http, json, status};

/// Makes the canary of `check-cost` and `schedule-scale`: one step with one GET, whose status and one value of whose JSON body are expected.
///
/// # Examples
///
/// ```no_run
/// use synthetic_http::Http;
/// use synthetic_core::Spec;
/// let _canary = synthetic_benches::one_check(Spec::new("check"), Http::at("http://127.0.0.1:18080"), "/health");
/// ```
pub fn one_check(spec: Spec, http: Http, path: impl Into<String>) -> impl Canary {
    let path = path.into();
    canary(spec, move |run: Run| {
        let (http, path) = (http.clone(), path.clone());
        async move {
            run.step("GET", async {
                http.get(path).expect(status(200)).expect(json("$.status", "ok")).send().await?;
                Ok(())
            })
            .await
        }
    })
}

/// A sink that keeps count, as one for metrics does: runs and time by canary, outcome and reason.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// synthetic_core::testing::check_sink_contract(|| async { synthetic_benches::Tally::default() }).await;
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<Series, (u64, Duration)>>);

type Series = (Arc<str>, Outcome, Option<Reason>);

impl Tally {
    /// Returns how many runs there were.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().map(|(runs, _)| runs).sum()
    }
}

#[async_trait]
impl Sink for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for report in reports {
            let (runs, time) = series.entry((Arc::clone(&report.canary), report.outcome, report.reason)).or_default();
            *runs += 1;
            *time += report.duration;
        }
        Ok(())
    }
}
