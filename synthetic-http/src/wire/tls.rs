//! TLS: which roots are trusted, and the hooks that note a handshake and its certificates.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, DigitallySignedStruct, NamedGroup, RootCertStore, SignatureScheme,
    client::{
        ClientSessionMemoryCache, ClientSessionStore, ResolvesClientCert, Resumption, Tls12ClientSessionValue,
        Tls13ClientSessionValue, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    sign::CertifiedKey,
};
use rustls_platform_verifier::Verifier;
use tokio::time::Instant;

use super::{
    cert::Seen,
    cipher,
    error::{Kind, Phase, WireError},
    record,
    settings::ClientSettings,
};

/// How many TLS sessions a client that resumes them keeps; rustls's own default.
const SESSIONS: usize = 256;

/// Everything about TLS that clients share: the roots, loaded once, and the certificates seen.
#[derive(Debug)]
pub(crate) struct Tls {
    roots: Arc<Roots>,
    config: ClientConfig,
    resume: bool,
}

impl Tls {
    /// Prepares TLS. The platform's roots are not read yet.
    ///
    /// # Errors
    ///
    /// `Kind::Roots` where an extra root is no PEM certificate.
    pub(crate) fn new(settings: &ClientSettings) -> Result<Self, WireError> {
        let provider = cipher::provider();
        let roots = Arc::new(Roots {
            extra: extra_roots(&settings.extra_roots_pem)?,
            only_extra: settings.only_extra_roots,
            provider: Arc::clone(&provider),
            verifier: OnceLock::new(),
            seen: Seen::default(),
        });
        let unusable = |error| WireError::new(Phase::Setup, Kind::Tls, format!("set up tls: {error}"));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&roots) as _);
        let mut config = match &settings.identity {
            Some(own) => config.with_client_auth_cert(own.chain.clone(), own.key.clone_key()).map_err(unusable)?,
            None => config.with_no_client_auth(),
        };
        if settings.http2 && cfg!(feature = "http2") {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        if settings.http1 {
            config.alpn_protocols.push(b"http/1.1".to_vec());
        }
        config.resumption = Resumption::store(Arc::new(NoSessions));
        Ok(Self { roots, config, resume: settings.resume_tls })
    }

    /// Returns a configuration for one client; where sessions are resumed, only within that client. One that is no
    /// [`Shows::Identity`] has no certificate of its own to show.
    pub(crate) fn config(&self, shows: Shows) -> ClientConfig {
        let mut config = self.config.clone();
        if shows == Shows::Nothing {
            config.client_auth_cert_resolver = Arc::new(NoIdentity);
        }
        if self.resume {
            config.resumption = Resumption::store(Arc::new(Sessions(ClientSessionMemoryCache::new(SESSIONS))));
        }
        config
    }

    /// Returns the certificates seen.
    pub(crate) fn seen(&self) -> &Seen {
        &self.roots.seen
    }

    /// Reads the platform's roots unless they are read. It takes milliseconds, so it is done on a thread that may block, and
    /// before the request, so that no phase is charged with it.
    ///
    /// # Errors
    ///
    /// `Kind::Roots` where there is no usable root at all.
    pub(crate) async fn ready(&self) -> Result<(), WireError> {
        if self.roots.verifier.get().is_some() {
            return Ok(());
        }
        let roots = Arc::clone(&self.roots);
        match tokio::task::spawn_blocking(move || roots.verifier().map(|_| ())).await {
            Ok(loaded) => loaded.map_err(|error| {
                WireError::new(Phase::Setup, Kind::Roots, format!("load the trusted root certificates: {error}"))
            }),
            Err(_) => Err(WireError::new(
                Phase::Setup,
                Kind::Roots,
                "load the trusted root certificates: the runtime is stopping",
            )),
        }
    }
}

fn extra_roots(pems: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, WireError> {
    let mut roots = Vec::new();
    for (at, pem) in pems.iter().enumerate() {
        let refused = |what: String| {
            WireError::new(Phase::Setup, Kind::Roots, format!("read extra root certificate {}: {what}", at + 1))
        };
        let before = roots.len();
        for der in CertificateDer::pem_slice_iter(pem) {
            let der = der.map_err(|error| refused(format!("it is not PEM: {error}")))?;
            // Tried here, because the store that it belongs to is made much later.
            RootCertStore::empty().add(der.clone()).map_err(|error| refused(error.to_string()))?;
            roots.push(der);
        }
        if roots.len() == before {
            return Err(refused("it holds no `BEGIN CERTIFICATE` block".to_owned()));
        }
    }
    Ok(roots)
}

/// What a client shows of itself where it is asked who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// The certificate that was set, if any was.
    Identity,
    Nothing,
}

/// Answers that there is no certificate.
#[derive(Debug)]
struct NoIdentity;

impl ResolvesClientCert for NoIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// A verifier, loaded at its first use, which notes what it is shown.
#[derive(Debug)]
struct Roots {
    extra: Vec<CertificateDer<'static>>,
    /// Nothing of the platform's is trusted.
    only_extra: bool,
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Arc<dyn ServerCertVerifier>>,
    seen: Seen,
}

impl Roots {
    fn verifier(&self) -> Result<&Arc<dyn ServerCertVerifier>, rustls::Error> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(verifier);
        }
        let provider = Arc::clone(&self.provider);
        let loaded: Arc<dyn ServerCertVerifier> = if self.only_extra {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(self.extra.iter().cloned());
            let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
            built.map_err(|error| rustls::Error::General(error.to_string()))?
        } else {
            Arc::new(Verifier::new_with_extra_roots(self.extra.iter().cloned(), provider)?)
        };
        Ok(self.verifier.get_or_init(|| loaded))
    }
}

impl ServerCertVerifier for Roots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = self.seen.chain(end_entity, intermediates);
        record::note(|attempt| attempt.chain = Some(chain));
        self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// rustls asks for this when it writes its first message: the one hook that tells the end of TCP from the start of TLS.
fn handshake_begins() {
    record::note(|attempt| {
        attempt.handshake = Some(Instant::now());
        // With a proxy reached by TLS this is the second handshake, and the chain is the proxy's.
        (attempt.chain, attempt.negotiated) = (None, None);
    });
}

/// Keeps no session: every handshake is a full one and shows the certificates.
#[derive(Debug)]
struct NoSessions;

impl ClientSessionStore for NoSessions {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        handshake_begins();
        None
    }
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

/// Keeps sessions as rustls does.
#[derive(Debug)]
struct Sessions(ClientSessionMemoryCache);

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, server: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(server, group);
    }
    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        handshake_begins();
        self.0.kx_hint(server)
    }
    fn set_tls12_session(&self, server: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(server, value);
    }
    fn tls12_session(&self, server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(server)
    }
    fn remove_tls12_session(&self, server: &ServerName<'static>) {
        self.0.remove_tls12_session(server);
    }
    fn insert_tls13_ticket(&self, server: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(server, value);
    }
    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(server)
    }
}
