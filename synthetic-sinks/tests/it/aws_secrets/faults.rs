//! What goes wrong between a canary and its secrets.

use std::collections::VecDeque;
use std::future::pending;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, serve};
use synthetic_core::SecretStore;
use synthetic_sinks::{ParameterStore, SecretsManager};
use tokio::net::TcpListener;

use super::{ROLE, answer, config};

/// What pretends to be AWS does with a call.
#[derive(Debug, Clone, Copy)]
enum Does {
    Fail(u16, &'static str, &'static str),
    Give,
    Babble,
    Hang,
}

/// What both services give, each in a member of its own.
const GIVEN: &str = r#"{"SecretString": "correct horse", "Parameter": {"Value": "correct horse"}}"#;

/// Pretends to be AWS until the test ends: does this with the calls, one after the other, and then the last forever.
struct Fake {
    endpoint: String,
    left: Arc<Mutex<VecDeque<Does>>>,
    calls: Arc<Mutex<usize>>,
}

impl Fake {
    async fn start(script: impl IntoIterator<Item = Does>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let left = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let calls = Arc::new(Mutex::new(0));
        let (script, count) = (Arc::clone(&left), Arc::clone(&calls));
        let router = Router::new().fallback(move || {
            *count.lock().unwrap() += 1;
            let mut script = script.lock().unwrap();
            let does = if script.len() > 1 { script.pop_front().unwrap() } else { script[0] };
            act(does)
        });
        tokio::spawn(async move { serve(listener, router).await.unwrap() });
        Self { endpoint, left, calls }
    }

    /// From now on it does this.
    fn does(&self, does: Does) {
        *self.left.lock().unwrap() = [does].into();
    }

    fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }

    async fn secrets(&self) -> SecretsManager {
        SecretsManager::with_config(&config(&self.endpoint).await)
    }

    async fn parameters(&self) -> ParameterStore {
        ParameterStore::with_config(&config(&self.endpoint).await)
    }
}

