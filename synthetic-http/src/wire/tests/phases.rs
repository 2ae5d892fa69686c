//! Phases: which there are, and to whom they belong.

use tokio::sync::Notify;

use super::{tls::Authority, *};
use crate::wire::{Connection, Phases};

fn total(phases: &Phases) -> Duration {
    [phases.resolve, phases.connect, phases.tls, phases.processing, phases.transfer].into_iter().flatten().sum()
}

#[tokio::test]
async fn each_phase_holds_its_own_delay_and_none_is_counted_twice() {
    let authority = Authority::new();
    let server = authority
        .serve(authority.cert("shop.test"), ms(30), |mut stream| async move {
            read_request(&mut stream).await?;
            tokio::time::sleep(ms(50)).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhe").await?;
            stream.flush().await?;
            tokio::time::sleep(ms(20)).await;
            stream.write_all(b"re").await
        })
        .await;
    let client = authority.client(names([("shop.test", 40)]));
    let before = Instant::now();
    let exchange = answer(&client, get(server.url_as("https", "shop.test"))).await;

    assert!(exchange.elapsed <= before.elapsed());
    let phases = exchange.phases;
    assert_eq!(exchange.body, "here");
    assert_eq!(exchange.connection, Connection::New);
    assert_eq!(exchange.remote_addr, Some(server.addr));
    assert!(phases.resolve.unwrap() >= ms(40), "{phases:?}");
    assert!(phases.connect.is_some(), "{phases:?}");
    assert!(phases.tls.unwrap() >= ms(30), "{phases:?}");
    assert!(phases.processing.unwrap() >= ms(50), "{phases:?}");
    assert!(phases.transfer.unwrap() >= ms(20), "{phases:?}");
    assert!(total(&phases) <= exchange.elapsed, "{phases:?} in {:?}", exchange.elapsed);
}

#[tokio::test]
async fn a_literal_address_over_http_has_neither_resolve_nor_tls() {
    let server = Server::answering(|_| ok("hi")).await;
    let exchange = answer(&client(), get(server.url("/"))).await;
    let started = |phase: Option<Duration>| phase.is_some();
    let Phases { resolve, connect, tls, processing, transfer } = exchange.phases;
    let shape = [resolve, connect, tls, processing, transfer].map(started);
    assert_eq!(shape, [false, true, false, true, true]);
    assert!(exchange.tls.is_none());
}

#[tokio::test]
async fn a_reused_connection_has_only_processing_and_transfer() {
    let server = Server::answering(|_| ok("hi")).await;
    let client = client();
    answer(&client, get(server.url("/"))).await;
    let exchange = answer(&client, get(server.url("/"))).await;
    let Phases { resolve, connect, tls, processing, transfer } = exchange.phases;
    assert_eq!(exchange.connection, Connection::Reused);
    assert_eq!((resolve, connect, tls), (None, None, None));
    assert!(processing.is_some() && transfer.is_some());
    assert_eq!(exchange.remote_addr, Some(server.addr));
}

#[tokio::test]
async fn twenty_requests_at_once_each_get_their_own_delays() {
    const HOSTS: [&str; 20] = [
        "a.test", "b.test", "c.test", "d.test", "e.test", "f.test", "g.test", "h.test", "i.test", "j.test", "k.test",
        "l.test", "m.test", "n.test", "o.test", "p.test", "q.test", "r.test", "s.test", "t.test",
    ];
    let at = |host: &str| HOSTS.iter().position(|known| *known == host).unwrap() as u64;
    // Slow names have fast servers and the other way round, so that a mix-up shows in both.
    let server = Server::start(move |mut stream| async move {
        let request = read_request(&mut stream).await?;
        let host = header(&request, "host").unwrap().split(':').next().unwrap().to_owned();
        tokio::time::sleep(ms(5 * (20 - at(&host)))).await;
        stream.write_all(&ok(&host)).await
    })
    .await;
    let delays = HOSTS.iter().map(|host| (*host, ms(5 * at(host)))).collect();
    let settings = ClientSettings { lookup: Some(Arc::new(Names(delays))), ..ClientSettings::default() };
    let client = Client::new(&settings).unwrap();

    let tasks: Vec<_> = HOSTS
        .iter()
        .map(|host| {
            let (client, url) = (client.clone(), server.url_as("http", host));
            tokio::spawn(async move { answer(&client, get(url)).await })
        })
        .collect();
    for (host, task) in HOSTS.iter().zip(tasks) {
        let exchange = task.await.unwrap();
        let phases = exchange.phases;
        assert_eq!(exchange.body, *host);
        assert_eq!(exchange.connection, Connection::New);
        assert!(phases.resolve.unwrap() >= ms(5 * at(host)), "{host}: {phases:?}");
        assert!(phases.processing.unwrap() >= ms(5 * (20 - at(host))), "{host}: {phases:?}");
        assert!(total(&phases) <= exchange.elapsed, "{host}: {phases:?}");
    }
}

