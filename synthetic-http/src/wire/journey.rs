//! What is known of a request while it is under way, so that it is still known when the deadline passes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    StatusCode, Version,
    header::{HeaderMap, HeaderValue},
    tls::TlsInfo as PeerInfo,
};
use tokio::time::Instant;
use url::Url;

use super::{
    Connection, Exchange, Failed, Hop, Leg, Phases, TlsInfo, Trail, WireError,
    address::literal,
    cert::Seen,
    diagnose::{self, Scene},
    error::{Kind, Phase},
    record::{Attempt, Record},
    redirect::Outgoing,
    way::Way,
};

/// One call of `send`, from its first hop to the end of its answer.
pub(crate) struct Journey {
    pub(crate) out: Outgoing,
    pub(crate) max_body: usize,
    pub(crate) received: u64,
    /// The first bytes of the body, unless they are encoded.
    pub(crate) began: Bytes,
    pub(crate) limit_reached: bool,
    /// The name in TLS, where it is not the URL's.
    pub(crate) named: Option<Box<str>>,
    /// The value of `Cookie` that the first hop sent.
    pub(crate) cookies: Option<HeaderValue>,
    /// Every hop, if they are kept.
    pub(crate) legs: Vec<Leg>,
    started: Instant,
    way: Way,
    hops: Vec<Hop>,
    before: Phases,
    stage: Stage,
}

/// Where the current hop is.
#[expect(clippy::large_enum_variant, reason = "there is one a request, and it ends as the largest")]
enum Stage {
    /// Nothing is under way: the roots are loaded, or a redirect is weighed.
    Idle,
    Asked {
        at: Instant,
        record: Arc<Record>,
    },
    Answered(Answer),
}

/// The head of an answer, and how it came.
pub(crate) struct Answer {
    asked: Instant,
    at: Instant,
    attempt: Option<Attempt>,
    pub(crate) status: StatusCode,
    version: Version,
    pub(crate) headers: HeaderMap,
    connection: Connection,
    remote_addr: Option<SocketAddr>,
    tls: Option<TlsInfo>,
    /// How many bytes the body has, if that was said.
    pub(crate) expected: Option<u64>,
}

impl Journey {
    pub(crate) fn new(out: Outgoing, max_body: usize, way: Way) -> Self {
        Self {
            out,
            max_body,
            received: 0,
            began: Bytes::new(),
            limit_reached: false,
            named: None,
            cookies: None,
            legs: Vec::new(),
            started: Instant::now(),
            way,
            hops: Vec::new(),
            before: Phases::default(),
            stage: Stage::Idle,
        }
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Notes that the request of this hop is on its way.
    pub(crate) fn asked(&mut self, record: Arc<Record>) {
        // Over http nothing lay before the first one; over https, the roots may have been loaded.
        let first = self.hops.is_empty() && self.out.url.scheme() == "http";
        let at = if first { self.started } else { Instant::now() };
        self.stage = Stage::Asked { at, record };
    }

    /// Notes the head of an answer.
    pub(crate) fn answered(&mut self, response: &mut reqwest::Response, seen: &Seen) {
        let at = Instant::now();
        let (asked, attempt) = match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Asked { at, record } => (at, record.take()),
            Stage::Idle | Stage::Answered(_) => (at, None),
        };
        // An attempt that is not ready, or went on without the request, is not what carried the answer.
        let attempt = attempt.filter(|attempt| !attempt.detached && attempt.ready.is_some());
        let connection = match &attempt {
            None => Connection::Reused,
            Some(attempt) if attempt.handshake.is_some() && attempt.chain.is_none() => Connection::Resumed,
            Some(_) => Connection::New,
        };
        let tls = (self.out.url.scheme() == "https").then(|| tls_info(response, attempt.as_ref(), seen));
        self.received = 0;
        self.stage = Stage::Answered(Answer {
            asked,
            at,
            attempt,
            status: response.status(),
            version: response.version(),
            expected: response.content_length(),
            remote_addr: response.remote_addr(),
            headers: std::mem::take(response.headers_mut()),
            connection,
            tls,
        });
    }

    /// Returns the head of the answer that is being read.
    pub(crate) fn answer(&self) -> Option<&Answer> {
        match &self.stage {
            Stage::Answered(answer) => Some(answer),
            Stage::Idle | Stage::Asked { .. } => None,
        }
    }

    /// Returns where the answer leads, if it redirects.
    pub(crate) fn leads_to(&self) -> Result<Option<(StatusCode, Url)>, WireError> {
        let Some(answer) = self.answer() else { return Ok(None) };
        Ok(self.out.next(answer.status, &answer.headers)?.map(|next| (answer.status, next)))
    }

