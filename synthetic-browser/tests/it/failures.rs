//! What a failure tells: it must stand alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use synthetic_browser::{Page, Until};
use synthetic_core::prelude::*;
use synthetic_core::{Reason, Report};

use crate::support::{Site, fails, in_chromium, in_each_browser, journey, said_by_each_browser, told};

const SHOP: &str = "<title>Example App</title><button id=login-btn>Log in</button><button>Help</button>
    <div style='position:relative;width:200px;height:60px'><button style='position:absolute'>Covered</button>
    <div class=overlay style='position:absolute;inset:0'>Loading…</div></div>
    <button disabled>Never</button><div id=panel style='display:none'><p id=inner>Total 5</p></div>
    <ul><li>Ann <button>Delete</button></li><li>Bob <button>Delete</button></li></ul>
    <input id=ro readonly value=x><select id=s><option>Red</option><option>Blue</option></select>";

/// What does not stay as it is looked at.
const FICKLE: &str = "<title>Example App</title><button id=runs style='position:absolute'>Run</button>
    <main style='padding-top:200px'></main><input id=thief onfocus='other.focus()'><input id=other><input id=stubborn value=old oninput='this.value = \"old\"'>
    <input id=password type=password value=hunter2><p id=plain>Text</p>
    <script>addEventListener('pointermove', () => runs.style.left = `${(runs.offsetLeft + 200) % 400}px`, true)</script>";

/// Does each of some things that fail.
macro_rules! all_fail {
    ($browser:ident, $($doing:expr),+ $(,)?) => { all_fail!($browser, of SHOP, $($doing),+) };
    ($browser:ident, of $site:expr, $($doing:expr),+ $(,)?) => {
        vec![$(fails(&$browser, Site::new($site), |page: Page| async move {
            let doing = $doing;
            doing(page).await
        }).await),+]
    };
}

/// A way to name one thing to do with a page.
macro_rules! on {
    (|$page:ident| $doing:expr) => {
        |$page: Page| async move { $doing.await }
    };
}

#[test]
fn an_action_that_cannot_be_done_says_why() {
    let said = said_by_each_browser(|browser| async move {
        all_fail!(
            browser,
            on!(|page| page.button("Sign in").click()),
            on!(|page| page.button("Delete").click()),
            on!(|page| page.button("Never").click()),
            on!(|page| page.button("Covered").click()),
            on!(|page| page.id("inner").click()),
            on!(|page| page.id("ro").fill("y")),
            on!(|page| page.id("s").select("Green")),
            on!(|page| page.role("listitem", "").has_text("Bob").button("Edit").click()),
            on!(|page| page.frame("#pay").button("Pay").click()),
            on!(|page| page.css("][").click()),
            on!(|page| page.id("s").press("Ctrl+A")),
        )
    });
    if let Some(said) = said {
        insta::assert_snapshot!("actions", said);
    }
}

/// What elements have, and their forms may have a field of the same name as well.
const PROPERTIES: [&str; 38] = [
    "alt",
    "assignedSlot",
    "attributes",
    "checkVisibility",
    "childNodes",
    "children",
    "closest",
    "content",
    "dataset",
    "disabled",
    "focus",
    "getAttribute",
    "getAttributeNames",
    "getBoundingClientRect",
    "getClientRects",
    "getRootNode",
    "hasAttribute",
    "id",
    "inert",
    "isConnected",
    "isContentEditable",
    "labels",
    "localName",
    "matches",
    "name",
    "nodeType",
    "parentElement",
    "placeholder",
    "querySelectorAll",
    "removeAttribute",
    "role",
    "scrollIntoView",
    "shadowRoot",
    "style",
    "tabIndex",
    "tagName",
    "type",
    "value",
];

