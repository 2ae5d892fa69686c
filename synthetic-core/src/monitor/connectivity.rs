//! The gate before every run: is our own network there?

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

type Check = dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync;

/// Says whether the monitor's own network is there, so that its loss is no fault of the targets: while it is not, runs are
/// [skipped](crate::Outcome::Skipped), with a report each.
///
/// What was found holds for five seconds: a run that starts within them when the network goes down fails as any other.
///
/// # Examples
///
/// ```
/// use synthetic_core::monitor::Connectivity;
/// use synthetic_core::prelude::*;
/// use synthetic_core::testing::RecordingSink;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// let monitor = Monitor::named("shop")
///     .connectivity(Connectivity::check(|| async { Err("the cable is not plugged in".to_owned()) }))
///     .canary(every(mins(1)), canary(Spec::new("health"), |run: Run| async move { run.expect("up", true, eq(true)) }))
///     .sink(RecordingSink::new())
///     .build()?;
/// let (reports, _) = monitor.once().await;
/// assert_eq!(reports[0].outcome, Outcome::Skipped);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it checks nothing until it is given to a monitor"]
pub struct Connectivity {
    check: Arc<Check>,
    what: Arc<str>,
    time: Duration,
    fresh: Duration,
}

impl Connectivity {
    /// Asks whether a TCP connection can be made to any of these: `["192.0.2.1:443", "gateway.example:53"]`. Take some that
    /// are no targets of the monitor, and independent of each other.
    pub fn tcp<T: Into<String>>(addresses: impl IntoIterator<Item = T>) -> Self {
        let addresses: Arc<[String]> = addresses.into_iter().map(Into::into).collect();
        let what = addresses.join(", ");
        let check = move || {
            let addresses = Arc::clone(&addresses);
            async move { any_answers(&addresses).await }
        };
        Self { what: format!("a connection to {what}").into(), ..Self::check(check) }
    }

    /// Asks whatever else says whether the network is there; the error says what is wrong.
    pub fn check<F: Future<Output = Result<(), String>> + Send + 'static>(
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self {
            check: Arc::new(move || Box::pin(check())),
            what: "the check of the network".into(),
            time: Duration::from_secs(3),
            fresh: Duration::from_secs(5),
        }
    }

    /// Sets how long a check may take; 3 s when it is not said.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Sets for how long what was found holds; 5 s when it is not said.
    pub fn fresh_for(mut self, fresh: Duration) -> Self {
        self.fresh = fresh;
        self
    }

    pub(super) fn what(&self) -> &str {
        &self.what
    }

    async fn ask(&self) -> Result<(), String> {
        // A check that panics is no proof that the network is down; its task keeps the panic to itself.
        let check = Arc::clone(&self.check);
        match timeout(self.time, AbortOnDropHandle::new(tokio::spawn(async move { check().await }))).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::error!(target: "synthetic", %error, "the check of the network did not end well: it counts as passed");
                Ok(())
            }
            Err(_) => Err(format!("{} took longer than {:?}", self.what, self.time)),
        }
    }
}

async fn any_answers(addresses: &[String]) -> Result<(), String> {
    let mut tries: tokio::task::JoinSet<_> = addresses
        .iter()
        .cloned()
        .map(|address| async move {
            let tried = TcpStream::connect(&address).await;
            tried.map(drop).map_err(|error| format!("{address}: {error}"))
        })
        .collect();
    let mut problems = Vec::new();
    while let Some(tried) = tries.join_next().await {
        match tried {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(problem)) => problems.push(problem),
            Err(error) => problems.push(error.to_string()),
        }
    }
    problems.sort();
    Err(if problems.is_empty() { "no address was given".to_owned() } else { problems.join("; ") })
}

impl fmt::Debug for Connectivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connectivity").field("what", &self.what).finish_non_exhaustive()
    }
}

/// The gate of one monitor: remembers what was found, and asks once however many runs want to know.
#[derive(Debug)]
pub(super) struct Gate {
    connectivity: Connectivity,
    found: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Gate {
    pub(super) fn new(connectivity: Connectivity) -> Self {
        Self { connectivity, found: Mutex::new(None) }
    }

    /// Returns what is wrong with our own network, if anything is.
    pub(super) async fn pass(&self) -> Result<(), String> {
        let asked = Instant::now();
        let mut found = self.found.lock().await;
        match &*found {
            // What was found while we waited for it is fresh in any case.
            Some((when, what)) if *when >= asked || when.elapsed() < self.connectivity.fresh => what.clone(),
            _ => {
                let what = self.connectivity.ask().await;
                *found = Some((Instant::now(), what.clone()));
                what
            }
        }
    }
}
