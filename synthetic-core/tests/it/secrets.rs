//! Secrets and personas in a run: what was resolved leaves it nowhere, and two runs never share an identity.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use synthetic_core::prelude::*;
use synthetic_core::report::RequestReport;
use synthetic_core::secret::{EnvSecrets, FolderSecrets};
use synthetic_core::{Persona, Personas, Reason, Runner, Secret};

const PASSWORD: &str = "p@ss \"word\"/1";

fn runner() -> Runner {
    Runner::new().secrets(EnvSecrets::with_lookup(|name| (name == "WEB_PASSWORD").then(|| PASSWORD.into())))
}

/// Puts the secret, raw and encoded, into everything that a run can record.
async fn careless(run: Run) -> Result {
    let secret = run.secret("web/password").await?;
    let (raw, url) = (secret.expose(), "p%40ss%20%22word%22%2F1");
    run.label("password", raw);
    run.label(format!("label {raw}"), "x");
    run.attach("page.html", "text/html; charset=utf-8", format!("<p>{raw}</p>"));
    run.attach(format!("{raw}.png"), "image/png", vec![1, 2, 3]);
    run.record_request(RequestReport::new("GET", format!("https://shop.example/login/{url}")));
    run.warn(format!("warning {raw}"));
    run.defer(format!("log out {raw}"), {
        let text = format!("cannot log out with {raw}");
        async move { Err(Failure::new(text)) }
    });
    tracing::info!(password = raw, "logged in with {raw}");
    let recovered = run.retry(attempts(2).wait(ms(0)), || async { Ok(()) });
    recovered.await?;
    run.prefer(format!("preference {raw}"), raw, eq("x"));
    run.step(format!("step {raw}"), async {
        let failure = Failure::new(format!("subject {raw}")).expected(format!("is {raw}")).actual(format!("{raw:?}"));
        let failure = failure.evidence("answer", format!("Basic {}", "dXNlcjpwQHNzICJ3b3JkIi8x")).cause(url).hint(raw);
        Err(failure)
    })
    .await
}

#[tokio::test]
async fn a_resolved_secret_leaves_the_run_nowhere_in_no_form() {
    let report = runner().run(canary(Spec::new("test"), careless)).await;
    let json = serde_json::to_string_pretty(&report).unwrap();
    for text in [&json, &report.to_string(), &format!("{report:?}")] {
        for form in ["p@ss", "word", "p%40ss", "cEBzcyAid29yZCIvM", "d29yZCIv"] {
            let at = text.lines().find(|line| line.contains(form) && !line.contains("web/password"));
            assert!(at.is_none(), "{form} in {at:?}");
        }
    }
    assert_eq!(report.labels["password"], "[redacted:web/password]");
    assert_eq!(&report.artifacts[0].bytes[..], b"<p>[redacted:web/password]</p>");
    assert_eq!(report.steps[0].name, "step [redacted:web/password]");
    assert_eq!(report.failures[0].step(), ["step [redacted:web/password]"]);
    assert_eq!(report.cleanup.items[0].name, "log out [redacted:web/password]");
    assert!(report.log[0].text.starts_with("logged in with [redacted:web/password] password="), "{:?}", report.log);
}

#[tokio::test]
async fn a_panic_that_says_a_secret_is_redacted() {
    let report = runner()
        .run(canary(Spec::new("test"), |run: Run| async move {
            let secret = run.secret("web/password").await?;
            panic!("wrong password {}", secret.expose())
        }))
        .await;
    assert_eq!(report.failures[0].subject(), "the body panicked: wrong password [redacted:web/password]");
}

#[tokio::test]
async fn a_secret_that_is_missing_is_an_error_that_says_where_it_was_looked_for() {
    let runner = runner().secrets(FolderSecrets::at("/nowhere/secrets"));
    let report =
        runner.run(canary(Spec::new("test"), |run: Run| async move { run.secret("web/user").await.map(drop) })).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)));
    assert_eq!(
        report.failures[0].subject(),
        "secret \"web/user\" not found: asked environment (WEB_USER, WEB_USER_FILE), \
         folder /nowhere/secrets (there is no such folder)"
    );
}

#[tokio::test]
async fn a_secret_that_the_target_handed_out_can_be_kept_out_too() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.keep_secret(&Secret::new("session", "tok-12345"))?;
        run.expect("token", "tok-12345", eq("other"))
    }))
    .await;
    assert_eq!(report.failures[0].observation(), Some("\"[redacted:session]\""));
}