#[test]
fn a_form_whose_fields_have_the_names_of_its_properties_is_a_form_like_any_other() {
    in_each_browser(|browser| async move {
        let fields = PROPERTIES.map(|name| format!("<input type=hidden name={name}>"));
        let html = format!(
            "<title>Example App</title><form name=title></form><form name=body></form><div><template shadowrootmode=open></template></div>
            <form id=edit aria-label=Article data-testid=editor placeholder=p>{}<b>Draft</b></form>",
            fields.concat()
        );
        let report = journey(&browser, Site::new(&html), move |_, page| async move {
            page.css("form").nth(2).hover().await?;
            page.role("form", "Article").text(eq("Draft".to_owned())).await?;
            page.expect_title(eq("Example App".to_owned())).await?;
            page.screenshot("masked").mask(page.id("edit")).await?;
            let page = page.patient(ms(200));
            for (wrong, near) in [
                (page.css("#edits"), r#"form "Article" (#edit)"#),
                (page.role("form", "Articles"), r#"form "Article" (#edit)"#),
                (page.placeholder("pp"), r#"form "Article" (#edit)"#),
                (page.test_id("editors"), r#"<form id="edit" aria-label="Article""#),
                (page.text("Drafts"), "<b>Draft</b>"),
            ] {
                let told = told(&wrong.click().await.unwrap_err());
                assert!(told.contains(near) && told.contains("\"Example App\" at "), "{told}");
            }
            page.id("edits").click().await
        })
        .await;
        let told = told(report.failures.last().unwrap());
        assert!(told.contains(r#"form "Article" (#edit)"#) && told.contains("\"Example App\" at "), "{told}");
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
        let kept: Vec<&str> = report.artifacts.iter().map(|artifact| &*artifact.name).collect();
        assert!(kept.contains(&"masked.png") && kept.contains(&"page-failed.html"), "{kept:?}");
    });
}

#[test]
fn a_page_that_does_not_keep_still_is_told_with_what_it_did() {
    let said = said_by_each_browser(|browser| async move {
        all_fail!(
            browser,
            of FICKLE,
            on!(|page| page.id("runs").click()),
            on!(|page| page.id("thief").fill("x")),
            on!(|page| page.id("stubborn").fill("new")),
            on!(|page| page.id("plain").press("Enter")),
            on!(|page| page.id("plain").unchecked()),
            on!(|page| page.id("password").value(eq("correct horse".to_owned()))),
        )
    });
    if let Some(said) = said {
        insta::assert_snapshot!("fickle", said);
    }
}

#[test]
fn an_expectation_that_does_not_hold_says_what_was_seen() {
    let said = said_by_each_browser(|browser| async move {
        all_fail!(
            browser,
            on!(|page| page.id("inner").visible()),
            on!(|page| page.id("login-btm").visible()),
            on!(|page| page.button("Help").hidden()),
            on!(|page| page.button("Help").text(contains("Hilfe"))),
            on!(|page| page.css("li").count(3)),
            on!(|page| page.button("Help").attribute("href", exists())),
            on!(|page| page.button("Never").enabled()),
            on!(|page| page.expect_title(contains("Shop"))),
            on!(|page| page.expect_url(ends_with("/dashboard"))),
            on!(|page| page.button("Help").text(matches("("))),
        )
    });
    if let Some(said) = said {
        insta::assert_snapshot!("expectations", said);
    }
}

#[test]
fn a_navigation_that_fails_says_how_far_it_came() {
    let said = said_by_each_browser(|browser| async move {
        let site = || {
            Site::new("home")
                .answer("/broken", (503, "text/html", "<h1>Maintenance</h1>".to_owned(), ms(0)))
                .answer("/empty", (500, "text/html", String::new(), ms(0)))
                .answer("/slow", (200, "text/html", "late".to_owned(), secs(60)))
                .page("/waits", "<img src=/slow>")
                .answer("/nothing", (204, "text/html", String::new(), ms(0)))
        };
        let to = async |url: &'static str| {
            // How far it came must be known by then.
            let patience = if ["/slow", "/waits"].contains(&url) { secs(5) } else { secs(20) };
            fails(&browser, site(), move |page| async move { page.goto(url).within(patience).await }).await
        };
        let (told, slow) = tokio::join!(to("/waits"), to("/slow"));
        assert!(told.contains("answered with 200, and 1 request is still open"), "{told}");
        assert!(told.contains("/slow (no answer after "), "{told}");
        let told = to("/nothing").await;
        assert!(told.contains("expected  gives a page"), "{told}");
        let report = journey(&browser, site(), |_, page| async move {
            page.goto("/waits").until(Until::DomLoaded).await?;
            page.goto("/broken").expect_status(503).await?;
            page.goto("/broken").any_status().await?;
            page.back().any_status().until(Until::DomLoaded).await?;
            page.reload().until(Until::DomLoaded).await?;
            page.goto("about:blank").await
        });
        report.await.assert_passed();
        let mut said = Vec::new();
        for url in
            ["/broken", "/empty", "/slow", "file:///etc/passwd", "javascript:alert(1)", "http://no-such-host.invalid/"]
        {
            let told = if url == "/slow" { slow.clone() } else { to(url).await };
            // The browser's own word for it is another in each.
            said.push(told.lines().filter(|line| !line.starts_with("  cause")).collect::<Vec<_>>().join("\n"));
        }
        said
    });
    if let Some(said) = said {
        insta::assert_snapshot!("navigations", said);
    }
}

#[test]
fn scripts_that_threw_are_told_with_whatever_fails() {
    in_each_browser(|browser| async move {
        let html = "<script>setTimeout(() => { throw new TypeError('cart is undefined') })</script>";
        let told = fails(&browser, Site::new(html), |page| async move {
            // The script must have thrown by then.
            page.patient(secs(3)).id("total").visible().await
        })
        .await;
        assert!(told.contains("script errors") && told.contains("TypeError: cart is undefined ("), "{told}");
    });
}

#[test]
fn a_page_that_does_not_answer_is_a_failure_of_its_own() {
    in_each_browser(|browser| async move {
        let html = "<button onclick='for (;;) {}'>Hang</button>";
        let report = journey(&browser, Site::new(html), |_, page| async move {
            page.button("Hang").click().await?;
            page.patient(ms(300)).id("x").visible().await
        })
        .await;
        assert_eq!(report.reason, Some(Reason::Timeout), "{report:?}");
        assert!(told(&report.failures[0]).contains("the page did not answer"), "{report:?}");
    });
}

#[test]
fn a_page_that_crashes_is_a_failure_of_the_target() {
    in_chromium(|browser| async move {
        let report = journey(&browser, Site::new("<p>hi</p>"), |_, page| async move {
            drop(page.command("Page.crash", serde_json::json!({})).await);
            Ok(())
        })
        .await;
        assert_eq!((report.reason, report.failures.len()), (Some(Reason::Unexpected), 1), "{report:?}");
        assert!(told(&report.failures[0]).contains("the page crashed"), "{report:?}");
    });
}

#[test]
fn a_browser_that_is_gone_is_an_error_of_ours() {
    in_each_browser(|browser| async move {
        // One of its own, which nobody else misses.
        let browser = browser.max_pages(2);
        let closed = browser.clone();
        let report = journey(&browser, Site::new("<button>Save</button>"), move |_, page| {
            let browser = closed.clone();
            async move {
                browser.close().await;
                page.button("Save").click().await
            }
        })
        .await;
        assert_eq!((report.reason, report.failures.len()), (Some(Reason::Setup), 1), "{report:?}");
        assert!(told(&report.failures[0]).contains("noticed by: click button \"Save\""), "{report:?}");
        browser.close().await;
    });
}

#[test]
fn a_browser_that_is_stopped_is_an_error_of_ours_and_the_next_run_has_another() {
    in_chromium(|browser| async move {
        let profiles = tempfile::tempdir().unwrap();
        // One of its own, which nobody else misses.
        let browser = browser.profiles(profiles.path());
        browser.launch().await.unwrap();
        let folder = std::fs::read_dir(profiles.path()).unwrap().next().unwrap().unwrap().path();
        let run: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("run")).unwrap()).unwrap();
        let group = rustix::process::Pid::from_raw(run["group"].as_i64().unwrap().try_into().unwrap()).unwrap();
        let url = Site::new("hello").start().await;
        let visit = |stops: bool| {
            let (browser, url) = (browser.clone(), url.clone());
            once(canary(Spec::new("visit").timeout(secs(30)), move |run: Run| {
                let (browser, url) = (browser.clone(), url.clone());
                async move {
                    let page = browser.page(&run).await?;
                    if stops {
                        rustix::process::kill_process_group(group, rustix::process::Signal::STOP).unwrap();
                        return page.goto(&url).within(ms(100)).await;
                    }
                    page.goto(&url).await
                }
            }))
        };
        let report = visit(true).await;
        assert_eq!(report.reason, Some(Reason::Setup), "{report:?}");
        let told = told(&report.failures[0]);
        assert!(told.contains("the browser does not answer") && told.contains("noticed by: goto http://"), "{told}");
        visit(false).await.assert_passed();
        browser.close().await;
    });
}

#[test]
fn the_end_of_the_runs_time_is_told_as_that() {
    // Whose time it is, is not the browser's affair. A tenth of it is left for the failure to be told, on a busy machine too.
    in_chromium(|browser| async move {
        let url = Site::new("<p>hi</p>").start().await;
        let report: Report = once(canary(Spec::new("short").timeout(secs(60)), move |run: Run| {
            let (browser, url) = (browser.clone(), url.clone());
            async move {
                let page = browser.page(&run).base(url).await?;
                page.goto("/").await?;
                run.step("look", page.patient(secs(60)).id("x").visible()).timeout(secs(20)).await
            }
        }))
        .await;
        assert_eq!((report.reason, report.failures.len()), (Some(Reason::Timeout), 1), "{report:?}");
        let told = told(&report.failures[0]);
        assert!(told.contains("the time of the run, or of its step, was nearly up"), "{told}");
    });
}

#[test]
fn a_wish_that_does_not_hold_degrades_the_run() {
    in_each_browser(|browser| async move {
        let held = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&held);
        let report = journey(&browser, Site::new("<p id=p>hi</p>"), move |_, page| {
            let counted = Arc::clone(&counted);
            async move {
                for (text, patience) in [("hi", secs(10)), ("ho", ms(300))] {
                    let wish = page.patient(patience).id("p").text(text).prefer();
                    counted.fetch_add(usize::from(wish.await?), Ordering::SeqCst);
                }
                Ok(())
            }
        })
        .await;
        assert_eq!(
            (report.outcome, report.unmet.len(), held.load(Ordering::SeqCst)),
            (Outcome::Degraded, 1, 1),
            "{report:?}"
        );
    });
}

#[test]
fn a_browser_that_goes_while_a_document_loads_is_an_error_of_ours_at_once() {
    in_each_browser(|browser| async move {
        let browser = browser.max_pages(2);
        let closed = browser.clone();
        // The document is there, and a picture in it never comes.
        let site = Site::new("<p>hi</p>")
            .page("/slow", "<title>slow</title><img src=/never>")
            .answer("/never", (200, "image/png", String::new(), secs(3_600)));
        let report = journey(&browser, site, move |run, page| {
            let browser = closed.clone();
            async move {
                // It would go on for much longer than it may take to be told, also on a busy machine.
                let going = async {
                    let gone = page.goto("/slow").within(secs(50)).await;
                    (gone, Instant::now())
                };
                let closing = async {
                    page.expect_title("slow").await?;
                    let begun = Instant::now();
                    browser.close().await;
                    Ok::<_, Failure>(begun)
                };
                let ((gone, at), closed) = tokio::join!(going, run.tolerate(closing));
                let begun = closed.expect("its title was there");
                assert!(at.duration_since(begun) < secs(25), "{:?}", at.duration_since(begun));
                gone
            }
        })
        .await;
        assert_eq!(report.reason, Some(Reason::Setup), "{report:?}");
        browser.close().await;
    });
}
