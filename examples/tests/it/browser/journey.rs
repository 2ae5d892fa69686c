//! The journey where all is well.

use std::process::Command;

use synthetic_core::{Outcome, Runner};
use synthetic_examples::canaries::login;
use synthetic_examples::demo_secrets;

use super::support::in_each_browser;
use crate::open;

#[test]
fn a_user_signs_in_and_three_pictures_show_it() {
    in_each_browser(|browser| async move {
        let shop = open().await;
        let runner = Runner::new().secrets(demo_secrets());
        for _ in 0..2 {
            let report = runner.run(login::canary(&browser, shop.url())).await;
            report.assert_passed();
            let steps: Vec<_> = report.steps.iter().map(|step| &*step.name).collect();
            assert_eq!(steps, ["open the shop", "sign in", "see the dashboard"]);
            let pictures = report.artifacts.iter().filter(|artifact| artifact.bytes.starts_with(b"\x89PNG\r\n"));
            assert_eq!(pictures.count(), 3, "{report:?}");
        }
    });
}

#[test]
fn a_wrong_password_is_a_failure_of_the_journey_and_in_no_text() {
    in_each_browser(|browser| async move {
        let shop = crate::start(synthetic_examples::storefront::Storefront::new().user("someone", "else")).await;
        let report = Runner::new().secrets(demo_secrets()).run(login::canary(&browser, shop.url())).await;
        assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
        let text = format!("{report:?}");
        assert!(text.contains("/dashboard") && text.contains("/session"), "{text}");
        assert!(!text.contains(synthetic_examples::storefront::PASSWORD), "{text}");
    });
}

#[test]
fn the_program_says_how_it_went() {
    in_each_browser(|browser| async move {
        let name = if format!("{browser:?}").contains("Firefox") { "firefox" } else { "chromium" };
        let said = Command::new(env!("CARGO_BIN_EXE_login")).args(["--browser", name]).output().unwrap();
        let text = String::from_utf8_lossy(&said.stdout);
        assert_eq!(said.status.code(), Some(0), "{text}\n{}", String::from_utf8_lossy(&said.stderr));
        assert!(text.contains("passed") && text.contains("login"), "{text}");
    });
}

#[test]
fn a_browser_that_does_not_exist_is_bad_usage() {
    let said = Command::new(env!("CARGO_BIN_EXE_login")).args(["--browser", "netscape"]).output().unwrap();
    assert_eq!(
        (said.status.code(), String::from_utf8_lossy(&said.stderr).as_ref()),
        (Some(64), "--browser: takes chromium or firefox, not `netscape`\n")
    );
}

#[test]
fn a_browser_that_is_not_there_is_an_error_of_the_monitor_that_says_how_to_have_one() {
    let said = Command::new(env!("CARGO_BIN_EXE_login"))
        .env("CANARY_CHROMIUM", "/nowhere/chromium")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert_eq!(said.status.code(), Some(2), "{text}");
    assert!(text.contains("/nowhere/chromium") && text.contains("CANARY_CHROMIUM"), "{text}");
}
