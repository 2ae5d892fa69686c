//! What is kept of a page for whoever looks into a failure.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use synthetic_browser::{Browser, Evidence, Keep, Page};
use synthetic_core::Secret;
use synthetic_core::artifact::Artifact;
use synthetic_core::prelude::*;

use crate::support::{Site, in_chromium, in_each_browser, journey, works};

/// How long is waited for what is missing: what is there has more time.
const MISSING: Duration = Duration::from_millis(400);
const SECRET: &str = "correct horse battery";

fn names(report: &Report) -> Vec<&str> {
    report.artifacts.iter().map(|artifact| &*artifact.name).collect()
}

fn artifact<'a>(report: &'a Report, name: &str) -> &'a Artifact {
    let found = report.artifacts.iter().find(|artifact| artifact.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}, {:?}", names(report), report.warnings))
}

fn text(report: &Report, name: &str) -> String {
    String::from_utf8_lossy(&artifact(report, name).bytes).into_owned()
}

/// Runs a journey with another policy than the usual.
async fn kept<F, Fut>(browser: &Browser, site: Site, evidence: Evidence, body: F) -> Report
where
    F: Fn(Run, Page) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    let url = site.start().await;
    let (browser, body) = (browser.clone(), std::sync::Arc::new(body));
    once(canary(Spec::new("journey").timeout(secs(60)), move |run: Run| {
        let (browser, url, body) = (browser.clone(), url.clone(), std::sync::Arc::clone(&body));
        let evidence = evidence.clone();
        async move {
            let page = browser.page(&run).base(url).patience(secs(10)).evidence(evidence).await?;
            run.step("open", page.goto("/")).await?;
            body(run, page).await
        }
    }))
    .await
}

