//! What a person is told at night: [`Notice`], made from what is known of a canary, in words that every target uses.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use synthetic_core::{Outcome, Report};

use super::moment::{Lasted, Moment};
use super::rule::Event;
use super::text::{cut, one_line};

/// The longest text of a failure that is kept and sent, in characters.
const LONGEST_TEXT: usize = 16 * 1024;
/// The longest line that stands for a failure, in characters.
const LONGEST_HEADLINE: usize = 500;
/// The longest name, in characters. That of a canary has 255 at most, and what the others have is up to their users.
const LONGEST_NAME: usize = 255;
/// How many things that were left behind are listed.
const MOST_LEAKS: usize = 5;

/// What the last failing run saw, as far as a message needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) at: Moment,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    pub(super) run_id: String,
    /// What failed, on one line.
    pub(super) headline: String,
    /// What failed, as the report has it.
    pub(super) text: String,
}

/// How an alert ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) at: Moment,
    /// The run that passed; none when the canary was removed.
    pub(super) run_id: Option<String>,
}

/// A message: what happened to which canary where, since when, and what failed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Notice {
    pub(super) event: Event,
    /// Names the canary at its location, for as long as both keep their names: at most 255 bytes.
    pub(super) key: String,
    pub(super) canary: String,
    pub(super) location: Option<String>,
    pub(super) monitor: Option<String>,
    /// When the first of the failing runs ended that no pass has interrupted.
    pub(super) since: Moment,
    /// How the run ended that fired: it stays the same until it resolves.
    pub(super) severity: Outcome,
    /// How many of the last runs failed, and of how many.
    pub(super) failures: (u32, usize),
    pub(super) seen: Seen,
    /// Where it ended: how.
    pub(super) ended: Option<Ended>,
}

impl Seen {
    pub(super) fn of(report: &Report) -> Self {
        let reason = report.reason.map(|reason| reason.as_str().to_owned());
        let headline = match (report.leading(), report.cleanup.leaks().next(), &reason) {
            (Some(failure), ..) => failure.to_string(),
            (None, Some(leak), _) => format!("left behind: {leak}"),
            (None, None, Some(reason)) => reason.clone(),
            (None, None, None) => report.outcome.to_string(),
        };
        Self {
            at: ended_at(report),
            outcome: report.outcome,
            reason,
            run_id: report.run_id.to_string(),
            headline: cut(&one_line(&headline), LONGEST_HEADLINE).into_owned(),
            text: cut(&text(report), LONGEST_TEXT).into_owned(),
        }
    }
}

/// Returns a name as a message carries it.
pub(super) fn bounded(name: &str) -> String {
    cut(name, LONGEST_NAME).into_owned()
}

/// Returns when a run ended.
pub(super) fn ended_at(report: &Report) -> Moment {
    Moment::from(report.started_at).after(report.duration)
}

/// Writes what leads in full, and of the rest how much there is.
fn text(report: &Report) -> String {
    let mut text = report.leading().map(|failure| format!("{failure:?}")).unwrap_or_default();
    let line = |text: &mut String, line: std::fmt::Arguments<'_>| {
        let _ = write!(text, "{}{line}", if text.is_empty() { "" } else { "\n" });
    };
    match (report.failures.len() + report.unmet.len()).saturating_sub(1) {
        0 => {}
        1 => line(&mut text, format_args!("and 1 more")),
        more => line(&mut text, format_args!("and {more} more")),
    }
    for leak in report.cleanup.leaks().take(MOST_LEAKS) {
        line(&mut text, format_args!("left behind: {leak}"));
    }
    let more = report.cleanup.leaks().skip(MOST_LEAKS).count();
    if more > 0 {
        line(&mut text, format_args!("left behind: {more} more"));
    }
    text
}

impl Notice {
    /// Returns what happened, in the word that generic targets are given.
    pub(super) fn event_word(&self) -> &'static str {
        match self.event {
            Event::Trigger => "trigger",
            Event::Reminder => "reminder",
            Event::Resolve => "resolve",
        }
    }

    /// Returns whether it is over.
    pub(super) fn is_resolved(&self) -> bool {
        self.event == Event::Resolve
    }

    /// Returns when what it says was so.
    pub(super) fn at(&self) -> Moment {
        self.ended.as_ref().map_or(self.seen.at, |ended| ended.at)
    }

    /// Returns the run to look at: the last that failed, or the one that passed.
    pub(super) fn run_id(&self) -> &str {
        self.ended.as_ref().and_then(|ended| ended.run_id.as_deref()).unwrap_or(&self.seen.run_id)
    }

    /// Returns the canary and where it runs, on one line: `checkout (eu-west-1)`.
    pub(super) fn who(&self) -> String {
        match &self.location {
            Some(location) => one_line(&format!("{} ({location})", self.canary)),
            None => one_line(&self.canary),
        }
    }

    /// Returns what happened, on one line.
    pub(super) fn title(&self) -> String {
        let (who, lasted) = (self.who(), Lasted(self.at().since(self.since)));
        match (self.event, &self.ended) {
            (Event::Trigger, _) => format!("FIRING: {who}: {}", self.seen.headline),
            (Event::Reminder, _) => format!("STILL FIRING: {who} for {lasted}: {}", self.seen.headline),
            (Event::Resolve, Some(Ended { run_id: None, .. })) => format!("RESOLVED: {who} was removed"),
            (Event::Resolve, _) => format!("RESOLVED: {who} after {lasted}"),
        }
    }

    /// Returns what failed: the failure's own text, and that of the past when it is over.
    pub(super) fn body(&self) -> Cow<'_, str> {
        match (self.is_resolved(), self.seen.text.is_empty()) {
            (true, _) => format!("had failed: {}", self.seen.headline).into(),
            (false, true) => Cow::Borrowed(&self.seen.headline),
            (false, false) => Cow::Borrowed(&self.seen.text),
        }
    }

    /// Returns since when, how often, and where to look further, on one line.
    pub(super) fn footer(&self) -> String {
        let lasted = Lasted(self.at().since(self.since));
        let mut line = match &self.ended {
            Some(ended) => format!("failed from {} to {} ({lasted})", self.since, ended.at),
            None => {
                let (failed, runs) = self.failures;
                format!("failing since {} ({lasted}), {failed} of the last {runs} runs", self.since)
            }
        };
        if let Some(monitor) = &self.monitor {
            let _ = write!(line, ", monitor {}", one_line(monitor));
        }
        let _ = write!(line, ", run {}", self.run_id());
        line
    }

    /// Returns everything, as text of several lines.
    pub(super) fn text(&self) -> String {
        format!("{}\n{}\n{}", self.title(), self.body(), self.footer())
    }
}

/// Names a canary at a location for receivers that tell alerts by a key: at most 255 bytes, as PagerDuty demands.
///
/// It is the three names, `/` between them and encoded within; one that is too long ends in the 64-bit FNV-1a hash
/// (<http://www.isthe.com/chongo/tech/comp/fnv/>) of all of it.
pub(super) fn key(monitor: Option<&str>, location: Option<&str>, canary: &str) -> String {
    const LONGEST: usize = 255;
    let encoded = |part: &str| part.replace('%', "%25").replace('/', "%2F");
    let key = [monitor.unwrap_or_default(), location.unwrap_or_default(), canary].map(encoded).join("/");
    if key.len() <= LONGEST {
        return key;
    }
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let kept = (0..=LONGEST - 17).rev().find(|at| key.is_char_boundary(*at)).unwrap_or(0);
    format!("{}-{hash:016x}", &key[..kept])
}
