//! Web vitals of pages.

use synthetic_browser::{Page, Vital, Vitals};
use synthetic_core::Reason;
use synthetic_core::prelude::*;

use crate::support::{Site, in_each_browser, journey};

#[test]
fn vitals_are_measured_expected_and_recorded() {
    in_each_browser(|browser| async move {
        let chromium = format!("{browser:?}").contains("Chromium");
        let html = "<div id=space></div><h1>Welcome to the shop</h1><button id=b>Buy</button><p id=out></p><script>
            b.onclick = () => { const end = performance.now() + 60; while (performance.now() < end); out.textContent = 'bought' }
            </script>";
        let report = journey(&browser, Site::new(html), move |_, page| async move {
            page.expect_vital(Vital::Lcp, under(secs(20))).await?;
            page.expect_vital(Vital::Fcp, gt(ms(0))).await?;
            page.expect_vital(Vital::Ttfb, under(secs(20))).await?;
            let vitals = page.vitals().await?;
            assert!(vitals.inp.is_none() && vitals.ttfb <= vitals.fcp && vitals.fcp <= vitals.lcp, "{vitals:?}");
            // What moves before the first picture of the page moves for nobody.
            page.evaluate(
                "() => { setTimeout(() => { space.style.height = '300px'; out.textContent = 'moved' }, 50) }",
            )
            .await?;
            page.id("out").text("moved").await?;
            // What moves soon after somebody did something counts for nothing.
            measured(&page, |vitals| !chromium || vitals.cls.is_some_and(|cls| cls > 0.01)).await?;
            page.button("Buy").click().await?;
            page.id("out").text("bought").await?;
            // The events of one click are measured one after the other, and not all of them are slow.
            measured(&page, |vitals| vitals.inp.is_some_and(|inp| inp >= ms(50))).await?;
            page.expect_vital(Vital::Inp, ge(ms(50))).await?;
            if chromium {
                page.expect_layout_shift(gt(0.01)).await?;
                assert!(!page.expect_layout_shift(under(0.001)).prefer().await?);
            } else {
                assert!(page.vitals().await?.cls.is_none());
                let missing = page.expect_layout_shift(under(0.1)).await.unwrap_err();
                assert_eq!(missing.reason(), Reason::Setup);
            }
            Ok(())
        })
        .await;
        let mut names: Vec<&str> = report.metrics.iter().map(|metric| &*metric.name).collect();
        names.sort_unstable();
        let all = ["cls", "fcp", "inp", "lcp", "ttfb"];
        assert_eq!(names, if chromium { &all[..] } else { &all[1..] });
        let lcp = report.metrics.iter().find(|metric| metric.name == "lcp").unwrap();
        assert!(lcp.value > 0.0 && lcp.value < 20.0, "{lcp:?}");
        assert!(chromium == report.failures.is_empty(), "{:?}", report.failures);
    });
}

/// Waits until what was measured is so; the time of the run bounds it.
async fn measured(page: &Page, so: impl Fn(&Vitals) -> bool + Send + Sync) -> Result {
    while !so(&page.vitals().await?) {
        tokio::time::sleep(ms(20)).await;
    }
    Ok(())
}

#[test]
fn a_vital_that_is_too_slow_is_told_with_what_it_was() {
    in_each_browser(|browser| async move {
        let report = journey(&browser, Site::new("<h1>Hello</h1>"), |_, page| async move {
            let page = page.patient(secs(5));
            let slow = page.expect_vital(Vital::Lcp, under(ms(0))).await.unwrap_err();
            assert!(slow.to_string().contains("largest contentful paint (LCP) of the page"), "{slow}");
            let none = page.patient(ms(200)).expect_vital(Vital::Inp, under(ms(200))).await.unwrap_err();
            assert_eq!(none.observation(), Some("was not measured (waited 200 ms)"));
            Ok(())
        })
        .await;
        assert_eq!(report.failures.len(), 2, "{report:?}");
    });
}
