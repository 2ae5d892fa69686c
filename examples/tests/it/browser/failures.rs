//! The journey where something is wrong: each failure must stand alone, for someone who has nothing but its text.

use std::path::Path;
use std::time::Duration;

use synthetic_browser::{Browser, Page};
use synthetic_core::prelude::*;
use synthetic_core::{Outcome, Reason, Report, Runner};
use synthetic_examples::canaries::login;
use synthetic_examples::demo_secrets;
use synthetic_examples::storefront::{Storefront, Tls};

use super::processes;
use super::support::{Site, in_each_browser, told};

const HOME: &str = include_str!("../../../src/storefront/pages/home.html");
const LOGIN: &str = include_str!("../../../src/storefront/pages/login.html");
const DASHBOARD: &str = include_str!("../../../src/storefront/pages/dashboard.html");

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// What is wrong, and what its failure is in every browser.
struct Wrong {
    name: &'static str,
    site: Option<Site>,
    outcome: Outcome,
    reason: Reason,
    /// What its text has in it, whatever the browser.
    words: &'static [&'static str],
}

impl Wrong {
    /// How long elements are waited for, and documents: what must come has its time also on a busy machine, and only what is to
    /// run out is short.
    fn patience(&self) -> (Duration, Duration) {
        match self.reason {
            Reason::Expectation => (secs(5), LONG),
            Reason::Timeout => (LONG, secs(2)),
            _ => (LONG, LONG),
        }
    }
}

