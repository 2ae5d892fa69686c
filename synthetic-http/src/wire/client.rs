//! The client: a connection pool, and the loop that sends a request and follows its redirects.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, COOKIE, HOST, HeaderValue};
use tokio::time::Instant;
use url::Url;

use crate::fate::changes_something;
use crate::test_hosts::TestHosts;

use super::{
    Exchange, Failed, Jar, Leg, Opened, Over, Phases, Request, WireError,
    body::{self, Failure},
    diagnose,
    error::{Kind, Phase, shown},
    journey::Journey,
    record::{self, Record},
    redirect::{Outgoing, same_origin},
    settings::ClientSettings,
    shared::{Make, Route, Shared, unbuilt},
    tls::Shows,
    way::Way,
};

/// Sends requests. A clone shares the connections; a [fresh](Client::fresh) one shares only the TLS configuration.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// What asks those who are not to be shown the client's certificate, made when it is first needed.
    unidentified: Arc<OnceLock<reqwest::Client>>,
    shared: Arc<Shared>,
}

impl Client {
    /// Makes a client. Nothing is read or connected yet: the platform's roots are loaded with the first https request.
    ///
    /// # Errors
    ///
    /// `Kind::Roots` where an extra root is no PEM certificate.
    pub(crate) fn new(settings: &ClientSettings) -> Result<Self, WireError> {
        let shared = Shared::new(settings)?;
        // The one thing that can fail is the TLS configuration, of a rustls that is not reqwest's: once here, or never.
        let http = shared.build(&Make { reuse: settings.reuse, ..Make::ONE }).map_err(|error| unbuilt(&error))?;
        Ok(Self { http, unidentified: Arc::default(), shared: Arc::new(shared) })
    }

    /// Returns a client with the same settings and no connections. It costs about a microsecond, so make one a run.
    pub(crate) fn fresh(&self) -> Self {
        // It was built of the same parts before, so it does not fail; if it did, shared connections are better than a panic.
        let make = Make { reuse: self.shared.settings.reuse, ..Make::ONE };
        let http = self.shared.build(&make).unwrap_or_else(|_| self.http.clone());
        Self { http, unidentified: Arc::default(), shared: Arc::clone(&self.shared) }
    }

    /// Sends a request, follows its redirects and reads the answer to its end. Its time begins with the call.
    ///
    /// # Errors
    ///
    /// [`Failed`] with the phase, the kind and one line on why there is no answer, and all that is known of the way there. Every
    /// status is an answer, not an error.
    ///
    /// # Cancellation
    ///
    /// Dropping the future, and a deadline that passes, closes the connection.
    pub(crate) fn send(&self, request: Request) -> impl Future<Output = Result<Exchange, Box<Failed>>> + Send {
        let (mut journey, manner) = self.begin(request);
        async move {
            let travels = async |journey: &mut Journey| {
                let mut response = self.travel(journey, &manner).await?;
                read(journey, &mut response, &manner).await
            };
            match within(&mut journey, manner.deadline, travels).await {
                Ok(body) => journey.arrive(body),
                Err(trouble) => Err(end(journey, trouble)),
            }
        }
    }

    /// Sends a request, follows its redirects and waits for the head of the answer; the body is left to whoever asked. Its
    /// deadline is that of the head.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send).
    pub(crate) fn open(&self, request: Request) -> impl Future<Output = Result<Opened, Box<Failed>>> + Send {
        let (mut journey, manner) = self.begin(request);
        async move {
            match within(&mut journey, manner.deadline, async |journey: &mut Journey| {
                self.travel(journey, &manner).await
            })
            .await
            {
                Ok(response) => Ok(Opened { journey, response }),
                Err(trouble) => Err(end(journey, trouble)),
            }
        }
    }

    /// Returns the client for those who are not to be shown a certificate. It never falls back to one that shows it.
    fn unidentified(&self) -> Result<&reqwest::Client, WireError> {
        if let Some(known) = self.unidentified.get() {
            return Ok(known);
        }
        let make = Make { reuse: self.shared.settings.reuse, shows: Shows::Nothing, ..Make::ONE };
        let made = self.shared.build(&make).map_err(|error| unbuilt(&error))?;
        Ok(self.unidentified.get_or_init(|| made))
    }

