//! What a monitor is set to, and who said so.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::classes::Limit;
use super::{Connectivity, Shard};
use crate::cleanup::{FileJournal, JournalError, JournalStore};
use crate::schedule::Words;

/// Says who set a setting. What comes later here stands before what comes earlier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Source {
    /// Nobody: it is as it is documented.
    #[default]
    Default,
    /// The program, by a method of [`Builder`](super::Builder).
    Program,
    /// A variable of the environment, by its name.
    Environment(String),
    /// A flag of the command line, by its name.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Program => f.write_str("the program"),
            Self::Environment(name) => write!(f, "{name} in the environment"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A setting of a monitor: its value in words, and who set it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Its name: `grace`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Who set it.
    pub source: Source,
}

/// A value, and who set it.
#[derive(Debug, Clone)]
pub(super) struct Set<T> {
    pub(super) value: T,
    pub(super) source: Source,
}

impl<T> Set<T> {
    /// Is so unless somebody says otherwise.
    pub(super) fn default_to(value: T) -> Self {
        Self { value, source: Source::Default }
    }

    pub(super) fn says(&self, name: &str, value: impl fmt::Display) -> Setting {
        Setting { name: name.to_owned(), value: value.to_string(), source: self.source.clone() }
    }
}

/// Where a monitor keeps its journal.
#[derive(Clone)]
pub(super) enum Journal {
    None,
    Folder(PathBuf),
    Store(Arc<dyn JournalStore>),
}

impl Journal {
    /// Opens it: from here on, a folder is there.
    pub(super) fn open(&self) -> Result<Option<Arc<dyn JournalStore>>, JournalError> {
        match self {
            Self::None => Ok(None),
            Self::Folder(folder) => Ok(Some(Arc::new(FileJournal::open(folder)?))),
            Self::Store(store) => Ok(Some(Arc::clone(store))),
        }
    }
}

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none: what a killed process made stays in the target"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Store(store) => f.write_str(&store.place()),
        }
    }
}

/// Everything that a monitor is set to, canaries and sinks apart.
pub(super) struct Settings {
    pub(super) location: Set<Option<Arc<str>>>,
    pub(super) journal: Set<Journal>,
    pub(super) sweep_every: Set<Duration>,
    pub(super) grace: Set<Duration>,
    pub(super) close: Set<Duration>,
    pub(super) history: Set<usize>,
    pub(super) silent_after: Set<u32>,
    /// In percent.
    pub(super) objective: Set<f64>,
    pub(super) connectivity: Set<Option<Connectivity>>,
    pub(super) shard: Set<Option<Shard>>,
    pub(super) limits: BTreeMap<Arc<str>, Set<Limit>>,
    /// How many may wait, where that is said.
    pub(super) queues: BTreeMap<Arc<str>, Set<usize>>,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limit::defaults().into_iter().map(|(class, limit)| (class, Set::default_to(limit)));
        Self {
            location: Set::default_to(None),
            journal: Set::default_to(Journal::None),
            sweep_every: Set::default_to(Duration::from_secs(300)),
            grace: Set::default_to(Duration::from_secs(20)),
            close: Set::default_to(Duration::from_secs(10)),
            history: Set::default_to(20),
            silent_after: Set::default_to(3),
            objective: Set::default_to(99.9),
            connectivity: Set::default_to(None),
            shard: Set::default_to(None),
            limits: limits.collect(),
            queues: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Returns how many runs of each class go on side by side and how many wait, in whichever order it was said.
    pub(super) fn classes(&self) -> BTreeMap<Arc<str>, Set<Limit>> {
        let mut classes = self.limits.clone();
        for (class, Set { value, source }) in &self.queues {
            let class = classes.entry(Arc::clone(class)).or_insert_with(|| Set::default_to(Limit::of(0)));
            class.value.waiting = *value;
            class.source = source.clone();
        }
        classes
    }

    /// Returns them all in words, in the order in which they are documented.
    pub(super) fn list(&self) -> Vec<Setting> {
        let connectivity = self.connectivity.value.as_ref().map_or("not checked", Connectivity::what);
        let mut all = vec![
            self.location.says("location", self.location.value.as_deref().unwrap_or("none")),
            self.journal.says("journal", &self.journal.value),
            self.sweep_every.says("sweep-every", Words(self.sweep_every.value)),
            self.grace.says("grace", Words(self.grace.value)),
            self.close.says("close-within", Words(self.close.value)),
            self.history.says("history", format!("{0} that passed and {0} that did not, a canary", self.history.value)),
            self.silent_after.says("silent-after", format!("{} intervals", self.silent_after.value)),
            self.objective.says("objective", format!("{} %", self.objective.value)),
            self.connectivity.says("connectivity", connectivity),
            self.shard.says("shard", self.shard.value.map_or("none".to_owned(), |shard| shard.to_string())),
        ];
        all.extend(self.classes().iter().map(|(class, limit)| {
            let Limit { running, waiting } = limit.value;
            limit.says(&format!("concurrency {class}"), format!("{running} side by side, {waiting} may wait"))
        }));
        all
    }
}
