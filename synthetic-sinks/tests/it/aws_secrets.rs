//! Secrets from the stores of AWS: from an emulator, and from what only pretends to be AWS.

mod faults;
mod rotation;

use std::process::Command;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::Credentials;
use aws_sdk_ssm::types::ParameterType;
use synthetic_core::SecretStore;
use synthetic_core::secret::check_secret_store_contract;
use synthetic_sinks::{ParameterStore, SecretsManager};

use crate::aws::Emulator;

const REGION: &str = "eu-central-1";
/// Set in the environment of a process that a test starts.
const ROLE: &str = "SYNTHETIC_TEST_ROLE";

async fn config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        // As many tries as ever, without the seconds between them.
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        .load()
        .await
}

/// Gives a secret its value, whether it is there or not.
async fn put_secret(config: &SdkConfig, name: &str, value: &str) {
    let client = aws_sdk_secretsmanager::Client::new(config);
    if client.put_secret_value().secret_id(name).secret_string(value).send().await.is_err() {
        client.create_secret().name(name).secret_string(value).send().await.unwrap();
    }
}

/// Gives a parameter its value, encrypted, whether it is there or not; each value is a version, from 1 on.
async fn put_parameter(config: &SdkConfig, name: &str, value: &str) {
    let call = aws_sdk_ssm::Client::new(config).put_parameter();
    call.name(name).value(value).r#type(ParameterType::SecureString).overwrite(true).send().await.unwrap();
}

/// Returns the value of a secret, `nothing`, or what an error says with all its causes.
async fn answer(store: &dyn SecretStore, name: &str) -> String {
    match store.get(name).await {
        Ok(Some(secret)) => secret.expose().to_owned(),
        Ok(None) => "nothing".to_owned(),
        Err(error) => {
            let mut text = error.to_string();
            let mut next = std::error::Error::source(&error);
            while let Some(cause) = next {
                text = format!("{text}: {cause}");
                next = cause.source();
            }
            text
        }
    }
}

