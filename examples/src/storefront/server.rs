//! A shop that is open: its listeners, its connections, and how it closes.
//!
//! The connections are served here and not by `axum::serve`, because two things are needed that it does not offer: to
//! end a connection in place of an answer, and to end all of them when the shop closes.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::admin::Snapshot;
use super::app::{self, App};
use super::faults::Faults;
use super::gate::Lost;
use super::tls::{self, Tls};

/// Is a shop that is open, until it is dropped or [stopped](Self::stop).
#[must_use = "the shop closes when this is dropped"]
pub struct Running {
    app: Arc<App>,
    plain_url: String,
    secure: Option<Secure>,
    /// Dropping it ends the listeners.
    stop: watch::Sender<()>,
    listeners: Vec<JoinHandle<()>>,
}

struct Secure {
    url: String,
    ca_pem: String,
}

impl Running {
    /// Returns where the shop is, without a slash at the end: `https://localhost:PORT` with TLS, else
    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.tls_url().unwrap_or(&self.plain_url)
    }

    /// Returns where the shop is in plain HTTP, which it always serves too.
    #[must_use]
    pub fn plain_url(&self) -> &str {
        &self.plain_url
    }

    /// Returns where the shop is in HTTPS, if it was started with TLS.
    #[must_use]
    pub fn tls_url(&self) -> Option<&str> {
        self.secure.as_ref().map(|secure| secure.url.as_str())
    }

    /// Returns the certificate of the shop's authority in PEM, if it was started with TLS: what a client has to trust.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.secure.as_ref().map(|secure| secure.ca_pem.as_str())
    }

    /// Returns what exists in the shop now.
    #[must_use]
    pub fn state(&self) -> Snapshot {
        Snapshot::of(&self.app)
    }

    /// Forgets orders, idempotency keys, sessions, tokens and counters; faults stay as they are.
    pub fn reset(&self) {
        self.app.memory().reset();
    }

    /// Returns the faults that are set.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.app.memory().faults.clone()
    }

    /// Replaces the faults, for all requests that arrive from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.app.memory().faults = faults;
    }

    /// Closes the shop: when this returns, nothing listens and no connection is open. Requests under way get no answer.
    pub async fn stop(self) {
        let Self { stop, listeners, .. } = self;
        drop(stop);
        for listener in listeners {
            // It can only have panicked, and then it is closed as well.
            let _ = listener.await;
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("plain_url", &self.plain_url)
            .field("tls_url", &self.tls_url())
            .finish_non_exhaustive()
    }
}

pub(crate) async fn start(app: Arc<App>, listen: SocketAddr, tls: Option<Tls>) -> io::Result<Running> {
    let certified = tls.map(tls::certify).transpose()?;
    let first = TcpListener::bind(listen).await?;
    let router = app::router(Arc::clone(&app));
    let (stop, stopped) = watch::channel(());
    let serve = |listener, tls| tokio::spawn(accept(listener, tls, router.clone(), stopped.clone()));

    let (plain, secure, listeners) = match certified {
        None => (first.local_addr()?, None, vec![serve(first, None)]),
        Some(certified) => {
            let second = TcpListener::bind((listen.ip(), 0)).await?;
            let plain = second.local_addr()?;
            let url = format!("https://localhost:{}", first.local_addr()?.port());
            let secure = Secure { url, ca_pem: certified.ca_pem };
            (plain, Some(secure), vec![serve(first, Some(certified.config)), serve(second, None)])
        }
    };
    Ok(Running { app, plain_url: format!("http://{plain}"), secure, stop, listeners })
}

async fn accept(listener: TcpListener, tls: Option<Arc<ServerConfig>>, app: Router, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // An error: the sender is gone, which is how a shop closes.
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, tls.clone(), app.clone()));
                }
                // Out of file descriptors, most likely: it may pass.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, tls: Option<Arc<ServerConfig>>, app: Router) {
    const HANDSHAKE: Duration = Duration::from_secs(10);

    let _ = stream.set_nodelay(true);
    match tls {
        None => converse(stream, app).await,
        Some(config) => {
            let handshake = TlsAcceptor::from(config).accept(stream);
            // A client that does not like the certificate is a client's matter, and often what it was started for.
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, handshake).await {
                converse(stream, app).await;
            }
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S, app: Router) {
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |request| {
        let answer = app.call(request);
        async move { answer_or_none(answer.await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    // How a conversation ends is the client's matter, or was asked for.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// Turns an answer that must be lost into an error, on which hyper ends the connection without a word.
fn answer_or_none(answer: Result<Response, Infallible>) -> Result<Response, LostAnswer> {
    match answer {
        Ok(response) if response.extensions().get::<Lost>().is_some() => Err(LostAnswer),
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}

#[derive(Debug)]
struct LostAnswer;

impl fmt::Display for LostAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is lost on purpose")
    }
}

impl Error for LostAnswer {}
