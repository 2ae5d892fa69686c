//! How pages are opened.

use serde_json::json;
use synthetic_core::prelude::*;

use crate::support::{Site, in_chromium, in_each_browser, works};

const VIEWPORT: &str = "[innerWidth, innerHeight, devicePixelRatio]";

#[test]
fn a_page_and_what_it_opens_have_the_viewport_that_is_the_default() {
    in_each_browser(|browser| async move {
        works(&browser, "<a href=/ target=_blank>More</a>", |page| async move {
            assert_eq!(page.evaluate(VIEWPORT).await?, json!([1280, 720, 1]));
            let more = page.popup(page.link("More").click()).await?;
            more.link("More").visible().await?;
            assert_eq!(more.evaluate(VIEWPORT).await?, json!([1280, 720, 1]));
            Ok(())
        })
        .await;
    });
}

#[test]
fn a_ratio_of_pixels_leaves_the_size_of_the_viewport_as_it_is() {
    in_each_browser(|browser| async move {
        let report = once(canary(Spec::new("sharp").timeout(secs(60)), move |run: Run| {
            let browser = browser.clone();
            async move {
                let page = browser.page(&run).pixel_ratio(2.0).await?;
                assert_eq!(page.evaluate(VIEWPORT).await?, json!([1280, 720, 2]));
                Ok(())
            }
        }));
        report.await.assert_passed();
    });
}

#[test]
fn a_run_opens_several_pages_in_its_one_place() {
    in_chromium(|browser| async move {
        let (url, browser) = (Site::new("hello").start().await, browser.max_pages(1));
        let report = once(canary(Spec::new("two-pages").timeout(secs(60)), move |run: Run| {
            let (browser, url) = (browser.clone(), url.clone());
            async move {
                let one = browser.page(&run).await?;
                let two = browser.page(&run).base(&url).await?;
                two.goto("/").await?;
                one.goto(&url).await
            }
        }));
        report.await.assert_passed();
    });
}
