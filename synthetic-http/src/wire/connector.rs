//! The hooks into reqwest's connecting: when it begins and ends, and which addresses a name has.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::{
    address::Addresses,
    record::{self, Record},
};

/// Finds the addresses of a host name.
///
/// # Contract
///
/// The order of the addresses is the order in which they are tried. No address is an error (`NotFound`), never an empty list.
/// The future is dropped when the request's deadline passes.
pub(crate) trait Lookup: fmt::Debug + Send + Sync {
    /// Looks `host` up, which is never a literal address.
    fn lookup(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// Asks the operating system, as every other program on the machine does.
#[derive(Debug)]
pub(crate) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Resolves names for reqwest and notes when.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) addresses: Addresses,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let record = record::current();
        let host = record.as_deref().and_then(Record::dial).unwrap_or(name.as_str());
        if let Ok(literal) = host.parse::<IpAddr>() {
            return Box::pin(async move { Ok(with_no_port(vec![literal])) });
        }
        if let Some(address) = self.addresses.of(host) {
            record::note(|attempt| attempt.addresses = vec![address.ip()]);
            return Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) });
        }
        let found = self.lookup.lookup(host);
        let rules = self.addresses.clone();
        Box::pin(async move {
            record::note(|attempt| attempt.resolving = Some(Instant::now()));
            let addresses = found.await?;
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            let addresses = rules.allowed(addresses)?;
            record::note(|attempt| {
                attempt.resolved = Some(Instant::now());
                attempt.addresses.clone_from(&addresses);
            });
            Ok(with_no_port(addresses))
        })
    }
}

/// Port 0 lets reqwest put in the URL's.
fn with_no_port(addresses: Vec<IpAddr>) -> Addrs {
    Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)))
}

/// Wraps reqwest's connector in one that notes when connecting begins and ends.
#[derive(Clone, Debug)]
pub(crate) struct RecordLayer;

impl<S> Layer<S> for RecordLayer {
    type Service = RecordConnector<S>;

    fn layer(&self, inner: S) -> RecordConnector<S> {
        RecordConnector { inner: Arc::new(inner) }
    }
}

/// A connector that writes into the record of the request that asked for the connection.
///
/// hyper clones its connector several times a request, also where it then reuses a connection. So the clones share one, and it
/// is cloned only to connect.
#[derive(Debug)]
pub(crate) struct RecordConnector<S> {
    inner: Arc<S>,
}

impl<S> Clone for RecordConnector<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

// The request and the connection are types of reqwest that cannot be named, hence the type parameters.
impl<S: Service<R> + Clone, R> Service<R> for RecordConnector<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Connecting<S, R, S::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // The one that connects is asked when it is there.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: R) -> Self::Future {
        let record = record::current();
        if let Some(record) = &record {
            record.begin();
        }
        let inner = Stage::Waiting { connector: S::clone(&self.inner), target: Some(target) };
        Connecting { inner, record }
    }
}

pin_project! {
    /// A connection on its way.
    ///
    /// When an idle connection turns up first, hyper lets the request have that one and finishes this one in a task of its own,
    /// outside the request's task-local. That is how a detached attempt is told from the request's own.
    #[derive(Debug)]
    pub(crate) struct Connecting<S, R, F> {
        #[pin]
        inner: Stage<S, R, F>,
        record: Option<Arc<Record>>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StageProj]
    enum Stage<S, R, F> {
        Waiting { connector: S, target: Option<R> },
        Called {
            #[pin]
            future: F,
        },
    }
}

impl<S: Service<R>, R> Future for Stage<S, R, S::Future> {
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let future = match self.as_mut().project() {
                StageProj::Called { future } => return future.poll(cx),
                StageProj::Waiting { connector, target } => {
                    ready!(connector.poll_ready(cx))?;
                    let Some(target) = target.take() else { unreachable!("the stage changes with the call") };
                    connector.call(target)
                }
            };
            self.set(Self::Called { future });
        }
    }
}

impl<S: Service<R>, R> Future for Connecting<S, R, S::Future> {
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(record) = this.record else { return this.inner.poll(cx) };
        let polled = if record::is_current(record) {
            this.inner.poll(cx)
        } else {
            record.note(|attempt| attempt.detached = true);
            record::sync_scope(record, || this.inner.poll(cx))
        };
        if let Poll::Ready(Ok(_)) = polled {
            record.note(|attempt| attempt.ready = Some(Instant::now()));
        }
        polled
    }
}
