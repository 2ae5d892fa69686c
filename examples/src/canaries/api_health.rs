//! Three endpoints of an API: is each up, right, and fast enough?

use synthetic_core::prelude::*;
use synthetic_http::{Http, from_secret, header, json, latency, status};

/// Watches `/health`, `/orders` and, with a bearer token, `/account`.
///
/// The endpoints do not depend on each other, so each is a soft step: one that fails hides none of the others.
#[must_use]
pub fn canary(url: &str) -> impl Canary + use<> {
    let api = Http::at(url);
    synthetic_core::canary(Spec::new("api-health").tags(["api"]).timeout(secs(10)), move |run| check(run, api.clone()))
}

async fn check(run: Run, api: Http) -> Result {
    run.soft("GET /health", async {
        api.get("/health")
            .expect(status(200))
            .expect(json("$.status", "ok"))
            .expect(json("$.checks.*", every("up")))
            .expect(json("$.version", matches(r"^\d+\.\d+\.\d+$")))
            .prefer(latency(under(ms(300))))
            .send()
            .await
    })
    .await;

    run.soft("GET /orders", async {
        api.get("/orders")
            .query("customerId", "nobody")
            .expect(header("content-type", starts_with("application/json")))
            .expect(json("$.count", 0))
            .expect(json("$.orders", is_empty()))
            .send()
            .await
    })
    .await;

    run.soft("GET /account", async {
        api.get("/account")
            .bearer(from_secret("storefront/api-token"))
            .expect(json("$.username", is_string()))
            .expect(json("$.tier", one_of(["silver", "gold"])))
            .send()
            .await
    })
    .await;
    Ok(())
}
