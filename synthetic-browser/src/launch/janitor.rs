//! [`Janitor`]: a process that outlives us only to end a browser and to remove its folder.
//!
//! It is a shell that reads from a pipe of which we have the other end. When that end is closed, however that came to be,
//! the system says so to the shell: no signal, no handler and no exit of ours has to run for it. It has a group of its own
//! and takes no signal of a terminal, so that Ctrl+C ends us and not it.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

use super::table::MARK;

/// `$1` is the folder, `$2` its mark. The first line that it reads is the group; the second, if there is one, is that all
/// is done. A process may be forked while the group is killed, hence the rounds, of which there are at most 100 of 0.1 s:
/// one who has ended but whose parent does not ask stays in its group for good, so the folder does not wait for that. `tr` makes a number of `/proc/7/environ`.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
PATH=${PATH:+$PATH:}/usr/bin:/bin
if read -r group; then
  read -r word && [ "$word" = done ] && exit 0
  rounds=0
  while [ $rounds -lt 100 ]; do
    left=
    kill -9 "-$group" && left=group
    for stray in $(grep -lsF -e "$2" /proc/[0-9]*/environ | tr -cd '0-9\n'); do
      kill -9 "$stray" && left=stray
    done
    [ -n "$left" ] || break
    rm -rf "$1"
    rounds=$((rounds + 1))
    sleep 0.1 || sleep 1
  done
fi
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// Ends a browser and removes its folder as soon as this is dropped, or we are no more.
#[derive(Debug)]
pub(crate) struct Janitor {
    child: Child,
    pipe: ChildStdin,
}

impl Janitor {
    /// Starts one that knows no browser yet, and would only remove the folder.
    pub(crate) fn start(folder: &Path) -> io::Result<Self> {
        let mut mark = std::ffi::OsString::from(format!("{MARK}="));
        mark.push(folder);
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(SCRIPT)
            .arg("canary-browser-janitor")
            .arg(folder)
            .arg(mark)
            .current_dir("/")
            .env_remove(MARK)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, pipe })
    }

    /// Tells it whom to end.
    pub(crate) async fn watch(&mut self, group: i32) -> io::Result<()> {
        self.pipe.write_all(format!("{group}\n").as_bytes()).await
    }

    /// Returns whether it is still there.
    pub(crate) fn is_there(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it home: all is done. Waits until it is gone.
    pub(crate) async fn dismiss(mut self) {
        // It may be gone already, which is as good.
        let _ = self.pipe.write_all(b"done\n").await;
        drop(self.pipe);
        let _ = self.child.wait().await;
    }

    #[cfg(test)]
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }
}
