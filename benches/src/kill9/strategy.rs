//! [`Strategy`]: how what a killed process made is removed.

use std::fmt;
use std::str::FromStr;

/// How what a killed process made is removed by the next one: three ways of the SDK, and three that teams write
/// themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// `run.create_replayable`: the creation is sent again with its idempotency key, which tells the id.
    Replay,
    /// `run.create`: what carries the mark is searched for and deleted, again and again until quiescence has passed.
    Search,
    /// `run.create`: the id that the client chose is deleted, and deleted again when quiescence has passed.
    ClientId,
    /// The order is deleted at the end of the body, whatever became of its use. A restart does nothing.
    Finally,
    /// The id is written to a file after the answer. A restart deletes what is in the file.
    Ids,
    /// The mark is written to a file before the request. A restart searches for it once, and deletes what it finds.
    SearchOnce,
}

impl Strategy {
    /// All of them, those that teams write themselves first.
    pub const ALL: [Self; 6] = [Self::Finally, Self::Ids, Self::SearchOnce, Self::Search, Self::ClientId, Self::Replay];

    /// Returns its name on the command line and in the result.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Search => "search",
            Self::ClientId => "client-id",
            Self::Finally => "finally",
            Self::Ids => "ids",
            Self::SearchOnce => "search-once",
        }
    }

    /// Returns whether it is one of the SDK, which promises that nothing is left behind.
    #[must_use]
    pub const fn promises(self) -> bool {
        matches!(self, Self::Replay | Self::Search | Self::ClientId)
    }

    /// Returns what it does, for a table.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Replay => "intent + replay of the idempotent create",
            Self::Search => "intent + search, repeated until quiescent",
            Self::ClientId => "intent + delete by the client's id, again when quiescent",
            Self::Finally => "`try/finally` (the usual advice)",
            Self::Ids => "journal of ids only",
            Self::SearchOnce => "intent before the request + one search by mark",
        }
    }
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|strategy| strategy.name()).collect();
            format!("strategy {name:?} is not known: there are {} and all", names.join(", "))
        })
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