#[tokio::test]
async fn both_keep_the_contract_before_and_after_a_rotation() {
    let Some(emulator) = Emulator::start().await else { return };
    let config = config(&emulator.endpoint()).await;
    let stores: [Box<dyn SecretStore>; 2] = [
        Box::new(SecretsManager::with_config(&config).ttl(Duration::ZERO)),
        Box::new(ParameterStore::with_config(&config).ttl(Duration::ZERO)),
    ];
    for value in ["correct horse", "battery staple"] {
        put_secret(&config, "web/password", value).await;
        put_parameter(&config, "/web/password", value).await;
        for store in &stores {
            check_secret_store_contract(&**store, "web/password", value).await;
        }
    }
    put_secret(&config, "db-login", r#"{"username": "admin", "password": "correct horse"}"#).await;
    let by_key = SecretsManager::with_config(&config).last_part_is_key();
    check_secret_store_contract(&by_key, "db-login/password", "correct horse").await;
    // The cache is no excuse.
    check_secret_store_contract(&SecretsManager::with_config(&config), "web/password", "battery staple").await;
}

#[tokio::test]
async fn a_secret_is_found_by_name_by_key_by_arn_and_by_stage() {
    let Some(emulator) = Emulator::start().await else { return };
    let config = config(&emulator.endpoint()).await;
    let client = aws_sdk_secretsmanager::Client::new(&config);
    put_secret(&config, "shop/token", "correct horse").await;
    put_secret(&config, "prod/db", r#"{"username": "admin", "password": "battery staple", "port": 5432}"#).await;
    let bytes = |bytes: &[u8]| aws_sdk_secretsmanager::primitives::Blob::new(bytes);
    client.create_secret().name("shop/text").secret_binary(bytes("größer".as_bytes())).send().await.unwrap();
    client.create_secret().name("shop/binary").secret_binary(bytes(b"\xffhunter2")).send().await.unwrap();
    let pending =
        client.put_secret_value().secret_id("shop/token").secret_string("to come").version_stages("AWSPENDING");
    pending.send().await.unwrap();
    let arn = client.describe_secret().secret_id("shop/token").send().await.unwrap().arn.unwrap();
    put_secret(&config, "shop/gone", "correct horse").await;
    client.delete_secret().secret_id("shop/gone").recovery_window_in_days(7).send().await.unwrap();

    let store = SecretsManager::with_config(&config)
        .prefix("shop/")
        .with("db/password", "prod/db#password")
        .with("db/port", "prod/db#port")
        .with("db/host", "prod/db#host")
        .with("by-arn", &arn)
        .with("nowhere", "prod/nowhere");
    let place = "cannot be had from Secrets Manager in eu-central-1";
    for (name, expected) in [
        ("token", "correct horse".to_owned()),
        ("by-arn", "correct horse".to_owned()),
        ("text", "größer".to_owned()),
        ("db/password", "battery staple".to_owned()),
        ("db/port", "5432".to_owned()),
        ("other", "nothing".to_owned()),
        ("db/host", format!("secret \"db/host\" {place}: the JSON object in \"prod/db\" has no key \"host\"")),
        (
            "nowhere",
            format!(
                "secret \"nowhere\" {place}: there is no \"prod/nowhere\": create it, or check AWS_REGION and the account"
            ),
        ),
        (
            "binary",
            "secret \"binary\" in Secrets Manager in eu-central-1 is not UTF-8 text: store binary values in base64"
                .to_owned(),
        ),
    ] {
        assert_eq!(answer(&store, name).await, expected, "{name}");
    }
    let gone = answer(&store, "gone").await;
    assert!(gone.contains("InvalidRequestException") && gone.contains("(restore it, or name another one)"), "{gone}");
    assert_eq!(store.looked_in("other"), "Secrets Manager in eu-central-1 (shop/other)");

    let pending = SecretsManager::with_config(&config).version_stage("AWSPENDING");
    assert_eq!(answer(&pending, "shop/token").await, "to come");
}

#[tokio::test]
async fn a_parameter_is_found_decrypted_by_name_by_version_and_by_label() {
    let Some(emulator) = Emulator::start().await else { return };
    let config = config(&emulator.endpoint()).await;
    for value in ["first value", "second value"] {
        put_parameter(&config, "/shop/prod/web/password", value).await;
    }
    put_parameter(&config, "token", "correct horse").await;
    put_parameter(&config, "/db", r#"{"password": "battery staple"}"#).await;
    let client = aws_sdk_ssm::Client::new(&config);
    let label = client.label_parameter_version().name("/shop/prod/web/password").parameter_version(1).labels("stable");
    label.send().await.unwrap();

    let store = ParameterStore::with_config(&config)
        .prefix("/shop/prod/")
        .with("token", "token")
        .with("db/password", "/db#password")
        .with("web/first", "/shop/prod/web/password:1")
        .with("web/stable", "/shop/prod/web/password:stable")
        .with("web/third", "/shop/prod/web/password:3");
    for (name, expected) in [
        ("web/password", "second value"),
        ("web/first", "first value"),
        ("web/stable", "first value"),
        ("token", "correct horse"),
        ("db/password", "battery staple"),
        ("web/user", "nothing"),
        (
            "web/third",
            "secret \"web/third\" cannot be had from Parameter Store in eu-central-1: there is no \
             \"/shop/prod/web/password:3\": create it, or check AWS_REGION and the account",
        ),
    ] {
        assert_eq!(answer(&store, name).await, expected, "{name}");
    }
    assert_eq!(answer(&ParameterStore::with_config(&config), "shop/prod/web/password").await, "second value");
}

#[tokio::test]
async fn region_endpoint_and_credentials_come_from_the_environment() {
    let Some(emulator) = Emulator::start().await else { return };
    let config = config(&emulator.endpoint()).await;
    put_secret(&config, "web/password", "correct horse").await;
    put_parameter(&config, "/web/password", "battery staple").await;
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("config");
    let text = format!("[profile shop]\nregion = {REGION}\naws_access_key_id = test\naws_secret_access_key = test\n");
    std::fs::write(&profile, text).unwrap();
    let endpoint = emulator.endpoint();
    let by_variables = [
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", &endpoint),
    ];
    let by_profile = [
        ("AWS_PROFILE", "shop"),
        ("AWS_CONFIG_FILE", profile.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoint),
        ("AWS_ENDPOINT_URL_SSM", &endpoint),
    ];
    for (how, variables) in [("variables", &by_variables[..]), ("profile", &by_profile)] {
        let program = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "aws_secrets::a_program_of_its_own", "--nocapture"])
            .env(ROLE, "program")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert!(program.status.success(), "{how}: {}", String::from_utf8_lossy(&program.stderr));
    }
}

/// Nothing by itself: what the test before it starts.
#[tokio::test]
async fn a_program_of_its_own() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    assert_eq!(answer(&SecretsManager::from_env().await, "web/password").await, "correct horse");
    assert_eq!(answer(&ParameterStore::from_env().await, "web/password").await, "battery staple");
}
