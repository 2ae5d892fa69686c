use reqwest::{Response, StatusCode};
use serde_json::json;
use synthetic_examples::storefront::{PASSWORD, Running, USERNAME};

use super::{check_error, client, get, header, open, post};

async fn sign_in(shop: &Running, password: &str) -> Response {
    let request = client().post(format!("{}/session", shop.url()));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    request.body(format!("username={USERNAME}&password={password}")).send().await.unwrap()
}

async fn get_with_cookie(shop: &Running, path: &str, cookie: &str) -> Response {
    client().get(format!("{}{path}", shop.url())).header("Cookie", cookie).send().await.unwrap()
}

fn check_page(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no {part} in {page}");
    }
}

#[tokio::test]
async fn the_home_page_leads_to_the_login_page() {
    let shop = open().await;
    let home = get(&shop, "/").await;
    assert_eq!(header(&home, "content-type"), Some("text/html; charset=utf-8"));
    check_page(
        &home.text().await.unwrap(),
        &["<title>Example App</title>", r#"<a id="login-btn" href="/login" role="button">"#],
    );
    let login = get(&shop, "/login").await.text().await.unwrap();
    check_page(
        &login,
        &[
            r#"<form id="login-form" method="post" action="/session">"#,
            r#"<label for="username">Username</label>"#,
            r#"<input id="username" name="username""#,
            r#"<label for="password">Password</label>"#,
            r#"<input id="password" name="password" type="password""#,
            r#"<button id="submit-login" type="submit">Sign in</button>"#,
        ],
    );
    assert!(!login.contains(r#"id="login-error""#) && !login.contains("{{"), "{login}");
}

#[tokio::test]
async fn a_person_signs_in_sees_the_dashboard_and_signs_out() {
    let shop = open().await;
    post(&shop, "/orders", r#"{"sku":"WIDGET-A","quantity":2}"#).await;

    let signed_in = sign_in(&shop, PASSWORD).await;
    assert_eq!(signed_in.status(), StatusCode::SEE_OTHER);
    assert_eq!(header(&signed_in, "location"), Some("/dashboard"));
    let cookie = header(&signed_in, "set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    let cookie = format!("theme=dark; {}", cookie.split(';').next().unwrap());
    assert_eq!(shop.state().sessions, 1);

    let dashboard = get_with_cookie(&shop, "/dashboard", &cookie).await;
    assert_eq!(dashboard.status(), StatusCode::OK);
    check_page(
        &dashboard.text().await.unwrap(),
        &[
            r#"class="dashboard-container""#,
            r#"id="nav-menu""#,
            r#"id="metrics-panel""#,
            r#"id="recent-activity""#,
            r#"<span id="signed-in-as">canary</span>"#,
            r#"fetch("/api/activity")"#,
        ],
    );

    let activity = get_with_cookie(&shop, "/api/activity", &cookie).await;
    let activity: serde_json::Value = activity.json().await.unwrap();
    assert_eq!(activity["nav"], json!(["Dashboard", "Orders", "Account"]));
    assert_eq!(activity["metrics"]["orders"], 1);
    assert_eq!(activity["activity"], json!(["2 × WIDGET-A ordered", "canary signed in"]));

    let request = client().post(format!("{}/logout", shop.url())).header("Cookie", &cookie);
    let signed_out = request.send().await.unwrap();
    assert_eq!((signed_out.status(), header(&signed_out, "location")), (StatusCode::SEE_OTHER, Some("/")));
    assert!(header(&signed_out, "set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(shop.state().sessions, 0);
    assert_eq!(get_with_cookie(&shop, "/dashboard", &cookie).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_wrong_password_shows_the_login_page_with_an_error() {
    let shop = open().await;
    let response = sign_in(&shop, "guess").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&response, "set-cookie"), None);
    check_page(
        &response.text().await.unwrap(),
        &[r#"<p id="login-error" role="alert">Wrong user name or password.</p>"#, r#"id="submit-login""#],
    );
    assert_eq!(shop.state().sessions, 0);
}

#[tokio::test]
async fn without_a_session_the_dashboard_leads_to_the_login_page() {
    let shop = open().await;
    for cookie in ["", "storefront_session=made-up"] {
        let response = get_with_cookie(&shop, "/dashboard", cookie).await;
        assert_eq!((response.status(), header(&response, "location")), (StatusCode::SEE_OTHER, Some("/login")));
        check_error(get_with_cookie(&shop, "/api/activity", cookie).await, 401, "unauthorized").await;
    }
}
