//! [`Digest`]: a password that is proved instead of sent.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, SHA512_256, digest};
use md5::{Digest as _, Md5};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use synthetic_core::Result;
use url::{Position, Url};

use super::Credential;
use crate::curl::Variables;
use crate::header::text;
use crate::scope::Scope;

mod challenge;
use self::challenge::{Challenge, Hash};

/// A user who answers challenges (RFC 7616).
///
/// The challenge that came last is kept, by all clones, so that only the first request is sent twice.
#[derive(Debug, Clone)]
pub(crate) struct Digest {
    user: String,
    password: Credential,
    last: Arc<Mutex<Option<(Challenge, u32)>>>,
}

impl Digest {
    pub(crate) fn new(user: String, password: Credential) -> Self {
        Self { user, password, last: Arc::default() }
    }

    /// Keeps the challenge of an answer, and returns whether there is one to answer.
    ///
    /// # Errors
    ///
    /// Returns why a challenge cannot be answered.
    pub(crate) fn challenged(&self, headers: &HeaderMap) -> Result<bool, String> {
        let lines = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(text);
        let challenge = Challenge::best(lines)?;
        let is_one = challenge.is_some();
        if let Some(challenge) = challenge {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((challenge, 0));
        }
        Ok(is_one)
    }

    /// Returns the options of curl that answer challenges.
    pub(super) fn to_curl(&self, variables: &mut Variables<'_>) -> Vec<String> {
        let mut options = vec!["--digest".to_owned()];
        options.extend(super::basic(&self.user, &self.password, variables));
        options
    }

    /// Answers the last challenge, if there was one.
    pub(crate) async fn sign(
        &self,
        headers: &mut HeaderMap,
        scope: &mut Scope<'_>,
        method: &Method,
        url: &Url,
    ) -> Result {
        let (challenge, count) = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((challenge, count)) = last.as_mut() else { return Ok(()) };
            *count += 1;
            (challenge.clone(), *count)
        };
        let password = self.password.resolve(scope).await?;
        let uri = &url[Position::BeforePath..Position::AfterQuery];
        let cnonce = format!("{:032x}", fastrand::u128(..));
        let answer =
            Answer { user: &self.user, password: password.expose(), method: method.as_str(), uri, cnonce, count };
        let value = HeaderValue::try_from(answer.to(&challenge)).map_err(|_| {
            scope.setup(&format!("the user name {:?} or the realm cannot be written in a header", self.user))
        })?;
        let mut value = value;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// What a challenge is answered with.
struct Answer<'a> {
    user: &'a str,
    password: &'a str,
    method: &'a str,
    uri: &'a str,
    cnonce: String,
    count: u32,
}

impl Answer<'_> {
    /// Writes the value of `Authorization` (RFC 7616, section 3.4).
    fn to(&self, challenge: &Challenge) -> String {
        let Challenge { realm, nonce, opaque, algorithm, has_qop, userhash } = challenge;
        let Self { user, method, uri, cnonce, .. } = self;
        let hash = |text: String| algorithm.hash.hex(text.as_bytes());
        let mut first = hash(format!("{user}:{realm}:{}", self.password));
        if algorithm.session {
            first = hash(format!("{first}:{nonce}:{cnonce}"));
        }
        let second = hash(format!("{method}:{uri}"));
        let count = format!("{:08x}", self.count);
        let response = if *has_qop {
            hash(format!("{first}:{nonce}:{count}:{cnonce}:auth:{second}"))
        } else {
            hash(format!("{first}:{nonce}:{second}"))
        };
        let shown = if *userhash { hash(format!("{user}:{realm}")) } else { escaped(user) };
        let mut value = format!(
            "Digest username=\"{shown}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\"",
            escaped(realm),
            escaped(nonce),
        );
        let mut add = |more: std::fmt::Arguments<'_>| {
            // Writing into a text does not fail.
            let _ = value.write_fmt(more);
        };
        if let Some(name) = algorithm.named {
            add(format_args!(", algorithm={name}"));
        }
        if *has_qop {
            add(format_args!(", qop=auth, nc={count}, cnonce=\"{cnonce}\""));
        }
        if let Some(opaque) = opaque {
            add(format_args!(", opaque=\"{}\"", escaped(opaque)));
        }
        if *userhash {
            add(format_args!(", userhash=true"));
        }
        value
    }
}