#[derive(Debug)]
struct Gated(Arc<Notify>, AtomicUsize);

impl Lookup for Gated {
    fn lookup(&self, _: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let first = self.1.fetch_add(1, Ordering::SeqCst) == 0;
        let gate = Arc::clone(&self.0);
        Box::pin(async move {
            if !first {
                gate.notified().await;
            }
            Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
        })
    }
}

#[tokio::test]
async fn a_connection_begun_for_a_request_that_took_an_idle_one_is_not_charged_to_it() {
    let (answer_first, asked) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (hold, tell) = (Arc::clone(&answer_first), Arc::clone(&asked));
    let server = Server::start(move |mut stream| {
        let (hold, tell) = (Arc::clone(&hold), Arc::clone(&tell));
        async move {
            loop {
                let request = read_request(&mut stream).await?;
                if request.starts_with("GET /first") {
                    tell.notify_one();
                    hold.notified().await;
                }
                stream.write_all(&ok("hi")).await?;
            }
        }
    })
    .await;
    let gate = Arc::new(Notify::new());
    let lookup = Arc::new(Gated(Arc::clone(&gate), AtomicUsize::new(0)));
    let counted = Arc::clone(&lookup);
    let client = Client::new(&ClientSettings { lookup: Some(lookup), ..ClientSettings::default() }).unwrap();

    let first = tokio::spawn({
        let (client, url) = (client.clone(), server.url_as("http", "shop.test").join("/first").unwrap());
        async move { answer(&client, get(url)).await }
    });
    asked.notified().await;
    // The second request finds no idle connection, and begins one whose lookup does not end.
    let second = tokio::spawn({
        let (client, url) = (client.clone(), server.url_as("http", "shop.test"));
        async move { answer(&client, get(url)).await }
    });
    while counted.1.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    answer_first.notify_one();
    first.await.unwrap();
    let exchange = second.await.unwrap();
    gate.notify_one();
    assert_eq!(exchange.connection, Connection::Reused);
    assert_eq!((exchange.phases.resolve, exchange.phases.connect), (None, None));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_redirect_adds_its_phases_to_the_sum() {
    let server = Server::start(|mut stream| async move {
        loop {
            let request = read_request(&mut stream).await?;
            tokio::time::sleep(ms(20)).await;
            if request.starts_with("GET /old") {
                stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: /new\r\ncontent-length: 3\r\n\r\nold").await?;
            } else {
                stream.write_all(&ok("new")).await?;
            }
        }
    })
    .await;
    let mut request = get(server.url("/old"));
    request.max_redirects = 1;
    let exchange = answer(&client(), request).await;
    let [hop] = &exchange.hops[..] else { panic!("{:?}", exchange.hops) };
    assert_eq!((hop.status.as_u16(), hop.url.path()), (302, "/old"));
    assert_eq!(hop.remote_addr, Some(server.addr));
    assert_eq!(exchange.connection, Connection::Reused);
    assert!(hop.phases.processing.unwrap() >= ms(20));
    assert!(exchange.phases.processing.unwrap() >= hop.phases.processing.unwrap() + ms(20));
    assert_eq!(exchange.phases.connect, hop.phases.connect);
}
