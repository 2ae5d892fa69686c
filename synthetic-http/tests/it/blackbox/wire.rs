//! HTTP as a server breaks it, and what is there in place of a server.

use std::future::pending;

use synthetic_core::prelude::*;
use synthetic_http::{Http, body, http_version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::row::Row;
use crate::support::{Server, closed_port, ok, read_request};

/// Both give up on what does not come: soon, since they are meant to.
const SOON: &str = "prober: http, timeout: 500ms";
/// The same where something comes before, which both are to see on a busy machine too.
const LATER: &str = "prober: http, timeout: 4s";

/// Says the beginning of an answer, and nothing more.
async fn stalling(beginning: &'static str) -> Server {
    Server::raw(move |mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(beginning.as_bytes()).await?;
        pending().await
    })
    .await
}

/// A server that speaks HTTP, where TLS is begun: it answers the first byte.
pub(super) async fn without_tls() -> Server {
    Server::raw(|mut stream| async move {
        stream.read_u8().await?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await
    })
    .await
}

fn soon(server: &Server) -> synthetic_http::Request {
    Http::at(server.url()).get("/").timeout(ms(500))
}

fn get(server: &Server) -> synthetic_http::Request {
    Http::at(server.url()).get("/")
}

pub(super) async fn rows() -> Vec<Row> {
    let mut rows = answers().await;
    rows.extend(nobody().await);
    rows.extend(through_a_proxy().await);
    rows
}

async fn answers() -> Vec<Row> {
    let silent = stalling("").await;
    let half = stalling("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of").await;
    let cut = Server::closing("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of").await;
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\nall is w\r\n3\r\nell\r\n";
    let whole_chunks = Server::closing(format!("{chunked}0\r\n\r\n")).await;
    let cut_chunks = Server::closing(chunked).await;
    let endless = Server::closing("HTTP/1.1 200 OK\r\n\r\nall is well").await;
    let old = Server::closing("HTTP/1.0 200 OK\r\n\r\nall is well").await;
    let garbage = Server::closing("this is no HTTP\r\n\r\n").await;
    let hangs_up = Server::closing("").await;
    let two_lengths = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi!";
    let two_lengths = Server::closing(two_lengths).await;
    let many = "x-more: yes\r\n".repeat(150);
    let many = Server::closing(format!("HTTP/1.1 200 OK\r\n{many}content-length: 2\r\n\r\nhi")).await;
    let url = |server: &Server| server.url();
    let well = "prober: http, http: {fail_if_body_not_matches_regexp: ['^all is well$']}";
    let is_well = || body(matches("^all is well$"));
    vec![
        Row::fails("the first byte does not come", url(&silent), SOON, soon(&silent)),
        Row::fails("the rest of the body does not come", url(&half), LATER, get(&half).timeout(secs(4))),
        Row::fails("a body that is cut short", url(&cut), "prober: http", get(&cut)),
        Row::passes("a body in chunks", url(&whole_chunks), well, get(&whole_chunks).expect(is_well())),
        Row::fails("chunks without their end", url(&cut_chunks), "prober: http", get(&cut_chunks)),
        Row::passes("a body that ends with its connection", url(&endless), well, get(&endless).expect(is_well())),
        Row::passes(
            "HTTP/1.0",
            url(&old),
            "prober: http, http: {valid_http_versions: [HTTP/1.0]}",
            get(&old).expect(http_version("HTTP/1.0")),
        ),
        Row::fails("an answer that is no HTTP", url(&garbage), "prober: http", get(&garbage)),
        Row::fails("a server that hangs up", url(&hangs_up), "prober: http", get(&hangs_up)),
        Row::fails("two lengths of one body", url(&two_lengths), "prober: http", get(&two_lengths)),
        Row::fails("150 headers", url(&many), "prober: http", get(&many)),
    ]
}

async fn nobody() -> Vec<Row> {
    let closed = closed_port();
    let shop = Server::answering(|_| ok("all is well")).await;
    let by_name = format!("http://localhost:{}", shop.addr.port());
    let plain = without_tls().await.url().replace("http:", "https:");
    vec![
        Row::fails(
            "a port that is closed",
            format!("http://{closed}"),
            "prober: http",
            Http::at(format!("http://{closed}")).get("/"),
        ),
        Row::fails(
            "a name that is none",
            "http://no-such-host.invalid/",
            "prober: http",
            Http::at("http://no-such-host.invalid").get("/"),
        ),
        Row::passes(
            "IPv4 only",
            by_name.as_str(),
            "prober: http, http: {preferred_ip_protocol: ip4, ip_protocol_fallback: false}",
            Http::at(&by_name).ipv4_only().get("/"),
        ),
        Row::fails(
            "IPv6 only of what has none",
            shop.url(),
            "prober: http, http: {preferred_ip_protocol: ip6, ip_protocol_fallback: false}",
            Http::at(shop.url()).ipv6_only().get("/"),
        ),
        Row::fails("TLS of a server without", plain.as_str(), "prober: http", Http::at(&plain).get("/")),
    ]
}

async fn through_a_proxy() -> Vec<Row> {
    let shop = Server::answering(|_| ok("all is well")).await;
    let to = shop.addr;
    // It takes whole URLs, and has one target.
    let proxy = Server::raw(move |mut stream| async move {
        let request = read_request(&mut stream).await?;
        if !request.starts_with("GET http://") {
            return stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
        let mut target = TcpStream::connect(to).await?;
        target.write_all(request.as_bytes()).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nvia: 1.1 test\r\ncontent-length: 11\r\n\r\nall is well").await
    })
    .await;
    let module = |proxy: &str| {
        format!(
            "prober: http, http: {{proxy_url: '{proxy}', fail_if_header_not_matches: [{{header: Via, regexp: test}}]}}"
        )
    };
    let through =
        |proxy: &str| Http::at(shop.url()).proxy(proxy).get("/").expect(synthetic_http::header("via", matches("test")));
    let (proxy, nobody) = (proxy.url(), "http://127.0.0.1:1");
    vec![
        Row::passes("through a proxy", shop.url(), module(&proxy), through(&proxy)),
        Row::fails("a proxy that is not there", shop.url(), module(nobody), through(nobody)),
    ]
}
