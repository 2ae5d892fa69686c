//! What a run found wrong: [`Failure`], and the [`Result`] that bodies return.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::expect::Mismatch;
use crate::outcome::Outcome;
pub use crate::reason::Reason;
use crate::secret::Redactor;

/// The result of everything that a body does: a value, or the [`Failure`] that stood in the way.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// The most texts of evidence that one failure carries, and the most causes it lists.
const MOST_EVIDENCE: usize = 16;
/// The longest text of a failure (its subject, a cause, a piece of evidence), in bytes.
const LONGEST_TEXT: usize = 8 * 1024;
/// The longest label of a piece of evidence, in bytes.
const LONGEST_LABEL: usize = 256;

/// Says what went wrong, where, and what was there instead: made to be read at night, without the source.
///
/// Two kinds travel in it and are never mixed up. Most are *failures*: the run went well enough to learn that the
/// target is wrong. Some are *errors* ([`is_error`](Self::is_error)): nothing was learned, because a secret is missing,
/// the body panicked or blocked its thread. They page different people and end in different [`Outcome`]s.
///
/// Like `anyhow::Error`, it is made by `?` from any `std::error::Error` (with the reason [`Reason::Unexpected`]) and
/// does not implement that trait itself. Its `Display` is one line, its `Debug` the whole text. Each of its texts is cut
/// after 8 KiB, and says how much was left out.
///
/// # Examples
///
/// ```
/// use synthetic_core::{Failure, Reason};
///
/// let failure = Failure::new("total of the cart").expected("is equal to 30").actual("25");
/// assert_eq!(failure.to_string(), "total of the cart: expected is equal to 30, actual 25");
/// assert_eq!(failure.reason(), Reason::Expectation);
///
/// fn parse(text: &str) -> synthetic_core::Result<u32> { Ok(text.parse()?) }
/// let failure = parse("x").unwrap_err();
/// assert_eq!((failure.reason(), failure.to_string().as_str()), (Reason::Unexpected, "invalid digit found in string"));
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failure(Box<Data>);

#[derive(Clone, Serialize, Deserialize)]
struct Data {
    /// Tells copies of one failure from two that read alike; means nothing outside of its run.
    #[serde(skip, default = "new_id")]
    id: u64,
    /// The run whose ledger has it, so that it counts once however far it travels; another run may have it too.
    #[serde(skip)]
    recorded: Option<Uuid>,
    /// What the target did with what it was asked; of no use outside of its process.
    #[serde(skip)]
    fate: Fate,
    reason: Reason,
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actual: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<Evidence>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    step: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

/// What the target did with a request that failed: cleanup decides by it whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Fate {
    /// Nobody knows.
    #[default]
    Unknown,
    /// It refused it for good, or never got it: nothing was made, and another try is of no use.
    Refused,
    /// It could not do it now, and another try may help: a 429, a 5xx.
    Transient,
    /// What it was asked about is not there, or not any more: a 404, a 410.
    Gone,
}

/// A piece of evidence: what it is, and its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// What it is: `answer`, `request`, `tries`.
    pub label: String,
    /// Its text, at most 8 KiB, with what was cut said at the end.
    pub text: String,
}

