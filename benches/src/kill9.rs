//! What is left behind when a process is killed at a random moment: the promise of cleanup, put to the test.
//!
//! A trial is one kill. A child process runs canaries through the public API, against a server with
//! queueing, late application and lost answers. It gets SIGKILL at a random moment, is started again once, and sweeps. When
//! nothing is on its way any more, the server's state is read: every order in it was left behind.
//!
//! A kill has *landed* when the killed process had made something, or was making it, that was not yet gone: the server had
//! received a creation from it whose order was not deleted before the process was dead, be it queued, applied, or about to
//! be deleted. It is judged by what the server knows, so a process that died after it had written its intent and before the
//! server read its request has not landed. Kills that did not land do not count as such; what is left behind after one of
//! them counts all the same.
//!
//! Everything random derives from a seed: when the child is killed, how long each request waits, which creations are late,
//! which answers are lost. Where in its work a kill finds the child still depends on the machine.

mod child;
mod naive;
mod orders;
mod server;
mod shop;
mod strategy;
mod totals;
mod trial;

use std::path::PathBuf;
use std::sync::Arc;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::child::{Ended, Task};
pub use self::strategy::Strategy;
pub use self::totals::{Totals, table};
use self::trial::Trial;

/// Kills children until enough kills have landed.
#[derive(Debug, Clone)]
pub struct Harness {
    /// The program that is started as a child: `kill9`.
    pub program: PathBuf,
    /// How many kills must land.
    pub kills: usize,
    /// What everything random derives from.
    pub seed: u64,
    /// How many trials go on side by side, each with a server and a folder of its own. Most of a trial is waiting.
    pub lanes: usize,
}

impl Harness {
    /// Tries a strategy.
    ///
    /// # Errors
    ///
    /// Returns what stood in the way of a trial: nothing was learned then.
    ///
    /// # Cancellation
    ///
    /// Its children are killed and its folders removed.
    pub async fn run(&self, strategy: Strategy) -> Result<Totals, String> {
        let started = Instant::now();
        let mut rng = Rng::with_seed(self.seed);
        let program: Arc<std::path::Path> = self.program.as_path().into();
        let lanes = self.lanes.clamp(1, self.kills.max(1));
        let mut tasks = JoinSet::new();
        for lane in 0..lanes {
            // Every lane has its share, so that exactly as many land as were asked for.
            let share = self.kills / lanes + usize::from(lane < self.kills % lanes);
            tasks.spawn(run_lane(strategy, Arc::clone(&program), share, rng.fork()));
        }
        let mut totals = Totals::new(strategy, self.kills, self.seed);
        while let Some(lane) = tasks.join_next().await {
            totals.add(&lane.map_err(|error| error.to_string())??);
        }
        totals.seconds = started.elapsed().as_secs_f64();
        Ok(totals)
    }
}

/// Does trials until so many kills have landed.
async fn run_lane(
    strategy: Strategy,
    program: Arc<std::path::Path>,
    share: usize,
    mut rng: Rng,
) -> Result<Vec<trial::Seen>, String> {
    let trial = Trial { strategy, program: &program };
    let (mut seen, mut landed) = (Vec::new(), 0);
    while landed < share {
        let one = trial.run(&mut rng).await?;
        landed += usize::from(one.landed);
        seen.push(one);
    }
    Ok(seen)
}
