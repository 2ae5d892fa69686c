//! Answers that are what an OpenAPI document says, or say where they are not.

use serde_json::{Value, json as value};
use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{Http, OpenApi, json, openapi, status};

use crate::support::{Server, Told, bare, run_of, target, typed};

const SHOP: &str = r##"
openapi: 3.0.3
info: { title: Shop, version: "1.2" }
servers:
  - url: https://shop.example/v1
paths:
  /orders:
    get:
      responses:
        200:
          description: all
          headers:
            X-Total: { required: true, schema: { type: integer, minimum: 0 } }
          content:
            application/json:
              schema: { type: array, items: { $ref: "#/components/schemas/Order" } }
    post:
      responses:
        201: { $ref: "#/components/responses/Order" }
        default: { $ref: "#/components/responses/Problem" }
  /orders/{id}:
    get:
      responses:
        200: { $ref: "#/components/responses/Order" }
        4XX: { $ref: "#/components/responses/Problem" }
    delete:
      responses:
        204: { description: gone }
  /orders/mine:
    get:
      responses:
        200:
          description: a page
          content:
            text/html: {}
            text/*: { schema: { type: string, maxLength: 3 } }
  /report:
    get:
      responses:
        200:
          description: in XML
          content:
            application/xml: { schema: { $ref: "#/components/schemas/Order" } }
components:
  responses:
    Order:
      description: one
      content:
        application/json: { schema: { $ref: "#/components/schemas/Order" } }
    Problem:
      description: a problem
      content:
        application/problem+json: { schema: { type: object, required: [title] } }
  schemas:
    Thing:
      type: object
      required: [id]
      properties: { id: { type: string } }
    Order:
      allOf:
        - $ref: "#/components/schemas/Thing"
        - type: object
          required: [status, password]
          properties:
            status: { type: string, enum: [pending, shipped], nullable: true }
            total: { type: number, minimum: 0, exclusiveMinimum: true }
            password: { type: string, writeOnly: true }
            placed: { type: string, format: date-time }
            next: { nullable: true, allOf: [{ $ref: "#/components/schemas/Order" }] }
"##;

const ORDER: &str =
    r#"{"id": "o-1", "status": null, "total": 1.5, "next": {"id": "o-2", "status": "shipped", "next": null}}"#;

/// A server whose answer is its path: what follows `?`, to each of its paths.
async fn shop(answers: &'static [(&'static str, &'static str, &'static str, &'static str)]) -> (Server, Http) {
    let server = Server::answering(move |request| {
        let wanted = request.split(' ').take(2).collect::<Vec<_>>().join(" ");
        match answers.iter().find(|(asked, ..)| *asked == wanted) {
            Some((_, status, "", _)) => bare(status, ""),
            Some((_, status, kind, body)) => typed(status, kind, body),
            None => bare(&format!("400 {}", target(request)), ""),
        }
    })
    .await;
    let http = Http::at(server.url());
    (server, http)
}

fn contract() -> OpenApi {
    OpenApi::parse_text(SHOP)
}

#[tokio::test]
async fn answers_that_are_what_the_document_says_pass() {
    const JSON: &str = "application/json; charset=utf-8";
    let (_server, http) = shop(&[
        (
            "GET /v1/orders",
            "200 OK",
            "application/json\r\nx-total: 1",
            "[{\"id\": \"a\", \"status\": \"pending\", \"more\": 1}]",
        ),
        ("GET /v1/orders/o-1", "200 OK", JSON, ORDER),
        ("GET /v1/orders/none", "404 Not Found", "application/problem+json", "{\"title\": \"none\"}"),
        ("GET /v1/orders/mine", "200 OK", "text/html", "<html>"),
        ("DELETE /v1/orders/o-1", "204 No Content", "", ""),
        ("POST /v1/orders", "303 See Other\r\nlocation: /v1/orders/o-1", "", ""),
    ])
    .await;
    let api = http.expect(contract());
    run_of(api.get("/v1/orders")).await.assert_passed();
    run_of(api.get("/v1/orders/o-1").expect(json("$.total", 1.5))).await.assert_passed();
    run_of(api.get("/v1/orders/none").expect(status(404))).await.assert_passed();
    run_of(api.get("/v1/orders/mine")).await.assert_passed();
    run_of(api.delete("/v1/orders/o-1")).await.assert_passed();
    // The answer is that of a GET, to where it was led.
    run_of(api.post("/v1/orders")).await.assert_passed();
}

#[tokio::test]
async fn what_the_document_does_not_know_is_a_failure_that_names_what_it_knows() {
    let (_server, http) = shop(&[
        ("GET /v1/orders", "202 Accepted", "", ""),
        ("GET /v1/orders/o-1", "200 OK", "text/html; charset=utf-8", "<html>"),
        ("GET /v1/orders/o-2", "200 OK", "", ""),
        ("DELETE /v1/orders/o-1", "200 OK", "application/json", "{}"),
        ("POST /v1/orders", "500 Internal Server Error", "application/problem+json", "{\"title\": \"out\"}"),
        ("GET /v1/orders/mine", "200 OK", "text/plain", "long"),
        ("GET /v1/report", "200 OK", "application/xml", "<order/>"),
    ])
    .await;
    let api = http.expect(contract());
    let mut told = Told::default();
    told.add("an unknown path", api.get("/v1/ordres").expect(status(400))).await;
    told.add("a path that is not under the server's", api.get("/orders").expect(status(400))).await;
    told.add("an unknown method", api.put("/v1/orders/o-1").expect(status(400))).await;
    told.add("an unknown status", api.get("/v1/orders")).await;
    told.add("another unknown status", api.delete("/v1/orders/o-1")).await;
    told.add("an unknown content type", api.get("/v1/orders/o-1")).await;
    told.add("no body", api.get("/v1/orders/o-2")).await;
    told.add("a status that is known and no success", api.post("/v1/orders")).await;
    told.add("a text that does not fit", api.get("/v1/orders/mine")).await;
    told.add("a type that cannot be judged", api.get("/v1/report")).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn headers_and_bodies_must_fit_their_schemas() {
    let (_server, http) = shop(&[
        ("GET /v1/orders", "200 OK", "application/json", "[]"),
        ("GET /v1/orders/o-1", "200 OK", "application/json", r#"{"id": 7, "status": "lost", "total": 0, "next": {}}"#),
        ("GET /v1/orders/o-2", "200 OK", "application/json", "{\"id\": "),
        ("POST /v1/orders", "201 Created", "application/json", r#"{"id": "o-1", "placed": "yesterday"}"#),
    ])
    .await;
    let api = http.expect(contract());
    let mut told = Told::default();
    told.add("a required header is missing", api.get("/v1/orders")).await;
    told.add("a body that does not fit", api.get("/v1/orders/o-1")).await;
    told.add("a body that is no JSON", api.get("/v1/orders/o-2")).await;
    told.add("another body that does not fit", api.post("/v1/orders")).await;
    let (_server, http) = shop(&[("GET /v1/orders", "200 OK", "application/json\r\nX-Total: -1", "[]")]).await;
    told.add("a header that does not fit", http.expect(contract()).get("/v1/orders")).await;
    let (_server, http) = shop(&[("GET /v1/orders", "200 OK", "application/json\r\nX-Total: many", "[]")]).await;
    told.add("a header of another type", http.expect(contract()).get("/v1/orders")).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_strict_contract_fails_on_what_the_document_does_not_mention() {
    let (_server, http) = shop(&[
        ("GET /v1/orders/o-1", "200 OK", "application/json", ORDER),
        (
            "GET /v1/orders/o-2",
            "200 OK",
            "application/json\r\nX-Debug: 1\r\nETag: x",
            r#"{"id": "o", "status": null, "debug": 1, "password": "x", "next": {"id": "a", "status": null, "inner": 1}}"#,
        ),
    ])
    .await;
    run_of(http.get("/v1/orders/o-1").expect(contract().strict())).await.assert_passed();
    run_of(http.get("/v1/orders/o-2").expect(contract())).await.assert_passed();
    let mut told = Told::default();
    told.add("strict", http.get("/v1/orders/o-2").expect(contract().strict())).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn the_prefix_can_be_another_than_that_of_the_servers() {
    let (_server, http) = shop(&[("GET /orders/o-1", "200 OK", "application/json", ORDER)]).await;
    run_of(http.get("/orders/o-1").expect(contract().base_path("/"))).await.assert_passed();
    let report = run_of(http.get("/orders/o-1").expect(contract())).await;
    assert_eq!(report.reason, Some(Reason::Expectation));
}

#[tokio::test]
async fn a_document_of_3_1_is_json_schema_as_it_is() {
    let document = value!({
        "openapi": "3.1.0",
        "paths": { "/": { "get": { "responses": { "200": { "description": "up", "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/Health", "minProperties": 1 },
        } } } } } } },
        "components": { "schemas": { "Health": { "type": ["object", "null"], "properties": { "db": { "const": "up" } } } } },
    });
    let judged = async |body: &'static str| {
        let server = Server::answering(move |_| typed("200 OK", "application/json", body)).await;
        run_of(Http::at(server.url()).get("/").expect(OpenApi::parse(document.clone()))).await.outcome
    };
    assert_eq!(judged(r#"{"db": "up"}"#).await, Outcome::Passed);
    assert_eq!(judged("null").await, Outcome::Passed);
    assert_eq!(judged("{}").await, Outcome::Failed);
    assert_eq!(judged(r#"{"db": "down"}"#).await, Outcome::Failed);
}

/// Judges an answer by what a document says of one header, or of its body.
async fn judged(answer: Value, kind: &str, headers: &str, body: &str) -> Report {
    let document = OpenApi::parse(value!({
        "openapi": "3.1.0",
        "paths": { "/": { "get": { "responses": { "200": answer } } } },
        "components": { "schemas": { "Total": { "minimum": 10 } } },
    }));
    let answer = typed("200 OK", format!("{kind}\r\n{headers}").trim_end(), body);
    let server = Server::answering(move |_| answer.clone()).await;
    run_of(Http::at(server.url()).get("/").expect(document)).await
}

#[tokio::test]
async fn a_header_is_judged_as_what_its_schema_is_about_also_where_no_type_is_named() {
    let mut told = Told::default();
    for (case, header, text, right) in [
        ("a number that is too small", value!({"schema": {"minimum": 10}}), "9", "10"),
        ("by a reference", value!({"schema": {"$ref": "#/components/schemas/Total"}}), "9", "10"),
        ("a text that is too long", value!({"schema": {"maxLength": 2}}), "123", "12"),
        ("a list that is too short", value!({"schema": {"minItems": 2}}), "a", "a, b"),
        ("a list of what is too small", value!({"schema": {"items": {"minimum": 2}, "minItems": 2}}), "1, 2", "2, 3"),
        ("an object that lacks something", value!({"schema": {"required": ["a"]}}), "b,1", "a,1"),
        ("another one", value!({"schema": {"required": ["a"]}, "explode": true}), "b=1", "a=1,b=2"),
        (
            "a property that is too small",
            value!({"schema": {"properties": {"a": {"minimum": 2}, "b": {"pattern": "^[0-9]+$"}}}}),
            "a,1,b,1",
            "a,2,b,1",
        ),
        ("no object", value!({"schema": {"required": ["a"]}}), "just a text", "a,1"),
        ("a value among others", value!({"schema": {"enum": ["red", 7]}}), "8", "7"),
        ("JSON", value!({"content": {"application/json": {"schema": {"required": ["a"]}}}}), "{}", "{\"a\": 1}"),
        ("no JSON", value!({"content": {"application/json": {"schema": {"type": "object"}}}}), "{a", "{}"),
        ("a text", value!({"content": {"text/plain": {"schema": {"pattern": "^a"}}}}), "b", "a"),
        ("what nobody can judge", value!({"content": {"text/csv": {"schema": {"type": "array"}}}}), "a,b", ""),
    ] {
        let answer = value!({ "headers": { "X-It": header }, "content": { "text/plain": {} } });
        let report = judged(answer.clone(), "text/plain", &format!("x-it: {text}"), "hi").await;
        told.add_report(case, &report);
        if !right.is_empty() {
            judged(answer, "text/plain", &format!("x-it: {right}"), "hi").await.assert_passed();
        }
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_body_that_cannot_be_judged_by_its_schema_fails() {
    let mut told = Told::default();
    for (case, kind, schema, body, right) in [
        ("an object in XML", "application/xml", value!({"required": ["id"]}), "<order/>", None),
        ("one that is put together", "application/xml", value!({"allOf": [{"properties": {}}]}), "<order/>", None),
        ("a list in a text", "text/csv", value!({"minItems": 3}), "a,b", None),
        ("a text without a type", "text/plain", value!({"maxLength": 2}), "abc", Some("ab")),
        ("XML as a text", "application/xml", value!({"type": "string", "pattern": "^<a"}), "<b/>", Some("<a/>")),
        ("a list, by its type", "text/plain", value!({"type": "array"}), "a", None),
    ] {
        let answer = value!({ "content": { kind: { "schema": schema } } });
        told.add_report(case, &judged(answer.clone(), kind, "", body).await);
        if let Some(right) = right {
            judged(answer, kind, "", right).await.assert_passed();
        }
    }
    insta::assert_snapshot!(told.text());
    let anything = value!({ "content": { "*/*": { "schema": {} } } });
    judged(anything, "image/png", "", "any bytes").await.assert_passed();
}

