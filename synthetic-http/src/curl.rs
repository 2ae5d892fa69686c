//! The command that repeats a request, for whoever has to look into its failure.
//!
//! It is made when a request has failed, of the request as data: one that does not fail costs nothing. What is secret by its
//! value (what the run knows as a secret) or by its name (`Authorization`, `password`, …) is a variable in it, and the whole goes
//! through the run's redactor like every text of a failure.

mod body;
mod json;
mod route;
mod shell;
mod url;
mod variables;

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, RANGE, USER_AGENT};
use synthetic_core::artifact::har::is_credential;
use synthetic_core::cleanup::Mark;
use synthetic_core::secret::Redactor;
use synthetic_core::{Failure, Run};

pub(crate) use self::shell::Word;
pub(crate) use self::variables::{Form, Variables};
use crate::auth;
use crate::carried::{at_home, carry_own, mark};
use crate::request::Request;
use crate::send::{AGES, goes_to};
use crate::wire::Over;

/// What of a request was decided only when it was sent.
#[derive(Clone, Default)]
pub(crate) struct AsSent {
    /// The value of `Cookie`, of the first hop.
    pub(crate) cookies: Option<HeaderValue>,
    /// What was made by it.
    pub(crate) mark: Option<Mark>,
    /// Redirects were followed.
    pub(crate) redirected: bool,
    pub(crate) over: Over,
    /// Its answer was taken as it came.
    pub(crate) as_it_is: bool,
}

/// Adds the command that repeats a request to the failure of that request, as its last evidence; not to an error of our own,
/// which no request of a curl would show.
pub(crate) fn with_command(
    failure: Failure,
    request: &Request,
    sent: &AsSent,
    run: Option<&Run>,
    redactor: Option<&Redactor>,
) -> Failure {
    if failure.is_error() { failure } else { add_command(failure, request, sent, run, redactor) }
}

/// Adds the command that repeats a request to any failure.
pub(crate) fn add_command(
    failure: Failure,
    request: &Request,
    sent: &AsSent,
    run: Option<&Run>,
    redactor: Option<&Redactor>,
) -> Failure {
    let redactor = run.map(|run| run.secrets().redactor()).or(redactor);
    let Some(command) = command(request, sent, run, redactor) else { return failure };
    // Scrubbed before it can be cut: half a secret is not recognised.
    let command = redactor.map(|redactor| redactor.redact(&command).into_owned()).unwrap_or(command);
    failure.evidence("curl", command)
}

fn command(request: &Request, sent: &AsSent, run: Option<&Run>, redactor: Option<&Redactor>) -> Option<String> {
    let url = goes_to(request).ok()?;
    let method = Method::from_bytes(request.method.as_bytes()).ok()?;
    let mut variables = Variables::new(redactor);
    let settings = &request.settings;
    let home = at_home(settings, &url) && !request.as_a_stranger;

    let mut headers = if home { settings.headers.clone() } else { HeaderMap::new() };
    let mut credentials = credentials(request, home, &mut headers, &mut variables);
    for name in request.headers.keys() {
        credentials.retain(|(known, _)| known != name);
    }
    carry_own(&mut headers, request, run, None);
    if at_home(settings, &url) && !request.only_reads && crate::fate::changes_something(&method) {
        mark(&mut headers, &settings.marking, run, sent.mark.as_ref());
    }
    if !headers.contains_key(AUTHORIZATION)
        && credentials.iter().all(|(name, _)| name != AUTHORIZATION)
        && let Some(user) = url::user(&url, &mut variables)
    {
        credentials.push((AUTHORIZATION, vec!["--user".to_owned(), user.quoted()]));
    }

    let data = body::data(request, &mut headers, &mut variables);
    let mut flags = vec!["curl --include".to_owned()];
    let is_implied = if data.options.is_empty() { method == Method::GET } else { method == Method::POST };
    match method {
        Method::HEAD if data.options.is_empty() => flags.push("--head".to_owned()),
        _ if is_implied => {}
        _ => flags.push(["--request ", &Word::text(method.as_str()).quoted()].concat()),
    }
    if let Some(time) = seconds(request.timeout.unwrap_or(settings.timeout)) {
        flags.push(format!("--max-time {time}"));
    }
    let before_redirects = flags.len();
    let decodes = cfg!(feature = "compression") && !sent.as_it_is;
    if decodes && !headers.contains_key(ACCEPT_ENCODING) && !headers.contains_key(RANGE) {
        flags.push("--compressed".to_owned());
    }
    let route = route::route(request, &url, &headers, sent.over, &mut variables);
    flags.extend(route.flags);
    let target = url::target(&route.url, &mut variables);
    if target.may_be_globbed {
        flags.push("--globoff".to_owned());
    }

    let mut lines = route.options;
    if !headers.contains_key(USER_AGENT) {
        lines.push("--header user-agent:".to_owned());
    }
    let cookies = sent.cookies.clone().or_else(|| headers.get(COOKIE).cloned());
    // To another origin, the SDK leaves all of these behind, and curl only `Authorization` and cookies.
    let mut would_leak: Vec<HeaderName> =
        credentials.iter().map(|(name, _)| name).filter(|name| **name != AUTHORIZATION).cloned().collect();
    for (name, value) in headers.iter().filter(|(name, _)| *name != COOKIE) {
        let word = header(name, value, &mut variables);
        if word.has_variables() && name != AUTHORIZATION {
            would_leak.push(name.clone());
        }
        lines.push(["--header ", &word.quoted()].concat());
    }
    lines.extend(credentials.into_iter().map(|(_, options)| options.join(" ")));
    if let Some(cookies) = cookies {
        lines.push(["--cookie ", &cookie(&cookies, &mut variables).quoted()].concat());
    }
    if sent.redirected && settings.cookies {
        // What an answer on the way sets is sent on.
        lines.push("--cookie ''".to_owned());
    }
    lines.extend(data.options);
    lines.push(target.word.quoted());

    let redirects = request.max_redirects.unwrap_or(settings.max_redirects);
    let mut not_followed = None;
    if redirects > 0 && would_leak.is_empty() {
        flags.insert(before_redirects, format!("--location --max-redirs {redirects}"));
    } else if redirects > 0 && sent.redirected {
        let names = would_leak.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
        not_followed = Some(format!("# the redirect is not followed: curl would send {names} to another origin too"));
    }
    lines.insert(0, flags.join(" "));

    let mut text = String::new();
    for note in variables.told().chain(route.notes).chain(not_followed).chain(data.notes) {
        text.extend([&note, "\n"]);
    }
    if let Some(print) = data.piped {
        text.extend([&print, " |\n"]);
    }
    Some(text + &lines.join(" \\\n  "))
}

