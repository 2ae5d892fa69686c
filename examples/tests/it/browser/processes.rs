//! The processes of browsers, as the system shows them.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Returns the processes, by number and command line, that descend from this one or have `root` in their environment. Those
/// that have ended and wait to be asked how are left out.
pub(super) fn below(root: &Path) -> Vec<(u32, String)> {
    let all: Vec<(u32, u32, char)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
            let state = fields.next()?.chars().next()?;
            Some((pid, fields.next()?.parse().ok()?, state))
        })
        .collect();
    let descends = |mut pid: u32| {
        while let Some((_, parent, _)) = all.iter().find(|(other, ..)| *other == pid) {
            if *parent == std::process::id() {
                return true;
            }
            pid = *parent;
        }
        false
    };
    let root = root.as_os_str().as_encoded_bytes();
    let is_of_root = |pid: u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        !root.is_empty() && environment.windows(root.len()).any(|part| part == root)
    };
    all.iter()
        .filter(|(pid, _, state)| {
            !"ZX".contains(*state) && *pid != std::process::id() && (descends(*pid) || is_of_root(*pid))
        })
        .map(|(pid, ..)| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (*pid, String::from_utf8_lossy(&line).replace('\0', " "))
        })
        .collect()
}

/// Kills those whose command line is so, as `kill -9` does. Returns how many there were.
pub(super) fn kill(root: &Path, which: impl Fn(&str) -> bool) -> usize {
    let them: Vec<_> = below(root).into_iter().filter(|(_, line)| which(line)).collect();
    for (pid, _) in &them {
        // It may have ended by itself in the meantime.
        let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
    }
    them.len()
}

/// Returns whether a command line is that of a browser itself, and not of one of its helpers, or of its shell or janitor.
pub(super) fn is_main(line: &str) -> bool {
    let is_helper = ["--type=", "-contentproc", "/bin/sh", "crash"]
        .iter()
        .any(|part| line.split(' ').any(|word| word.starts_with(part)));
    line.contains("--remote-debugging-") && !is_helper
}

/// Returns how many files this process has open.
pub(super) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