    /// Ends the current hop, which is a redirect that is followed.
    pub(crate) fn hopped(&mut self) {
        if let Stage::Answered(answer) = std::mem::replace(&mut self.stage, Stage::Idle) {
            let phases = answer.phases(Instant::now());
            self.before += phases;
            if let Some(leg) = self.legs.last_mut() {
                (leg.phases, leg.remote_addr) = (phases, answer.remote_addr);
                leg.answer = Some((answer.version, answer.status, answer.headers));
            }
            self.hops.push(Hop {
                url: self.out.url.clone(),
                status: answer.status,
                phases,
                remote_addr: answer.remote_addr,
            });
        }
    }

    /// Returns how many redirects were followed.
    pub(crate) fn followed(&self) -> usize {
        self.hops.len()
    }

    /// Ends with an answer.
    pub(crate) fn arrive(mut self, body: Bytes) -> Result<Exchange, Box<Failed>> {
        let legs = self.take_legs();
        let Stage::Answered(answer) = self.stage else { unreachable!("a body has a head") };
        let end = Instant::now();
        let mut phases = self.before;
        phases += answer.phases(end);
        Ok(Exchange {
            status: answer.status,
            version: answer.version,
            headers: answer.headers,
            body,
            wire_size: self.received,
            hops: self.hops,
            redirect_limit_reached: self.limit_reached,
            final_url: self.out.url,
            phases,
            connection: answer.connection,
            remote_addr: answer.remote_addr,
            tls: answer.tls,
            elapsed: end - self.started,
            cookies: self.cookies,
            legs,
        })
    }

    /// Returns what is known of the answer so far, whose body is `body`.
    pub(crate) fn so_far(&self, body: Bytes) -> Exchange {
        let Stage::Answered(answer) = &self.stage else { unreachable!("it is asked of answers only") };
        let end = Instant::now();
        let mut phases = self.before;
        phases += answer.phases(end);
        Exchange {
            status: answer.status,
            version: answer.version,
            headers: answer.headers.clone(),
            body,
            wire_size: self.received,
            hops: self.hops.clone(),
            redirect_limit_reached: self.limit_reached,
            final_url: self.out.url.clone(),
            phases,
            connection: answer.connection,
            remote_addr: answer.remote_addr,
            tls: answer.tls.clone(),
            elapsed: end - self.started,
            cookies: self.cookies.clone(),
            legs: Vec::new(),
        }
    }

    /// Returns whether there is no answer because a connection that was open from earlier ended.
    pub(crate) fn lost_a_kept_connection(&self, error: &reqwest::Error) -> bool {
        let Stage::Asked { record, .. } = &self.stage else { return false };
        record.has_no_attempt() && matches!(self.scene(None).explain(error).kind(), Kind::ClosedEarly | Kind::Reset)
    }

    /// Takes every hop, if they are kept, with what is known of the last one.
    pub(crate) fn take_legs(&mut self) -> Vec<Leg> {
        if let (Some(leg), Stage::Answered(answer)) = (self.legs.last_mut(), &self.stage)
            && leg.answer.is_none()
        {
            (leg.phases, leg.remote_addr) = (answer.phases(Instant::now()), answer.remote_addr);
            leg.answer = Some((answer.version, answer.status, answer.headers.clone()));
        }
        std::mem::take(&mut self.legs)
    }

    /// Returns how long the parts have taken so far.
    pub(crate) fn phases(&self) -> Phases {
        let mut phases = self.before;
        if let Stage::Answered(answer) = &self.stage {
            phases += answer.phases(Instant::now());
        }
        phases
    }

    /// Returns how long ago the head of the answer came.
    pub(crate) fn since_the_head(&self) -> Duration {
        self.answer().map(|answer| answer.at.elapsed()).unwrap_or_default()
    }

    /// Ends without one, because of an error of reqwest's instead of a head.
    pub(crate) fn no_answer(self, error: &reqwest::Error) -> Box<Failed> {
        self.end(|journey, attempt| journey.scene(attempt).explain(error))
    }

    /// Ends without one, for a reason that is known.
    pub(crate) fn fail(self, error: WireError) -> Box<Failed> {
        self.end(|_, _| error)
    }

    /// Ends without one, because `deadline` has passed.
    pub(crate) fn too_late(self, deadline: Instant) -> Box<Failed> {
        self.end(|journey, attempt| match &journey.stage {
            Stage::Answered(answer) => diagnose::slow_body(deadline - answer.at, journey.received, answer.expected),
            Stage::Asked { at, .. } => {
                let begun = attempt.map_or(*at, |attempt| phase_began(attempt).unwrap_or(*at));
                journey.scene(attempt).timed_out(deadline - begun)
            }
            Stage::Idle => {
                let message = format!("the time was up before {} was requested", super::shown(&journey.out.url));
                WireError::new(Phase::Setup, Kind::Timeout, message)
            }
        })
    }