/// Its document is loaded when the cart is, so that the request is one of the step that opens it in every browser.
fn shop() -> Site {
    Site::new(
        "<title>Shop</title><input id=user value=ann><input id=p type=password value=initial><input type=hidden value=csrf-0123>
        <script>const token = 'in-a-script'; console.error('cannot start', 7);
        const cart = new XMLHttpRequest(); cart.open('GET', '/api/cart', false); cart.send();
        setTimeout(() => { throw new Error('boom') })</script>",
    )
    .answer("/api/cart", (500, "application/json", r#"{"error":"no cart"}"#.to_owned(), Duration::ZERO))
}

#[test]
fn a_failure_leaves_a_picture_the_document_the_console_and_the_network() {
    in_each_browser(|browser| async move {
        let report = kept(&browser, shop(), Evidence::default(), |run, page| async move {
            page.wait_for_response("/api/cart").await?;
            run.step("sign in", async {
                page.id("user").fill("bob").await?;
                page.id("p").fill_secret(&Secret::new("web/password", SECRET)).await?;
                page.patient(MISSING).button("Sign in").click().await
            })
            .await
        })
        .await;
        assert_eq!(
            names(&report),
            ["02-sign-in-failed.png", "02-sign-in-failed.html", "network.har", "console.txt"],
            "{:?} {:?}",
            report.failures,
            report.warnings
        );
        assert!(artifact(&report, "02-sign-in-failed.png").bytes.starts_with(b"\x89PNG"));
        let html = text(&report, "02-sign-in-failed.html");
        assert!(html.contains(r#"value="bob""#) && html.contains("<title>Shop</title>"), "{html}");
        for hidden in ["csrf-0123", "in-a-script", SECRET, "initial"] {
            assert!(!html.contains(hidden), "{hidden} in {html}");
        }
        let console = text(&report, "console.txt");
        assert!(console.contains(" s error: cannot start 7 (http://127.0.0.1:"), "{console}");
        assert!(console.contains("uncaught errors:\n") && console.contains("Error: boom"), "{console}");
        let har: serde_json::Value = serde_json::from_slice(&artifact(&report, "network.har").bytes).unwrap();
        let entries = har["log"]["entries"].as_array().unwrap();
        let cart =
            entries.iter().find(|entry| entry["request"]["url"].as_str().unwrap().ends_with("/api/cart")).unwrap();
        assert_eq!(cart["response"]["status"], 500);
        assert_eq!(cart["response"]["content"]["text"], r#"{"error":"no cart"}"#);
        assert_eq!(cart["_step"], "open");
        assert!(cart["time"].as_f64().unwrap() > 0.0 && cart["timings"]["wait"].as_f64().unwrap() > 0.0, "{cart}");
        assert_eq!(har["log"]["pages"][0]["id"], cart["pageref"]);
        let failure = format!("{:?}", report.failures[0]);
        assert!(failure.contains("cannot start 7") && failure.contains("Error: boom"), "{failure}");
    });
}

#[test]
fn the_document_has_open_shadow_roots_and_is_copied_without_the_page() {
    let html = format!(
        r#"<script>let made = 0; customElements.define('a-shop', class extends HTMLElement {{ constructor() {{ super(); made += 1;
            this.attachShadow({{ mode: 'open' }}).innerHTML = `<input id=q><input type=hidden value=in-the-shadow><slot></slot>
                <b>12 items</b><p title="{SECRET}">in the open: {SECRET}</p><a-part></a-part>` }} }});
            customElements.define('a-part', class extends HTMLElement {{ constructor() {{ super();
            this.attachShadow({{ mode: 'open' }}).innerHTML = '<i>a part</i>' }} }})</script>
        <a-shop>in a slot: {SECRET}</a-shop><noscript>no scripts</noscript>
        <template><script>const token = 'in-a-template'</script><input type=hidden value=hidden-there></template>
        <iframe srcdoc="<input type=hidden value=in-a-frame>"></iframe>
        <meta http-equiv=refresh content="9000; url=/away">"#
    );
    in_each_browser(move |browser| {
        let html = html.clone();
        async move {
            let report = kept(&browser, Site::new(&html), Evidence::default(), |_, page| async move {
                page.id("q").fill_secret(&Secret::new("web/password", SECRET)).await?;
                let failure = page.patient(MISSING).id("nothing").visible().await;
                assert_eq!(page.evaluate("made").await?, 1, "no element was made for the evidence");
                failure
            })
            .await;
            let html = text(&report, "page-failed.html");
            assert_eq!(html.matches(r#"<template shadowrootmode="open">"#).count(), 2, "{html}");
            for hidden in [
                SECRET,
                "in a slot",
                "in the open",
                "in-the-shadow",
                "in-a-template",
                "hidden-there",
                "no scripts",
                "in-a-frame",
                "refresh",
            ] {
                assert!(!html.contains(hidden), "{hidden} in {html}");
            }
            let site = Site::default().answer("/", (200, "text/html", html, Duration::ZERO));
            let looked_at = journey(&browser, site, |_, page| async move {
                page.text("12 items").visible().await?;
                page.text("a part").visible().await
            });
            looked_at.await.assert_passed();
        }
    });
}

#[test]
fn a_journey_that_passes_leaves_nothing_and_one_may_want_no_evidence() {
    in_each_browser(|browser| async move {
        let passed =
            kept(&browser, shop(), Evidence::default(), |_, page| async move { page.id("user").visible().await });
        assert!(passed.await.artifacts.is_empty());
        let failed = kept(&browser, shop(), Evidence::never(), |_, page| async move {
            page.patient(MISSING).id("nothing").visible().await
        });
        assert!(failed.await.artifacts.is_empty());
    });
}

#[test]
fn each_step_has_its_picture_when_that_is_wanted() {
    in_each_browser(|browser| async move {
        let evidence = Evidence::each_step().network(Keep::Always);
        let report = kept(&browser, shop(), evidence, |run, page| async move {
            run.step("look", page.id("user").visible()).await?;
            run.step("Fill in", page.id("user").fill("x")).await
        })
        .await;
        report.assert_passed();
        assert_eq!(names(&report), ["01-open.png", "02-look.png", "03-fill-in.png", "network.har"]);
    });
}

#[test]
fn a_journey_that_fails_elsewhere_has_a_picture_of_the_page() {
    in_each_browser(|browser| async move {
        let evidence = Evidence::never().pictures(Keep::OnFailure);
        let report = kept(&browser, shop(), evidence, |run, _| async move {
            run.step("pay", async { run.expect("balance", 3, eq(4)) }).await
        })
        .await;
        assert_eq!(names(&report), ["01-open-failed.png"]);
    });
}

#[test]
fn a_picture_that_could_not_be_taken_is_a_warning_that_says_why() {
    // Firefox ends a script that keeps its page busy, sooner or later.
    in_chromium(|browser| async move {
        let report = kept(&browser, shop(), Evidence::default(), |_, page| async move {
            page.id("nothing").screenshot("nothing").await?;
            // The page waits for who listens here, and then is busy for ever: once it asks, it does nothing else.
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let busy = format!(
                "() => {{ setTimeout(() => {{ const asked = new XMLHttpRequest();
                asked.open('GET', 'http://{}/', false); try {{ asked.send() }} catch {{ }} for (;;) {{}} }}, 50) }}",
                listener.local_addr().unwrap()
            );
            let _ = page.evaluate(busy).await;
            drop(listener.accept().await.unwrap());
            page.screenshot("busy").await?;
            page.patient(MISSING).id("user").visible().await
        })
        .await;
        assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
        let warnings = report.warnings.join("\n");
        for warning in [
            r#"there is no picture "nothing": id "nothing" is not there once, visible and at rest"#,
            r#"there is no picture "busy": the page did not answer in 2 s"#,
            r#"there is no picture "page-failed": the page did not answer in 2 s"#,
        ] {
            assert!(warnings.contains(warning), "{warning} in {warnings}");
        }
        assert!(!warnings.contains("was not gathered"), "{warnings}");
        assert!(names(&report).contains(&"network.har"));
    });
}

