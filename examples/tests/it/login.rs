use reqwest::StatusCode;
use serde_json::json;
use synthetic_examples::storefront::{API_TOKEN, PASSWORD, Running, Storefront, USERNAME};

use super::{check_error, client, get, header, open, post, read, start};

async fn account(shop: &Running, authorization: &str) -> reqwest::Response {
    client().get(format!("{}/account", shop.url())).header("Authorization", authorization).send().await.unwrap()
}

async fn log_in_with_form(shop: &Running, body: &str) -> reqwest::Response {
    let request = client().post(format!("{}/login", shop.url()));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    request.body(body.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn a_token_from_json_or_from_a_form_opens_the_account() {
    let shop = open().await;
    let as_json = post(&shop, "/login", &json!({ "username": USERNAME, "password": PASSWORD }).to_string()).await;
    let as_form = log_in_with_form(&shop, &format!("username={USERNAME}&password={PASSWORD}")).await;
    for response in [as_json, as_form] {
        let (status, body) = read(response).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["expiresIn"], 3600);
        let authorization = format!("Bearer {}", body["token"].as_str().unwrap());
        let expected = json!({ "username": "canary", "tier": "gold" });
        assert_eq!(read(account(&shop, &authorization).await).await, (StatusCode::OK, expected));
    }
    assert_eq!(shop.state().tokens, 2);
}

#[tokio::test]
async fn the_fixed_token_opens_the_account_of_every_shop() {
    let shop = open().await;
    assert_eq!(account(&shop, &format!("bearer {API_TOKEN}")).await.status(), StatusCode::OK);
    assert_eq!(shop.state().tokens, 0);
}

#[tokio::test]
async fn without_a_valid_token_the_account_stays_closed() {
    let shop = open().await;
    let missing = get(&shop, "/account").await;
    assert_eq!(header(&missing, "www-authenticate"), Some("Bearer"));
    assert_eq!(check_error(missing, 401, "unauthorized").await, "`Authorization: Bearer <token>` is missing");
    for authorization in ["Bearer nonsense", &format!("Basic {API_TOKEN}"), API_TOKEN, "Bearer "] {
        check_error(account(&shop, authorization).await, 401, "unauthorized").await;
    }
}

#[tokio::test]
async fn a_wrong_login_gets_no_token() {
    let shop = open().await;
    let wrong = post(&shop, "/login", &json!({ "username": USERNAME, "password": "guess" }).to_string()).await;
    check_error(wrong, 401, "unauthorized").await;
    check_error(post(&shop, "/login", r#"{"username":"canary"}"#).await, 422, "invalid").await;
    check_error(post(&shop, "/login", "nonsense").await, 400, "bad_request").await;
    check_error(log_in_with_form(&shop, "username=canary").await, 422, "invalid").await;
    assert_eq!(shop.state().tokens, 0);
}

#[tokio::test]
async fn another_user_replaces_the_default_one() {
    let shop = start(Storefront::new().user("ada", "lovelace")).await;
    let default = json!({ "username": USERNAME, "password": PASSWORD }).to_string();
    check_error(post(&shop, "/login", &default).await, 401, "unauthorized").await;
    assert_eq!(post(&shop, "/login", r#"{"username":"ada","password":"lovelace"}"#).await.status(), StatusCode::OK);
    assert_eq!(read(account(&shop, &format!("Bearer {API_TOKEN}")).await).await.1["username"], "ada");
}

#[tokio::test]
async fn a_reset_forgets_tokens() {
    let shop = open().await;
    let (_, body) =
        read(post(&shop, "/login", &json!({ "username": USERNAME, "password": PASSWORD }).to_string()).await).await;
    shop.reset();
    let authorization = format!("Bearer {}", body["token"].as_str().unwrap());
    check_error(account(&shop, &authorization).await, 401, "unauthorized").await;
}
