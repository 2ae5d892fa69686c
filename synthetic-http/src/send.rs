//! Sends a request, judges its answer, and records both in the run.

use std::time::Duration;

use reqwest::Method;
use synthetic_core::artifact::Keep;
use synthetic_core::cleanup::Creation;
use synthetic_core::report::{Certificate, RequestReport};
use synthetic_core::{Failure, Reason, Result, Run};
use tokio::time::Instant;
use url::Url;

use crate::archive::{keep_answered, keep_failed};
use crate::auth;
use crate::carried::{at_home, headers, mark};
use crate::curl::{AsSent, with_command};
use crate::expect::{Expectation, status};
use crate::explain::{Deadline, no_answer, times};
use crate::fate::{self, Attempt, changes_something};
use crate::kept::{KeptByARun, client_of};
use crate::measure::{earliest_expiry, phases, version};
use crate::renewal;
use crate::request::Request;
use crate::response::Response;
use crate::scope::Scope;
use crate::template::template;
use crate::wire::{self, Client, Exchange, Failed};

/// As good as never, and yet a moment that can be counted with.
pub(crate) const AGES: Duration = Duration::from_secs(30 * 365 * 86_400);

/// # Sending
impl Request {
    /// Sends the request and judges its answer.
    ///
    /// Within a run it is recorded in the step that is current, and so is what failed. Outside of any run it works just
    /// the same.
    ///
    /// # Errors
    ///
    /// Returns one failure with everything that was expected and not met
    /// ([`Reason::Expectation`](synthetic_core::Reason::Expectation)); or why there was no answer, in a line that names
    /// the phase (`connect to 127.0.0.1:1 refused`), with the reason `Dns`, `Connect`, `Tls`, `Protocol` or `Timeout`; or
    /// what is wrong with the request itself, as an error of our own (`Setup`).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection and records nothing. The target may or may not have done what it was
    /// asked.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time and IO enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::Http;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let failure = Http::at("http://127.0.0.1:1").get("/health").send().await.unwrap_err();
    /// assert_eq!(failure.to_string(), "GET /health: connect to 127.0.0.1:1 refused");
    /// # }
    /// ```
    pub async fn send(self) -> Result<Response> {
        // In boxes, here and beneath: a body with many requests stays small, and memory of this size is had again, still
        // warm, where that of several kilobytes would be new for every run.
        Box::pin(send(self)).await
    }
}

async fn send(request: Request) -> Result<Response> {
    let answer = {
        let mut scope = Scope::of(&request, request.place);
        if let Some(run) = scope.run() {
            run.count_check();
        }
        let (mut earlier, mut tried) = (None, Tried::default());
        loop {
            match send_once(&request, &mut scope, earlier, &mut tried).await? {
                Sent::Answered(answer) => break answer,
                Sent::ToBeSentAgain(deadline) => earlier = Some(deadline),
            }
        }
    };
    Ok(answer.to(request))
}

/// Sends a request for the first time, or once more by the deadline that it had `earlier`.
async fn send_once(
    request: &Request,
    scope: &mut Scope<'_>,
    earlier: Option<Deadline>,
    tried: &mut Tried,
) -> Result<Sent> {
    let mut attempt = Attempt::begin(request.counts_as());
    let kept = scope.run().map(Run::extension::<KeptByARun>);
    let kept = kept.as_deref();
    let Prepared { client, outgoing, name, label, deadline, at_home } =
        prepare(request, scope, &attempt, kept, earlier).await?;

    let mut report = RequestReport::new(request.method.clone(), label);
    attempt.sent();
    match Box::pin(client.send(outgoing)).await {
        Ok(mut exchange) => {
            keep_answered(scope.run(), &request.settings, &mut exchange);
            attempt.answered(exchange.status.as_u16(), exchange.hops.len());
            describe(&mut report, &exchange);
            let made = attempt.creation().map(|creation| creation.mark().clone());
            let answer = Response::new(name, exchange, scope.redactor().cloned()).that_made(made);
            if has_other_credentials(request, at_home, &answer, scope, kept, &mut report, deadline, tried).await {
                record(scope.run(), report);
                return Ok(Sent::ToBeSentAgain(deadline));
            }
            let judged = judge(request, &answer, scope.run());
            report.reason = judged.as_ref().err().map(Failure::reason);
            record(scope.run(), report);
            match judged {
                Ok(()) => Ok(Sent::Answered(answer)),
                Err(failure) => {
                    let failure = with_command(failure, request, &answer.as_sent(), scope.run(), scope.redactor());
                    Err(scope.raise(failure))
                }
            }
        }
        Err(mut failed) => {
            keep_failed(scope.run(), &request.settings, &mut failed);
            attempt.failed(&failed);
            let failure = no_answer(&name, &failed, deadline);
            describe_failed(&mut report, &failed, failure.reason());
            record(scope.run(), report);
            let sent = AsSent {
                cookies: failed.trail.cookies.clone(),
                mark: attempt.creation().map(|creation| creation.mark().clone()),
                redirected: !failed.trail.hops.is_empty(),
                ..AsSent::default()
            };
            Err(scope.raise(with_command(failure, request, &sent, scope.run(), scope.redactor())))
        }
    }
}

