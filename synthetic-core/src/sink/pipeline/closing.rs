//! How a worker learns that it is to end, and until when it may still deliver.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::clock::later;

/// How long a worker goes on whose pipeline was dropped without being closed.
const ABANDONED: Duration = Duration::from_secs(10);

/// Tells a worker to end.
pub(super) struct Close(watch::Sender<Option<Instant>>);

/// Hears that.
#[derive(Clone)]
pub(super) struct Closing {
    told: watch::Receiver<Option<Instant>>,
    /// Until when to go on, once it is known.
    until: Option<Instant>,
}

pub(super) fn pair() -> (Close, Closing) {
    let (sender, receiver) = watch::channel(None);
    (Close(sender), Closing { told: receiver, until: None })
}

impl Close {
    /// Begins to close; deliveries end at this moment.
    pub(super) fn at(self, until: Instant) {
        self.0.send_replace(Some(until));
    }
}

impl Closing {
    /// Waits until closing begins, and returns until when deliveries may go on.
    pub(super) async fn begun(&mut self) -> Instant {
        if let Some(until) = self.until {
            return until;
        }
        let told = self.told.wait_for(Option::is_some).await.ok().and_then(|until| *until);
        *self.until.insert(told.unwrap_or_else(|| later(Instant::now(), ABANDONED)))
    }

    /// Waits until deliveries have to end.
    pub(super) async fn time_up(&mut self) {
        let until = self.begun().await;
        sleep_until(until).await;
    }
}
