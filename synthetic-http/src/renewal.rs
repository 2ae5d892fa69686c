//! What is done about credentials that the target refuses: they may have been rotated since they were looked up.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use synthetic_core::secret::{Secret, SecretError, Secrets};
use tokio::time::{Instant, timeout_at};

use crate::expect::Expectation;
use crate::request::Request;
use crate::response::Response;
use crate::scope::Scope;

/// The secrets that a run has asked for anew: each is, once.
#[derive(Default)]
pub(crate) struct Renewed(Mutex<HashSet<String>>);

/// Returns whether an answer refuses credentials, and nobody expected that.
///
/// Such a request was not applied (RFC 9110, section 15.5.2); one that a redirect has led on may have been, before.
pub(crate) fn is_refusal(request: &Request, answer: &Response) -> bool {
    let mut of_the_status = request.demands().filter(|expectation| expectation.is_of_the_status()).peekable();
    let welcome = of_the_status.peek().is_some()
        && of_the_status.all(|expectation: &Expectation| expectation.judge(answer).is_ok());
    answer.status() == 401 && answer.exchange.hops.is_empty() && !welcome
}

/// Asks anew for what a refused request carried, and returns whether any of it is another by now. The report of the run
/// says so, and why it could not be asked for.
pub(crate) async fn renew(scope: &mut Scope<'_>, renewed: &Renewed, subject: &str, until: Instant) -> bool {
    let (carried, tokens) = (scope.take_carried(), scope.take_tokens());
    let Some(run) = scope.run() else { return false };
    let mut is_another = false;
    for (grant, refused) in tokens {
        let server = grant.server();
        let asks = async {
            if renewed.is_first(&format!("token of {server}")) {
                grant.forget(&refused).await;
                return true;
            }
            // It may have been forgotten for another request of the run, which was refused with the same.
            !grant.holds(&refused).await
        };
        if timeout_at(until, asks).await == Ok(true) {
            is_another = true;
            run.warn(format!("{subject} was answered with 401: it was sent again with a new token from {server}"));
        }
    }
    for (refused, by_name) in carried {
        // The author has the value, so that it is not ours to replace; whoever asks next has the current one.
        if !by_name {
            run.secrets().invalidate(&refused);
            continue;
        }
        let name = refused.name();
        let told = match timeout_at(until, renewed.current(run.secrets(), &refused)).await {
            Ok(Ok(None)) => continue,
            Ok(Ok(Some(_))) => {
                is_another = true;
                format!("the secret {name:?} has another value by now, with which it was sent again")
            }
            Ok(Err(error)) => format!("its credentials could not be asked for anew: {error}"),
            Err(_) => format!("the secret {name:?} could not be asked for anew in time"),
        };
        run.warn(format!("{subject} was answered with 401: {told}"));
    }
    is_another
}

impl Renewed {
    fn is_first(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned())
    }

    /// Returns the value that a secret has now if it is not the one that was refused.
    async fn current(&self, secrets: &Secrets, refused: &Secret) -> Result<Option<Secret>, SecretError> {
        if self.is_first(refused.name()) {
            return secrets.renew(refused).await;
        }
        // It may have been renewed for another request of the run.
        let current = secrets.get(refused.name()).await?;
        Ok((current.expose() != refused.expose()).then_some(current))
    }
}
