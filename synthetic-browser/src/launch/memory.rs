//! How much memory there must be for a browser, and how much it may take.

use std::fs;
use std::path::Path;

use super::error::LaunchError;
use super::{Product, table};

const MIB: u64 = 1024 * 1024;

/// What a browser may take, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The memory that must be available before one is started.
    pub(crate) available: u64,
    /// The memory that all its processes together may have.
    pub(crate) memory: u64,
    /// What its folder may take on the disk.
    pub(crate) disk: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { available: 256 * MIB, memory: 1536 * MIB, disk: 256 * MIB }
    }
}

/// Refuses to start a browser where there is not enough memory for it: it would be killed by the system, or something else
/// would. `root` is `/` but in tests.
pub(crate) fn preflight(product: Product, bounds: &Bounds, root: &Path) -> Result<(), LaunchError> {
    match available(root) {
        Some((available, of)) if available < bounds.available => {
            Err(LaunchError::new(format!("{product} was not started: {} of memory are available {of}", mib(available)))
                .expected(format!("at least {}", mib(bounds.available)))
                .hint("give it more memory, run fewer things beside it, or lower the browser's memory_needed(…)"))
        }
        _ => Ok(()),
    }
}

/// Returns what of its bounds a browser exceeds, in words.
pub(crate) fn excess(bounds: &Bounds, group: i32, folder: &Path) -> Option<String> {
    let mut pids: Vec<i32> = table::members(group).iter().map(|entry| entry.pid).collect();
    pids.extend(table::marked(folder).iter().map(|entry| entry.pid));
    pids.sort_unstable();
    pids.dedup();
    let memory: u64 = pids.iter().filter_map(|pid| table::memory(*pid)).sum();
    if memory > bounds.memory {
        return Some(format!(
            "its {} processes had {} of memory, and may have {} (see the browser's memory_limit(…))",
            pids.len(),
            mib(memory),
            mib(bounds.memory)
        ));
    }
    let disk = size(folder);
    (disk > bounds.disk).then(|| {
        format!(
            "its profile took {} on the disk, and may take {} (see the browser's disk_limit(…))",
            mib(disk),
            mib(bounds.disk)
        )
    })
}

/// Returns how much memory there is for us, and whose word that is: the machine's or the least of the control groups that we
/// are in (Linux' `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/memory.rst`). `None` where nobody says.
fn available(root: &Path) -> Option<(u64, &'static str)> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| field(&text, "MemAvailable:"));
    let machine = machine.map(|kib| (kib.saturating_mul(1024), "on this machine"));
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let group = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let files = match controllers {
            "" => ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            }
            _ => return None,
        };
        left_in_groups(&root.join(files.0), path, files.1, files.2, files.3)
    });
    machine.into_iter().chain(group.map(|left| (left, "in this control group"))).min_by_key(|(bytes, _)| *bytes)
}

/// Returns the least that is left in a group or one of those around it. In a container the path is that of the machine, and the
/// files of the container's own group are at the top.
fn left_in_groups(mount: &Path, path: &str, limit: &str, usage: &str, reclaimable: &str) -> Option<u64> {
    let path = Path::new(path.trim_start_matches('/'));
    let number = |file: &Path| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    path.ancestors()
        .filter_map(|group| {
            let group = mount.join(group);
            // `max`, which is no number, is no limit.
            let limit = number(&group.join(limit))?;
            let used = number(&group.join(usage))?;
            let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
            Some(limit.saturating_sub(used.saturating_sub(field(&stat, reclaimable).unwrap_or(0))))
        })
        .min()
}

/// Returns the number that follows a name at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some(name)).then(|| words.next()?.parse().ok())?
    })
}

/// Returns what a folder takes on the disk, in bytes. Links are not followed.
fn size(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let (mut total, mut todo) = (0_u64, vec![folder.to_owned()]);
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // What is removed in the meantime takes nothing.
            let Ok(metadata) = entry.metadata() else { continue };
            total = total.saturating_add(metadata.blocks().saturating_mul(512));
            if metadata.is_dir() {
                todo.push(entry.path());
            }
        }
    }
    total
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine of files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn check(files: &[(&str, &str)], expected: Option<(u64, &str)>) {
        let found = available(machine(files).path()).map(|(bytes, of)| (bytes / MIB, of));
        assert_eq!(found, expected, "{files:?}");
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable:    2097152 kB\n");

    #[test]
    fn available_is_what_the_machine_says_where_no_group_has_a_limit() {
        check(&[], None);
        check(&[MEMINFO], Some((2048, "on this machine")));
        check(
            &[MEMINFO, ("proc/self/cgroup", "0::/a\n"), ("sys/fs/cgroup/a/memory.max", "max\n")],
            Some((2048, "on this machine")),
        );
    }

    #[test]
    fn the_least_of_all_groups_around_us_counts_without_what_the_system_would_give_up() {
        let v2 = [
            MEMINFO,
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("sys/fs/cgroup/outer/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/outer/memory.current", "943718400\n"),
            ("sys/fs/cgroup/outer/memory.stat", "anon 1\ninactive_file 104857600\n"),
            ("sys/fs/cgroup/outer/inner/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/outer/inner/memory.current", "104857600\n"),
        ];
        check(&v2, Some((224, "in this control group")));
    }

    #[test]
    fn a_container_sees_its_own_limit_at_the_top() {
        let v1 = [
            MEMINFO,
            ("proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/4711\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "104857600\n"),
        ];
        check(&v1, Some((412, "in this control group")));
    }

    #[test]
    fn too_little_memory_is_an_error_of_the_monitor_with_the_numbers() {
        let root = machine(&[("proc/meminfo", "MemAvailable:     204800 kB\n")]);
        let error = preflight(Product::Chromium, &Bounds::default(), root.path()).unwrap_err();
        insta::assert_snapshot!(error, @"chromium was not started: 200 MiB of memory are available on this machine: expected at least 256 MiB (give it more memory, run fewer things beside it, or lower the browser's memory_needed(…))");
        assert!(error.into_failure().is_error());
    }

    #[test]
    fn a_tree_that_is_too_big_is_told_with_both_numbers() {
        let folder = machine(&[("profile/cache", &"x".repeat(3 * 1024 * 1024))]);
        let bounds = Bounds { disk: 2 * MIB, ..Bounds::default() };
        let excess = excess(&bounds, i32::MAX, folder.path()).unwrap();
        assert!(excess.starts_with("its profile took 4 MiB on the disk, and may take 2 MiB"), "{excess}");
    }
}
