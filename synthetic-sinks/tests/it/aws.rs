//! What speaks AWS on this machine: `ministack` from PyPI, in a process of its own for each test that asks for it.
//!
//! `scripts/test` installs it into the folder that `CANARY_TEST_VENV` names, by default `test-venv` in the target
//! folder. Where it is not installed a test that needs it is skipped and says so; with `CI=true` it fails.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Returns where a program of the test venv is, or `None` with a word on standard error; panics where `CI=true`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let program = program_if_there(name);
    assert!(program.is_some() || std::env::var("CI").as_deref() != Ok("true"), "{name} is not there");
    program
}

/// As [`program`], for what some systems cannot have.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn program_if_there(name: &str) -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("test-venv");
    let venv = std::env::var_os("CANARY_TEST_VENV").map_or_else(default, PathBuf::from);
    let program = venv.join("bin").join(name);
    if program.exists() {
        return Some(program);
    }
    let missing = format!("{} is not there: `scripts/test tests` installs it", program.display());
    eprintln!("skipped: {missing}");
    None
}

/// An emulator of AWS that knows nothing yet; it ends with its owner.
#[derive(Debug)]
pub(crate) struct Emulator {
    process: Child,
    address: SocketAddr,
    /// What it keeps on disk.
    folder: tempfile::TempDir,
}

/// Python imports it when it starts: the emulator's clock is ahead of the machine's by what a file says, in seconds.
const CLOCK: &str = "\
import os, time
_time, _file = time.time, os.path.join(os.path.dirname(__file__), 'ahead')
time.time = lambda: _time() + float(open(_file).read())
";

impl Emulator {
    /// Starts one, and waits until it answers.
    pub(crate) async fn start() -> Option<Self> {
        let program = program("ministack")?;
        // Another process may take the port between the moment it was found free and the moment it is asked for.
        for _ in 0..5 {
            if let Some(emulator) = Self::try_start(&program).await {
                return Some(emulator);
            }
        }
        panic!("{} does not answer, on any of five ports", program.display())
    }

    async fn try_start(program: &Path) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ahead"), "0").unwrap();
        std::fs::write(folder.path().join("sitecustomize.py"), CLOCK).unwrap();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).unwrap();
        let process = Command::new(program)
            .env("BIND_HOST", address.ip().to_string())
            .env("GATEWAY_PORT", address.port().to_string())
            .env("LOG_LEVEL", "ERROR")
            .env("PYTHONPATH", folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TMPDIR", folder.path())
            .env("S3_DATA_DIR", folder.path().join("s3"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut emulator = Self { process, address, folder };
        let answers = async {
            while TcpStream::connect(address).await.is_err() {
                if emulator.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                    return false;
                }
                sleep(Duration::from_millis(20)).await; // It tells nobody when it is ready.
            }
            true
        };
        timeout(Duration::from_secs(60), answers).await.unwrap_or(false).then_some(emulator)
    }

    /// Returns what `AWS_ENDPOINT_URL` would be.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets so much time pass for the emulator, from its start on.
    pub(crate) fn set_ahead(&self, by: Duration) {
        // Whole or not at all: it may be read at this moment.
        let new = self.folder.path().join("new");
        std::fs::write(&new, by.as_secs().to_string()).unwrap();
        std::fs::rename(new, self.folder.path().join("ahead")).unwrap();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
