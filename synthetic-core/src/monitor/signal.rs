//! SIGINT and SIGTERM: the first asks for a drain, the second ends the process.

use std::future::Future;

/// Returns a future that is ready when the process is told to stop. From then on, a second signal ends the process at
/// once.
pub(crate) fn told_to_stop() -> impl Future<Output = ()> {
    let mut signals = Signals::listen();
    async move {
        let first = signals.next().await;
        tracing::info!(target: "synthetic", "{first}: draining; once more to end at once");
        tokio::spawn(async move {
            signals.next().await;
            // Whoever asks twice does not want to wait for cleanup.
            std::process::exit(130);
        });
    }
}

#[cfg(unix)]
struct Signals(Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            (Ok(interrupt), Ok(terminate)) => Self(Some((interrupt, terminate))),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(target: "synthetic", %error, "cannot listen for SIGINT and SIGTERM: they end the process at once");
                Self(None)
            }
        }
    }

    async fn next(&mut self) -> &'static str {
        match &mut self.0 {
            Some((interrupt, terminate)) => tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            },
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            return std::future::pending().await;
        }
        "Ctrl-C"
    }
}
