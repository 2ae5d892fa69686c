//! TLS: certificates that are good, and those that are not, with HTTP and without.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use synthetic_core::prelude::*;
use synthetic_http::net::Tls;
use synthetic_http::{Http, http_version, redirects, tls_version};
use tokio_rustls::rustls::{ServerConfig, crypto, version};
use tonic::service::Routes;
use tonic::transport::Identity;

use super::row::Row;
use super::wire::without_tls;
use crate::authority::{Authority, accept, at, members_only, private, serve as serve_chain};
use crate::grpc;
use crate::support::{Server, bare};

/// What the rows share: an authority, its certificate where the exporter reads it, and servers of it.
struct Scene {
    authority: Authority,
    folder: PathBuf,
}

impl Scene {
    fn new(folder: &Path) -> Self {
        let authority = Authority::new();
        std::fs::write(folder.join("ca.pem"), authority.0.pem()).unwrap();
        Self { authority, folder: folder.to_owned() }
    }

    /// Writes a file, and returns its path as a value of YAML.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        format!("'{}'", path.display())
    }

    /// Returns a module that trusts the authority, with more of `tls_config` and of `http`.
    fn http(&self, tls: &str, more: &str) -> String {
        let ca = self.folder.join("ca.pem");
        format!("prober: http, http: {{tls_config: {{ca_file: '{}'{tls}}}{more}}}", ca.display())
    }

    /// Returns a module that trusts the authority without HTTP.
    fn tcp(&self, tls: &str, more: &str) -> String {
        let ca = self.folder.join("ca.pem");
        format!("prober: tcp, tcp: {{tls: true, tls_config: {{ca_file: '{}'{tls}}}{more}}}", ca.display())
    }

    fn trusting(&self, server: &Server) -> Http {
        at(server).trust_only_pem(self.authority.0.pem())
    }

    fn handshake(&self, server: &Server) -> Tls {
        Tls::at(server.addr.to_string()).trust_only_pem(self.authority.0.pem())
    }

    /// Serves with a version of TLS alone.
    async fn speaking(&self, version: &'static tokio_rustls::rustls::SupportedProtocolVersion) -> Server {
        let (key, certificate) = self.authority.issue("127.0.0.1", |_| {});
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        accept(config.with_no_client_auth().with_single_cert(vec![certificate], private(&key)).unwrap()).await
    }
}

fn https(server: &Server) -> String {
    server.url().replace("http:", "https:")
}

pub(super) async fn rows(folder: &Path) -> Vec<Row> {
    let scene = Scene::new(folder);
    let mut rows = trusted(&scene).await;
    rows.extend(refused(&scene).await);
    rows.extend(versions(&scene).await);
    rows.extend(without_http(&scene).await);
    rows.extend(shown_by_the_client(&scene).await);
    rows
}

async fn trusted(scene: &Scene) -> Vec<Row> {
    let good = scene.authority.serve("127.0.0.1", |_| {}).await;
    let named = scene.authority.serve("shop.test", |_| {}).await;
    let to = https(&good);
    let plain = Server::answering(move |_| bare("302 Found", &format!("location: {to}/\r\n"))).await;
    let by_name = Http::at(format!("https://shop.test:{}", named.addr.port()))
        .resolve("shop.test", "127.0.0.1")
        .trust_only_pem(scene.authority.0.pem());
    vec![
        Row::passes(
            "a certificate that is good",
            https(&good),
            scene.http("", ", fail_if_not_ssl: true"),
            scene.trusting(&good).get("/").expect(tls_version(exists())),
        ),
        Row::fails(
            "TLS where none is wanted",
            https(&good),
            scene.http("", ", fail_if_ssl: true"),
            scene.trusting(&good).get("/").expect(tls_version(not(exists()))),
        ),
        Row::passes(
            "a redirect to TLS",
            plain.url(),
            scene.http("", ", fail_if_not_ssl: true"),
            Http::at(plain.url()).trust_only_pem(scene.authority.0.pem()).get("/").expect(redirects(1)),
        ),
        Row::passes("another name in TLS", https(&named), scene.http(", server_name: shop.test", ""), by_name.get("/")),
    ]
}

