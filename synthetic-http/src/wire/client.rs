//! The client: settings, a connection pool, and the loop that sends a request and follows its redirects.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::{AUTHORIZATION, COOKIE, HOST, HeaderValue};
use tokio::time::Instant;
use url::Url;

use crate::fate::changes_something;
use crate::test_hosts::TestHosts;

use super::{
    Exchange, Failed, Jar, Leg, Opened, Over, Phases, Request, WireError,
    address::Addresses,
    body::{self, Failure},
    connector::{Lookup, RecordLayer, Resolver, SystemLookup},
    diagnose,
    error::{Kind, Phase, shown},
    identity::Identity,
    journey::Journey,
    proxy::Proxy,
    record::{self, Record},
    redirect::{Outgoing, same_origin},
    tls::{Shows, Tls},
    way::Way,
};

/// What a [`Client`] is made from.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    /// Keeps connections open for further requests of the same client.
    ///
    /// # Default
    ///
    /// Yes. A fresh client a run then reuses connections within the run and never across runs.
    pub(crate) reuse: bool,
    /// Closes a connection that was idle for so long; also turns TCP keep-alive on, every 15 s.
    ///
    /// # Default
    ///
    /// None: it stays open as long as the client, or until the server closes it.
    pub(crate) idle_timeout: Option<Duration>,
    /// Root certificates, as PEM, that are trusted besides the platform's.
    pub(crate) extra_roots_pem: Vec<Vec<u8>>,
    /// Trusts only those, and nothing of the platform's.
    pub(crate) only_extra_roots: bool,
    /// The certificate that the client shows where it is asked for one.
    pub(crate) identity: Option<Arc<Identity>>,
    /// Offers HTTP/2 in TLS (feature `http2`).
    pub(crate) http2: bool,
    /// Speaks HTTP/1.1 too. Without it, HTTP/2 is spoken without asking, over cleartext as well.
    pub(crate) http1: bool,
    /// Resumes TLS sessions within one client. The certificates are then not shown at every connection.
    pub(crate) resume_tls: bool,
    /// Uses the proxies that the environment or the system names.
    pub(crate) use_system_proxy: bool,
    /// The proxy for all hosts but those in `no_proxy`; it takes the place of the system's.
    pub(crate) proxy: Option<Proxy>,
    /// Hosts, domains and networks that are asked without the proxy.
    pub(crate) no_proxy: Vec<String>,
    /// Which addresses may be asked.
    pub(crate) addresses: Addresses,
    /// Looks names up instead of the operating system.
    pub(crate) lookup: Option<Arc<dyn Lookup>>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            reuse: true,
            idle_timeout: None,
            extra_roots_pem: Vec::new(),
            only_extra_roots: false,
            identity: None,
            http2: true,
            http1: true,
            resume_tls: false,
            use_system_proxy: false,
            proxy: None,
            no_proxy: Vec::new(),
            addresses: Addresses::default(),
            lookup: None,
        }
    }
}

impl ClientSettings {
    /// Returns the proxy that is asked for some hosts at least.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        // To reqwest, `*` is every name, but no address.
        self.proxy.as_ref().filter(|_| !self.no_proxy.iter().any(|host| host.trim() == "*"))
    }
}

/// Sends requests. A clone shares the connections; a [fresh](Client::fresh) one shares only the TLS configuration.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// What asks those who are not to be shown the client's certificate, made when it is first needed.
    unidentified: Arc<OnceLock<reqwest::Client>>,
    shared: Arc<Shared>,
}

struct Shared {
    settings: ClientSettings,
    tls: Tls,
    resolver: Arc<Resolver>,
    /// Which URLs are asked for through a proxy, as reqwest decides it.
    proxies: Option<Matcher>,
}

impl Client {
    /// Makes a client. Nothing is read or connected yet: the platform's roots are loaded with the first https request.
    ///
    /// # Errors
    ///
    /// `Kind::Roots` where an extra root is no PEM certificate.
    pub(crate) fn new(settings: &ClientSettings) -> Result<Self, WireError> {
        let tls = Tls::new(settings)?;
        let lookup = settings.lookup.clone().unwrap_or_else(|| Arc::new(SystemLookup));
        let shared = Shared {
            settings: settings.clone(),
            tls,
            resolver: Arc::new(Resolver { lookup, addresses: settings.addresses.clone() }),
            proxies: proxies(settings),
        };
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

impl Shared {
    /// Returns whether a URL is asked for through a proxy.
    fn has_proxy_for(&self, url: &Url) -> bool {
        let Some(proxies) = &self.proxies else { return false };
        url.as_str().parse().is_ok_and(|uri| proxies.intercept(&uri).is_some())
    }

    fn build(&self, make: &Make) -> Result<reqwest::Client, reqwest::Error> {
        let Make { reuse, over, route, shows } = *make;
        let settings = &self.settings;
        let mut tls = self.tls.config(shows);
        over.offer_in(&mut tls);
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .tls_info(true)
            .connector_layer(RecordLayer)
            .dns_resolver(Arc::clone(&self.resolver))
            // A request that is sent twice in secret is measured wrongly, and creates twice.
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .pool_idle_timeout(settings.idle_timeout)
            // A client has to take them (RFC 9112, section 5.2), and every browser does.
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            // Another crate of the same program may have turned these on in reqwest; decoding is done here, bounded.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd();
        if settings.idle_timeout.is_none() {
            // Six system calls a connection, of no use to one that lives as long as a run.
            builder = builder.tcp_keepalive(None).tcp_keepalive_interval(None).tcp_keepalive_retries(None);
            #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
            {
                builder = builder.tcp_user_timeout(None);
            }
        }
        if !reuse {
            builder = builder.pool_max_idle_per_host(0);
        }
        if route == Route::Direct {
            builder = builder.no_proxy();
        } else if let Some(proxy) = settings.proxy() {
            builder = builder.no_proxy().proxy(proxy.except(&settings.no_proxy)?);
        } else if settings.proxy.is_some() || !settings.use_system_proxy {
            builder = builder.no_proxy();
        }
        match over {
            #[cfg(feature = "http2")]
            Over::Any if !settings.http1 => builder = builder.http2_prior_knowledge(),
            Over::Any if settings.http2 => {}
            #[cfg(feature = "grpc")]
            Over::Http2 => builder = builder.http2_prior_knowledge(),
            _ => builder = builder.http1_only(),
        }
        builder.build()
    }
}

/// What one of reqwest's clients is made for.
struct Make {
    reuse: bool,
    over: Over,
    route: Route,
    shows: Shows,
}

impl Make {
    /// A client for one request, as all are but for what was set.
    const ONE: Self = Self { reuse: false, over: Over::Any, route: Route::AsSet, shows: Shows::Identity };
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

/// How a client goes to its target.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    AsSet,
    /// Through no proxy, whatever is set.
    Direct,
}

fn unbuilt(error: &reqwest::Error) -> WireError {
    WireError::new(Phase::Setup, Kind::Other, format!("set up the http client: {error}"))
}

/// Returns what tells which URLs are asked for through a proxy; `None` where none is.
fn proxies(settings: &ClientSettings) -> Option<Matcher> {
    match settings.proxy() {
        Some(proxy) => Some(proxy.matcher(&settings.no_proxy)),
        None => (settings.proxy.is_none() && settings.use_system_proxy).then(Matcher::from_system),
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
