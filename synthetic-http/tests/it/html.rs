//! Pages that are judged by CSS selectors.

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{Expectation, Http, html, html_all, html_attribute, html_count};

use crate::support::{Server, Told, ok, run_of, typed};

const CART: &str = r#"<!doctype html><html><head><title>Shop</title>
    <link rel="canonical" href="https://shop.example/cart"></head>
    <body><h1>Your <em>cart</em></h1><script>var total = 3;</script>
    <div id="cart" class="cart full"><ul>
      <li><span class="name">Hammer</span> <span class="pieces">2</span>
      <li><span class="name">Nail</span> <span class="pieces">100</span>
    </ul><p hidden>Total
      <b>12.50</b> EUR</p></div></body></html>"#;

async fn check(page: &'static str, rows: Vec<(&str, Expectation)>) -> String {
    let server = Server::answering(move |_| typed("200 OK", "text/html", page)).await;
    let shop = Http::at(server.url());
    let mut told = Told::default();
    for (case, expectation) in rows {
        told.add(case, shop.get("/cart").expect(expectation)).await;
    }
    told.text()
}

#[tokio::test]
async fn a_page_is_judged_by_what_selectors_find() {
    let server = Server::answering(|_| typed("200 OK", "text/html", CART)).await;
    let page = Http::at(server.url()).get("/cart");
    let page = page
        .expect(html("h1", "Your cart"))
        .expect(html("title", "Shop"))
        .expect(html("#cart > p", "Total 12.50 EUR"))
        .expect(html("body", not(contains("var"))))
        .expect(html(".error", not(exists())))
        .expect(html_all("#cart .name", eq(vec!["Hammer".to_owned(), "Nail".to_owned()])))
        .expect(html_all("#cart .pieces", every(matches(r"^\d+$"))))
        .expect(html_count("li", 2))
        .expect(html_count(".error", 0))
        .expect(html_attribute("link[rel=canonical]", "href", ends_with("/cart")))
        .expect(html_attribute("p", "hidden", ""))
        .expect(html_attribute("h1", "class", not(exists())));
    run_of(page).await.assert_passed();
}

#[tokio::test]
async fn what_is_not_on_a_page_says_what_is_near() {
    let rows = vec![
        ("another text", html("h1", "Your order")),
        ("no such element within one", html("#cart > .total b", exists())),
        ("another class", html("div.cart.empty", exists())),
        ("nothing of it", html("form input", exists())),
        ("none of many", html_all("ol li", len(2))),
        ("another count", html_count("li", ge(3))),
        ("presence", html("h1", not(exists()))),
        ("no such attribute", html_attribute("#cart", "data-id", exists())),
        ("no attribute", html_attribute("h1", "class", exists())),
        ("an attribute of nothing", html_attribute("form", "method", "post")),
        ("no attribute of nothing", html_attribute("form", "action", not(exists()))),
    ];
    insta::assert_snapshot!(check(CART, rows).await);
}

#[tokio::test]
async fn what_is_no_page_has_no_elements() {
    insta::assert_snapshot!(check("{\"error\": 1}", vec![("JSON", html("h1", exists()))]).await);
    let empty = check("", vec![("nothing", html("h1", exists()))]).await;
    assert!(empty.contains("no element h1; the page has no title and 3 elements"), "{empty}");
}

