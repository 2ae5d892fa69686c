//! REST resources without an impl.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use synthetic_core::Reason;
use synthetic_core::cleanup::{FileJournal, Recovery, Sweeper};
use synthetic_core::prelude::*;
use synthetic_http::{Http, HttpResource};

use crate::support::{Server, bare, ok, target};

/// A shop: ids, and the references that their orders carry.
#[derive(Clone, Default)]
struct Shop(Arc<Mutex<BTreeMap<u64, String>>>);

impl Shop {
    fn answer(&self, request: &str) -> Vec<u8> {
        let mut orders = self.0.lock().unwrap();
        let path = target(request).to_owned();
        match request.split(' ').next().unwrap() {
            "POST" => {
                let body: Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
                let id = orders.len() as u64 + 40;
                orders.insert(id, body["reference"].as_str().unwrap_or_default().to_owned());
                ok(&json!({ "id": id }).to_string())
            }
            "DELETE" => {
                let id = path.rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or_default();
                bare(if orders.remove(&id).is_some() { "204 No Content" } else { "404 Not Found" }, "")
            }
            _ => {
                let reference = path.split_once("reference=").map(|(_, value)| value.to_owned());
                let found =
                    orders.iter().filter(|(_, carried)| reference.as_ref().is_none_or(|value| value == *carried));
                let found: Vec<Value> = found.map(|(id, carried)| json!({ "id": id, "reference": carried })).collect();
                ok(&json!({ "orders": found }).to_string())
            }
        }
    }

