//! Proxies: asked only if told to, and told apart from the target.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::Http;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::authority::Authority;
use crate::support::{Server, Told, ok, read_request, run_of, sent, target};

/// A proxy that opens tunnels, all of them to `to`, and answers other requests itself. It remembers what it was asked.
async fn proxy(to: SocketAddr, answer: &'static str) -> (Server, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&seen);
    let server = Server::raw(move |mut stream| {
        let kept = Arc::clone(&kept);
        async move {
            let request = read_request(&mut stream).await?;
            let tunnel = request.starts_with("CONNECT");
            kept.lock().unwrap().push(request);
            if !tunnel {
                return stream.write_all(&ok("by the proxy")).await;
            }
            stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await?;
            if answer.starts_with("200") {
                let mut target = TcpStream::connect(to).await?;
                copy_bidirectional(&mut stream, &mut target).await?;
            }
            Ok(())
        }
    })
    .await;
    (server, seen)
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_http_is_asked_of_the_proxy() {
    let authority = Authority::new();
    let shop = authority.serve("shop.test", |_| {}).await;
    let (proxy, seen) = proxy(shop.addr, "200 OK").await;
    let through =
        |base: &str| Http::at(base).trust_pem(authority.0.pem()).proxy(proxy.url().replace("//", "//ann:s3cret@"));
    let report = run_of(through("https://shop.test").get("/orders?q=1")).await;
    report.assert_passed();
    assert!(report.requests[0].certificate.is_some(), "the target's, not the proxy's");
    let asked = seen.lock().unwrap().remove(0);
    assert_eq!(target(&asked), "shop.test:443");
    assert_eq!(sent(&asked, "proxy-authorization"), ["Basic YW5uOnMzY3JldA=="]);
    assert!(sent(&asked, "user-agent").is_empty() && sent(&asked, "synthetic-run").is_empty(), "{asked}");

    run_of(through("http://shop.test").get("/orders").expect(synthetic_http::body("by the proxy")))
        .await
        .assert_passed();
    assert_eq!(target(&seen.lock().unwrap()[0]), "http://shop.test/orders");
}

#[tokio::test]
async fn a_host_that_is_left_out_is_asked_directly() {
    let shop = Server::answering(|_| ok("by the shop")).await;
    let (proxy, seen) = proxy(shop.addr, "200 OK").await;
    let api = Http::at(shop.url()).proxy(proxy.url());
    for left_out in [&["127.0.0.1"][..], &["pay.test", "127.0.0.0/8"], &["*"]] {
        let api = api.clone().no_proxy_for(left_out.iter().copied());
        run_of(api.get("/").expect(synthetic_http::body("by the shop"))).await.assert_passed();
    }
    assert!(seen.lock().unwrap().is_empty());
    run_of(api.no_proxy_for(["pay.test"]).get("/").expect(synthetic_http::body("by the proxy"))).await.assert_passed();
}

#[tokio::test]
async fn another_name_in_the_host_header_sends_no_proxy_elsewhere_and_nobody_else_its_password() {
    let authority = Authority::new();
    let shop = authority.serve("shop.test", |_| {}).await;
    // The proxy is a name, and the target an address at which somebody listens who is no proxy.
    let (proxy, seen) = proxy(shop.addr, "200 OK").await;
    let stranger =
        Server::answering_on(TcpListener::bind(("127.0.0.2", proxy.addr.port())).await.unwrap(), |_| ok("hi"));
    let through = format!("http://ann:s3cret@localhost:{}", proxy.addr.port());
    let api = |base: &str| {
        Http::anywhere().proxy(&through).trust_pem(authority.0.pem()).get(base).header("host", "shop.test")
    };

    let report = run_of(api("https://127.0.0.2/orders")).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{report}");
    let told = report.failures[0].to_string();
    assert!(told.contains("https://127.0.0.2/orders cannot be asked for as shop.test through a proxy"), "{told}");
    assert!(stranger.take().is_empty() && seen.lock().unwrap().is_empty());

    let report = run_of(api("http://127.0.0.2/orders").expect(synthetic_http::body("by the proxy"))).await;
    report.assert_passed();
    let asked = seen.lock().unwrap().remove(0);
    assert_eq!((target(&asked), sent(&asked, "host")), ("http://127.0.0.2/orders", vec!["shop.test"]));
    assert_eq!(sent(&asked, "proxy-authorization"), ["Basic YW5uOnMzY3JldA=="]);

    // Whether a proxy is asked is a matter of the URL, not of the header.
    let around = Http::at(format!("https://{}", shop.addr)).proxy(&through).trust_pem(authority.0.pem());
    run_of(around.no_proxy_for(["127.0.0.1"]).get("/").header("host", "shop.test")).await.assert_passed();
    assert!(stranger.take().is_empty() && seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_that_fails_is_told_apart_from_the_target() {
    let (refusing, _) = proxy(([127, 0, 0, 1], 1).into(), "403 Forbidden").await;
    let (asking, _) = proxy(([127, 0, 0, 1], 1).into(), "407 Proxy Authentication Required").await;
    let mut told = Told::default();
    let shop = || Http::at("https://shop.test");
    for (case, api) in [
        ("it refuses", shop().proxy(refusing.url().replace("//", "//ann:s3cret@"))),
        ("it wants credentials", shop().proxy(asking.url())),
        ("it is not there", shop().proxy("http://127.0.0.1:1")),
    ] {
        let report = told.add(case, api.get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Connect), "{case}: {report}");
    }
    for (case, url) in [("no URL", "proxy.test"), ("no proxy", "ftp://ann:s3cret@proxy.test")] {
        let report = told.add(case, shop().proxy(url).get("/health")).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{case}");
    }
    let report = run_of(shop().proxy("http://proxy.invalid").get("/health")).await;
    assert!(report.failures[0].to_string().contains("resolve the proxy http://proxy.invalid: "), "{report}");
    let text = told.text();
    assert!(!text.contains("s3cret"), "{text}");
    insta::assert_snapshot!(text);
}

#[cfg(feature = "socks")]
#[tokio::test]
async fn a_socks_proxy_is_given_the_name_or_the_address() {
    use tokio::io::AsyncReadExt;
    let shop = Server::answering(|_| ok("by the shop")).await;
    let to = shop.addr;
    let seen = Arc::<Mutex<Vec<u8>>>::default();
    let kept = Arc::clone(&seen);
    // RFC 1928: no authentication, one CONNECT.
    let proxy = Server::raw(move |mut stream| {
        let kept = Arc::clone(&kept);
        async move {
            let mut hello = [0; 2];
            stream.read_exact(&mut hello).await?;
            stream.read_exact(&mut vec![0; usize::from(hello[1])]).await?;
            stream.write_all(&[5, 0]).await?;
            let mut head = [0; 4];
            stream.read_exact(&mut head).await?;
            kept.lock().unwrap().push(head[3]);
            let rest = match head[3] {
                1 => 6,
                3 => usize::from(stream.read_u8().await?) + 2,
                _ => 18,
            };
            stream.read_exact(&mut vec![0; rest]).await?;
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
            let mut target = TcpStream::connect(to).await?;
            copy_bidirectional(&mut stream, &mut target).await.map(drop)
        }
    })
    .await;
    let port = proxy.addr.port();
    let by_name = Http::at("http://shop.test").proxy(format!("socks5h://127.0.0.1:{port}"));
    run_of(by_name.get("/").expect(synthetic_http::body("by the shop"))).await.assert_passed();
    let by_address = Http::at("http://127.0.0.9").proxy(format!("socks5://127.0.0.1:{port}"));
    run_of(by_address.get("/").expect(synthetic_http::body("by the shop"))).await.assert_passed();
    assert_eq!(*seen.lock().unwrap(), [3, 1]);
}
