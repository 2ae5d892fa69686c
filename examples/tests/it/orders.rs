use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use synthetic_examples::storefront::{Running, Status, Storefront};

use super::{check_error, client, get, header, open, post, read, send, start};

async fn place(shop: &Running, body: &Value) -> Value {
    let (status, order) = read(post(shop, "/orders", &body.to_string()).await).await;
    assert_eq!(status, StatusCode::CREATED, "{order}");
    order
}

async fn place_with_key(shop: &Running, key: &str, body: &str) -> reqwest::Response {
    let request = client().post(format!("{}/orders", shop.url())).header("Idempotency-Key", key).body(body.to_owned());
    request.send().await.unwrap()
}

#[tokio::test]
async fn an_order_is_created_read_changed_and_deleted() {
    let shop = open().await;

    let body = r#"{"sku":"WIDGET-A","quantity":3,"reference":"syn1-a","customerId":"c1"}"#;
    let response = post(&shop, "/orders", body).await;
    let location = header(&response, "location").unwrap().to_owned();
    let (status, order) = read(response).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(location, format!("/orders/{}", order["id"].as_str().unwrap()));
    let created_at = order["createdAt"].as_str().unwrap();
    assert!(created_at.len() == 24 && created_at.ends_with('Z'), "{created_at}");
    let expected = json!({
        "id": order["id"], "sku": "WIDGET-A", "quantity": 3, "reference": "syn1-a", "customerId": "c1",
        "status": "pending", "total": 59.97, "createdAt": created_at,
    });
    assert_eq!(order, expected);

    let (status, seen) = read(get(&shop, &location).await).await;
    assert_eq!((status, &seen["id"]), (StatusCode::OK, &order["id"]));

    let change = r#"{"quantity":1,"status":"cancelled"}"#;
    let (status, changed) = read(send(&shop, Method::PATCH, &location, change).await).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(changed["quantity"], 1);
    assert_eq!(changed["status"], "cancelled");
    assert_eq!(changed["total"], 19.99);

    let deleted = send(&shop, Method::DELETE, &location, "").await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(deleted.text().await.unwrap(), "");
    for method in [Method::GET, Method::DELETE] {
        check_error(send(&shop, method, &location, "").await, 404, "not_found").await;
    }
    check_error(send(&shop, Method::PATCH, &location, change).await, 404, "not_found").await;
}

