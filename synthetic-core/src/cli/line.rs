//! Reads the command line.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Args, Command, FromArgMatches, Parser, Subcommand};

use super::output::{MadeFlags, OutputFlags};
use super::selection::SelectionFlags;
use super::settings::{PREFIX, SettingFlags, Sources, duration};
use super::terminal;
use crate::monitor::{Exit, Source};

const AFTER: &str = "\
Exit codes:
   0  everything that ran passed or was degraded
   1  a run failed: the target is wrong
   2  a run could not conclude, or a sink lost reports: nothing can be said of the target
   3  the journeys were good, but something was left behind in the target
   4  nothing was selected, or everything was skipped: nothing is green on nothing
  64  the command line or a setting was wrong
 130  ended at once by a second signal; the journal remembers what is still to be removed

Examples:
  validate                          what would run, when, with which settings, and who set them
  once --tag critical --format junit --output report.xml
                                    in CI: run what is selected once, and write what CI reads
  run --journal /var/lib/canaries --control /run/canaries.sock
                                    in production: keep the schedules until SIGTERM
  alerts --format prometheus        what is to wake somebody, as rules; dashboard draws what is watched
  pause checkout --control /run/canaries.sock
                                    speak to the monitor that runs";

const ALERTS_AFTER: &str = "\
Examples:
  alerts --format prometheus --output canaries.rules.yml
                                    then: promtool check rules canaries.rules.yml
  alerts --format cloudformation --objective 99.5 --output alarms.yml
                                    then: aws cloudformation deploy --template-file alarms.yml --stack-name canary-alarms \
--parameter-overrides CriticalTopic=ARN";

const DASHBOARD_AFTER: &str = "\
Examples:
  dashboard --format grafana --output canaries.json
                                    then: Dashboards, New, Import
  dashboard --format cloudwatch --region eu-west-1 --output canaries.json
                                    then: aws cloudwatch put-dashboard --dashboard-name canaries --dashboard-body \
file://canaries.json";

/// Runs canaries: scripted journeys of a test user, again and again, against a live system.
#[derive(Debug, Parser)]
#[command(subcommand_required = true, arg_required_else_help = true, after_long_help = AFTER)]
pub(super) struct Line {
    #[command(subcommand)]
    pub(super) command: What,
    #[command(flatten)]
    pub(super) settings: SettingFlags,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Keep the schedules until SIGINT or SIGTERM, then end within the grace period
    ///
    /// The first signal stops the schedules: runs may end within half of the grace period, then they are cancelled, and what
    /// they made is removed. Reports that are queued are delivered. A second signal ends the process at once.
    Run {
        #[command(flatten)]
        selection: SelectionFlags,
        /// End by itself after this time, such as 10s or 2m
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        time: Option<Duration>,
    },
    /// Run what is selected once, and end with a code that says how it went
    ///
    /// Canaries run side by side, at most eight of a class. Reports go to the monitor's sinks as well, apart from those that
    /// write to standard output: that is for the format.
    Once {
        #[command(flatten)]
        selection: SelectionFlags,
        /// Let every canary try so many times more where it does not say itself why: whatever failed is tried again
        #[arg(long, value_name = "N")]
        retries: Option<u32>,
        #[command(flatten)]
        output: OutputFlags,
    },
    /// List the canaries: when they run, their class, their timeout, their tags
    List {
        #[command(flatten)]
        selection: SelectionFlags,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Check everything that can be checked without running, and show what would run, with every setting and who set it
    Validate {
        #[command(flatten)]
        selection: SelectionFlags,
    },
    /// Write alert rules for the canaries: for what fails, is slow or silent, and spends its error budget too fast
    ///
    /// Rules of Prometheus also watch certificates and what is left behind. The same canaries give the same text, so keep it
    /// under version control: when it differs, alerts no longer fit the canaries. With --location, rules are for the
    /// series of that place alone; without, for those of all places.
    #[command(after_help = ALERTS_AFTER)]
    Alerts {
        #[command(flatten)]
        selection: SelectionFlags,
        /// Whose rules
        #[arg(long, value_enum, value_name = "FORMAT")]
        format: AlertsFormat,
        #[command(flatten)]
        made: MadeFlags,
    },
    /// Write a dashboard of the canaries, as JSON
    ///
    /// Nothing in it is of one installation: the data source is a variable of it, and it can be imported again whenever the
    /// canaries change.
    #[command(after_help = DASHBOARD_AFTER)]
    Dashboard {
        #[command(flatten)]
        selection: SelectionFlags,
        /// Whose dashboard
        #[arg(long, value_enum, value_name = "FORMAT")]
        format: DashboardFormat,
        #[command(flatten)]
        made: MadeFlags,
        /// For CloudWatch: the region of the metrics
        #[arg(long, value_name = "REGION", env = "AWS_REGION")]
        region: Option<String>,
        /// For CloudWatch: the namespace of the metrics
        #[arg(long, value_name = "NAME", default_value = "CloudWatchSynthetics")]
        namespace: String,
    },
    /// Remove what earlier runs have left in the target, and run nothing
    ///
    /// What the journal has is looked for until it is clear that nothing can appear any more, within --within. Ends with 0
    /// when nothing is left, with 3 when something is.
    Sweep {
        /// Say what would be removed, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Begin no further pass after this time; each thing has ten seconds in a pass
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5m", conflicts_with = "dry_run")]
        within: Duration,
    },
    /// Write the JSON Schema of a report, or of what `once --format json` writes
    Schema {
        /// What the schema is of
        #[arg(value_enum, default_value_t)]
        of: Schema,
    },
    /// Ask a monitor that runs what its canaries do now
    Status {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask a monitor that runs for the last runs of a canary, the newest first
    Runs {
        /// The canary
        name: String,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 10)]
        most: usize,
        #[command(flatten)]
        output: OutputFlags,
    },
    /// Let canaries of a monitor that runs start no more, until they are resumed
    Pause {
        /// The canaries
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Let paused canaries of a monitor that runs start again
    Resume {
        /// The canaries
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Let canaries of a monitor that runs start now, also when they are paused
    Trigger {
        /// The canaries
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Give a canary of a monitor that runs another schedule, until the monitor is started again
    Reschedule {
        /// The canary
        name: String,
        /// When it is to run: 30s, "rate(5 minutes)", "cron(0/5 * * * ? *)" or "*/5 8-18 * * MON-FRI"
        schedule: String,
    },
    /// Ask a monitor that runs whether it does what it is there for; ends with 1 when it does not
    Health,
}

/// Whose alert rules.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum AlertsFormat {
    /// A rule file of Prometheus
    Prometheus,
    /// A CloudFormation template with alarms of CloudWatch
    Cloudformation,
}

/// Whose dashboard.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum DashboardFormat {
    /// Grafana, on a Prometheus data source
    Grafana,
    /// CloudWatch
    Cloudwatch,
}

/// What there is a JSON Schema of.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum Schema {
    /// One report, as sinks write it
    #[default]
    Report,
    /// All of them, as `once --format json` writes them
    Results,
}

