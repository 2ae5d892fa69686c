//! [`OAuth`]: tokens from an authorization server, one for all who need it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use serde::Deserialize;
use serde_json::Value;
use synthetic_core::artifact::Keep;
use synthetic_core::report::RequestReport;
use synthetic_core::{Failure, Reason, Result, Secret};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::Credential;
use crate::archive::{keep_answered, keep_failed};
use crate::carried::PRODUCT;
use crate::curl::{AsSent, add_command};
use crate::explain::{Deadline, head, no_answer, times};
use crate::http::Http;
use crate::scope::Scope;
use crate::send::{AGES, deadline, describe, describe_failed, record};
use crate::template::template;
use crate::wire;

/// How long a token is used whose server does not say how long it lasts.
const UNTOLD: Duration = Duration::from_secs(3_600);
/// How much of a server's explanation a failure shows.
const EXCERPT: usize = 300;

/// Gets tokens by the OAuth 2 client credentials grant, for [`Http::oauth`] and [`Request::oauth`](crate::Request::oauth).
///
/// A token is kept until a little before it expires ([`margin`](Self::margin)) and shared by all clones, so by all runs of
/// an [`Http`]: however many need one at once, one is asked for. Where the target answers a run's request with 401, a new
/// one is asked for, once in a run, and the request is sent once more, as for [`from_secret`](crate::from_secret).
///
/// Requests for tokens are in the report of the run that made them. When there is no token, the request is not sent, and
/// the failure names the authorization server, so that nobody takes it for the target's: an error of our own where that
/// server refuses the client, and otherwise a failure for the reason that it could not be asked. No token and no client secret is in any
/// failure or report.
///
/// Source: RFC 6749, sections 2.3.1, 4.4 and 5.
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, OAuth, from_secret};
///
/// let tokens = OAuth::client_credentials("https://id.example/oauth/token", "canary", from_secret("shop/client-secret"))
///     .scope("orders:read")
///     .parameter("audience", "https://api.example.com");
/// let _api = Http::at("https://api.example.com").oauth(tokens);
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until it is given to an `Http` or a request"]
pub struct OAuth(Arc<Grant>);

struct Grant {
    token_url: String,
    client: String,
    secret: Credential,
    scopes: Vec<String>,
    parameters: BTreeMap<String, String>,
    in_the_body: bool,
    margin: Duration,
    http: Http,
    held: Mutex<Held>,
    /// How many requests for a token have come to something.
    ended: AtomicU64,
}

/// What the last request for a token came to.
#[derive(Default)]
struct Held {
    token: Option<Token>,
    /// With the secret that it may tell of.
    failure: Option<(Failure, Secret)>,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    until: Instant,
}

impl OAuth {
    /// Names the token endpoint, and who the client is. Unless said otherwise the client shows its secret by Basic
    /// authentication, as every server must understand.
    pub fn client_credentials(
        token_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Credential>,
    ) -> Self {
        Self(Arc::new(Grant {
            token_url: token_url.into(),
            client: client_id.into(),
            secret: client_secret.into(),
            scopes: Vec::new(),
            parameters: BTreeMap::new(),
            in_the_body: false,
            margin: Duration::from_secs(30),
            http: Http::anywhere(),
            held: Mutex::default(),
            ended: AtomicU64::new(0),
        }))
    }

