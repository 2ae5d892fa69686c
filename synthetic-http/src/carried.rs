//! What a request carries: its own headers, those of its `Http` at home, and who sends it.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use synthetic_core::cleanup::Mark;
use synthetic_core::{Result, Run, Secret};
use url::Url;
use uuid::Uuid;

use crate::kept::KeptByARun;
use crate::request::Request;
use crate::scope::Scope;
use crate::settings::{Agent, Marking, Settings};
use crate::wire;

/// What the SDK calls itself in `User-Agent`.
pub(crate) const PRODUCT: &str = concat!("synthetic-http/", env!("CARGO_PKG_VERSION"));
/// How many headers a request has that brings none: `User-Agent`, `traceparent`, `Accept`, `Accept-Encoding`, `Host`, and
/// one to spare.
const USUAL_HEADERS: usize = 6;
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Returns what the request carries: its own headers in place of those of its `Http`, which go to its origin only.
pub(crate) async fn headers(
    request: &Request,
    url: &Url,
    scope: &mut Scope<'_>,
    kept: Option<&KeptByARun>,
) -> Result<HeaderMap> {
    let settings = &request.settings;
    let at_home = at_home(settings, url) && !request.as_a_stranger;
    // With room for what is added below and by the layers beneath, which would else make room again and again.
    let mut headers = HeaderMap::with_capacity(settings.headers.len() + request.headers.len() + USUAL_HEADERS);
    if at_home {
        for (name, value) in &settings.headers {
            headers.append(name.clone(), value.clone());
        }
        for auth in &settings.auth {
            auth.add_to(&mut headers, scope).await?;
        }
    }
    for auth in &request.auth {
        auth.add_to(&mut headers, scope).await?;
    }
    if let Some(password) = url.password() {
        let password = percent_encoding::percent_decode_str(password).decode_utf8_lossy();
        scope.keep(&Secret::new("password in the URL", password))?;
    }
    carry_own(&mut headers, request, scope.run(), kept);
    if let Some(run) = scope.run().filter(|_| settings.traceparent && !headers.contains_key(TRACEPARENT))
        && let Some(traceparent) = traceparent(run)
    {
        headers.insert(TRACEPARENT, traceparent);
    }
    Ok(headers)
}

/// Adds what a request says itself, in place of what its `Http` says, and what is said of who sends it.
pub(crate) fn carry_own(headers: &mut HeaderMap, request: &Request, run: Option<&Run>, kept: Option<&KeptByARun>) {
    for name in request.headers.keys() {
        headers.remove(name);
    }
    for (name, value) in &request.headers {
        headers.append(name.clone(), value.clone());
    }
    if let Some(media_type) = &request.media_type {
        headers.entry(CONTENT_TYPE).or_insert_with(|| media_type.clone());
    }
    if !headers.contains_key(USER_AGENT) {
        let agent = match (&request.settings.agent, run) {
            (Agent::None, _) => None,
            (Agent::Fixed(agent), _) => Some(agent.clone()),
            (Agent::Sdk, None) => Some(HeaderValue::from_static(PRODUCT)),
            (Agent::Sdk, Some(run)) => {
                Some(kept.map_or_else(|| agent(run), |kept| kept.agent.get_or_init(|| agent(run)).clone()))
            }
        };
        if let Some(agent) = agent {
            headers.insert(USER_AGENT, agent);
        }
    }
}

/// Returns whether a request goes to the origin of its base URL, or there is none.
pub(crate) fn at_home(settings: &Settings, url: &Url) -> bool {
    settings.base.as_ref().is_none_or(|base| wire::same_origin(base, url))
}

/// Says which run a request belongs to and what it makes, unless it says so itself.
pub(crate) fn mark(headers: &mut HeaderMap, marking: &Marking, run: Option<&Run>, made: Option<&Mark>) {
    let mut add = |name: &Option<HeaderName>, value: &str| {
        if let Some(name) = name.as_ref().filter(|name| !headers.contains_key(*name))
            && let Ok(value) = HeaderValue::try_from(value)
        {
            headers.insert(name.clone(), value);
        }
    };
    if let Some(run) = run {
        add(&marking.run, run.id().hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }
    if let Some(made) = made {
        add(&marking.mark, made.as_str());
    }
}

/// Returns what the SDK calls itself in a run: `synthetic-http/0.1.0 (canary api-health; run 0189…)`.
fn agent(run: &Run) -> HeaderValue {
    let mut id = Uuid::encode_buffer();
    let id = run.id().hyphenated().encode_lower(&mut id);
    let text = [PRODUCT, " (canary ", run.canary(), "; run ", id, ")"].concat();
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(PRODUCT))
}

/// Returns a `traceparent` as W3C Trace Context (level 1, section 3.2) has it: the run's id is the trace id, and the
/// trace is sampled, so that a failed run can be found in the target's traces.
fn traceparent(run: &Run) -> Option<HeaderValue> {
    let (mut trace, mut span) = (Uuid::encode_buffer(), Uuid::encode_buffer());
    let trace = run.id().simple().encode_lower(&mut trace);
    let span = Uuid::from_u64_pair(fastrand::u64(1..), 0).simple().encode_lower(&mut span);
    HeaderValue::try_from(["00-", trace, "-", &span[..16], "-01"].concat()).ok()
}