/// Counts the pixels of pictures by their colour, in a page of the browser itself.
async fn colours(browser: &Browser, picture: &[u8]) -> serde_json::Value {
    let script = format!(
        "async () => {{ const image = new Image(); image.src = 'data:image/png;base64,{}'; await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height); const context = canvas.getContext('2d');
        context.drawImage(image, 0, 0); const {{ data }} = context.getImageData(0, 0, image.width, image.height);
        const count = {{ width: image.width, height: image.height, green: 0, magenta: 0, blue: 0 }};
        for (let at = 0; at < data.length; at += 4) {{ const [r, g, b] = data.slice(at, at + 3);
            if (r < 60 && g > 180 && b < 60) count.green += 1;
            if (r > 220 && g < 40 && b > 220) count.magenta += 1;
            if (r < 60 && g < 60 && b > 180) count.blue += 1; }}
        return count; }}",
        BASE64_STANDARD.encode(picture)
    );
    let (seen, mut told) = tokio::sync::watch::channel(serde_json::Value::Null);
    works(browser, "<p>colours</p>", move |page| {
        let (script, seen) = (script.clone(), seen.clone());
        async move {
            seen.send_replace(page.evaluate(script).await?);
            Ok(())
        }
    })
    .await;
    told.borrow_and_update().clone()
}

#[test]
fn what_is_secret_or_masked_is_in_no_picture_also_when_it_moves() {
    in_each_browser(|browser| async move {
        // What is secret is green, and moves in each frame; another element shows it too; what is masked is blue.
        let html = "<style>body { margin: 0; background: #fff } .s { color: #0f0; font: 40px monospace; border: 0; outline: 0 }
            #move { position: absolute; left: 20px; top: 20px; width: 700px }</style>
            <div id=move><input id=p class=s style='width:600px; background:#0f0' placeholder=password></div>
            <p id=echo class=s style='margin-top:200px'>?</p>
            <div id=blue style='background:#00f; width:100px; height:100px'></div>
            <iframe srcdoc=\"<style>#i{color:#0f0;background:#0f0}</style><input id=i>\" width=400 height=100></iframe>
            <script>let x = 0; const go = () => { move.style.left = (x = (x + 7) % 300) + 'px'; requestAnimationFrame(go) }; go();
            p.oninput = () => echo.textContent = 'it is ' + p.value</script>";
        let report = journey(&browser, Site::new(html), |_, page| async move {
            let secret = Secret::new("web/password", SECRET);
            page.screenshot("before").await?;
            page.id("p").fill_secret(&secret).await?;
            page.frame("iframe").id("i").fill_secret(&secret).await?;
            page.id("echo").text(starts_with("it is")).await?;
            page.screenshot("masked").mask(page.id("blue")).await?;
            page.screenshot("whole").full_page().await?;
            page.id("blue").screenshot("blue").await?;
            let style: String = page
                .evaluate_as(
                    "p.getAttribute('style') + (echo.getAttribute('style') ?? '') + (blue.getAttribute('style') ?? '')",
                )
                .await?;
            assert!(!style.contains("opacity"), "{style}");
            assert_eq!(page.evaluate("document.documentElement.children.length").await?, 2);
            Ok(())
        })
        .await;
        report.assert_passed();
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
        let before = colours(&browser, &artifact(&report, "before.png").bytes).await;
        assert!(before["green"].as_u64() > Some(10_000) && before["magenta"] == 0, "{before}");
        let masked = colours(&browser, &artifact(&report, "masked.png").bytes).await;
        assert_eq!((masked["green"].as_u64(), masked["blue"].as_u64()), (Some(0), Some(0)), "{masked}");
        assert!(masked["magenta"].as_u64() > Some(10_000), "{masked}");
        let whole = colours(&browser, &artifact(&report, "whole.png").bytes).await;
        assert_eq!(whole["green"].as_u64(), Some(0), "{whole}");
        let blue = colours(&browser, &artifact(&report, "blue.png").bytes).await;
        assert_eq!((blue["width"].as_u64(), blue["height"].as_u64()), (Some(100), Some(100)), "{blue}");
        assert_eq!(blue["blue"].as_u64(), Some(10_000), "{blue}");
    });
}

