//! TLS: certificates told apart, and shown.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::*;
use crate::wire::Connection;

/// An authority of its own for each test.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate, with its key and those that go with it.
pub(super) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Returns its own certificate.
    pub(super) fn der(&self) -> &[u8] {
        &self.chain[0]
    }
}

fn key(pair: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(pair.serialize_der()).into()
}

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("Test Authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn cert(&self, host: &str) -> Identity {
        self.cert_with(host, |_| {})
    }

    fn cert_with(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, host);
        change(&mut params);
        let pair = KeyPair::generate().unwrap();
        let cert = params.signed_by(&pair, &self.0).unwrap();
        Identity { chain: vec![cert.der().clone()], key: key(&pair) }
    }

    /// Returns a client that trusts this authority.
    pub(super) fn client(&self, lookup: Option<Arc<dyn Lookup>>) -> Client {
        Client::new(&ClientSettings { lookup, ..self.settings() }).unwrap()
    }

    pub(super) fn settings(&self) -> ClientSettings {
        ClientSettings { extra_roots_pem: vec![self.0.pem().into_bytes()], ..ClientSettings::default() }
    }

    /// Runs `handle` for every connection, `delay` after which the handshake begins.
    pub(super) async fn serve<F, T>(&self, identity: Identity, delay: Duration, handle: F) -> Server
    where
        F: Fn(TlsStream<TcpStream>) -> T + Send + Sync + 'static,
        T: Future<Output = io::Result<()>> + Send + 'static,
    {
        serve(identity, delay, handle).await
    }
}

fn acceptor(identity: Identity, alpn: &[&[u8]]) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve<F, T>(identity: Identity, delay: Duration, handle: F) -> Server
where
    F: Fn(TlsStream<TcpStream>) -> T + Send + Sync + 'static,
    T: Future<Output = io::Result<()>> + Send + 'static,
{
    let (acceptor, handle) = (acceptor(identity, &[b"http/1.1"]), Arc::new(handle));
    Server::start(move |stream| {
        let (acceptor, handle) = (acceptor.clone(), Arc::clone(&handle));
        async move {
            tokio::time::sleep(delay).await;
            handle(acceptor.accept(stream).await?).await
        }
    })
    .await
}

/// Answers every request with the name that the client asked for in TLS, and its `Host`.
async fn names_asked(mut stream: TlsStream<TcpStream>) -> io::Result<()> {
    loop {
        let request = read_request(&mut stream).await?;
        let sni = stream.get_ref().1.server_name().unwrap_or("none").to_owned();
        let host = header(&request, "host").unwrap().split(':').next().unwrap().to_owned();
        stream.write_all(&ok(&format!("{sni} {host}"))).await?;
        stream.flush().await?;
    }
}

fn shop() -> Option<Arc<dyn Lookup>> {
    names([("shop.test", 0)])
}

#[tokio::test]
async fn a_trusted_certificate_is_shown_with_its_names_and_dates() {
    let authority = Authority::new();
    let cert = authority.cert_with("shop.test", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2999, 1, 1);
    });
    let server = authority.serve(cert, Duration::ZERO, names_asked).await;
    let exchange = answer(&authority.client(shop()), get(server.url_as("https", "shop.test"))).await;
    assert_eq!(exchange.body, "shop.test shop.test");
    let tls = exchange.tls.unwrap();
    assert_eq!(tls.negotiated.map(|agreed| agreed.version), Some("1.3"));
    let [cert] = tls.certs() else { panic!("{tls:?}") };
    assert_eq!((cert.subject.as_str(), cert.sans.as_slice()), ("CN=shop.test", ["shop.test".to_owned()].as_slice()));
    assert!(cert.issuer.contains("CN=Test Authority"), "{}", cert.issuer);
    assert_eq!((cert.not_before, cert.not_after), (1_577_836_800, 32_472_144_000));
}

