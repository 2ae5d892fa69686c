//! Preflights, judged as a browser does by the Fetch standard.

use synthetic_core::{Reason, Secret};
use synthetic_http::{Http, Preflight};

use crate::support::{Server, Told, bare, run_of, sent, target};

const ORIGIN: &str = "https://shop.test";

fn preflight(server: &Server) -> Preflight {
    Http::at(server.url()).preflight("/orders").origin(ORIGIN)
}

#[tokio::test]
async fn what_a_browser_asks_is_asked_and_nothing_else() {
    let server = Server::answering(|_| {
        bare(
            "204 No Content",
            "access-control-allow-origin: https://shop.test\r\naccess-control-allow-methods: PUT\r\n\
             access-control-allow-headers: X-Own, Content-Type\r\naccess-control-allow-credentials: true\r\nset-cookie: a=b\r\n",
        )
    })
    .await;
    let api = Http::at(server.url().replace("//", "//ann:s3cret@"))
        .header("x-tenant", "acme")
        .api_key("x-key", Secret::new("key", "s3cret-key"));
    let asked = api.preflight("/orders").origin(ORIGIN).method("PUT").headers(["X-Own", "content-type"]);
    let asked = asked.with_credentials().into_request();
    run_of(asked).await.assert_passed();
    let seen = server.take().remove(0);
    assert!(seen.starts_with("OPTIONS /orders"), "{seen}");
    assert_eq!(sent(&seen, "origin"), [ORIGIN]);
    assert_eq!(sent(&seen, "access-control-request-method"), ["PUT"]);
    assert_eq!(sent(&seen, "access-control-request-headers"), ["content-type,x-own"]);
    for name in ["authorization", "x-tenant", "x-key", "cookie"] {
        assert!(sent(&seen, name).is_empty(), "{name}: {seen}");
    }
}

#[tokio::test]
async fn what_is_allowed_is_judged_by_the_fetch_standard() {
    const SHOP: &str = "access-control-allow-origin: https://shop.test\r\n";
    const ANY: &str =
        "access-control-allow-origin: *\r\naccess-control-allow-methods: *\r\naccess-control-allow-headers: *\r\n";
    let put = |server: &Server| preflight(server).method("PUT");
    type Ask = fn(&Server) -> Preflight;
    let rows: [(&str, &str, Ask, bool); 18] = [
        ("a safelisted method needs no list", SHOP, |server| preflight(server).method("POST"), true),
        ("any other does", SHOP, |server| preflight(server).method("PUT"), false),
        ("a star is every method and header", ANY, |server| preflight(server).method("PUT").headers(["x-own"]), true),
        ("but not Authorization", ANY, |server| preflight(server).headers(["Authorization"]), false),
        (
            "and with credentials it is nothing",
            ANY,
            |server| preflight(server).method("PUT").headers(["x-own"]).with_credentials(),
            false,
        ),
        (
            "headers are compared without case",
            "access-control-allow-origin: *\r\naccess-control-allow-headers: X-OWN\r\n",
            |server| preflight(server).headers(["x-own"]),
            true,
        ),
        (
            "methods with it",
            "access-control-allow-origin: *\r\naccess-control-allow-methods: put\r\n",
            |server| preflight(server).method("PUT"),
            false,
        ),
        ("another origin", "access-control-allow-origin: https://pay.test\r\n", preflight, false),
        ("an origin with a slash", "access-control-allow-origin: https://shop.test/\r\n", preflight, false),
        (
            "two origins",
            "access-control-allow-origin: https://shop.test\r\naccess-control-allow-origin: *\r\n",
            preflight,
            false,
        ),
        ("no origin", "", preflight, false),
        ("credentials that are not allowed", SHOP, |server| preflight(server).with_credentials(), false),
        (
            "credentials in another case",
            "access-control-allow-origin: https://shop.test\r\naccess-control-allow-credentials: True\r\n",
            |server| preflight(server).with_credentials(),
            false,
        ),
        (
            "credentials that are allowed twice",
            "access-control-allow-origin: https://shop.test\r\n\
             access-control-allow-credentials: true\r\naccess-control-allow-credentials: true\r\n",
            |server| preflight(server).with_credentials(),
            false,
        ),
        (
            "the same in one line",
            "access-control-allow-origin: https://shop.test\r\naccess-control-allow-credentials: true, true\r\n",
            |server| preflight(server).with_credentials(),
            false,
        ),
        (
            "a star as the origin, with credentials that are allowed",
            "access-control-allow-origin: *\r\naccess-control-allow-credentials: true\r\n",
            |server| preflight(server).with_credentials(),
            false,
        ),
        (
            "a star among others, with credentials",
            "access-control-allow-origin: https://shop.test\r\naccess-control-allow-credentials: true\r\n\
             access-control-allow-methods: PATCH, *\r\naccess-control-allow-headers: x-other, *\r\n",
            |server| preflight(server).method("PUT").headers(["x-own"]).with_credentials(),
            false,
        ),
        (
            "credentials",
            "access-control-allow-origin: https://shop.test\r\naccess-control-allow-credentials: true\r\n",
            |server| preflight(server).with_credentials(),
            true,
        ),
    ];
    let mut told = Told::default();
    for (case, headers, ask, allowed) in rows {
        let server = Server::answering(move |_| bare("204 No Content", headers)).await;
        let request = ask(&server).into_request();
        if allowed {
            run_of(request).await.assert_passed();
        } else {
            told.add(case, request).await;
        }
    }
    let server = Server::answering(|request| match target(request) {
        "/orders" => bare("301 Moved Permanently", "location: /new\r\n"),
        _ => bare("204 No Content", ANY),
    })
    .await;
    told.add("a redirect", put(&server).into_request()).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_preflight_that_no_browser_would_send_is_told_before_it_is_sent() {
    let api = Http::at("http://127.0.0.1:1");
    for (ask, why) in [
        (api.preflight("/"), "without an origin"),
        (api.preflight("/").origin("shop.test"), "is no origin"),
        (api.preflight("/").origin("https://shop.test/"), "that is https://shop.test"),
        (api.preflight("/").origin("https://shop.test:443"), "that is https://shop.test"),
        (api.preflight("/").origin(ORIGIN).headers(["x y"]), "is no header name"),
    ] {
        let failure = ask.send().await.unwrap_err();
        assert_eq!(failure.reason(), Reason::Setup);
        assert!(failure.to_string().contains(why), "{failure}");
    }
}