#[tokio::test]
async fn what_is_on_a_page_is_read_to_go_on_with() {
    let server = Server::answering(|_| ok(CART)).await;
    let page = Http::at(server.url()).get("/cart").send().await.unwrap();
    assert_eq!(page.read_html::<f64>("#cart p b").unwrap(), 12.5);
    assert_eq!(page.read_html::<u32>(".pieces").unwrap(), 2, "the first of several");
    assert_eq!(page.read_html::<Vec<u32>>(".pieces").unwrap(), [2, 100]);
    assert_eq!(page.read_html::<Vec<String>>("h1").unwrap(), ["Your cart"]);
    assert_eq!(page.read_html_attribute::<String>("#cart", "class").unwrap(), "cart full");
    let mut told = Told::default();
    told.add_failure("no element", &page.read_html::<u32>("#cart .total").unwrap_err());
    told.add_failure("no attribute", &page.read_html_attribute::<u32>("li", "id").unwrap_err());
    told.add_failure("another type", &page.read_html::<u32>("h1").unwrap_err());
    let failure = page.read_html::<u32>("li >").unwrap_err();
    assert_eq!(failure.reason(), Reason::Setup);
    told.add_failure("no selector", &failure);
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_selector_that_is_none_sends_nothing() {
    let server = Server::answering(|_| ok("")).await;
    let mut told = Told::default();
    for (case, selector) in [("half", "li >"), ("unknown", "li:frobnicated")] {
        let report = told.add(case, Http::at(server.url()).get("/").expect(html(selector, exists()))).await;
        assert_eq!(report.reason, Some(Reason::Setup), "{case}");
    }
    assert_eq!(server.accepted(), 0);
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_page_that_would_take_for_ever_to_parse_is_left() {
    let bold: String = std::iter::once("<p>".to_owned()).chain((0..400).map(|at| format!("<b id={at}>"))).collect();
    for (page, told) in [
        ("<div>".repeat(150_000), "a page nested more than 1024 deep, which is not looked at"),
        (bold + &"<p>x".repeat(50_000), "a page of more than 250000 nodes, which is not looked at"),
        (format!("{}</body><!-- -->", "<div>".repeat(20)).repeat(5_000), "nested more than 1024 deep"),
        (
            format!("<a {}>", (0..100_000).map(|at| format!(" x{at}")).collect::<String>()),
            "a page with a tag of more than 4096 attributes, which is not looked at",
        ),
    ] {
        let server = Server::answering(move |_| typed("200 OK", "text/html", &page)).await;
        let request = Http::at(server.url()).get("/").expect(html("h1", not(exists()))).expect(html_count("p", ge(0)));
        let report = run_of(request).await;
        assert_eq!(report.failures.len(), 1, "{told}");
        let failure = format!("{:?}", report.failures[0]);
        assert!(failure.contains(told), "{failure}");
        let answer = Http::at(server.url()).get("/").send().await.unwrap();
        assert!(answer.read_html::<String>("p").unwrap_err().to_string().contains("p in GET /"));
    }
}

#[tokio::test]
async fn texts_within_one_another_are_read_up_to_a_bound() {
    // Each of the elements has all of the text.
    let page = format!("<title>deep</title>{}{}", "<div>".repeat(900), "word ".repeat(100_000));
    let server = Server::answering(move |_| typed("200 OK", "text/html", &page)).await;
    let get = || Http::at(server.url()).get("/");
    let mut told = Told::default();
    let report = told.add("all of them", get().expect(html_all("div", len(900)))).await;
    assert_eq!(report.reason, Some(Reason::Expectation));
    run_of(get().expect(html("div", starts_with("word"))).expect(html_count("div", 900_u64))).await.assert_passed();
    let answer = get().send().await.unwrap();
    told.add_failure("reading", &answer.read_html::<Vec<String>>("div").unwrap_err());
    let text = told.text();
    assert_eq!(text.matches("more text than is read: elements div within one another, of 16 MiB").count(), 2, "{text}");
}

#[tokio::test]
async fn a_page_that_browsers_take_is_read() {
    let page = "<div>".repeat(500) + "<b id=x>deep</b>";
    let server = Server::answering(move |_| typed("200 OK", "text/html", &page)).await;
    let answer = Http::at(server.url()).get("/").send().await.unwrap();
    assert_eq!(answer.read_html::<String>("#x").unwrap(), "deep");
    assert_eq!(answer.read_html::<String>("body").unwrap(), "deep");
}
