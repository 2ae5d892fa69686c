//! What all requests of an [`Http`](crate::Http) carry.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use synthetic_core::artifact::Keep;
use url::Url;

use crate::auth::Auth;
use crate::expect::Expectation;
use crate::test_hosts::TestHosts;
use crate::wire::{self, Client, ClientSettings};

/// What an [`Http`](crate::Http) was given. It is made once and then shared.
pub(crate) struct Settings {
    pub(crate) base: Option<Url>,
    pub(crate) headers: HeaderMap,
    pub(crate) auth: Vec<Auth>,
    pub(crate) timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) max_redirects: u32,
    pub(crate) agent: Agent,
    pub(crate) traceparent: bool,
    pub(crate) marking: Marking,
    pub(crate) test_hosts: Option<TestHosts>,
    pub(crate) cookies: bool,
    /// When requests are kept as an archive.
    pub(crate) archive: Keep,
    /// What is expected of every answer.
    pub(crate) expected: Vec<Expectation>,
    /// What is preferred of every answer.
    pub(crate) preferred: Vec<Expectation>,
    /// What was wrong with what it was given; the first counts.
    pub(crate) problem: Option<String>,
    pub(crate) wire: ClientSettings,
    pub(crate) reuse_across_runs: bool,
    client: OnceLock<Result<Client, wire::WireError>>,
}

/// What a request says of who sent it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Agent {
    /// The SDK, the canary and the run.
    Sdk,
    Fixed(HeaderValue),
    None,
}

/// The headers that say of a request that changes something which run it belongs to, and what it makes.
#[derive(Clone)]
pub(crate) struct Marking {
    pub(crate) run: Option<HeaderName>,
    pub(crate) mark: Option<HeaderName>,
}

impl Marking {
    pub(crate) const NONE: Self = Self { run: None, mark: None };
}

impl Settings {
    /// Returns the client that all runs share, made when it is first needed.
    pub(crate) fn client(&self) -> Result<&Client, &wire::WireError> {
        self.client.get_or_init(|| Client::new(&self.wire)).as_ref()
    }

    pub(crate) fn authenticate(&mut self, auth: Result<Auth, String>) {
        match auth {
            Ok(_) if self.base.is_none() => self.has_problem(
                "this `Http` has credentials and no base URL, so that nobody knows who may have them: use `Http::at`, or give them \
                 to the request"
                    .to_owned(),
            ),
            Ok(auth) => self.auth.push(auth),
            Err(problem) => self.has_problem(problem),
        }
    }

    pub(crate) fn has_problem(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

impl Clone for Settings {
    /// The client is not cloned: a change of the settings may change it.
    fn clone(&self) -> Self {
        Self {
            base: self.base.clone(),
            headers: self.headers.clone(),
            auth: self.auth.clone(),
            agent: self.agent.clone(),
            marking: self.marking.clone(),
            test_hosts: self.test_hosts.clone(),
            expected: self.expected.clone(),
            preferred: self.preferred.clone(),
            problem: self.problem.clone(),
            wire: self.wire.clone(),
            client: OnceLock::new(),
            ..*self
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: None,
            headers: HeaderMap::new(),
            auth: Vec::new(),
            timeout: Duration::from_secs(10),
            max_body: 1024 * 1024,
            max_redirects: 10,
            agent: Agent::Sdk,
            traceparent: true,
            marking: Marking {
                run: Some(HeaderName::from_static("synthetic-run")),
                mark: Some(HeaderName::from_static("synthetic-mark")),
            },
            test_hosts: None,
            cookies: true,
            archive: Keep::OnFailure,
            expected: Vec::new(),
            preferred: Vec::new(),
            problem: None,
            wire: ClientSettings::default(),
            reuse_across_runs: false,
            client: OnceLock::new(),
        }
    }
}