/// A request that is ready to be sent.
pub(crate) struct Prepared {
    pub(crate) client: Client,
    pub(crate) outgoing: wire::Request,
    /// `POST /orders`, as failures name it.
    pub(crate) name: String,
    /// The path, as metrics show it.
    pub(crate) label: String,
    pub(crate) deadline: Deadline,
    /// It goes where its `Http` shows who it is.
    pub(crate) at_home: bool,
}

/// Makes a request ready to be sent, or says why it cannot be.
pub(crate) async fn prepare(
    request: &Request,
    scope: &mut Scope<'_>,
    attempt: &Attempt,
    kept: Option<&KeptByARun>,
    earlier: Option<Deadline>,
) -> Result<Prepared> {
    let settings = &request.settings;
    let deadline = earlier.unwrap_or_else(|| deadline(request.timeout.unwrap_or(settings.timeout), scope.run()));
    scope.ends_at(deadline);
    if let Some(problem) = settings.problem.as_ref().or(request.problem.as_ref()) {
        return Err(scope.setup(problem));
    }
    let url = goes_to(request).map_err(|problem| scope.setup(&problem))?;
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| scope.setup(&format!("{:?} is no method: use letters only", request.method)))?;
    let changes = !request.only_reads && changes_something(&method);
    let test_hosts = settings.test_hosts.as_ref().filter(|_| changes);
    if let Some(refusal) = test_hosts.and_then(|hosts| hosts.refusal(&url)) {
        return Err(scope.setup(&refusal));
    }
    let (client, jar) = client_of(settings, kept).map_err(|error| scope.setup(&error.to_string()))?;
    let mut headers = headers(request, &url, scope, kept).await?;
    if changes && at_home(settings, &url) {
        mark(&mut headers, &settings.marking, scope.run(), attempt.creation().map(Creation::mark));
    }
    let name = [method.as_str(), " ", url.path()].concat();
    let label = template(request.template.as_deref(), &url);

    let body = match &request.upload {
        None => request.body.clone(),
        Some(upload) => {
            let read = upload.read(request.max_upload, deadline.at).await;
            read.map_err(|problem| scope.setup(&problem))?
        }
    };
    let at_home = at_home(settings, &url) && !request.as_a_stranger;
    auth::sign(request, at_home, &mut headers, scope, (&method, &url, &body)).await?;
    let mut outgoing = wire::Request::new(method, url);
    outgoing.headers = headers;
    outgoing.body = body;
    outgoing.test_hosts = settings.test_hosts.clone().filter(|_| !request.only_reads);
    outgoing.deadline = Some(deadline.at);
    outgoing.max_body = request.max_body.unwrap_or(settings.max_body);
    outgoing.max_redirects = request.max_redirects.unwrap_or(settings.max_redirects);
    outgoing.keep_legs = scope.run().is_some() && settings.archive != Keep::Never;
    outgoing.identity = at_home;
    outgoing.jar = jar.filter(|_| !request.as_a_stranger).map(|jar| jar as _);
    Ok(Prepared { client, outgoing, name, label, deadline, at_home })
}

/// Returns where a request goes.
pub(crate) fn goes_to(request: &Request) -> Result<Url, String> {
    let mut url = request.url()?;
    if request.as_a_stranger {
        // Setting them fails only where a URL cannot have them, and an http URL can.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
    }
    Ok(url)
}

/// What was done about refusals of one request: each is done once, so that it is sent three times at most.
#[derive(Default)]
pub(crate) struct Tried {
    /// A challenge was answered.
    #[cfg(feature = "digest")]
    challenge: bool,
    /// Credentials were asked for anew.
    renewal: bool,
}