/// The shop's pages, with one thing of one page replaced.
fn shop(page: &str, from: &str, to: &str) -> Site {
    let changed = |name: &str, html: &str| {
        if name == page {
            assert!(html.contains(from), "{name} has no {from}");
            html.replace(from, to)
        } else {
            html.to_owned()
        }
    };
    let answer = |html: String| (200, "text/html", html, ms(0));
    Site::default()
        .answer("/", answer(changed("home", HOME)))
        .answer(
            "/login",
            answer(changed(
                "login",
                &LOGIN.replace("{{error}}", "").replace("action=\"/session\"", "action=\"/dashboard\""),
            )),
        )
        .answer("/dashboard", answer(changed("dashboard", DASHBOARD)))
        .answer(
            "/api/activity",
            (200, "application/json", r#"{"nav":[],"metrics":{},"activity":[]}"#.to_owned(), ms(0)),
        )
}

fn whole() -> Site {
    shop("", "", "")
}

fn wrongs() -> Vec<Wrong> {
    let failed = |name, site, reason, words| Wrong { name, site: Some(site), outcome: Outcome::Failed, reason, words };
    let button = r#"<button id="submit-login" type="submit">Sign in</button>"#;
    let link = r#"<a id="login-btn" href="/login" role="button">Log in</a>"#;
    vec![
        failed(
            "element missing",
            shop("home", r#"id="login-btn""#, r#"id="signin-btn""#),
            Reason::Expectation,
            &["id \"login-btn\"", "Log in"],
        ),
        failed(
            "two elements",
            shop("login", button, &format!("{button}<button type=button>Sign in with a key</button>")),
            Reason::Expectation,
            &["button \"Sign in\"", "2 ", "Sign in with a key"],
        ),
        failed(
            "never enabled",
            shop("login", button, &button.replace("<button", "<button disabled")),
            Reason::Expectation,
            &["button \"Sign in\"", "disabled"],
        ),
        failed(
            "covered",
            shop("home", link, &format!("{link}<div id=cookies style='position:fixed;inset:0'>We use cookies</div>")),
            Reason::Expectation,
            &["id \"login-btn\"", "covered", "cookies"],
        ),
        failed(
            "navigation hangs",
            Site::default().answer("/", (200, "text/html", HOME.to_owned(), secs(60))),
            Reason::Timeout,
            &["no answer from 127.0.0.1:PORT to GET http://127.0.0.1:PORT/", "within 2 s"],
        ),
        failed("page crashes", whole(), Reason::Unexpected, &["the page crashed"]),
        Wrong {
            name: "browser killed",
            site: Some(whole()),
            outcome: Outcome::Error,
            reason: Reason::Setup,
            words: &["killed", "signal 9"],
        },
        failed(
            "dialog open",
            shop("home", "href=\"/login\"", "href=\"/login\" onclick=\"alert('Your session has ended')\""),
            Reason::Expectation,
            &["alert", "Your session has ended"],
        ),
        failed(
            "script error",
            shop("dashboard", "setTimeout(() => load()", "setTimeout(() => cart.show().load()"),
            Reason::Expectation,
            &["id \"nav-menu\"", "cart is not defined"],
        ),
        failed(
            "wrong title",
            shop("home", "<title>Example App</title>", "<title>Welcome to nginx!</title>"),
            Reason::Expectation,
            &["Example App", "Welcome to nginx!"],
        ),
        Wrong {
            name: "name not in DNS",
            site: None,
            outcome: Outcome::Failed,
            reason: Reason::Dns,
            words: &["look up shop.invalid: no such name"],
        },
        Wrong {
            name: "bad certificate",
            site: None,
            outcome: Outcome::Failed,
            reason: Reason::Tls,
            words: &["certificate"],
        },
    ]
}

/// Goes through the journey, and does to the browser what is to be done to it.
async fn run(browser: &Browser, profiles: &Path, wrong: &Wrong, base: String) -> Report {
    let (browser, name, profiles) = (browser.clone(), wrong.name, profiles.to_owned());
    let (patience, to_load) = wrong.patience();
    // It is long enough for none of the waits to be cut short by it.
    let canary = canary(Spec::new("login").timeout(secs(150)), move |run: Run| {
        let (browser, base, profiles) = (browser.clone(), base.clone(), profiles.clone());
        async move {
            let page = browser.page(&run).base(base).patience(patience).navigation_patience(to_load).await?;
            break_it(&page, name, &profiles).await?;
            login::sign_in(&run, &page).await
        }
    });
    Runner::new().secrets(demo_secrets()).run(canary).await
}

async fn break_it(page: &Page, wrong: &str, profiles: &Path) -> Result {
    match wrong {
        "page crashes" => {
            page.goto("/").await?;
            // What renders a page is a process of its own in both.
            assert!(
                processes::kill(profiles, |line| line.contains("--type=renderer") || line.trim_end().ends_with("tab"))
                    > 0
            );
            page.id("login-btn").click().await?;
        }
        "browser killed" => {
            page.goto("/").await?;
            assert!(processes::kill(profiles, processes::is_main) > 0);
        }
        _ => {}
    }
    Ok(())
}

/// Hides the port of the shop with a bad certificate, and the last words of a browser, which are others each time.
fn masked(text: &str) -> String {
    let (mut masked, mut words) = (String::new(), false);
    for line in text.lines() {
        // What goes on is indented further.
        words = line.starts_with("  standard error of ") || (words && line.starts_with("   "));
        if words {
            continue;
        }
        for (n, part) in line.split("localhost:").enumerate() {
            if n > 0 {
                masked.push_str("localhost:PORT");
            }
            masked.push_str(if n > 0 { part.trim_start_matches(|c: char| c.is_ascii_digit()) } else { part });
        }
        masked.push('\n');
    }
    masked.trim_end().to_owned()
}

#[test]
fn each_failure_stands_alone() {
    in_each_browser(|browser| async move {
        let in_chromium = format!("{browser:?}").contains("Chromium");
        let profiles = tempfile::tempdir().unwrap();
        let browser = browser.profiles(profiles.path());
        let shop = crate::start(Storefront::new().tls(Tls::Expired)).await;
        let (mut said, mut problems) = (String::new(), Vec::new());
        for mut wrong in wrongs() {
            let base = match wrong.site.take() {
                Some(site) => site.start().await,
                None if wrong.reason == Reason::Dns => "http://shop.invalid".to_owned(),
                None => shop.url().to_owned(),
            };
            let report = run(&browser, profiles.path(), &wrong, base).await;
            let Wrong { name, outcome, reason, words, .. } = wrong;
            let text = report.failures.iter().map(|failure| masked(&told(failure))).collect::<Vec<_>>().join("\n");
            println!("---- {name}: {:?}, {:?}\n{text}", report.outcome, report.reason);
            said.push_str(&format!("---- {name}: {:?}\n{text}\n\n", report.outcome));
            if (report.outcome, report.reason, report.failures.len()) != (outcome, Some(reason), 1) {
                problems.push(format!(
                    "{name}: {:?} {:?}, not {outcome:?} {reason:?}: {text}",
                    report.outcome, report.reason
                ));
            }
            for word in words {
                if !text.contains(word) {
                    problems.push(format!("{name} has no {word:?}: {text}"));
                }
            }
        }
        assert!(problems.is_empty(), "{}", problems.join("\n\n"));
        if in_chromium {
            insta::assert_snapshot!("each_failure_stands_alone", said);
        }
        browser.close().await;
    });
}