    async fn serve(&self) -> Server {
        let shop = self.clone();
        Server::answering(move |request| shop.answer(request)).await
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

fn orders(http: &Http) -> HttpResource {
    http.resource("shop/order").delete("/orders/{id}").find("/orders?reference={mark}", "$.orders[*].id").id("$.id")
}

/// Creates an order, then does what `then` says.
async fn with_an_order(orders: HttpResource, http: &Http, then: fn(Mark) -> Result) -> Report {
    let http = http.clone();
    once(canary(Spec::new("test"), move |run: Run| {
        let (orders, http) = (orders.clone(), http.clone());
        async move {
            run.create(&orders, |mark| async move {
                let order = http.post("/orders").json(&json!({ "reference": mark })).send().await?;
                then(mark).map(|()| order)
            })
            .await?;
            Ok(())
        }
    }))
    .await
}

#[tokio::test]
async fn what_is_made_is_deleted_by_its_id() {
    let shop = Shop::default();
    let server = shop.serve().await;
    let http = Http::at(server.url());
    let report = with_an_order(orders(&http), &http, |_| Ok(())).await;
    report.assert_passed();
    let item = &report.cleanup.items[0];
    assert_eq!(
        (item.name.as_str(), item.id.as_deref(), item.kind.as_deref()),
        ("shop/order 40", Some("40"), Some("shop/order"))
    );
    assert!(shop.is_empty());
    assert!(report.warnings.is_empty(), "its search works: {report}");
    let urls: Vec<_> = report.requests.iter().map(|request| request.url.rsplit_once("0.0.1").unwrap().1).collect();
    let paths: Vec<_> = urls.iter().map(|url| &url[url.find('/').unwrap()..]).collect();
    assert_eq!(paths, ["/orders", "/orders", "/orders/{id}"], "metrics see few URLs");
}

#[tokio::test]
async fn what_a_lost_answer_hid_is_found_by_its_mark() {
    let shop = Shop::default();
    let server = shop.serve().await;
    let http = Http::at(server.url());
    let orders = orders(&http).recovery(Recovery::default().quiescence(Duration::ZERO));
    let report = with_an_order(orders, &http, |_| Err(Failure::new("the answer was lost"))).await;
    assert_eq!((report.outcome, report.cleanup.items[0].result.as_str()), (Outcome::Failed, "removed"), "{report}");
    assert!(shop.is_empty());
}

#[tokio::test]
async fn a_search_that_looks_in_the_wrong_place_is_said_to_be_blind() {
    let shop = Shop::default();
    let server = shop.serve().await;
    let http = Http::at(server.url());
    for (find, path, why) in [
        ("/orders?reference={mark}", "$.items[*].id", "$.items of GET /orders: expected exists"),
        ("/orders?reference=x{mark}", "$.orders[*].id", "it found nothing"),
    ] {
        let orders = http.resource("shop/order").delete("/orders/{id}").find(find, path).id("$.id");
        let report = with_an_order(orders, &http, |_| Ok(())).await;
        let warning = report.warnings.iter().find(|warning| warning.contains("cleanup search is blind for shop/order"));
        assert!(warning.is_some_and(|warning| warning.contains(why)), "{why}: {report}");
        assert_eq!((report.outcome, shop.is_empty()), (Outcome::Passed, true), "its id is known: {report}");
    }
}

#[tokio::test]
async fn an_id_is_encoded_where_it_is_put() {
    let server = Server::answering(|_| bare("204 No Content", "")).await;
    let http = Http::at(server.url());
    let things = http.resource("shop/thing").delete("/things/{id}").find("/things?q={mark}", "$[*]").id("$.id");
    assert_eq!(Resource::delete(&things, &"a/b+c?d#e%f &ü.-_~".to_owned()).await.unwrap(), Gone::Deleted);
    assert_eq!(target(&server.take()[0]), "/things/a%2Fb%2Bc%3Fd%23e%25f%20%26%C3%BC.-_~");
}

#[tokio::test]
async fn an_answer_without_an_id_is_as_good_as_lost() {
    let shop = Shop::default();
    let server = shop.serve().await;
    let http = Http::at(server.url());
    let orders = http.resource("shop/order").delete("/orders/{id}").find("/orders?reference={mark}", "$.orders[*].id");
    let orders = orders.id("$.order.id").recovery(Recovery::default().quiescence(Duration::ZERO));
    let report = with_an_order(orders, &http, |_| Ok(())).await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    assert_eq!(report.failures[0].subject(), "$.order.id of POST /orders", "{report}");
    assert!(shop.is_empty(), "it was found by its mark: {report}");
}

#[tokio::test]
async fn a_client_chosen_id_needs_neither_an_id_nor_a_search() {
    let server = Server::answering(|request| {
        if request.starts_with("DELETE") { bare("204 No Content", "") } else { bare("201 Created", "") }
    })
    .await;
    let http = Http::at(server.url());
    let carts =
        http.resource("shop/cart").delete("/carts/{mark}").recovery(Recovery::default().quiescence(Duration::ZERO));
    for lost in [false, true] {
        let (carts, http) = (carts.clone(), http.clone());
        let report = once(canary(Spec::new("test"), move |run: Run| {
            let (carts, http) = (carts.clone(), http.clone());
            async move {
                run.create(&carts, |mark| async move {
                    let cart = http.put(format!("/carts/{mark}")).send().await?;
                    if lost { Err(Failure::new("the answer was lost")) } else { Ok(cart) }
                })
                .await?;
                Ok(())
            }
        }))
        .await;
        let mark = report.cleanup.items[0].mark.clone().unwrap();
        assert_eq!(report.cleanup.items[0].result.as_str(), "removed", "{report}");
        let requests = server.take();
        assert!(requests[0].starts_with(&format!("PUT /carts/{mark} ")), "{requests:?}");
        assert!(requests[1].starts_with(&format!("DELETE /carts/{mark} ")), "{requests:?}");
    }
}

#[tokio::test]
async fn a_resource_that_could_not_remove_anything_makes_nothing() {
    let server = Server::answering(|_| ok("{}")).await;
    let http = Http::at(server.url());
    let whole = || orders(&http);
    let rows = [
        (http.resource("k").id("$.id"), "it does not say how things are deleted: add `.delete(\"/orders/{id}\")`"),
        (http.resource("k").delete("/x/{id}"), "it does not say where in an answer the id is: add `.id(\"$.id\")`"),
        (whole().delete("/orders"), "its path to delete is \"/orders\": write one with {id}, as /orders/{id}"),
        (
            whole().find("/orders", "$.orders[*].id"),
            "its path to find things is \"/orders\": write one with {mark}, as /orders?reference={mark}",
        ),
        (whole().id("id"), "JSON path \"id\" is invalid at character 1: a path begins with $"),
    ];
    for (resource, problem) in rows {
        let report = with_an_order(resource.clone(), &http, |_| Ok(())).await;
        assert_eq!(report.reason, Some(Reason::Setup), "{problem}: {report}");
        assert!(report.failures[0].to_string().ends_with(problem), "{problem}: {report}");
        assert!(server.take().is_empty(), "{problem}: something was sent");
        let monitor = Monitor::named("shop").resource(resource).build().unwrap_err();
        assert!(monitor.to_string().contains(problem), "{monitor}");
    }
}

#[tokio::test]
async fn orphans_are_listed_and_only_ours_are_removed() {
    let shop = Shop::default();
    let old = "syn1-shop-order-01AN4Z07BY79KA1307SR9X4MV3-1"; // Of 2016.
    let foreign = "syn1-other-order-01AN4Z07BY79KA1307SR9X4MV3-1";
    let texts = [old, foreign, "a customer's", "", &format!("see {old}")];
    shop.0.lock().unwrap().extend((1..).zip(texts.map(str::to_owned)));
    let server = shop.serve().await;
    let orders = orders(&Http::at(server.url()));
    let orders = orders.list("/orders", "$.orders[*]", "$.id", "$.reference");
    let orders = orders.recovery(Recovery::default().sweep_orphans(Duration::from_secs(86_400), 10));
    let folder = tempfile::tempdir().unwrap();
    let sweeper = Sweeper::new("shop", FileJournal::open(folder.path()).unwrap()).resource(orders);
    let report = sweeper.sweep().await;
    assert_eq!((report.items.len(), report.left_alone), (2, 3), "{report}");
    let left: Vec<_> = shop.0.lock().unwrap().values().cloned().collect();
    assert_eq!(left, [foreign, "a customer's", ""]);
    sweeper.close().await.unwrap();
}

#[tokio::test]
async fn a_delete_that_is_led_to_another_page_has_deleted_nothing() {
    for (redirect, landing) in [
        ("303 See Other", "200 OK"),
        ("302 Found", "200 OK"),
        ("302 Found", "404 Not Found"),
        ("301 Moved Permanently", "204 No Content"),
        ("308 Permanent Redirect", "404 Not Found"),
    ] {
        let server = Server::answering(move |request| {
            if target(request).starts_with("/orders") {
                bare(redirect, "location: /login\r\n")
            } else {
                bare(landing, "")
            }
        })
        .await;
        let deleted = Resource::delete(&orders(&Http::at(server.url())), &"17".to_owned()).await;
        match (&redirect[..3], deleted) {
            ("301", deleted) => assert_eq!(deleted.unwrap(), Gone::Deleted),
            ("308", deleted) => assert_eq!(deleted.unwrap(), Gone::Already),
            (status, deleted) => {
                let failure = deleted.unwrap_err();
                let expected = format!("DELETE /orders/17 was redirected by {status} to /login");
                assert_eq!(failure.to_string(), expected);
            }
        }
    }
}

#[tokio::test]
async fn what_another_origin_answers_without_credentials_says_nothing_of_what_was_made() {
    let elsewhere = Server::answering(|request| match request.split(' ').next() {
        Some("DELETE") => bare("404 Not Found", ""),
        _ => ok(r#"{"orders":[]}"#),
    })
    .await;
    let led_to = format!("location: {}/orders\r\n", elsewhere.url());
    let server = Server::answering(move |_| bare("308 Permanent Redirect", &led_to)).await;
    let orders = orders(&Http::at(server.url())).list("/orders", "$.orders[*]", "$.id", "$.reference");
    let orders = orders.find("/orders?reference={mark}", "$.orders[*].id");
    let mark = Mark::find_in("syn1-shop-order-01AN4Z07BY79KA1307SR9X4MV3-1").unwrap();
    let deleted = Resource::delete(&orders, &"17".to_owned()).await.unwrap_err();
    let found = Resource::find(&orders, &mark).await.unwrap_err();
    let listed = Resource::list(&orders, "syn1").await.unwrap_err();
    for (failure, method) in [(deleted, "DELETE"), (found, "GET"), (listed, "GET")] {
        let text = failure.to_string();
        assert!(
            text.starts_with(method) && text.ends_with(&format!("was redirected by 308 to {}", elsewhere.url())),
            "{text}"
        );
        assert!(failure.advice().unwrap().contains(&format!("make {} the base URL", elsewhere.url())), "{failure:?}");
    }
}

#[tokio::test]
async fn an_id_that_would_be_another_one_in_a_path_is_none() {
    // `/orders/..` is `/`, and the number has lost its last digits where it is read.
    for id in ["\".\"", "\"..\"", "12345678901234567890123", "1.0", "1e3", "\"\"", "null", "[7]", "true"] {
        let server = Server::answering(move |_| ok(&format!("{{\"id\":{id}}}"))).await;
        let http = Http::at(server.url());
        let made = http.post("/orders").send().await.unwrap();
        let failure = Resource::read_id(&orders(&http), &made).unwrap_err();
        assert!(failure.to_string().contains("is a text or a whole number of at most 64 bits"), "{id}: {failure}");
    }
}
