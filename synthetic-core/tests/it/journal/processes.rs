//! Real processes on one folder: this test binary, started again and killed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

const ROLE: &str = "SYNTHETIC_JOURNAL_ROLE";
/// What stands before everything that a role says.
const SAYS: &str = "journal role: ";

/// A process that ends with the test, however that ends.
struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Process {
    /// Starts this binary again, to do nothing but play a role.
    fn start(role: &str, folder: &TempDir, seed: usize) -> Self {
        Self::run(Command::new(std::env::current_exe().unwrap()), role, folder, seed)
    }

    fn run(mut command: Command, role: &str, folder: &TempDir, seed: usize) -> Self {
        command.args(["--exact", "journal::processes::a_child_process_plays_its_role", "--nocapture"]);
        command.env(ROLE, format!("{role} {seed} {}", folder.path().display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A process that another test starts at this moment may hold a binary that was just copied open for writing, until
        // it is what it is to be.
        let busy = |child: &io::Result<Child>| {
            child.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ExecutableFileBusy)
        };
        let mut child = std::iter::repeat_with(|| command.spawn()).find(|child| !busy(child)).unwrap().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// Returns the next thing it says; `None` when it has died.
    fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.said.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The test harness says things too, and does not always end its line.
            if let Some((_, said)) = line.trim_end().split_once(SAYS) {
                return Some(said.to_owned());
            }
        }
    }

    /// Tells it to go on.
    fn go(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Kills it as `kill -9` does.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says something to the process that started this one, in one write.
fn say(what: impl std::fmt::Display) {
    let mut out = std::io::stdout();
    out.write_all(format!("{SAYS}{what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Waits until that tells it to go on, or has died.
fn wait() {
    let _ = std::io::stdin().read(&mut [0]).unwrap();
}

/// Nothing by itself: what the other tests start.
#[tokio::test]
async fn a_child_process_plays_its_role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let mut words = role.splitn(3, ' ');
    let (role, seed) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
    let journal = FileJournal::open(words.next().unwrap()).unwrap();
    match role {
        "hold" => hold(&journal).await,
        "take" => take(&journal).await,
        "race" => race(&journal, seed).await,
        "fill" => fill(&journal).await,
        "tell" => say(journal.adopt().await.unwrap().problems.join("; ")),
        other => panic!("there is no role {other}"),
    }
}

async fn hold(journal: &FileJournal) {
    for n in 1..=3 {
        journal.put(&[entry(n)]).await.unwrap();
        journal.put(&[created(n)]).await.unwrap();
    }
    say("ready");
    wait();
}

#[tokio::test]
async fn what_a_process_has_is_its_own_until_it_is_killed() {
    let folder = folder();
    let mut process = Process::start("hold", &folder, 0);
    assert_eq!(process.hear().unwrap(), "ready");
    let journal = open(&folder);
    assert_eq!(journal.look().await.unwrap(), Left::default());
    assert_eq!(journal.adopt().await.unwrap(), Left::default());
    process.kill();
    let left = journal.adopt().await.unwrap();
    assert_eq!(left.entries.into_iter().map(|(entry, _)| entry).collect::<Vec<_>>(), [1, 2, 3].map(created));
    assert_eq!(left.problems, [""; 0]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_be_read_is_told_and_stays() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;

    let folder = folder();
    let set_mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let path = leave(&folder, &[created(1)]).await;
    set_mode(&path, 0o000);
    let problem = format!(
        "journal {} cannot be read (Permission denied (os error 13)): name a folder that this process may read and write",
        path.display()
    );
    if fs::metadata(&path).unwrap().uid() == 0 {
        // Nothing is forbidden to root: somebody else looks, with a copy of this binary where it can be reached.
        set_mode(folder.path(), 0o777);
        let binary = folder.path().join("it");
        fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
        let mut command = Command::new(&binary);
        command.uid(65_534).gid(65_534);
        let mut process = Process::run(command, "tell", &folder, 0);
        assert_eq!(process.hear().unwrap(), problem);
        process.kill();
    } else {
        assert_eq!(adopt(&folder).await, (vec![], vec![problem]));
    }
    set_mode(&path, 0o600);
    assert_eq!(adopt(&folder).await, (vec![created(1)], vec![]));
}

/// Takes over what there is, again and again.
async fn take(journal: &FileJournal) {
    say("ready");
    wait();
    for _ in 0..30 {
        let left = journal.adopt().await.unwrap();
        assert_eq!(left.problems, [""; 0]);
        for (entry, _) in left.entries {
            say(entry.mark.number());
        }
    }
    say("done");
    wait();
}

#[tokio::test]
async fn processes_that_take_over_at_once_get_each_entry_once() {
    let folder = folder();
    for n in 0..40 {
        leave(&folder, &[1, 2, 3, 4, 5].map(|more| created(n * 5 + more))).await;
    }
    let mut processes: Vec<_> = (0..4).map(|_| Process::start("take", &folder, 0)).collect();
    for process in &mut processes {
        assert_eq!(process.hear().unwrap(), "ready");
    }
    processes.iter_mut().for_each(Process::go);
    let mut taken = Vec::new();
    for process in &mut processes {
        let said = std::iter::from_fn(|| process.hear()).take_while(|said| said != "done");
        taken.extend(said.map(|number| number.parse::<usize>().unwrap()));
    }
    taken.sort_unstable();
    assert_eq!(taken, (1..=200).collect::<Vec<_>>(), "by the living");
    processes.iter_mut().for_each(Process::kill);
    let mut left: Vec<_> = adopt(&folder).await.0.iter().map(|entry| entry.mark.number() as usize).collect();
    left.sort_unstable();
    assert_eq!(left, taken, "by who comes after them");
}

/// Makes 200 things and removes most, and some that others left; says what it has made before it goes on, and what it is
/// about to remove before it says so in the journal.
async fn race(journal: &FileJournal, seed: usize) {
    let mut random = fastrand::Rng::with_seed(seed as u64);
    let payload = json!("x".repeat(15_000));
    let mut mine = Vec::new();
    for n in 0..200 {
        let entry = entry(1 + seed * 1_000 + n).with_payload(payload.clone());
        journal.put(std::slice::from_ref(&entry)).await.unwrap();
        say(format_args!("put {}", entry.mark.number()));
        mine.push(entry);
        if n % 8 == 0 {
            let left = journal.adopt().await.unwrap();
            assert_eq!(left.problems, [""; 0]);
            mine.extend(left.entries.into_iter().map(|(entry, _)| entry));
        }
        while mine.len() > 12 {
            let over = mine.swap_remove(random.usize(..mine.len()));
            say(format_args!("end {}", over.mark.number()));
            journal.put(&[over.in_state(State::Deleted)]).await.unwrap();
        }
    }
    journal.close().await.unwrap();
}

#[tokio::test]
async fn whenever_processes_are_killed_no_entry_is_lost() {
    let folder = folder();
    let mut random = fastrand::Rng::with_seed(5);
    let (mut put, mut ended) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..3 {
        let processes: Vec<_> = (0..4)
            .map(|n| {
                let mut process = Process::start("race", &folder, 1 + round * 4 + n);
                // Each says about 400 things; one in four comes to its end.
                let last = random.usize(1..530);
                std::thread::spawn(move || {
                    let mut said = Vec::new();
                    while let Some(what) = process.hear() {
                        said.push(what);
                        if said.len() == last {
                            process.kill();
                        }
                    }
                    said
                })
            })
            .collect();
        for process in processes {
            for said in process.join().unwrap() {
                let (what, number) = said.split_once(' ').unwrap();
                if what == "put" { &mut put } else { &mut ended }.insert(number.parse::<usize>().unwrap());
            }
        }
    }
    let (entries, problems) = adopt(&folder).await;
    assert_eq!(problems, [""; 0]);
    let mut given = BTreeMap::new();
    for entry in entries {
        *given.entry(entry.mark.number() as usize).or_insert(0) += 1;
    }
    assert!(given.values().all(|times| *times == 1), "{given:?}");
    let lost: Vec<_> = put.difference(&ended).filter(|number| !given.contains_key(number)).collect();
    assert_eq!(lost, [&0; 0], "of {} that were put", put.len());
    // Killed between the write and the word, a process has put one more.
    let strangers = given.keys().filter(|number| !put.contains(number)).count();
    assert!(strangers <= 12, "{strangers}");
}

/// Writes until there is no room.
async fn fill(journal: &FileJournal) {
    journal.put(&[created(1)]).await.unwrap();
    let size = || fs::metadata(journal.path()).unwrap().len();
    let before = size();
    let large: Vec<_> = (100..300).map(|n| entry(n).with_payload(json!("x".repeat(1_000)))).collect();
    say(journal.put(&large).await.unwrap_err());
    assert_eq!(size(), before, "what was written part-way is taken back");
    journal.put(&[entry(2)]).await.unwrap();
    journal.put(&[created(2)]).await.unwrap();
    let mut n = 3;
    let error = loop {
        match journal.put(&[created(n)]).await {
            Ok(()) => n += 1,
            Err(error) => break error,
        }
    };
    let before = size();
    assert_eq!(journal.put(&[created(n)]).await, Err(error.clone()), "as long as there is no room");
    assert_eq!(size(), before);
    say(error);
    say(n - 1);
    wait();
    journal.put(&[created(n)]).await.unwrap();
    say("there is room");
    wait();
}

/// A limit on the size of files makes writes fail part-way, as a full disk does.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_full_disk_a_put_fails_and_says_so_what_was_there_stays_and_later_ones_succeed() {
    let folder = folder();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 64; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    let mut process = Process::run(shell, "fill", &folder, 0);
    let part_way = process.hear().unwrap();
    let file = folder.path().join(&names(folder.path())[0]);
    let error =
        format!("journal {} cannot be written to (File too large (os error 27)): make room for it", file.display());
    assert_eq!((part_way, process.hear().unwrap()), (error.clone(), error));
    let last: usize = process.hear().unwrap().parse().unwrap();
    assert!(last > 20, "{last}");
    let pid = process.child.id().to_string();
    let freed = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap();
    assert!(freed.success());
    process.go();
    assert_eq!(process.hear().unwrap(), "there is room");
    process.kill();
    let (mut entries, problems) = adopt(&folder).await;
    entries.sort_by_key(|entry| entry.mark.number());
    assert_eq!(entries, (1..=last + 1).map(created).collect::<Vec<_>>());
    assert_eq!(problems, [""; 0]);
}
