//! Headers that are there more than once.

use synthetic_core::expect::{self, Matcher, Mismatch, Sense};

use super::cookies::{masked, sets_cookies};
use super::{Expectation, of, that_or};
use crate::header::text;
use crate::response::Response;

/// Expects something of how often a header is there: `header_count("set-cookie", 2)`, `header_count("x-debug", 0)`.
///
/// Names are compared without case. Lines are counted, not the parts of a list in one line.
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, header_count};
///
/// // Two proxies that both add it make a header that browsers ignore.
/// let _page = Http::at("https://shop.example").get("/").expect(header_count("strict-transport-security", 1));
/// ```
pub fn header_count(name: impl Into<String>, matcher: impl Matcher<u16> + 'static) -> Expectation {
    of("number of headers", name.into().to_ascii_lowercase(), matcher, |answer: &Response, name| {
        let count = answer.exchange.headers.get_all(name).iter().count();
        Ok(u16::try_from(count).unwrap_or(u16::MAX))
    })
    .of_the_head()
}

/// Expects something of each line of a header by itself: `header_each("set-cookie", contains("Secure"))`. Of a header that
/// is not there, nothing can be judged, and that fails. The values of cookies are not shown in a failure.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, header_each};
///
/// let _login = Http::at("https://shop.example").post("/login").expect(header_each("set-cookie", contains("; HttpOnly")));
/// ```
pub fn header_each(name: impl Into<String>, matcher: impl Matcher<String> + 'static) -> Expectation {
    let name = name.into().to_ascii_lowercase();
    let defect = matcher.defect();
    that_or(format!("each header {name}"), defect, move |answer: &Response| {
        let wanted = || expect::described(&matcher, Sense::Is);
        let lines = answer.exchange.headers.get_all(&name);
        if lines.iter().next().is_none() {
            return Err(Mismatch::new(wanted(), format!("no header {name}")));
        }
        let total = lines.iter().count();
        for (at, line) in lines.iter().enumerate() {
            let line = text(line).unwrap_or_default().to_owned();
            expect::check(&line, &matcher).map_err(|mut mismatch| {
                if sets_cookies(&name) {
                    mismatch = Mismatch::new(mismatch.expected, format!("{:?}", masked(&line)));
                }
                if total > 1 {
                    mismatch.actual = format!("{}, line {} of {total}", mismatch.actual, at + 1);
                }
                mismatch
            })?;
        }
        Ok(())
    })
    .of_the_head()
}
