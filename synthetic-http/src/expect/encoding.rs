//! `charset`, `content_encoding` and `transferred`: how a body was written and packed.

use synthetic_core::expect::Matcher;

use super::{Expectation, of};
use crate::parameters;
use crate::response::Response;

/// Expects something of the charset that `Content-Type` names, in lower case: `charset("utf-8")`.
///
/// A type without the parameter has none, and fails unless the matcher is about presence: `charset(not(exists()))`.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, charset};
///
/// let _page = Http::at("https://shop.example").get("/").expect(charset("utf-8"));
/// ```
pub fn charset(matcher: impl Matcher<String> + 'static) -> Expectation {
    of("charset", "", matcher, |answer: &Response, _| {
        let kind = answer.header("content-type").ok_or("none: no header content-type")?;
        let (_, mut parameters) = parameters::of(kind);
        let charset = parameters.find(|parameter| parameter.is("charset")).and_then(|charset| charset.value);
        let value = charset.map(|charset| charset.to_ascii_lowercase());
        value.ok_or_else(|| format!("none in content-type {kind}"))
    })
    .of_the_head()
}

/// Expects something of the encodings that the body was packed with, in lower case: `content_encoding("gzip")`,
/// `content_encoding(one_of(["gzip", "br"]))`, `content_encoding(not(exists()))`.
///
/// It is the header `Content-Encoding`, several joined with `, ` in the order in which they were applied (RFC 9110, section
/// 8.4). A request asks for gzip, deflate and br unless it has an `Accept-Encoding` of its own; a body that is not what the
/// header says fails the request without any expectation.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, content_encoding, transferred};
///
/// let _page = Http::at("https://shop.example").get("/catalogue.json")
///     .expect(content_encoding(one_of(["gzip", "br"])))
///     .expect(transferred(lt(20_000)));
/// ```
pub fn content_encoding(matcher: impl Matcher<String> + 'static) -> Expectation {
    of("content encoding", "", matcher, |answer: &Response, _| {
        let values: Vec<String> = answer.header_all("content-encoding").map(str::to_ascii_lowercase).collect();
        if values.is_empty() { Err("none: no header content-encoding".to_owned()) } else { Ok(values.join(", ")) }
    })
    .of_the_head()
}

/// Expects something of the bytes of the body as they came, before they were decoded: `transferred(lt(20_000))`.
///
/// Heads, and the framing of chunks, are not counted. [`size`](super::size) is what the body became.
pub fn transferred(matcher: impl Matcher<u64> + 'static) -> Expectation {
    of("bytes transferred", "", matcher, |answer: &Response, _| Ok(answer.wire_size()))
}
