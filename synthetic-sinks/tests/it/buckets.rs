//! Artifacts in buckets: S3 against `ministack`, Azure against Azurite, and all three against a server that answers as it is
//! told. Google's has no emulator in a registry of packages; what it is sent is the same language as that of S3, but for the
//! signature, so that the same emulator answers.

mod fake;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use synthetic_core::artifact::{ArtifactStore, Key, Retention, StoreError};
use synthetic_core::prelude::*;
use synthetic_core::testing::check_artifact_store_contract;
use synthetic_sinks::{Artifacts, ObjectStore};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use self::fake::Fake;
use super::aws::{Emulator, program_if_there};

/// What Azurite knows its one account by, for everybody.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// What that key signed: this account until 2099.
const ACCOUNT_SAS: &str = "se=2099-01-01T00%3A00%3A00Z&sp=rwdlc&sv=2026-10-06&ss=b&srt=sco&sig=7sVbVSR1WZEUo/FmnT%2BzAHfrmvtZlJBuW21kYQW45VU%3D";

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// Speaks HTTP without a library that knows better, and returns the head and the body of the answer.
async fn http(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// An emulator of S3 with a bucket `evidence`.
async fn s3() -> Option<(Emulator, SocketAddr)> {
    let emulator = Emulator::start().await?;
    let address = emulator.endpoint().trim_start_matches("http://").parse().unwrap();
    let (head, _) = http(address, "PUT /evidence").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    Some((emulator, address))
}

fn s3_store(endpoint: &str, bucket: &str) -> ObjectStore {
    let settings = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    ObjectStore::s3(bucket, settings).unwrap()
}

/// A monitor whose one canary fails, which keeps evidence in a store.
fn monitor(store: ObjectStore) -> Monitor {
    let canary = canary(Spec::new("shop"), |run: Run| async move {
        run.attach("page.html", "text/html", "<script>alert(1)</script>");
        run.expect("1", 1, eq(2))
    });
    let sink = Artifacts::new(store).retention(Retention::new().passed(secs(3600)));
    Monitor::named("test").location("eu").canary(every(secs(60)), canary).sink(sink).build().unwrap()
}

#[tokio::test]
async fn s3_keeps_the_contract_with_a_prefix_and_without() {
    let Some((emulator, _)) = s3().await else { return };
    let store = s3_store(&emulator.endpoint(), "evidence");
    check_artifact_store_contract(&store).await;
    check_artifact_store_contract(&store.prefix(key("team/shop"))).await;
}

#[tokio::test]
async fn what_a_failed_run_leaves_in_s3_is_there_for_anybody_who_lists_it() {
    let Some((emulator, address)) = s3().await else { return };
    let (reports, summary) = monitor(s3_store(&emulator.endpoint(), "evidence").prefix(key("team"))).once().await;
    assert_eq!((summary.sinks[0].delivered, &summary.sinks[0].last_error), (1, &None));

    let (_, list) = http(address, "GET /evidence?list-type=2&prefix=team/canary/eu/shop/").await;
    let keys: Vec<_> = list.split("<Key>").skip(1).map(|rest| rest.split_once("</Key>").unwrap().0).collect();
    let run = reports[0].run_id.to_string();
    let names: Vec<_> = keys.iter().map(|key| key.split_once(&format!("/failed-{run}/")).unwrap().1).collect();
    assert_eq!(names, ["attachments/01-page.html", "report.json"]);

    let (head, page) = http(address, &format!("GET /evidence/{}", keys[0])).await;
    let head = head.to_ascii_lowercase();
    assert_eq!(page, "<script>alert(1)</script>");
    assert!(head.contains("\r\ncontent-type: text/html\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-disposition: attachment\r\n"), "{head}");
    let (_, report) = http(address, &format!("GET /evidence/{}", keys[1])).await;
    let report: Report = serde_json::from_str(&report).unwrap();
    assert_eq!((report.run_id, report.outcome), (reports[0].run_id, Outcome::Failed));
}

#[tokio::test]
async fn a_listing_of_s3_goes_on_after_its_first_thousand() {
    let Some((emulator, _)) = s3().await else { return };
    let store = Arc::new(s3_store(&emulator.endpoint(), "evidence"));
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for n in 0..140 {
                store.put(&key(&format!("many/{task}-{n}.txt")), "text/plain", "x".into()).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.list(Some(&key("many"))).await.unwrap().len(), 8 * 140);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_refused_and_changes_no_outcome() {
    let Some((emulator, _)) = s3().await else { return };
    let store = s3_store(&emulator.endpoint(), "nowhere");
    let error = store.put(&key("a.txt"), "text/plain", "x".into()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Refused(why) if why.contains("NoSuchBucket")), "{error}");
    let (reports, summary) = monitor(store).once().await;
    assert_eq!(reports[0].outcome, Outcome::Failed);
    let stats = &summary.sinks[0];
    assert_eq!((stats.delivered, stats.dropped.get("fatal")), (0, Some(&1)), "{stats:?}");
}

#[tokio::test]
async fn what_is_sent_to_google_keeps_the_contract() {
    let Some((emulator, _)) = s3().await else { return };
    let endpoint = emulator.endpoint();
    let settings = [("GOOGLE_BASE_URL", &*endpoint), ("GOOGLE_BEARER_TOKEN", "test")];
    let store = ObjectStore::gcs("evidence", settings).unwrap();
    check_artifact_store_contract(&store).await;
    check_artifact_store_contract(&store.prefix(key("team/shop"))).await;
}

/// An emulator of Azure with a container `evidence`; it ends with its owner.
struct Azurite(Child, SocketAddr);

impl Azurite {
    async fn start() -> Option<Self> {
        let program = program_if_there("azurite-blob")?;
        let process = Command::new(program)
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"])
            .args(["--skipApiVersionCheck", "--disableTelemetry", "--silent"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut process = process.unwrap();
        let stdout = tokio::process::ChildStdout::from_std(process.stdout.take().unwrap()).unwrap();
        let mut lines = BufReader::new(stdout).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("it says where it listens");
            if let Some((_, address)) = line.split_once("listens on http://") {
                break address.parse().unwrap();
            }
        };
        let (head, _) = http(address, &format!("PUT /{ACCOUNT}/evidence?restype=container&{ACCOUNT_SAS}")).await;
        assert!(head.starts_with("HTTP/1.1 201"), "{head}");
        Some(Self(process, address))
    }

    fn store(&self, credential: (&str, &str)) -> ObjectStore {
        let endpoint = format!("http://{}/{ACCOUNT}", self.1);
        let settings = [("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT), ("AZURE_STORAGE_ENDPOINT", &endpoint), credential];
        ObjectStore::azure("evidence", settings).unwrap()
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn azure_keeps_the_contract_with_a_prefix_and_without() {
    let Some(azurite) = Azurite::start().await else { return };
    let store = azurite.store(("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY));
    check_artifact_store_contract(&store).await;
    check_artifact_store_contract(&store.prefix(key("team/shop"))).await;
}

/// Objects of Azure are deleted by a batch, which Azurite refuses to whoever comes with the signature of an account.
#[tokio::test]
async fn azure_takes_a_signature_instead_of_a_key() {
    let Some(azurite) = Azurite::start().await else { return };
    let store = azurite.store(("AZURE_STORAGE_SAS_TOKEN", ACCOUNT_SAS));
    store.put(&key("canary/1.txt"), "text/plain", "x".into()).await.unwrap();
    assert_eq!(store.get(&key("canary/1.txt")).await.unwrap().as_deref(), Some(&b"x"[..]));
    assert_eq!(store.list(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_failed_run_leaves_in_azure_is_there_for_anybody_who_lists_it() {
    let Some(azurite) = Azurite::start().await else { return };
    let (_, summary) = monitor(azurite.store(("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY))).once().await;
    assert_eq!((summary.sinks[0].delivered, &summary.sinks[0].last_error), (1, &None));
    let query = format!("restype=container&comp=list&prefix=canary/eu/shop/&{ACCOUNT_SAS}");
    let (_, list) = http(azurite.1, &format!("GET /{ACCOUNT}/evidence?{query}")).await;
    assert!(list.contains("/attachments/01-page.html</Name>") && list.contains("/report.json</Name>"), "{list}");
    assert!(list.contains("<Content-Type>text/html</Content-Type>"), "{list}");
    let page = list.split("<Name>").nth(1).unwrap().split_once("</Name>").unwrap().0;
    let (_, page) = http(azurite.1, &format!("GET /{ACCOUNT}/evidence/{page}?{ACCOUNT_SAS}")).await;
    assert_eq!(page, "<script>alert(1)</script>");
}

/// For a server that answers: longer than that takes on any machine.
const LONG: &str = "30s";

/// The same bucket of each of the three, at a server that answers as it is told.
fn at(fake: &Fake, timeout: &str) -> [ObjectStore; 3] {
    let endpoint = fake.endpoint();
    let aws =
        [("AWS_ENDPOINT_URL_S3", &*endpoint), ("AWS_ACCESS_KEY_ID", "AKIA1"), ("AWS_SECRET_ACCESS_KEY", "s3cr3t")];
    let google = [("GOOGLE_BASE_URL", &*endpoint), ("GOOGLE_BEARER_TOKEN", "t0ken")];
    let azure = [
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
        ("AZURE_STORAGE_ENDPOINT", &endpoint),
        ("AZURE_STORAGE_SAS_TOKEN", "sv=2021&sig=s1gnature"),
    ];
    [
        ObjectStore::s3("evidence", aws.into_iter().chain([("AWS_TIMEOUT", timeout)])).unwrap(),
        ObjectStore::gcs("evidence", google.into_iter().chain([("GOOGLE_TIMEOUT", timeout)])).unwrap(),
        ObjectStore::azure("evidence", azure.into_iter().chain([("AZURE_TIMEOUT", timeout)])).unwrap(),
    ]
}

#[tokio::test]
async fn each_sends_one_request_with_the_bytes_their_type_and_its_credential() {
    let fake = Fake::answering("201 Created").await;
    let expected = [
        ("put /evidence/canary/1.json http", "authorization: aws4-hmac-sha256 credential=akia1/"),
        ("put /evidence/canary%2f1%2ejson http", "authorization: bearer t0ken\r\n"),
        ("put /evidence/canary/1.json?sv=2021&sig=s1gnature http", "x-ms-blob-type: blockblob\r\n"),
    ];
    for (store, (line, header)) in at(&fake, LONG).into_iter().zip(expected) {
        let put = store.put(&key("canary/1.json"), "application/json", "{\"a\":1}".into()).await;
        let requests = fake.taken();
        assert_eq!((put, requests.len()), (Ok(()), 1), "{requests:?}");
        let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with(line), "{head}");
        assert!(head.contains("content-type: application/json\r\n") && head.contains(header), "{head}");
        assert_eq!(body, "{\"a\":1}");
    }
}

#[tokio::test]
async fn what_a_server_answers_decides_whether_it_is_worth_another_try() {
    for (status, worth) in [
        ("500 Internal Server Error", true),
        ("503 Slow Down", true),
        ("429 Too Many Requests", true),
        ("401 Unauthorized", false),
        ("403 Forbidden", false),
        ("404 Not Found", false),
    ] {
        let fake = Fake::answering(status).await;
        for store in at(&fake, LONG) {
            let error = store.put(&key("canary/1.json"), "application/json", "{}".into()).await.unwrap_err();
            assert_eq!(matches!(error, StoreError::Unavailable(_)), worth, "{status}: {error:?}");
            assert_eq!(fake.taken().len(), 1, "trying again is the pipeline's business");
            let text = error.to_string();
            assert!(text.starts_with(&format!("{}: cannot store canary/1.json: ", store.name())), "{text}");
            for secret in ["s3cr3t", "t0ken", "s1gnature"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_or_is_not_there_is_worth_another_try() {
    let silent = Fake::silent().await;
    let gone = Fake::answering("200 OK").await;
    let stores = [at(&silent, "200ms"), at(&gone, LONG)];
    drop(gone);
    for store in stores.into_iter().flatten() {
        let error = store.put(&key("canary/1.json"), "application/json", "{}".into()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unavailable(_)), "{error:?}");
        let text = error.to_string();
        assert!(!text.contains("s1gnature"), "{text}");
    }
}
