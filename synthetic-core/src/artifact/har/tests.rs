//! Archives: what they say, and what they must not say.

use serde_json::{Value, json};

use super::*;

fn read(archive: &Archive) -> Value {
    serde_json::from_slice(&archive.to_bytes()).expect("JSON")
}

fn one(entry: Entry) -> Value {
    let mut archive = Archive::new("test", "1");
    archive.push(entry);
    read(&archive)["log"]["entries"][0].clone()
}

#[test]
fn an_entry_has_all_that_the_format_demands() {
    let started = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    let timings = Timings {
        dns: Some(Duration::from_millis(1)),
        connect: Some(Duration::from_millis(2)),
        ssl: Some(Duration::from_millis(3)),
        wait: Duration::from_micros(4_500),
        ..Timings::default()
    };
    let entry = Entry::new("POST", "https://shop.example/orders?a=1&b", started)
        .page("page_1")
        .protocol("HTTP/2")
        .request_header("Accept", "*/*")
        .request_body("application/json", br#"{"sku":"A"}"#)
        .answer(302, "Found")
        .answer_header("Location", "/orders/7")
        .answer_header("Content-Type", "text/plain")
        .answer_body(b"gone there")
        .answer_size(10, Some(6))
        .timings(timings)
        .server("127.0.0.1")
        .step("create order");
    assert_eq!(
        one(entry),
        json!({
            "pageref": "page_1",
            "startedDateTime": "2023-11-14T22:13:20.123Z",
            "time": 10.5,
            "request": {
                "method": "POST", "url": "https://shop.example/orders?a=1&b", "httpVersion": "HTTP/2", "cookies": [],
                "headers": [{ "name": "Accept", "value": "*/*" }],
                "queryString": [{ "name": "a", "value": "1" }, { "name": "b", "value": "" }],
                "postData": { "mimeType": "application/json", "params": [], "text": "{\"sku\":\"A\"}" },
                "headersSize": -1, "bodySize": 11
            },
            "response": {
                "status": 302, "statusText": "Found", "httpVersion": "HTTP/2", "cookies": [],
                "headers": [
                    { "name": "Location", "value": "/orders/7" }, { "name": "Content-Type", "value": "text/plain" }
                ],
                "content": { "size": 10, "compression": 4, "mimeType": "text/plain", "text": "gone there" },
                "redirectURL": "/orders/7", "headersSize": -1, "bodySize": 6
            },
            "cache": {},
            "timings": { "blocked": -1.0, "dns": 1.0, "connect": 5.0, "send": 0.0, "wait": 4.5, "receive": 0.0, "ssl": 3.0 },
            "serverIPAddress": "127.0.0.1",
            "_step": "create order"
        })
    );
}

#[test]
fn what_carries_a_credential_is_left_out_by_its_name() {
    let secret = "s3cr3t";
    let entry = Entry::new(
        "POST",
        "https://me:s3cr3t@shop.example/in?access_token=s3cr3t&a=1#id_token=s3cr3t",
        SystemTime::UNIX_EPOCH,
    )
    .request_header("authorization", secret)
    .request_header("Cookie", "session=s3cr3t; theme=s3cr3t")
    .request_header("X-Api-Key", secret)
    .request_header("Referer", "https://shop.example/?token=s3cr3t")
    .request_body("application/x-www-form-urlencoded", b"user=ann&password=s3cr3t")
    .answer(200, "OK")
    .answer_header("Set-Cookie", "session=s3cr3t; Path=/")
    .answer_header("Location", "https://shop.example/?code=1&token=s3cr3t")
    .answer_header("content-type", "application/json; charset=utf-8")
    .answer_body(br#"{"user":"ann","tokens":{"refresh":"s3cr3t"},"list":[{"apiKey":"s3cr3t"}]}"#);
    let text = one(entry).to_string();
    assert!(!text.contains(secret), "{text}");
    for kept in ["user=ann", "a=1", "code=1", r#""name":"theme""#, r#"\"user\":\"ann\""#] {
        assert!(text.contains(kept), "{kept} is not in {text}");
    }
}

#[test]
fn an_archive_stays_small_and_says_what_was_left_out() {
    let mut archive = Archive::new("test", "1").browser("Chromium", "156");
    for _ in 0..2_100 {
        let body = vec![b'x'; 10_000];
        archive.push(
            Entry::new("GET", "https://shop.example/", SystemTime::UNIX_EPOCH).answer(200, "OK").answer_body(&body),
        );
    }
    let bytes = archive.to_bytes();
    assert!(bytes.len() <= LARGEST, "{}", bytes.len());
    let read: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(read["log"]["entries"].as_array().expect("a list").len(), 2_000);
    assert_eq!(
        read["log"]["comment"],
        "the bodies were left out, because the archive was larger than 4 MiB with them; 100 more requests were left out"
    );
}

#[test]
fn odd_urls_and_bodies_are_taken_as_they_are() {
    for url in ["", "?", "#", "about:blank", "data:text/plain,é", "https://[::1]:8080/?=&==&é=ü", "https://@/"] {
        let entry = one(Entry::new("GET", url, SystemTime::UNIX_EPOCH)
            .request_body("application/json", b"{")
            .answer_body(&[0xff]));
        assert_eq!(entry["response"]["content"]["comment"], "not text: left out");
    }
}
