use ::object_store::Error;
use ::object_store::memory::InMemory;
use synthetic_core::testing::check_artifact_store_contract;

use super::*;

fn store() -> ObjectStore {
    ObjectStore::new("memory://bucket".to_owned(), Arc::new(InMemory::new()))
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

#[tokio::test]
async fn it_keeps_the_contract_with_a_prefix_and_without() {
    check_artifact_store_contract(&store()).await;
    check_artifact_store_contract(&store().prefix(key("team/shop"))).await;
}

#[tokio::test]
async fn below_a_prefix_nothing_else_is_seen() {
    let all = store();
    let part = all.clone().prefix(key("team/shop"));
    for text in ["team/shop/canary/1.txt", "team/shopping/canary/2.txt", "canary/3.txt", "team/shop"] {
        all.put(&key(text), "text/plain", "x".into()).await.unwrap();
    }
    assert_eq!(part.list(None).await.unwrap(), [Stored::new(key("canary/1.txt"), 1)]);
    assert_eq!(part.list(Some(&key("canary"))).await.unwrap().len(), 1);
    assert_eq!(part.get(&key("canary/3.txt")).await.unwrap(), None);
    assert_eq!(part.name(), "memory://bucket/team/shop");
    assert_eq!(part.prefix(key("other")).name(), "memory://bucket/other");
}

#[tokio::test]
async fn objects_that_have_no_key_are_left_out() {
    let all = store();
    all.bucket.put(&Path::from("canary/caf\u{e9} 1.txt"), "x".into()).await.unwrap();
    all.bucket.put(&Path::from("canary/.hidden"), "x".into()).await.unwrap();
    assert_eq!(all.list(None).await.unwrap(), []);
}

#[test]
fn a_media_type_that_is_none_is_replaced_and_what_could_run_is_to_be_saved() {
    for (media_type, stored, saved) in [
        ("application/json", "application/json", false),
        ("text/html; charset=utf-8", "text/html; charset=utf-8", true),
        ("image/svg+xml", "image/svg+xml", true),
        ("Text/JavaScript", "Text/JavaScript", true),
        ("image/png", "image/png", false),
        ("", "application/octet-stream", false),
        ("text/plain\r\nx-evil: 1", "application/octet-stream", false),
        ("caf\u{e9}", "application/octet-stream", false),
    ] {
        let attributes = attributes(media_type);
        assert_eq!(attributes.get(&Attribute::ContentType).map(AsRef::as_ref), Some(stored));
        assert_eq!(attributes.get(&Attribute::ContentDisposition).is_some(), saved, "{media_type}");
    }
}

#[test]
fn errors_tell_what_may_work_later_and_hold_no_signature_and_no_page() {
    let store = store();
    let generic = |text: String| Error::Generic { store: "S3", source: text.into() };
    let key = key("canary/1.txt");
    let doing = store.doing("store", Some(&key));
    let signed = generic("GET http://host/b/1.txt?X-Amz-Signature=c0ffee&sig=beef\n  failed".to_owned());
    assert_eq!(
        doing.failed(&signed),
        StoreError::Unavailable(
            "memory://bucket: cannot store canary/1.txt: Generic S3 error: GET http://host/b/1.txt failed".to_owned()
        )
    );
    let page = doing.failed(&generic(format!("<html>{}", "\u{e9}".repeat(10_000))));
    assert!(matches!(&page, StoreError::Unavailable(text) if text.len() < 800 && text.ends_with('…')), "{page}");
    let denied = Error::PermissionDenied { path: "1.txt".into(), source: "403".into() };
    assert!(matches!(doing.failed(&denied), StoreError::Refused(_)));
}

#[cfg(feature = "s3")]
mod s3 {
    use super::*;

    #[test]
    fn settings_are_those_of_every_tool_of_aws() {
        let all = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_BUCKET", "another"),
            ("AWS_ENDPOINT_URL", "https://any.example"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", ""),
            ("HOME", "/root"),
        ];
        let built = format!("{:?}", settings::s3("evidence", settings::read(all)).unwrap());
        for part in ["eu-central-1", "http://127.0.0.1:9/evidence"] {
            assert!(built.contains(part), "{part} in {built}");
        }
        assert!(!built.contains("another"), "{built}");
        assert_eq!(ObjectStore::s3("evidence", all).unwrap().name(), "s3://evidence");
    }

    #[test]
    fn a_profile_that_nobody_reads_is_said_at_once() {
        let error = ObjectStore::s3("evidence", [("AWS_PROFILE", "prod")]).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("s3://evidence: AWS_PROFILE is \"prod\", and profiles are not read here"), "{text}");
        assert!(ObjectStore::s3("evidence", [("AWS_PROFILE", "")]).is_ok(), "set to nothing is not set");
    }

    #[test]
    fn half_of_a_credential_is_refused() {
        let error = ObjectStore::s3("evidence", [("AWS_ACCESS_KEY_ID", "key")]).unwrap_err();
        assert!(error.to_string().contains("a setting is missing or wrong"), "{error}");
    }
}

#[cfg(feature = "gcs")]
#[test]
fn a_file_of_credentials_that_is_not_there_is_refused() {
    let error = ObjectStore::gcs("evidence", [("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")]).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("gs://evidence: a setting is missing or wrong") && text.contains("/nowhere"), "{text}");
}

#[cfg(feature = "azure")]
#[test]
fn an_account_that_is_not_named_is_refused() {
    let error = ObjectStore::azure("evidence", [("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")]).unwrap_err();
    assert!(error.to_string().starts_with("az://evidence: a setting is missing or wrong"), "{error}");
}
