//! What becomes of a message by what the server answers: cases 54 and 62, and case 60 for what is said of it.

use std::time::Duration;

use synthetic_core::Sink;
use synthetic_core::sink::DeliveryError;
use synthetic_sinks::Webhook;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::server::{Answer, Server};
use super::{Runs, eager, generic};

async fn error(answer: Answer) -> Result<(), DeliveryError> {
    let server = Server::start().await;
    server.answers([answer]);
    generic(&server).deliver(&[Runs::of("checkout").failed().await]).await
}

fn after(error: Result<(), DeliveryError>) -> Duration {
    match error {
        Err(DeliveryError::RateLimited { after, .. }) => after,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_answer_has_its_class() {
    for good in [200, 201, 202, 204] {
        assert_eq!(error(Answer::Status(good)).await, Ok(()), "{good}");
    }
    for fatal in [301, 307, 400, 401, 403, 404, 410, 413] {
        assert!(matches!(error(Answer::Status(fatal)).await, Err(DeliveryError::Fatal(_))), "{fatal}");
    }
    for retry in [408, 422, 500, 502, 503, 504] {
        assert!(matches!(error(Answer::Status(retry)).await, Err(DeliveryError::Retry(_))), "{retry}");
    }
}

#[tokio::test]
async fn a_server_that_has_enough_says_for_how_long() {
    assert_eq!(after(error(Answer::Status(429)).await), Duration::from_secs(60));
    assert_eq!(after(error(Answer::With(429, "retry-after", "7".to_owned())).await), Duration::from_secs(7));
    assert_eq!(after(error(Answer::With(503, "retry-after", "7".to_owned())).await), Duration::from_secs(7));
    assert_eq!(after(error(Answer::With(429, "retry-after", "soon".to_owned())).await), Duration::from_secs(60));
    let past = "Sun, 06 Nov 1994 08:49:37 GMT".to_owned();
    assert_eq!(after(error(Answer::With(429, "retry-after", past)).await), Duration::ZERO);
    let future = "Sat, 06 Nov 2094 08:49:37 GMT".to_owned();
    assert!(after(error(Answer::With(429, "retry-after", future)).await) > Duration::from_secs(365 * 24 * 60 * 60));
}

#[tokio::test]
async fn a_server_that_has_enough_is_left_alone_until_then() {
    let server = Server::start().await;
    server.answers([Answer::With(429, "retry-after", "3600".to_owned()), Answer::Status(200)]);
    let (sink, mut runs) = (generic(&server), Runs::of("checkout"));
    after(sink.deliver(&[runs.failed().await]).await);
    after(sink.deliver(&[runs.failed().await]).await);
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_in_time() {
    let server = Server::start().await;
    server.answers([Answer::Hang, Answer::Status(200)]);
    let sink = generic(&server).timeout(Duration::from_millis(200));
    let report = [Runs::of("checkout").failed().await];
    let why = format!("POST to {}: no answer in time", server.url(""));
    assert_eq!(sink.deliver(&report).await, Err(DeliveryError::Retry(why)));
    // The same batch again, as the pipeline does, however long a slow machine needs.
    while sink.deliver(&report).await.is_err() {}
    assert!(server.events().iter().all(|event| event == "trigger"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/hook", listener.local_addr().unwrap())
    };
    let sink = eager(Webhook::generic(&url).unwrap());
    let refused = sink.deliver(&[Runs::of("checkout").failed().await]).await;
    assert!(matches!(refused, Err(DeliveryError::Retry(why)) if why.contains("refused")));
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 8 * 1024]).await.unwrap();
        stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-length: 100000000000\r\n\r\n").await.unwrap();
        let mut written = 0_usize;
        while stream.write_all(&[b'x'; 1024]).await.is_ok() {
            written += 1;
        }
        written
    });
    let sink = eager(Webhook::generic(&url).unwrap()).timeout(Duration::from_secs(100));
    let Err(DeliveryError::Retry(why)) = sink.deliver(&[Runs::of("checkout").failed().await]).await else { panic!() };
    assert!(why.ends_with("x… (3821 more characters)") && why.len() < 500, "{why}");
    assert!(server.await.unwrap() < 100_000, "the connection was closed");
}

/// Case 62.
#[tokio::test]
async fn a_trigger_that_did_not_arrive_is_tried_with_the_next_run_and_a_resolve_counts_all_the_same() {
    let server = Server::start().await;
    let (sink, mut runs) = (generic(&server), Runs::of("checkout"));
    server.answers([Answer::Status(400), Answer::Status(200), Answer::Status(400), Answer::Status(200)]);
    assert!(sink.deliver(&[runs.failed().await]).await.is_err());
    assert_eq!(sink.flush().await, Ok(()), "what was refused is not sent again before there is news");
    assert_eq!(sink.deliver(&[runs.failed().await]).await, Ok(()));
    assert!(sink.deliver(&[runs.passed().await]).await.is_err());
    assert_eq!(sink.deliver(&[runs.failed().await]).await, Ok(()));
    assert_eq!(server.events(), ["trigger", "trigger", "resolve", "trigger"]);
    let since: Vec<_> = server.messages().iter().map(|message| message.json()["since"].clone()).collect();
    assert_eq!((&since[0], &since[1]), (&"2027-01-15T08:01:00Z".into(), &"2027-01-15T08:01:00Z".into()));
    assert_eq!(since[3], "2027-01-15T08:04:00Z", "a new alert");
}