/// What the command line says, and who says it.
pub(super) struct Parsed<A> {
    pub(super) own: A,
    pub(super) line: Line,
    /// Who set each flag that was set, by the flag's id.
    pub(super) sources: Sources,
}

/// Reads a command line. Says itself what is wrong with it.
pub(super) fn parse<A: Args>(args: Vec<OsString>) -> Result<Parsed<A>, Exit> {
    let program =
        args.first().map(PathBuf::from).and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    let command = command::<A>(program.unwrap_or_else(|| "monitor".to_owned()));
    if let Some(problem) = unknown_settings(&command) {
        terminal::err(&format!("error: {problem}"));
        return Err(Exit::Usage);
    }
    let parsed = command.clone().try_get_matches_from(&args).and_then(|matches| {
        let sources = sources(&command, &matches);
        Ok(Parsed { own: A::from_arg_matches(&matches)?, line: Line::from_arg_matches(&matches)?, sources })
    });
    parsed.map_err(|error| {
        let _ = error.print();
        if let Some(variable) = said_by(&command, &args, &error) {
            terminal::err(&format!("It is set by {variable} in the environment."));
        }
        // What clap calls 2 is a failed check here.
        if error.exit_code() == 0 { Exit::Passed } else { Exit::Usage }
    })
}

/// Returns the variable that a wrong value is from, when it is from one: clap names the flag alone.
fn said_by(command: &Command, args: &[OsString], error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = wrong.split([' ', '=']).next()?;
    let says_it = |arg: &OsString| arg.to_str().is_some_and(|arg| arg.split('=').next() == Some(flag));
    if args.iter().any(says_it) {
        return None;
    }
    let arg =
        command.get_arguments().find(|arg| arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)))?;
    let variable = arg.get_env()?;
    std::env::var_os(variable).map(|_| variable.to_string_lossy().into_owned())
}

/// Puts the flags of a program beside ours. All of them may stand before or after the command.
fn command<A: Args>(program: String) -> Command {
    let own = A::augment_args(Command::new("own").next_help_heading("Flags of this monitor"));
    let own: Vec<_> = own.get_arguments().cloned().collect();
    let everywhere = |arg: clap::Arg| if arg.is_required_set() || arg.is_positional() { arg } else { arg.global(true) };
    let command = <Line as clap::CommandFactory>::command().name(program).args(own.into_iter().map(everywhere));
    // What is in the environment may be a secret, and is nothing for a help text.
    command.mut_args(|arg| arg.hide_env_values(true))
}

fn sources(command: &Command, matches: &clap::ArgMatches) -> Sources {
    let source = |arg: &clap::Arg| {
        let id = arg.get_id().as_str();
        let flag = arg.get_long().map(|long| format!("--{long}")).unwrap_or_else(|| id.to_owned());
        let source = match matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id))? {
            ValueSource::CommandLine => Source::Flag(flag),
            ValueSource::EnvVariable => Source::Environment(arg.get_env()?.to_string_lossy().into_owned()),
            _ => return None,
        };
        Some((id.to_owned(), source))
    };
    command.get_arguments().filter_map(source).collect()
}

/// Returns what is wrong with the environment: a variable that looks like a setting and is none.
fn unknown_settings(command: &Command) -> Option<String> {
    let all = std::iter::once(command).chain(command.get_subcommands()).flat_map(Command::get_arguments);
    let known: BTreeSet<String> = all.filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned())).collect();
    let looks_so =
        |name: &OsString| name.to_str().is_some_and(|name| name.starts_with(PREFIX) && !known.contains(name));
    let unknown = std::env::vars_os().map(|(name, _)| name).find(looks_so)?;
    let settings: Vec<_> = known.iter().filter(|name| name.starts_with(PREFIX)).map(String::as_str).collect();
    Some(format!("{} in the environment is no setting: there are {}", unknown.display(), settings.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        #[derive(Args)]
        struct Own {
            /// The shop
            #[arg(long, env = "SHOP_URL")]
            _target: String,
        }
        command::<Own>("shop".to_owned()).debug_assert();
    }
}
