//! What is not HTTP: dialogues over TCP, STARTTLS, DNS, gRPC health, ICMP.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::Http;
use synthetic_http::net::{
    Ping, Record, StartTls, Tcp, Tls, additional_records, authority_records, lost, record_count, records, response_code,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio_rustls::TlsAcceptor;
use tonic::service::Routes;

use super::row::{Ours, Row};
use crate::authority::{Authority, config};
use crate::support::{Server, closed_port};
use crate::{grpc, net_dns};

/// A mail server that knows a handful of words, and TLS if it has a certificate for it.
async fn mail(tls: Option<TlsAcceptor>) -> Server {
    Server::raw(move |stream| {
        let tls = tls.clone();
        async move {
            let mut stream = BufStream::new(stream);
            stream.write_all(b"220 mail.test ready\r\n").await?;
            stream.flush().await?;
            if !talk(&mut stream, tls.is_some()).await? {
                return Ok(());
            }
            let Some(tls) = tls else { return Ok(()) };
            talk(&mut BufStream::new(tls.accept(stream).await?), false).await.map(drop)
        }
    })
    .await
}

/// Answers lines; returns whether TLS is to begin.
async fn talk<S>(stream: &mut BufStream<S>, offers_tls: bool) -> std::io::Result<bool>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(false);
        }
        let answer = match line.trim_end() {
            "EHLO localhost" if offers_tls => "250-mail.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n",
            "EHLO localhost" => "250-mail.test\r\n250 SIZE 1000\r\n",
            "STARTTLS" if offers_tls => "220 go ahead\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "500 what?\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        match answer {
            "220 go ahead\r\n" => return Ok(true),
            "221 bye\r\n" => return Ok(false),
            _ => {}
        }
    }
}

/// Returns the rows, and the name server that has to stay for as long as they are judged, where there is one.
pub(super) async fn rows(folder: &Path) -> (Vec<Row>, Option<net_dns::Server>) {
    let names = net_dns::Server::start().await;
    let mut rows = dialogues().await;
    rows.extend(starttls(folder).await);
    rows.extend(names.iter().flat_map(look_ups));
    rows.extend(health().await);
    rows.extend(echo().await);
    (rows, names)
}

async fn dialogues() -> Vec<Row> {
    let mail = mail(None).await;
    let closed = closed_port().to_string();
    let prompt = Server::raw(|mut stream| async move {
        stream.write_all(b"login: ").await?;
        pending().await
    })
    .await;
    let asking = Server::raw(|stream| async move {
        let mut stream = BufStream::new(stream);
        stream.write_all(b"NOTICE hi\r\nPING :7f3a\r\n").await?;
        stream.flush().await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let welcome = if line.trim_end() == "PONG :7f3a" { "welcome\r\n" } else { "go away\r\n" };
        stream.write_all(welcome.as_bytes()).await?;
        stream.flush().await
    })
    .await;
    let silent = Server::raw(|_stream| async move { pending().await }).await;
    let at = || Tcp::at(mail.addr.to_string());
    let soon =
        |expected: &str| format!("prober: tcp, timeout: 500ms, tcp: {{query_response: [{{expect: '{expected}'}}]}}");
    let target = |server: &Server| server.addr.to_string();
    vec![
        Row::passes("a port that is open", target(&mail), "prober: tcp", at()),
        Row::fails("a port that is closed, without HTTP", closed.clone(), "prober: tcp", Tcp::at(closed)),
        Row::fails(
            "a name that is none, without HTTP",
            "no-such-host.invalid:25",
            "prober: tcp",
            Tcp::at("no-such-host.invalid:25"),
        ),
        Row::passes(
            "a dialogue",
            target(&mail),
            "prober: tcp, tcp: {query_response: [{expect: '^220 '}, {send: EHLO localhost}, \
             {expect: '^250-SIZE|^250 SIZE'}, {send: QUIT}, {expect: '^221 '}]}",
            at().expect_line(starts_with("220 "))
                .send("EHLO localhost\r\n")
                .expect_match(matches("(?m)^250[- ]SIZE"))
                .send("QUIT\r\n")
                .expect_match(matches("(?m)^221 ")),
        ),
        Row::fails(
            "a dialogue that ends otherwise",
            target(&mail),
            "prober: tcp, tcp: {query_response: [{expect: '^220 ', send: QUIT}, {expect: '^250 '}]}",
            at().expect_line(starts_with("220 ")).send("QUIT\r\n").expect_match(matches("(?m)^250 ")),
        ),
        Row::passes(
            "a word that is wanted back",
            target(&asking),
            "prober: tcp, tcp: {query_response: [{expect: '^PING :(\\S+)', send: 'PONG :${1}'}, {expect: ^welcome}]}",
            Tcp::at(target(&asking)).reply(r"^PING :(\S+)", "PONG :$1\r\n").expect_line("welcome"),
        ),
        Row::fails(
            "a greeting that does not come",
            target(&silent),
            soon("^220 "),
            Tcp::at(target(&silent)).timeout(ms(500)).expect_line(starts_with("220 ")),
        ),
        Row::passes(
            "a prompt without the end of its line",
            target(&prompt),
            soon("^login: "),
            // It passes as soon as the prompt is there.
            Tcp::at(target(&prompt)).timeout(secs(30)).expect_match(matches("^login: ")),
        ),
    ]
}

