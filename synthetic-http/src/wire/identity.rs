//! The certificate that a client shows of itself.

use std::fmt;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// A chain, the client's own certificate first, and its key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads a chain and a key, each in PEM.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with which of them, without a word of the key.
    pub(crate) fn read(chain: &[u8], key: &[u8]) -> Result<Self, String> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = certificates.map_err(|error| format!("the client certificate is not PEM: {error}"))?;
        if chain.is_empty() {
            return Err("the client certificate holds no `BEGIN CERTIFICATE` block".to_owned());
        }
        // Its error may show what it has read.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            "the key of the client certificate holds no `BEGIN PRIVATE KEY` block that can be read (PKCS #8, PKCS #1 or SEC 1, \
             not encrypted)"
                .to_owned()
        })?;
        let identity = Self { chain, key };
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        match rustls::sign::CertifiedKey::from_der(identity.chain.clone(), identity.key.clone_key(), &provider) {
            Ok(_) => Ok(identity),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err("the key is not the one of the client certificate: are they of the same pair?".to_owned())
            }
            Err(error) => Err(format!("the client certificate cannot be used: {error}")),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}
