//! Sends a request, judges its answer, and records both in the run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use synthetic_core::report::{Certificate, RequestReport};
use synthetic_core::{Failure, Reason, Result, Run};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::expect::{Expectation, status};
use crate::http::{Agent, Http};
use crate::request::Request;
use crate::response::{Response, earliest_expiry, phases, version};
use crate::template::template;
use crate::wire::{self, Client, Exchange, Failed, Kind, Limits, Phase, Redirects};

/// What the SDK calls itself in `User-Agent`.
const PRODUCT: &str = concat!("synthetic-http/", env!("CARGO_PKG_VERSION"));
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

pub(crate) async fn send(request: Request) -> Result<Response> {
    let run = Run::current();
    if let Some(run) = &run {
        run.count_check();
    }
    let raise = |failure: Failure| match &run {
        Some(run) => run.raise(failure),
        None => failure,
    };
    let setup = |problem: String| {
        let name = format!("{} {}", request.method, request.path);
        raise(Failure::setup(format!("{name} cannot be sent: {problem}")).at(request.place))
    };
    let settings = request.http.settings();
    if let Some(problem) = settings.problem.as_ref().or(request.problem.as_ref()) {
        return Err(setup(problem.clone()));
    }
    let url = request.url().map_err(setup)?;
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| setup(format!("{:?} is no method", request.method)))?;
    let client = client_of(&request.http, run.as_ref()).map_err(|error| setup(error.to_string()))?;
    let headers = headers(&request, &url, run.as_ref()).await?;
    let name = [method.as_str(), " ", url.path()].concat();
    let label = template(request.template.as_deref(), &url);

    let mut outgoing = wire::Request::new(method, url);
    outgoing.headers = headers;
    outgoing.body = request.body.clone();
    outgoing.deadline = Some(deadline(request.timeout.unwrap_or(settings.timeout), run.as_ref()));
    outgoing.limits = Limits { max_body_decoded: request.max_body.unwrap_or(settings.max_body), ..Limits::default() };
    outgoing.redirects = Redirects { max: request.max_redirects.unwrap_or(settings.max_redirects) };

    let mut report = RequestReport::new(request.method.clone(), label);
    match client.send(outgoing).await {
        Ok(exchange) => {
            describe(&mut report, &exchange);
            let answer = Response::new(name, exchange);
            let judged = judge(&request, &answer, run.as_ref());
            report.reason = judged.as_ref().err().map(Failure::reason);
            record(run.as_ref(), report);
            judged.map_err(raise)?;
            Ok(answer)
        }
        Err(failed) => {
            let failure = no_answer(&name, &failed).at(request.place);
            describe_failed(&mut report, &failed, failure.reason());
            record(run.as_ref(), report);
            Err(raise(failure))
        }
    }
}

fn record(run: Option<&Run>, report: RequestReport) {
    if let Some(run) = run {
        run.record_request(report);
    }
}

/// The clients of a run: connections are fresh for every run, and used again within it.
#[derive(Default)]
struct ClientsOfARun(Mutex<Vec<(Http, Client)>>);

fn client_of(http: &Http, run: Option<&Run>) -> Result<Client, wire::WireError> {
    let shared = http.settings().client().map_err(Clone::clone)?;
    let Some(run) = run.filter(|_| !http.settings().reuse_across_runs) else { return Ok(shared.clone()) };
    let clients: Arc<ClientsOfARun> = run.extension();
    let mut clients = clients.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, client)) = clients.iter().find(|(known, _)| known.identity() == http.identity()) {
        return Ok(client.clone());
    }
    let client = shared.fresh();
    // The `Http` is kept so that no other one can have its address while the run lasts.
    clients.push((http.clone(), client.clone()));
    Ok(client)
}

