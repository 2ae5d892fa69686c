//! The HTTP client of sinks that send: TLS is verified, and nothing is sent anywhere but where it was told.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// Begins a client that has so much time for a request. It follows no redirect, since what is sent, and the token in an
/// address, is for nobody else, and tries nothing again, which belongs to the pipeline.
pub(crate) fn builder(tls: ClientConfig, bound: Duration) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .retry(reqwest::retry::never())
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(bound)
        .timeout(bound)
}

/// Trusts the platform's roots and those given. Reading the platform's takes milliseconds.
pub(crate) fn tls(roots: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// Trusts nobody: for addresses without TLS.
pub(crate) fn unused_tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}
