//! Redirects: how far, to where, and with what.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue};

use super::*;

/// `/0` redirects to `/1`, that to `/2`, and `/2` answers.
async fn chain(status: u16) -> Server {
    Server::answering(move |request| match request.split(' ').nth(1).unwrap() {
        "/0" => format!("HTTP/1.1 {status} Moved\r\nlocation: /1\r\ncontent-length: 0\r\n\r\n").into_bytes(),
        "/1" => format!("HTTP/1.1 {status} Moved\r\nlocation: /2\r\ncontent-length: 0\r\n\r\n").into_bytes(),
        _ => ok(request),
    })
    .await
}

fn to(location: impl std::fmt::Display) -> String {
    format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

#[tokio::test]
async fn a_chain_of_two_is_followed_as_far_as_allowed() {
    let server = chain(307).await;
    for (max, status, hops, reached) in [(0, 307, 0, false), (1, 307, 1, true), (2, 200, 2, false), (9, 200, 2, false)]
    {
        let mut request = get(server.url("/0"));
        request.max_redirects = max;
        let exchange = answer(&client(), request).await;
        let got = (exchange.status.as_u16(), exchange.hops.len(), exchange.redirect_limit_reached);
        assert_eq!(got, (status, hops, reached), "at most {max}");
        assert_eq!(exchange.final_url.path(), format!("/{hops}"));
    }
}

#[tokio::test]
async fn the_method_and_the_body_follow_as_in_browsers() {
    let rows = [
        ("POST", 301, "GET", false),
        ("POST", 302, "GET", false),
        ("POST", 303, "GET", false),
        ("POST", 307, "POST", true),
        ("POST", 308, "POST", true),
        ("PUT", 301, "PUT", true),
        ("PUT", 303, "GET", false),
        ("DELETE", 302, "DELETE", true),
    ];
    for (method, status, then, with_body) in rows {
        let server = chain(status).await;
        let mut request = Request::new(method.parse().unwrap(), server.url("/0"));
        request.body = "order".into();
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        request.max_redirects = 2;
        let exchange = answer(&client(), request).await;
        let seen = String::from_utf8(exchange.body.to_vec()).unwrap();
        assert!(seen.starts_with(&format!("{then} /2 ")), "{method} {status}: {seen}");
        assert_eq!(seen.ends_with("\r\n\r\norder"), with_body, "{method} {status}: {seen}");
        assert_eq!(header(&seen, "content-type").is_some(), with_body, "{method} {status}: {seen}");
    }
}

#[tokio::test]
async fn credentials_stay_behind_when_the_host_or_port_changes() {
    let other = Server::answering(ok).await;
    let elsewhere = other.url("/");
    let server = Server::answering(move |request| match request.split(' ').nth(1).unwrap() {
        "/away" => to(&elsewhere).into_bytes(),
        "/near" => to("/here").into_bytes(),
        _ => ok(request),
    })
    .await;
    let seen = async |path: &str| {
        let mut request = get(server.url(path));
        request.max_redirects = 3;
        request.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        request.headers.insert(COOKIE, HeaderValue::from_static("id=7"));
        request.headers.insert("x-plain", HeaderValue::from_static("p"));
        let mut key = HeaderValue::from_static("k");
        key.set_sensitive(true);
        request.headers.insert("x-api-key", key);
        let seen = answer(&client(), request).await.body;
        let seen = String::from_utf8(seen.to_vec()).unwrap();
        ["authorization", "cookie", "x-api-key", "x-plain", "referer"].map(|name| header(&seen, name).is_some())
    };
    assert_eq!(seen("/near").await, [true, true, true, true, false]);
    assert_eq!(seen("/away").await, [false, false, false, true, false]);
}

#[tokio::test]
async fn a_redirect_to_where_no_request_can_go_says_so() {
    let long = format!("http://a.test/{}", "x".repeat(65_535 - "http://a.test/".len()));
    let rows = [
        ("ftp://a.test/?key=k", "it leads to a `ftp:` URL, and only http and https are followed"),
        ("javascript:alert(1)", "it leads to a `javascript:` URL, and only http and https are followed"),
        ("http://a.test:0/", "it leads to port 0, where nothing can listen"),
        (&long, "it leads to a URL of 65535 bytes, and only 65534 can be requested"),
        ("http://[", "its Location is no URL: invalid IPv6 address"),
    ];
    for (location, why) in rows {
        let server = Server::closing(to(location)).await;
        let mut request = get(server.url("/from?key=k"));
        request.max_redirects = 3;
        let message = format!("redirect: 307 from http://{{peer}}/from?key=…: {why}");
        let failed = check(client().send(request).await, Phase::Redirect, Kind::BadRedirect, &message);
        assert_eq!(failed.trail.status.unwrap().as_u16(), 307);
    }
}

#[tokio::test]
async fn a_redirect_without_a_location_is_the_answer() {
    let server = Server::closing("HTTP/1.1 302 Found\r\ncontent-length: 2\r\n\r\nhm").await;
    let mut request = get(server.url("/"));
    request.max_redirects = 3;
    let exchange = answer(&client(), request).await;
    assert_eq!((exchange.status.as_u16(), exchange.redirect_limit_reached), (302, false));
    assert_eq!(exchange.body, "hm");
}

#[tokio::test]
async fn a_failure_after_a_redirect_names_its_own_peer_and_keeps_the_hop() {
    // Held, so that nobody else is given the port, and not listened at.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gone = socket.local_addr().unwrap();
    let server = Server::closing(to(format_args!("http://{gone}/"))).await;
    let mut request = get(server.url("/from"));
    request.max_redirects = 3;
    let failed = client().send(request).await.unwrap_err();
    assert_eq!(failed.error.to_string(), format!("connect to {gone} refused"));
    assert_eq!(failed.trail.hops.len(), 1);
    assert_eq!(failed.trail.hops[0].url.path(), "/from");
    assert!(failed.trail.phases.connect > failed.trail.hops[0].phases.connect);
}

#[tokio::test]
async fn all_hops_share_one_deadline() {
    let server = Server::start(|mut stream| async move {
        loop {
            read_request(&mut stream).await?;
            tokio::time::sleep(ms(60)).await;
            stream.write_all(to("/again").as_bytes()).await?;
        }
    })
    .await;
    let mut request = within(server.url("/"), ms(200));
    request.max_redirects = 1_000;
    let failed = client().send(request).await.unwrap_err();
    assert_eq!(failed.error.kind(), Kind::Timeout);
    assert!(failed.trail.hops.len() <= 3, "{}", failed.trail.hops.len());
}
