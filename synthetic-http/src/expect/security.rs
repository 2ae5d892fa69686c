//! The headers by which a site protects its users, as one check.

mod csp;

use std::time::Duration;

use synthetic_core::expect::Mismatch;

use self::csp::{Policy, is_wide};
use super::{Expectation, that_or};
use crate::parameters::{Parameter, split};
use crate::response::Response;

/// Expects the headers by which a site protects its users: one expectation, whose failure lists each that is missing or
/// weak, with what would be right.
///
/// | header | is right when |
/// |---|---|
/// | `Strict-Transport-Security` | it is there once, over https, with a `max-age` of at least 180 days |
/// | `Content-Security-Policy` | it restricts scripts (`script-src` or `default-src`) and allows neither `'unsafe-inline'` (without a nonce or a hash), nor `'unsafe-eval'`, nor every host |
/// | `X-Content-Type-Options` | it is `nosniff` |
/// | `Referrer-Policy` | no other origin is told the path: `no-referrer`, `same-origin`, `strict-origin`, `strict-origin-when-cross-origin`, `origin`, `origin-when-cross-origin` |
/// | framing | `frame-ancestors` of the policy, or `X-Frame-Options` is `DENY` or `SAMEORIGIN` |
///
/// A policy that only reports (`Content-Security-Policy-Report-Only`) restricts nothing. [`SecurityHeaders`] says what can
/// be set otherwise.
///
/// Source: RFC 6797; Content Security Policy Level 3; Referrer Policy; the Fetch standard, section 3.6; RFC 7034.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use synthetic_http::{Http, security_headers};
///
/// let shop = Http::at("https://shop.example");
/// let _page = shop.get("/").expect(security_headers());
/// // What serves JSON only has no scripts; what must be on the preload list says so for a year.
/// let a_year = Duration::from_secs(365 * 86_400);
/// let _api = shop.get("/api/health").expect(security_headers().without_csp().without_framing().hsts(a_year));
/// ```
pub fn security_headers() -> SecurityHeaders {
    SecurityHeaders {
        hsts: Some(Duration::from_secs(180 * 86_400)),
        subdomains: false,
        csp: true,
        directives: Vec::new(),
        sniffing: true,
        referrer: true,
        framing: true,
    }
}

/// Says which headers are wanted; made by [`security_headers`], and given to [`Request::expect`](crate::Request::expect).
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is given to a request"]
pub struct SecurityHeaders {
    hsts: Option<Duration>,
    subdomains: bool,
    csp: bool,
    directives: Vec<(String, String)>,
    sniffing: bool,
    referrer: bool,
    framing: bool,
}

impl SecurityHeaders {
    /// Wants a `max-age` of at least so long, in whole seconds. 180 days unless set.
    pub fn hsts(mut self, at_least: Duration) -> Self {
        self.hsts = Some(at_least);
        self
    }

    /// Wants `includeSubDomains` too. Together with [`without_hsts`](Self::without_hsts) it is a mistake that is found before
    /// anything is sent.
    pub fn hsts_subdomains(mut self) -> Self {
        self.subdomains = true;
        self
    }

    /// Wants no `Strict-Transport-Security`: for a target that is asked by http, where browsers do not heed it.
    pub fn without_hsts(mut self) -> Self {
        self.hsts = None;
        self
    }

    /// Wants a directive of the policy to have exactly these sources, in any order: `csp("object-src", "'none'")`. Called
    /// again, it adds.
    pub fn csp(mut self, directive: impl Into<String>, sources: impl Into<String>) -> Self {
        self.directives.push((directive.into().to_ascii_lowercase(), sources.into()));
        self
    }

    /// Wants no `Content-Security-Policy`, but for the directives that [`csp`](Self::csp) names.
    pub fn without_csp(mut self) -> Self {
        self.csp = false;
        self
    }

    /// Wants no `X-Content-Type-Options`.
    pub fn without_nosniff(mut self) -> Self {
        self.sniffing = false;
        self
    }

    /// Wants no `Referrer-Policy`.
    pub fn without_referrer_policy(mut self) -> Self {
        self.referrer = false;
        self
    }

    /// Wants nothing that says who may put the page into a frame.
    pub fn without_framing(mut self) -> Self {
        self.framing = false;
        self
    }

