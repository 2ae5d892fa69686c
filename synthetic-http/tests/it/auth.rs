//! Credentials: who is given them, and that nobody is shown them.

use synthetic_core::prelude::*;
use synthetic_core::secret::EnvSecrets;
use synthetic_core::{Report, Runner, Secret};
use synthetic_http::{Http, Request, body, from_secret, header, json, status};

use crate::support::{Server, bare, ok, sent};

const TOKEN: &str = "t0p-s3cret/token+1";
/// base64 of `ann:t0p-s3cret/token+1`
const PAIR: &str = "YW5uOnQwcC1zM2NyZXQvdG9rZW4rMQ==";

async fn run(request: Request) -> Report {
    let runner = Runner::new().secrets(EnvSecrets::with_lookup(|name| (name == "SHOP_TOKEN").then(|| TOKEN.into())));
    runner
        .run(canary(Spec::new("test"), move |_| {
            let request = request.clone();
            async move { request.send().await.map(drop) }
        }))
        .await
}

#[tokio::test]
async fn credentials_are_given_to_the_origin_of_the_base_url_and_to_no_other() {
    let home = Server::answering(|_| ok("home")).await;
    let away = Server::answering(|_| ok("away")).await;
    let known = || Secret::new("shop/token", TOKEN);
    let (bearer, basic) = (format!("Bearer {TOKEN}"), format!("Basic {PAIR}"));
    let at = || Http::at(home.url());
    let token = &known();
    let rows = [
        ("bearer", at().bearer(token), "authorization", bearer.as_str()),
        ("bearer by name", at().bearer(from_secret("shop/token")), "authorization", &bearer),
        ("basic", at().basic("ann", known()), "authorization", &basic),
        ("basic by name", at().basic("ann", from_secret("shop/token")), "authorization", &basic),
        ("key", at().api_key("X-Api-Key", known()), "x-api-key", TOKEN),
        ("key by name", at().api_key("X-Api-Key", from_secret("shop/token")), "x-api-key", TOKEN),
        ("user info", Http::at(home.url().replace("//", "//ann:t0p-s3cret%2Ftoken+1@")), "authorization", &basic),
        ("plain header", at().header("x-tenant", "acme"), "x-tenant", "acme"),
    ];
    for (case, api, name, value) in rows {
        let report = run(api.get("/orders")).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
        assert_eq!(sent(&home.take()[0], name), [value], "{case}");

        let report = run(api.get(format!("{}/orders", home.url()))).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
        let at_home = if case == "user info" { vec![] } else { vec![value] };
        assert_eq!(sent(&home.take()[0], name), at_home, "{case}, by a whole URL");

        let report = run(api.get(format!("{}/orders", away.url()))).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
        assert!(sent(&away.take()[0], name).is_empty(), "{case}, to another origin");
    }
}

#[tokio::test]
async fn credentials_of_a_request_go_where_it_goes() {
    let away = Server::answering(|_| ok("away")).await;
    let request = Http::at("https://shop.example").get(away.url());
    let report = run(request.clone().bearer(from_secret("shop/token"))).await;
    assert_eq!(report.outcome, Outcome::Passed, "{report}");
    assert_eq!(sent(&away.take()[0], "authorization"), [format!("Bearer {TOKEN}")]);
    let anywhere = Http::anywhere().header("x-tenant", "acme").get(away.url());
    run(anywhere).await.assert_passed();
    assert_eq!(sent(&away.take()[0], "x-tenant"), ["acme"], "no origin is home, so all are");
}

