//! Frames, dialogs, popups, downloads, logins: what is more than one document.

use synthetic_browser::Dialogs;
use synthetic_core::Secret;
use synthetic_core::prelude::*;

use crate::support::{Site, fails, in_each_browser, journey, works};

#[test]
fn elements_in_frames_of_frames_are_clicked_where_they_are() {
    in_each_browser(|browser| async move {
        let site = Site::new("<p style='height:900px'>far</p><iframe id=outer src=/outer width=400 height=300 style='border:7px solid;padding:3px'></iframe>")
            .page("/outer", "<p>outer</p><iframe name=inner src=/inner width=300 height=200></iframe>")
            .page("/inner", "<p style='height:400px'>far</p><button onclick='out.textContent = 1'>Pay</button><p id=out></p>");
        let report = journey(&browser, site, |_, page| async move {
            let inner = page.frame("#outer").frame("[name=inner]");
            inner.button("Pay").click().await?;
            inner.id("out").text("1").await
        });
        report.await.assert_passed();
    });
}

#[test]
fn a_dialog_that_is_expected_is_answered() {
    in_each_browser(|browser| async move {
        let html = "<button onclick=\"out.textContent = prompt('Name?')\">Ask</button><p id=out></p>
            <button onclick=\"out.textContent = confirm('Sure?')\">Delete</button>";
        works(&browser, html, |page| async move {
            let asked = page.dialog(Dialogs::Answer("Ada".to_owned()), page.button("Ask").click()).await?;
            assert_eq!((asked.kind.as_str(), asked.message.as_str()), ("prompt", "Name?"));
            page.id("out").text("Ada").await?;
            page.on_dialog(Dialogs::Dismiss);
            page.button("Delete").click().await?;
            page.id("out").text("false").await
        })
        .await;
    });
}

#[test]
fn a_dialog_that_nobody_expects_fails_the_action() {
    in_each_browser(|browser| async move {
        let html = "<button onclick=\"alert('Your session has ended')\">Save</button>";
        let told = fails(&browser, Site::new(html), |page| async move {
            page.button("Save").click().await?;
            page.button("Save").visible().await
        })
        .await;
        let expected = "dialog alert opened: \"Your session has ended\"";
        assert!(told.contains(expected), "{told}");
    });
}

#[test]
fn a_popup_is_a_page_of_its_own() {
    in_each_browser(|browser| async move {
        let site = Site::new("<a href=/help target=_blank>Help</a>")
            .page("/help", "<title>Help</title><button>Close</button>");
        let report = journey(&browser, site, |_, page| async move {
            let help = page.popup(page.link("Help").click()).await?;
            help.expect_title("Help").await?;
            help.expect_url(ends_with("/help")).await?;
            help.button("Close").click().await
        });
        report.await.assert_passed();
    });
}

#[test]
fn a_dialog_of_a_popup_that_nobody_asks_anything_is_a_warning() {
    in_each_browser(|browser| async move {
        let opens = "<button onclick='window.open(`/popup`)'>Open</button>";
        // The page that opened it is told when the dialog was answered, and so was taken note of.
        let popup = "<script>alert('Your session has ended'); opener.document.title += '!'</script>";
        let nested = "<script>alert('You are in a maze'); opener.opener.document.title += '!'</script>";
        let site = || Site::new(opens).page("/popup", popup).page("/nested", nested);
        let told = r#"dialog alert opened in a tab that the page opened, and nobody saw it: "Your session has ended""#;
        let report = journey(&browser, site(), |_, page| async move {
            page.button("Open").click().await?;
            page.expect_title("!").await
        });
        assert_eq!(report.await.warnings, [told]);
        let report = journey(&browser, site(), |_, page| async move {
            let _popup = page.popup(page.button("Open").click()).await?;
            page.expect_title("!").await
        });
        assert_eq!(report.await.warnings, [told]);
        let between = "<button onclick='window.open(`/nested`)'>Open</button>";
        let deep = "<button onclick='window.open(`/between`)'>Open</button>";
        let site = site().page("/", deep).page("/between", between);
        let report = journey(&browser, site, |_, page| async move {
            let between = page.popup(page.button("Open").click()).await?;
            between.button("Open").click().await?;
            page.expect_title("!").await
        });
        let report = report.await;
        report.assert_passed();
        assert_eq!(report.warnings, [told.replace("Your session has ended", "You are in a maze")]);
    });
}

#[test]
fn a_download_is_given_whole() {
    in_each_browser(|browser| async move {
        let site = Site::new("<a href=/file download>Invoice</a>")
            .answer("/file", (200, "text/csv", "a,b\n1,2\n".to_owned(), ms(0)));
        let report = journey(&browser, site, |_, page| async move {
            let file = page.download(page.link("Invoice").click()).await?;
            assert_eq!((file.name.as_str(), &file.bytes[..]), ("invoice.csv", &b"a,b\n1,2\n"[..]));
            Ok(())
        });
        report.await.assert_passed();
    });
}

