//! The small routes, the admin routes, and what is not there.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use synthetic_examples::storefront::{Faults, Running, Storefront, Warehouse};

use super::{check_error, client, client_builder, get, header, open, post, read, send, start};

#[tokio::test]
async fn a_healthy_shop_says_so() {
    let shop = open().await;
    let response = get(&shop, "/health").await;
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    let expected = json!({ "status": "ok", "version": "1.4.2", "checks": { "db": "up", "cache": "up" } });
    assert_eq!(read(response).await, (StatusCode::OK, expected));
}

async fn reservations(seed: u64) -> Vec<StatusCode> {
    let shop = start(Storefront::new().seed(seed).max_reservation_delay(Duration::ZERO)).await;
    let client = client();
    let mut statuses = Vec::new();
    for _ in 0..60 {
        let response = client.post(format!("{}/reservations", shop.url())).send().await.unwrap();
        let (status, body) = read(response).await;
        if status == StatusCode::OK {
            assert_eq!(body["status"], "reserved");
        } else {
            assert!(body["error"]["message"].is_string(), "{body}");
        }
        statuses.push(status);
    }
    statuses
}

#[tokio::test]
async fn reservations_fail_now_and_then_and_as_the_seed_says() {
    let statuses = reservations(1).await;
    assert_eq!(statuses, reservations(1).await);
    assert_ne!(statuses, reservations(2).await);
    let successes = statuses.iter().filter(|status| **status == StatusCode::OK).count();
    assert!((40..60).contains(&successes), "{successes} of 60");
}

