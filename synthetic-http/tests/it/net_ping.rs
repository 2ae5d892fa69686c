//! ICMP: to this machine, where the process may, and what is said where it may not.

use std::process::Command;

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::net::{Ping, lost, round_trip};

use crate::support::{Told, masked, run_check};

async fn run_of(check: Ping) -> Report {
    run_check(move || {
        let check = check.clone();
        async move { check.send().await.map(drop) }
    })
    .await
}

/// Returns whether this process may send ICMP; says so where it may not.
#[expect(clippy::print_stdout, reason = "who runs the tests should know what they did not do")]
async fn may() -> bool {
    let report = run_of(Ping::to("127.0.0.1").expect(lost(between(0, 1)))).await;
    let may = report.reason != Some(Reason::Setup);
    if !may {
        println!("skipped: this process may not send ICMP (root may, and members of net.ipv4.ping_group_range)");
    }
    may
}

#[tokio::test]
async fn this_machine_answers_echo_requests() {
    if !may().await {
        return;
    }
    let report = run_of(Ping::to("127.0.0.1").times(3).expect(round_trip(under(secs(1))))).await;
    report.assert_passed();
    let request = &report.requests[0];
    assert_eq!((&*request.method, request.url.as_str(), request.is_success()), ("ICMP", "icmp://127.0.0.1", true));
    let echoes = Ping::to("localhost").times(2).send().await.unwrap();
    assert_eq!((echoes.lost(), echoes.round_trips().flatten().count()), (0, 2));

    run_of(Ping::to("127.0.0.1").payload(4_000).hops(1)).await.assert_passed();

    let report = run_of(Ping::to("127.0.0.1").times(2).expect(lost(ge(1))).expect(round_trip(under(ms(0))))).await;
    assert_eq!(report.reason, Some(Reason::Expectation));
    let text = masked(&format!("{:?}", report.failures[0]));
    assert!(text.contains("lost echo requests of ping 127.0.0.1"), "{text}");
    assert!(text.contains("1: TIME") && text.contains("2: TIME"), "{text}");
    assert!(text.contains("slowest round trip of ping 127.0.0.1: expected is less than 0ns"), "{text}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_host_that_does_not_answer_has_lost_them() {
    if !may().await {
        return;
    }
    // Linux takes it for 127.0.0.1 and answers as that, which is no answer of the one that was asked.
    let silent = || Ping::to("0.0.0.0").times(2).wait(ms(20));
    run_of(silent().expect(lost(2))).await.assert_passed();
    let report = run_of(silent().expect(round_trip(under(secs(1))))).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Expectation)), "{report}");
    let mut told = Told::default();
    told.add_report("silence", &report);
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn what_cannot_be_checked_is_an_error_of_our_own() {
    let report = run_of(Ping::to("a b")).await;
    assert_eq!(report.reason, Some(Reason::Setup));
    let report = run_of(Ping::to("127.0.0.1").times(0)).await;
    assert!(report.failures[0].to_string().contains("send at least one"), "{report}");
    for (check, problem) in [
        (Ping::to("127.0.0.1").hops(0), "allow at least one"),
        (Ping::to("127.0.0.1").payload(u16::MAX), "at most 65507 bytes, not 65535"),
    ] {
        let report = run_of(check).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{report}");
        assert!(report.failures[0].to_string().contains(problem), "{report}");
    }
}

/// What the run of a process says that may not send ICMP.
fn assert_refused(report: &Report) {
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{report}");
    let failure = report.failures[0].to_string();
    assert!(failure.starts_with("ping 127.0.0.1: this process may not send ICMP"), "{failure}");
    assert!(failure.contains("net.ipv4.ping_group_range") && failure.contains("CAP_NET_RAW"), "{failure}");
    assert!(report.requests.is_empty());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_that_may_not_send_them_is_told_what_to_grant() {
    let report = run_of(Ping::to("127.0.0.1").expect(lost(between(0, 1)))).await;
    if report.reason == Some(Reason::Setup) {
        return assert_refused(&report);
    }
    let groups = std::fs::read_to_string("/proc/sys/net/ipv4/ping_group_range").unwrap_or_default();
    let range: Vec<u64> = groups.split_whitespace().filter_map(|group| group.parse().ok()).collect();
    if range.len() != 2 || range[0] <= range[1] {
        println!("skipped: everybody may send ICMP here (net.ipv4.ping_group_range is {})", groups.trim());
        return;
    }
    // Root without the one capability, which runs the test below.
    let mut child = Command::new("setpriv");
    child.args(["--bounding-set", "-net_raw", "--inh-caps", "-net_raw"]).arg(std::env::current_exe().unwrap());
    let output = child.args(["--exact", "net_ping::as_a_child_without_the_capability"]).env(CHILD, "1").output();
    let Ok(output) = output else {
        println!("skipped: setpriv, of util-linux, is not there");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

const CHILD: &str = "CANARY_TEST_WITHOUT_ICMP";

/// Nothing by itself: what the test above starts, in a process that may not send ICMP.
#[tokio::test]
async fn as_a_child_without_the_capability() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    assert_refused(&run_of(Ping::to("127.0.0.1")).await);
}