#[tokio::test]
async fn what_a_request_says_takes_the_place_of_what_all_say() {
    let home = Server::answering(|_| ok("home")).await;
    let api = Http::at(home.url()).bearer(from_secret("shop/token")).header("accept", "text/html");
    let request = api.get("/").basic("ann", Secret::new("other", "another-secret"));
    run(request.header("accept", "text/plain")).await.assert_passed();
    let seen = home.take().remove(0);
    assert_eq!(sent(&seen, "authorization"), ["Basic YW5uOmFub3RoZXItc2VjcmV0"]);
    assert_eq!(sent(&seen, "accept"), ["text/plain"]);
    run(api.get("/").header("Authorization", "Custom 1")).await.assert_passed();
    assert_eq!(sent(&home.take()[0], "authorization"), ["Custom 1"]);
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_followed_without_credentials() {
    let away = Server::answering(|_| ok("away")).await;
    let location = format!("location: {}/there\r\n", away.url());
    let home = Server::answering(move |request| {
        if request.starts_with("GET /away") {
            bare("302 Found", &location)
        } else if request.starts_with("GET /home") {
            bare("302 Found", "location: /here\r\n")
        } else {
            ok("home")
        }
    })
    .await;
    let token = || from_secret("shop/token");
    let api = Http::at(home.url()).bearer(token()).api_key("x-key", token()).header("x-tenant", "acme");
    run(api.get("/away").api_key("x-own", token()).header("x-open", "1")).await.assert_passed();
    let seen = away.take().remove(0);
    for name in ["authorization", "x-key", "x-tenant", "x-own"] {
        assert!(sent(&seen, name).is_empty(), "{name}: {seen}");
    }
    assert_eq!(sent(&seen, "x-open"), ["1"], "a header of the request itself is no credential");
    run(api.get("/home")).await.assert_passed();
    let seen = home.take().pop().unwrap();
    for name in ["authorization", "x-key", "x-tenant"] {
        assert_eq!(sent(&seen, name).len(), 1, "{name}: {seen}");
    }
}

/// Panics if any form of the secret is in `text`.
fn is_clean(case: &str, text: &str) {
    for form in [TOKEN, "s3cret", "t0p-s", PAIR, "QwcC1zM2NyZXQ", "t0p-s3cret%2Ftoken"] {
        assert!(!text.contains(form), "{case}: {form} in {text}");
    }
}

#[tokio::test]
async fn a_secret_is_in_no_failure_and_no_report_also_if_the_target_sends_it_back() {
    // Says back what it was given, at every place that a failure can show.
    let server = Server::answering(|request| {
        let given = [sent(request, "authorization"), sent(request, "x-key")].concat().join(" ");
        let long = "x".repeat(1_015);
        let page = format!("{{\"given\": \"{given}\", \"url\": \"t0p-s3cret%2Ftoken%2B1\"}} {long}{TOKEN}");
        format!("HTTP/1.1 500 Oh\r\nx-given: {given}\r\ncontent-length: {}\r\n\r\n{page}", page.len()).into_bytes()
    })
    .await;
    let at = || Http::at(server.url());
    let https = [
        at().bearer(from_secret("shop/token")),
        at().basic("ann", Secret::new("shop/token", TOKEN)),
        at().api_key("x-key", from_secret("shop/token")),
        Http::at(server.url().replace("//", "//ann:t0p-s3cret%2Ftoken+1@")),
    ];
    for api in https {
        let request = api.get(format!("/echo/{TOKEN}")).expect(status(200)).expect(header("x-given", "none"));
        let request = request.expect(body("none")).expect(json("$.given", "none")).prefer(header("x-given", "nobody"));
        let report = run(request).await;
        assert_eq!((report.failures.len(), report.unmet.len()), (1, 1));
        is_clean("report", &format!("{report}\n{report:?}\n{}", serde_json::to_string(&report).unwrap()));
        assert!(format!("{:?}", report.failures[0]).contains("[redacted:"), "{report}");
    }
}

#[tokio::test]
async fn a_failure_that_is_returned_is_clean_before_the_run_ends_and_outside_of_any_run() {
    let server = Server::answering(|request| ok(sent(request, "authorization")[0])).await;
    let request = Http::at(server.url()).get("/").bearer(Secret::new("shop/token", TOKEN));
    let look = |case: &'static str, request: Request| async move {
        let failure = request.clone().expect(body("none")).send().await.unwrap_err();
        is_clean(case, &format!("{failure:?} {failure}"));
        let answer = request.send().await.unwrap();
        assert!(answer.text().contains(TOKEN), "the answer itself is as it came");
        is_clean(case, &format!("{:?}", answer.json::<u32>().unwrap_err()));
        is_clean(case, &format!("{:?}", answer.read::<u32>("$.x").unwrap_err()));
        is_clean(case, &format!("{answer:?}"));
    };
    look("outside", request.clone()).await;
    let report = once(canary(Spec::new("test"), move |_| {
        let request = request.clone();
        async move {
            look("inside", request).await;
            Ok(())
        }
    }))
    .await;
    assert_eq!(report.failures.len(), 3, "{report}");
    is_clean("report", &format!("{report:?}"));
}