#[tokio::test]
async fn a_message_that_is_refused_keeps_back_no_other() {
    let server = Server::start().await;
    server.answers([Answer::Status(400), Answer::Status(200)]);
    let sink = generic(&server);
    let reports = [Runs::of("a").failed().await, Runs::of("b").failed().await];
    assert!(matches!(sink.deliver(&reports).await, Err(DeliveryError::Fatal(_))));
    let canaries: Vec<_> = server.messages().iter().map(|message| message.json()["canary"].clone()).collect();
    assert_eq!(canaries, ["a", "b"]);
}

#[tokio::test]
async fn runs_that_arrive_while_nobody_can_be_told_are_not_lost() {
    let server = Server::start().await;
    server.answers([Answer::Status(500)]);
    let (sink, mut a, mut b) = (generic(&server), Runs::of("a"), Runs::of("b"));
    let batch = [a.failed().await, b.failed().await, b.passed().await];
    for _ in 0..5 {
        assert!(sink.deliver(&batch).await.is_err());
    }
    assert_eq!(server.messages().len(), 5, "one message for each try, as the first is not taken");
    server.answers([Answer::Status(200)]);
    assert_eq!(sink.deliver(&[a.failed().await]).await, Ok(()));
    assert_eq!(
        server.messages()[5..].iter().map(|message| message.json()["canary"].clone()).collect::<Vec<_>>(),
        ["a"]
    );
}

/// Case 60.
#[tokio::test]
async fn no_secret_stands_in_what_is_said() {
    let server = Server::start().await;
    let secrets = ["T0KENPATH123", "tokenquery/7 8", "passw0rd", "b3arer-t0ken", "R0UT1NG-KEY"];
    let url = server.url("/services/T0KENPATH123?token=tokenquery%2F7+8").replace("http://", "http://user:passw0rd@");
    let echo = format!("no such hook: {url} {} authorization: Bearer b3arer-t0ken", secrets.join(" "));
    for answer in
        [Answer::Says(404, echo.clone()), Answer::Says(500, echo.clone()), Answer::Says(429, echo), Answer::Hang]
    {
        let sinks = [
            Webhook::generic(&url),
            Webhook::templated(&url, "{}"),
            Webhook::slack(&url),
            Webhook::pagerduty_at(&url, "R0UT1NG-KEY"),
            Webhook::alertmanager(&url),
        ];
        for sink in sinks {
            let sink = eager(sink.unwrap()).header("authorization", "Bearer b3arer-t0ken").unwrap();
            let sink = sink.timeout(Duration::from_millis(200));
            server.answers([answer.clone()]);
            let error = sink.deliver(&[Runs::of("checkout").failed().await]).await.unwrap_err();
            let said = format!("{error} {error:?} {sink:?}");
            let known = if sink.name() == "pagerduty" { &secrets[..] } else { &secrets[..4] };
            for secret in known {
                assert!(!said.contains(secret), "{secret}: {said}");
            }
            assert!(!said.contains("tokenquery%2F7"), "{said}");
            assert!(said.contains(&server.url("")), "the place is named: {said}");
        }
    }
}

#[test]
fn what_cannot_work_is_refused_at_once_and_without_a_secret() {
    let refused = |webhook: Result<Webhook, synthetic_sinks::WebhookError>| webhook.unwrap_err().to_string();
    let hook = || Webhook::generic("https://alerts.example/hook").unwrap();
    assert_eq!(
        refused(Webhook::slack("ftp://hooks.example/T0KENPATH123")),
        "the address of the webhook must begin with https:// or http:// and a host"
    );
    assert!(
        refused(Webhook::slack("hooks.example/T0KENPATH123")).starts_with("the address of the webhook is no URL: ")
    );
    assert!(!refused(Webhook::slack("http://[T0KENPATH123")).contains("T0KEN"));
    assert_eq!(refused(hook().header("a b", "t0ken")), "the header \"a b\" has a name that is none");
    assert_eq!(
        refused(hook().header("a", "t0ken\n")),
        "the header \"a\" has a value with characters that none may have"
    );
    for (failures, last) in [(0, 0), (0, 1), (2, 1), (1, 1001)] {
        assert!(refused(hook().fires_after(failures, last)).starts_with("the rule fires after "));
    }
    assert!(refused(hook().resolves_after(0)).starts_with("the rule resolves after 0 passes"));
    assert!(refused(hook().label("team-a", "x")).starts_with("the label \"team-a\""));
    assert!(refused(hook().trust(b"x")).starts_with("the root certificate has no"));
}
