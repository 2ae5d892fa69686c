//! Connections and cookies: fresh for every run, kept within it.

use synthetic_core::prelude::*;
use synthetic_core::{AnyCanary, Runner};
use synthetic_http::{Http, cookie};
use tokio::join;

use crate::support::{Server, bare, ok, sent, target};

/// Sends as many requests, one after the other.
fn visits(api: &Http, requests: usize) -> AnyCanary {
    let api = api.clone();
    canary(Spec::new("test"), move |_| {
        let api = api.clone();
        async move {
            let request = api.get("/");
            for _ in 0..requests {
                request.clone().send().await?;
            }
            Ok(())
        }
    })
    .into()
}

#[tokio::test]
async fn connections_are_fresh_for_every_run_and_used_again_within_it() {
    let server = Server::answering(|_| ok("hi")).await;
    let visits = visits(&Http::at(server.url()), 3);
    for run in 1..=3 {
        let report = Runner::new().run(visits.clone()).await;
        report.assert_passed();
        assert_eq!(server.accepted(), run);
        assert_eq!(report.requests.iter().map(|request| request.reused).collect::<Vec<_>>(), [false, true, true]);
    }
}

#[tokio::test]
async fn connections_are_used_again_across_runs_if_told_so() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url()).reuse_connections();
    for _ in 0..3 {
        Runner::new().run(visits(&api, 2)).await.assert_passed();
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn clones_share_connections_and_what_was_changed_has_its_own() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url());
    let report = once(canary(Spec::new("test"), move |_| {
        let api = api.clone();
        async move {
            api.get("/").send().await?;
            api.clone().get("/").send().await?;
            api.timeout(secs(5)).get("/").send().await?;
            Ok(())
        }
    }))
    .await;
    report.assert_passed();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn requests_side_by_side_are_each_recorded_in_their_own_step() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url());
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let api = api.clone();
        async move {
            let (a, b) = join!(run.step("a", api.get("/a").send()), run.step("b", api.get("/b").send()));
            a.and(b).map(drop)
        }
    }))
    .await;
    report.assert_passed();
    for request in &report.requests {
        let step = &report.steps[request.step.unwrap()];
        assert!(request.url.ends_with(&format!("/{}", step.name)), "{request:?} in {step:?}");
    }
    assert_eq!(report.requests.len(), 2);
}

#[tokio::test]
async fn a_request_that_is_cloned_can_be_sent_again() {
    let server = Server::answering(|_| ok("hi")).await;
    let request = Http::at(server.url()).post("/orders").json("sku").header("x-a", "1").query("q", 1);
    request.clone().send().await.unwrap();
    request.send().await.unwrap();
    let seen = server.take();
    assert_eq!(seen[0], seen[1]);
}

/// Sets a cookie at `/login`, which leads on, and says which were sent to it.
async fn members_only() -> Server {
    Server::answering(|request| match target(request) {
        "/login" => bare("302 Found", "set-cookie: session=s-1; Path=/; HttpOnly\r\nlocation: /in\r\n"),
        "/logout" => bare("200 OK", "set-cookie: session=; Max-Age=0; Path=/\r\n"),
        _ => ok(sent(request, "cookie").first().unwrap_or(&"none")),
    })
    .await
}

#[tokio::test]
async fn cookies_are_kept_within_a_run_across_redirects_and_fresh_for_the_next() {
    let server = members_only().await;
    let api = Http::at(server.url());
    let journey = canary(Spec::new("test"), move |run: Run| {
        let api = api.clone();
        async move {
            let cookies = async |path: &'static str| Ok::<_, Failure>(api.get(path).send().await?.text().into_owned());
            run.expect("at first", cookies("/in").await?, eq("none"))?;
            run.expect("after the redirect", cookies("/login").await?, eq("session=s-1"))?;
            run.expect("later", cookies("/in").await?, eq("session=s-1"))?;
            let both = api.get("/in").header("cookie", "theme=dark").send().await?;
            run.expect("with its own", both.text().into_owned(), eq("theme=dark; session=s-1"))?;
            let other = api.clone().timeout(secs(5)).get("/in").send().await?;
            run.expect("another user", other.text().into_owned(), eq("none"))?;
            api.get("/logout").expect(cookie("session", "")).send().await?;
            run.expect("after the end", cookies("/in").await?, eq("none"))
        }
    });
    let journey = AnyCanary::from(journey);
    Runner::new().run(journey.clone()).await.assert_passed();
    Runner::new().run(journey).await.assert_passed();
}

#[tokio::test]
async fn cookies_are_fresh_for_a_run_also_where_connections_are_not() {
    let server = members_only().await;
    let api = Http::at(server.url()).reuse_connections();
    for _ in 0..2 {
        let api = api.clone();
        once(canary(Spec::new("test"), move |run: Run| {
            let api = api.clone();
            async move {
                run.expect("at first", api.get("/in").send().await?.text().into_owned(), eq("none"))?;
                run.expect("then", api.get("/login").send().await?.text().into_owned(), eq("session=s-1"))
            }
        }))
        .await
        .assert_passed();
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn outside_of_any_run_cookies_last_as_long_as_the_request() {
    let server = members_only().await;
    let api = Http::at(server.url());
    assert_eq!(api.get("/login").send().await.unwrap().text(), "session=s-1");
    assert_eq!(api.get("/in").send().await.unwrap().text(), "none");
    assert_eq!(api.forget_cookies().get("/login").send().await.unwrap().text(), "none");
}

#[tokio::test]
async fn a_cookie_goes_to_the_host_that_set_it_only() {
    let away = Server::answering(|request| ok(sent(request, "cookie").first().unwrap_or(&"none"))).await;
    let there = format!("set-cookie: session=s-1\r\nlocation: http://localhost:{}/\r\n", away.addr.port());
    let server = Server::answering(move |_| bare("302 Found", &there)).await;
    assert_eq!(Http::at(server.url()).get("/login").send().await.unwrap().text(), "none");
}
