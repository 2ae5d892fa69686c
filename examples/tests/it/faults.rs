use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use synthetic_examples::storefront::{Faults, Running, Storefront};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{check_error, client, get, header, open, post, raw, read, send, start};

const CREATE: &str =
    "POST /orders HTTP/1.1\r\nHost: shop\r\nIdempotency-Key: k\r\nContent-Length: 11\r\n\r\n{\"sku\":\"X\"}";
const LONG_MS: u64 = 600_000;

async fn create_with_key(shop: &Running) -> reqwest::Response {
    let request = client().post(format!("{}/orders", shop.url())).header("Idempotency-Key", "k");
    request.body(r#"{"sku":"X"}"#).send().await.unwrap()
}

#[tokio::test]
async fn faults_are_set_read_and_removed_over_http() {
    let shop = start(Storefront::new().faults(Faults { errors: 0.5, ..Faults::none() })).await;
    let none = json!({
        "latency_ms": 0, "latency_jitter_ms": 0, "errors": 0.0, "lost_answers": 0.0, "late_application_ms": 0,
        "unhealthy": false, "wrong_json": false, "warehouse": "flaky",
    });
    let mut expected = none.clone();
    expected["errors"] = json!(0.5);
    assert_eq!(read(get(&shop, "/_admin/faults").await).await, (StatusCode::OK, expected));

    // A key that is not given goes back to its default.
    let mut expected = none.clone();
    expected["latency_ms"] = json!(5);
    expected["lost_answers"] = json!(1.0);
    let body = r#"{"latency_ms":5,"lost_answers":1}"#;
    assert_eq!(read(send(&shop, Method::PUT, "/_admin/faults", body).await).await, (StatusCode::OK, expected));
    assert_eq!(shop.faults(), Faults { latency_ms: 5, lost_answers: 1.0, ..Faults::none() });

    assert_eq!(send(&shop, Method::DELETE, "/_admin/faults", "").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(read(get(&shop, "/_admin/faults").await).await, (StatusCode::OK, none));
}

#[tokio::test]
async fn wrong_faults_are_refused_by_name_and_change_nothing() {
    let shop = open().await;
    let cases = [
        (r#"{"eror":1}"#, "unknown fault `eror`: there are latency_ms, "),
        (r#"{"latency_ms":1,"errors":1.5}"#, "fault `errors` takes a rate from 0 to 1, not `1.5`"),
        (r#"{"lost_answers":-1}"#, "fault `lost_answers` takes a rate from 0 to 1, not `-1`"),
        (r#"{"lost_answers":null}"#, "fault `lost_answers` takes a rate from 0 to 1, not `null`"),
        (r#"{"latency_ms":-1}"#, "fault `latency_ms` takes a whole number of milliseconds up to 600000"),
        (r#"{"unhealthy":1}"#, "fault `unhealthy` takes `true` or `false`, not `1`"),
        ("[]", "the faults must be a JSON object"),
        ("nonsense", "the body is not JSON"),
    ];
    for (body, message) in cases {
        let response = send(&shop, Method::PUT, "/_admin/faults", body).await;
        let actual = check_error(response, 400, "bad_request").await;
        assert!(actual.starts_with(message), "{body}: {actual}");
    }
    assert_eq!(shop.faults(), Faults::none());
}

#[tokio::test]
async fn an_error_is_not_applied() {
    let shop = open().await;
    shop.set_faults(Faults { errors: 1.0, ..Faults::none() });
    check_error(post(&shop, "/orders", r#"{"sku":"X"}"#).await, 500, "injected_error").await;
    check_error(get(&shop, "/health").await, 500, "injected_error").await;
    assert_eq!(shop.state().orders, []);
    assert_eq!(shop.state().counters["POST /orders"], 1);
}

#[tokio::test]
async fn a_lost_answer_ends_the_connection_and_the_order_exists() {
    let shop = open().await;
    shop.set_faults(Faults { lost_answers: 1.0, ..Faults::none() });

    assert_eq!(raw(&shop, CREATE).await, "");
    assert_eq!(shop.state().orders.len(), 1);

    let error = client().post(format!("{}/orders", shop.url())).body(r#"{"sku":"X"}"#).send().await.unwrap_err();
    assert!(error.is_request() && !error.is_connect() && !error.is_timeout(), "{error:?}");
    assert_eq!(shop.state().orders.len(), 2);
}

#[tokio::test]
async fn a_repetition_after_a_lost_answer_learns_the_order() {
    let shop = open().await;
    shop.set_faults(Faults { lost_answers: 1.0, ..Faults::none() });
    raw(&shop, CREATE).await;
    shop.set_faults(Faults::none());

    let response = create_with_key(&shop).await;
    assert_eq!(header(&response, "idempotency-replayed"), Some("true"));
    let (_, order) = read(response).await;
    let orders = shop.state().orders;
    assert_eq!((orders.len(), &json!(orders[0].id)), (1, &order["id"]));
}

#[tokio::test]
async fn a_late_create_is_invisible_until_it_takes_effect() {
    let shop = open().await;
    shop.set_faults(Faults { lost_answers: 1.0, late_application_ms: LONG_MS, ..Faults::none() });
    assert_eq!(raw(&shop, CREATE).await, "");
    shop.set_faults(Faults::none());

    assert_eq!(read(get(&shop, "/orders").await).await.1["count"], 0);
    let state = shop.state();
    assert_eq!((state.orders.len(), state.unapplied), (0, 1));

    // The repetition is not late, so it is the one that takes effect, and there is still only one order.
    let (status, order) = read(create_with_key(&shop).await).await;
    assert_eq!(status, StatusCode::CREATED);
    let state = shop.state();
    assert_eq!((state.orders.len(), state.unapplied), (1, 0));
    assert_eq!(json!(state.orders[0].id), order["id"]);
}

#[tokio::test]
async fn a_late_create_takes_effect_though_its_client_has_gone() {
    let shop = open().await;
    shop.set_faults(Faults { late_application_ms: 300, ..Faults::none() });
    let started = Instant::now();
    let mut client = TcpStream::connect(shop.plain_url().trim_start_matches("http://")).await.unwrap();
    client.write_all(CREATE.as_bytes()).await.unwrap();
    until(|| shop.state().unapplied + shop.state().orders.len() == 1).await;
    drop(client);
    until(|| shop.state().orders.len() == 1).await;
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_client_that_waits_is_answered_when_its_late_create_has_taken_effect() {
    let shop = open().await;
    shop.set_faults(Faults { late_application_ms: 50, ..Faults::none() });
    let started = Instant::now();
    let (status, order) = read(post(&shop, "/orders", r#"{"sku":"X"}"#).await).await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(started.elapsed() >= Duration::from_millis(50));
    let path = format!("/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(get(&shop, &path).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn latency_holds_the_answer_back_and_not_the_request() {
    let shop = open().await;
    shop.set_faults(Faults { latency_ms: 300, latency_jitter_ms: 10, ..Faults::none() });
    let started = Instant::now();
    let request = client().post(format!("{}/orders", shop.url())).body(r#"{"sku":"X"}"#);
    tokio::join!(
        async { assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED) },
        until(|| shop.state().orders.len() == 1),
    );
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn an_unhealthy_shop_says_so_and_wins_over_wrong_json() {
    let shop = open().await;
    shop.set_faults(Faults { wrong_json: true, ..Faults::none() });
    let wrong = json!({ "status": "ok", "checks": { "db": "down" } });
    assert_eq!(read(get(&shop, "/health").await).await, (StatusCode::OK, wrong));

    shop.set_faults(Faults { unhealthy: true, wrong_json: true, ..Faults::none() });
    let (status, body) = read(get(&shop, "/health").await).await;
    assert_eq!((status, &body["checks"]["db"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("down")));
    assert_eq!(post(&shop, "/orders", r#"{"sku":"X"}"#).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn the_admin_routes_meet_no_fault() {
    let shop = open().await;
    shop.set_faults(Faults { latency_ms: LONG_MS, errors: 1.0, lost_answers: 1.0, ..Faults::none() });
    assert_eq!(get(&shop, "/_admin/state").await.status(), StatusCode::OK);
    assert_eq!(get(&shop, "/_admin/faults").await.status(), StatusCode::OK);
    check_error(get(&shop, "/_admin/nowhere").await, 404, "not_found").await;
    assert_eq!(send(&shop, Method::DELETE, "/_admin/faults", "").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(get(&shop, "/health").await.status(), StatusCode::OK);
}

async fn until(condition: impl Fn() -> bool + Send + Sync) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it comes true in the end");
}