#[tokio::test]
async fn bytes_are_a_string_of_which_no_more_can_be_said() {
    for (schema, passes) in [
        (value!({"type": "string", "format": "binary"}), true),
        (value!({}), true),
        (value!({"type": "string", "pattern": "^a"}), false),
        (value!({"type": "string", "maxLength": 2}), false),
    ] {
        let document = OpenApi::parse(value!({
            "openapi": "3.1.0",
            "paths": { "/": { "get": { "responses": { "200": { "content": { "image/png": { "schema": schema } } } } } } },
        }));
        let server = Server::answering(|_| {
            b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 4\r\n\r\n\xff\xfe\x00\x01".to_vec()
        })
        .await;
        let report = run_of(Http::at(server.url()).get("/").expect(document)).await;
        assert_eq!(report.outcome == Outcome::Passed, passes, "{schema}: {report}");
    }
}

#[tokio::test]
async fn a_document_that_is_none_sends_nothing() {
    let (server, http) = shop(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (json, yaml) = (folder.path().join("shop.json"), folder.path().join("shop.yaml"));
    std::fs::write(&json, "{\"openapi\": ").unwrap();
    std::fs::write(&yaml, "openapi: [").unwrap();
    let with = |schema: Value| {
        OpenApi::parse(value!({
            "openapi": "3.0.3",
            "info": { "title": "Shop" },
            "paths": { "/a": { "get": { "responses": { "200": { "content": { "application/json": { "schema": schema } } } } } } },
        }))
    };
    let mut told = Told::default();
    for (case, document) in [
        ("no file", openapi("no/such/openapi.yaml")),
        ("no JSON", openapi(&json)),
        ("no YAML", openapi(&yaml)),
        ("no document", OpenApi::parse(value!({ "a": 1 }))),
        ("Swagger", OpenApi::parse(value!({ "swagger": "2.0" }))),
        ("no operation", OpenApi::parse(value!({ "openapi": "3.1.0", "paths": {} }))),
        ("no schema", with(value!({ "type": "text" }))),
        ("a reference to nothing", with(value!({ "$ref": "#/components/schemas/Order" }))),
        ("a reference to another file", with(value!({ "items": { "$ref": "order.yaml#/Order" } }))),
        ("a remote reference", with(value!({ "items": { "$ref": "https://shop.example/order.json" } }))),
        (
            "a bad status",
            OpenApi::parse(value!({
                "openapi": "3.0.0", "paths": { "/a": { "get": { "responses": { "20": {} } } } },
            })),
        ),
    ] {
        let report = told.add(case, http.clone().expect(document).get("/a")).await;
        assert_eq!(report.reason, Some(Reason::Setup), "{case}");
    }
    assert_eq!(server.accepted(), 0);
    insta::assert_snapshot!(told.text().replace(&folder.path().display().to_string(), "FOLDER"));
}