#[tokio::test]
async fn what_is_left_out_of_an_order_has_a_default() {
    let shop = open().await;
    let order = place(&shop, &json!({ "sku": "anything at all" })).await;
    assert_eq!(
        (&order["quantity"], &order["reference"], &order["customerId"]),
        (&json!(1), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn an_order_is_confirmed_after_the_time_that_was_set() {
    let at_once = start(Storefront::new().confirm_after(Duration::ZERO)).await;
    let never = start(Storefront::new().confirm_after(Duration::from_secs(3600))).await;
    for (shop, later) in [(&at_once, "confirmed"), (&never, "pending")] {
        let order = place(shop, &json!({ "sku": "WIDGET-A" })).await;
        assert_eq!(order["status"], "pending");
        let (_, seen) = read(get(shop, &format!("/orders/{}", order["id"].as_str().unwrap())).await).await;
        assert_eq!(seen["status"], later);
    }
}

#[tokio::test]
async fn a_list_holds_exactly_what_was_asked_for() {
    let shop = open().await;
    for (reference, customer) in [("a", "c1"), ("b", "c1"), ("a+b", "c2"), ("a b", "c3")] {
        place(&shop, &json!({ "sku": "X", "reference": reference, "customerId": customer })).await;
    }
    let cases = [
        ("", vec!["a", "b", "a+b", "a b"]),
        ("?customerId=c1", vec!["a", "b"]),
        ("?reference=a", vec!["a"]),
        ("?reference=a&customerId=c2", vec![]),
        ("?reference=", vec![]),
        ("?reference=a%2Bb", vec!["a+b"]),
        ("?reference=a+b", vec!["a b"]), // a plus that is not escaped is a blank
    ];
    for (query, references) in cases {
        let (status, body) = read(get(&shop, &format!("/orders{query}")).await).await;
        assert_eq!(status, StatusCode::OK);
        let listed: Vec<_> =
            body["orders"].as_array().unwrap().iter().map(|order| order["reference"].as_str().unwrap()).collect();
        assert_eq!(listed, references, "{query}");
        assert_eq!(body["count"], references.len(), "{query}");
    }
}

#[tokio::test]
async fn a_misspelled_filter_is_refused_and_does_not_list_every_order() {
    let shop = open().await;
    let message = check_error(get(&shop, "/orders?refrence=a").await, 400, "bad_request").await;
    assert!(message.contains("unknown field `refrence`"), "{message}");
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_creates_nothing() {
    let shop = open().await;
    let first = place_with_key(&shop, "k1", r#"{"sku":"X","reference":"r"}"#).await;
    assert_eq!(header(&first, "idempotency-replayed"), None);
    let (_, order) = read(first).await;

    // The same order in other words.
    let again = place_with_key(&shop, "k1", r#"{ "reference": "r", "quantity": 1, "sku": "X" }"#).await;
    assert_eq!(header(&again, "idempotency-replayed"), Some("true"));
    assert!(header(&again, "location").unwrap().ends_with(order["id"].as_str().unwrap()));
    assert_eq!(read(again).await, (StatusCode::CREATED, order.clone()));

    let other_key = place_with_key(&shop, "k2", r#"{"sku":"X","reference":"r"}"#).await;
    assert_ne!(read(other_key).await.1["id"], order["id"]);
    assert_eq!(shop.state().orders.len(), 2);
}

#[tokio::test]
async fn a_repeated_key_with_another_body_is_refused() {
    let shop = open().await;
    place_with_key(&shop, "k", r#"{"sku":"X"}"#).await;
    check_error(place_with_key(&shop, "k", r#"{"sku":"Y"}"#).await, 422, "idempotency_key_reused").await;
    assert_eq!(shop.state().orders.len(), 1);
}

#[tokio::test]
async fn a_key_that_is_empty_or_too_long_is_refused() {
    let shop = open().await;
    for key in ["", &"k".repeat(257)] {
        check_error(place_with_key(&shop, key, r#"{"sku":"X"}"#).await, 400, "bad_request").await;
    }
    assert_eq!(shop.state().orders, []);
}

#[tokio::test]
async fn a_wrong_order_is_refused_with_what_would_be_right() {
    let shop = open().await;
    let long = json!({ "sku": "X", "reference": "r".repeat(257) }).to_string();
    let cases = [
        ("", 400, "the body is not JSON"),
        ("{\"sku\":", 400, "the body is not JSON"),
        ("[]", 422, "the body must be a JSON object"),
        ("{}", 422, "`sku` is missing"),
        (r#"{"sku":null}"#, 422, "`sku` is missing"),
        (r#"{"sku":""}"#, 422, "`sku` is missing"),
        (r#"{"sku":7}"#, 422, "`sku` must be a string"),
        (r#"{"sku":"X","quantity":0}"#, 422, "`quantity` must be a whole number from 1 to 1000"),
        (r#"{"sku":"X","quantity":1001}"#, 422, "`quantity` must be a whole number from 1 to 1000"),
        (r#"{"sku":"X","quantity":1.5}"#, 422, "`quantity` must be a whole number from 1 to 1000"),
        (r#"{"sku":"X","customerId":[]}"#, 422, "`customerId` must be a string"),
        (&long, 422, "`reference` must be a string of at most 256 bytes"),
    ];
    for (body, status, message) in cases {
        let code = if status == 400 { "bad_request" } else { "invalid" };
        let actual = check_error(post(&shop, "/orders", body).await, status, code).await;
        assert!(actual.starts_with(message), "{body}: {actual}");
    }
    assert_eq!(shop.state().orders, []);
}

#[tokio::test]
async fn a_wrong_change_is_refused_and_changes_nothing() {
    let shop = open().await;
    let order = place(&shop, &json!({ "sku": "X" })).await;
    let path = format!("/orders/{}", order["id"].as_str().unwrap());
    let cases = [
        (r#"{"status":"lost"}"#, "`status` must be pending, confirmed, shipped or cancelled"),
        (r#"{"quantity":-1,"status":"shipped"}"#, "`quantity` must be a whole number from 1 to 1000"),
        (r#"{"sku":"Y"}"#, "nothing to change: give `quantity` or `status`"),
    ];
    for (body, message) in cases {
        assert_eq!(check_error(send(&shop, Method::PATCH, &path, body).await, 422, "invalid").await, message);
    }
    let orders = shop.state().orders;
    assert_eq!((orders[0].quantity, orders[0].sku.as_str()), (1, "X"));
    assert_ne!(orders[0].status, Status::Shipped);
}

#[tokio::test]
async fn a_full_shop_says_so_and_takes_orders_again_when_one_is_gone() {
    let shop = start(Storefront::new().max_orders(2)).await;
    let order = place(&shop, &json!({ "sku": "X" })).await;
    place(&shop, &json!({ "sku": "X" })).await;

    let message = check_error(post(&shop, "/orders", r#"{"sku":"X"}"#).await, 507, "full").await;
    assert_eq!(message, "the shop holds at most 2 orders: delete some");

    send(&shop, Method::DELETE, &format!("/orders/{}", order["id"].as_str().unwrap()), "").await;
    place(&shop, &json!({ "sku": "X" })).await;
}

#[tokio::test]
async fn two_shops_side_by_side_know_nothing_of_each_other() {
    let (one, other) = (open().await, open().await);
    assert_ne!(one.url(), other.url());
    place(&one, &json!({ "sku": "X" })).await;
    assert_eq!((one.state().orders.len(), other.state().orders.len()), (1, 0));

    one.stop().await;
    assert_eq!(get(&other, "/health").await.status(), StatusCode::OK);
}
