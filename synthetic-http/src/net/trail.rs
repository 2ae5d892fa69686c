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
    /// Asking, once there is a connection or none is needed.
    Ask,
    /// Reading what is expected.
    Read,
}

impl Stage {
    fn phase(self) -> wire::Phase {
        match self {
            Self::Setup => wire::Phase::Setup,
            Self::Resolve => wire::Phase::Resolve,
            Self::Connect => wire::Phase::Connect,
            Self::Tls => wire::Phase::Tls,
            Self::Ask | Self::Read => wire::Phase::Processing,
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
    /// What was said, by whom: `<` is the server.
    said: Vec<(char, Vec<u8>)>,
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
            said: Vec::new(),
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

    /// Notes what was said. It is kept in one piece however many it came in, so that a secret in it is recognised.
    pub(super) fn note(&mut self, by: char, bytes: &[u8]) {
        match self.said.last_mut() {
            Some((last, said)) if *last == by => said.extend_from_slice(bytes),
            _ => self.said.push((by, bytes.to_vec())),
        }
    }

    /// Returns what was said, line by line.
    pub(super) fn dialogue(&self) -> String {
        let mut text = String::new();
        for (by, bytes) in &self.said {
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                text.push_str(&format!("{by} {}\n", escaped(line.trim_ascii_end())));
            }
        }
        text
    }

    /// Explains that the time was up.
    pub(super) fn too_late(&self, deadline: Instant) -> WireError {
        let waited = span(deadline.saturating_duration_since(self.entered));
        let doing = if self.doing.is_empty() { "the beginning" } else { &self.doing };
        let what = match self.stage {
            Stage::Tls => "not complete",
            Stage::Read => "it did not come",
            Stage::Setup | Stage::Resolve | Stage::Connect | Stage::Ask => "no answer",
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
            Stage::Ask | Stage::Read => &mut self.phases.processing,
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

/// Shows bytes as text where they are.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.escape_ascii().to_string() };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}
