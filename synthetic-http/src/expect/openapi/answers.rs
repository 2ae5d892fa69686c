//! What an operation may answer: statuses, and the headers and bodies of each.

use serde_json::Value;

use super::super::brief::listed;
use super::bodies::{Bodies, Schemas};
use super::document::{members, resolved};
use super::headers::Header;
use crate::response::Response;

/// How many violations are listed.
const SHOWN: usize = 20;

/// Headers that are about the message, the connection or the cache, not about the API: RFC 9110, 9111, 9112, 6265, 6797,
/// 7838 and the Fetch standard. A document need not mention them, and a strict contract does not ask it to.
const OF_HTTP: &[&str] = &[
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "location",
    "proxy-authenticate",
    "proxy-connection",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "www-authenticate",
];

/// The answers of an operation.
pub(super) struct Answers {
    answers: Vec<(Status, Answer)>,
    strict: bool,
}

/// Which statuses an answer is for, the more exact first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Exactly(u16),
    /// `2XX`.
    Hundred(u16),
    Default,
}

struct Answer {
    headers: Vec<Header>,
    bodies: Bodies,
}

impl Answers {
    pub(super) fn compile(
        document: &Value,
        operation: &Value,
        schemas: &mut Schemas<'_>,
        strict: bool,
    ) -> Result<Self, String> {
        let mut answers = Vec::new();
        for (key, answer) in members(operation, "responses").filter(|(key, _)| !key.starts_with("x-")) {
            let status = Status::parse(key)
                .ok_or_else(|| format!("its answer {key:?} is for no status: write 200, 2XX or default"))?;
            let compiled = resolved(document, answer).and_then(|answer| Answer::compile(document, answer, schemas));
            answers.push((status, compiled.map_err(|why| format!("its answer {key}: {why}"))?));
        }
        answers.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self { answers, strict })
    }

    /// Says everything about an answer that is not as it should be.
    pub(super) fn judge(&self, method: &str, answer: &Response) -> Result<(), String> {
        let status = answer.status();
        let Some((_, known)) = self.answers.iter().find(|(known, _)| known.includes(status)) else {
            let known: Vec<String> = self.answers.iter().map(|(known, _)| known.to_string()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!("a status {status}, which it does not know: it has {known}"));
        };
        let mut told = Vec::new();
        for header in &known.headers {
            header.judge(answer, &mut told);
        }
        if self.strict {
            let is_known = |name: &str| {
                OF_HTTP.contains(&name) || known.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name))
            };
            let unknown = answer.exchange.headers.keys().map(reqwest::header::HeaderName::as_str);
            told.extend(
                unknown
                    .filter(|name| !is_known(name))
                    .map(|name| format!("header {name}: expected none, actual there")),
            );
        }
        known.bodies.judge(method, answer, &mut told);
        if told.is_empty() { Ok(()) } else { Err(listed(&told, SHOWN, told.len(), "violation")) }
    }
}

impl Status {
    fn parse(key: &str) -> Option<Self> {
        if key == "default" {
            return Some(Self::Default);
        }
        let digits = key.get(..1)?.parse().ok().filter(|hundred| (1..=5).contains(hundred));
        match (key.len(), key.get(1..)) {
            (3, Some(rest)) if rest.eq_ignore_ascii_case("xx") => digits.map(Self::Hundred),
            (3, _) => key.parse().ok().filter(|status| (100..=599).contains(status)).map(Self::Exactly),
            _ => None,
        }
    }

    const fn includes(&self, status: u16) -> bool {
        match self {
            Self::Exactly(known) => *known == status,
            Self::Hundred(hundred) => *hundred == status / 100,
            Self::Default => true,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exactly(status) => write!(f, "{status}"),
            Self::Hundred(hundred) => write!(f, "{hundred}XX"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Answer {
    fn compile(document: &Value, answer: &Value, schemas: &mut Schemas<'_>) -> Result<Self, String> {
        let mut headers = Vec::new();
        // A header of this name has no meaning there: `content` says it (3.0.3 and 3.1.0, "Response Object").
        for (name, header) in members(answer, "headers").filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"))
        {
            let compiled = Header::compile(document, name, header, schemas);
            headers.push(compiled.map_err(|why| format!("its header {name}: {why}"))?);
        }
        Ok(Self { headers, bodies: Bodies::compile(document, answer, schemas)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_exact_status_comes_first() {
        let mut statuses: Vec<Status> =
            ["default", "4XX", "404", "200", "2xx"].into_iter().map(|key| Status::parse(key).unwrap()).collect();
        statuses.sort();
        let find = |status| statuses.iter().find(|known| known.includes(status)).unwrap().to_string();
        assert_eq!(find(200), "200");
        assert_eq!(find(201), "2XX");
        assert_eq!(find(404), "404");
        assert_eq!(find(409), "4XX");
        assert_eq!(find(500), "default");
    }

    #[test]
    fn what_is_no_status_is_none() {
        for key in ["", "20", "2000", "7XX", "999", "ok", "2X0", "äö"] {
            assert!(Status::parse(key).is_none(), "{key}");
        }
    }
}
