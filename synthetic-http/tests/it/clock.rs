//! Times that run out although they are long: no machine is so slow that what comes before takes them up.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long something may take that is to run out: a real second of a busy machine is nothing beside it.
pub(crate) const LONG: Duration = Duration::from_secs(10);
/// How long may be silence, where that is to run out: it does so before the rest of the time of a request.
pub(crate) const SILENCE: Duration = Duration::from_secs(5);

/// Where a server says that all is said, once for each connection.
#[derive(Debug, Clone)]
pub(crate) struct Stall(Arc<Semaphore>);

impl Stall {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Says that it is reached.
    pub(crate) fn reached(&self) {
        self.0.add_permits(1);
    }

    /// Says that it is reached, and does no more.
    pub(crate) async fn here<T>(&self) -> T {
        self.reached();
        pending().await
    }

    /// Returns what comes of something when its time is up: as soon as the stall is reached, and what was sent is there, the
    /// clock goes on by itself whenever nobody does anything.
    pub(crate) async fn runs_out<T: Send + 'static>(&self, checking: impl Future<Output = T> + Send + 'static) -> T {
        let mut checking = tokio::spawn(checking);
        tokio::select! {
            // It ended by itself, which whoever asked for it will judge.
            early = &mut checking => return early.unwrap(),
            reached = self.0.acquire() => reached.unwrap().forget(),
        }
        settled().await;
        tokio::time::pause();
        let checked = checking.await.unwrap();
        tokio::time::resume();
        checked
    }
}

/// Waits until everything that was sent on this machine so far has come: it goes in turns, and what is sent last comes last.
pub(crate) async fn settled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), async { listener.accept().await.unwrap().0 });
    let (mut near, mut far) = (near.unwrap(), far);
    for _ in 0..3 {
        near.write_all(b"x").await.unwrap();
        far.read_exact(&mut [0]).await.unwrap();
        tokio::task::yield_now().await;
    }
}
