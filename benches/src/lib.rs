//! What the benches share: the canary that is measured.

use synthetic_core::prelude::*;
use synthetic_http::{Http, json, status};

/// Makes the canary of `check-cost`: one step with one GET, whose status and one value of whose JSON body are expected.
///
/// # Examples
///
/// ```no_run
/// use synthetic_http::Http;
/// let _canary = synthetic_benches::one_check(Http::at("http://127.0.0.1:18080"), "/health");
/// ```
pub fn one_check(http: Http, path: impl Into<String>) -> impl Canary {
    let path = path.into();
    canary(Spec::new("check-cost"), move |run: Run| {
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
