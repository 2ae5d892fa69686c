//! What others wrote, for tests: bytes and texts that are nearly right, and the properties of what reads headers.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Version};
use synthetic_core::expect::{eq, exists, ge, le, not};
use url::Url;

use crate::Expectation;
use crate::expect::{
    charset, content_encoding, cookie, cookie_attribute, cookie_attributes, cookie_lifetime, header, header_count,
    rate_limit_left, security_headers,
};
use crate::jar::CookieJar;
use crate::response::Response;
use crate::wire::{Connection, Exchange, Jar, Phases};

/// Texts made of the words of a language, so that many of them are nearly right, and of anything.
pub(crate) fn nearly(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word = prop_oneof![8 => select(words).prop_map(str::to_owned), 1 => ".{0,3}"];
    vec(word, 0..16).prop_map(|words| words.concat())
}

/// Bytes of a language, likewise.
pub(crate) fn nearly_bytes(words: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![8 => select(words).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..4)];
    vec(word, 0..16).prop_map(|words| words.concat())
}

/// Good bytes of which some are replaced, left out, or said twice.
pub(crate) fn damaged(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..6).prop_map(move |changes| {
        let mut bytes = good.clone();
        for (at, byte, what) in changes {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at.max(1)),
                _ => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
            }
        }
        bytes
    })
}

/// Cuts bytes into pieces at any places.
pub(crate) fn cut(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(bytes.len());
    let mut from = 0;
    cuts.into_iter().map(|cut| bytes[std::mem::replace(&mut from, cut)..cut].to_vec()).collect()
}

/// An answer with these headers, and a body.
pub(crate) fn answer(headers: HeaderMap, body: &[u8]) -> Response {
    let exchange = Exchange {
        status: StatusCode::OK,
        version: Version::HTTP_11,
        headers,
        body: body.to_vec().into(),
        wire_size: body.len() as u64,
        hops: Vec::new(),
        redirect_limit_reached: false,
        final_url: Url::parse("https://shop.example/").unwrap(),
        phases: Phases::default(),
        connection: Connection::New,
        remote_addr: None,
        tls: Some(crate::wire::TlsInfo { negotiated: None, chain: None }),
        elapsed: Duration::ZERO,
        cookies: None,
        legs: Vec::new(),
    };
    Response::new("GET /".to_owned(), exchange, None)
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let name = select(
        &[
            "set-cookie",
            "ratelimit",
            "ratelimit-policy",
            "ratelimit-remaining",
            "x-ratelimit-remaining",
            "x-ratelimit-remaining-minute",
            "x-ratelimit-reset",
            "x-ratelimit-limit",
            "strict-transport-security",
            "content-security-policy",
            "content-security-policy-report-only",
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "content-type",
            "content-encoding",
            "location",
        ][..],
    );
    let value = nearly_bytes(&[
        b"session",
        b"=",
        b"; ",
        b";",
        b",",
        b"\"",
        b"\\",
        b" ",
        b"\t",
        b"max-age=",
        b"Max-Age=",
        b"Expires=",
        b"Path=/",
        b"Domain=",
        b".shop.example",
        b"Secure",
        b"HttpOnly",
        b"SameSite=Lax",
        b"Thu, 01 Jan 1970 00:00:00 GMT",
        b"includeSubDomains",
        b"default-src",
        b"script-src",
        b"'self'",
        b"'nonce-a'",
        b"'unsafe-inline'",
        b"*",
        b"frame-ancestors",
        b"nosniff",
        b"DENY",
        b"no-referrer",
        b"unsafe-url",
        b"text/html",
        b"charset=",
        b"utf-8",
        b"gzip",
        b"br",
        b"r=",
        b"t=",
        b"q=",
        b"limit=",
        b"remaining=",
        b"reset=",
        b"0",
        b"-1",
        b"9223372036854775807",
        b"9223372036854775808",
        b"1e308",
        b"NaN",
        b"inf",
        b"0.5",
        b"1800000000",
        b"99999999999999999999999",
        b"\xc3\xbc",
        b"\xff",
    ]);
    vec((name, value), 0..8).prop_map(|fields| {
        let fields = fields
            .into_iter()
            .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?)));
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value);
        }
        headers
    })
}

fn all() -> Vec<Expectation> {
    vec![
        cookie("session", exists()),
        cookie_attributes("session", ["Secure", "SameSite=Lax", "Domain=shop.example", "Max-Age"]),
        cookie_attribute("session", "path", not(exists())),
        cookie_lifetime("session", le(Duration::from_secs(60))),
        rate_limit_left(ge(10)),
        security_headers().hsts_subdomains().csp("object-src", "'none'").into(),
        charset("utf-8"),
        content_encoding("gzip"),
        header("location", exists()),
        header_count("set-cookie", 1_u16),
    ]
}

proptest! {
    #[test]
    fn whatever_headers_say_an_expectation_of_them_is_met_or_tells_why(headers in headers(), body in vec(any::<u8>(), 0..32)) {
        let said: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let answer = answer(headers, &body);
        for expectation in all() {
            if let Err(mismatch) = expectation.judge(&answer) {
                let told = mismatch.to_string();
                // Each byte may be shown as an escape, and in each of the weaknesses.
                prop_assert!(told.len() <= 4_000 + 40 * said, "{} bytes of {}", told.len(), said);
            }
        }
        let _ = format!("{answer:?}");
    }

    #[test]
    fn a_jar_gives_back_only_what_a_header_can_carry(headers in headers(), path in "(/[a-z%0-9]{0,4}){0,3}") {
        let jar = CookieJar::default();
        let url = Url::parse(&format!("https://shop.example/{path}")).unwrap();
        jar.keep(&url, &headers);
        jar.keep(&url, &headers);
        if let Some(cookies) = jar.cookies(&url) {
            prop_assert!(std::str::from_utf8(cookies.as_bytes()).is_ok_and(|cookies| !cookies.is_empty()));
        }
        let other = Url::parse("https://pay.example/").unwrap();
        prop_assert_eq!(jar.cookies(&other), None, "what one site sets, another is never sent");
    }

    #[test]
    fn a_cookie_that_was_written_is_read_as_it_was(
        name in "[a-zA-Z][a-zA-Z0-9_-]{0,8}", value in "[!#-+\\--:<-\\[\\]-~]{0,12}", path in "(/[a-z]{1,4}){1,3}", age in 0..9_999_999_u32,
        before in "[a-z]{1,4}=[a-z]{0,3}", spaces in " {0,2}",
    ) {
        let mut headers = HeaderMap::new();
        let line = format!("{name}={value};{spaces}Path={path};{spaces}max-age={age};SECURE; samesite=lax");
        for line in [&before, &line] {
            headers.append("set-cookie", HeaderValue::from_str(line).unwrap());
        }
        let answer = answer(headers, b"");
        let wanted = [format!("Path={path}"), format!("Max-Age={age}"), "Secure".to_owned(), "SameSite=Lax".to_owned()];
        for expectation in [
            cookie(&name, value),
            cookie_attributes(&name, wanted),
            cookie_attribute(&name, "PATH", path),
            cookie_lifetime(&name, eq(Duration::from_secs(age.into()))),
        ] {
            prop_assert!(expectation.judge(&answer).is_ok(), "{:?}", expectation.judge(&answer));
        }
    }
}
