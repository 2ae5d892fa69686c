//! What is left of owners that were killed together with their janitor: found and ended at the next start.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::folder::{Folder, PREFIX, RunFile};
use super::table;

/// Ends the browsers and removes the folders in `root` whose owners are no more. Returns how many folders that were.
///
/// A group is killed only if its first process is the one that the run file names, by its number and when it began; and each
/// process that has the mark of the folder. Folders of others, of other users, and what is no such folder, stay as they are.
pub(crate) fn reap(root: &Path) -> usize {
    // The mark of a folder's processes has its real path.
    let Ok(root) = fs::canonicalize(root) else { return 0 };
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)));
    ours.filter_map(|entry| Folder::take(&entry.path())).map(reap_one).filter(|removed| *removed).count()
}

fn reap_one(folder: Folder) -> bool {
    if let Some(run) = folder.run_file()
        && is_the_same(&run)
        && let Some(group) = Pid::from_raw(run.group)
    {
        let _ = kill_process_group(group, Signal::KILL);
    }
    for stray in table::marked(folder.path()) {
        if let Some(pid) = Pid::from_raw(stray.pid) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let path = folder.path().to_owned();
    match folder.remove() {
        Ok(()) => {
            tracing::info!(folder = %path.display(), "removed what another process left of its browser");
            true
        }
        Err(error) => {
            tracing::warn!(folder = %path.display(), %error, "what another process left of its browser could not be removed");
            false
        }
    }
}

/// Returns whether the first process of the browser still is the one of the run file: not another that has its number now.
fn is_the_same(run: &RunFile) -> bool {
    // 1 and less are not a group, but everybody.
    run.group > 1
        && run.boot == table::boot()
        && table::entry(run.group).is_some_and(|entry| Some(entry.started) == run.started && entry.group == run.group)
}
