//! Which cipher suite was agreed on: neither reqwest nor rustls tells, so the suites themselves do when they are used.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use rustls::{
    CipherSuite, ConnectionTrafficSecrets, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
    crypto::{
        CryptoProvider,
        cipher::{
            AeadKey, Iv, KeyBlockShape, MessageDecrypter, MessageEncrypter, Tls12AeadAlgorithm, Tls13AeadAlgorithm,
            UnsupportedOperationError,
        },
    },
};

use super::record;

/// What a handshake agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// `1.2` or `1.3`.
    pub(crate) version: &'static str,
    /// As IANA names it: `TLS_AES_128_GCM_SHA256`.
    pub(crate) cipher: &'static str,
}

/// Returns aws-lc-rs, with suites that note when a handshake makes keys with them.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { cipher_suites: SUITES.clone(), ..rustls::crypto::aws_lc_rs::default_provider() })
}

static SUITES: LazyLock<Vec<SupportedCipherSuite>> =
    LazyLock::new(|| rustls::crypto::aws_lc_rs::default_provider().cipher_suites.into_iter().map(telling).collect());

/// rustls wants suites that live forever. This is called once for each of the nine there are, so what it keeps is bounded.
fn telling(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    let cipher: &'static str = Box::leak(name(suite.suite()).into_boxed_str());
    match suite {
        SupportedCipherSuite::Tls13(suite) => {
            let negotiated = Negotiated { version: "1.3", cipher };
            SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
                common: copy(&suite.common),
                hkdf_provider: suite.hkdf_provider,
                aead_alg: Box::leak(Box::new(Telling { inner: suite.aead_alg, negotiated })),
                quic: None,
            })))
        }
        SupportedCipherSuite::Tls12(suite) => {
            let negotiated = Negotiated { version: "1.2", cipher };
            SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
                common: copy(&suite.common),
                prf_provider: suite.prf_provider,
                kx: suite.kx,
                sign: suite.sign,
                aead_alg: Box::leak(Box::new(Telling { inner: suite.aead_alg, negotiated })),
            })))
        }
    }
}

fn copy(common: &rustls::crypto::CipherSuiteCommon) -> rustls::crypto::CipherSuiteCommon {
    rustls::crypto::CipherSuiteCommon {
        suite: common.suite,
        hash_provider: common.hash_provider,
        confidentiality_limit: common.confidentiality_limit,
    }
}

/// rustls calls the suites of 1.3 `TLS13_…`, which nobody else does.
fn name(suite: CipherSuite) -> String {
    let name = suite.as_str().map_or_else(|| format!("{suite:?}"), str::to_owned);
    name.strip_prefix("TLS13_").map_or(name.clone(), |rest| ["TLS_", rest].concat())
}

struct Telling<A: ?Sized + 'static> {
    inner: &'static A,
    negotiated: Negotiated,
}

impl<A: ?Sized> Telling<A> {
    fn tell(&self) {
        record::note(|attempt| attempt.negotiated = Some(self.negotiated));
    }
}

impl<A: ?Sized> fmt::Debug for Telling<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.negotiated.cipher)
    }
}

impl Tls13AeadAlgorithm for Telling<dyn Tls13AeadAlgorithm> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        self.tell();
        self.inner.encrypter(key, iv)
    }
    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.tell();
        self.inner.decrypter(key, iv)
    }
    fn key_len(&self) -> usize {
        self.inner.key_len()
    }
    fn extract_keys(&self, key: AeadKey, iv: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.inner.extract_keys(key, iv)
    }
    fn fips(&self) -> bool {
        self.inner.fips()
    }
}

impl Tls12AeadAlgorithm for Telling<dyn Tls12AeadAlgorithm> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        self.tell();
        self.inner.encrypter(key, iv, extra)
    }
    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        self.tell();
        self.inner.decrypter(key, iv)
    }
    fn key_block_shape(&self) -> KeyBlockShape {
        self.inner.key_block_shape()
    }
    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.inner.extract_keys(key, iv, explicit)
    }
    fn fips(&self) -> bool {
        self.inner.fips()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_the_names_of_iana_and_are_all_that_aws_lc_has() {
        let names: Vec<String> = SUITES.iter().map(|suite| name(suite.suite())).collect();
        assert_eq!(names.len(), rustls::crypto::aws_lc_rs::default_provider().cipher_suites.len());
        assert!(names.iter().any(|name| name == "TLS_AES_128_GCM_SHA256"), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("TLS_")), "{names:?}");
    }
}