async fn act(does: Does) -> Response {
    let json = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    match does {
        Does::Give => (json, GIVEN).into_response(),
        Does::Babble => (json, format!("<html>{GIVEN}")).into_response(),
        Does::Hang => pending().await,
        Does::Fail(status, code, message) => {
            let body = format!(r#"{{"__type": "com.amazonaws#{code}", "message": "{message}"}}"#);
            (StatusCode::from_u16(status).unwrap(), json, body).into_response()
        }
    }
}

const THROTTLED: Does = Does::Fail(400, "ThrottlingException", "Rate exceeded");
const BROKEN: Does = Does::Fail(500, "InternalServiceError", "Oops");

#[tokio::test]
async fn throttling_and_errors_of_the_server_are_tried_again() {
    for script in [[THROTTLED, THROTTLED, Does::Give], [BROKEN, THROTTLED, Does::Give]] {
        let fake = Fake::start(script).await;
        assert_eq!(answer(&fake.secrets().await, "web/password").await, "correct horse");
        assert_eq!(fake.calls(), 3);
    }
    let fake = Fake::start([THROTTLED]).await;
    assert_eq!(
        answer(&fake.parameters().await, "web/password").await,
        "secret \"web/password\" cannot be had from Parameter Store in eu-central-1: it answered 400 ThrottlingException: \
         Rate exceeded (ask less often, by a longer `ttl`, or raise the quota)"
    );
    assert_eq!(fake.calls(), 3);
}

#[tokio::test]
async fn what_is_refused_names_the_action_and_the_resource_to_allow() {
    let denied = Does::Fail(400, "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized");
    let fake = Fake::start([denied]).await;
    let secrets = fake.secrets().await.prefix("shop/");
    assert_eq!(
        answer(&secrets, "web/password").await,
        "secret \"web/password\" cannot be had from Secrets Manager in eu-central-1: it answered 400 \
         AccessDeniedException: User: arn:aws:iam::1:user/x is not authorized (allow secretsmanager:GetSecretValue on \
         arn:aws:secretsmanager:eu-central-1:*:secret:shop/web/password-??????)"
    );
    let parameters = fake.parameters().await.with("versioned", "/web/password:3");
    let allow = "(allow ssm:GetParameter on arn:aws:ssm:eu-central-1:*:parameter/web/password)";
    for name in ["web/password", "versioned"] {
        let said = answer(&parameters, name).await;
        assert!(said.ends_with(allow), "{said}");
    }
    fake.does(Does::Fail(400, "AccessDeniedException", "Access to KMS is not allowed"));
    let said = answer(&fake.secrets().await, "web/password").await;
    assert!(said.ends_with("(allow kms:Decrypt on the key that it is encrypted with)"), "{said}");
}

#[tokio::test]
async fn a_call_that_hangs_ends_and_those_who_wait_for_it_share_its_error() {
    let fake = Fake::start([Does::Hang]).await;
    let secrets = fake.secrets().await.timeout(Duration::from_millis(300));
    let (one, two) = tokio::join!(answer(&secrets, "web/password"), answer(&secrets, "web/password"));
    assert_eq!(
        one,
        "secret \"web/password\" cannot be had from Secrets Manager in eu-central-1: it did not answer within 300 ms: \
         is the network there, and AWS_ENDPOINT_URL right?"
    );
    // It is on its way when nobody waits for it any more, and may not have arrived yet.
    while fake.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((two, fake.calls()), (one, 1));
}

#[tokio::test]
async fn those_who_ask_at_the_same_time_share_one_call() {
    let fake = Fake::start([Does::Give]).await;
    let secrets = fake.secrets().await;
    tokio::join!(answer(&secrets, "a"), answer(&secrets, "a"), answer(&secrets, "a"));
    assert_eq!((answer(&secrets, "a").await.as_str(), fake.calls()), ("correct horse", 1));
}

#[tokio::test]
async fn what_is_no_answer_of_aws_is_not_shown() {
    let fake = Fake::start([Does::Babble]).await;
    let error = fake.parameters().await.get("web/password").await.unwrap_err();
    let shown = format!("{error:?}");
    assert!(!shown.contains("correct horse"), "{shown}");
    assert_eq!(
        answer(&fake.parameters().await, "web/password").await,
        "secret \"web/password\" cannot be had from Parameter Store in eu-central-1: it answered 200 and what is not of its \
         protocol: what is behind AWS_ENDPOINT_URL?"
    );
}

#[tokio::test]
async fn what_cannot_be_reached_says_what_to_look_at() {
    // It is nobody else's for as long as it is bound, and nobody listens on it.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    let said = answer(&SecretsManager::with_config(&config(&endpoint).await), "web/password").await;
    let begin = "secret \"web/password\" cannot be had from Secrets Manager in eu-central-1: it cannot be reached: ";
    assert!(said.starts_with(begin) && said.contains("refused"), "{said}");
    assert!(said.ends_with("(is the network there, and AWS_ENDPOINT_URL right?)"), "{said}");

    for (missing, variables, advice) in [
        ("region", &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")][..], "(set AWS_REGION, or"),
        ("credentials", &[("AWS_REGION", "eu-central-1")], "(set AWS_PROFILE, or AWS_ACCESS_KEY_ID and"),
    ] {
        let program = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "aws_secrets::faults::a_program_without_settings", "--nocapture"])
            .env_clear()
            .env(ROLE, "program")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_CONFIG_FILE", "/nowhere/config")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&program.stdout);
        assert!(said.contains(advice), "{missing}: {said}");
    }
}

/// Nothing by itself: what the test before it starts.
#[tokio::test]
async fn a_program_without_settings() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    println!("{}", answer(&SecretsManager::from_env().await, "web/password").await);
    println!("{}", answer(&ParameterStore::from_env().await, "web/password").await);
}