    /// Asks for a scope. Called again, it adds one.
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.with(|grant| grant.scopes.push(scope.into()))
    }

    /// Adds a parameter that the server wants besides, such as `audience` or `resource`.
    pub fn parameter(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|grant| drop(grant.parameters.insert(name.into(), value.into())))
    }

    /// Sends id and secret of the client as parameters: for servers that do not understand Basic authentication.
    pub fn secret_in_body(self) -> Self {
        self.with(|grant| grant.in_the_body = true)
    }

    /// Sets how long before its end a token is not used any more; of one that lasts less than ten times so long, it is a
    /// tenth of its time.
    ///
    /// # Default
    ///
    /// 30 s. A token whose server does not say how long it lasts is used for an hour.
    pub fn margin(self, margin: Duration) -> Self {
        self.with(|grant| grant.margin = margin)
    }

    /// Sends requests for tokens as this [`Http`] does: its proxy, its authorities, its timeout, which ends with that of the
    /// request that needs the token. Its base URL, headers and credentials do not matter.
    pub fn through(self, http: Http) -> Self {
        self.with(|grant| grant.http = http)
    }

    fn with(self, change: impl FnOnce(&mut Grant)) -> Self {
        let mut grant = Arc::try_unwrap(self.0).unwrap_or_else(|shared| shared.afresh());
        change(&mut grant);
        // What was held may be of other scopes.
        Self(Arc::new(grant.afresh()))
    }

    /// Names the authorization server, without what may be secret.
    pub(crate) fn server(&self) -> String {
        wire::shown_text(&self.0.token_url)
    }

    /// Returns a token that is in force, after asking for one if need be.
    pub(crate) async fn token(&self, scope: &mut Scope<'_>) -> Result<Secret> {
        let grant = &*self.0;
        let own = deadline(grant.http.time(), scope.run());
        // The request that needs it may have less time than a request for a token has.
        let bounded = scope.deadline().filter(|whole| whole.at < own.at);
        let deadline = bounded.unwrap_or(own);
        let ended = grant.ended.load(Ordering::SeqCst);
        let Ok(mut held) = tokio::time::timeout_at(deadline.at, grant.held.lock()).await else {
            let failure =
                Failure::with_reason(Reason::Timeout, "another request was still waiting for it when the time was up");
            return Err(self.none(scope, &failure));
        };
        if let Some(token) = held.token.as_ref().filter(|token| Instant::now() < token.until) {
            let secret = token.secret.clone();
            scope.carry_token(self, &secret)?;
            return Ok(secret);
        }
        // Whoever has waited for the request of another shares what it came to, or a server that is down would be asked by
        // all of them, one after the other.
        if grant.ended.load(Ordering::SeqCst) != ended
            && let Some((failure, secret)) = held.failure.clone()
        {
            scope.keep(&secret)?;
            return Err(self.none(scope, &failure));
        }
        let client_secret = grant.secret.look_up(scope).await?;
        let asked = self.ask(&client_secret, scope, deadline).await;
        grant.ended.fetch_add(1, Ordering::SeqCst);
        match asked {
            Ok(token) => {
                let secret = token.secret.clone();
                *held = Held { token: Some(token), failure: None };
                scope.carry_token(self, &secret)?;
                Ok(secret)
            }
            Err(failure) => {
                // That one request had little time says nothing to those who have more.
                let had_all = bounded.is_none() && !deadline.of_the_run;
                let of_all = had_all || failure.reason() != Reason::Timeout;
                *held = Held { token: None, failure: of_all.then(|| (failure.clone(), client_secret)) };
                Err(self.none(scope, &failure))
            }
        }
    }

    /// Forgets a token that the target has refused, unless there is another by now.
    pub(crate) async fn forget(&self, refused: &Secret) {
        let mut held = self.0.held.lock().await;
        held.token = held.token.take().filter(|token| token.secret.expose() != refused.expose());
    }

    /// Returns whether a token is the one that is given to whoever asks.
    pub(crate) async fn holds(&self, token: &Secret) -> bool {
        self.0.held.lock().await.token.as_ref().is_some_and(|held| held.secret.expose() == token.expose())
    }

    async fn ask(&self, secret: &Secret, scope: &mut Scope<'_>, deadline: Deadline) -> Result<Token> {
        let grant = &*self.0;
        let url = Url::parse(&grant.token_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Failure::setup("its URL is none: write it as https://host/path"))?;
        let settings = grant.http.settings();
        let unusable = |error: &dyn fmt::Display| Failure::setup(error.to_string());
        let client = settings.client().map_err(|error| unusable(error))?;
        // A connection that was idle since the last token may be dead without our knowing.
        let client = if settings.reuse_across_runs { client.clone() } else { client.fresh() };
        if let Some(problem) = &settings.problem {
            return Err(Failure::setup(problem.clone()));
        }
        let mut outgoing = wire::Request::new(Method::POST, url.clone());
        (outgoing.headers, outgoing.body) = self.asking(secret, scope)?;
        outgoing.deadline = Some(deadline.at);
        outgoing.keep_legs = scope.run().is_some() && settings.archive != Keep::Never;
        let form = outgoing.body.clone();
        let name = format!("POST {}", url.path());
        let mut report = RequestReport::new("POST", template(None, &url));
        match Box::pin(client.send(outgoing)).await {
            Ok(mut exchange) => {
                keep_answered(scope.run(), settings, &mut exchange);
                describe(&mut report, &exchange);
                let read = self.read(&exchange);
                report.reason = read.as_ref().err().map(Failure::reason);
                // It may have been rotated: whoever asks next has the current one.
                if let Some(run) = scope.run().filter(|_| report.reason == Some(Reason::Setup)) {
                    run.secrets().invalidate(secret);
                }
                record(scope.run(), report);
                read.map_err(|failure| {
                    let failure = failure.evidence("request", format!("POST {}", self.server()));
                    let failure =
                        failure.evidence("answer", head(exchange.version, exchange.status, &exchange.headers));
                    let failure = failure.evidence("times", times(&exchange.phases));
                    self.with_command(failure, form, scope)
                })
            }
            Err(mut failed) => {
                // What came of an answer may be half a token.
                failed.trail.began = Bytes::new();
                keep_failed(scope.run(), settings, &mut failed);
                let failure = no_answer(&name, &failed, deadline);
                describe_failed(&mut report, &failed, failure.reason());
                record(scope.run(), report);
                Err(self.with_command(failure, form, scope))
            }
        }
    }

    /// Adds the command that asks for a token with `form`. It has nothing of the run in it: others share what it came to.
    fn with_command(&self, failure: Failure, form: Bytes, scope: &Scope<'_>) -> Failure {
        let grant = &*self.0;
        let http = Http::anywhere().user_agent(PRODUCT).timeout(grant.http.time()).max_redirects(0).without_marks();
        let http = http.with(|settings| settings.wire = grant.http.settings().wire.clone());
        let request = http.post(grant.token_url.clone()).header(ACCEPT, "application/json");
        let mut request = request.body("application/x-www-form-urlencoded", form);
        if !grant.in_the_body {
            request = request.basic(grant.client.clone(), grant.secret.clone());
        }
        add_command(failure, &request, &AsSent::default(), None, scope.known())
    }

    fn asking(&self, secret: &Secret, scope: &mut Scope<'_>) -> Result<(HeaderMap, Bytes)> {
        let grant = &*self.0;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !grant.scopes.is_empty() {
            form.append_pair("scope", &grant.scopes.join(" "));
        }
        form.extend_pairs(&grant.parameters);
        let mut headers = HeaderMap::new();
        if grant.in_the_body {
            form.append_pair("client_id", &grant.client).append_pair("client_secret", secret.expose());
        } else {
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = BASE64_STANDARD.encode([&encoded(&grant.client), ":", &encoded(secret.expose())].concat());
            scope.keep(&Secret::new(secret.name(), pair.as_str()))?;
            if let Ok(mut basic) = HeaderValue::try_from(["Basic ", &pair].concat()) {
                basic.set_sensitive(true);
                headers.insert(AUTHORIZATION, basic);
            }
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(PRODUCT));
        Ok((headers, form.finish().into()))
    }

    fn read(&self, exchange: &wire::Exchange) -> Result<Token> {
        let status = exchange.status.as_u16();
        if status != 200 {
            return Err(refusal(status, &exchange.body));
        }
        // What it holds is never shown: it is a token, or was to be one.
        let wrong =
            |why: &str| Failure::new("the answer for a token").expected("is a token of type Bearer").actual(why);
        let granted: Granted =
            serde_json::from_slice(&exchange.body).map_err(|_| wrong("no JSON with an access_token"))?;
        let token = granted.access_token.ok_or_else(|| wrong("JSON without an access_token"))?;
        let kind = granted.token_type.ok_or_else(|| wrong("JSON without a token_type"))?;
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(wrong(&format!("one of type {:?}", excerpt(&kind))));
        }
        if token.is_empty() {
            return Err(wrong("an access_token that is empty"));
        }
        let lasts = match granted.expires_in {
            None | Some(Value::Null) => UNTOLD,
            Some(told) => {
                // A number (section 5.1), which some write as a text.
                let seconds: Option<f64> = told.as_str().map_or_else(|| told.as_f64(), |text| text.trim().parse().ok());
                let seconds = seconds.ok_or_else(|| wrong("an expires_in that is no number"))?;
                // As far off as a moment can be is further than can be counted with.
                Duration::try_from_secs_f64(seconds.max(0.0)).map_or(UNTOLD, |lasts| lasts.min(AGES))
            }
        };
        let margin = self.0.margin.min(lasts / 10);
        let secret = Secret::new(format!("token of {}", self.server()), token);
        Ok(Token { secret, until: Instant::now() + (lasts - margin) })
    }

    /// Says that there is no token, and whose fault that is.
    fn none(&self, scope: &Scope<'_>, why: &Failure) -> Failure {
        let subject = format!("{} was not sent: no token from {}: {}", scope.request(), self.server(), why.subject());
        let mut failure = Failure::with_reason(why.reason(), subject);
        if let (Some(expected), Some(actual)) = (why.expectation(), why.observation()) {
            failure = failure.expected(expected).actual(actual);
        }
        for piece in why.pieces_of_evidence() {
            failure = failure.evidence(piece.label.clone(), piece.text.clone());
        }
        let hint = why.advice().unwrap_or("the target was not asked: look at the authorization server");
        scope.raise(failure.hint(hint))
    }
}

