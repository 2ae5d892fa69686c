//! Drives the storefront over real sockets, the way its clients do.

#![expect(clippy::unwrap_used, reason = "the helpers belong to tests, and a panic is how a test fails")]

mod alerts;
#[path = "../../../synthetic-sinks/tests/it/aws.rs"]
#[expect(dead_code, reason = "the tests of the sinks need more of it")]
mod aws;
#[cfg(feature = "browser")]
mod browser;
mod command_line;
mod everything;
mod faults;
mod login;
mod orders;
mod pages;
mod programs;
#[path = "../../../synthetic-sinks/tests/it/prometheus/server.rs"]
#[expect(dead_code, reason = "the tests of the sink need more of it")]
mod prometheus;
mod reservations;
mod routes;
mod tls;
mod webhook;

use std::sync::Once;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Method, Response, StatusCode, redirect};
use serde_json::Value;
use synthetic_examples::storefront::{Running, Storefront};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn open() -> Running {
    start(Storefront::new().max_reservation_delay(Duration::ZERO)).await
}

async fn start(shop: Storefront) -> Running {
    shop.start().await.expect("a free port on this machine")
}

/// A client that follows nothing and repeats nothing.
fn client_builder() -> ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    Client::builder().no_proxy().redirect(redirect::Policy::none()).retry(reqwest::retry::never())
}

fn client() -> Client {
    // Plain HTTP needs no roots, and without the platform's a client is made in no time.
    client_builder().tls_certs_only([]).build().expect("a client without roots")
}

async fn get(shop: &Running, path: &str) -> Response {
    send(shop, Method::GET, path, "").await
}

async fn post(shop: &Running, path: &str, body: &str) -> Response {
    send(shop, Method::POST, path, body).await
}

async fn send(shop: &Running, method: Method, path: &str, body: &str) -> Response {
    let request = client().request(method, format!("{}{path}", shop.plain_url())).body(body.to_owned());
    request.send().await.expect("an answer")
}

async fn read(response: Response) -> (StatusCode, Value) {
    (response.status(), response.json().await.expect("a body of JSON"))
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("a header of ASCII"))
}

/// Checks that an answer is an error in the one form that errors have, and returns its message.
async fn check_error(response: Response, status: u16, code: &str) -> String {
    let (actual, body) = read(response).await;
    assert_eq!((actual.as_u16(), &body["error"]["code"]), (status, &Value::from(code)), "{body}");
    body["error"]["message"].as_str().expect("a message").to_owned()
}

/// Sends bytes on a connection of their own, and returns all that comes back before it is closed.
async fn raw(shop: &Running, request: &str) -> String {
    let mut stream = TcpStream::connect(shop.plain_url().trim_start_matches("http://")).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("a server that reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer or none, and an orderly end");
    answer
}
