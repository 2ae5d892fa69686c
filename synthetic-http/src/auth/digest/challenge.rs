//! What a server asks for in `WWW-Authenticate` (RFC 9110, section 11.6.1; RFC 7616, section 3.3).

use crate::parameters::quoted;

/// A challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) opaque: Option<String>,
    pub(super) algorithm: Algorithm,
    /// `auth` is among the qualities of protection; without any, the way of RFC 2069 is taken.
    pub(super) has_qop: bool,
    pub(super) userhash: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Algorithm {
    pub(super) hash: Hash,
    /// `-sess`.
    pub(super) session: bool,
    /// As it is said back; nothing where the challenge names none.
    pub(super) named: Option<&'static str>,
}

/// The weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    Md5,
    Sha256,
    Sha512Of256,
}

impl Challenge {
    /// Returns of all challenges the strongest.
    ///
    /// # Errors
    ///
    /// Returns what is wrong where there are challenges for Digest, and none that can be answered.
    pub(super) fn best<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Option<Self>, String> {
        let mut best: Option<Self> = None;
        let mut wrong = None;
        for line in lines {
            for (scheme, parameters) in challenges(line) {
                if !scheme.eq_ignore_ascii_case("digest") {
                    continue;
                }
                match Self::read(&parameters) {
                    Ok(read) if best.as_ref().is_none_or(|best| read.algorithm.hash > best.algorithm.hash) => {
                        best = Some(read)
                    }
                    Ok(_) => {}
                    Err(why) => wrong = Some(why),
                }
            }
        }
        match (best, wrong) {
            (None, Some(why)) => Err(why),
            (best, _) => Ok(best),
        }
    }

    fn read(parameters: &[(String, String)]) -> Result<Self, String> {
        let of = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let qop = of("qop");
        let has_qop = qop.as_ref().is_some_and(|qop| qop.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")));
        if let Some(qop) = qop.filter(|_| !has_qop) {
            return Err(format!("it wants the quality of protection {qop:?}, and only auth is known"));
        }
        Ok(Self {
            realm: of("realm").ok_or("it names no realm")?,
            nonce: of("nonce").ok_or("it has no nonce")?,
            opaque: of("opaque"),
            algorithm: Algorithm::read(of("algorithm").as_deref())?,
            has_qop,
            userhash: of("userhash").is_some_and(|userhash| userhash.eq_ignore_ascii_case("true")),
        })
    }
}

impl Algorithm {
    fn read(name: Option<&str>) -> Result<Self, String> {
        const ALL: [(&str, Hash, bool); 6] = [
            ("MD5", Hash::Md5, false),
            ("MD5-sess", Hash::Md5, true),
            ("SHA-256", Hash::Sha256, false),
            ("SHA-256-sess", Hash::Sha256, true),
            ("SHA-512-256", Hash::Sha512Of256, false),
            ("SHA-512-256-sess", Hash::Sha512Of256, true),
        ];
        let Some(name) = name else { return Ok(Self { hash: Hash::Md5, session: false, named: None }) };
        let known = ALL.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
        let known = known.map(|(known, hash, session)| Self { hash: *hash, session: *session, named: Some(known) });
        known.ok_or_else(|| format!("it wants the algorithm {name:?}, and known are MD5, SHA-256 and SHA-512-256"))
    }
}

type Parameters = Vec<(String, String)>;

/// Splits a header into its challenges: a scheme, and parameters in lower case with their values.
fn challenges(line: &str) -> Vec<(String, Parameters)> {
    let mut found: Vec<(String, Parameters)> = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        if token.is_empty() {
            return found;
        }
        let after_space = after.trim_start_matches([' ', '\t']);
        // A token that is followed by a value is a parameter, any other begins a challenge. (A scheme may also be followed
        // by a token of its own, as Negotiate's, which then reads as a scheme that nobody knows.)
        match after_space.strip_prefix('=') {
            Some(value) => {
                let (value, next) = value_of(value.trim_start_matches([' ', '\t', '=']));
                if let Some((_, parameters)) = found.last_mut() {
                    parameters.push((token.to_ascii_lowercase(), value));
                }
                rest = next;
            }
            None => {
                found.push((token.to_owned(), Vec::new()));
                rest = after.strip_prefix('"').unwrap_or(after);
            }
        }
    }
}