/// Returns what the request carries: its own headers in place of those of its `Http`, which go to its origin only.
async fn headers(request: &Request, url: &Url, run: Option<&Run>) -> Result<HeaderMap> {
    let settings = request.http.settings();
    let at_home = settings.base.as_ref().is_some_and(|base| base.origin() == url.origin());
    let mut headers = if at_home { settings.headers.clone() } else { HeaderMap::new() };
    if at_home {
        for auth in &settings.auth {
            auth.add_to(&mut headers, run).await?;
        }
    }
    for auth in &request.auth {
        auth.add_to(&mut headers, run).await?;
    }
    for name in request.headers.keys() {
        headers.remove(name);
    }
    for (name, value) in &request.headers {
        headers.append(name.clone(), value.clone());
    }
    if !headers.contains_key(USER_AGENT) {
        let agent = match (&settings.agent, run) {
            (Agent::None, _) => None,
            (Agent::Fixed(agent), _) => Some(agent.clone()),
            (Agent::Sdk, Some(run)) => Some(run.extension::<Identity>().agent(run)),
            (Agent::Sdk, None) => Some(HeaderValue::from_static(PRODUCT)),
        };
        headers.extend(agent.map(|agent| (USER_AGENT, agent)));
    }
    if let Some(run) = run.filter(|_| settings.traceparent && !headers.contains_key(TRACEPARENT)) {
        headers.extend(traceparent(run).map(|value| (TRACEPARENT, value)));
    }
    Ok(headers)
}

/// What all requests of a run say of who sent them.
#[derive(Default)]
struct Identity(std::sync::OnceLock<HeaderValue>);

impl Identity {
    fn agent(&self, run: &Run) -> HeaderValue {
        let text = || {
            let mut id = Uuid::encode_buffer();
            let id = run.id().hyphenated().encode_lower(&mut id);
            let text = [PRODUCT, " (canary ", run.canary(), "; run ", id, ")"].concat();
            HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(PRODUCT))
        };
        self.0.get_or_init(text).clone()
    }
}

/// Returns a `traceparent` as W3C Trace Context (level 1, section 3.2) has it: the run's id is the trace id, and the
/// trace is sampled, so that a failed run can be found in the target's traces.
fn traceparent(run: &Run) -> Option<HeaderValue> {
    let (mut trace, mut span) = (Uuid::encode_buffer(), Uuid::encode_buffer());
    let trace = run.id().simple().encode_lower(&mut trace);
    let span = Uuid::from_u64_pair(fastrand::u64(1..), 0).simple().encode_lower(&mut span);
    HeaderValue::try_from(["00-", trace, "-", &span[..16], "-01"].concat()).ok()
}

/// Returns when the request must be done: in its own time, and a little before the run's is up, so that the failure can
/// still say what it was waiting for.
fn deadline(timeout: Duration, run: Option<&Run>) -> Instant {
    let own = Instant::now() + timeout;
    let Some(run) = run.filter(|run| !run.is_cleaning_up()) else { return own };
    let reserve = (run.time_left() / 20).min(Duration::from_millis(100));
    own.min(run.deadline() - reserve)
}

/// Judges everything that is expected; one failure lists all that is unmet. Preferences are recorded as they are judged.
fn judge(request: &Request, answer: &Response, run: Option<&Run>) -> Result {
    let mut unmet: Option<Failure> = None;
    let default = (!request.expected.iter().any(Expectation::is_of_the_status)).then(|| status(200..=299));
    for expectation in default.iter().chain(&request.expected) {
        let Err(mismatch) = expectation.judge(answer) else { continue };
        let subject = format!("{} of {}", expectation.subject(), answer.name);
        unmet = Some(match unmet {
            None => Failure::mismatch(subject, mismatch).at(request.place),
            Some(first) => first.evidence("also", format!("{subject}: {mismatch}")),
        });
    }
    for preference in &request.preferred {
        let Err(mismatch) = preference.judge(answer) else { continue };
        if let Some(run) = run {
            let subject = format!("{} of {}", preference.subject(), answer.name);
            run.raise_preference(Failure::mismatch(subject, mismatch).at(request.place));
        }
    }
    match unmet {
        None => Ok(()),
        Some(mut failure) => {
            if answer.exchange.redirect_limit_reached {
                failure = failure.evidence("redirects", "there were more than are followed: see `max_redirects`");
            }
            Err(failure.evidence("answer", answer.excerpt()).evidence("times", times(&answer.exchange.phases)))
        }
    }
}