#[test]
fn a_saved_login_is_where_the_next_page_starts() {
    in_each_browser(|browser| async move {
        let site = Site::new("<p id=out></p><script>out.textContent = localStorage.token ?? 'nobody'</script>")
            .page("/private", "<script>localStorage.token = 't0k3n-0123456789'</script>");
        let again = browser.clone();
        let report = journey(&browser, site, move |run, page| {
            let browser = again.clone();
            async move {
                page.id("out").text("nobody").await?;
                page.goto("/private").await?;
                let login = page.save_login().await?;
                let kept = serde_json::from_str(&serde_json::to_string(&login)?)?;
                let origin = page.url().replace("/private", "");
                let page = browser.page(&run).base(origin).login(&kept).await?;
                page.goto("/").await?;
                page.id("out").text(starts_with("t0k3n-")).await?;
                page.goto("/headers").await?;
                page.css("body").text(contains("cookie: session=")).await?;
                // What it is made of is a secret from now on.
                run.warn("token t0k3n-0123456789");
                Ok(())
            }
        })
        .await;
        report.assert_passed();
        assert!(
            report.warnings.iter().any(|warning| warning.contains("[redacted:storage_token]")),
            "{:?}",
            report.warnings
        );
    });
}

#[test]
fn a_page_is_opened_as_it_is_wanted() {
    in_each_browser(|browser| async move {
        let again = browser.clone();
        let report = journey(&browser, Site::new("<p>hi</p>"), move |run, page| {
            let browser = again.clone();
            async move {
                let url = page.url();
                let page = browser
                    .page(&run)
                    .base(url)
                    .viewport(500, 400)
                    .locale("de-DE")
                    .time_zone("Asia/Tokyo")
                    .user_agent("canary/1")
                    .header("x-canary", "yes")
                    .await?;
                page.goto("/headers").await?;
                page.css("body").text(all_of([contains("x-canary: yes"), contains("user-agent: canary/1")])).await?;
                let seen: (u32, u32, String, String, String) = page.evaluate_as(
                    "[innerWidth, innerHeight, navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.userAgent]",
                ).await?;
                assert_eq!(seen, (500, 400, "de-DE".to_owned(), "Asia/Tokyo".to_owned(), "canary/1".to_owned()));
                Ok(())
            }
        });
        report.await.assert_passed();
    });
}

#[test]
fn http_authentication_is_answered() {
    in_each_browser(|browser| async move {
        let again = browser.clone();
        let report = journey(&browser, Site::new("<p>hi</p>"), move |run, page| {
            let browser = again.clone();
            async move {
                let secret = Secret::new("web/basic", "open sesame");
                let page = browser.page(&run).base(page.url()).basic_auth("canary", &secret).await?;
                page.goto("/guarded").await?;
                page.css("body").text("Basic Y2FuYXJ5Om9wZW4gc2VzYW1l").await
            }
        });
        report.await.assert_passed();
    });
}

#[test]
fn a_click_on_what_has_a_frame_in_it_is_received_by_the_frame() {
    in_each_browser(|browser| async move {
        let frame = "<p id=told></p><div id=around style='display:inline-block'><iframe srcdoc=\"<body style='height:90vh' onclick='parent.told.append(1)'>card\"></iframe></div>";
        works(&browser, frame, |page| async move {
            page.css("iframe").click().await?;
            page.id("told").text(eq("1".to_owned())).await?;
            page.id("around").click().await?;
            page.id("told").text(eq("11".to_owned())).await
        })
        .await;
    });
}

#[test]
fn what_was_filled_in_as_a_secret_is_in_no_failure() {
    in_each_browser(|browser| async move {
        // The second field cuts it, which no text that is looked for will find.
        for (field, actual) in [("<input id=p>", "of 13 characters"), ("<input id=p maxlength=7>", "of 7 characters")] {
            let told = fails(&browser, Site::new(&format!("<label>Password {field}</label>")), |page| async move {
                page.label("Password").fill_secret(&Secret::new("web/password", "correct horse")).await?;
                page.id("p").value("wrong").await
            })
            .await;
            assert!(told.contains(&format!("actual    a secret {actual}")) && !told.contains("correct"), "{told}");
        }
    });
}

#[test]
fn a_page_is_resized_scrolled_given_headers_and_a_popup_is_closed() {
    in_each_browser(|browser| async move {
        let site = Site::new(
            "<p style='height:3000px'>far</p><a href=/help target=_blank style='position:fixed;top:0'>Help</a>",
        )
        .page("/help", "<title>Help</title>");
        let report = journey(&browser, site, |run, page| async move {
            page.resize(390, 844).await?;
            let size: (u32, u32) = page.evaluate_as("[innerWidth, innerHeight]").await?;
            run.expect("size of the viewport", size, eq((390, 844)))?;
            page.link("Help").hover().await?;
            page.wheel(0.0, 500.0).await?;
            run.eventually(every(ms(50)).up_to(secs(10)), || async {
                run.expect("scrolled", page.evaluate_as::<f64>("scrollY").await?, gt(0.0))
            })
            .await?;
            page.headers([("x-canary", "one")]).await?;
            let sent: String = page.evaluate_as("fetch('/headers').then((answer) => answer.text())").await?;
            run.expect("headers", sent, contains("x-canary: one"))?;
            let help = page.popup(page.link("Help").click()).await?;
            help.expect_title("Help").await?;
            help.close().await?;
            page.link("Help").visible().await
        });
        report.await.assert_passed();
    });
}
