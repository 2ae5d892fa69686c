//! What the operating system says of this process: its CPU and its memory. Linux only.

use std::fs;
use std::time::Duration;

/// Returns the CPU that this process has used so far, in its threads that live, from `/proc/self/task/*/schedstat`.
///
/// # Errors
///
/// Returns which file could not be read, and why.
pub fn cpu() -> Result<Duration, String> {
    let said = |error: std::io::Error| format!("/proc/self/task: {error}");
    let mut nanos = 0;
    for task in fs::read_dir("/proc/self/task").map_err(said)? {
        let text = fs::read_to_string(task.map_err(said)?.path().join("schedstat")).map_err(said)?;
        nanos += text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
}

/// Returns the bytes of memory that this process has resident, counted page by page: `statm` is cheaper to read, and lags
/// behind by some pages of each thread.
///
/// # Errors
///
/// Returns which file could not be read, and why.
pub fn rss() -> Result<u64, String> {
    field("/proc/self/smaps_rollup", "Rss:")
}

/// Returns the most bytes of memory that this process has had resident so far.
///
/// # Errors
///
/// Returns which file could not be read, and why.
pub fn rss_peak() -> Result<u64, String> {
    field("/proc/self/status", "VmHWM:")
}

/// Returns the bytes of a field that is given in kB.
fn field(file: &str, name: &str) -> Result<u64, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    value.map(|kib| kib * 1024).ok_or_else(|| format!("{file}: there is no {name:?} in kB"))
}
