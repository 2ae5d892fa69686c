//! [`Process`]: a browser that dies with us, with all that it started and all that it wrote.
//!
//! In this order, so that at no moment there is a browser of which nobody else knows:
//! 1. the [`Folder`], locked;
//! 2. the [`Janitor`], which from now on removes the folder when we are no more;
//! 3. a shell in a group of its own, which waits for a line from us before it becomes the browser, and ends when there is
//!    none to come;
//! 4. the run file and the janitor are told the group;
//! 5. the shell gets its line.
//!
//! When both the janitor and we are killed, Chromium still ends by itself, because it reads commands from a pipe of ours;
//! whatever else is left is [reaped](super::reap) at the next start.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::folder::Folder;
use super::janitor::Janitor;
use super::stderr::Stderr;
use super::table;

/// Chromium reads commands from its descriptor 3, and writes to 4.
const WITH_PIPE: &str = r#"read -r _ || exit 0; exec "$@" 3<&0 4>&1 </dev/null >/dev/null"#;
const WITHOUT_PIPE: &str = r#"read -r _ || exit 0; exec "$@" </dev/null >/dev/null"#;

/// The browser's folder for temporary files, where its own path is too long: told by the working folder, which is the same for
/// all of its processes. Only Linux has it; elsewhere a socket stays in the system's folder when the browser is killed.
const SHORT: &str = if cfg!(target_os = "linux") { "/proc/self/cwd/tmp" } else { "" };

/// How long a group may take to die of a kill that it cannot refuse. One that takes longer waits for the machine: the janitor
/// goes on then.
const DEATH: Duration = Duration::from_secs(10);
/// How long between two looks whether anybody of it is left.
const LOOK: Duration = Duration::from_millis(10);

/// What to start.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Whether it is talked to through a pipe.
    pub(crate) pipe: bool,
}

/// A browser and all that it started.
///
/// Dropped, it is ended by its janitor, in the background and without a runtime.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Pid,
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
    stderr: Stderr,
    janitor: Janitor,
    // Last: its lock says that somebody cares.
    folder: Folder,
}

impl Process {
    /// Starts a program in a folder. That it could be started does not mean that it runs: a program that is not there ends with
    /// status 127, as a shell has it.
    pub(crate) async fn start(folder: Folder, plan: &Plan) -> io::Result<Self> {
        let mut janitor = Janitor::start(folder.path())?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", if plan.pipe { WITH_PIPE } else { WITHOUT_PIPE }, "canary-browser"])
            .arg(&plan.program)
            .args(&plan.arguments)
            .envs(plan.environment.iter().map(|(name, value)| (name, value)))
            .env(table::MARK, folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(temporary) = [folder.temporary(), SHORT.into()].into_iter().find(|path| fits_a_socket(path)) {
            command.env("TMPDIR", temporary);
        }
        let mut child = command.spawn()?;
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).ok_or_else(missing)?;
        let stderr = Stderr::follow(child.stderr.take().ok_or_else(missing)?);
        let mut input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take();
        folder.write_run_file(group.as_raw_nonzero().get())?;
        janitor.watch(group.as_raw_nonzero().get()).await?;
        // Nobody reads it when the shell was killed in the meantime, which shows when it is waited for.
        let _ = input.write_all(b"\n").await;
        let (input, output) = if plan.pipe { (Some(input), output) } else { (None, None) };
        Ok(Self { child, group, input, output, stderr, janitor, folder })
    }

    /// Takes the two ends of the pipe: what it writes, and what it reads.
    pub(crate) fn take_pipe(&mut self) -> Option<(ChildStdout, ChildStdin)> {
        self.output.take().zip(self.input.take())
    }

    pub(crate) fn stderr(&self) -> &Stderr {
        &self.stderr
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Returns its number, which is also that of its group.
    pub(crate) fn group(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    #[cfg(test)]
    pub(crate) fn janitor(&self) -> Option<u32> {
        self.janitor.pid()
    }

    /// Waits until its first process ends. May be dropped and called again.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Puts another janitor into the place of one that was killed.
    pub(crate) async fn keep_a_janitor(&mut self) -> io::Result<()> {
        if !self.janitor.is_there() {
            let mut janitor = Janitor::start(self.folder.path())?;
            janitor.watch(self.group()).await?;
            self.janitor = janitor;
        }
        Ok(())
    }

    /// Kills it with all that it started, waits until nobody is left, and removes its folder.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is done, the janitor does what is left.
    pub(crate) async fn kill(mut self) {
        let gone = timeout(DEATH, async {
            while self.strike().await {
                sleep(LOOK).await;
            }
        });
        if gone.await.is_err() {
            tracing::warn!(group = self.group(), "processes of a browser are still there after 10 s of being killed");
            return;
        }
        let Self { janitor, folder, .. } = self;
        let path = folder.path().to_owned();
        match tokio::task::spawn_blocking(move || folder.remove()).await {
            Ok(Ok(())) => janitor.dismiss().await,
            Ok(Err(error)) => {
                tracing::warn!(folder = %path.display(), %error, "a browser's folder could not be removed")
            }
            // The runtime ends: the janitor does it.
            Err(_) => {}
        }
    }

    /// Kills whoever there is, and returns whether that was anybody.
    async fn strike(&mut self) -> bool {
        let (group, folder) = (self.group, self.folder.path().to_owned());
        // The group has this number for as long as it has a member, and its first is one until it was waited for.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = timeout(Duration::from_millis(100), self.child.wait()).await;
        }
        let someone = move || {
            let mut left = is_left(group);
            if left {
                let _ = kill_process_group(group, Signal::KILL);
            }
            for stray in table::marked(&folder) {
                left = true;
                if let Some(pid) = Pid::from_raw(stray.pid) {
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            left
        };
        tokio::task::spawn_blocking(someone).await.unwrap_or(false) || matches!(self.child.try_wait(), Ok(None))
    }
}

/// Says how a process ended, in words: `was killed by signal 9`, `ended with status 3`.
pub(crate) fn ending(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was killed by signal {signal}"),
        (None, Some(code)) => format!("ended with status {code}"),
        (None, None) => "ended".to_owned(),
    }
}

/// Returns whether anybody is in a group who has not ended.
pub(crate) fn is_left(group: Pid) -> bool {
    let there = test_kill_process_group(group).is_ok();
    // Those who have ended are still in it until their parent asks; only the table tells.
    there && (!cfg!(target_os = "linux") || !table::members(group.as_raw_nonzero().get()).is_empty())
}

/// Chromium makes a socket in a folder in its TMPDIR, and the path of a socket has at most 104 bytes (macOS; Linux: 108).
fn fits_a_socket(folder: &std::path::Path) -> bool {
    let length = folder.as_os_str().len() + "/org.chromium.Chromium.XXXXXX/SingletonSocket".len();
    folder.is_absolute() && length < 104
}
