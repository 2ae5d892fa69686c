//! A call that fails now and then, probed every few seconds: what its users get, not what its server admits.

use std::time::Duration;

use synthetic_core::prelude::*;
use synthetic_http::{Http, json, status};

/// Makes a reservation, within so much time.
///
/// The shop's own metrics count its server errors. A reservation that is refused with 400 or 401 is none, and is no
/// reservation either: only whoever asks for one notices.
#[must_use]
pub fn canary(url: &str, timeout: Duration) -> impl Canary + use<> {
    let api = Http::at(url);
    synthetic_core::canary(Spec::new("reservations").tags(["api"]).timeout(timeout), move |run| {
        reserve(run, api.clone())
    })
}

async fn reserve(run: Run, api: Http) -> Result {
    run.step("POST /reservations", async {
        api.post("/reservations")
            .expect(status(200))
            .expect(json("$.status", "reserved"))
            .expect(json("$.id", starts_with("rsv_")))
            .send()
            .await
    })
    .await?;
    Ok(())
}