impl Failure {
    /// Makes a failure of the target: `subject` is what was looked at, in the words of the service.
    ///
    /// Add [`expected`](Self::expected) and [`actual`](Self::actual); a matcher does both, see
    /// [`Run::expect`](crate::Run::expect).
    #[track_caller]
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self::with_reason(Reason::Expectation, subject)
    }

    /// Makes an error of our own: the run could not be carried out, so nothing was learned of the target.
    #[track_caller]
    #[must_use]
    pub fn setup(subject: impl Into<String>) -> Self {
        Self::with_reason(Reason::Setup, subject)
    }

    /// Makes the value that a body returns to end its run as [skipped](Outcome::Skipped), with the reason why.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let report = once(canary(Spec::new("eu-only"), |_run| async {
    ///     Err(Failure::skip("the shop is closed in this region"))
    /// })).await;
    /// assert_eq!(report.outcome, Outcome::Skipped);
    /// # }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn skip(why: impl Into<String>) -> Self {
        Self::with_reason(Reason::Skipped, why)
    }

    /// Makes a failure with a reason from the closed set, as protocol crates do.
    #[track_caller]
    #[must_use]
    pub fn with_reason(reason: Reason, subject: impl Into<String>) -> Self {
        Self(Box::new(Data {
            id: new_id(),
            recorded: None,
            fate: Fate::Unknown,
            reason,
            subject: cut(subject.into(), LONGEST_TEXT),
            expected: None,
            actual: None,
            hint: None,
            causes: Vec::new(),
            evidence: Vec::new(),
            step: Vec::new(),
            location: Some(place(Location::caller())),
        }))
    }

    /// Makes the failure of an expectation from what its matcher said.
    #[track_caller]
    #[must_use]
    pub fn mismatch(subject: impl Into<String>, mismatch: Mismatch) -> Self {
        Self::new(subject).expected(mismatch.expected).actual(mismatch.actual)
    }

    /// Sets what was expected, as a verb phrase: `is equal to 201`.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(cut(expected.into(), LONGEST_TEXT));
        self
    }

    /// Sets what was there instead.
    #[must_use]
    pub fn actual(mut self, actual: impl Into<String>) -> Self {
        self.0.actual = Some(cut(actual.into(), LONGEST_TEXT));
        self
    }

    /// Sets what the reader can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(cut(hint.into(), LONGEST_TEXT));
        self
    }

    /// Adds a cause, outermost first. At most 16 are kept.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        if self.0.causes.len() < MOST_EVIDENCE {
            self.0.causes.push(cut(cause.into(), LONGEST_TEXT));
        }
        self
    }

    /// Adds the causes of an error, but not the error itself.
    #[must_use]
    pub fn causes_of(mut self, error: &(dyn StdError + 'static)) -> Self {
        let mut source = error.source();
        while let Some(cause) = source {
            self = self.cause(cause.to_string());
            source = cause.source();
        }
        self
    }

    /// Adds evidence: what it is, and its text. At most 16 pieces are kept, each cut after 8 KiB.
    #[must_use]
    pub fn evidence(mut self, label: impl Into<String>, text: impl Into<String>) -> Self {
        if self.0.evidence.len() < MOST_EVIDENCE {
            let (label, text) = (cut(label.into(), LONGEST_LABEL), cut(text.into(), LONGEST_TEXT));
            self.0.evidence.push(Evidence { label, text });
        }
        self
    }

    /// Sets what the target did with the request, as protocol crates do.
    #[must_use]
    pub fn with_fate(mut self, fate: Fate) -> Self {
        self.0.fate = fate;
        self
    }

    /// Sets the place in the source that the reader should open; `Failure::new` takes its caller's.
    #[must_use]
    pub fn at(mut self, location: &'static Location<'static>) -> Self {
        self.0.location = Some(place(location));
        self
    }

    /// Makes what the SDK itself finds: it names no place in the source, for there is none that a reader should open.
    pub(crate) fn ours(reason: Reason, subject: impl Into<String>) -> Self {
        Self::with_reason(reason, subject).nowhere()
    }

    /// Names no place in the source.
    pub(crate) fn nowhere(mut self) -> Self {
        self.0.location = None;
        self
    }

    /// Replaces the secrets that `redactor` knows in every text. A failure that a run records is scrubbed anyway.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        self.rewrite(&|text: &mut String| {
            if let Cow::Owned(clean) = redactor.redact(text) {
                *text = clean;
            }
        });
        self
    }

    /// Returns why the run ended so, from the closed set that metrics use.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// Returns what the target did with the request; a failure of the network may be cured by another try.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::failure::{Failure, Fate, Reason};
    /// assert_eq!(Failure::with_reason(Reason::Connect, "connect to shop.example refused").fate(), Fate::Transient);
    /// assert_eq!(Failure::new("status of POST /orders").fate(), Fate::Unknown);
    /// ```
    #[must_use]
    pub fn fate(&self) -> Fate {
        match self.0.fate {
            Fate::Unknown if self.0.reason.is_network() => Fate::Transient,
            fate => fate,
        }
    }

    /// Returns what was looked at, or the whole message of a failure that expects nothing.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Returns what was expected, as a verb phrase.
    #[must_use]
    pub fn expectation(&self) -> Option<&str> {
        self.0.expected.as_deref()
    }

    /// Returns what was there instead.
    #[must_use]
    pub fn observation(&self) -> Option<&str> {
        self.0.actual.as_deref()
    }

    /// Returns what the reader can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Returns the causes, outermost first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// Returns the evidence.
    #[must_use]
    pub fn pieces_of_evidence(&self) -> &[Evidence] {
        &self.0.evidence
    }

    /// Returns the names of the steps it happened in, outermost first; empty outside of any step.
    #[must_use]
    pub fn step(&self) -> &[String] {
        &self.0.step
    }

    /// Returns where in the source it happened, as `src/checkout.rs:41`.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// Returns whether it is an error of our own, from which nothing was learned of the target.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.0.reason.outcome() == Outcome::Error
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }

    /// Notes that it is recorded in `run`. Returns whether it was before.
    pub(crate) fn set_recorded(&mut self, run: Uuid) -> bool {
        self.0.recorded.replace(run) == Some(run)
    }

    pub(crate) fn set_step(&mut self, path: impl FnOnce() -> Vec<String>) {
        if self.0.step.is_empty() {
            self.0.step = path();
        }
    }

    /// Turns the failure of an expectation into that of a preference, which degrades a run and does not fail it.
    pub(crate) fn into_preference(mut self) -> Self {
        self.0.reason = Reason::Preference;
        self
    }

    /// Rewrites every text, as redaction does.
    pub(crate) fn rewrite(&mut self, rewrite: &dyn Fn(&mut String)) {
        let data = &mut *self.0;
        rewrite(&mut data.subject);
        for text in [&mut data.expected, &mut data.actual, &mut data.hint].into_iter().flatten() {
            rewrite(text);
        }
        data.causes.iter_mut().chain(&mut data.step).for_each(rewrite);
        for piece in &mut data.evidence {
            rewrite(&mut piece.label);
            rewrite(&mut piece.text);
        }
    }

    fn write_step(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "    ";
        if !self.0.step.is_empty() {
            write!(f, "{separator}step ")?;
            for (n, name) in self.0.step.iter().enumerate() {
                write!(f, "{}{name:?}", if n == 0 { "" } else { " > " })?;
            }
            separator = ", ";
        }
        match &self.0.location {
            Some(location) => write!(f, "{separator}{location}"),
            None => Ok(()),
        }
    }
}

