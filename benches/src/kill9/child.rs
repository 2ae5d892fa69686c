//! The process that is killed, and the one that is started after it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use synthetic_core::cleanup::{FileJournal, Sweeper};
use synthetic_core::prelude::*;
use tokio::time::sleep;

use super::Strategy;
use super::naive::Naive;
use super::orders::Orders;
use crate::Tally;

/// How many canaries there are. Each runs once a [`PERIOD`], and they take turns: one begins when the one before it is
/// most likely at its end.
const CANARIES: u32 = 8;
const PERIOD: Duration = Duration::from_millis(400);
/// How long a canary looks at its order.
const USE: Duration = Duration::from_millis(10);
/// How often the monitor sweeps: a lost answer is no reason to wait for a restart.
const SWEEP_EVERY: Duration = Duration::from_millis(150);
/// How long a restart may sweep. It takes little more than the quiescence.
const SETTLE: Duration = Duration::from_secs(30);

/// What a child is told to do.
#[derive(Debug, Clone)]
pub struct Task {
    /// Whether it sweeps what another one left, or runs canaries until it is killed.
    pub sweeps: bool,
    /// How cleanup is done.
    pub strategy: Strategy,
    /// Where the shop is.
    pub url: String,
    /// Where the journal is, or the notes of a strategy that has none.
    pub folder: PathBuf,
}

/// What a child came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It did what it could, and knows of nothing that is left.
    Clean,
    /// It knows that something is left, or that something was wrong.
    Left(String),
}

impl Ended {
    /// What a child exits with that knows of something left.
    pub(super) const LEFT: u8 = 3;

    /// Returns what a child exits with.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Left(_) => Self::LEFT,
        }
    }
}

impl Task {
    /// Does it. Canaries run until the process is killed, or until nobody holds its standard input any more.
    ///
    /// # Errors
    ///
    /// Returns why it could not be begun.
    pub async fn run(self) -> Result<Ended, String> {
        end_with_parent();
        let orders = Orders::new(&self.url, self.strategy);
        match (self.sweeps, self.strategy.promises()) {
            (true, true) => sweep(orders, &self.folder).await,
            (true, false) => {
                let naive = Naive::new(self.strategy, orders, &self.folder)?;
                naive.restart(&self.folder).await.map(|()| Ended::Clean)
            }
            (false, true) => {
                monitor(Some(&self.folder), &orders.clone(), move |run| with_cleanup(run, orders.clone())).await
            }
            (false, false) => {
                let naive = Naive::new(self.strategy, orders.clone(), &self.folder)?;
                monitor(None, &orders.clone(), move |run| without_cleanup(run, naive.clone(), orders.clone())).await
            }
        }
    }
}

/// Ends this process when the one that started it is gone: it holds our standard input as long as it lives.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
}

/// Runs canaries until the process is killed.
async fn monitor<F, Fut>(journal: Option<&Path>, orders: &Orders, body: F) -> Result<Ended, String>
where
    F: Fn(Run) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    let mut builder = Monitor::named("kill9").sink(Tally::default());
    if let Some(folder) = journal {
        builder = builder.journal(folder).resource(orders.clone()).sweep_every(SWEEP_EVERY);
    }
    for n in 0..CANARIES {
        builder = builder.canary(every(PERIOD), canary(Spec::new(format!("order-{n}")).timeout(PERIOD), body.clone()));
    }
    let monitor = builder.build().map_err(|error| error.to_string())?;
    let summary = monitor.run_until(std::future::pending()).await;
    Err(format!("the monitor ended by itself: {summary:?}"))
}

async fn with_cleanup(run: Run, orders: Orders) -> Result {
    let order = orders.make(&run).await?;
    orders.look_at(&order.id).await?;
    sleep(USE).await;
    Ok(())
}

async fn without_cleanup(run: Run, naive: Naive, orders: Orders) -> Result {
    let look = |id: String| async move {
        orders.look_at(&id).await?;
        sleep(USE).await;
        Ok(())
    };
    naive.with_order(&run, look).await
}

/// Sweeps what the killed process has left, until it is settled.
async fn sweep(orders: Orders, folder: &Path) -> Result<Ended, String> {
    let journal = FileJournal::open(folder).map_err(|error| error.to_string())?;
    let sweeper = Sweeper::new("kill9", journal).resource(orders);
    let report = sweeper.settle(SETTLE).await;
    sweeper.close().await.map_err(|error| error.to_string())?;
    let is_clean = report.pending == 0 && report.abandoned == 0 && report.problems.is_empty();
    Ok(if is_clean { Ended::Clean } else { Ended::Left(report.to_string()) })
}