async fn starttls(folder: &Path) -> Vec<Row> {
    let authority = Authority::new();
    let (key, certificate) = authority.issue("127.0.0.1", |_| {});
    let with = mail(Some(TlsAcceptor::from(Arc::new(config(vec![certificate], &key))))).await;
    let without = mail(None).await;
    let module = "prober: tcp, tcp: {query_response: [{expect: '^220 '}, {send: EHLO localhost}, \
                  {expect: '^250[- ]STARTTLS'}, {send: STARTTLS}, {expect: '^220 '}, {starttls: true}, \
                  {send: EHLO localhost}, {expect: '^250 SIZE'}, {send: QUIT}]";
    // The dialogue waits for a line that a server without TLS does not say.
    let soon = format!("{}, timeout: 500ms", module.to_owned() + "}");
    let trusting = format!("{module}, tls_config: {{ca_file: ");
    let check = |server: &Server| {
        let tls = Tls::at(server.addr.to_string()).starttls(StartTls::Smtp).trust_only_pem(authority.0.pem());
        tls.send("EHLO localhost\r\n").expect_match(matches("(?m)^250 SIZE")).send("QUIT\r\n")
    };
    let ca = folder.join("mail-ca.pem");
    std::fs::write(&ca, authority.0.pem()).unwrap();
    vec![
        Row::passes(
            "TLS that is asked for in SMTP",
            with.addr.to_string(),
            format!("{trusting}'{}'}}}}", ca.display()),
            check(&with),
        ),
        Row::fails("TLS that SMTP does not offer", without.addr.to_string(), soon, check(&without)),
    ]
}

