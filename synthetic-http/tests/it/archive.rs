//! The archive of a run's requests: what is in it, when there is one, and what is not.

use serde_json::{Value, json};
use synthetic_core::Runner;
use synthetic_core::prelude::*;
use synthetic_core::secret::EnvSecrets;
use synthetic_http::{Http, Keep, from_secret};

use crate::support::{Server, bare, masked, ok, typed};

fn archive(report: &Report) -> Option<Value> {
    let artifact = report.artifacts.iter().find(|artifact| artifact.name == "http.har")?;
    assert_eq!(artifact.media_type, "application/json");
    Some(serde_json::from_slice(&artifact.bytes).expect("an archive is JSON"))
}

fn entries(report: &Report) -> Vec<Value> {
    archive(report).unwrap_or_else(|| panic!("there is an archive: {report:?}"))["log"]["entries"]
        .as_array()
        .expect("entries")
        .clone()
}

/// Writes entries without what differs from run to run, and checks that it was there.
fn shown(entries: &[Value]) -> String {
    let mut entries = entries.to_vec();
    for entry in &mut entries {
        let timings = entry["timings"].take();
        let sum: f64 = ["blocked", "dns", "connect", "send", "wait", "receive"]
            .into_iter()
            .filter_map(|part| timings[part].as_f64())
            .filter(|time| *time > 0.0)
            .sum();
        let time = entry["time"].take().as_f64().expect("a time");
        assert!((sum - time).abs() < 0.01, "{timings} are {time}");
        assert!(entry["startedDateTime"].take().as_str().is_some_and(|moment| moment.ends_with('Z')));
        entry.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    }
    let text = serde_json::to_string_pretty(&entries).expect("JSON");
    let text = regex::Regex::new(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01").expect("a pattern").replace_all(&text, "TRACE");
    masked(&text)
}

async fn shop() -> Server {
    Server::answering(|request| match request.split([' ', '?']).nth(1).unwrap_or_default() {
        "/led" => bare("302 Found", "location: /there?token=t0p&page=2\r\nset-cookie: session=s1\r\n"),
        "/orders" => typed(
            "500 Internal Server Error",
            "application/json",
            "{\"error\":\"down\",\"token\":\"t0k-answer\",\"echo\":\"the-secret-value\"}",
        ),
        "/image" => typed("200 OK", "image/png", "\u{0}\u{1}"),
        _ => ok("there"),
    })
    .await
}

#[tokio::test]
async fn every_hop_is_in_the_archive_of_a_run_that_fails_and_no_secret_is() {
    let server = shop().await;
    let api = Http::at(server.url()).bearer(from_secret("shop/token"));
    let nobody = Http::at("http://127.0.0.1:1");
    let store = EnvSecrets::with_lookup(|name| (name == "SHOP_TOKEN").then(|| "the-secret-value".into()));
    let report = Runner::new()
        .secrets(store)
        .run(canary(Spec::new("test"), move |run: Run| {
            let (api, nobody) = (api.clone(), nobody.clone());
            async move {
                run.step("look", async {
                    api.get("/led").send().await?;
                    run.tolerate(nobody.get("/health").send()).await.ok();
                    let mut stream = api.get("/rows").stream().await?;
                    stream.next().await?;
                    stream.next().await
                })
                .await?;
                let order = json!({ "sku": "A", "password": "by-name", "note": "the-secret-value" });
                api.post("/orders?api_key=by-name")
                    .json(&order)
                    .expect(synthetic_http::status(200))
                    .send()
                    .await
                    .map(drop)
            }
        }))
        .await;
    let entries = entries(&report);
    let text = archive(&report).expect("an archive").to_string();
    for secret in ["the-secret-value", "by-name", "t0p", "t0k-answer", "=s1"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    insta::assert_snapshot!(shown(&entries));
}

#[tokio::test]
async fn there_is_an_archive_when_it_is_wanted() {
    let server = shop().await;
    let run = async |keep: Option<Keep>, path: &'static str| {
        let api = Http::at(server.url());
        let api = match keep {
            Some(keep) => api.archive(keep),
            None => api,
        };
        once(canary(Spec::new("test"), move |_| {
            let api = api.clone();
            async move { api.get(path).send().await.map(drop) }
        }))
        .await
    };
    for (keep, of_a_pass, of_a_failure) in [
        (None, false, true),
        (Some(Keep::OnFailure), false, true),
        (Some(Keep::Never), false, false),
        (Some(Keep::Always), true, true),
    ] {
        let (passed, failed) = (run(keep, "/there").await, run(keep, "/orders").await);
        passed.assert_passed();
        assert_eq!(failed.outcome, Outcome::Failed);
        assert_eq!((archive(&passed).is_some(), archive(&failed).is_some()), (of_a_pass, of_a_failure), "{keep:?}");
    }
}

#[tokio::test]
async fn each_http_decides_for_its_own_requests_and_there_is_one_archive() {
    let server = shop().await;
    let url = server.url();
    let report = once(canary(Spec::new("test"), move |_| {
        let at = |keep| Http::at(&url).archive(keep);
        let (never, always, on_failure) = (at(Keep::Never), at(Keep::Always), at(Keep::OnFailure));
        async move {
            never.get("/never").send().await?;
            always.get("/always").send().await?;
            on_failure.get("/on-failure").send().await.map(drop)
        }
    }))
    .await;
    report.assert_passed();
    let urls: Vec<String> = entries(&report).iter().map(|entry| entry["request"]["url"].to_string()).collect();
    assert_eq!(urls.len(), 1, "{urls:?}");
    assert!(urls[0].ends_with("/always\""), "{urls:?}");
}

#[tokio::test]
async fn what_is_sent_again_with_another_secret_is_there_twice() {
    let server =
        Server::answering(
            |request| {
                if request.contains("new-secret") { ok("in") } else { bare("401 Unauthorized", "") }
            },
        )
        .await;
    let url = server.url();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let store = EnvSecrets::with_lookup(move |name| {
        if name != "SHOP_TOKEN" {
            return None;
        }
        let first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        Some(if first { "old-secret" } else { "new-secret" }.into())
    });
    let report = Runner::new()
        .secrets(store)
        .run(canary(Spec::new("test"), move |_| {
            let api = Http::at(&url).archive(Keep::Always);
            async move { api.get("/").bearer(from_secret("shop/token")).send().await.map(drop) }
        }))
        .await;
    report.assert_passed();
    let statuses: Vec<_> = entries(&report).iter().map(|entry| entry["response"]["status"].clone()).collect();
    assert_eq!(statuses, [401, 200]);
}

/// Sends requests for `/0`, `/1` and so on in one run, and returns its archive.
async fn archive_of(server: &Server, requests: usize) -> Value {
    let url = server.url();
    let report = once(canary(Spec::new("test").timeout(secs(60)), move |_| {
        let api = Http::at(&url).archive(Keep::Always);
        async move {
            for at in 0..requests {
                api.get(format!("/{at}")).send().await?;
            }
            Ok(())
        }
    }))
    .await;
    report.assert_passed();
    archive(&report).expect("an archive")
}

#[tokio::test]
async fn the_last_requests_are_kept_and_those_before_are_counted() {
    let server = Server::answering(|_| ok(&"x".repeat(20_000))).await;
    let archive = archive_of(&server, 503).await;
    let entries = archive["log"]["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 500);
    assert_eq!(archive["log"]["comment"], "3 more requests were left out");
    assert!(entries[499]["request"]["url"].as_str().is_some_and(|url| url.ends_with("/502")));
    assert_eq!(entries[499]["response"]["content"]["text"].as_str().map(str::len), Some(20_000));
    assert_eq!(entries[0]["response"]["content"]["size"], 20_000);
    assert!(entries[0]["comment"].as_str().is_some_and(|comment| comment.contains("later ones took their room")));
    assert!(entries[0]["response"]["content"]["text"].is_null());
}

#[tokio::test]
async fn heads_have_a_bound_of_their_own() {
    let server = Server::answering(|_| bare("200 OK", &format!("x-long: {}\r\n", "x".repeat(300_000)))).await;
    let archive = archive_of(&server, 10).await;
    let entries = archive["log"]["entries"].as_array().expect("entries");
    assert_eq!((entries.len(), &archive["log"]["comment"]), (6, &json!("4 more requests were left out")));
    assert!(entries[5]["request"]["url"].as_str().is_some_and(|url| url.ends_with("/9")));
}
