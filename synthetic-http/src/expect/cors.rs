//! What a browser makes of the answer to a preflight, by the Fetch standard.

use synthetic_core::expect::Mismatch;

use super::{Expectation, that_or};
use crate::response::Response;

/// What a page asks to be allowed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) origin: String,
    pub(crate) method: String,
    /// In lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) credentials: bool,
}

/// Expects the answer to a preflight to allow what was asked, as a browser judges it.
///
/// Source: the Fetch standard, sections 4.9 (CORS-preflight fetch) and 4.10 (CORS check).
pub(crate) fn cors(asked: Asked) -> Expectation {
    that_or("CORS".to_owned(), None, move |answer: &Response| {
        let unmet = unmet(&asked, answer);
        if unmet.is_empty() { Ok(()) } else { Err(Mismatch::new(asked.shown(), unmet.join("\n"))) }
    })
    .of_the_head()
}

impl Asked {
    fn shown(&self) -> String {
        let Self { origin, method, headers, credentials } = self;
        let headers = if headers.is_empty() { String::new() } else { format!(" with {}", headers.join(", ")) };
        let credentials = if *credentials { ", with credentials" } else { "" };
        format!("allows {method} from {origin}{headers}{credentials}")
    }
}

/// Returns everything for which a browser would refuse, in its order.
fn unmet(asked: &Asked, answer: &Response) -> Vec<String> {
    let mut unmet: Vec<String> = origin(asked, answer).into_iter().collect();
    let list = |name| answer.header_list(name).map(str::to_owned).collect::<Vec<_>>();
    let (methods, headers) = (list("access-control-allow-methods"), list("access-control-allow-headers"));
    // With credentials a `*` is the name of a method, or of a header, and nothing more.
    let anything = |allowed: &[String]| !asked.credentials && allowed.iter().any(|allowed| allowed == "*");
    let shown = |name: &str, allowed: &[String]| match allowed {
        [] => format!("there is no {name}"),
        [star] if star == "*" && asked.credentials => format!("{name} is *, which allows nothing with credentials"),
        some if asked.credentials && some.iter().any(|allowed| allowed == "*") => {
            format!("{name} is {}, and with credentials a * allows nothing", some.join(", "))
        }
        some => format!("{name} is {}", some.join(", ")),
    };
    let is_safelisted = matches!(asked.method.as_str(), "GET" | "HEAD" | "POST");
    if !is_safelisted && !methods.contains(&asked.method) && !anything(&methods) {
        let told = shown("Access-Control-Allow-Methods", &methods);
        let case = methods.iter().any(|allowed| allowed.eq_ignore_ascii_case(&asked.method));
        let case = if case { ", and methods are compared with their case" } else { "" };
        unmet.push(format!("the method {} is not allowed: {told}{case}", asked.method));
    }
    for name in &asked.headers {
        let listed = headers.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
        // Nobody allows `Authorization` by a star.
        let by_star = anything(&headers) && name != "authorization";
        if !listed && !by_star {
            let told = shown("Access-Control-Allow-Headers", &headers);
            let but = if anything(&headers) { ", which does not include Authorization: name it" } else { "" };
            unmet.push(format!("the header {name} is not allowed: {told}{but}"));
        }
    }
    unmet
}

/// The CORS check.
fn origin(asked: &Asked, answer: &Response) -> Option<String> {
    const NAME: &str = "Access-Control-Allow-Origin";
    let wanted = &asked.origin;
    let values: Vec<&str> = answer.header_all("access-control-allow-origin").collect();
    match values.as_slice() {
        [] => return Some(format!("there is no {NAME}: {wanted} would be right")),
        ["*"] if !asked.credentials => return None,
        ["*"] => return Some(format!("{NAME} is *, which allows nobody with credentials: {wanted} would be right")),
        [one] if one == wanted => {}
        [one] => return Some(format!("{NAME} is {one}: {wanted} would be right")),
        many => {
            return Some(format!("{NAME} is there {} times, which allows nobody: {}", many.len(), many.join(", ")));
        }
    }
    if !asked.credentials {
        return None;
    }
    const CREDENTIALS: &str = "Access-Control-Allow-Credentials";
    // A browser joins what is there twice, which then is not `true`.
    match answer.header_all("access-control-allow-credentials").collect::<Vec<_>>().as_slice() {
        ["true"] => None,
        [] => Some(format!("there is no {CREDENTIALS}: true would be right")),
        [other] => Some(format!("{CREDENTIALS} is {other:?}: true would be right")),
        many => {
            let (times, all) = (many.len(), many.join(", "));
            Some(format!("{CREDENTIALS} is there {times} times, which allows none: {all}; true, once, would be right"))
        }
    }
}
