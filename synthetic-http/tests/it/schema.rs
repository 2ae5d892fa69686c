//! Bodies that fit a JSON Schema, or say where they do not.

use serde_json::json as value;
use synthetic_core::Reason;
use synthetic_http::{Expectation, Http, JsonSchema, json_schema};

use crate::support::{Server, Told, run_of, typed};

async fn serving(body: String) -> (Server, Http) {
    let server = Server::answering(move |_| typed("200 OK", "application/json", &body)).await;
    let api = Http::at(server.url());
    (server, api)
}

fn order() -> serde_json::Value {
    value!({
        "type": "object",
        "required": ["id", "items"],
        "properties": {
            "id": { "type": "string", "pattern": "^o-", "maxLength": 8 },
            "status": { "enum": ["pending", "shipped"] },
            "placed": { "type": "string", "format": "date-time" },
            "total": { "type": ["number", "null"], "minimum": 0 },
            "items": { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "$ref": "#/$defs/item" } },
            "pay by": { "oneOf": [{ "type": "null" }, { "type": "object", "required": ["card"] }, { "const": "cash" }] },
        },
        "additionalProperties": false,
        "$defs": { "item": { "type": "object", "required": ["sku"], "properties": { "count": { "type": "integer" } } } },
    })
}

#[tokio::test]
async fn what_fits_passes() {
    let orders = value!({ "data": [
        { "id": "o-1", "items": [{ "sku": "A", "count": 2 }], "total": null, "placed": "2027-01-01T00:00:00Z" },
        { "id": "o-2", "items": [{ "sku": "B" }], "pay by": { "card": 1 } },
    ]});
    let (_server, api) = serving(orders.to_string()).await;
    run_of(api.get("/").expect(json_schema(order()).at("$.data[0]"))).await.assert_passed();
    run_of(api.get("/").expect(json_schema(order()).at("$.data[*]"))).await.assert_passed();
    run_of(api.get("/").expect(json_schema(r#"{"required": ["data"]}"#))).await.assert_passed();
    run_of(api.get("/").prefer(json_schema(value!(true)))).await.assert_passed();
}

#[tokio::test]
async fn each_violation_is_listed_with_its_path() {
    let wrong = value!({
        "id": "7-12345678", "status": "lost", "placed": "yesterday", "total": -1,
        "items": [{ "sku": "A", "count": "2" }, {}, {}], "pay by": { "cheque": 1 }, "debug": true,
    });
    let (_server, api) = serving(value!({ "data": [wrong, {}, 7] }).to_string()).await;
    let mut told = Told::default();
    told.add("one", api.get("/").expect(json_schema(order()).at("$.data[0]"))).await;
    told.add("several", api.get("/").expect(json_schema(order()).at("$.data[*]"))).await;
    told.add("all of it", api.get("/").expect(json_schema(value!({ "type": "array" })))).await;
    told.add("nothing there", api.get("/").expect(json_schema(order()).at("$.orders"))).await;
    told.add("none there", api.get("/").expect(json_schema(order()).at("$.orders[*]"))).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn what_a_failure_lists_is_bounded() {
    let (_server, api) = serving(value!(vec!["x".repeat(500); 1_500]).to_string()).await;
    let schema = json_schema(value!({ "items": { "type": "integer" } }));
    let report = run_of(api.get("/").expect(schema)).await;
    let told = report.failures[0].to_string() + &format!("{:?}", report.failures[0]);
    assert!(told.len() < 8_000 && told.contains("1000 violations") && told.contains("and 990 more"), "{told}");
}

#[tokio::test]
async fn the_draft_is_what_the_schema_says() {
    let (_server, api) = serving(value!([1, "a"]).to_string()).await;
    // What draft 7 calls `items` is `prefixItems` since 2020-12.
    let seven = value!({ "$schema": "http://json-schema.org/draft-07/schema#", "items": [{ "type": "string" }] });
    let newest = value!({ "prefixItems": [{ "type": "string" }] });
    for schema in [seven, newest] {
        let report = run_of(api.get("/").expect(json_schema(schema))).await;
        assert_eq!(report.reason, Some(Reason::Expectation));
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_does_not_fit() {
    let (_server, api) = serving("<html>".to_owned()).await;
    let mut told = Told::default();
    told.add("a page", api.get("/").expect(json_schema(value!(true)))).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn what_is_no_schema_sends_nothing() {
    let (server, api) = serving("{}".to_owned()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.json");
    std::fs::write(&file, "{").unwrap();
    let rows: Vec<(&str, Expectation)> = vec![
        ("another type", json_schema(value!({ "properties": { "a": { "type": "text" } } })).into()),
        ("no JSON", json_schema("{").into()),
        ("a bad pattern", json_schema(value!({ "properties": { "a": { "pattern": "(" } } })).into()),
        ("a remote reference", json_schema(value!({ "$ref": "https://schemas.example/order.json" })).into()),
        ("a reference to a file", json_schema(value!({ "items": { "$ref": "order.json#/item" } })).into()),
        ("a reference to nothing", json_schema(value!({ "items": { "$ref": "#/$defs/item" } })).into()),
        ("a bad path", json_schema(value!({})).at("$.[").into()),
        ("an unreadable file", JsonSchema::read("no/such/schema.json").into()),
        ("a file that is no JSON", JsonSchema::read(&file).into()),
    ];
    let mut told = Told::default();
    for (case, schema) in rows {
        let report = told.add(case, api.get("/").expect(schema)).await;
        assert_eq!(report.reason, Some(Reason::Setup), "{case}");
    }
    assert_eq!(server.accepted(), 0);
    insta::assert_snapshot!(told.text().replace(&folder.path().display().to_string(), "FOLDER"));
}
