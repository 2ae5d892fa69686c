//! DNS: against a real name server (NSD) with a zone of its own, and against servers of a few lines that misbehave.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::latency;
use synthetic_http::net::{
    Dns, Lookup, Record, Tcp, additional_records, authoritative, authority_records, record_count, records,
    response_code, ttl,
};
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::process::{Child, Command};

use crate::clock::{LONG, Stall};
use crate::support::{Told, closed_port, run_check, skipped};

/// Longer than it takes anywhere to be ready; it ends a test that would wait for ever.
const BOUND: Duration = Duration::from_secs(90);

const ZONE: &str = r#"$ORIGIN shop.test.
$TTL 300
@        IN SOA ns1 admin 1 3600 600 86400 60
@        IN NS ns1
@        IN NS ns2.other.test.
@        IN A 192.0.2.7
@        IN A 192.0.2.8
@   60   IN AAAA 2001:db8::7
@        IN MX 10 mail
@        IN MX 20 backup.other.test.
@        IN TXT "v=spf1 " "-all"
@        IN CAA 0 issue "letsencrypt.org"
ns1      IN A 127.0.0.1
www      IN CNAME @
_sip._tcp IN SRV 0 5 5060 sip
7.rev    IN PTR www
eu       IN NS ns.eu
ns.eu    IN A 192.0.2.99
"#;

/// An NSD that is authoritative for `shop.test`, with a folder that goes with it.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Option<Self> {
        let program = ["/usr/sbin/nsd", "/usr/local/sbin/nsd"].into_iter().find(|program| Path::new(program).exists());
        let Some(program) = program else {
            skipped("nsd");
            return None;
        };
        // A port that is free now may be taken when it asks for it; then another is tried.
        for _ in 0..5 {
            if let Some(server) = Self::try_start(program).await {
                return Some(server);
            }
        }
        panic!("{program} found no free port, five times");
    }

    async fn try_start(program: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let mut zone = ZONE.to_owned();
        // Too many for 512 bytes.
        (0..60).for_each(|at| zone.push_str(&format!("many IN A 192.0.2.{at}\n")));
        fs::write(folder.path().join("shop.test.zone"), zone).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  zonesdir: \"{path}\"\n  pidfile: \"\"\n  \
             database: \"\"\n  xfrdfile: \"{path}/xfrd\"\n  zonelistfile: \"{path}/list\"\n  xfrdir: \"{path}\"\n  \
             server-count: 1\n  ip-transparent: no\nremote-control:\n  control-enable: no\nzone:\n  name: shop.test\n  \
             zonefile: shop.test.zone\n"
        );
        let file = folder.path().join("nsd.conf");
        fs::write(&file, config).unwrap();
        let mut nsd = Command::new(program);
        nsd.arg("-d").arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = nsd.kill_on_drop(true).spawn().unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let began = Instant::now();
        while Tcp::at(at.to_string()).connect().await.is_err() {
            // It ends where it cannot have the port.
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(began.elapsed() < BOUND, "it does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(Self { at, child, _folder: folder })
    }

    pub(crate) fn lookup(&self, name: &str, record: Record) -> Lookup {
        Dns::resolver(self.at.to_string()).lookup(name, record)
    }

    /// Asks it to end, which it does with its children.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().await.unwrap();
    }
}

async fn run_of(check: Lookup) -> Report {
    run_check(move || {
        let check = check.clone();
        async move { check.ask().await.map(drop) }
    })
    .await
}