    fn end(mut self, why: impl FnOnce(&Self, Option<&Attempt>) -> WireError) -> Box<Failed> {
        let now = Instant::now();
        let taken = match &self.stage {
            Stage::Asked { record, .. } => record.take(),
            Stage::Idle | Stage::Answered(_) => None,
        };
        let error = why(&self, taken.as_ref());
        let mut legs = self.take_legs();
        let own = |attempt: &Option<Attempt>| attempt.clone().filter(|attempt| !attempt.detached);
        let mut head = None;
        let (final_phases, connection, status, remote_addr, tls, attempt) = match self.stage {
            Stage::Idle => (Phases::default(), None, None, None, None, None),
            Stage::Asked { at, .. } => {
                let attempt = own(&taken);
                let phases = phases(at, attempt.as_ref(), None, now);
                let chain = attempt.as_ref().and_then(|attempt| attempt.chain.clone());
                let negotiated = attempt.as_ref().and_then(|attempt| attempt.negotiated);
                let tls = chain.map(|chain| TlsInfo { negotiated, chain: Some(chain) });
                let connection = match &attempt {
                    None => Some(Connection::Reused),
                    Some(attempt) => attempt.ready.map(|_| Connection::New),
                };
                (
                    phases,
                    connection,
                    None,
                    only_address(&self.out, attempt.as_ref()).filter(|_| self.way.is_direct()),
                    tls,
                    attempt,
                )
            }
            Stage::Answered(answer) => {
                let phases = answer.phases(now);
                head = Some((answer.version, answer.headers));
                (phases, Some(answer.connection), Some(answer.status), answer.remote_addr, answer.tls, answer.attempt)
            }
        };
        if let Some(leg) = legs.last_mut().filter(|leg| leg.answer.is_none()) {
            (leg.phases, leg.remote_addr) = (final_phases, remote_addr);
        }
        let mut phases = self.before;
        phases += final_phases;
        let trail = Trail {
            hops: self.hops,
            url: self.out.url,
            phases,
            status,
            head,
            received: self.received,
            began: self.began,
            connection,
            remote_addr,
            resolved: attempt.map(|attempt| attempt.addresses).unwrap_or_default(),
            tls,
            elapsed: now - self.started,
            cookies: self.cookies,
            legs,
        };
        Box::new(Failed { error, trail })
    }

    fn scene<'a>(&'a self, attempt: Option<&'a Attempt>) -> Scene<'a> {
        Scene { url: &self.out.url, named: self.named.as_deref(), attempt, way: &self.way }
    }
}

impl Answer {
    fn phases(&self, end: Instant) -> Phases {
        phases(self.asked, self.attempt.as_ref(), Some(self.at), end)
    }
}

/// Cuts the time from `asked` to `end` into phases; one that did not finish lasts until `end`.
fn phases(asked: Instant, attempt: Option<&Attempt>, head: Option<Instant>, end: Instant) -> Phases {
    let mut phases = Phases::default();
    let ready = match attempt {
        None => Some(asked),
        Some(attempt) => {
            phases.resolve = attempt.resolving.map(|from| attempt.resolved.unwrap_or(end) - from);
            let dialled = if attempt.resolving.is_some() { attempt.resolved } else { Some(attempt.started) };
            phases.connect = dialled.map(|from| attempt.handshake.or(attempt.ready).unwrap_or(end) - from);
            phases.tls = attempt.handshake.map(|from| attempt.ready.unwrap_or(end) - from);
            attempt.ready
        }
    };
    phases.processing = ready.map(|from| head.unwrap_or(end) - from);
    phases.transfer = head.map(|from| end - from);
    phases
}

/// When the phase that an attempt is in began.
fn phase_began(attempt: &Attempt) -> Option<Instant> {
    if attempt.detached {
        return None;
    }
    let resolving = attempt.resolving.filter(|_| attempt.resolved.is_none());
    attempt.ready.or(attempt.handshake).or(resolving).or(attempt.resolved).or(Some(attempt.started))
}

fn tls_info(response: &reqwest::Response, attempt: Option<&Attempt>, seen: &Seen) -> TlsInfo {
    let peer = response.extensions().get::<PeerInfo>();
    let sent = attempt.and_then(|attempt| attempt.chain.clone());
    let chain = sent.or_else(|| peer.and_then(PeerInfo::peer_certificate).and_then(|leaf| seen.by_leaf(leaf)));
    let agreed = attempt.and_then(|attempt| attempt.negotiated);
    let negotiated = match (&chain, agreed) {
        (Some(chain), Some(agreed)) => Some(chain.agreed(agreed)),
        (Some(chain), None) => chain.last_agreed(),
        (None, agreed) => agreed,
    };
    TlsInfo { negotiated, chain }
}

/// The address that was dialled, where there was no choice of it.
fn only_address(out: &Outgoing, attempt: Option<&Attempt>) -> Option<SocketAddr> {
    let attempt = attempt?;
    let address = literal(&out.url.host()?).or(match attempt.addresses.as_slice() {
        [only] => Some(*only),
        _ => None,
    })?;
    Some(SocketAddr::new(address, out.url.port_or_known_default()?))
}
