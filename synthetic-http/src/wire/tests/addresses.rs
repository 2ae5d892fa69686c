//! One family of addresses, and no fallback to the other (conformance 31).

use super::*;
use crate::wire::{Family, address::Addresses};

/// A name with these addresses.
#[derive(Debug)]
struct Found(Vec<IpAddr>);

impl Lookup for Found {
    fn lookup(&self, _: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let found = self.0.clone();
        Box::pin(async move { Ok(found) })
    }
}

/// Listens at an address and lets nobody in: as many are waiting as may. `None` where the machine does not have it.
async fn black_hole(at: SocketAddr) -> Option<(tokio::net::TcpListener, Vec<TcpStream>)> {
    let socket = if at.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() };
    let socket = socket.ok()?;
    socket.bind(at).ok()?;
    let listener = socket.listen(1).unwrap();
    let mut waiting = Vec::new();
    // A connection that is let in is so at once, as the system does it by itself.
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(at)).await {
        waiting.push(stream);
        assert!(waiting.len() < 100, "everybody is let in");
    }
    Some((listener, waiting))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_ipv6_address_that_does_not_answer_costs_a_fraction_of_a_second() {
    let server = Server::answering(|_| ok("hi")).await;
    let Some(_hole) = black_hole(SocketAddr::new("::1".parse().unwrap(), server.addr.port())).await else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "this machine has no IPv6");
        return;
    };
    let request = within(server.url_as("http", "shop.test"), Duration::from_secs(60));
    let answer = answer(&client_of(&["::1", "127.0.0.1"], None), request).await;
    assert_eq!(answer.remote_addr.map(|peer| peer.ip()), Some("127.0.0.1".parse().unwrap()));
    // The system would try for two minutes.
    assert!(answer.phases.connect.unwrap() < Duration::from_secs(5), "{:?}", answer.phases);
}

fn client_of(found: &[&str], family: Option<Family>) -> Client {
    let found = found.iter().map(|address| address.parse().unwrap()).collect();
    let mut addresses = Addresses::default();
    addresses.family = family;
    Client::new(&ClientSettings { lookup: Some(Arc::new(Found(found))), addresses, ..ClientSettings::default() })
        .unwrap()
}

#[tokio::test]
async fn of_one_family_one_address_is_asked_and_there_is_no_fallback() {
    let server = Server::answering(|_| ok("hi")).await;
    let url = server.url_as("http", "shop.test");
    // Nobody listens at 127.0.0.2, on this port.
    let (dead, alive) = ("127.0.0.2", "127.0.0.1");
    answer(&client_of(&["::1", dead, alive], None), get(url.clone())).await;
    answer(&client_of(&["::1", alive, dead], Some(Family::V4)), get(url.clone())).await;
    let second = client_of(&["::1", dead, alive], Some(Family::V4)).send(get(url.clone())).await;
    let failed = check(second, Phase::Connect, Kind::Refused, "connect to {peer} (127.0.0.2) refused");
    assert_eq!(failed.trail.remote_addr.map(|peer| peer.ip()), Some(dead.parse().unwrap()));
    let none = client_of(&[dead, alive], Some(Family::V6)).send(get(url)).await;
    check(none, Phase::Resolve, Kind::OtherFamily, "resolve shop.test: no IPv6 address, only 127.0.0.2, 127.0.0.1");
}

/// Every name is 127.0.0.1, and then the address after that.
#[derive(Debug, Default)]
struct Moving(AtomicUsize);

impl Lookup for Moving {
    fn lookup(&self, _: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let last = 1 + self.0.fetch_add(1, Ordering::SeqCst) as u8;
        Box::pin(async move { Ok(vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))]) })
    }
}

/// Nothing of DNS is kept: a new address of a name is seen by the next connection.
#[tokio::test]
async fn a_name_is_looked_up_for_every_connection() {
    let server = Server::on(TcpListener::bind("0.0.0.0:0").await.unwrap(), |mut stream| async move {
        loop {
            read_request(&mut stream).await?;
            let at = stream.local_addr()?.ip().to_string();
            stream.write_all(&ok(&at)).await?;
        }
    });
    let client =
        Client::new(&ClientSettings { lookup: Some(Arc::new(Moving::default())), ..ClientSettings::default() })
            .unwrap();
    let url = || server.url_as("http", "shop.test");
    assert_eq!(answer(&client, get(url())).await.body, "127.0.0.1");
    assert_eq!(answer(&client, get(url())).await.body, "127.0.0.1", "on the same connection");
    // Only Linux answers for the whole network of 127.0.0.0/8.
    if cfg!(target_os = "linux") {
        assert_eq!(answer(&client.fresh(), get(url())).await.body, "127.0.0.2");
    }
}
