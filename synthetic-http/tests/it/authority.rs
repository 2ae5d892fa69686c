//! An authority of a test's own, and servers with certificates of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use synthetic_core::Secret;
use synthetic_http::Http;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::support::{Server, ok, read_request};

/// An authority of its own for each test.
pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("Test Authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::named_until(name, 2090)
    }

    pub(crate) fn named_until(name: &str, year: i32) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Serves with a certificate for `host`, valid from 2020 to 2080 unless changed.
    pub(crate) async fn serve(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> Server {
        let (key, certificate) = self.issue(host, change);
        serve(vec![certificate], &key).await
    }

    /// Serves one answer, whatever is asked.
    pub(crate) async fn serve_with(&self, host: &str, answer: Vec<u8>) -> Server {
        let (key, certificate) = self.issue(host, |_| {});
        answering(config(vec![certificate], &key), answer).await
    }

    /// Issues a certificate for `host`, valid from 2020 to 2080 unless changed.
    pub(crate) fn issue(
        &self,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (KeyPair, CertificateDer<'static>) {
        let (key, certificate) = self.certify(host, change);
        (key, certificate.into())
    }

    /// Issues such a certificate as it is needed in PEM.
    pub(crate) fn certify(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> (KeyPair, Certificate) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "shop.test");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2080, 1, 1);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (key, certificate)
    }

    /// Issues a certificate and its key to a client, in PEM.
    pub(crate) fn client(&self, name: &str) -> (String, Secret) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), Secret::new("client key", key.serialize_pem()))
    }

    pub(crate) fn trusted(&self, server: &Server) -> Http {
        at(server).trust_pem(self.0.pem())
    }
}

/// Serves HTTP/1.1 with a chain, the server's own certificate first.
pub(crate) async fn serve(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Server {
    accept(config(chain, key)).await
}

/// Returns what serves TLS with a chain.
pub(crate) fn config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> ServerConfig {
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, private(key))
        .unwrap()
}

/// Returns what serves those only who show a certificate of `clients`.
pub(crate) fn members_only(authority: &Authority, clients: &Authority) -> ServerConfig {
    let (key, certificate) = authority.issue("127.0.0.1", |_| {});
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(clients.0.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], private(&key))
        .unwrap()
}

/// Returns what serves everybody, and asks for a certificate of `clients`.
pub(crate) fn anyone(chain: Vec<CertificateDer<'static>>, key: &KeyPair, clients: &Authority) -> ServerConfig {
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(clients.0.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        .with_single_cert(chain, private(key))
        .unwrap()
}

/// Serves HTTP/1.1 over TLS as it is configured.
pub(crate) async fn accept(config: ServerConfig) -> Server {
    answering(config, ok("hi")).await
}

async fn answering(config: ServerConfig, answer: Vec<u8>) -> Server {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::raw(move |stream| {
        let (acceptor, answer) = (acceptor.clone(), answer.clone());
        async move {
            let mut stream = acceptor.accept(stream).await?;
            loop {
                read_request(&mut stream).await?;
                stream.write_all(&answer).await?;
                stream.flush().await?;
            }
        }
    })
    .await
}

pub(crate) fn at(server: &Server) -> Http {
    Http::at(server.url().replace("http:", "https:"))
}

/// Returns a key in rustls's terms.
pub(crate) fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()))
}

/// Returns the first moment of a year.
pub(crate) fn year(year: u64) -> SystemTime {
    let leap_days = (1970..year).filter(|year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)).count() as u64;
    SystemTime::UNIX_EPOCH + Duration::from_secs(((year - 1970) * 365 + leap_days) * 86_400)
}
