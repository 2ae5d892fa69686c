//! The settings that a command line and the environment may set.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

use super::Refused;
use crate::monitor::{Builder, Shard, Source};

/// What the names of all settings in the environment begin with.
pub(super) const PREFIX: &str = "SYNTHETIC_";

/// Who set each flag that was set, by the flag's id.
pub(super) type Sources = BTreeMap<String, Source>;

/// Settings of the monitor. A flag stands before the environment, and both before the program.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct SettingFlags {
    /// Where the monitor runs: eu-west-1. It is in every report
    #[arg(long, global = true, env = "SYNTHETIC_LOCATION", value_name = "NAME")]
    location: Option<String>,
    /// Keep what canaries make in this folder, so that the next process removes what a killed one leaves
    #[arg(long, global = true, env = "SYNTHETIC_JOURNAL", value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Run only the canaries of shard I of N, as 1/4: every canary is in exactly one
    #[arg(long, global = true, env = "SYNTHETIC_SHARD", value_name = "I/N")]
    shard: Option<Shard>,
    /// Let no more than N runs of a class go on side by side: http=100,browser=2
    #[arg(long, global = true, env = "SYNTHETIC_CONCURRENCY", value_name = "CLASS=N", value_delimiter = ',', value_parser = limit)]
    concurrency: Vec<(String, usize)>,
    /// How long runs may take to end when the monitor is told to stop, their cleanup included: 20s
    #[arg(long, global = true, env = "SYNTHETIC_GRACE", value_name = "TIME", value_parser = duration)]
    grace: Option<Duration>,
    /// How long sinks may take to deliver what is queued at the end: 10s
    #[arg(long, global = true, env = "SYNTHETIC_CLOSE_WITHIN", value_name = "TIME", value_parser = duration)]
    close_within: Option<Duration>,
    /// How often the journal is swept: 5m
    #[arg(long, global = true, env = "SYNTHETIC_SWEEP_EVERY", value_name = "TIME", value_parser = duration)]
    sweep_every: Option<Duration>,
    /// The socket on which the monitor is spoken to while it runs; only its own user may
    #[arg(long, global = true, env = "SYNTHETIC_CONTROL", value_name = "PATH")]
    pub(super) control: Option<PathBuf>,
}

impl SettingFlags {
    /// Sets what was said, with who said it.
    pub(super) fn apply(&self, mut builder: Builder, sources: &Sources) -> Result<Builder, Refused> {
        let says = |id: &str, builder: Builder| match sources.get(id) {
            Some(source) => builder.spoken_by(source.clone()),
            None => builder,
        };
        if let Some(location) = &self.location {
            builder = says("location", builder).location(location.as_str());
        }
        if let Some(journal) = &self.journal {
            builder = says("journal", builder).journal(journal);
        }
        if let Some(grace) = self.grace {
            builder = says("grace", builder).grace(grace);
        }
        if let Some(close) = self.close_within {
            builder = says("close_within", builder).close_within(close);
        }
        if let Some(every) = self.sweep_every {
            builder = says("sweep_every", builder).sweep_every(every);
        }
        for (n, (class, most)) in self.concurrency.iter().enumerate() {
            let contradicts = self.concurrency[..n].iter().find(|(other, number)| other == class && number != most);
            if let Some((_, other)) = contradicts {
                let source = sources.get("concurrency").map(ToString::to_string).unwrap_or_default();
                return Err(Refused::usage(format!("{source} says both {class}={other} and {class}={most}: say one")));
            }
            builder = says("concurrency", builder).concurrency(class.as_str(), *most);
        }
        if let Some(shard) = self.shard {
            builder = says("shard", builder).shard(shard);
        }
        Ok(builder)
    }
}

/// Reads a time: `500ms`, `10s`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: write it as 500ms, 10s, 2m or 1h30m");
    let time: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(time).map_err(|_| wrong())
}

fn limit(text: &str) -> Result<(String, usize), String> {
    let wrong = || format!("`{text}` is no limit of a class: write it as http=100");
    let (class, most) = text.split_once('=').ok_or_else(wrong)?;
    Ok((class.trim().to_owned(), most.trim().parse().map_err(|_| wrong())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_limits_are_read_or_refused_with_what_would_be_right() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("10"), Err("`10` is no time: write it as 500ms, 10s, 2m or 1h30m".to_owned()));
        assert!(duration("-1s").is_err());
        assert_eq!(limit("http=3"), Ok(("http".to_owned(), 3)));
        assert_eq!(limit("http"), Err("`http` is no limit of a class: write it as http=100".to_owned()));
    }
}
