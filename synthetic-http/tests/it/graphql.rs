//! GraphQL, whose errors come with a 200.

use synthetic_core::Reason;
use synthetic_http::{GraphQl, Http, json, status};

use crate::support::{Server, Told, run_of, sent};

async fn answering(status: &'static str, kind: &'static str, body: &'static str) -> Server {
    let length = body.len();
    Server::answering(move |_| {
        format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    })
    .await
}

fn order(server: &Server) -> GraphQl {
    Http::at(server.url()).graphql("/graphql").query("query Order($id: ID!) { order(id: $id) { status } }")
}

const NOT_FOUND: &str = r#"{"data": {"order": null}, "errors": [
    {"message": "no such order", "path": ["order", "items", 0], "locations": [{"line": 1, "column": 27}]},
    {"message": "timed out \"db\""}, {"extensions": {"code": "ODD"}}]}"#;

#[tokio::test]
async fn an_operation_is_sent_as_the_specification_says_and_its_data_judged() {
    let server = answering("200 OK", "application/json", r#"{"data": {"order": {"status": "shipped"}}}"#).await;
    let operation = order(&server).operation("Order").variables(serde_json::json!({"id": 7})).header("x-tenant", "a");
    let operation = operation.bearer(synthetic_core::Secret::new("token", "t0ken-t0ken"));
    let answer = operation.expect(json("$.data.order.status", "shipped")).send().await.unwrap();
    assert_eq!(answer.read::<String>("$.data.order.status").unwrap(), "shipped");
    let asked = server.take().remove(0);
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /graphql HTTP/1.1\r\n"), "{head}");
    assert_eq!(sent(&asked, "content-type"), ["application/json"]);
    assert_eq!(sent(&asked, "accept"), ["application/graphql-response+json, application/json;q=0.9"]);
    assert_eq!((sent(&asked, "x-tenant"), sent(&asked, "authorization").len()), (vec!["a"], 1));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let query = "query Order($id: ID!) { order(id: $id) { status } }";
    assert_eq!(body, serde_json::json!({"query": query, "operationName": "Order", "variables": {"id": 7}}));
}

#[tokio::test]
async fn errors_in_a_200_fail_and_each_is_told() {
    let json = "application/json";
    let partial = answering("200 OK", json, NOT_FOUND).await;
    let refused = answering("400 Bad Request", json, r#"{"errors": [{"message": "Syntax Error: <EOF>"}]}"#).await;
    let empty = answering("200 OK", json, r#"{"data": {}, "errors": []}"#).await;
    let neither = answering("200 OK", json, "{}").await;
    let list = answering("200 OK", json, "[]").await;
    let page = answering("200 OK", "text/html", "<h1>Sign in</h1>").await;
    let odd = answering("200 OK", json, r#"{"data": {}, "errors": "no"}"#).await;
    let at = |server: &Server| order(server).into_request();
    let rows = vec![
        ("errors beside data", at(&partial), Reason::Expectation),
        ("a refusal", at(&refused), Reason::Expectation),
        ("an empty list", at(&empty), Reason::Expectation),
        ("neither data nor errors", at(&neither), Reason::Expectation),
        ("neither, though errors are allowed", order(&neither).allow_errors().into_request(), Reason::Expectation),
        ("a list", at(&list), Reason::Expectation),
        ("a page", at(&page), Reason::Expectation),
        ("errors of another type", at(&odd), Reason::Expectation),
        ("no document", Http::at(page.url()).graphql("/graphql").into_request(), Reason::Setup),
        ("variables that are no object", order(&page).variables([1]).into_request(), Reason::Setup),
    ];
    let mut told = Told::default();
    for (case, request, reason) in rows {
        let report = told.add(case, request).await;
        assert_eq!(report.reason, Some(reason), "{case}: {report}");
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn errors_that_are_allowed_can_be_expected() {
    let partial = answering("200 OK", "application/json", NOT_FOUND).await;
    let operation = order(&partial).allow_errors().expect(json("$.errors[0].message", "no such order"));
    run_of(operation.into_request()).await.assert_passed();
    let refused = answering("400 Bad Request", "application/json", r#"{"errors": [{"message": "no"}]}"#).await;
    run_of(order(&refused).allow_errors().expect(status(400)).into_request()).await.assert_passed();
}

#[tokio::test]
async fn only_a_mutation_counts_as_a_change() {
    let server = answering("200 OK", "application/json", r#"{"data": {}}"#).await;
    let api = Http::at(server.url()).only_test_hosts(["elsewhere.test"]);
    let operation = |document: &str| api.graphql("/graphql").query(document).into_request();
    run_of(operation("{ orders { id } }")).await.assert_passed();
    let asked = server.take().remove(0);
    assert_eq!((sent(&asked, "synthetic-run").len(), sent(&asked, "traceparent").len()), (0, 1));
    let report = run_of(operation("mutation { buy(id: 7) { id } }")).await;
    assert_eq!((report.reason, server.take().len()), (Some(Reason::Setup), 0), "{report}");
}
