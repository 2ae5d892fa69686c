//! One-time codes within a run.

use std::time::SystemTime;

use synthetic_core::prelude::*;
use synthetic_core::{Clock, Runner, Secret};
use synthetic_http::totp;

#[tokio::test]
async fn a_code_is_that_of_the_runs_clock_and_in_no_report() {
    // RFC 6238, appendix B: six digits of 94287082, at 59 s.
    let runner = Runner::new().clock(Clock::starting_at(SystemTime::UNIX_EPOCH + secs(59)));
    let login = canary(Spec::new("login"), |run: Run| async move {
        let code = totp(&Secret::new("shop/totp", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"))?;
        run.expect("the code", code.expose().to_owned(), eq("000000"))
    });
    let report = runner.run(login).await;
    let text = format!("{report} {report:?}");
    assert!(!text.contains("287082") && text.contains("[redacted:one-time_code_of_shop/totp]"), "{text}");
}