impl Hash {
    fn hex(self, bytes: &[u8]) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Md5 => hex(&Md5::digest(bytes)),
            Self::Sha256 => hex(digest(&SHA256, bytes).as_ref()),
            Self::Sha512Of256 => hex(digest(&SHA512_256, bytes).as_ref()),
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::challenge::Algorithm;
    use super::*;

    /// RFC 7616, section 3.9.1, and RFC 2617, section 3.5.
    #[test]
    fn the_examples_of_the_standards_are_answered_as_they_say() {
        const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        const NEW: &str = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
            nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        const OLD: &str = "realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        for (challenge, password, cnonce, response) in [
            (format!("Digest {NEW}, algorithm=MD5"), "Circle of Life", CNONCE, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                format!("Digest {NEW}, algorithm=SHA-256"),
                "Circle of Life",
                CNONCE,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
            (format!("Digest {OLD}"), "Circle Of Life", "0a4f113b", "6629fae49393a05397450978507c4ef1"),
        ] {
            let read = Challenge::best([challenge.as_str()].into_iter()).unwrap().unwrap();
            let answer = Answer {
                user: "Mufasa",
                password,
                method: "GET",
                uri: "/dir/index.html",
                cnonce: cnonce.into(),
                count: 1,
            };
            let value = answer.to(&read);
            assert!(value.contains(&format!("response=\"{response}\"")), "{value}");
            assert!(value.contains("qop=auth, nc=00000001, cnonce=\""), "{value}");
            assert_eq!(value.contains("algorithm="), challenge.contains("algorithm"), "{value}");
        }
    }

    /// RFC 7616, section 3.9.2: its hashed user name. (Its response is not that of its own inputs: errata 4897.)
    #[test]
    fn a_user_name_can_be_hashed() {
        let challenge = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, nonce=\"n\", charset=UTF-8, userhash=true";
        let read = Challenge::best([challenge].into_iter()).unwrap().unwrap();
        let answer = Answer {
            user: "Jäsøn Doe",
            password: "Secret, or not?",
            method: "GET",
            uri: "/doe.json",
            cnonce: "c".into(),
            count: 1,
        };
        let value = answer.to(&read);
        let hashed = "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b";
        assert!(value.contains(&format!("username=\"{hashed}\"")), "{value}");
        assert!(value.ends_with("userhash=true"), "{value}");
    }

    #[test]
    fn without_a_quality_of_protection_the_old_way_is_taken() {
        let read = Challenge::best(["Digest realm=\"r\", nonce=\"n\""].into_iter()).unwrap().unwrap();
        let answer = Answer { user: "u", password: "p", method: "GET", uri: "/", cnonce: "c".into(), count: 1 };
        let hash = |text: &str| Hash::Md5.hex(text.as_bytes());
        let response = hash(&format!("{}:n:{}", hash("u:r:p"), hash("GET:/")));
        let value = answer.to(&read);
        assert!(value.contains(&response) && !value.contains("qop") && !value.contains("nc="), "{value}");
    }

    #[test]
    fn a_session_hashes_the_nonces_in() {
        let read =
            Challenge::best(["Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256-sess"].into_iter());
        let read = read.unwrap().unwrap();
        assert_eq!(read.algorithm, Algorithm { hash: Hash::Sha256, session: true, named: Some("SHA-256-sess") });
        let answer = Answer { user: "u", password: "p", method: "GET", uri: "/", cnonce: "c".into(), count: 10 };
        let hash = |text: &str| Hash::Sha256.hex(text.as_bytes());
        let first = hash(&format!("{}:n:c", hash("u:r:p")));
        let response = hash(&format!("{first}:n:0000000a:c:auth:{}", hash("GET:/")));
        assert!(answer.to(&read).contains(&response));
    }
}
