//! Where a request goes: base URL and path, query, what is shown of them.

use synthetic_http::Http;

use crate::support::{Server, ok, sent, target};

#[test]
fn a_path_is_added_to_the_path_of_the_base_url() {
    let rows = [
        ("https://shop.example", "/orders", "https://shop.example/orders"),
        ("https://shop.example", "orders", "https://shop.example/orders"),
        ("https://shop.example", "", "https://shop.example/"),
        ("https://shop.example", "?x=1", "https://shop.example/?x=…"),
        ("https://shop.example/v1/", "/orders", "https://shop.example/v1/orders"),
        ("https://shop.example/v1/", "orders", "https://shop.example/v1/orders"),
        ("https://shop.example/v1/", "", "https://shop.example/v1/"),
        ("https://shop.example/v1/", "?x=1", "https://shop.example/v1/?x=…"),
        ("https://shop.example/v1", "/orders", "https://shop.example/v1/orders"),
        ("https://shop.example/v1", "orders/7/", "https://shop.example/v1/orders/7/"),
        ("https://shop.example/v1", "", "https://shop.example/v1"),
        ("https://shop.example/v1", "?x=1", "https://shop.example/v1?x=…"),
        ("https://shop.example/v1", "/orders?x=1&token", "https://shop.example/v1/orders?x=…&…"),
        ("https://shop.example/v1", "/a b/ü", "https://shop.example/v1/a%20b/%C3%BC"),
        ("https://shop.example/v1", "https://other.example/x", "https://other.example/x"),
        ("https://shop.example/v1", "HTTP://other.example/x", "http://other.example/x"),
        ("https://shop.example", "//other.example/x", "https://shop.example//other.example/x"),
        ("https://shop.example", "@other.example/x", "https://shop.example/@other.example/x"),
        ("https://shop.example:443", "/x", "https://shop.example/x"),
        ("http://[::1]:8080/api", "/x", "http://[::1]:8080/api/x"),
        ("https://ann:pass@shop.example", "/x", "https://shop.example/x"),
    ];
    for (base, path, shown) in rows {
        assert_eq!(Http::at(base).get(path).to_string(), format!("GET {shown}"), "{base} and {path}");
    }
    assert_eq!(Http::anywhere().get("https://shop.example/x").to_string(), "GET https://shop.example/x");
}

#[test]
fn what_may_be_secret_is_not_shown() {
    let api = Http::at("https://ann:pass@shop.example");
    let request = api.get("/orders?token=abc").query("key", "def");
    let anywhere = Http::anywhere().get("/orders?token=abc");
    for text in [format!("{request}"), format!("{request:?}"), format!("{api:?}"), format!("{anywhere:?}")] {
        assert!(!["pass", "abc", "def"].iter().any(|secret| text.contains(secret)), "{text}");
    }
    assert_eq!(
        format!("{request:?}"),
        "Request(GET https://shop.example/orders?token=…&key=…, 0 expected, 0 preferred)"
    );
    assert_eq!(format!("{api:?}"), r#"Http { base: Some("https://shop.example/"), .. }"#);
}

#[tokio::test]
async fn a_query_is_encoded_as_a_form_is() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url());
    let rows = [
        (api.get("/").query("q", "a+b&c=d#e ü"), "/?q=a%2Bb%26c%3Dd%23e+%C3%BC"),
        (api.get("/?a=1").query("b", 2).query("b", true), "/?a=1&b=2&b=true"),
        (api.get("/").query("a&b", ""), "/?a%26b="),
        (api.get("/find?q=a%20b"), "/find?q=a%20b"),
        (api.get("/a%2Fb%253A?at=127.0.0.1%3A22"), "/a%2Fb%253A?at=127.0.0.1%3A22"),
    ];
    for (request, seen) in rows {
        request.send().await.unwrap();
        assert_eq!(target(&server.take()[0]), seen);
    }
}

#[tokio::test]
async fn an_ipv6_address_is_a_host_like_any_other() {
    // A machine without IPv6 has nothing to test here.
    let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else { return };
    let server = Server::answering_on(listener, |_| ok("hi"));
    Http::at(server.url()).get("/").send().await.unwrap();
    assert_eq!(sent(&server.take()[0], "host"), [server.addr.to_string()]);
}

#[tokio::test]
async fn every_method_is_sent_as_it_is_called() {
    let server = Server::answering(|_| b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
    let api = Http::at(server.url());
    let rows = [
        (api.get("/"), "GET"),
        (api.head("/"), "HEAD"),
        (api.post("/"), "POST"),
        (api.put("/"), "PUT"),
        (api.patch("/"), "PATCH"),
        (api.delete("/"), "DELETE"),
        (api.request("PURGE", "/"), "PURGE"),
        (api.request(String::from("OPTIONS"), "/"), "OPTIONS"),
    ];
    for (request, method) in rows {
        request.send().await.unwrap();
        assert_eq!(server.take()[0].split(' ').next(), Some(method));
    }
}