#[tokio::test]
async fn a_bad_certificate_fails_the_handshake_for_its_own_reason_and_is_still_shown() {
    let (authority, stranger, namesake) = (Authority::new(), Authority::named("Stranger"), Authority::new());
    let expired = authority.cert_with("shop.test", |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let early = authority.cert_with("shop.test", |params| {
        params.not_before = date_time_ymd(2900, 1, 1);
        params.not_after = date_time_ymd(2901, 1, 1);
    });
    let own = {
        let params = CertificateParams::new(vec!["shop.test".to_owned()]).unwrap();
        let pair = KeyPair::generate().unwrap();
        Identity { chain: vec![params.self_signed(&pair).unwrap().der().clone()], key: key(&pair) }
    };
    let rows = [
        (expired, Kind::CertificateExpired, "certificate expired … ago (not after 2020-01-01T00:00:00Z)"),
        (early, Kind::CertificateNotYetValid, "certificate is valid only in … (not before 2900-01-01T00:00:00Z)"),
        (authority.cert("other.test"), Kind::WrongHost, "certificate is for other.test, not for shop.test"),
        (
            stranger.cert("shop.test"),
            Kind::UntrustedIssuer,
            "issuer `CN=Stranger` is not trusted, and the server sent no intermediate certificate",
        ),
        (
            namesake.cert("shop.test"),
            Kind::UntrustedIssuer,
            "issuer `CN=Test Authority` is not the one of that name that is trusted",
        ),
        (own, Kind::SelfSigned, "certificate is self-signed and not trusted"),
    ];
    for (identity, kind, why) in rows {
        let server = authority.serve(identity, Duration::ZERO, names_asked).await;
        let failed = authority.client(shop()).send(get(server.url_as("https", "shop.test"))).await.unwrap_err();
        let message = failed.error.to_string();
        assert_eq!((failed.error.phase(), failed.error.kind()), (Phase::Tls, kind), "{message}");
        let expected = format!("tls handshake with shop.test:{}: {why}", server.addr.port());
        // How many days it is depends on the day of the test.
        match expected.split_once('…') {
            Some((start, end)) => assert!(message.starts_with(start) && message.ends_with(end), "{message}"),
            None => assert_eq!(message, expected),
        }
        let trail = &failed.trail;
        assert_eq!(trail.tls.as_ref().unwrap().certs().len(), 1);
        assert!(trail.phases.tls.is_some() && trail.phases.processing.is_none(), "{:?}", trail.phases);
        assert_eq!(trail.remote_addr, Some(server.addr));
    }
}

#[tokio::test]
async fn an_expired_intermediate_is_named() {
    let authority = Authority::new();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Old Middle");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2020, 1, 1);
    let middle = Authority(CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &authority.0).unwrap());
    let mut identity = middle.cert("shop.test");
    identity.chain.push(middle.0.der().clone());
    let server = authority.serve(identity, Duration::ZERO, names_asked).await;
    let failed = authority.client(shop()).send(get(server.url_as("https", "shop.test"))).await.unwrap_err();
    assert_eq!(failed.error.kind(), Kind::CertificateExpired);
    let message = failed.error.to_string();
    assert!(message.contains("intermediate certificate `CN=Old Middle` expired "), "{message}");
    assert_eq!(failed.trail.tls.unwrap().certs().len(), 2);
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_leaves() {
    let plain = Server::start(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.map(|_| ())
    })
    .await;
    let url = plain.url_as("https", "127.0.0.1");
    let message = "tls handshake with {peer}: the server does not speak TLS on this port";
    check(client().send(get(url)).await, Phase::Tls, Kind::Tls, message);

    let leaving = Server::start(|mut stream| async move { stream.read(&mut [0; 4096]).await.map(|_| ()) }).await;
    let url = leaving.url_as("https", "127.0.0.1");
    let message = "tls handshake with {peer}: the server closed the connection";
    check(client().send(get(url)).await, Phase::Tls, Kind::ClosedEarly, message);
}

#[tokio::test]
async fn a_handshake_that_stalls_ends_at_the_deadline() {
    let client = client();
    // Loads the roots first, as that has no part in the handshake.
    let _ = client.send(within("https://127.0.0.1:1/".parse().unwrap(), Duration::from_secs(30))).await;
    let stalled = Arc::new(Semaphore::new(0));
    let told_there = Arc::clone(&stalled);
    let server = Server::start(move |mut stream| {
        let stalled = Arc::clone(&told_there);
        async move {
            stream.read_u8().await?;
            stalled.add_permits(1);
            std::future::pending().await
        }
    })
    .await;
    let failed = run_out(client, within(server.url_as("https", "127.0.0.1"), LONG), stalled).await;
    assert_eq!((failed.error.phase(), failed.error.kind()), (Phase::Tls, Kind::Timeout), "{}", failed.error);
    assert!(failed.trail.phases.connect.is_some() && failed.trail.phases.tls.is_some());
}

#[tokio::test]
async fn a_reused_connection_still_knows_its_certificate() {
    let authority = Authority::new();
    let server = authority.serve(authority.cert("shop.test"), Duration::ZERO, names_asked).await;
    let client = authority.client(shop());
    answer(&client, get(server.url_as("https", "shop.test"))).await;
    let exchange = answer(&client, get(server.url_as("https", "shop.test"))).await;
    assert_eq!(exchange.connection, Connection::Reused);
    assert_eq!(exchange.phases.tls, None);
    let tls = exchange.tls.unwrap();
    assert_eq!(
        (tls.negotiated.map(|agreed| agreed.version), tls.certs()[0].subject.as_str()),
        (Some("1.3"), "CN=shop.test")
    );
}

#[tokio::test]
async fn sessions_are_resumed_only_within_a_client_that_was_told_to() {
    use Connection::{New, Resumed};
    let authority = Authority::new();
    let server = authority.serve(authority.cert("shop.test"), Duration::ZERO, names_asked).await;
    for (resume_tls, second) in [(false, New), (true, Resumed)] {
        let settings = ClientSettings { resume_tls, reuse: false, lookup: shop(), ..authority.settings() };
        let client = Client::new(&settings).unwrap();
        let url = || server.url_as("https", "shop.test");
        assert_eq!(answer(&client, get(url())).await.connection, New);
        let exchange = answer(&client, get(url())).await;
        assert_eq!(exchange.connection, second);
        assert!(exchange.phases.tls.is_some());
        assert_eq!(exchange.tls.unwrap().certs().len(), 1);
        assert_eq!(answer(&client.fresh(), get(url())).await.connection, New);
    }
}

