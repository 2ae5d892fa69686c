//! [`Trial`]: one child that is killed, one that is started after it, and what the server has at the end.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};

use super::Strategy;
use super::child::Ended;
use super::server::Server;
use super::shop::Creation;

/// A child is killed at a moment that is evenly spread over so long, from its first request on. A run takes about a tenth
/// of it.
const MOMENTS: Duration = Duration::from_millis(500);
/// How long a child may take to begin, and to end. It takes a hundredth of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// One kill.
pub(super) struct Trial<'a> {
    pub(super) strategy: Strategy,
    pub(super) program: &'a Path,
}

/// What a kill came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether the killed process had made something, or was making it, that was not yet gone.
    pub(super) landed: bool,
    /// Whether one of its creations was received and not yet applied.
    pub(super) in_create: bool,
    /// Whether one of its orders was there, and nobody had asked to delete it.
    pub(super) in_use: bool,
    /// Whether a deletion of one of its orders was received and not yet applied.
    pub(super) in_delete: bool,
    /// How many orders are there at the end.
    pub(super) left_behind: usize,
    /// How many creations were received.
    pub(super) creations: usize,
    /// How many creations of the killed process were applied after its death.
    pub(super) applied_late: usize,
    /// How many answers were lost on purpose.
    pub(super) lost_answers: u64,
    /// Whether the restart itself said that it could not remove everything.
    pub(super) unsettled: bool,
    /// How many files the restart left in the journal's folder.
    pub(super) files_left: usize,
}

impl Trial<'_> {
    /// Does it. What is dropped on its way leaves neither a process nor a folder.
    pub(super) async fn run(&self, rng: &mut Rng) -> Result<Seen, String> {
        let folder = TempDir::new().map_err(|error| format!("no folder for the journal: {error}"))?;
        let server = Server::start(rng.fork()).await?;
        let moment = MOMENTS.mul_f64(rng.f64());

        let (mut child, _held) = self.start("run", &server, folder.path())?;
        tokio::select! {
            () = server.first_request() => {}
            ended = child.wait() => return Err(format!("the child ended by itself: {}", said(ended))),
            () = sleep(PATIENCE) => return Err(format!("the child asked for nothing within {PATIENCE:?}")),
        }
        sleep(moment).await;
        child.start_kill().map_err(|error| format!("the child cannot be killed: {error}"))?;
        let ended = child.wait().await;
        // Counted from when it certainly was dead.
        let died = Instant::now();
        if !ended.as_ref().is_ok_and(|ended| ended.code().is_none()) {
            return Err(format!("the child was not killed, but ended by itself: {}", said(ended)));
        }

        let restarted = Instant::now();
        let (mut restart, _held) = self.start("sweep", &server, folder.path())?;
        let ended = timeout(PATIENCE, restart.wait()).await;
        let ended = ended.map_err(|_| format!("the restart did not end within {PATIENCE:?}"))?;
        let unsettled = match ended.as_ref().map(ExitStatus::code) {
            Ok(Some(0)) => false,
            Ok(Some(code)) if code == i32::from(Ended::LEFT) => true,
            _ => return Err(format!("the restart failed: {}", said(ended))),
        };
        server.quiet().await?;
        let files = folder.path().read_dir().map_err(|error| format!("the journal cannot be listed: {error}"))?;
        Ok(Seen {
            unsettled,
            files_left: if self.strategy.promises() { files.count() } else { 0 },
            lost_answers: server.lost_answers(),
            ..server.look(|shop| Seen::of(shop.creations(), shop.len(), died, restarted))
        })
    }

    /// Starts a child, which ends when its standard input is dropped. Waiting for a child would drop it, so it is apart.
    fn start(&self, what: &str, server: &Server, folder: &Path) -> Result<(Child, Option<ChildStdin>), String> {
        let child = Command::new(self.program)
            .args(["--child", what, "--strategy", self.strategy.name(), "--url", &server.url(), "--folder"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(|error| format!("{} cannot be started: {error}", self.program.display()))?;
        let held = child.stdin.take();
        Ok((child, held))
    }
}

impl Seen {
    fn of(creations: &[Creation], left_behind: usize, died: Instant, restarted: Instant) -> Self {
        let mut seen = Self { left_behind, creations: creations.len(), ..Self::default() };
        for creation in creations.iter().filter(|creation| creation.received < restarted) {
            let applied = creation.applied.as_ref();
            let was_refused = applied.is_some_and(|(_, order)| order.is_none());
            let was_gone = creation.deleted.is_some_and(|deleted| deleted <= died);
            if was_refused || was_gone {
                continue;
            }
            seen.landed = true;
            if applied.is_none_or(|(applied, _)| *applied > died) {
                seen.in_create = true;
                seen.applied_late += 1;
            } else if creation.unwanted.is_some_and(|unwanted| unwanted <= died) {
                seen.in_delete = true;
            } else {
                seen.in_use = true;
            }
        }
        seen
    }
}

fn said(ended: std::io::Result<ExitStatus>) -> String {
    ended.map_or_else(|error| error.to_string(), |ended| ended.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server knows of one creation, in milliseconds from a start; the process died at 100, and was started again
    /// at 110.
    fn check(received: u64, applied: Option<u64>, unwanted: Option<u64>, deleted: Option<u64>) -> [bool; 4] {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let creation = Creation {
            received: at(received),
            applied: applied.map(|ms| (at(ms), Some("1".to_owned()))),
            unwanted: unwanted.map(at),
            deleted: deleted.map(at),
        };
        let seen = Seen::of(&[creation], 0, at(100), at(110));
        [seen.landed, seen.in_create, seen.in_use, seen.in_delete]
    }

    #[test]
    fn a_kill_has_landed_when_something_was_not_yet_gone() {
        for (creation, seen) in [
            ((10, Some(20), None, None), [true, false, true, false]),
            ((10, Some(20), Some(130), Some(140)), [true, false, true, false]),
            ((10, Some(20), Some(95), Some(105)), [true, false, false, true]),
            ((10, Some(150), None, None), [true, true, false, false]),
            ((105, Some(150), None, None), [true, true, false, false]),
            ((10, Some(20), Some(90), Some(99)), [false; 4]),
            ((115, Some(120), Some(130), Some(140)), [false; 4]),
        ] {
            let (received, applied, unwanted, deleted) = creation;
            assert_eq!(check(received, applied, unwanted, deleted), seen, "{creation:?}");
        }
    }
}