/// Says why there was no answer, with how far the request came.
fn no_answer(name: &str, failed: &Failed) -> Failure {
    let Failed { error, trail } = failed;
    let mut failure = Failure::with_reason(reason(error), format!("{name}: {error}"));
    let times = times(&trail.phases);
    if !times.is_empty() {
        failure = failure.evidence("times", times);
    }
    if !trail.hops.is_empty() {
        let hops = trail.hops.iter().map(|hop| format!("{} {}", hop.status.as_u16(), wire::shown(&hop.url)));
        failure = failure.evidence("redirects", hops.collect::<Vec<_>>().join("\n"));
    }
    match advice(error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn reason(error: &wire::WireError) -> Reason {
    match (error.kind(), error.phase()) {
        (Kind::Timeout, _) => Reason::Timeout,
        (Kind::BadRequest | Kind::Roots | Kind::Local, _) | (_, Phase::Setup) => Reason::Setup,
        (_, Phase::Resolve) => Reason::Dns,
        (_, Phase::Connect) => Reason::Connect,
        (_, Phase::Tls) => Reason::Tls,
        (_, Phase::Processing | Phase::Transfer | Phase::Redirect) => Reason::Protocol,
    }
}

fn advice(error: &wire::WireError) -> Option<&'static str> {
    Some(match error.kind() {
        Kind::Refused => "nothing listens there: is the service up, and is this its port?",
        Kind::NotFound => "the name is not in DNS: was it removed, or is it misspelt?",
        Kind::CertificateExpired => "renew the certificate: every client refuses it now",
        Kind::UntrustedIssuer | Kind::SelfSigned => {
            "if the certificate is meant to be issued by an authority of your own, trust it with `Http::trust_pem`"
        }
        Kind::BodyTooLarge { .. } => "if a body of this size is expected, allow it with `max_body`",
        Kind::Roots => "install the platform's CA certificates, or trust one with `Http::trust_pem`",
        _ => return None,
    })
}

/// Returns the phases in words: `resolve 1.2 ms, connect 0.4 ms`.
fn times(wire: &wire::Phases) -> String {
    let took =
        |(name, took): (&str, Option<Duration>)| took.map(|took| format!("{name} {:.1} ms", took.as_secs_f64() * 1e3));
    phases(wire).named().into_iter().filter_map(took).collect::<Vec<_>>().join(", ")
}

fn describe(report: &mut RequestReport, exchange: &Exchange) {
    report.status = Some(exchange.status.as_u16());
    report.duration = exchange.elapsed;
    report.phases = phases(&exchange.phases);
    report.size = exchange.body.len() as u64;
    report.redirects = u32::try_from(exchange.hops.len()).unwrap_or(u32::MAX);
    report.protocol = Some(version(exchange.version).into());
    report.peer = exchange.remote_addr;
    report.reused = exchange.connection == wire::Connection::Reused;
    report.certificate = certificate(&exchange.final_url, exchange.tls.as_ref());
}

fn describe_failed(report: &mut RequestReport, failed: &Failed, reason: Reason) {
    let trail = &failed.trail;
    report.reason = Some(reason);
    report.duration = trail.elapsed;
    report.phases = phases(&trail.phases);
    report.redirects = u32::try_from(trail.hops.len()).unwrap_or(u32::MAX);
    report.peer = trail.remote_addr;
    report.reused = trail.connection == Some(wire::Connection::Reused);
    report.certificate = certificate(&trail.url, trail.tls.as_ref());
}

fn certificate(url: &Url, tls: Option<&wire::TlsInfo>) -> Option<Certificate> {
    Some(Certificate::new(url.host_str()?, earliest_expiry(tls)?))
}