    fn begin(&self, request: Request) -> (Journey, Manner) {
        let Request {
            method,
            url,
            headers,
            body,
            deadline,
            max_body,
            max_redirects,
            decode,
            over,
            keep_legs,
            jar,
            identity,
            test_hosts,
        } = request;
        let way = Way::of(&self.shared.settings, over);
        // Without a certificate there is nothing to hold back, and one client does.
        let known_to = match self.shared.settings.identity {
            None => KnownTo::All,
            Some(_) if identity => KnownTo::Origin(Box::new(url.clone())),
            Some(_) => KnownTo::Nobody,
        };
        let journey = Journey::new(Outgoing { method, url, headers, body }, max_body, way);
        (journey, Manner { deadline, max_redirects, decode, over, keep_legs, jar, known_to, test_hosts })
    }

    /// Goes from redirect to redirect until the head of the answer is there.
    async fn travel(&self, journey: &mut Journey, manner: &Manner) -> Result<reqwest::Response, Trouble> {
        let Manner { max_redirects: max, ref jar, ref test_hosts, .. } = *manner;
        let jar = jar.as_deref();
        loop {
            if journey.out.url.scheme() == "https" {
                self.shared.tls.ready().await?;
            }
            self.shared.settings.addresses.permit(&journey.out.url)?;
            let follows = journey.followed() < max as usize;
            let repeatable = !changes_something(&journey.out.method) && journey.out.body.is_empty();
            let mut response = match self.ask(journey, follows || repeatable, false, manner).await {
                // A server may close an idle connection at any moment, also in that in which it is asked, and has not failed
                // then. What only reads may be asked once more (RFC 9110, section 9.2.2).
                Err(Trouble::NoAnswer(error)) if repeatable && journey.lost_a_kept_connection(&error) => {
                    self.ask(journey, follows, true, manner).await?
                }
                asked => asked?,
            };
            journey.answered(&mut response, self.shared.tls.seen());
            if let (Some(jar), Some(answer)) = (jar, journey.answer()) {
                jar.keep(&journey.out.url, &answer.headers);
            }
            let leads_to = if max > 0 { journey.leads_to()? } else { None };
            match leads_to {
                Some((status, next)) if follows => {
                    body::discard(&mut response, &mut journey.received).await;
                    drop(response);
                    journey.hopped();
                    journey.out.follow(status, next);
                    journey.out.may_change(test_hosts.as_ref())?;
                    continue;
                }
                Some(_) => journey.limit_reached = true,
                None => {}
            }
            return Ok(response);
        }
    }