#[tokio::test]
async fn every_type_of_record_is_asked_of_a_real_name_server() {
    let Some(server) = Server::start().await else { return };
    let rows: [(&str, Record, &[&str]); 10] = [
        ("shop.test", Record::A, &["192.0.2.7", "192.0.2.8"]),
        ("shop.test", Record::Aaaa, &["2001:db8::7"]),
        ("www.shop.test", Record::Cname, &["shop.test."]),
        ("shop.test", Record::Mx, &["10 mail.shop.test.", "20 backup.other.test."]),
        ("shop.test", Record::Txt, &["v=spf1 -all"]),
        ("shop.test", Record::Ns, &["ns1.shop.test.", "ns2.other.test."]),
        ("_sip._tcp.shop.test.", Record::Srv, &["0 5 5060 sip.shop.test."]),
        ("shop.test", Record::Caa, &["0 issue \"letsencrypt.org\""]),
        ("shop.test", Record::Soa, &["ns1.shop.test. admin.shop.test. 1 3600 600 86400 60"]),
        ("7.rev.shop.test", Record::Ptr, &["www.shop.test."]),
    ];
    for (name, record, values) in rows {
        let mut check = server.lookup(name, record).expect(record_count(values.len())).expect(authoritative(true));
        for value in values {
            check = check.expect(records(contains(*value)));
        }
        check =
            check.expect(ttl(eq(secs(if record == Record::Aaaa { 60 } else { 300 })))).expect(latency(under(secs(60))));
        let report = run_of(check.clone()).await;
        report.assert_passed();
        let request = &report.requests[0];
        let url = format!("dns://{}/{}", server.at, name.trim_end_matches('.'));
        assert_eq!((&*request.method, request.url.as_str()), (&*format!("DNS {}", record.as_str()), url.as_str()));
        assert_eq!((request.protocol.as_deref(), request.peer), (Some("DNS over UDP"), Some(server.at)));
        assert!(request.is_success() && request.size > 0);
        let answer = check.ask().await.unwrap();
        let mut told: Vec<_> = answer.records().map(|record| record.value.as_str()).collect();
        told.sort_unstable();
        assert_eq!(told, values);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_for_udp_comes_over_tcp() {
    let Some(server) = Server::start().await else { return };
    let check = server.lookup("many.shop.test", Record::A).expect(record_count(60));
    let report = run_of(check.clone()).await;
    report.assert_passed();
    assert_eq!(report.requests[0].protocol.as_deref(), Some("DNS over TCP"));
    assert!(check.ask().await.unwrap().is_over_tcp());
    server.stop().await;
}

#[tokio::test]
async fn an_answer_can_be_asked_for_over_tcp_alone() {
    let Some(server) = Server::start().await else { return };
    let report = run_of(server.lookup("shop.test", Record::A).over_tcp().expect(record_count(2))).await;
    report.assert_passed();
    let request = &report.requests[0];
    assert_eq!(request.protocol.as_deref(), Some("DNS over TCP"));
    assert!(request.phases.connect.is_some(), "{request:?}");
    server.stop().await;
    let closed = closed_port();
    let failure = Dns::resolver(closed.to_string()).lookup("shop.test", Record::A).over_tcp().ask().await.unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("over TCP") && !text.contains("UDP"), "{text}");
}

#[tokio::test]
async fn who_else_knows_is_judged_where_a_server_sends_one_on() {
    let Some(server) = Server::start().await else { return };
    let sent_on = || server.lookup("www.eu.shop.test", Record::A);
    let check = sent_on().expect(authority_records(contains("eu.shop.test. NS ns.eu.shop.test.")));
    let check = check.expect(additional_records(some(starts_with("ns.eu.shop.test. A 192.0.2."))));
    run_of(check.clone()).await.assert_passed();
    let answer = check.ask().await.unwrap();
    assert_eq!((answer.all_records().len(), answer.authority().len(), answer.additional().len()), (0, 1, 1));
    assert_eq!(run_of(sent_on()).await.reason, Some(Reason::Expectation), "no record, and nothing said of it");
    let report = run_of(sent_on().expect(authority_records(contains("eu.shop.test. NS ns.other.test.")))).await;
    let failure = format!("{:?}", report.failures[0]);
    server.stop().await;
    assert!(failure.contains("eu.shop.test. NS ns.eu.shop.test."), "{failure}");
}

#[tokio::test]
async fn what_is_not_as_expected_is_told_with_the_answer() {
    let Some(server) = Server::start().await else { return };
    run_of(server.lookup("gone.shop.test", Record::A).expect(response_code("NXDOMAIN"))).await.assert_passed();
    run_of(server.lookup("www.shop.test", Record::Mx).expect(record_count(2))).await.assert_passed();
    run_of(server.lookup("ns1.shop.test", Record::Aaaa).expect(record_count(0))).await.assert_passed();
    let mut told = Told::default();
    let rows = [
        ("no such name", server.lookup("gone.shop.test", Record::A)),
        ("no such record", server.lookup("ns1.shop.test", Record::Aaaa)),
        ("a name that should be gone", server.lookup("ns1.shop.test", Record::A).expect(response_code("NXDOMAIN"))),
        (
            "several things",
            server
                .lookup("ns1.shop.test", Record::A)
                .expect(records(contains("192.0.2.1")))
                .expect(ttl(ge(mins(60))))
                .expect(authoritative(false)),
        ),
        ("another zone", server.lookup("pay.example", Record::A).without_recursion()),
        (
            "no record to judge",
            server.lookup("ns1.shop.test", Record::Aaaa).expect(record_count(0)).expect(ttl(ge(secs(1)))),
        ),
    ];
    for (case, check) in rows {
        let report = run_of(check).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Expectation)), "{case}: {report}");
        assert_eq!(report.requests[0].reason, Some(Reason::Expectation), "{case}");
        told.add_report(case, &report);
    }
    server.stop().await;
    insta::assert_snapshot!(told.text());
}

