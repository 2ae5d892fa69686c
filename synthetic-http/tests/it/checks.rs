//! Checks of headers, cookies, redirects, limits and times: what they take, and what they say.

use std::time::SystemTime;

use synthetic_core::prelude::*;
use synthetic_core::{Clock, Reason, Runner};
use synthetic_http::{
    Expectation, Http, Phase, Request, budget, cookie, cookie_attribute, cookie_attributes, cookie_lifetime, header,
    header_count, header_each, rate_limit_left, redirect_chain, security_headers,
};

use crate::authority::Authority;
use crate::support::{Server, Told, bare, ok, run_of, sent, target};

/// Serves a page with these headers.
async fn with(headers: &'static str) -> Server {
    Server::answering(move |_| bare("200 OK", headers)).await
}

fn page(server: &Server) -> Request {
    Http::at(server.url()).get("/page")
}

/// Tells of each case what its expectation says.
async fn tell(server: &Server, cases: impl IntoIterator<Item = (&'static str, Expectation)>) -> String {
    let mut told = Told::default();
    for (case, expectation) in cases {
        told.add(case, page(server).expect(expectation)).await;
    }
    told.text()
}

#[tokio::test]
async fn headers_are_counted_and_each_is_judged() {
    let server = with("x-one: a\r\nx-two: b\r\nX-Two: c\r\n").await;
    let request = page(&server).expect(header_count("X-One", 1)).expect(header_count("x-two", 2));
    let request = request.expect(header_count("x-none", 0)).expect(header("x-none", not(exists())));
    run_of(request.expect(header_each("x-two", one_of(["b", "c"])))).await.assert_passed();
    let text = tell(
        &server,
        [
            ("twice", header_count("x-two", 1)),
            ("one of two", header_each("x-two", "b")),
            ("only one", header_each("x-one", contains("b"))),
            ("none to judge", header_each("x-none", exists())),
        ],
    )
    .await;
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn the_values_of_cookies_are_in_no_failure() {
    let server = with("set-cookie: session=s3cret-s3cret; Path=/; HttpOnly\r\nset-cookie: s3cret-nameless\r\n").await;
    let text = tell(
        &server,
        [
            ("each", header_each("set-cookie", contains("Secure"))),
            ("the other line", header_each("Set-Cookie", starts_with("session="))),
            ("all of them", header("Set-Cookie", contains("Secure"))),
            ("one", cookie("session", "s-1")),
            ("another one", cookie("session", not(exists()))),
            ("one that is not there", cookie("csrf", exists())),
            ("no header", header("set-cookie", not(exists()))),
        ],
    )
    .await;
    assert!(!text.contains("s3cret"), "{text}");
    insta::assert_snapshot!(text);
    run_of(page(&server).expect(cookie("session", "s3cret-s3cret"))).await.assert_passed();
    run_of(page(&server).expect(cookie("csrf", not(exists())))).await.assert_passed();
}

#[tokio::test]
async fn a_header_that_is_not_ascii_is_there_and_no_byte_of_it_is_lost() {
    let head = [
        b"HTTP/1.1 200 OK\r\nx-utf: gr\xc3\xbcn\r\nx-latin: gr\xfcn\r\nset-cookie: a=\xc3\xbc\r\n",
        &b"content-length: 0\r\n\r\n"[..],
    ];
    let answer = head.concat();
    let server = Server::answering(move |_| answer.clone()).await;
    let request = page(&server)
        .expect(header("x-utf", "gr\u{fc}n"))
        .expect(header("x-latin", "gr\u{fc}n"))
        .expect(header_each("x-latin", "gr\u{fc}n"))
        .expect(cookie("a", "\u{fc}"));
    run_of(request).await.assert_passed();
    let answer = page(&server).send().await.unwrap();
    assert_eq!((answer.header("X-Latin"), answer.header_all("x-latin").count()), (Some("gr\u{fc}n"), 1));
    let report = run_of(page(&server).expect(header("x-latin", not(exists())))).await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    // As a browser, who is given a cookie gives it back as it is.
    let api = Http::at(server.url());
    let twice = canary(Spec::new("test"), move |_| {
        let api = api.clone();
        async move {
            api.get("/page").send().await?;
            api.get("/page").send().await.map(drop)
        }
    });
    server.take();
    once(twice).await.assert_passed();
    assert_eq!(sent(&server.take()[1], "cookie"), ["a=\u{fc}"]);
}

const COOKIES: &str = "set-cookie: theme=dark\r\n\
    set-cookie: session=s-1; Path=/shop; HttpOnly; SameSite=lax; Domain=.shop.test; Max-Age=1800\r\n\
    set-cookie: old=x; Expires=Tue, 01 Jan 2030 00:30:00 GMT\r\n\
    set-cookie: odd=x; expires=soon\r\n";

#[tokio::test]
async fn the_attributes_of_a_cookie_are_judged_all_at_once_and_each_by_itself() {
    let server = with(COOKIES).await;
    let attributes = ["httponly", "SameSite=Lax", "Path=/shop", "Domain=shop.test", "Max-Age"];
    let request = page(&server)
        .expect(cookie_attributes("session", attributes))
        .expect(cookie_attribute("session", "path", starts_with("/")))
        .expect(cookie_attribute("session", "Secure", not(exists())))
        .expect(cookie_lifetime("session", eq(secs(1800))));
    run_of(request).await.assert_passed();
    let at_new_year = Runner::new().clock(Clock::starting_at(SystemTime::UNIX_EPOCH + secs(1_893_456_000)));
    let old = page(&server).expect(cookie_lifetime("old", between(secs(1795), secs(1800))));
    let judged = canary(Spec::new("test"), move |_| {
        let old = old.clone();
        async move { old.send().await.map(drop) }
    });
    at_new_year.run(judged).await.assert_passed();
    let text = tell(
        &server,
        [
            ("many", cookie_attributes("session", ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"])),
            ("another cookie", cookie_attributes("csrf", ["Secure"])),
            ("a typing mistake", cookie_attributes("session", ["HtppOnly"])),
            ("nothing", cookie_attributes("session", [] as [&str; 0])),
            ("one", cookie_attribute("session", "Path", "/")),
            ("one that is not there", cookie_attribute("session", "Secure", exists())),
            ("no attribute of no cookie", cookie_attribute("csrf", "Domain", not(exists()))),
            ("no lifetime of no cookie", cookie_lifetime("csrf", not(exists()))),
            ("too long", cookie_lifetime("session", le(secs(60)))),
            ("no lifetime", cookie_lifetime("theme", le(secs(60)))),
            ("no date", cookie_lifetime("odd", le(secs(60)))),
        ],
    )
    .await;
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn the_way_of_redirects_is_compared_hop_by_hop() {
    let away = Server::answering(|_| ok("there")).await;
    let there = format!("location: {}/there?token=s3cret\r\n", away.url());
    let server = Server::answering(move |request| match target(request) {
        "/page" => bare("301 Moved Permanently", "location: /login?next=%2Fpage\r\n"),
        "/login?next=%2Fpage" => bare("302 Found", &there),
        _ => ok("hi"),
    })
    .await;
    let away = format!("{}/there", away.url());
    for chain in [
        [(301, "/login".to_owned()), (302, away.clone())],
        [(301, format!("{}/login?next=%2Fpage", server.url())), (302, format!("{away}?token=s3cret"))],
    ] {
        run_of(page(&server).expect(redirect_chain(chain))).await.assert_passed();
    }
    let text = tell(
        &server,
        [
            ("another status", redirect_chain([(302, "/login".to_owned()), (302, away.clone())])),
            ("another host", redirect_chain([(301, "/login"), (302, "/there")])),
            ("another query", redirect_chain([(301, "/login?next=%2F".to_owned()), (302, away.clone())])),
            ("one too few", redirect_chain([(301, "/login")])),
            ("no redirect", redirect_chain([(200, "/login")])),
            ("no URL", redirect_chain([(301, "login")])),
        ],
    )
    .await;
    assert!(!text.contains("s3cret"), "{text}");
    insta::assert_snapshot!(text);
    let none = Http::at(server.url()).get("/").expect(redirect_chain([(301, "/login")]));
    let report = run_of(none).await;
    assert!(report.to_string().contains("actual    no redirect"), "{report}");
}

#[tokio::test]
async fn a_budget_lists_every_phase_that_took_too_long() {
    let server = with("").await;
    let minute = secs(60);
    let all = [Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Processing, Phase::Transfer];
    run_of(page(&server).expect(budget(all.map(|phase| (phase, minute))))).await.assert_passed();
    let report = run_of(page(&server).expect(budget([(Phase::Connect, ms(0)), (Phase::Processing, ms(0))]))).await;
    let text = report.failures[0].to_string() + &format!("{report}");
    for part in
        ["budget of GET /page", "is at most connect 0ns, processing 0ns", "connect ", "; processing ", "too many"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    for wrong in [budget([]), budget([(Phase::Tls, minute), (Phase::Tls, minute)])] {
        assert_eq!(run_of(page(&server).expect(wrong)).await.reason, Some(Reason::Setup));
    }
}

#[tokio::test]
async fn a_rate_limit_is_read_in_every_form_and_the_least_counts() {
    for (headers, left) in [
        ("ratelimit: \"default\";r=50;t=30\r\nratelimit-remaining: 7\r\n", 50),
        ("ratelimit: \"a\";r=50;t=30\r\nratelimit: \"b\";r=5;t=30\r\n", 5),
        ("ratelimit: limit=100, remaining=50, reset=30\r\n", 50),
        ("ratelimit-remaining: 9\r\nx-ratelimit-remaining: 7\r\n", 9),
        ("x-ratelimit-limit: 60\r\nx-ratelimit-remaining: 8\r\nx-ratelimit-reset: 1893456000\r\n", 8),
        ("x-rate-limit-remaining: 3\r\n", 3),
        ("x-ratelimit-remaining-minute: 30\r\nx-ratelimit-remaining-day: 4\r\n", 4),
    ] {
        let server = with(headers).await;
        run_of(page(&server).expect(rate_limit_left(left))).await.assert_passed();
    }
    let mut told = Told::default();
    for (case, headers) in [
        ("the field", "ratelimit: \"default\";r=5;t=30\r\nratelimit-policy: \"default\";q=100;w=60\r\n"),
        ("three headers", "ratelimit-limit: 60\r\nratelimit-remaining: 8\r\nratelimit-reset: 30\r\n"),
        ("of a day", "x-ratelimit-remaining-day: 4\r\nx-ratelimit-limit-day: 1000\r\n"),
        ("nothing", ""),
        ("no number", "x-ratelimit-remaining: many\r\n"),
        ("no field", "ratelimit: \"default\"\r\n"),
    ] {
        told.add(case, page(&with(headers).await).expect(rate_limit_left(ge(10)))).await;
    }
    insta::assert_snapshot!(told.text());
}

const HARDENED: &str = "strict-transport-security: max-age=31536000; includeSubDomains\r\n\
    content-security-policy: default-src 'self'; object-src 'none'; frame-ancestors 'none'\r\n\
    x-content-type-options: nosniff\r\nreferrer-policy: strict-origin-when-cross-origin\r\n";

#[tokio::test]
async fn security_headers_are_one_check_that_lists_each_that_is_missing_or_weak() {
    let authority = Authority::new();
    let over_tls = authority.serve_with("127.0.0.1", bare("200 OK", HARDENED)).await;
    let all = security_headers().hsts(secs(31_536_000)).hsts_subdomains().csp("object-src", "'none'");
    run_of(authority.trusted(&over_tls).get("/page").expect(all)).await.assert_passed();
    let short = security_headers().hsts(secs(31_536_001));
    let mut told = Told::default();
    told.add("too short", authority.trusted(&over_tls).get("/page").expect(short)).await;

    let by_http = with(HARDENED).await;
    told.add("by http", page(&by_http).expect(security_headers())).await;
    run_of(page(&by_http).expect(security_headers().without_hsts())).await.assert_passed();
    let weak = "strict-transport-security: includeSubDomains\r\n\
        content-security-policy: script-src 'self' 'unsafe-inline'; frame-ancestors *\r\n\
        x-content-type-options: no-sniff\r\nreferrer-policy: no-referrer, unsafe-url, later\r\n";
    told.add("weak", page(&with(weak).await).expect(security_headers().without_hsts().csp("object-src", "'none'")))
        .await;
    let hsts = authority.serve_with("127.0.0.1", bare("200 OK", weak)).await;
    told.add("weak over TLS", authority.trusted(&hsts).get("/page").expect(security_headers())).await;
    let old =
        "content-security-policy-report-only: default-src 'self'\r\nx-frame-options: ALLOW-FROM https://a.test\r\n";
    told.add("only reported", page(&with(old).await).expect(security_headers().without_hsts())).await;
    told.add("nothing at all", page(&with("").await).expect(security_headers().without_hsts())).await;
    let nothing = security_headers().without_hsts().without_csp().without_framing();
    let nothing = nothing.without_nosniff().without_referrer_policy();
    told.add("nothing wanted", page(&by_http).expect(nothing)).await;
    for contradiction in
        [security_headers().without_hsts().hsts_subdomains(), security_headers().hsts_subdomains().without_hsts()]
    {
        let report = told.add("a contradiction", page(&by_http).expect(contradiction)).await;
        assert_eq!(report.reason, Some(Reason::Setup));
    }
    let twice = "strict-transport-security: max-age=31536000; Max-Age=0; includeSubDomains\r\n";
    let twice = authority
        .serve_with("127.0.0.1", bare("200 OK", &format!("{twice}{}", &HARDENED[HARDENED.find("content-").unwrap()..])))
        .await;
    told.add("a directive twice", authority.trusted(&twice).get("/page").expect(security_headers())).await;
    let quoted = "strict-transport-security: MAX-AGE=\"31536000\" ;; includesubdomains\r\n";
    let quoted = authority.serve_with("127.0.0.1", bare("200 OK", quoted)).await;
    let only = security_headers().hsts_subdomains().without_csp().without_framing();
    let only = only.without_nosniff().without_referrer_policy();
    run_of(authority.trusted(&quoted).get("/page").expect(only)).await.assert_passed();
    insta::assert_snapshot!(told.text());
}