#[tokio::test]
async fn two_runs_never_share_a_persona_and_cleanup_still_has_it() {
    let pool = Personas::of([Persona::new("alice"), Persona::new("bob")]).unwrap();
    let holders: Arc<[AtomicUsize; 2]> = Arc::default();
    let runs = (0..20).map(|_| {
        let (pool, holders) = (pool.clone(), Arc::clone(&holders));
        tokio::spawn(once(canary(Spec::new("test"), move |run: Run| {
            let (pool, holders) = (pool.clone(), Arc::clone(&holders));
            async move {
                let persona = run.persona(&pool).await?;
                let n = usize::from(persona.name() == "bob");
                assert_eq!(holders[n].fetch_add(1, Ordering::SeqCst), 0, "shared");
                run.defer("give back", async move {
                    tokio::task::yield_now().await;
                    holders[n].fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                });
                tokio::task::yield_now().await;
                run.expect("has a name", persona.name().len(), gt(0))
            }
        })))
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap().assert_passed();
    }
    assert!(pool.in_use().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_in_vain_for_a_persona_says_who_has_them() {
    let pool = Personas::of([Persona::new("alice")]).unwrap();
    let _held = pool.try_lease();
    let canary = canary(Spec::new("test").timeout(secs(10)), move |run: Run| {
        let pool = pool.clone();
        async move { run.persona(&pool).await.map(drop) }
    });
    let report = once(canary).await;
    assert_eq!(report.failures[0].subject(), "no persona was free within 9s: in use are alice");
    assert_eq!(report.reason, Some(Reason::Setup));
}

#[tokio::test]
async fn an_artifact_that_is_text_is_redacted_whatever_it_is_called() {
    let report = runner()
        .run(canary(Spec::new("test"), |run: Run| async move {
            let secret = run.secret("web/password").await?;
            let raw = secret.expose();
            run.attach("a", "Application/JSON", format!("{{\"p\":\"{raw}\"}}"));
            run.attach("b", "application/octet-stream", format!("dump {raw}"));
            run.attach("c", "text/plain", [b"latin \xe4 ", raw.as_bytes()].concat());
            run.expect("x", 1, eq(2))
        }))
        .await;
    assert_eq!(&report.artifacts[2].bytes[..], b"latin \xe4 [redacted:web/password]");
    for artifact in &report.artifacts {
        let text = String::from_utf8_lossy(&artifact.bytes);
        assert!(!text.contains("p@ss") && artifact.bytes.len() == artifact.size, "{}", artifact.name);
    }
}

#[tokio::test]
async fn the_beginning_of_a_secret_at_the_cut_of_an_artifact_is_redacted_too() {
    for kept in 4..PASSWORD.len() {
        let report = runner()
            .run(canary(Spec::new("test"), move |run: Run| async move {
                let secret = run.secret("web/password").await?;
                let before = 4 * 1024 * 1024 - 64 - kept;
                run.attach(
                    "page",
                    "text/html",
                    format!("{}{}{}", "x".repeat(before), secret.expose(), "y".repeat(100)),
                );
                Ok(())
            }))
            .await;
        let text = String::from_utf8_lossy(&report.artifacts[0].bytes);
        assert!(!text.contains("p@ss"), "{kept}");
        assert!(text.ends_with(" bytes left out)") && report.artifacts[0].cut_from.is_some());
    }
}

#[tokio::test]
async fn where_two_texts_part_within_a_secret_no_part_of_it_is_shown() {
    let key = "sk_live_51H8xQ2eZvKYlo2CIhXnR8fTqW3pLd";
    let runner = Runner::new().secrets(EnvSecrets::with_lookup(move |name| (name == "SHOP_KEY").then(|| key.into())));
    let report = runner
        .run(canary(Spec::new("test"), |run: Run| async move {
            let secret = run.secret("shop/key").await?;
            run.prefer("the old key", secret.expose(), eq("sk_live_00000000000000000000000000000000"));
            run.prefer(
                "the answer",
                format!("key={}&x=1", secret.expose()),
                eq("key=sk_live_0&x=1, and more than it takes"),
            );
            run.prefer("its end", format!("{} and {}", "x".repeat(50), secret.expose()), ends_with("nothing"));
            run.expect("a whole", 1, eq(1))
        }))
        .await;
    let text = format!("{report}\n{}", serde_json::to_string(&report).unwrap());
    let part = key.as_bytes()[8..].windows(4).find(|part| text.contains(std::str::from_utf8(part).unwrap()));
    assert_eq!(part, None, "{text}");
    assert_eq!(report.unmet.len(), 3);
}
