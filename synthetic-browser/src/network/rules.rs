//! [`Rules`]: which requests are blocked, and which are answered by us.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::Value;

use crate::engine::{Decision, Request, RequestId};
use crate::network::pattern::Pattern;

/// The most requests of which it is kept that they were ours to decide.
const MOST: usize = 10_000;

/// An answer that we give in the place of the service.
///
/// # Examples
///
/// ```no_run
/// # use synthetic_core::prelude::*;
/// # use synthetic_browser::{Answer, Page};
/// # async fn flags(page: Page) -> Result {
/// page.answer("**/api/flags", Answer::json(200, serde_json::json!({ "new_checkout": true }))).await?;
/// page.goto("https://shop.example").await
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an answer is given with `page.answer(…)`"]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Answer {
    /// Makes one with a status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// Makes one in JSON.
    pub fn json(status: u16, value: impl Into<Value>) -> Self {
        Self::status(status).header("content-type", "application/json").body(value.into().to_string())
    }

    /// Makes one in plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::status(status).header("content-type", "text/plain; charset=utf-8").body(text.into())
    }

    /// Makes one in HTML.
    pub fn html(status: u16, html: impl Into<String>) -> Self {
        Self::status(status).header("content-type", "text/html; charset=utf-8").body(html.into())
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Says what a browser would not accept.
    pub(crate) fn defect(&self) -> Option<String> {
        let header = self.headers.iter().find(|(name, value)| {
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            name.is_empty() || !name.bytes().all(token) || value.contains(['\r', '\n', '\0'])
        });
        match (self.status, header) {
            (200..=599, None) => None,
            (200..=599, Some((name, _))) => Some(format!("{name:?} is no header")),
            (status, _) => Some(format!("{status} is no status of an answer: 200 to 599 are")),
        }
    }

    /// Makes the decision for a request. One from another origin is allowed to read it, as it may those that are mocked
    /// elsewhere: what is to be tested is not CORS.
    fn decision(&self, request: &Request) -> Decision {
        let mut headers = self.headers.clone();
        let asked = |name: &str| request.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        let has = |name: &str| self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if let Some((_, origin)) = asked("origin").filter(|_| !has("access-control-allow-origin")) {
            headers.push(("access-control-allow-origin".to_owned(), origin.clone()));
            headers.push(("access-control-allow-credentials".to_owned(), "true".to_owned()));
            for (name, allowed) in [
                ("access-control-request-method", "access-control-allow-methods"),
                ("access-control-request-headers", "access-control-allow-headers"),
            ] {
                if let Some((_, value)) = asked(name) {
                    headers.push((allowed.to_owned(), value.clone()));
                }
            }
        }
        let preflight = request.method == "OPTIONS" && asked("access-control-request-method").is_some();
        let (status, body) = if preflight { (204, Bytes::new()) } else { (self.status, self.body.clone()) };
        Decision::Answer { status, headers, body }
    }
}

/// What becomes of the requests of a page. Clones are the same rules.
#[derive(Clone, Default)]
pub(crate) struct Rules(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// The last one that matches counts.
    rules: Vec<(Pattern, Option<Answer>)>,
    decided: HashSet<RequestId>,
}

impl Rules {
    /// Blocks what a pattern means, or answers it. The latest rule for a request counts.
    pub(crate) fn add(&self, pattern: Pattern, answer: Option<Answer>) {
        self.inner().rules.push((pattern, answer));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inner().rules.is_empty()
    }

    pub(crate) fn decide(&self, request: &Request) -> Decision {
        let mut inner = self.inner();
        let rule = inner.rules.iter().rfind(|(pattern, _)| pattern.matches(&request.method, &request.url));
        let decision = match rule {
            None => return Decision::Continue,
            Some((_, None)) => Decision::Abort,
            Some((_, Some(answer))) => answer.decision(request),
        };
        if inner.decided.len() < MOST {
            inner.decided.insert(request.id.clone());
        }
        decision
    }

    /// Returns whether a request was blocked or answered by us, so that it says nothing of the target.
    pub(crate) fn decided(&self, id: &RequestId) -> bool {
        self.inner().decided.contains(id)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.inner().rules.iter().map(|(pattern, _)| pattern)).finish()
    }
}