/// What shows a text though nothing of its own is drawn, or its opacity has no effect.
const SHOWN: [&str; 7] = [
    "<div style='display: contents'>SECRET</div>",
    "<section><div style='display: contents'><b style='display: contents'>SECRET</b></div></section>",
    "<div><template shadowrootmode=open><slot></slot></template>SECRET</div>",
    "<div style='display: contents'><template shadowrootmode=open><slot></slot></template>SECRET</div>",
    "<div><template shadowrootmode=open><slot>SECRET</slot></template></div>",
    "<select style='font: inherit; color: inherit'><option value=1>SECRET</option></select>",
    "<script>const x = document.createElementNS('urn:x', 'x'); x.append('SECRET'); document.currentScript.parentElement.append(x)</script>",
];

#[test]
fn a_secret_is_masked_also_where_what_shows_it_has_no_box() {
    in_each_browser(|browser| async move {
        let shown = SHOWN.map(|html| format!("<div>{html}</div>"));
        let html = format!(
            "<style>body {{ margin: 0; background: #fff; color: #0f0; font: 40px monospace }} #p {{ opacity: 0 }}</style>
            <input id=p>{}",
            shown.concat().replace("SECRET", SECRET)
        );
        let report = journey(&browser, Site::new(&html), |_, page| async move {
            page.screenshot("before").full_page().await?;
            page.id("p").fill_secret(&Secret::new("web/password", SECRET)).await?;
            page.screenshot("masked").full_page().await
        })
        .await;
        report.assert_passed();
        let before = colours(&browser, &artifact(&report, "before.png").bytes).await;
        assert!(before["green"].as_u64() > Some(SHOWN.len() as u64 * 2_500), "{before}");
        let masked = colours(&browser, &artifact(&report, "masked.png").bytes).await;
        assert_eq!(masked["green"].as_u64(), Some(0), "{masked}");
    });
}

#[test]
fn what_was_filled_in_on_a_page_is_masked_on_every_page_of_the_run() {
    in_each_browser(|browser| async move {
        let html = format!("<style>p {{ color: #0f0; font: 40px monospace }}</style><input id=p><p>{SECRET}</p>");
        let opens = browser.clone();
        let report = journey(&browser, Site::new(&html), move |run, page| {
            let browser = opens.clone();
            async move {
                let other = browser.page(&run).await?;
                other.goto(page.url()).await?;
                other.screenshot("before").await?;
                page.id("p").fill_secret(&Secret::new("web/password", SECRET)).await?;
                other.screenshot("masked").await
            }
        })
        .await;
        report.assert_passed();
        let before = colours(&browser, &artifact(&report, "before.png").bytes).await;
        assert!(before["green"].as_u64() > Some(1_000), "{before}");
        let masked = colours(&browser, &artifact(&report, "masked.png").bytes).await;
        assert_eq!(masked["green"].as_u64(), Some(0), "{masked}");
    });
}

#[test]
fn where_a_secret_may_be_in_more_frames_than_are_looked_at_there_is_no_picture() {
    in_each_browser(|browser| async move {
        let html = format!("<input id=p>{}", "<iframe srcdoc='<p>x</p>' width=20 height=20></iframe>".repeat(40));
        let report = journey(&browser, Site::new(&html), |_, page| async move {
            page.screenshot("without").mask(page.id("p")).await?;
            page.id("p").fill_secret(&Secret::new("web/password", SECRET)).await?;
            page.screenshot("with").await
        })
        .await;
        report.assert_passed();
        assert_eq!(names(&report), ["without.png"]);
        let why =
            "there is no picture \"with\": what is secret or masked may be in 41 frames: at most 32 are looked at";
        assert!(report.warnings.iter().any(|warning| warning == why), "{:?}", report.warnings);
    });
}

#[test]
fn a_page_that_crashed_has_warnings_in_the_place_of_pictures_and_its_failure_stays() {
    in_chromium(|browser| async move {
        let report = kept(&browser, shop(), Evidence::default(), |_, page| async move {
            let _ = page.command("Page.crash", serde_json::json!({})).await;
            page.id("user").visible().await
        })
        .await;
        let told: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
        assert!(told.iter().all(|failure| failure.contains("the page crashed")), "{told:?}");
        let warnings = report.warnings.join("\n");
        assert!(warnings.contains(r#"there is no picture "page-failed": the page crashed"#), "{warnings}");
        assert!(names(&report).contains(&"network.har"), "{:?}", names(&report));
    });
}