/// Reads a value, quoted or not, and returns what follows.
fn value_of(text: &str) -> (String, &str) {
    if let Some((value, next)) = quoted(text) {
        return (value.into_owned(), next);
    }
    let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(line: &str) -> Result<Option<Challenge>, String> {
        Challenge::best([line].into_iter())
    }

    #[test]
    fn the_strongest_of_many_challenges_is_taken() {
        let line = "Basic realm=\"a, b\", Digest realm=\"x \\\"y\\\"\", nonce=n1, algorithm=MD5, Negotiate dG9rZW4=, \
                    digest Realm=\"x\" , NONCE = \"n2\", algorithm=sha-256, qop=\"auth-int, auth\"";
        let read = best(line).unwrap().unwrap();
        assert_eq!((read.nonce.as_str(), read.algorithm.named, read.has_qop), ("n2", Some("SHA-256"), true));
        let first = challenges(line).into_iter().find(|(scheme, _)| scheme == "Digest").unwrap();
        assert_eq!(first.1[0], ("realm".to_owned(), "x \"y\"".to_owned()));
    }

    #[test]
    fn what_cannot_be_answered_is_said() {
        assert_eq!(best("Basic realm=\"a\"").unwrap(), None);
        assert_eq!(best("").unwrap(), None);
        for (line, why) in [
            ("Digest nonce=n", "realm"),
            ("Digest realm=r", "nonce"),
            ("Digest realm=r, nonce=n, qop=\"auth-int\"", "quality"),
            ("Digest realm=r, nonce=n, algorithm=SHA-1", "algorithm \"SHA-1\""),
        ] {
            let told = best(line).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}

#[cfg(test)]
mod foreign {
    use proptest::prelude::*;

    use super::*;
    use crate::foreign::nearly;

    /// Writes a quoted string (RFC 9110, section 5.6.4).
    fn quoted(text: &str) -> String {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }

    proptest! {
        #[test]
        fn any_line_has_a_challenge_or_none_or_one_that_cannot_be_answered(
            lines in proptest::collection::vec(
                nearly(&["Digest", " ", "=", "\"", "\\", ",", "realm", "realm=r", "nonce=\"n\"", "ü", "==", "\t", "a=b", "Basic",
                    "qop=auth", "qop=\"auth-int\"", "algorithm=MD5-sess", "algorithm=", "opaque", "userhash=true"]),
                0..3,
            ),
        ) {
            if let Ok(Some(read)) = Challenge::best(lines.iter().map(String::as_str)) {
                let said = lines.concat();
                prop_assert!(read.realm.len() <= said.len() && read.nonce.len() <= said.len());
            }
        }

        #[test]
        fn a_challenge_that_was_written_is_read_as_it_was(
            realm in "[ -~]{0,12}", nonce in "[ -~]{0,12}", opaque in "[ -~]{0,12}", before in "(Basic realm=\"a, b\", |Negotiate ,|)",
        ) {
            let line = format!(
                "{before}Digest realm={}, nonce={},opaque={} , qop=\"auth,auth-int\", algorithm=SHA-256",
                quoted(&realm), quoted(&nonce), quoted(&opaque),
            );
            let read = Challenge::best([line.as_str()].into_iter()).unwrap().unwrap();
            prop_assert_eq!((read.realm, read.nonce, read.opaque), (realm, nonce, Some(opaque)));
            prop_assert!(read.has_qop && read.algorithm.hash == Hash::Sha256);
        }
    }
}
