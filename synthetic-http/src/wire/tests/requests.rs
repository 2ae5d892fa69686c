//! What of a request reaches the server.

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, RANGE};

use super::*;

async fn echo() -> Server {
    Server::answering(ok).await
}

async fn sent(request: impl FnOnce(&mut Request)) -> String {
    let server = echo().await;
    let mut asked = get(server.url("/path?q=1"));
    request(&mut asked);
    let exchange = answer(&client(), asked).await;
    String::from_utf8(exchange.body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_bare_request_has_only_the_headers_it_needs() {
    let seen = sent(|_| {}).await;
    assert!(seen.starts_with("GET /path?q=1 HTTP/1.1\r\n"), "{seen}");
    let mut headers: Vec<_> =
        seen.trim_end().lines().skip(1).map(|line| line.split_once(':').unwrap().0.to_lowercase()).collect();
    headers.sort();
    let expected: &[&str] =
        if cfg!(feature = "compression") { &["accept", "accept-encoding", "host"] } else { &["accept", "host"] };
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn the_host_header_can_be_another_one() {
    let seen = sent(|request| {
        request.headers.insert(HOST, HeaderValue::from_static("shop.example"));
    })
    .await;
    assert_eq!(header(&seen, "host"), Some("shop.example"));
    assert_eq!(seen.to_lowercase().matches("\r\nhost:").count(), 1);
}

#[tokio::test]
async fn userinfo_becomes_basic_authorization_unless_there_is_one() {
    let userinfo = |request: &mut Request| {
        request.url.set_username("us er").unwrap();
        request.url.set_password(Some("p@ss")).unwrap();
    };
    let seen = sent(userinfo).await;
    // us er:p@ss
    assert_eq!(header(&seen, "authorization"), Some("Basic dXMgZXI6cEBzcw=="));
    let seen = sent(|request| {
        userinfo(request);
        request.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    })
    .await;
    assert_eq!(header(&seen, "authorization"), Some("Bearer x"));
    assert_eq!(header(&seen, "host").map(|host| host.contains('@')), Some(false));
}

#[tokio::test]
async fn encodings_are_asked_for_only_where_they_can_be_undone() {
    let all = cfg!(feature = "compression").then_some("gzip,deflate,br");
    assert_eq!(header(&sent(|_| {}).await, "accept-encoding"), all);
    assert_eq!(header(&sent(|request| request.decode = false).await, "accept-encoding"), None);
    let own = |name: HeaderName, value| {
        move |request: &mut Request| {
            request.headers.insert(name, HeaderValue::from_static(value));
        }
    };
    assert_eq!(header(&sent(own(ACCEPT_ENCODING, "identity")).await, "accept-encoding"), Some("identity"));
    assert_eq!(header(&sent(own(RANGE, "bytes=0-1")).await, "accept-encoding"), None);
}

#[tokio::test]
async fn a_body_is_sent_with_its_length() {
    let seen = sent(|request| {
        request.method = Method::POST;
        request.body = "order".into();
    })
    .await;
    assert!(seen.starts_with("POST ") && seen.ends_with("\r\n\r\norder"), "{seen}");
    assert_eq!(header(&seen, "content-length"), Some("5"));
}

#[tokio::test]
async fn a_jar_gives_and_takes_cookies_at_every_hop() {
    #[derive(Default)]
    struct Jar(std::sync::Mutex<Vec<String>>);
    impl crate::wire::Jar for Jar {
        fn cookies(&self, _: &Url) -> Option<HeaderValue> {
            let kept = self.0.lock().unwrap();
            (!kept.is_empty()).then(|| HeaderValue::from_str(&kept.join("; ")).unwrap())
        }
        fn keep(&self, _: &Url, headers: &HeaderMap) {
            let set = headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned());
            self.0.lock().unwrap().extend(set);
        }
    }
    let server = Server::answering(|request| {
        if request.starts_with("GET /login") {
            b"HTTP/1.1 302 Found\r\nset-cookie: id=7\r\nlocation: /in\r\ncontent-length: 0\r\n\r\n".to_vec()
        } else {
            ok(header(request, "cookie").unwrap_or("none"))
        }
    })
    .await;
    let mut request = get(server.url("/login"));
    request.max_redirects = 1;
    request.headers.insert("cookie", HeaderValue::from_static("own=1"));
    request.jar = Some(Arc::new(Jar::default()));
    assert_eq!(answer(&client(), request).await.body, "own=1; id=7");
}

#[tokio::test]
async fn the_answer_is_handed_over_as_it_came() {
    let server = Server::closing("HTTP/1.0 418 Teapot\r\nX-Two: a\r\nx-two: b\r\n\r\nshort and stout").await;
    let exchange = answer(&client(), get(server.url("/pot"))).await;
    assert_eq!(exchange.status.as_u16(), 418);
    assert_eq!(exchange.version, reqwest::Version::HTTP_10);
    assert_eq!(exchange.headers.get_all("x-two").iter().count(), 2);
    assert_eq!((exchange.body.as_ref(), exchange.wire_size), (b"short and stout".as_slice(), 15));
    assert_eq!(exchange.final_url, server.url("/pot"));
    assert!(exchange.hops.is_empty() && !exchange.redirect_limit_reached);
}
