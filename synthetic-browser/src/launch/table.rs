//! The system's table of processes, as Linux shows it in `/proc` (proc(5)). Where there is no `/proc`, nobody is in it.

use std::fs;
use std::io::Read as _;
use std::path::Path;

/// The variable that every process of a browser inherits, with its folder: by it those are known that left the group, as
/// the crash handlers of both browsers do.
pub(crate) const MARK: &str = "CANARY_BROWSER_FOLDER";

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) pid: i32,
    pub(crate) group: i32,
    /// Whether it has ended, and waits for its parent to ask how.
    pub(crate) zombie: bool,
    /// When it began, in ticks of the clock since the machine's start.
    pub(crate) started: u64,
}

/// Returns the process of a number.
pub(crate) fn entry(pid: i32) -> Option<Entry> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Returns whoever is in a group, but for those who have ended.
pub(crate) fn members(group: i32) -> Vec<Entry> {
    pids().filter_map(entry).filter(|entry| entry.group == group && !entry.zombie).collect()
}

/// Returns every process that has the mark of a folder and has not ended, whatever its group. Those of other users do not
/// show it.
pub(crate) fn marked(folder: &Path) -> Vec<Entry> {
    let mut mark = format!("{MARK}=").into_bytes();
    mark.extend_from_slice(folder.as_os_str().as_encoded_bytes());
    let has = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark)
    };
    pids().filter(has).filter_map(entry).filter(|entry| !entry.zombie).collect()
}

/// Returns how much memory a process has that is nobody else's file, in bytes: what it wrote, and what it shares with
/// others. Programs and libraries, which all processes of a browser have in common, are not in it.
pub(crate) fn memory(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    };
    Some((kib("RssAnon:")? + kib("RssShmem:")?) * 1024)
}

/// Returns what tells this start of the machine from others; empty where that is not known.
pub(crate) fn boot() -> String {
    let mut id = String::new();
    // A file of 37 bytes: more than that is something else.
    if let Ok(file) = fs::File::open("/proc/sys/kernel/random/boot_id") {
        let _ = file.take(64).read_to_string(&mut id);
    }
    id.trim().to_owned()
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Reads a line of `/proc/PID/stat`. The name, which is in brackets, may itself have brackets and spaces in it.
fn parse(pid: i32, stat: &str) -> Option<Entry> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Entry {
        pid,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        group: fields.get(2)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "42 (a) Z 1 (b c) S 7 41 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3";
        assert_eq!(parse(42, stat), Some(Entry { pid: 42, group: 41, zombie: false, started: 98765 }));
    }

    #[test]
    fn what_is_no_line_of_the_table_is_nobody() {
        for stat in ["", "42", "42 (x)", "42 (x) S", "42 (x) S 1 x 3 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 9"] {
            assert_eq!(parse(42, stat), None, "{stat}");
        }
    }
}
