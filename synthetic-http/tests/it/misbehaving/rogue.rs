//! [`Rogue`]: a server that does what it is told, says when it has done it, and counts what it could send.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use synthetic_core::prelude::*;
use synthetic_http::{Http, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::clock::settled;
use crate::support::{Server, read_request, run_of};

/// How long a request may take in these tests: a real second of a busy machine is nothing beside it.
pub(super) const TIME: Duration = Duration::from_secs(10);
/// By how much an answer may come after its time.
pub(super) const LATE: Duration = Duration::from_millis(50);
/// What the system keeps of what was sent and not read yet, on both sides of a connection, with room to spare.
pub(super) const IN_BETWEEN: u64 = 16 * 1024 * 1024;

/// A server that misbehaves towards each who connects.
pub(crate) struct Rogue {
    pub(super) server: Server,
    acts: Arc<Acts>,
}

/// What the connections of a server have done.
#[derive(Debug)]
struct Acts {
    written: AtomicU64,
    /// One permit for each that does no more.
    done: Semaphore,
    /// One permit for each that the client has left.
    left: Semaphore,
}

/// A connection of a server that misbehaves.
pub(super) struct Hand {
    pub(super) stream: TcpStream,
    acts: Arc<Acts>,
}

impl Rogue {
    pub(super) async fn new<F, T>(act: F) -> Self
    where
        F: Fn(Hand) -> T + Send + Sync + 'static,
        T: Future<Output = io::Result<()>> + Send + 'static,
    {
        let acts = Arc::new(Acts { written: AtomicU64::new(0), done: Semaphore::new(0), left: Semaphore::new(0) });
        let kept = Arc::clone(&acts);
        let server = Server::raw(move |stream| act(Hand { stream, acts: Arc::clone(&kept) })).await;
        Self { server, acts }
    }

    /// Reads the request, says something and then nothing more.
    pub(crate) async fn stalling(says: impl Into<Vec<u8>>) -> Self {
        let says: Arc<[u8]> = says.into().into();
        Self::new(move |mut hand| {
            let says = Arc::clone(&says);
            async move {
                hand.read_request().await?;
                hand.say(&says).await?;
                hand.stall().await
            }
        })
        .await
    }

    /// Reads the request, says something, and goes on with `piece` until the client leaves.
    pub(super) async fn flooding(says: impl Into<Vec<u8>>, piece: impl Into<Vec<u8>>) -> Self {
        let (says, piece): (Arc<[u8]>, Arc<[u8]>) = (says.into().into(), piece.into().into());
        Self::new(move |mut hand| {
            let (says, piece) = (Arc::clone(&says), Arc::clone(&piece));
            async move {
                hand.read_request().await?;
                hand.say(&says).await?;
                hand.done();
                hand.flood(&piece).await
            }
        })
        .await
    }

    pub(crate) fn api(&self) -> Http {
        Http::at(self.server.url()).timeout(TIME)
    }

    pub(super) fn tls(&self) -> Http {
        Http::at(self.server.url().replace("http:", "https:")).timeout(TIME)
    }

    /// Returns how many bytes could be sent so far.
    pub(super) fn written(&self) -> u64 {
        self.acts.written.load(Ordering::SeqCst)
    }

    /// Waits until a connection does no more, and what it sent is where it was sent to.
    pub(crate) async fn is_done(&self) {
        self.acts.done.acquire().await.unwrap().forget();
        settled().await;
    }

    /// Waits until the client has left a connection that stalls or floods.
    pub(crate) async fn is_left(&self) {
        self.acts.left.acquire().await.unwrap().forget();
    }
}

impl Hand {
    pub(super) async fn read_request(&mut self) -> io::Result<String> {
        read_request(&mut self.stream).await
    }

    pub(super) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = self.stream.write(rest).await?;
            self.acts.written.fetch_add(count as u64, Ordering::SeqCst);
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Says that it has come to what it will do for ever.
    pub(super) fn done(&self) {
        self.acts.done.add_permits(1);
    }

    /// Does no more until the client leaves.
    pub(super) async fn stall(mut self) -> io::Result<()> {
        self.done();
        let mut buffer = [0; 4096];
        while self.stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        self.acts.left.add_permits(1);
        Ok(())
    }

    /// Sends the same again and again until the client leaves.
    pub(super) async fn flood(mut self, piece: &[u8]) -> io::Result<()> {
        while self.say(piece).await.is_ok() {
            // The client has its turn, or what it would find is as much as the system keeps.
            tokio::task::yield_now().await;
        }
        self.acts.left.add_permits(1);
        Ok(())
    }

    /// Sends the same again and again, once a second, until the client leaves.
    pub(super) async fn drip(mut self, piece: &[u8]) -> io::Result<()> {
        self.done();
        while self.say(piece).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.acts.left.add_permits(1);
        Ok(())
    }

    /// Ends the connection with a reset instead of an end.
    pub(super) fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }
}

/// Sends a request, lets the server come as far as it goes, and lets the time pass from then on: by a clock that goes on in
/// steps, so that the phase is the one that the server chose, however slow the machine is.
///
/// What comes back ends in its time and not before, and leaves the connection.
pub(super) async fn when_its_time_is_up(case: &str, rogue: &Rogue, request: Request) -> Report {
    let begun = Instant::now();
    let sending = tokio::spawn(run_of(request));
    rogue.is_done().await;
    tokio::time::pause();
    let before = begun.elapsed();
    while begun.elapsed() + ms(1_010) < TIME {
        advance(ms(1_000)).await;
        assert!(!sending.is_finished(), "{case}: it did not wait for its time: {:?}", sending.await.unwrap());
    }
    while !sending.is_finished() && begun.elapsed() < TIME + secs(5) {
        advance(ms(10)).await;
    }
    let report = sending.await.unwrap();
    tokio::time::resume();
    // Its time began somewhere between the two, and what is measured of it a little later.
    let took = report.requests.first().map(|request| request.duration).unwrap_or_default();
    let wanted = TIME - before..=TIME + LATE;
    assert!(wanted.contains(&took), "{case}: {took:?} instead of {wanted:?}: {report}");
    report
}

/// Lets time pass, and those who waited for it go on.
async fn advance(by: Duration) {
    tokio::time::advance(by).await;
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
}