/// Returns the options by which the request shows who it is, by the header that each stands for; that header is no longer
/// among `headers`.
fn credentials(
    request: &Request,
    home: bool,
    headers: &mut HeaderMap,
    variables: &mut Variables<'_>,
) -> Vec<(HeaderName, Vec<String>)> {
    let of_all = request.settings.auth.iter().filter(|_| home);
    let mut all: Vec<(HeaderName, Vec<String>)> = Vec::new();
    let mut put = |name: HeaderName, options: Vec<String>| {
        headers.remove(&name);
        all.retain(|(known, _)| *known != name);
        all.push((name, options));
    };
    // Only the last of a header is sent, so that only its secret is asked for.
    let every: Vec<_> = of_all.chain(&request.auth).collect();
    for (at, auth) in every.iter().enumerate() {
        let name = auth.header();
        if every[at + 1..].iter().all(|later| later.header() != name || later.signs()) && !auth.signs() {
            auth.to_curl(variables).into_iter().for_each(|(name, options)| put(name, options));
        }
    }
    if let Some(signer) = auth::signer(request, home) {
        signer.to_curl(variables).into_iter().for_each(|(name, options)| put(name, options));
    }
    all
}

/// Returns `name: value`; of a header that carries a credential, the value is a variable.
fn header(name: &HeaderName, value: &HeaderValue, variables: &mut Variables<'_>) -> Word {
    let bytes = value.as_bytes();
    // To curl, a header without a value is one to leave out.
    if bytes.is_empty() {
        return Word::text([name.as_str(), ";"].concat());
    }
    let word = Word::text([name.as_str(), ": "].concat());
    if !is_credential(name.as_str()) {
        return word.then(variables.hide(bytes, Form::Plain));
    }
    // `Bearer` and its kin are no secret.
    let scheme = match bytes.iter().position(|byte| *byte == b' ') {
        Some(at) if name.as_str().ends_with("authorization") => at + 1,
        _ => 0,
    };
    let (scheme, value) = bytes.split_at(scheme);
    word.then_text(scheme).then(variables.by_name("header", name.as_str(), value, Form::Plain))
}

/// Returns cookies with their names, and a variable for each value.
fn cookie(cookies: &HeaderValue, variables: &mut Variables<'_>) -> Word {
    let mut word = Word::default();
    for (at, pair) in cookies.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii).enumerate() {
        if at > 0 {
            word = word.then_text("; ");
        }
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => pair.split_at(at + 1),
            None => (pair, &[][..]),
        };
        let called = String::from_utf8_lossy(name.strip_suffix(b"=").unwrap_or(name)).into_owned();
        word = word.then_text(name).then(variables.by_name("cookie", &called, value, Form::Plain));
    }
    word
}

/// Returns a time in seconds, to the millisecond, unless it is as good as endless.
fn seconds(time: Duration) -> Option<String> {
    if time >= AGES {
        return None;
    }
    let ms = time.as_millis().max(1);
    let (whole, rest) = (ms / 1000, ms % 1000);
    Some(if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}").trim_end_matches('0').to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_seconds() {
        for (ms, written) in [(10_000, "10"), (150, "0.15"), (1_001, "1.001"), (0, "0.001")] {
            assert_eq!(seconds(Duration::from_millis(ms)).as_deref(), Some(written));
        }
        assert_eq!(seconds(Duration::MAX), None);
    }
}
