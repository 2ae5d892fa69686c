//! [`Trail`]: how far a check came, so that it is still known when its time is up.

use std::net::SocketAddr;
use std::time::Duration;

use synthetic_core::report::{Certificate, Phases, RequestReport};
use tokio::time::Instant;

use crate::wire::{self, Kind, WireError, span};

/// What a check is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Setup,
    Resolve,
    Connect,
    Tls,
    /// Anything that is said once the connection is there.
    Talk,
}

impl Stage {
    fn phase(self) -> wire::Phase {
        match self {
            Self::Setup => wire::Phase::Setup,
            Self::Resolve => wire::Phase::Resolve,
            Self::Connect => wire::Phase::Connect,
            Self::Tls => wire::Phase::Tls,
            Self::Talk => wire::Phase::Processing,
        }
    }
}

/// Says how far a check came, and when.
#[derive(Debug)]
pub(super) struct Trail {
    started: Instant,
    stage: Stage,
    entered: Instant,
    /// What is being done, as a failure begins: `connect to db:5432`.
    doing: String,
    phases: Phases,
    pub(super) peer: Option<SocketAddr>,
    /// The bytes that were received.
    pub(super) size: u64,
    /// `TLS 1.3`, `DNS over UDP`.
    pub(super) protocol: Option<&'static str>,
    pub(super) certificate: Option<Certificate>,
    /// What a failure shows besides.
    pub(super) evidence: Vec<(&'static str, String)>,
    /// What was said, a line for each turn.
    pub(super) said: String,
}

impl Trail {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            stage: Stage::Setup,
            entered: now,
            doing: String::new(),
            phases: Phases::default(),
            peer: None,
            size: 0,
            protocol: None,
            certificate: None,
            evidence: Vec::new(),
            said: String::new(),
        }
    }

    /// Begins to do something. The time until now belongs to what was done before.
    pub(super) fn enter(&mut self, stage: Stage, doing: impl Into<String>) {
        let now = Instant::now();
        self.settle(now);
        (self.stage, self.entered, self.doing) = (stage, now, doing.into());
    }

    /// Ends what is being done, and returns the parts of the time, and all of it.
    pub(super) fn finish(&mut self) -> Took {
        let now = Instant::now();
        self.settle(now);
        self.entered = now;
        Took { phases: self.phases, latency: now - self.started, peer: self.peer }
    }

    /// Explains that the time was up.
    pub(super) fn too_late(&self, deadline: Instant) -> WireError {
        let waited = span(deadline.saturating_duration_since(self.entered));
        let doing = if self.doing.is_empty() { "the beginning" } else { &self.doing };
        let what = match self.stage {
            Stage::Tls => "not complete",
            Stage::Talk => "not done",
            Stage::Setup | Stage::Resolve | Stage::Connect => "no answer",
        };
        WireError::new(self.stage.phase(), Kind::Timeout, format!("{doing}: {what} within {waited}"))
    }

    /// Writes down how it went.
    pub(super) fn describe(&self, report: &mut RequestReport, took: &Took) {
        report.duration = took.latency;
        report.phases = took.phases;
        report.size = self.size;
        report.protocol = self.protocol.map(Into::into);
        report.peer = self.peer;
        report.certificate.clone_from(&self.certificate);
    }

    fn settle(&mut self, now: Instant) {
        let phase = match self.stage {
            Stage::Setup => return,
            Stage::Resolve => &mut self.phases.resolve,
            Stage::Connect => &mut self.phases.connect,
            Stage::Tls => &mut self.phases.tls,
            Stage::Talk => &mut self.phases.processing,
        };
        *phase = Some(phase.unwrap_or_default() + (now - self.entered));
    }
}

/// How long a check took, and where its answer came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    pub(super) phases: Phases,
    pub(super) latency: Duration,
    pub(super) peer: Option<SocketAddr>,
}
