//! Connections: how many are made.

use super::*;
use crate::wire::Connection;

async fn connections(settings: &ClientSettings, next: impl Fn(&Client) -> Client) -> (usize, Vec<Connection>) {
    let server = Server::answering(|_| ok("hi")).await;
    let mut client = Client::new(settings).unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(answer(&client, get(server.url("/"))).await.connection);
        client = next(&client);
    }
    (server.accepted(), seen)
}

#[tokio::test]
async fn a_client_and_its_clones_share_connections_and_a_fresh_one_has_none() {
    use Connection::{New, Reused};
    let kept = ClientSettings::default();
    let closed = ClientSettings { reuse: false, ..ClientSettings::default() };
    assert_eq!(connections(&kept, Client::clone).await, (1, vec![New, Reused, Reused]));
    assert_eq!(connections(&kept, Client::fresh).await, (3, vec![New, New, New]));
    assert_eq!(connections(&closed, Client::clone).await, (3, vec![New, New, New]));
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let server = Server::answering(|_| ok("hi")).await;
    let settings = ClientSettings { idle_timeout: Some(ms(20)), ..ClientSettings::default() };
    let client = Client::new(&settings).unwrap();
    answer(&client, get(server.url("/"))).await;
    tokio::time::sleep(ms(60)).await;
    assert_eq!(answer(&client, get(server.url("/"))).await.connection, Connection::New);
}

#[tokio::test]
async fn a_server_that_closes_a_reused_connection_without_an_answer_is_asked_again_by_what_only_reads() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(&ok("hi")).await?;
        read_request(&mut stream).await.map(|_| ())
    })
    .await;
    let client = client();
    answer(&client, get(server.url("/"))).await;
    let message = "processing: {peer} closed the reused connection without an answer";
    let post = Request { method: Method::POST, ..get(server.url("/")) };
    check(client.send(post).await, Phase::Processing, Kind::ClosedEarly, message);
    assert_eq!(server.accepted(), 1, "a request that changes something is never sent again");

    answer(&client, get(server.url("/"))).await;
    assert_eq!(answer(&client, get(server.url("/"))).await.connection, Connection::New);
    assert_eq!(server.accepted(), 3);
}

#[tokio::test]
async fn a_redirect_reuses_the_connection_it_came_on() {
    let server = Server::answering(|request| {
        if request.starts_with("GET /old") {
            b"HTTP/1.1 302 Found\r\nlocation: /new\r\ncontent-length: 3\r\n\r\nold".to_vec()
        } else {
            ok("new")
        }
    })
    .await;
    let mut request = get(server.url("/old"));
    request.max_redirects = 5;
    assert_eq!(answer(&client(), request).await.body, "new");
    assert_eq!(server.accepted(), 1);
}
