//! A secret that a real run says everywhere is in no sink's bytes.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use synthetic_core::prelude::*;
use synthetic_core::secret::EnvSecrets;
use synthetic_core::{Report, Runner};
use synthetic_http::{Http, body, from_secret, header, status};

use crate::sinks::all;

/// What stands beside the letters of a secret: all that some form has to escape.
const MARKS: [&str; 10] = ["\"", "<&>", "]]>", "\\", "%25", "ü", " + ", "'", "?x=/", "{}"];
/// How many letters in a row give a secret away.
const GIVEN_AWAY: usize = 8;

/// A secret, the same for the same seed: letters that no form escapes, and marks that each escapes in its way.
struct Password {
    letters: [String; 2],
    value: String,
}

impl Password {
    fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let letters = [(); 2].map(|()| (0..random.usize(12..24)).map(|_| random.alphanumeric()).collect::<String>());
        let [first, second] = &letters;
        let value = format!("{first}{}{second}", MARKS[random.usize(..MARKS.len())]);
        Self { letters, value }
    }

    /// Returns what of it stands in some bytes.
    fn found_in(&self, bytes: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(bytes);
        // In base64 the characters at the ends are mixed with what stands beside.
        let encoded = (0..3).map(|before| {
            let encoded = BASE64_STANDARD.encode(format!("{}{}", &"xxx"[..before], self.value));
            encoded[4..encoded.len() - 4].to_owned()
        });
        let all: Vec<String> = self.letters.iter().cloned().chain(encoded).collect();
        let parts = all.iter().flat_map(|word| word.as_bytes().windows(GIVEN_AWAY));
        parts.map(String::from_utf8_lossy).find(|part| text.contains(&**part)).map(std::borrow::Cow::into_owned)
    }
}

/// Answers with all that it was sent, in a head and a body that is longer than what is kept of it.
async fn mirror(request: Request) -> (StatusCode, [(&'static str, String); 1], String) {
    let (parts, body) = request.into_parts();
    let sent = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut said = format!("{} {}\n{:?}\n{}\n", parts.method, parts.uri, parts.headers, String::from_utf8_lossy(&sent));
    let echo = parts.uri.to_string();
    said = said.repeat((1 << 20) / said.len());
    (StatusCode::INTERNAL_SERVER_ERROR, [("x-echo", echo)], said)
}

/// Says the secret wherever a canary can say something.
async fn careless(run: Run, url: String, nobody: String) -> Result {
    let secret = run.secret("web/password").await?;
    let raw = secret.expose();
    run.label("password", raw);
    run.label(format!("label {raw}"), "x");
    run.attach(format!("{raw}.html"), "text/html", format!("<p>{raw}</p>"));
    run.warn(format!("warning {raw}"));
    run.metric(raw, 1.0, Unit::Count);
    run.prefer(format!("preference {raw}"), raw, eq("x"));
    run.defer(format!("log out {raw}"), {
        let text = format!("cannot log out with {raw}");
        async move { Err(Failure::new(text)) }
    });
    tracing::warn!(password = raw, "logged in with {raw}");
    let api = Http::at(&url).basic("user", from_secret("web/password"));
    let login = api.post("/login").query("token", raw).json(&json!({ "password": raw }));
    let login = login.expect(status(200)).expect(header("x-echo", "else")).expect(body(eq("else")));
    run.soft(format!("log in with {raw}"), login.send()).await;
    let elsewhere = Http::at(&nobody).bearer(from_secret("web/password"));
    run.soft("ask nobody", elsewhere.get("/").query("token", raw).send()).await;
    run.step(format!("step {raw}"), async {
        let failure = Failure::new(format!("subject {raw}")).expected(format!("is {raw}")).actual(format!("{raw:?}"));
        Err(failure.evidence("answer", raw.repeat(1_000)).cause(raw).hint(raw))
    })
    .await
}

async fn run(password: &Password, url: &str, nobody: &str) -> Report {
    let value = password.value.clone();
    let secrets = EnvSecrets::with_lookup(move |name| (name == "WEB_PASSWORD").then(|| value.clone().into()));
    let (url, nobody) = (url.to_owned(), nobody.to_owned());
    let canary = canary(Spec::new("careless"), move |run| careless(run, url.clone(), nobody.clone()));
    Runner::new().secrets(secrets).run(canary).await
}

#[tokio::test]
async fn a_secret_that_a_run_says_everywhere_leaves_no_sink() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(mirror)).await });
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for seed in 0..40 {
        let password = Password::of(seed);
        let report = Arc::new(run(&password, &url, &nobody).await);
        assert_eq!((report.requests.len(), report.outcome), (2, Outcome::Failed), "{report}");
        for kind in all() {
            let bytes = kind.write(&[Arc::clone(&report)]).await;
            let found = password.found_in(&bytes);
            assert_eq!(found, None, "of {:?} (seed {seed}) in what {} wrote", password.value, kind.name);
            assert!(
                bytes.windows(9).any(|window| window == b"redacted:"),
                "{} says that it left something out",
                kind.name
            );
        }
    }
}
