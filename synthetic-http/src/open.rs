//! Sends a request whose answer is taken piece by piece: its head is judged, its body is still to come.

use std::time::Duration;

use synthetic_core::report::RequestReport;
use synthetic_core::{Result, Run};
use tokio::time::Instant;

use crate::account::Account;
use crate::archive::{keep_failed, keep_streamed};
use crate::curl::{AsSent, with_command};
use crate::expect::Expectation;
use crate::explain::no_answer;
use crate::fate::Attempt;
use crate::kept::KeptByARun;
use crate::request::Request;
use crate::response::Response;
use crate::scope::Scope;
use crate::send::{Prepared, Tried, describe, describe_failed, has_other_credentials, judge, prepare, record};
use crate::wire::{self, Exchange, Over};

/// How much of a body that is not wanted a failure is given, and how long that may take.
const EXCERPT: (usize, Duration) = (4096, Duration::from_millis(500));

/// An answer whose head is as expected, and whose body is still to come.
pub(crate) struct Answer {
    pub(crate) head: Exchange,
    pub(crate) response: reqwest::Response,
    pub(crate) account: Account,
}

/// Sends a request and judges the head of its answer.
///
/// # Errors
///
/// As of [`Request::send`]. An expectation that judges more than the head is refused before anything is sent: of a body that
/// never is there as a whole it would judge nothing.
pub(crate) async fn open(request: Request, over: Over) -> Result<Answer> {
    let Begun { mut opened, answer, judged, mut account } = {
        let mut scope = Scope::of(&request, request.place);
        if let Some(run) = scope.run() {
            run.count_check();
        }
        if let Some(other) = request.expected.iter().chain(&request.preferred).find(|other| !other.is_of_the_head()) {
            return Err(scope.setup(&format!(
                "what is expected of {} is judged on a whole answer, and this one comes piece by piece: expect it of the pieces",
                other.subject()
            )));
        }
        begin(&request, over, &mut scope).await?
    };
    account.request = Some(Box::new(request));
    if let Err(failure) = judged {
        let left = account.deadline.at.saturating_duration_since(Instant::now());
        let body = wire::excerpt(&mut opened, EXCERPT.0, EXCERPT.1.min(left)).await;
        let failure = match String::from_utf8_lossy(&body) {
            text if text.is_empty() => failure,
            text if text.contains('\0') => failure.evidence("body", format!("{} bytes that are no text", body.len())),
            text => failure.evidence("body", account.shown(&text)),
        };
        return Err(account.raise(failure));
    }
    Ok(Answer { head: answer.exchange, response: opened, account })
}

/// A request whose head is there, and judged.
struct Begun {
    opened: reqwest::Response,
    answer: Response,
    judged: Result,
    account: Account,
}

async fn begin(request: &Request, over: Over, scope: &mut Scope<'_>) -> Result<Begun> {
    let kept = scope.run().map(Run::extension::<KeptByARun>);
    let kept = kept.as_deref();
    let (mut earlier, mut tried) = (None, Tried::default());
    loop {
        let mut attempt = Attempt::begin(request.counts_as());
        let Prepared { client, mut outgoing, name, label, deadline, at_home } =
            prepare(request, scope, &attempt, kept, earlier).await?;
        // What is taken piece by piece is taken as it comes.
        outgoing.decode = false;
        outgoing.over = over;
        let mut sent = AsSent {
            mark: attempt.creation().map(|creation| creation.mark().clone()),
            over,
            as_it_is: true,
            ..AsSent::default()
        };
        let mut report = RequestReport::new(request.method.clone(), label.clone());
        attempt.sent();
        let mut opened = match Box::pin(client.open(outgoing)).await {
            Ok(opened) => opened,
            Err(mut failed) => {
                keep_failed(scope.run(), &request.settings, &mut failed);
                attempt.failed(&failed);
                let failure = no_answer(&name, &failed, deadline);
                let failure = over.explained(failure);
                describe_failed(&mut report, &failed, failure.reason());
                record(scope.run(), report);
                (sent.cookies, sent.redirected) = (failed.trail.cookies, !failed.trail.hops.is_empty());
                return Err(scope.raise(with_command(failure, request, &sent, scope.run(), scope.redactor())));
            }
        };
        let head = opened.head();
        attempt.answered(head.status.as_u16(), head.hops.len());
        let answer = Response::head_only(name.clone(), head, scope.redactor().cloned());
        let again = has_other_credentials(request, at_home, &answer, scope, kept, &mut report, deadline, &mut tried);
        if again.await {
            keep_streamed(scope.run(), &request.settings, opened.journey.take_legs(), 0);
            describe(&mut report, &answer.exchange);
            record(scope.run(), report);
            earlier = Some(deadline);
            continue;
        }
        let judged = judge(request, &answer, scope.run());
        (sent.cookies, sent.redirected) = (answer.exchange.cookies.clone(), !answer.exchange.hops.is_empty());
        warn_of_unjudged(request, &answer, scope.run());
        let account = Account {
            name,
            method: request.method.clone(),
            label,
            journey: Some(opened.journey),
            run: scope.run().cloned(),
            redactor: scope.redactor().cloned(),
            place: request.place,
            deadline,
            idle: request.idle_timeout,
            reason: None,
            requested: answer.request(),
            request: None,
            sent,
            head: answer.head(),
            phases: None,
            received: 0,
            finished: None,
        };
        return Ok(Begun { opened: opened.response, answer, judged, account });
    }
}

/// Tells the run which expectations of the `Http` were not judged, as what they judge is never there as a whole. Those of the
/// request itself are refused.
fn warn_of_unjudged(request: &Request, answer: &Response, run: Option<&Run>) {
    let Some(run) = run else { return };
    let of_all = request.demands().chain(request.wishes());
    let unjudged: Vec<String> =
        of_all.filter(|each| !answer.can_be_judged_by(each)).map(Expectation::subject).collect();
    if !unjudged.is_empty() {
        run.warn(format!(
            "the answer to {} came piece by piece, so that what its `Http` expects of {} was not judged",
            answer.name,
            unjudged.join(", ")
        ));
    }
}
