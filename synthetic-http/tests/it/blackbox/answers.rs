//! HTTP as a server speaks it: statuses, bodies, headers, credentials, redirects.

use std::io::Write;

use synthetic_core::Secret;
use synthetic_core::prelude::*;
use synthetic_http::{
    Http, OAuth, body, content_encoding, header, header_each, http_version, redirects, size, status, tls_version,
};

use super::row::Row;
use crate::support::{Server, bare, ok, sent, target, typed};

/// More than is read here unless said otherwise.
const BIG: usize = 2 << 20;

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn packed(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn unauthorized() -> Vec<u8> {
    bare("401 Unauthorized", "www-authenticate: Basic realm=\"shop\"\r\n")
}

/// Answers by the path; `other` is where it sends those who are to go elsewhere.
fn answer(request: &str, other: &str) -> Vec<u8> {
    let authorization = sent(request, "authorization");
    match target(request) {
        "/missing" => typed("404 Not Found", "text/plain", "no such page"),
        "/broken" => typed("500 Internal Server Error", "text/plain", "the database is away"),
        "/empty" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "/orders" if request.starts_with("POST ") && request.ends_with("\r\n\r\n{\"sku\": 7}") => {
            typed("201 Created", "application/json", "{\"id\": 1}")
        }
        "/orders" => bare("400 Bad Request", ""),
        "/bearer" if authorization == ["Bearer t0ken-of-canary"] => ok("welcome"),
        // The words of RFC 7617: Aladdin, and "open sesame".
        "/basic" if authorization == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="] => ok("welcome"),
        "/bearer" | "/basic" => unauthorized(),
        "/probe" if sent(request, "x-probe") == ["yes"] => ok("seen"),
        "/host" if sent(request, "host") == ["shop.test"] => ok("shop.test"),
        "/probe" | "/host" => bare("400 Bad Request", ""),
        "/twice" => bare("200 OK", "x-node: a\r\nx-node: b-debug\r\n"),
        "/big" => ok(&"x".repeat(BIG)),
        "/packed" if sent(request, "accept-encoding").concat().contains("gzip") => packed(&gzip("all is well")),
        "/always-packed" => packed(&gzip("all is well")),
        "/badly-packed" => packed(b"all is well"),
        "/old" => bare("302 Found", "location: /\r\n"),
        "/loop" => bare("302 Found", "location: /loop\r\n"),
        "/login" => bare("303 See Other", "location: /home\r\nset-cookie: session=7\r\n"),
        "/home" if sent(request, "cookie") == ["session=7"] => ok("at home"),
        "/home" => bare("403 Forbidden", ""),
        "/moved-orders" => bare("307 Temporary Redirect", "location: /orders\r\n"),
        "/elsewhere" => bare("302 Found", &format!("location: {other}/basic\r\n")),
        "/to-nobody" => bare("302 Found", "location: http://127.0.0.1:1/\r\n"),
        hop => match hop.strip_prefix("/hops/").and_then(|left| left.parse::<u32>().ok()) {
            Some(0) | None => ok("all is well"),
            Some(left) => bare("302 Found", &format!("location: /hops/{}\r\n", left - 1)),
        },
    }
}

async fn shop() -> (Server, Http) {
    // Another origin, which is all that makes it another shop.
    let other = Server::answering(|request| answer(request, "")).await.url();
    let shop = Server::answering(move |request| answer(request, &other)).await;
    let api = Http::at(shop.url());
    (shop, api)
}

pub(super) async fn rows() -> Vec<Row> {
    let (shop, api) = shop().await;
    let url = |path: &str| format!("{}{path}", shop.url());
    let mut rows = statuses(&api, &url);
    rows.extend(requests(&api, &url));
    rows.extend(headers(&api, &url));
    rows.extend(bodies(&api, &url));
    rows.extend(encodings(&api, &url));
    rows.extend(ways(&api, &url));
    rows.push(with_token(&shop).await);
    rows
}

fn statuses(api: &Http, url: &impl Fn(&str) -> String) -> Vec<Row> {
    vec![
        Row::passes("2xx by default", url("/"), "prober: http", api.get("/")),
        Row::fails("404 by default", url("/missing"), "prober: http", api.get("/missing")),
        Row::fails("500 by default", url("/broken"), "prober: http", api.get("/broken")),
        Row::passes("204 without a body", url("/empty"), "prober: http", api.get("/empty")),
        Row::passes(
            "404 that is expected",
            url("/missing"),
            "prober: http, http: {valid_status_codes: [404, 410]}",
            api.get("/missing").expect(status([404, 410])),
        ),
        Row::fails(
            "200 where 5xx is expected",
            url("/"),
            "prober: http, http: {valid_status_codes: [500, 503]}",
            api.get("/").expect(status([500, 503])),
        ),
        Row::passes(
            "HTTP/1.1 that is expected",
            url("/"),
            "prober: http, http: {valid_http_versions: [HTTP/1.1]}",
            api.get("/").expect(http_version("HTTP/1.1")),
        ),
        Row::fails(
            "HTTP/2 that is not spoken",
            url("/"),
            "prober: http, http: {valid_http_versions: [HTTP/2.0]}",
            api.get("/").expect(http_version("HTTP/2")),
        ),
        Row::passes(
            "no TLS where none is wanted",
            url("/"),
            "prober: http, http: {fail_if_ssl: true}",
            api.get("/").expect(tls_version(not(exists()))),
        ),
        Row::fails(
            "no TLS where it is wanted",
            url("/"),
            "prober: http, http: {fail_if_not_ssl: true}",
            api.get("/").expect(tls_version(exists())),
        ),
    ]
}

fn requests(api: &Http, url: &impl Fn(&str) -> String) -> Vec<Row> {
    let token = |text: &str| Secret::new("shop/token", text);
    let post = "prober: http, http: {method: POST, valid_status_codes: [201], \
                headers: {Content-Type: application/json}, body: '{\"sku\": 7}'}";
    let order = |path: &str| api.post(path).body("application/json", "{\"sku\": 7}").expect(status(201));
    vec![
        Row::passes("POST with a body", url("/orders"), post, order("/orders")),
        Row::fails("POST without the body", url("/orders"), "prober: http, http: {method: POST}", api.post("/orders")),
        Row::passes("POST that is sent on by 307", url("/moved-orders"), post, order("/moved-orders")),
        Row::passes("HEAD", url("/empty"), "prober: http, http: {method: HEAD}", api.head("/empty")),
        Row::passes(
            "a header is sent",
            url("/probe"),
            "prober: http, http: {headers: {X-Probe: 'yes'}}",
            api.get("/probe").header("x-probe", "yes"),
        ),
        Row::passes(
            "another Host is sent",
            url("/host"),
            "prober: http, http: {headers: {Host: shop.test}}",
            api.get("/host").header("host", "shop.test"),
        ),
        Row::passes(
            "a bearer token",
            url("/bearer"),
            "prober: http, http: {bearer_token: t0ken-of-canary}",
            api.get("/bearer").bearer(token("t0ken-of-canary")),
        ),
        Row::fails(
            "a bearer token that is wrong",
            url("/bearer"),
            "prober: http, http: {bearer_token: another}",
            api.get("/bearer").bearer(token("another")),
        ),
        Row::passes(
            "a password",
            url("/basic"),
            "prober: http, http: {basic_auth: {username: Aladdin, password: open sesame}}",
            api.get("/basic").basic("Aladdin", token("open sesame")),
        ),
        Row::fails("no password", url("/basic"), "prober: http", api.get("/basic")),
        Row::fails(
            "a password that another origin asks for",
            url("/elsewhere"),
            "prober: http, http: {basic_auth: {username: Aladdin, password: open sesame}}",
            api.get("/elsewhere").basic("Aladdin", token("open sesame")),
        ),
    ]
}

async fn with_token(shop: &Server) -> Row {
    let tokens = Server::answering(|_| {
        typed("200 OK", "application/json", "{\"access_token\": \"t0ken-of-canary\", \"token_type\": \"bearer\"}")
    })
    .await;
    let token_url = format!("{}/token", tokens.url());
    let tokens = OAuth::client_credentials(&token_url, "canary", Secret::new("shop/client", "cl1ent-s3cret"));
    let module = format!(
        "prober: http, http: {{oauth2: {{client_id: canary, client_secret: cl1ent-s3cret, token_url: '{token_url}'}}}}"
    );
    Row::passes(
        "a token of OAuth 2",
        format!("{}/bearer", shop.url()),
        module,
        Http::at(shop.url()).oauth(tokens).get("/bearer"),
    )
}

fn headers(api: &Http, url: &impl Fn(&str) -> String) -> Vec<Row> {
    let module = |what: &str, name: &str, regexp: &str, more: &str| {
        format!("prober: http, http: {{{what}: [{{header: {name}, regexp: '{regexp}'{more}}}]}}")
    };
    let unwanted = |name: &str, regexp: &str| module("fail_if_header_matches", name, regexp, "");
    let wanted = |name: &str, regexp: &str| module("fail_if_header_not_matches", name, regexp, "");
    vec![
        Row::fails(
            "a header that is unwanted",
            url("/"),
            unwanted("Content-Type", "^text/"),
            api.get("/").expect(header("content-type", not(matches("^text/")))),
        ),
        Row::passes(
            "a header without what is unwanted",
            url("/"),
            unwanted("Content-Type", "^image/"),
            api.get("/").expect(header("content-type", not(matches("^image/")))),
        ),
        Row::fails(
            "one of two headers is unwanted",
            url("/twice"),
            unwanted("X-Node", "debug"),
            api.get("/twice").expect(header_each("x-node", not(matches("debug")))),
        ),
        Row::passes(
            "a header that is wanted",
            url("/"),
            wanted("Content-Type", "^text/plain"),
            api.get("/").expect(header("content-type", matches("^text/plain"))),
        ),
        Row::fails(
            "a header that is wanted and missing",
            url("/"),
            wanted("X-Node", "a"),
            api.get("/").expect(header("x-node", matches("a"))),
        ),
        Row::fails(
            "a header that may not be missing",
            url("/"),
            unwanted("X-Node", "debug"),
            api.get("/").expect(header("x-node", not(matches("debug")))),
        ),
        Row::passes(
            "a header that may be missing",
            url("/"),
            module("fail_if_header_matches", "X-Node", "debug", ", allow_missing: true"),
            api.get("/").expect(header("x-node", any_of((not(exists()), not(matches("debug")))))),
        ),
    ]
}

fn bodies(api: &Http, url: &impl Fn(&str) -> String) -> Vec<Row> {
    vec![
        Row::passes(
            "a body that is wanted",
            url("/"),
            "prober: http, http: {fail_if_body_not_matches_regexp: ['all (is|are) w']}",
            api.get("/").expect(body(matches("all (is|are) w"))),
        ),
        Row::fails(
            "a body without what is wanted",
            url("/"),
            "prober: http, http: {fail_if_body_not_matches_regexp: ['^all', 'ill$']}",
            api.get("/").expect(body(matches("^all"))).expect(body(matches("ill$"))),
        ),
        Row::fails(
            "a body that is unwanted",
            url("/missing"),
            "prober: http, http: {valid_status_codes: [404], fail_if_body_matches_regexp: ['(?i)NO SUCH']}",
            api.get("/missing").expect(status(404)).expect(body(not(matches("(?i)NO SUCH")))),
        ),
        Row::passes(
            "a body without what is unwanted",
            url("/"),
            "prober: http, http: {fail_if_body_matches_regexp: [error, exception]}",
            api.get("/").expect(body(not(matches("error")))).expect(body(not(matches("exception")))),
        ),
        Row::fails(
            "a body larger than its limit",
            url("/"),
            "prober: http, http: {body_size_limit: 5B}",
            api.get("/").max_body(5),
        ),
        Row::passes(
            "a body within its limit",
            url("/big"),
            "prober: http, http: {body_size_limit: 3MB}",
            api.get("/big").max_body(3 << 20).expect(size(BIG as u64)),
        ),
        Row::fails("a body of 2 MiB without a limit", url("/big"), "prober: http", api.get("/big")),
    ]
}

fn encodings(api: &Http, url: &impl Fn(&str) -> String) -> Vec<Row> {
    let gzip = "prober: http, http: {compression: gzip, headers: {Accept-Encoding: gzip}, \
                fail_if_body_not_matches_regexp: [well]}";
    let packed = |path: &str| api.get(path).expect(content_encoding("gzip")).expect(body(matches("well")));
    vec![
        Row::passes("gzip that is expected", url("/packed"), gzip, packed("/packed")),
        Row::fails("gzip that is not used", url("/"), gzip, packed("/")),
        Row::fails("gzip that is broken", url("/badly-packed"), gzip, packed("/badly-packed")),
        Row::passes(
            "gzip that nobody asked for",
            url("/always-packed"),
            "prober: http, http: {fail_if_body_not_matches_regexp: [well]}",
            api.get("/always-packed").header("accept-encoding", "identity").expect(body(matches("well"))),
        ),
        Row::fails(
            "gzip that nobody asked for and that is broken",
            url("/badly-packed"),
            "prober: http",
            api.get("/badly-packed"),
        ),
    ]
}

fn ways(api: &Http, url: &impl Fn(&str) -> String) -> Vec<Row> {
    let staying = "prober: http, http: {follow_redirects: false, valid_status_codes: [302]}";
    vec![
        Row::passes("a redirect is followed", url("/old"), "prober: http", api.get("/old").expect(redirects(1))),
        Row::passes(
            "a redirect is not followed",
            url("/old"),
            staying,
            api.get("/old").max_redirects(0).expect(status(302)),
        ),
        Row::fails(
            "a redirect is not followed and is no success",
            url("/old"),
            "prober: http, http: {follow_redirects: false}",
            api.get("/old").max_redirects(0),
        ),
        Row::passes("ten redirects", url("/hops/10"), "prober: http", api.get("/hops/10")),
        Row::fails("eleven redirects", url("/hops/11"), "prober: http", api.get("/hops/11")),
        Row::fails("redirects in a circle", url("/loop"), "prober: http", api.get("/loop")),
        Row::passes(
            "redirects in a circle where a redirect will do",
            url("/loop"),
            "prober: http, http: {valid_status_codes: [302]}",
            api.get("/loop").expect(status(302)),
        ),
        Row::passes("a cookie of the way", url("/login"), "prober: http", api.get("/login")),
        Row::fails("a redirect to nobody", url("/to-nobody"), "prober: http", api.get("/to-nobody")),
    ]
}
