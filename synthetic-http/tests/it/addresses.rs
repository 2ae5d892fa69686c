//! Which address is asked, and in which version of HTTP.

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{Http, Phase, http_version, phase};
use tokio::net::TcpListener;

use crate::authority::Authority;
use crate::support::{Server, Told, ok, run_of, sent};

#[tokio::test]
async fn one_back_end_of_many_is_asked_by_its_address_with_the_right_host() {
    let (one, other) = (Server::answering(|_| ok("one")).await, Server::answering(|_| ok("other")).await);
    for (server, says) in [(&one, "one"), (&other, "other")] {
        // The port of the address is that of a URL which names none.
        let api = Http::at("http://shop.test").resolve("shop.test", server.addr.to_string());
        let report = run_of(api.get("/health").expect(synthetic_http::body(says))).await;
        report.assert_passed();
        assert_eq!(report.requests[0].phases.resolve, None, "nothing was looked up");
        assert_eq!(sent(&server.take()[0], "host"), ["shop.test"]);
    }
    let port = one.addr.port();
    let by_port = Http::at(format!("http://shop.test:{port}")).resolve("SHOP.test", "127.0.0.1");
    run_of(by_port.get("/")).await.assert_passed();
    assert_eq!(sent(&one.take()[0], "host"), [format!("shop.test:{port}")]);
}

#[tokio::test]
async fn an_address_in_place_of_a_name_leaves_the_name_in_tls() {
    let authority = Authority::new();
    let server = authority.serve("shop.test", |_| {}).await;
    let api = Http::at("https://shop.test").trust_pem(authority.0.pem());
    run_of(api.clone().resolve("shop.test", server.addr.to_string()).get("/")).await.assert_passed();
    let pay = Http::at("https://pay.test").trust_pem(authority.0.pem()).resolve("pay.test", server.addr.to_string());
    let report = run_of(pay.get("/")).await;
    assert_eq!(report.reason, Some(Reason::Tls), "{report}");
    assert!(report.failures[0].to_string().contains("certificate is for shop.test, not for pay.test"), "{report}");
}

#[tokio::test]
async fn what_has_no_address_of_the_family_is_told_with_what_it_has() {
    let server = Server::answering(|_| ok("hi")).await;
    let mut told = Told::default();
    let api = Http::at(server.url());
    for (case, api) in [
        ("an address in the URL", api.clone().ipv6_only()),
        ("an override", Http::at("http://shop.test").resolve("shop.test", server.addr.to_string()).ipv6_only()),
        ("IPv4 of an IPv6 address", Http::at("http://[::1]:1").ipv4_only()),
    ] {
        let report = told.add(case, api.get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Dns), "{case}");
    }
    run_of(api.ipv4_only().get("/")).await.assert_passed();
    let twice = Http::at("http://shop.test:81").resolve("shop.test", "127.0.0.1:82");
    told.add("two ports", twice.get("/health")).await;
    told.add("no address", api_with("http://shop.test", "shop.test", "pay.test").get("/health")).await;
    told.add("no name", api_with("http://shop.test", "127.0.0.1", "127.0.0.2").get("/health")).await;
    insta::assert_snapshot!(told.text());
}

fn api_with(base: &str, host: &str, address: &str) -> Http {
    Http::at(base).resolve(host, address)
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn http_2_alone_is_spoken_without_asking_and_a_server_that_does_not_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(async || "hi")).await });
    let api = Http::at(format!("http://{addr}"));
    run_of(api.clone().http2_only().get("/").expect(http_version("HTTP/2"))).await.assert_passed();
    run_of(api.get("/").expect(http_version("HTTP/1.1")).expect(phase(Phase::Connect, under(secs(60)))))
        .await
        .assert_passed();

    let old = Server::closing("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    let report = run_of(Http::at(old.url()).http2_only().get("/")).await;
    assert_eq!(report.reason, Some(Reason::Protocol), "{report}");
    assert!(report.failures[0].to_string().contains("only HTTP/2 was offered"), "{report}");
}
