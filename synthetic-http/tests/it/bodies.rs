//! What is sent as a body, and what is made of one that comes.

use serde_json::json as value;
use synthetic_http::{Http, body, json};

use crate::support::{Server, ok, run_of, sent};

fn body_of(request: &str) -> &str {
    request.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn a_body_is_sent_with_its_media_type() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url());
    let vendor = "application/vnd.shop+json";
    let rows = [
        (api.post("/").json(&value!({ "sku": "ü" })), "application/json", "{\"sku\":\"ü\"}"),
        (api.post("/").json("text"), "application/json", "\"text\""),
        (api.post("/").json(&[1, 2]).header("content-type", vendor), vendor, "[1,2]"),
        (api.post("/").header("Content-Type", vendor).json(&[1, 2]), vendor, "[1,2]"),
        (api.clone().header("content-type", vendor).post("/").json(&1), vendor, "1"),
        (api.post("/").json(&1).body("text/plain", "one"), "text/plain", "one"),
        (api.put("/").body("image/png", vec![b'P', b'N', b'G']), "image/png", "PNG"),
        (
            api.post("/").form([("q", "a+b&c=d#e ü"), ("r", "")]),
            "application/x-www-form-urlencoded",
            "q=a%2Bb%26c%3Dd%23e+%C3%BC&r=",
        ),
    ];
    for (request, media_type, written) in rows {
        request.send().await.unwrap();
        let seen = server.take().remove(0);
        assert_eq!((sent(&seen, "content-type"), body_of(&seen)), (vec![media_type], written));
        assert_eq!(sent(&seen, "content-length"), [written.len().to_string()]);
    }
    api.post("/").send().await.unwrap();
    assert!(sent(&server.take()[0], "content-type").is_empty());
}

#[tokio::test]
async fn a_header_that_is_added_twice_is_sent_twice() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url());
    let of_all = api.clone().header("x-a", "1").header("X-A", "2");
    for request in [api.get("/").header("x-a", "1").header("X-A", "2"), of_all.get("/")] {
        request.send().await.unwrap();
        assert_eq!(sent(&server.take()[0], "x-a"), ["1", "2"]);
    }
    of_all.get("/").header("x-a", "3").send().await.unwrap();
    assert_eq!(sent(&server.take()[0], "x-a"), ["3"], "those of a request take the place of all");
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit() {
    let server = Server::answering(|_| ok(&"x".repeat(1_000))).await;
    let api = Http::at(server.url()).max_body(10);
    run_of(api.get("/").max_body(1_000)).await.assert_passed();
    let report = run_of(api.get("/")).await;
    assert!(report.failures[0].subject().ends_with("body larger than the limit of 10 bytes (decoded)"), "{report}");
}

#[cfg(feature = "compression")]
#[tokio::test]
async fn a_compressed_body_is_judged_decoded_and_measured_as_it_came() {
    use std::io::Write;
    let text = format!("{{\"db\": \"up\", \"pad\": \"{}\"}}", "x".repeat(10_000));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let (wire, whole) = (packed.len(), text.len());
    let server = Server::answering(move |_| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len());
        [head.as_bytes(), &packed].concat()
    })
    .await;
    let request = Http::at(server.url())
        .get("/")
        .expect(json("$.db", "up"))
        .expect(body(synthetic_core::expect::contains("pad")));
    let report = run_of(request.clone()).await;
    report.assert_passed();
    assert_eq!(report.requests[0].size, whole as u64);
    assert_eq!(sent(&server.take()[0], "accept-encoding"), ["gzip,deflate,br"]);
    let answer = request.clone().send().await.unwrap();
    assert_eq!((answer.body().len(), answer.wire_size()), (whole, wire as u64));
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let limited = run_of(request.max_body(10_000)).await;
    assert!(limited.failures[0].subject().contains("body larger than the limit"), "{limited}");
}

#[cfg(not(feature = "compression"))]
#[tokio::test]
async fn without_the_feature_no_compressed_body_is_asked_for() {
    let server = Server::answering(|_| ok("{\"db\": \"up\"}")).await;
    let request = Http::at(server.url()).get("/").expect(json("$.db", "up")).expect(body("{\"db\": \"up\"}"));
    run_of(request).await.assert_passed();
    assert!(sent(&server.take()[0], "accept-encoding").is_empty());
}
