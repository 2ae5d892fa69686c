//! Server-sent events, from servers that send them well and badly.

use synthetic_core::prelude::*;
use synthetic_core::{Failure, Reason};
use synthetic_http::{Events, Http, Request, body};
use tokio::io::AsyncWriteExt;

use crate::clock::{LONG, SILENCE, Stall};
use crate::support::{Server, Told, bare, read_request, sent};

/// Returns a server that sends these bytes as an event stream, and then ends it or is silent.
async fn sending(events: &'static str, ends: bool) -> Server {
    stalling(events, ends, &Stall::new()).await
}

/// The same, which says when it is silent.
async fn stalling(events: &'static str, ends: bool, stall: &Stall) -> Server {
    let stall = stall.clone();
    Server::raw(move |mut stream| {
        let stall = stall.clone();
        async move {
            let asked = read_request(&mut stream).await?;
            assert_eq!(
                (sent(&asked, "accept"), sent(&asked, "cache-control")),
                (vec!["text/event-stream"], vec!["no-store"])
            );
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream; charset=utf-8\r\n\r\n").await?;
            stream.write_all(events.as_bytes()).await?;
            if ends { Ok(()) } else { stall.here().await }
        }
    })
    .await
}

const ORDER: &str = "retry: 2500\nid: 1\nevent: order.created\ndata: {\"id\": 7,\ndata: \"status\": \"new\"}\n\n: still here\n\nevent: \
                     tick\ndata: 1\n\nid: 2\nevent: order.updated\ndata: {\"id\": 7, \"status\": \"shipped\"}\n\ndata: half";

#[tokio::test]
async fn events_come_with_their_id_name_data_and_retry() {
    let server = sending(ORDER, true).await;
    let mut events = Http::at(server.url()).get("/events").events().await.unwrap();
    let first = events.next().await.unwrap().unwrap();
    assert_eq!((&*first.id, &*first.event, first.retry), ("1", "order.created", Some(ms(2500))));
    assert_eq!(first.data, "{\"id\": 7,\n\"status\": \"new\"}");
    assert_eq!(first.json::<serde_json::Value>().unwrap()["status"], "new");
    assert_eq!(events.next().await.unwrap().unwrap().event, "tick");
    assert_eq!(events.next().await.unwrap().unwrap().id, "2");
    assert!(events.next().await.unwrap().is_none(), "half an event is none");
    assert!(events.next().await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_awaited_is_found_among_others() {
    let server = sending(ORDER, false).await;
    let open = async || Http::at(server.url()).get("/events").events().await.unwrap();
    assert_eq!(open().await.until(contains("shipped")).await.unwrap().id, "2");
    assert_eq!(open().await.until_json("$.status", "shipped").await.unwrap().id, "2");
    assert_eq!(open().await.named("tick").next().await.unwrap().unwrap().data, "1");
}

/// What is done with the events of a case.
type Act = fn(Events) -> std::pin::Pin<Box<dyn Future<Output = Result> + Send>>;

async fn told_of(told: &mut Told, case: &str, request: Request, act: Act, reason: Reason) {
    tell(told, case, &report_of(request, act).await, reason);
}

/// Does something with the events of a request in a run of its own.
async fn report_of(request: Request, act: Act) -> Report {
    once(canary(Spec::new("test"), move |_| {
        let request = request.clone();
        async move { act(request.events().await?).await }
    }))
    .await
}

fn tell(told: &mut Told, case: &str, report: &Report, reason: Reason) {
    told.add_report(case, report);
    assert_eq!(report.reason, Some(reason), "{case}: {report}");
}

#[tokio::test]
async fn what_does_not_come_is_told_with_what_came() {
    let shipped: Act = |mut events| Box::pin(async move { events.until(contains("delivered")).await.map(drop) });
    let json: Act =
        |events| Box::pin(async move { events.named("tick").until_json("$.status", "delivered").await.map(drop) });
    let defect: Act = |mut events| Box::pin(async move { events.until_json("$.[", 1).await.map(drop) });
    let typed: Act = |mut events| {
        Box::pin(async move {
            let event = events.next().await?.ok_or_else(|| Failure::new("no event"))?;
            event.json::<u32>().map(drop)
        })
    };
    let twice: Act = |mut events| {
        Box::pin(async move {
            while let Ok(Some(_)) = events.next().await {}
            events.next().await.map(drop)
        })
    };
    let stall = Stall::new();
    let silent = stalling(ORDER, false, &stall).await;
    let ending = sending(ORDER, true).await;
    let none = sending("", true).await;
    let page = Server::answering(|_| {
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 16\r\n\r\n<h1>Sign in</h1>".to_vec()
    })
    .await;
    let no_content = Server::answering(|_| bare("204 No Content", "")).await;
    let get = |server: &Server| Http::at(server.url()).get("/events");
    let mut told = Told::default();
    for (case, request, act) in
        [("in time", get(&silent).timeout(LONG), shipped), ("silence", get(&silent).idle_timeout(SILENCE), json)]
    {
        tell(&mut told, case, &stall.runs_out(report_of(request, act)).await, Reason::Timeout);
    }
    told_of(&mut told, "the end", get(&ending), shipped, Reason::Expectation).await;
    told_of(&mut told, "no event", get(&none), shipped, Reason::Expectation).await;
    told_of(&mut told, "a path that is none", get(&none), defect, Reason::Setup).await;
    told_of(&mut told, "data of another type", get(&ending), typed, Reason::Expectation).await;
    told_of(&mut told, "asked again after its end", get(&silent).max_body(50), twice, Reason::Protocol).await;
    told_of(&mut told, "a page", get(&page), shipped, Reason::Expectation).await;
    told_of(&mut told, "no content", get(&no_content), shipped, Reason::Expectation).await;
    told_of(&mut told, "a whole body", get(&ending).expect(body(contains("x"))), shipped, Reason::Setup).await;
    insta::assert_snapshot!(told.text());
}