/// Returns whether a request that was answered can be sent once more with other credentials: it was refused, and was
/// challenged for them or has new ones by now. A challenge is answered with what is known before anything is asked for anew.
#[expect(clippy::too_many_arguments, reason = "it is one step of two loops, and takes what they go on with")]
pub(crate) async fn has_other_credentials(
    request: &Request,
    at_home: bool,
    answer: &Response,
    scope: &mut Scope<'_>,
    kept: Option<&KeptByARun>,
    report: &mut RequestReport,
    deadline: Deadline,
    tried: &mut Tried,
) -> bool {
    if !renewal::is_refusal(request, answer) {
        return false;
    }
    // The challenge is kept in any case: one that comes with the refusal of an answer is what the next one must answer.
    #[cfg(feature = "digest")]
    if auth::is_challenged(request, at_home, &answer.exchange.headers, scope)
        && !std::mem::replace(&mut tried.challenge, true)
    {
        scope.carries_nothing();
        return true;
    }
    #[cfg(not(feature = "digest"))]
    let _ = at_home;
    let Some(kept) = kept else { return false };
    if std::mem::replace(&mut tried.renewal, true) {
        return false;
    }
    let are_there = renewal::renew(scope, &kept.renewed, &answer.name, deadline.at).await;
    if are_there {
        report.reason = Some(Reason::Expectation);
    }
    are_there
}

/// What became of a request that was answered.
#[expect(clippy::large_enum_variant, reason = "it lives for a moment, and nearly always is the large one")]
enum Sent {
    Answered(Response),
    /// The target refused its credentials, and there are others by now. They have no more time than it had.
    ToBeSentAgain(Deadline),
}

pub(crate) fn record(run: Option<&Run>, report: RequestReport) {
    if let Some(run) = run {
        run.record_request(report);
    }
}

/// Returns when the request must be done: in its own time, and a little before the time of the run and of its step is
/// up, so that the failure can still say what it was waiting for.
pub(crate) fn deadline(timeout: Duration, run: Option<&Run>) -> Deadline {
    let now = Instant::now();
    let own = Deadline { at: now + timeout.min(AGES), timeout, of_the_run: false };
    let Some(run) = run.filter(|run| !run.is_cleaning_up()) else { return own };
    let run = run.deadline();
    let reserve = (run.saturating_duration_since(now) / 20).min(Duration::from_millis(100));
    let run = run - reserve;
    if run < own.at { Deadline { at: run, timeout: run.saturating_duration_since(now), of_the_run: true } } else { own }
}

/// Judges everything that is expected; one failure lists all that is unmet. Preferences are recorded as they are judged.
pub(crate) fn judge(request: &Request, answer: &Response, run: Option<&Run>) -> Result {
    let mut unmet: Option<Failure> = None;
    let mut also = Vec::new();
    let default = (!request.demands().any(Expectation::is_of_the_status)).then(|| status(200..=299));
    for expectation in default.iter().chain(request.demands()).filter(|each| answer.can_be_judged_by(each)) {
        let Err(mismatch) = expectation.judge(answer) else { continue };
        let subject = format!("{} of {}", expectation.subject(), answer.name);
        if unmet.is_none() {
            unmet = Some(Failure::mismatch(subject, mismatch));
        } else {
            also.push(format!("{subject}: {mismatch}"));
        }
    }
    for preference in request.wishes().filter(|each| answer.can_be_judged_by(each)) {
        let Err(mismatch) = preference.judge(answer) else { continue };
        if let Some(run) = run {
            let subject = format!("{} of {}", preference.subject(), answer.name);
            let unmet = Failure::mismatch(subject, mismatch).at(request.place);
            let unmet = unmet.evidence("request", answer.request()).evidence("answer", answer.head());
            run.raise_preference(unmet.evidence("times", times(&answer.exchange.phases)));
        }
    }
    let Some(mut failure) = unmet else { return Ok(()) };
    if answer.exchange.hops.is_empty() {
        failure = failure.with_fate(fate::of_status(answer.status()));
    }
    if !also.is_empty() {
        failure = failure.evidence("also", also.join("\n"));
    }
    let exchange = &answer.exchange;
    failure = answer.with_evidence(failure);
    if exchange.redirect_limit_reached {
        let followed = match exchange.hops.len() {
            1 => "1 redirect was followed, which is the most allowed".to_owned(),
            more => format!("{more} redirects were followed, which is the most allowed"),
        };
        failure = failure.hint(format!("{followed}: is it a loop? if more are expected, raise `max_redirects`"));
    }
    Err(failure)
}

pub(crate) fn describe(report: &mut RequestReport, exchange: &Exchange) {
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

pub(crate) fn describe_failed(report: &mut RequestReport, failed: &Failed, reason: Reason) {
    let trail = &failed.trail;
    report.status = trail.status.map(|status| status.as_u16());
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
