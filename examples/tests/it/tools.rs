//! Programs of others that tests hold our output against. `scripts/test` installs them. Where one is not there, the test is
//! skipped and says so; with `CI=true` it fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Returns a program of the system by its name, if it is there.
pub(crate) fn of_the_system(name: &str) -> Option<Command> {
    let found = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if found { Some(Command::new(name)) } else { missing(name) }
}

/// Returns a program of the test venv by its name, if it is there.
pub(crate) fn of_the_venv(name: &str) -> Option<Command> {
    let default = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("test-venv");
    let venv = std::env::var_os("CANARY_TEST_VENV").map_or_else(default, PathBuf::from);
    let program = venv.join("bin").join(name);
    if program.exists() { Some(Command::new(program)) } else { missing(&program.display().to_string()) }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn missing(what: &str) -> Option<Command> {
    let missing = format!("{what} is not there: `scripts/test tests` installs it");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    eprintln!("skipped: {missing}");
    None
}