    /// Sends the request of one hop and waits for the head of the answer. Its headers are kept where more may follow; `anew`,
    /// it has a connection of its own.
    async fn ask(
        &self,
        journey: &mut Journey,
        may_follow: bool,
        anew: bool,
        manner: &Manner,
    ) -> Result<reqwest::Response, Trouble> {
        let first = journey.followed() == 0;
        let out = &mut journey.out;
        let (dial, url) = named_by_host(out)?;
        if dial.is_some() && self.shared.has_proxy_for(&out.url) {
            return Err(renamed_through_a_proxy(&out.url, &url).into());
        }
        journey.named = dial.as_ref().and(url.host_str()).map(Into::into);
        let mut request = reqwest::Request::new(out.method.clone(), url);
        // What nothing will need any more is given away instead of cloned.
        *request.headers_mut() = if may_follow { out.headers.clone() } else { std::mem::take(&mut out.headers) };
        let headers = request.headers_mut();
        #[cfg(feature = "compression")]
        if manner.decode {
            use reqwest::header::{ACCEPT_ENCODING, RANGE};
            if !headers.contains_key(ACCEPT_ENCODING) && !headers.contains_key(RANGE) {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(body::ACCEPTED));
            }
        }
        if let Some(cookies) = manner.jar.as_deref().and_then(|jar| jar.cookies(&out.url)) {
            let both = headers
                .get(COOKIE)
                .and_then(|own| HeaderValue::from_bytes(&[own.as_bytes(), b"; ", cookies.as_bytes()].concat()).ok());
            let cookies = both.unwrap_or(cookies);
            if first {
                journey.cookies = Some(cookies.clone());
            }
            headers.insert(COOKIE, cookies);
        }
        if !out.body.is_empty() {
            *request.body_mut() = Some(out.body.clone().into());
        }
        if manner.keep_legs {
            let leg = Leg {
                started: Instant::now(),
                method: out.method.clone(),
                url: out.url.clone(),
                headers: request.headers().clone(),
                body: out.body.clone(),
                phases: Phases::default(),
                remote_addr: None,
                answer: None,
            };
            journey.legs.push(leg);
        }
        // Two addresses under one name must not share connections, so such a request has its own.
        // No proxy is for it, as was asked above; reqwest would ask that of the name in the header.
        let route = if dial.is_some() { Route::Direct } else { Route::AsSet };
        let shows = manner.known_to.shows(&out.url);
        let shared = &self.shared;
        let own = (anew || dial.is_some() || manner.over != Over::Any)
            .then(|| shared.build(&Make { reuse: false, over: manner.over, route, shows }));
        let http = match own.as_ref().and_then(|own| own.as_ref().ok()) {
            Some(own) => own,
            None if shows == Shows::Nothing => self.unidentified()?,
            None => &self.http,
        };
        let record = Record::new(dial);
        journey.asked(Arc::clone(&record));
        record::scope(record, http.execute(request)).await.map_err(Trouble::NoAnswer)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

/// Who may be shown the client's certificate on a journey.
enum KnownTo {
    /// There is none.
    All,
    /// The origin of this URL.
    Origin(Box<Url>),
    Nobody,
}

impl KnownTo {
    fn shows(&self, url: &Url) -> Shows {
        match self {
            Self::All => Shows::Identity,
            Self::Origin(origin) if same_origin(origin, url) => Shows::Identity,
            Self::Origin(_) | Self::Nobody => Shows::Nothing,
        }
    }
}

/// What a journey is given for its whole way.
struct Manner {
    deadline: Option<Instant>,
    max_redirects: u32,
    decode: bool,
    over: Over,
    keep_legs: bool,
    jar: Option<Arc<dyn Jar>>,
    known_to: KnownTo,
    test_hosts: Option<TestHosts>,
}

/// Why a journey ended early; the journey itself has the words.
enum Trouble {
    NoAnswer(reqwest::Error),
    Known(WireError),
    TooLate(Instant),
}

impl From<WireError> for Trouble {
    fn from(error: WireError) -> Self {
        Self::Known(error)
    }
}

/// Lets a journey go on until its deadline.
async fn within<T>(
    journey: &mut Journey,
    deadline: Option<Instant>,
    travels: impl AsyncFnOnce(&mut Journey) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    prepare(&mut journey.out)?;
    if let Some(deadline) = deadline.filter(|deadline| *deadline <= journey.started()) {
        return Err(Trouble::TooLate(deadline));
    }
    let travels = Box::pin(travels(journey));
    let Some(deadline) = deadline else { return travels.await };
    tokio::time::timeout_at(deadline, travels).await.unwrap_or(Err(Trouble::TooLate(deadline)))
}

fn end(journey: Journey, trouble: Trouble) -> Box<Failed> {
    match trouble {
        Trouble::Known(error) => journey.fail(error),
        Trouble::NoAnswer(error) => journey.no_answer(&error),
        Trouble::TooLate(deadline) => journey.too_late(deadline),
    }
}

/// Refuses what is no http request, and turns userinfo into the header that it stands for.
fn prepare(out: &mut Outgoing) -> Result<(), WireError> {
    let scheme = out.url.scheme();
    if scheme != "http" && scheme != "https" {
        let message = format!("only http and https URLs can be requested, not a `{scheme}:` URL");
        return Err(WireError::new(Phase::Setup, Kind::BadRequest, message));
    }
    if out.url.username().is_empty() && out.url.password().is_none() {
        return Ok(());
    }
    if !out.headers.contains_key(AUTHORIZATION) {
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        let (name, password) = (decoded(out.url.username()), decoded(out.url.password().unwrap_or_default()));
        let basic = format!("Basic {}", BASE64_STANDARD.encode([&name, b":".as_slice(), &password].concat()));
        if let Ok(mut basic) = HeaderValue::try_from(basic) {
            basic.set_sensitive(true);
            out.headers.insert(AUTHORIZATION, basic);
        }
    }
    // Setting them fails only where a URL cannot have them, and an http URL can.
    let _ = out.url.set_username("");
    let _ = out.url.set_password(None);
    Ok(())
}

/// Returns the URL to request, and where a `Host` header renames an https target, the host to dial.
///
/// TLS takes the name from the URL: so the header's goes there, and the URL's own to the resolver.
fn named_by_host(out: &Outgoing) -> Result<(Option<Box<str>>, Url), WireError> {
    let mut url = out.url.clone();
    if url.scheme() != "https" {
        return Ok((None, url));
    }
    let Some(header) = out.headers.get(HOST) else { return Ok((None, url)) };
    let refused = || {
        let message = format!("the Host header of a request to {} is no host name", shown(&out.url));
        WireError::new(Phase::Setup, Kind::BadRequest, message)
    };
    let header = header.to_str().map_err(|_| refused())?;
    let named = Url::parse(&format!("https://{header}/")).map_err(|_| refused())?;
    if named.host_str() == url.host_str() {
        return Ok((None, url));
    }
    let dial = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').into();
    url.set_host(named.host_str()).map_err(|_| refused())?;
    Ok((Some(dial), url))
}

/// Refuses a request that a proxy would have to take to one machine and TLS to name as another: what is asked of the proxy is
/// the name in TLS, so that it would connect to a machine that nobody meant.
fn renamed_through_a_proxy(dialled: &Url, named: &Url) -> WireError {
    let (dialled, name) = (shown(dialled), named.host_str().unwrap_or_default());
    let message = format!(
        "{dialled} cannot be asked for as {name} through a proxy, which would be sent to {name}: leave the Host header out, or \
         the proxy with `no_proxy_for`"
    );
    WireError::new(Phase::Setup, Kind::BadRequest, message)
}

async fn read(journey: &mut Journey, response: &mut reqwest::Response, manner: &Manner) -> Result<Bytes, Trouble> {
    let limit = journey.max_body;
    #[cfg(feature = "compression")]
    let encoding = if manner.decode {
        journey.answer().and_then(|answer| super::decode::Encoding::of(&answer.headers))
    } else {
        None
    };
    #[cfg(not(feature = "compression"))]
    let _ = manner.decode;
    #[cfg(feature = "compression")]
    let body = match encoding {
        None => body::plain(response, limit, &mut journey.received, &mut journey.began).await,
        Some(encoding) => body::encoded(response, encoding, limit, manner.deadline, &mut journey.received).await,
    };
    #[cfg(not(feature = "compression"))]
    let body = body::plain(response, limit, &mut journey.received, &mut journey.began).await;
    body.map_err(|failure| {
        let expected = journey.answer().and_then(|answer| answer.expected);
        Trouble::Known(match failure {
            Failure::Broken(error) => diagnose::broken_body(&error, journey.received, expected),
            Failure::TooLarge => {
                let message = format!("transfer: body larger than the limit of {limit} bytes (decoded)");
                WireError::new(Phase::Transfer, Kind::BodyTooLarge { limit }, message)
            }
            #[cfg(feature = "compression")]
            Failure::Undecodable { encoding, why } => {
                let message = format!("transfer: the body is not the {encoding} that its Content-Encoding says: {why}");
                WireError::new(Phase::Transfer, Kind::Decode, message)
            }
        })
    })
}