    /// Returns what is wrong with what is wanted.
    fn defect(&self) -> Option<&'static str> {
        let wanted = [self.hsts.is_some(), self.csp, self.sniffing, self.referrer, self.framing];
        if self.subdomains && self.hsts.is_none() {
            return Some(
                "`hsts_subdomains` wants something of the header that `without_hsts` leaves out: take one of them away",
            );
        }
        let nothing = !wanted.contains(&true) && self.directives.is_empty();
        nothing.then_some("all are left out, so that there is nothing to judge")
    }

    fn unmet(&self, answer: &Response) -> Vec<String> {
        let policies: Vec<Policy> = answer.header_all("content-security-policy").flat_map(Policy::read).collect();
        let directives = self.directives.iter().filter_map(|(name, sources)| csp::unmet(&policies, name, sources));
        [
            self.hsts.and_then(|age| self.transport(answer, age)),
            self.csp.then(|| scripts(answer, &policies)).flatten(),
            self.sniffing.then(|| sniffing(answer)).flatten(),
            self.referrer.then(|| referrer(answer)).flatten(),
            self.framing.then(|| framing(answer, &policies)).flatten(),
        ]
        .into_iter()
        .flatten()
        .chain(directives)
        .collect()
    }

    fn transport(&self, answer: &Response, at_least: Duration) -> Option<String> {
        const NAME: &str = "Strict-Transport-Security";
        let least = at_least.as_secs();
        let subdomains = if self.subdomains { "; includeSubDomains" } else { "" };
        let right = format!("max-age={least}{subdomains} would be right");
        if answer.exchange.tls.is_none() {
            return Some(format!("{NAME}: browsers heed it over https only, and this answer came by http"));
        }
        let values: Vec<&str> = answer.header_all("strict-transport-security").collect();
        let value = match values.as_slice() {
            [] => return Some(format!("{NAME}: missing, {right}")),
            [one] => one,
            // RFC 6797, section 8.1: only the first is processed.
            [one, ..] => return Some(format!("{NAME}: there {} times, of which only {one:?} counts", values.len())),
        };
        let directives: Vec<Parameter<'_>> = split(value, ';').map(Parameter::read).collect();
        let mut names: Vec<String> = directives.iter().map(|one| one.name.to_ascii_lowercase()).collect();
        names.retain(|name| !name.is_empty());
        names.sort();
        // RFC 6797, sections 6.1 and 8.1: browsers ignore the whole.
        if let Some(twice) = names.windows(2).find(|two| two[0] == two[1]) {
            return Some(format!(
                "{NAME}: {value:?} has {} twice, so that browsers ignore all of it, {right}",
                twice[0]
            ));
        }
        let age = directives.iter().find(|one| one.is("max-age")).and_then(|one| one.value.as_deref());
        match age.and_then(|age| age.parse::<u64>().ok()) {
            None => Some(format!("{NAME}: {value:?} has no max-age, {right}")),
            Some(age) if age < least => Some(format!("{NAME}: max-age={age} is too short, {right}")),
            Some(_) if self.subdomains && !directives.iter().any(|one| one.is("includesubdomains")) => {
                Some(format!("{NAME}: {value:?} leaves subdomains out, {right}"))
            }
            Some(_) => None,
        }
    }
}

impl From<SecurityHeaders> for Expectation {
    fn from(wanted: SecurityHeaders) -> Self {
        let defect = wanted.defect().map(str::to_owned);
        that_or("security headers".to_owned(), defect, move |answer: &Response| {
            let unmet = wanted.unmet(answer);
            if unmet.is_empty() { Ok(()) } else { Err(Mismatch::new("are there and strong", unmet.join("\n"))) }
        })
        .of_the_head()
    }
}

fn scripts(answer: &Response, policies: &[Policy]) -> Option<String> {
    const NAME: &str = "Content-Security-Policy";
    if policies.is_empty() {
        let reports = answer.header("content-security-policy-report-only").is_some();
        let but = if reports { " (a policy that only reports restricts nothing)" } else { "" };
        return Some(format!("{NAME}: missing{but}, default-src 'self' would be right"));
    }
    // Each policy is enforced, so one that is strong is enough.
    let weaknesses: Option<Vec<String>> = policies.iter().map(Policy::weakness).collect();
    weaknesses.map(|weak| format!("{NAME}: {}", weak.join("; ")))
}

fn sniffing(answer: &Response) -> Option<String> {
    const NAME: &str = "X-Content-Type-Options";
    let value = answer.header("x-content-type-options");
    // By the Fetch standard the first of a list counts.
    match value.map(|value| value.split(',').next().unwrap_or_default().trim()) {
        None => Some(format!("{NAME}: missing, nosniff would be right")),
        Some(value) if value.eq_ignore_ascii_case("nosniff") => None,
        Some(_) => Some(format!("{NAME}: {:?}, nosniff would be right", value.unwrap_or_default())),
    }
}

fn referrer(answer: &Response) -> Option<String> {
    const NAME: &str = "Referrer-Policy";
    const RIGHT: &str = "strict-origin-when-cross-origin would be right";
    const TIGHT: [&str; 6] = [
        "no-referrer",
        "same-origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
        "origin",
        "origin-when-cross-origin",
    ];
    let values: Vec<&str> = answer.header_list("referrer-policy").collect();
    // The last that a browser knows counts; others are for browsers to come.
    let known =
        |value: &&&str| TIGHT.contains(*value) || matches!(**value, "unsafe-url" | "no-referrer-when-downgrade");
    let lower: Vec<String> = values.iter().map(|value| value.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match lower.iter().rfind(known) {
        _ if values.is_empty() => Some(format!("{NAME}: missing, {RIGHT}")),
        None => Some(format!("{NAME}: no browser knows {:?}, {RIGHT}", values.join(", "))),
        Some(value) if TIGHT.contains(value) => None,
        Some(value) => Some(format!("{NAME}: {value} tells other origins the whole URL, {RIGHT}")),
    }
}

fn framing(answer: &Response, policies: &[Policy]) -> Option<String> {
    const RIGHT: &str =
        "frame-ancestors 'self' in Content-Security-Policy, or X-Frame-Options: SAMEORIGIN, would be right";
    let ancestors: Vec<&[String]> = policies.iter().filter_map(|policy| policy.sources("frame-ancestors")).collect();
    if !ancestors.is_empty() {
        // A browser that knows frame-ancestors does not look at the other header.
        let all_wide = ancestors.iter().all(|sources| sources.iter().any(|source| is_wide(source)));
        return all_wide
            .then(|| format!("framing: frame-ancestors {} lets every site do it, {RIGHT}", ancestors[0].join(" ")));
    }
    match answer.header("x-frame-options").map(str::trim) {
        None => Some(format!("framing: neither frame-ancestors nor X-Frame-Options, {RIGHT}")),
        Some(value) if ["deny", "sameorigin"].contains(&value.to_ascii_lowercase().as_str()) => None,
        Some(value) => Some(format!("framing: X-Frame-Options is {value:?}, which browsers do not heed, {RIGHT}")),
    }
}
