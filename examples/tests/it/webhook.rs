//! Notifications over TLS: who is trusted. It stands here, where a server with TLS is at hand.

use std::sync::Arc;

use synthetic_core::Sink;
use synthetic_core::prelude::*;
use synthetic_core::sink::DeliveryError;
use synthetic_sinks::{Webhook, WebhookError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Answers 200 to whoever trusts its certificate, which is returned as PEM.
async fn server() -> (String, String) {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/hook", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 8 * 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (url, signed.cert.pem())
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_and_one_that_is_trusted_is_taken() {
    let (url, pem) = server().await;
    let failing = canary(Spec::new("checkout"), |run: Run| async move { run.expect("total", 25, eq(30)) });
    let report = [Arc::new(once(failing).await)];
    let eager = |webhook: std::result::Result<Webhook, WebhookError>| webhook.unwrap().fires_after(1, 1).unwrap();
    let refused = eager(Webhook::generic(&url)).deliver(&report).await;
    assert!(matches!(&refused, Err(DeliveryError::Retry(why)) if why.contains("certificate")), "{refused:?}");
    let trusting = eager(Webhook::generic(&url)).trust(pem.as_bytes()).unwrap();
    assert_eq!(trusting.deliver(&report).await, Ok(()));
}