/// Answers every datagram with what `answer` makes of it.
async fn scripted(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            for reply in answer(&buffer[..count]) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    at
}

#[tokio::test]
async fn a_resolver_that_does_not_answer_is_told_with_the_phase() {
    let lookup = |at: SocketAddr| Dns::resolver(at.to_string()).lookup("shop.test", Record::A);
    let mut told = Told::default();
    // It hears nobody but itself, and nobody else is given its port as long as it is there.
    let deaf = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let closed = deaf.local_addr().unwrap();
    deaf.connect(closed).await.unwrap();
    let report = run_of(lookup(closed)).await;
    assert_eq!(report.reason, Some(Reason::Dns));
    told.add_report("nobody listens", &report);
    let stall = Stall::new();
    let asked = stall.clone();
    let silent = scripted(move |_| {
        asked.reached();
        Vec::new()
    })
    .await;
    let report = stall.runs_out(run_of(lookup(silent).timeout(LONG))).await;
    assert_eq!(report.reason, Some(Reason::Timeout));
    told.add_report("silence", &report);
    // The id of another query, a query instead of a response: neither is the answer.
    let stall = Stall::new();
    let asked = stall.clone();
    let others = scripted(move |query| {
        asked.reached();
        let mut other = query.to_vec();
        (other[0], other[2]) = (!other[0], 0x80);
        vec![other, query.to_vec()]
    })
    .await;
    let report = stall.runs_out(run_of(lookup(others).timeout(LONG))).await;
    assert_eq!(report.reason, Some(Reason::Timeout));
    let garbage = scripted(|query| vec![[&query[..2], &[0x80, 0, 0, 9, 0, 9, 1]].concat()]).await;
    let report = run_of(lookup(garbage)).await;
    assert_eq!(report.reason, Some(Reason::Protocol));
    told.add_report("no DNS", &report);
    // Cut short, and nobody listens on TCP.
    let cut = scripted(|query| {
        let mut cut = query.to_vec();
        cut[2] |= 0x82;
        vec![cut]
    })
    .await;
    let report = run_of(lookup(cut)).await;
    assert_eq!(report.reason, Some(Reason::Dns));
    told.add_report("cut short, and no TCP", &report);
    insta::assert_snapshot!(told.text());
}

#[tokio::test(start_paused = true)]
async fn a_query_that_is_lost_is_sent_again() {
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let at = scripted(move |query| {
        if seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 {
            return Vec::new();
        }
        let mut refused = query.to_vec();
        (refused[2], refused[3]) = (0x80, 5);
        vec![refused]
    })
    .await;
    let check = Dns::resolver(at.to_string()).lookup("shop.test", Record::A).expect(response_code("REFUSED"));
    let answer = check.timeout(mins(1)).ask().await.unwrap();
    assert_eq!((answer.response_code(), answer.all_records().len()), ("REFUSED", 0));
}

#[tokio::test]
async fn what_cannot_be_asked_is_an_error_of_our_own() {
    let mut told = Told::default();
    let resolver = Dns::resolver("127.0.0.1:1");
    let long = "a".repeat(64);
    let rows = [
        ("a resolver that is none", Dns::resolver("127.0.0.1:port").lookup("shop.test", Record::A)),
        ("a name that is none", resolver.lookup("shop..test", Record::A)),
        ("a label that is too long", resolver.lookup(format!("{long}.test"), Record::A)),
        ("a pattern that is none", resolver.lookup("shop.test", Record::Txt).expect(records(some(matches("("))))),
    ];
    for (case, check) in rows {
        let report = run_of(check).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{case}");
        told.add_report(case, &report);
    }
    insta::assert_snapshot!(told.text());
}