async fn refused(scene: &Scene) -> Vec<Row> {
    let past = |params: &mut CertificateParams| params.not_after = date_time_ymd(2021, 1, 1);
    let expired = scene.authority.serve("127.0.0.1", past).await;
    let early = scene.authority.serve("127.0.0.1", |params| params.not_before = date_time_ymd(2079, 1, 1)).await;
    let elsewhere = scene.authority.serve("pay.test", |_| {}).await;
    let stranger = Authority::named("Another Authority").serve("127.0.0.1", |_| {}).await;
    let (key, certificate) = self_signed();
    let alone = serve_chain(vec![certificate.der().clone()], &key).await;
    let pinned = scene.file("alone.pem", &certificate.pem());
    let row =
        |name, server: &Server| Row::fails(name, https(server), scene.http("", ""), scene.trusting(server).get("/"));
    vec![
        row("a certificate that has expired", &expired),
        row("a certificate that is not valid yet", &early),
        row("a certificate for another host", &elsewhere),
        row("a certificate of an unknown authority", &stranger),
        row("a certificate of nobody but itself", &alone),
        Row::passes(
            "a certificate of nobody but itself that is trusted",
            https(&alone),
            format!("prober: http, http: {{tls_config: {{ca_file: {pinned}}}}}"),
            at(&alone).trust_only_pem(certificate.pem()).get("/"),
        ),
        Row::fails(
            "a certificate that nobody looks at",
            https(&expired),
            "prober: http, http: {tls_config: {insecure_skip_verify: true}}",
            at(&expired).get("/"),
        ),
    ]
}

fn self_signed() -> (KeyPair, rcgen::Certificate) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2080, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (key, certificate)
}

async fn versions(scene: &Scene) -> Vec<Row> {
    let (older, newer) = (scene.speaking(&version::TLS12).await, scene.speaking(&version::TLS13).await);
    let (key, certificate) = scene.authority.certify("127.0.0.1", |_| {});
    let routes = Routes::from(axum::Router::new().fallback(|| async { "all is well" }));
    let second = grpc::serve(routes, Some(Identity::from_pem(certificate.pem(), key.serialize_pem()))).await;
    let second = format!("https://{second}");
    let row = |name, server: &Server, fits: bool| {
        let judged = scene.trusting(server).get("/").expect(tls_version("1.3"));
        let row = Row::passes(name, https(server), scene.http(", min_version: TLS13", ""), judged);
        Row { passes: fits, ..row }
    };
    vec![
        row("TLS 1.2 where 1.3 is wanted", &older, false),
        row("TLS 1.3 where it is wanted", &newer, true),
        Row::passes(
            "TLS 1.2 where it will do",
            https(&older),
            scene.http(", min_version: TLS12", ""),
            scene.trusting(&older).get("/").expect(tls_version(one_of(["1.2", "1.3"]))),
        ),
        Row::passes(
            "HTTP/2 that is agreed on in TLS",
            second.clone(),
            scene.http("", ", valid_http_versions: [HTTP/2.0]"),
            Http::at(second).trust_only_pem(scene.authority.0.pem()).get("/").expect(http_version("HTTP/2")),
        ),
    ]
}

async fn without_http(scene: &Scene) -> Vec<Row> {
    let good = scene.authority.serve("127.0.0.1", |_| {}).await;
    let expired = scene.authority.serve("127.0.0.1", |params| params.not_after = date_time_ymd(2021, 1, 1)).await;
    let named = scene.authority.serve("shop.test", |_| {}).await;
    let plain = without_tls().await;
    let target = |server: &Server| server.addr.to_string();
    vec![
        Row::passes("TLS without HTTP", target(&good), scene.tcp("", ""), scene.handshake(&good)),
        Row::fails("TLS without HTTP, expired", target(&expired), scene.tcp("", ""), scene.handshake(&expired)),
        Row::passes(
            "TLS without HTTP, by another name",
            target(&named),
            scene.tcp(", server_name: shop.test", ""),
            scene.handshake(&named).server_name("shop.test"),
        ),
        Row::fails(
            "TLS without HTTP, of an unknown authority",
            target(&good),
            "prober: tcp, tcp: {tls: true}",
            Tls::at(target(&good)),
        ),
        Row::fails("TLS without HTTP, of a server without", target(&plain), scene.tcp("", ""), scene.handshake(&plain)),
    ]
}

async fn shown_by_the_client(scene: &Scene) -> Vec<Row> {
    let clients = Authority::named("Partners");
    let server = accept(members_only(&scene.authority, &clients)).await;
    let (certificate, key) = clients.client("canary");
    let files = format!(
        ", cert_file: {}, key_file: {}",
        scene.file("client.pem", &certificate),
        scene.file("client.key", key.expose())
    );
    vec![
        Row::passes(
            "a certificate of the client",
            https(&server),
            scene.http(&files, ""),
            scene.trusting(&server).client_certificate(&certificate, &key).get("/"),
        ),
        Row::fails(
            "no certificate of the client",
            https(&server),
            scene.http("", ""),
            scene.trusting(&server).get("/"),
        ),
    ]
}
