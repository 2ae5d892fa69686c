//! One row: a target, a module of the exporter, and the same check in our words.

use synthetic_core::prelude::*;
use synthetic_http::net::{Lookup, Ping, Tcp, Tls};
use synthetic_http::{GrpcHealth, Request};

use crate::support::run_check;

/// A target that is judged twice.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) target: String,
    /// What the module has, in YAML.
    pub(super) module: String,
    pub(super) ours: Ours,
    /// Whether it is to pass here.
    pub(super) passes: bool,
}

/// The time that both have, unless the row says another: longer than any check takes on a machine that is busy.
const TIME: u64 = 30;

impl Row {
    /// A row that is to pass.
    pub(super) fn passes(
        name: &'static str,
        target: impl Into<String>,
        module: impl Into<String>,
        ours: impl Into<Ours>,
    ) -> Self {
        let (target, ours, mut module) = (target.into(), ours.into(), module.into());
        let ours = if module.contains("timeout: ") {
            ours
        } else {
            module.push_str(&format!(", timeout: {TIME}s"));
            ours.within(secs(TIME))
        };
        Self { name, target, module, ours, passes: true }
    }

    /// A row that is to fail.
    pub(super) fn fails(
        name: &'static str,
        target: impl Into<String>,
        module: impl Into<String>,
        ours: impl Into<Ours>,
    ) -> Self {
        Self { passes: false, ..Self::passes(name, target, module, ours) }
    }
}

/// A check of ours, of whatever kind.
#[derive(Clone)]
pub(super) enum Ours {
    Http(Box<Request>),
    Tcp(Box<Tcp>),
    Tls(Box<Tls>),
    Dns(Box<Lookup>),
    Ping(Box<Ping>),
    Grpc(Box<GrpcHealth>),
}

impl Ours {
    fn within(self, time: std::time::Duration) -> Self {
        match self {
            Self::Http(check) => check.timeout(time).into(),
            Self::Tcp(check) => check.timeout(time).into(),
            Self::Tls(check) => check.timeout(time).into(),
            Self::Dns(check) => check.timeout(time).into(),
            Self::Ping(check) => check.timeout(time).into(),
            Self::Grpc(check) => check.timeout(time).into(),
        }
    }

    /// Makes it in a run of its own.
    pub(super) async fn run(&self) -> Report {
        let check = self.clone();
        run_check(move || {
            let check = check.clone();
            async move {
                match check {
                    Self::Http(check) => check.send().await.map(drop),
                    Self::Tcp(check) => check.connect().await.map(drop),
                    Self::Tls(check) => check.connect().await.map(drop),
                    Self::Dns(check) => check.ask().await.map(drop),
                    Self::Ping(check) => check.send().await.map(drop),
                    Self::Grpc(check) => check.send().await.map(drop),
                }
            }
        })
        .await
    }
}

impl From<Request> for Ours {
    fn from(check: Request) -> Self {
        Self::Http(Box::new(check))
    }
}

impl From<Tcp> for Ours {
    fn from(check: Tcp) -> Self {
        Self::Tcp(Box::new(check))
    }
}

impl From<Tls> for Ours {
    fn from(check: Tls) -> Self {
        Self::Tls(Box::new(check))
    }
}

impl From<Lookup> for Ours {
    fn from(check: Lookup) -> Self {
        Self::Dns(Box::new(check))
    }
}

impl From<Ping> for Ours {
    fn from(check: Ping) -> Self {
        Self::Ping(Box::new(check))
    }
}

impl From<GrpcHealth> for Ours {
    fn from(check: GrpcHealth) -> Self {
        Self::Grpc(Box::new(check))
    }
}
