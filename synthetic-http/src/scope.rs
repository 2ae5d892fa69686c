//! [`Scope`]: where a request is sent from, which is where its failures go.

use std::fmt::Display;
use std::panic::Location;

use synthetic_core::secret::{Redactor, Secret, SecretError, Secrets};
use synthetic_core::{Failure, Result, Run};
use tokio::time::timeout_at;

use crate::auth::OAuth;
use crate::explain::Deadline;
use crate::wire::span;

/// The run that a request belongs to, or the lack of one, and the request itself.
pub(crate) struct Scope<'a> {
    run: Option<Run>,
    /// What knows the request's secrets where there is no run that does. Made with the first one.
    redactor: Option<Redactor>,
    /// What the request carries, and whether it was asked for by its name.
    carried: Vec<(Secret, bool)>,
    /// The tokens that it carries, and who gave them.
    tokens: Vec<(OAuth, Secret)>,
    /// The request, as failures name it: written only when there is one.
    request: &'a (dyn Display + Sync),
    place: &'static Location<'static>,
    /// When the request must be done, if that is known: what it needs must be there by then.
    deadline: Option<Deadline>,
}

impl<'a> Scope<'a> {
    /// Returns the scope of a request that is sent by the code that is being polled.
    pub(crate) fn of(request: &'a (dyn Display + Sync), place: &'static Location<'static>) -> Self {
        let (carried, tokens) = (Vec::new(), Vec::new());
        Self { run: Run::current(), redactor: None, carried, tokens, request, place, deadline: None }
    }

    /// Says when the request must be done, secrets and tokens included.
    pub(crate) fn ends_at(&mut self, deadline: Deadline) {
        self.deadline = Some(deadline);
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Forgets what the request carried: it is sent again, and looks it up again.
    #[cfg(feature = "digest")]
    pub(crate) fn carries_nothing(&mut self) {
        self.carried.clear();
        self.tokens.clear();
    }

    pub(crate) fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Returns what knows the request's secrets, outside of any run.
    pub(crate) fn redactor(&self) -> Option<&Redactor> {
        self.redactor.as_ref()
    }

    /// Returns what knows the secrets of the run, or of the request.
    pub(crate) fn known(&self) -> Option<&Redactor> {
        self.run.as_ref().map(|run| run.secrets().redactor()).or(self.redactor.as_ref())
    }

    /// Finds a secret in the run's store; outside of any run, in the environment.
    pub(crate) async fn find(&mut self, name: &str) -> Result<Secret> {
        let secret = self.look_up(name).await?;
        self.carried.push((secret.clone(), true));
        Ok(secret)
    }

    /// Finds a secret that does not go to the target.
    pub(crate) async fn look_up(&mut self, name: &str) -> Result<Secret> {
        let found = async {
            match &self.run {
                Some(run) => run.secrets().get(name).await,
                None => Secrets::default().get(name).await,
            }
        };
        let found = match self.deadline {
            None => found.await,
            Some(deadline) => timeout_at(deadline.at, found).await.map_err(|_| self.late(name, deadline))?,
        };
        let secret = found.map_err(|error| self.refused(&error))?;
        if self.run.is_none() {
            self.keep(&secret)?;
        }
        Ok(secret)
    }

    /// Keeps a token out of every failure.
    pub(crate) fn carry_token(&mut self, grant: &OAuth, token: &Secret) -> Result {
        self.keep(token)?;
        self.tokens.push((grant.clone(), token.clone()));
        Ok(())
    }

    /// Takes the tokens that the request carries.
    pub(crate) fn take_tokens(&mut self) -> Vec<(OAuth, Secret)> {
        std::mem::take(&mut self.tokens)
    }

    /// Returns the request, as failures name it.
    pub(crate) fn request(&self) -> &(dyn Display + Sync) {
        self.request
    }

    /// Keeps a secret that is known already out of every failure.
    pub(crate) fn carry(&mut self, secret: &Secret) -> Result {
        self.keep(secret)?;
        self.carried.push((secret.clone(), false));
        Ok(())
    }

    /// Takes what the request carries: each secret, and whether it was asked for by its name.
    pub(crate) fn take_carried(&mut self) -> Vec<(Secret, bool)> {
        std::mem::take(&mut self.carried)
    }

    /// Keeps a secret out of every failure.
    pub(crate) fn keep(&mut self, secret: &Secret) -> Result {
        let kept = match &self.run {
            Some(run) => run.secrets().redactor().register(secret),
            None => self.redactor.get_or_insert_default().register(secret),
        };
        kept.map_err(|error| self.refused(&error))
    }

    /// Makes an error of our own: the request cannot be sent.
    pub(crate) fn setup(&self, problem: &str) -> Failure {
        self.raise(self.unsendable(problem))
    }

    /// Records a failure in the run, if there is one, and returns it without the secrets that are known.
    pub(crate) fn raise(&self, failure: Failure) -> Failure {
        raise(failure.at(self.place), self.run.as_ref(), self.redactor.as_ref())
    }

    fn refused(&self, error: &SecretError) -> Failure {
        self.raise(self.unsendable(&error.to_string()).causes_of(error))
    }

    /// Says that a secret was not there in time.
    fn late(&self, name: &str, deadline: Deadline) -> Failure {
        let whose = if deadline.of_the_run { "the time of the run, or of its step," } else { "the request's time" };
        let taken = span(deadline.timeout);
        let why = format!("the secret {name:?} was still being looked up when {whose} of {taken} was up");
        self.raise(self.unsendable(&why).hint("the target was not asked: look at the store of secrets"))
    }

    fn unsendable(&self, problem: &str) -> Failure {
        Failure::setup(format!("{} cannot be sent: {problem}", self.request))
    }
}

/// Records a failure in the run, if there is one, and returns it without the secrets that are known.
pub(crate) fn raise(failure: Failure, run: Option<&Run>, redactor: Option<&Redactor>) -> Failure {
    match (run, redactor) {
        (Some(run), _) => run.raise(failure),
        (None, Some(redactor)) => failure.redacted(redactor),
        (None, None) => failure,
    }
}