fn look_ups(server: &net_dns::Server) -> Vec<Row> {
    let asked = |name: &str, kind: &str, more: &str| {
        format!("prober: dns, dns: {{query_name: {name}, query_type: {kind}{more}}}")
    };
    let answers = |kind: &str, rule: &str, regexp: &str| {
        asked("shop.test", kind, &format!(", validate_answer_rrs: {{{rule}: ['{regexp}']}}"))
    };
    let sent_on = || server.lookup("www.eu.shop.test", Record::A);
    let a = || server.lookup("shop.test", Record::A);
    let target = server.at.to_string();
    let passes = |name, module, ours: Ours| Row::passes(name, target.as_str(), module, ours);
    let fails = |name, module, ours: Ours| Row::fails(name, target.as_str(), module, ours);
    vec![
        passes("A of a name", asked("shop.test", "A", ""), a().into()),
        fails(
            "A of a name that is none",
            asked("gone.shop.test", "A", ""),
            server.lookup("gone.shop.test", Record::A).into(),
        ),
        passes(
            "NXDOMAIN that is expected",
            asked("gone.shop.test", "A", ", valid_rcodes: [NXDOMAIN]"),
            server.lookup("gone.shop.test", Record::A).expect(response_code("NXDOMAIN")).into(),
        ),
        fails(
            "AAAA of a name without",
            asked("ns1.shop.test", "AAAA", ""),
            server.lookup("ns1.shop.test", Record::Aaaa).into(),
        ),
        passes(
            "some record is as wanted",
            answers("MX", "fail_if_none_matches_regexp", "10\\s+mail\\.shop\\.test\\.$"),
            server.lookup("shop.test", Record::Mx).expect(records(contains("10 mail.shop.test."))).into(),
        ),
        fails(
            "no record is as wanted",
            answers("A", "fail_if_none_matches_regexp", "192\\.0\\.2\\.1$"),
            a().expect(records(contains("192.0.2.1"))).into(),
        ),
        passes(
            "every record is as wanted",
            answers("A", "fail_if_not_matches_regexp", "192\\.0\\.2\\.\\d+$"),
            a().expect(records(every(starts_with("192.0.2.")))).into(),
        ),
        fails(
            "not every record is as wanted",
            answers("A", "fail_if_not_matches_regexp", "192\\.0\\.2\\.7$"),
            a().expect(records(every(eq("192.0.2.7")))).into(),
        ),
        fails(
            "a record that is unwanted",
            answers("A", "fail_if_matches_regexp", "192\\.0\\.2\\.8$"),
            a().expect(records(not(contains("192.0.2.8")))).into(),
        ),
        fails(
            "all records are unwanted",
            answers("A", "fail_if_all_match_regexp", "192\\.0\\.2\\."),
            a().expect(records(not(every(starts_with("192.0.2."))))).into(),
        ),
        passes(
            "not all records are unwanted",
            answers("A", "fail_if_all_match_regexp", "192\\.0\\.2\\.7$"),
            a().expect(records(not(every(eq("192.0.2.7"))))).into(),
        ),
        passes(
            "an answer that is too long for UDP",
            asked("many.shop.test", "A", ", validate_answer_rrs: {fail_if_none_matches_regexp: ['192\\.0\\.2\\.59$']}"),
            server
                .lookup("many.shop.test", Record::A)
                .expect(record_count(60))
                .expect(records(contains("192.0.2.59")))
                .into(),
        ),
        passes(
            "a look-up over TCP",
            asked("shop.test", "A", ", transport_protocol: tcp"),
            server.lookup("shop.test", Record::A).over_tcp().into(),
        ),
        passes("SOA of a zone", asked("shop.test", "SOA", ""), server.lookup("shop.test", Record::Soa).into()),
        passes(
            "who else knows, and where",
            asked(
                "www.eu.shop.test",
                "A",
                ", validate_authority_rrs: {fail_if_not_matches_regexp: ['NS\\s+ns\\.eu']}, \
                 validate_additional_rrs: {fail_if_none_matches_regexp: ['192\\.0\\.2\\.99']}",
            ),
            sent_on()
                .expect(authority_records(every(contains(" NS ns.eu."))))
                .expect(additional_records(some(contains("192.0.2.99"))))
                .into(),
        ),
        fails(
            "somebody else knows",
            asked("www.eu.shop.test", "A", ", validate_authority_rrs: {fail_if_matches_regexp: ['ns\\.eu']}"),
            sent_on().expect(authority_records(not(some(contains("ns.eu"))))).into(),
        ),
        fails(
            "a zone of others",
            asked("pay.example", "A", ", recursion_desired: false"),
            server.lookup("pay.example", Record::A).without_recursion().into(),
        ),
    ]
}

async fn health() -> Vec<Row> {
    let (_, routes) = grpc::shop().await;
    let shop = grpc::serve(routes, None).await.to_string();
    let without = grpc::serve(Routes::default(), None).await.to_string();
    let closed = closed_port().to_string();
    let module = |service: &str| format!("prober: grpc, grpc: {{service: '{service}', preferred_ip_protocol: ip4}}");
    let check = |at: &str, service: &str| Http::at(format!("http://{at}")).grpc_health(service);
    let row = |name, at: &str, service: &str| Row::fails(name, at, module(service), check(at, service));
    vec![
        Row::passes("gRPC that serves", shop.as_str(), module(""), check(&shop, "")),
        Row::passes("a service that serves", shop.as_str(), module("shop.Orders"), check(&shop, "shop.Orders")),
        row("a service that does not serve", &shop, "shop.Stock"),
        row("a service of unknown health", &shop, "shop.New"),
        row("a service that is none", &shop, "shop.Orderz"),
        row("gRPC without health", &without, "shop.Orders"),
        row("gRPC of nobody", &closed, ""),
    ]
}

/// ICMP, where this process may.
async fn echo() -> Vec<Row> {
    let ping = Ping::to("127.0.0.1");
    if Ours::from(ping.clone().expect(lost(between(0, 1)))).run().await.reason == Some(Reason::Setup) {
        say_that_it_may_not();
        return Vec::new();
    }
    vec![
        Row::passes("an echo of this machine", "127.0.0.1", "prober: icmp", ping.clone()),
        Row::passes(
            "a large echo over one hop",
            "127.0.0.1",
            "prober: icmp, icmp: {payload_size: 4000, ttl: 1}",
            ping.payload(4_000).hops(1),
        ),
    ]
}

/// Whether a process may is the machine's choice, in CI too.
#[expect(clippy::print_stdout, reason = "who runs the tests should know what they did not do")]
fn say_that_it_may_not() {
    println!("skipped: this process may not send ICMP");
}
