use std::error::Error;

use reqwest::{Certificate, Client, StatusCode, Version};
use synthetic_examples::storefront::{Faults, Running, Storefront, Tls};

use super::{client_builder, open, start};

fn trusting(shop: &Running) -> Client {
    let ca = Certificate::from_pem(shop.ca_pem().expect("a shop with TLS").as_bytes()).unwrap();
    client_builder().tls_certs_only([ca]).build().unwrap()
}

async fn refusal(tls: Tls) -> String {
    let shop = start(Storefront::new().tls(tls)).await;
    let error = trusting(&shop).get(format!("{}/health", shop.url())).send().await.unwrap_err();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn a_valid_certificate_is_accepted_for_both_names() {
    let shop = start(Storefront::new().tls(Tls::Valid)).await;
    assert!(shop.url().starts_with("https://localhost:"));
    assert_eq!(shop.tls_url(), Some(shop.url()));
    for url in [shop.url().to_owned(), shop.url().replace("localhost", "127.0.0.1")] {
        let response = trusting(&shop).get(format!("{url}/health")).send().await.unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
    }
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_accepted_still() {
    let shop = start(Storefront::new().tls(Tls::DaysLeft(0))).await;
    let response = trusting(&shop).get(format!("{}/health", shop.url())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_bad_certificate_is_refused_for_what_is_wrong_with_it() {
    let cases = [
        (Tls::Expired, "certificate expired"),
        (Tls::NotYetValid, "certificate not valid yet"),
        (Tls::WrongHost, "certificate not valid for name"),
        (Tls::SelfSigned, "UnknownIssuer"),
    ];
    for (tls, reason) in cases {
        let text = refusal(tls).await;
        assert!(text.contains(reason), "{tls:?}: {text}");
    }
}

#[tokio::test]
async fn the_certificate_of_one_shop_is_not_trusted_by_a_client_of_another() {
    let (one, other) = (start(Storefront::new().tls(Tls::Valid)).await, start(Storefront::new().tls(Tls::Valid)).await);
    assert!(trusting(&one).get(format!("{}/health", other.url())).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn plain_http_and_https_lead_into_one_shop() {
    let shop = start(Storefront::new().tls(Tls::Valid)).await;
    let client = trusting(&shop);
    for url in [shop.plain_url(), shop.url()] {
        let response = client.post(format!("{url}/orders")).body(r#"{"sku":"X"}"#).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
    }
    assert_eq!(shop.state().orders.len(), 2);
}

#[tokio::test]
async fn without_tls_there_is_no_certificate() {
    let shop = open().await;
    assert_eq!((shop.tls_url(), shop.ca_pem()), (None, None));
    assert_eq!(shop.url(), shop.plain_url());
}

#[tokio::test]
async fn an_answer_is_lost_over_http_2_too() {
    let shop = start(Storefront::new().tls(Tls::Valid).faults(Faults { lost_answers: 1.0, ..Faults::none() })).await;
    let error = trusting(&shop).post(format!("{}/orders", shop.url())).body(r#"{"sku":"X"}"#).send().await.unwrap_err();
    assert!(error.is_request() && !error.is_connect(), "{error:?}");
    assert_eq!(shop.state().orders.len(), 1);
}
