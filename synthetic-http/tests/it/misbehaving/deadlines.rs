//! Deadlines by the real clock: beside a timer of the same length in a thread of its own, which is late where the machine is, and
//! not where a check keeps its thread from going on.

use std::time::Duration;

use synthetic_core::prelude::*;
use synthetic_http::Request;
use tokio::time::{Instant, sleep_until};

use super::rogue::{LATE, Rogue};
use crate::support::run_of;

/// How long each request may take.
const BRIEF: Duration = Duration::from_millis(300);
/// How often it is tried. What keeps its time does so once at least, however busy the machine is; what does not, never.
const TRIES: usize = 10;

/// Returns by how much more than a timer a request is late.
async fn late(request: Request) -> Duration {
    let until = Instant::now() + BRIEF;
    let timer = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { sleep_until(until).await });
        Instant::now()
    });
    let report = run_of(request.timeout(BRIEF)).await;
    let ended = Instant::now();
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    assert!(ended >= until, "it did not wait for its time: {report}");
    ended.saturating_duration_since(timer.join().unwrap())
}

#[tokio::test]
async fn a_request_ends_within_50_ms_of_its_time_whatever_the_server_does() {
    let body = "HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n";
    let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(50);
    let chunks = "1\r\nx\r\n".repeat(8_192);
    let mute = Rogue::new(|hand| hand.stall()).await;
    let silent = Rogue::stalling("").await;
    let halfway = Rogue::stalling(body).await;
    let hinting = Rogue::flooding("", hints).await;
    let endless = Rogue::flooding(body, vec![b'x'; 65_536]).await;
    let crumbs = Rogue::flooding("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunks).await;
    // Nothing, packed again and again: nothing comes out, and there is always more to do.
    let nothing = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0".repeat(3_000);
    let packed = Rogue::flooding("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n", nothing).await;
    let all = usize::MAX;
    let _ = &packed;
    for (case, request) in [
        #[cfg(feature = "compression")]
        ("packed", packed.api().max_body(1 << 30).get("/")),
        ("tls", mute.tls().get("/")),
        ("processing", silent.api().get("/")),
        ("transfer", halfway.api().get("/")),
        ("hints", hinting.api().get("/")),
        ("chunks", crumbs.api().max_body(all).get("/")),
        ("a body", endless.api().max_body(1 << 30).get("/")),
    ] {
        let mut least = Duration::MAX;
        for _ in 0..TRIES {
            least = least.min(late(request.clone()).await);
            if least <= LATE {
                break;
            }
        }
        assert!(least <= LATE, "{case}: {least:?} after its time");
    }
}
