use std::sync::Mutex;

use serde_json::json;
use tokio::io::{DuplexStream, duplex};

use super::*;

/// What the browser told unasked: session, method, parameters; and why it is gone.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Listener for Told {
    fn event(&self, session: Option<&SessionId>, method: &str, parameters: Value) {
        self.0.lock().unwrap().push(format!("{session:?} {method} {parameters}"));
    }

    fn gone(&self, why: &str) {
        self.0.lock().unwrap().push(format!("gone: {why}"));
    }
}

/// A connection, and the browser's ends of it.
struct Pair {
    connection: Connection,
    commands: BufReader<DuplexStream>,
    answers: DuplexStream,
    told: Arc<Told>,
}

impl Pair {
    fn new() -> Self {
        let (writer, commands) = duplex(1 << 16);
        let (answers, reader) = duplex(64);
        let connection = Connection::new(writer);
        let told = Arc::new(Told::default());
        let listener: Arc<dyn Listener> = Arc::clone(&told) as _;
        connection.read(reader, listener);
        Self { connection, commands: BufReader::new(commands), answers, told }
    }

    async fn command(&mut self) -> String {
        let mut bytes = Vec::new();
        self.commands.read_until(0, &mut bytes).await.unwrap();
        assert_eq!(bytes.pop(), Some(0));
        String::from_utf8(bytes).unwrap()
    }

    async fn answer(&mut self, message: Value) {
        self.answers.write_all(format!("{message}\0").as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn commands_go_out_in_order_and_answers_find_theirs_in_any() {
    let mut pair = Pair::new();
    let session: SessionId = "S".into();
    let first = pair.connection.send(None, "A.a", json!({ "x": "a\u{0}b" }));
    let second = pair.connection.send(Some(&session), "B.b", json!({}));
    assert_eq!(pair.command().await, r#"{"id":1,"method":"A.a","params":{"x":"a\u0000b"}}"#);
    assert_eq!(pair.command().await, r#"{"id":2,"method":"B.b","params":{},"sessionId":"S"}"#);

    // Longer than what the pipe holds, so it comes in pieces.
    let long = "é".repeat(1000);
    pair.answer(json!({ "id": 2, "sessionId": "S", "result": { "long": long } })).await;
    pair.answer(json!({ "id": 1, "error": { "code": -32000, "message": "no", "data": "because" } })).await;
    assert_eq!(second.await.unwrap()["long"], long);
    match first.await {
        Err(EngineError::Refused { method, message }) => assert_eq!((&*method, &*message), ("A.a", "no: because")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn events_are_told_with_their_session_before_what_comes_after_them() {
    let mut pair = Pair::new();
    let reply = pair.connection.send(None, "A.a", json!({}));
    pair.answer(json!({ "method": "E.one", "params": { "n": 1 }, "sessionId": "S" })).await;
    pair.answer(json!({ "method": "E.two", "of": "a later version" })).await;
    pair.answer(json!({ "id": 99, "result": {} })).await;
    pair.answer(json!({ "id": 1, "result": {} })).await;
    reply.await.unwrap();
    let told = pair.told.0.lock().unwrap().clone();
    assert_eq!(told, [r#"Some("S") E.one {"n":1}"#, "None E.two null"]);
}

#[tokio::test]
async fn everything_that_waits_fails_when_the_browser_is_gone() {
    for (last, why) in [
        ("", "it closed the connection"),
        ("{\"id\":1,", "it closed the connection in the middle of a message"),
        ("nonsense\0", "it sent what is not a message of its protocol: expected ident at line 1 column 2"),
    ] {
        let Pair { connection, mut answers, told, commands } = Pair::new();
        let reply = connection.send(None, "A.a", json!({}));
        answers.write_all(last.as_bytes()).await.unwrap();
        drop(answers);
        assert!(matches!(reply.await, Err(EngineError::Gone(said)) if said == why), "{why}");
        assert_eq!(connection.gone().await, why);
        let late = connection.send(None, "A.a", json!({})).await;
        assert!(matches!(late, Err(EngineError::Gone(said)) if said == why), "{why}");
        assert_eq!(*told.0.lock().unwrap(), [format!("gone: {why}")]);
        // Its other end is closed as well.
        let (mut commands, mut rest) = (commands, Vec::new());
        commands.read_to_end(&mut rest).await.unwrap();
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection() {
    let pair = Pair::new();
    let (mut answers, reader) = duplex(1 << 16);
    answers.write_all(&[b' '; 200]).await.unwrap();
    let why = pair.connection.read_all(reader, &*pair.told, 100).await;
    assert_eq!(why, "it sent a message of more than 100 bytes");
}

#[tokio::test]
async fn the_end_of_a_session_ends_what_waits_in_it_and_nothing_else() {
    let mut pair = Pair::new();
    let (one, other): (SessionId, SessionId) = ("1".into(), "2".into());
    let ended = pair.connection.send(Some(&one), "A.a", json!({}));
    let stays = pair.connection.send(Some(&other), "A.a", json!({}));
    pair.connection.end_session(&one, &EngineError::Crashed);
    assert!(matches!(ended.await, Err(EngineError::Crashed)));
    let late = pair.connection.send(Some(&one), "A.a", json!({})).await;
    assert!(matches!(late, Err(EngineError::Crashed)));
    pair.answer(json!({ "id": 2, "result": {} })).await;
    stays.await.unwrap();
}

#[tokio::test]
async fn what_was_dropped_leaves_nothing_behind() {
    let mut pair = Pair::new();
    drop(pair.connection.send(None, "A.a", json!({})));
    let reply = pair.connection.send(None, "A.a", json!({}));
    assert_eq!(pair.connection.shared.table().pending.len(), 1);
    pair.answer(json!({ "id": 1, "result": {} })).await;
    pair.answer(json!({ "id": 2, "result": {} })).await;
    reply.await.unwrap();
    assert!(pair.connection.shared.table().pending.is_empty());
}