/// One line: `status of POST /orders: expected is equal to 201, actual 503`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.subject)?;
        match (&self.0.expected, &self.0.actual) {
            (Some(expected), Some(actual)) => write!(f, ": expected {expected}, actual {actual}"),
            (Some(expected), None) => write!(f, ": expected {expected}"),
            (None, Some(actual)) => write!(f, ": {actual}"),
            (None, None) => Ok(()),
        }
    }
}

/// The whole text, several lines: subject, step, place, expected, actual, causes, hint, evidence.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = &*self.0;
        let (first, rest) = data.subject.split_once('\n').unwrap_or((&data.subject, ""));
        write!(f, "{}: {first}", data.reason.outcome())?;
        self.write_step(f)?;
        for line in rest.lines() {
            write!(f, "\n  {line}")?;
        }
        let texts = [("expected", &data.expected), ("actual", &data.actual)];
        for (label, text) in texts.into_iter().filter_map(|(label, text)| Some((label, text.as_ref()?))) {
            write_labelled(f, label, text)?;
        }
        for cause in &data.causes {
            write_labelled(f, "cause", cause)?;
        }
        for Evidence { label, text } in &data.evidence {
            write_labelled(f, label, text)?;
        }
        match &data.hint {
            Some(hint) => write_labelled(f, "hint", hint),
            None => Ok(()),
        }
    }
}

fn write_labelled(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let mut lines = text.lines();
    write!(f, "\n  {label:<8}  {}", lines.next().unwrap_or("(empty)"))?;
    lines.try_for_each(|line| write!(f, "\n            {line}"))
}

/// Any error that `?` meets in a body: the journey could not go on, for a reason that the canary did not foresee.
impl<E: StdError + Send + Sync + 'static> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::from_dyn(&error, Location::caller())
    }
}

impl Failure {
    /// Makes a failure of an error whose type is forgotten, such as an `anyhow::Error`, which `?` cannot do.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::{Failure, Reason};
    ///
    /// let error: Box<dyn std::error::Error + Send + Sync> = "the shop is closed".into();
    /// assert_eq!(Failure::from_boxed(error).reason(), Reason::Unexpected);
    /// ```
    #[track_caller]
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
    pub fn from_boxed(error: Box<dyn StdError + Send + Sync>) -> Self {
        Self::from_dyn(&*error, Location::caller())
    }

    fn from_dyn(error: &(dyn StdError + 'static), place: &'static Location<'static>) -> Self {
        Self::with_reason(Reason::Unexpected, error.to_string()).at(place).causes_of(error)
    }
}

/// So that `?` works in a `main` or a test that returns `Box<dyn Error>`.
impl From<Failure> for Box<dyn StdError + Send + Sync> {
    fn from(failure: Failure) -> Self {
        format!("{failure:?}").into()
    }
}

fn new_id() -> u64 {
    fastrand::u64(1..)
}

fn place(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

/// Returns what a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(a value that is not text)").to_owned()
}

/// Cuts a text after `longest` bytes, on a character, and says how much was left out.
pub(crate) fn cut(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let left_out = text.len() - end;
        text.truncate(end);
        text.push_str(&format!(" … ({left_out} bytes left out)"));
    }
    text
}

/// A name or a subject: borrowed where it is written down, owned where it is put together.
pub(crate) type Text = Cow<'static, str>;

#[cfg(test)]
mod tests;