#[tokio::test]
async fn a_host_header_is_also_the_name_in_tls_and_gets_a_connection_of_its_own() {
    let authority = Authority::new();
    let server = authority.serve(authority.cert("shop.test"), Duration::ZERO, names_asked).await;
    // No name can be looked up: the address in the URL is what is dialled.
    let client = authority.client(names([]));
    for _ in 0..2 {
        let mut request = get(server.url_as("https", "127.0.0.1"));
        request.headers.insert("host", "shop.test".parse().unwrap());
        let exchange = answer(&client, request).await;
        assert_eq!(exchange.body, "shop.test shop.test");
        assert_eq!(exchange.connection, Connection::New);
        assert_eq!((exchange.remote_addr, exchange.phases.resolve), (Some(server.addr), None));
    }
    let mut request = get(server.url_as("https", "127.0.0.1"));
    request.headers.insert("host", "not a host".parse().unwrap());
    let message = "the Host header of a request to https://{peer}/ is no host name";
    check(client.send(request).await, Phase::Setup, Kind::BadRequest, message);
}

/// Sends everyone who asks for `shop.test` to `pay.test` at the same port, and tells anyone else the names asked for.
async fn to_pay_test(mut stream: TlsStream<TcpStream>) -> io::Result<()> {
    let name = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
    if name != "shop.test" {
        return names_asked(stream).await;
    }
    read_request(&mut stream).await?;
    let port = stream.get_ref().0.local_addr()?.port();
    let head = format!("HTTP/1.1 302 Found\r\nlocation: https://pay.test:{port}/\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await
}

#[tokio::test]
async fn a_redirect_to_another_host_leaves_the_name_in_tls_behind() {
    let authority = Authority::new();
    let both = |params: &mut CertificateParams| {
        params.subject_alt_names.push(rcgen::SanType::DnsName("pay.test".try_into().unwrap()));
    };
    let server = authority.serve(authority.cert_with("shop.test", both), Duration::ZERO, to_pay_test).await;
    let client = authority.client(names([("pay.test", 0)]));
    let mut request = get(server.url_as("https", "127.0.0.1"));
    request.headers.insert("host", "shop.test".parse().unwrap());
    request.max_redirects = 1;
    let exchange = answer(&client, request).await;
    assert_eq!(exchange.body, "pay.test pay.test");
}

#[test]
fn an_extra_root_that_is_no_certificate_is_refused() {
    let rows: [(&[u8], &str); 2] = [
        (b"hello", "read extra root certificate 1: it holds no `BEGIN CERTIFICATE` block"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "read extra root certificate 1: invalid peer certificate: BadEncoding",
        ),
    ];
    for (pem, message) in rows {
        let error = Client::new(&ClientSettings { extra_roots_pem: vec![pem.to_vec()], ..ClientSettings::default() });
        let error = error.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind()), (message, Kind::Roots));
    }
}

/// reqwest takes a TLS configuration as `Any`: of another rustls than its own, it would refuse it when the program runs.
#[test]
fn the_tls_configuration_is_one_that_reqwest_takes() {
    let built = reqwest::Client::builder()
        .tls_backend_preconfigured(
            crate::wire::tls::Tls::new(&ClientSettings::default()).unwrap().config(crate::wire::Shows::Identity),
        )
        .build();
    assert!(built.is_ok(), "{built:?}");
}

/// Hands finished TLS connections to an HTTP server that speaks both versions.
#[cfg(feature = "http2")]
struct Finished(TcpListener, TlsAcceptor);

#[cfg(feature = "http2")]
impl axum::serve::Listener for Finished {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (stream, addr) = self.0.accept().await.unwrap();
        (self.1.accept(stream).await.unwrap(), addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn http2_is_spoken_where_both_sides_offer_it() {
    let authority = Authority::new();
    let identity = authority.cert("shop.test");
    let acceptor = acceptor(identity, &[b"h2", b"http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = || -> Url { format!("https://shop.test:{}/", listener.local_addr().unwrap().port()).parse().unwrap() };
    let url = [url(), url()];
    let app = axum::Router::new().route("/", axum::routing::get(async || "hi"));
    tokio::spawn(async move { axum::serve(Finished(listener, acceptor), app).await });
    for (http2, version) in [(false, reqwest::Version::HTTP_11), (true, reqwest::Version::HTTP_2)] {
        let client = Client::new(&ClientSettings { http2, lookup: shop(), ..authority.settings() }).unwrap();
        let mut seen = Vec::new();
        for url in url.clone() {
            let exchange = answer(&client, get(url)).await;
            assert_eq!((exchange.version, exchange.body.as_ref()), (version, b"hi".as_slice()));
            seen.push(exchange.connection);
        }
        assert_eq!(seen, [Connection::New, Connection::Reused]);
    }
}