impl Grant {
    /// Returns the same grant, with no token yet.
    fn afresh(&self) -> Self {
        Self {
            token_url: self.token_url.clone(),
            client: self.client.clone(),
            secret: self.secret.clone(),
            scopes: self.scopes.clone(),
            parameters: self.parameters.clone(),
            in_the_body: self.in_the_body,
            margin: self.margin,
            http: self.http.clone(),
            held: Mutex::default(),
            ended: AtomicU64::new(0),
        }
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("server", &self.server()).field("client", &self.0.client).finish_non_exhaustive()
    }
}

/// RFC 6749, section 5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
}

/// RFC 6749, section 5.2.
#[derive(Deserialize)]
struct Refused {
    error: String,
    error_description: Option<String>,
}

fn refusal(status: u16, body: &[u8]) -> Failure {
    match serde_json::from_slice::<Refused>(body) {
        Ok(refused) if (400..500).contains(&status) => {
            let described = refused.error_description.map(|text| format!(": {}", excerpt(&text))).unwrap_or_default();
            let subject = format!("it refuses the client with {status} {}{described}", excerpt(&refused.error));
            Failure::setup(subject).hint("are the client's id and secret right, and may it have these scopes?")
        }
        _ => Failure::new("status of the answer").expected("is equal to 200").actual(status.to_string()),
    }
}

fn excerpt(text: &str) -> String {
    text.chars().filter(|each| !each.is_control()).take(EXCERPT).collect()
}