#[tokio::test]
async fn a_warehouse_that_rejects_breaks_no_reservation_and_one_that_is_well_makes_them_all() {
    let shop = open().await;
    let statuses = async |warehouse| {
        shop.set_faults(Faults { warehouse, ..Faults::none() });
        let mut seen = BTreeSet::new();
        for _ in 0..60 {
            seen.insert(post(&shop, "/reservations", "").await.status().as_u16());
        }
        seen.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(statuses(Warehouse::Well).await, [200]);
    assert_eq!(statuses(Warehouse::Rejects).await, [200, 400, 401]);
    assert_eq!(statuses(Warehouse::Down).await, [200, 500]);
}

#[tokio::test]
async fn the_shop_measures_its_answers_by_route_and_says_so_whatever_its_faults() {
    let shop = open().await;
    shop.set_faults(Faults { warehouse: Warehouse::Well, ..Faults::none() });
    post(&shop, "/reservations", "").await;
    get(&shop, "/orders/1?x=y").await;
    shop.set_faults(Faults { errors: 1.0, ..Faults::none() });
    post(&shop, "/reservations", "").await;

    let answer = get(&shop, "/metrics").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(header(&answer, "content-type").unwrap().starts_with("application/openmetrics-text"));
    let page = answer.text().await.unwrap();
    for line in [
        r#"http_request_duration_count{method="POST",url="/reservations",code="200"} 1"#,
        r#"http_request_duration_count{method="POST",url="/reservations",code="500"} 1"#,
        r#"http_request_duration_bucket{le="2.0",method="GET",url="/orders/{id}",code="404"} 1"#,
    ] {
        assert!(page.lines().any(|there| there == line), "{line} is missing in\n{page}");
    }
    assert!(!page.contains("/metrics"), "what is measured is not measured\n{page}");
    assert!(page.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_chain_of_redirects_has_the_length_that_was_asked_for() {
    let shop = open().await;
    let mut path = "/redirect/3".to_owned();
    let mut hops = Vec::new();
    while path != "/health" {
        let response = get(&shop, &path).await;
        assert_eq!(response.status(), StatusCode::FOUND);
        path = header(&response, "location").unwrap().to_owned();
        hops.push(path.clone());
    }
    assert_eq!(hops, ["/redirect/2", "/redirect/1", "/health"]);

    let following =
        client_builder().tls_certs_only([]).redirect(reqwest::redirect::Policy::limited(3)).build().unwrap();
    let response = following.get(format!("{}/redirect/3", shop.url())).send().await.unwrap();
    assert_eq!((response.status(), response.url().path()), (StatusCode::OK, "/health"));

    for wrong in ["0", "101", "256", "x"] {
        check_error(get(&shop, &format!("/redirect/{wrong}")).await, 400, "bad_request").await;
    }
}

#[tokio::test]
async fn a_redirect_goes_anywhere_with_any_status_and_from_any_method() {
    let shop = open().await;
    let to = "https%3A%2F%2Fother.example%2Fx%3Fa%3D1";
    for (method, query, status) in
        [(Method::GET, "", 302), (Method::POST, "&status=307", 307), (Method::PUT, "&status=308", 308)]
    {
        let response = send(&shop, method, &format!("/redirect-to?url={to}{query}"), "").await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(header(&response, "location"), Some("https://other.example/x?a=1"));
    }
    for wrong in ["", "?url=/&status=200", "?url=/&status=x", "?url=/%0d%0aSet-Cookie:x"] {
        check_error(get(&shop, &format!("/redirect-to{wrong}")).await, 400, "bad_request").await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let shop = open().await;
    for path in ["/nowhere", "/_admin/nowhere", "/orders/"] {
        check_error(get(&shop, path).await, 404, "not_found").await;
    }
    let response = send(&shop, Method::PUT, "/orders", "").await;
    let allow = header(&response, "allow").unwrap().to_owned();
    check_error(response, 405, "method_not_allowed").await;
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test]
async fn a_body_above_64_kib_is_refused() {
    let shop = open().await;
    let body = json!({ "sku": "x".repeat(64 * 1024) }).to_string();
    for path in ["/orders", "/login"] {
        check_error(post(&shop, path, &body).await, 413, "too_large").await;
    }
    let form = client().post(format!("{}/session", shop.url()));
    let form = form.header("Content-Type", "application/x-www-form-urlencoded").body(body);
    check_error(form.send().await.unwrap(), 413, "too_large").await;
}

async fn admin_state(shop: &Running) -> serde_json::Value {
    read(get(shop, "/_admin/state").await).await.1
}

#[tokio::test]
async fn the_admin_state_tells_what_exists_and_what_was_asked() {
    let shop = open().await;
    let empty = json!({ "orders": [], "unapplied": 0, "sessions": 0, "tokens": 0, "counters": {} });
    assert_eq!(admin_state(&shop).await, empty);

    let (_, order) = read(post(&shop, "/orders", r#"{"sku":"X"}"#).await).await;
    for _ in 0..2 {
        get(&shop, &format!("/orders/{}", order["id"].as_str().unwrap())).await;
    }
    post(&shop, "/login", r#"{"username":"canary","password":"canary-password"}"#).await;
    get(&shop, "/nowhere").await;
    send(&shop, Method::from_bytes(b"BREW").unwrap(), "/orders", "").await;

    let state = admin_state(&shop).await;
    assert_eq!(state["orders"][0]["id"], order["id"]);
    assert_eq!(state["tokens"], 1);
    let counters = json!({
        "POST /orders": 1, "GET /orders/{id}": 2, "POST /login": 1, "GET (no such route)": 1, "OTHER /orders": 1,
    });
    assert_eq!(state["counters"], counters);

    assert_eq!(send(&shop, Method::DELETE, "/_admin/state", "").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(admin_state(&shop).await, empty);
}

#[tokio::test]
async fn a_stopped_shop_is_gone() {
    let shop = open().await;
    let url = format!("{}/health", shop.url());
    assert_eq!(get(&shop, "/health").await.status(), StatusCode::OK);
    shop.stop().await;
    assert!(client().get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_dropped_shop_ends_its_connections() {
    let shop = open().await;
    let address = shop.plain_url().trim_start_matches("http://").to_owned();
    let mut idle = tokio::net::TcpStream::connect(&address).await.unwrap();
    // A whole conversation on a second connection shows that the first one has been accepted by now.
    get(&shop, "/health").await;
    drop(shop);

    let mut answer = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut idle, &mut answer).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{answer:?}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let shop = open().await;
    let address = shop.plain_url().trim_start_matches("http://").parse().unwrap();
    let error = Storefront::new().listen(address).start().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}
