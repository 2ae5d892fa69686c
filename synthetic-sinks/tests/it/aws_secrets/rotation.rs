//! A secret that is rotated while a canary uses it, from the store to the report.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::{Router, serve};
use synthetic_core::prelude::*;
use synthetic_core::{AnyCanary, Runner, SecretStore};
use synthetic_http::{Http, from_secret};
use synthetic_sinks::{ParameterStore, SecretsManager};
use tokio::net::TcpListener;
use tokio::time::{advance, pause, resume};
use tracing_subscriber::fmt::MakeWriter;

use super::{config, put_parameter, put_secret};
use crate::aws::Emulator;

const OLD: &str = "0ld-s3cret-token";
const NEW: &str = "n3w-s3cret-token";

/// A shop that takes one token.
struct Shop {
    url: String,
    takes: Arc<Mutex<&'static str>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    async fn open(token: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (takes, seen) = (Arc::new(Mutex::new(token)), Arc::<Mutex<Vec<String>>>::default());
        let (token, tokens) = (Arc::clone(&takes), Arc::clone(&seen));
        let router = Router::new().fallback(move |headers: HeaderMap| async move {
            let given = headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
            let is_right = given == format!("Bearer {}", token.lock().unwrap());
            tokens.lock().unwrap().push(given.clone());
            // It sends back what it was given, so that a report that shows the answer would show the secret.
            (if is_right { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, given)
        });
        tokio::spawn(async move { serve(listener, router).await.unwrap() });
        Self { url, takes, seen }
    }

    /// Returns a canary that orders with a secret, and says in its log what it was answered.
    fn canary(&self) -> AnyCanary {
        let api = Http::at(&self.url).bearer(from_secret("shop/token"));
        let orders = canary(Spec::new("orders"), move |run: Run| {
            let api = api.clone();
            async move {
                let answer = run.step("order", api.post("/orders").json(&["one"]).send()).await?;
                tracing::warn!(answer = %answer.text(), "answered");
                Ok(())
            }
        });
        orders.into()
    }

    fn rotate(&self, token: &'static str) {
        *self.takes.lock().unwrap() = token;
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Passes time for caches. By hand: a clock that runs on by itself would not wait for a socket.
async fn pass(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_run_goes_on_with_the_new_value_when_the_old_one_is_refused() {
    let Some(emulator) = Emulator::start().await else { return };
    let config = config(&emulator.endpoint()).await;
    let stores: [(&str, Arc<dyn SecretStore>); 3] = [
        ("secret", Arc::new(SecretsManager::with_config(&config))),
        ("key", Arc::new(SecretsManager::with_config(&config).with("shop/token", "shop/login#token"))),
        ("parameter", Arc::new(ParameterStore::with_config(&config))),
    ];
    for (case, store) in stores {
        let put = async |value: &str| {
            put_secret(&config, "shop/token", value).await;
            put_secret(&config, "shop/login", &format!(r#"{{"user": "ann", "token": "{value}"}}"#)).await;
            put_parameter(&config, "/shop/token", value).await;
        };
        put(OLD).await;
        let shop = Shop::open(OLD).await;
        let runner = Runner::new().secrets(store);
        runner.run(shop.canary()).await.assert_passed();
        shop.seen();

        put(NEW).await;
        shop.rotate(NEW);
        pass(Duration::from_secs(60)).await;
        let report = runner.run(shop.canary()).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
        assert_eq!(shop.seen(), [format!("Bearer {OLD}"), format!("Bearer {NEW}")], "{case}");
        assert!(report.warnings[0].contains("\"shop/token\" has another value by now"), "{case}: {report}");

        let report = runner.run(shop.canary()).await;
        assert_eq!((report.outcome, report.warnings.len()), (Outcome::Passed, 0), "{case}: {report}");
        assert_eq!(shop.seen(), [format!("Bearer {NEW}")], "{case}");
    }
}

#[tokio::test]
async fn a_rotation_that_is_half_done_fails_the_run_and_the_first_after_it_passes() {
    let Some(emulator) = Emulator::start().await else { return };
    let config = config(&emulator.endpoint()).await;
    put_secret(&config, "shop/token", OLD).await;
    let shop = Shop::open(OLD).await;
    let runner = Runner::new().secrets(SecretsManager::with_config(&config));
    runner.run(shop.canary()).await.assert_passed();

    // The shop knows it already, the store not yet.
    shop.rotate(NEW);
    pass(Duration::from_secs(60)).await;
    let report = runner.run(shop.canary()).await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    assert!(report.failures[0].to_string().contains("status of POST /orders"), "{report}");

    put_secret(&config, "shop/token", NEW).await;
    pass(Duration::from_secs(6)).await;
    runner.run(shop.canary()).await.assert_passed();
}

#[tokio::test]
async fn no_value_is_in_a_report_or_in_a_log_however_much_is_logged() {
    let Some(emulator) = Emulator::start().await else { return };
    let config = config(&emulator.endpoint()).await;
    let put = async |value: &str| put_secret(&config, "shop/login", &format!(r#"{{"token": "{value}"}}"#)).await;
    put(OLD).await;
    let shop = Shop::open(OLD).await;
    let store = SecretsManager::with_config(&config).with("shop/token", "shop/login#token");
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let mut reports = Vec::new();
    {
        let _logging = tracing::subscriber::set_default(subscriber);
        // It remembers who listened when it was made.
        let runner = Runner::new().secrets(store);
        reports.push(runner.run(shop.canary()).await);
        put(NEW).await;
        shop.rotate(NEW);
        pass(Duration::from_secs(60)).await;
        log.0.lock().unwrap().clear(); // The test has said the new value itself.
        reports.push(runner.run(shop.canary()).await);
        shop.rotate("neither");
        pass(Duration::from_secs(60)).await;
        reports.push(runner.run(shop.canary()).await);
    }
    let outcomes: Vec<_> = reports.iter().map(|report| report.outcome).collect();
    assert_eq!(outcomes, [Outcome::Passed, Outcome::Passed, Outcome::Failed]);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("GetSecretValue"), "the calls are logged, so that there was something to find");
    // What the journey itself writes goes to the log as it is, and into the report without its secrets.
    let own = |line: &&str| line.contains("answered answer=");
    let of_the_sdk: String = log.lines().filter(|line| !own(line)).collect();
    let mut shown = of_the_sdk;
    for report in &reports {
        shown.push_str(&format!("{report} {report:?} {}", serde_json::to_string(report).unwrap()));
    }
    for value in [OLD, NEW] {
        assert!(!shown.contains(value), "{value} in {shown}");
    }
}
