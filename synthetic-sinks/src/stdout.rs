//! Results on a terminal, or as JSON lines: the reference for every other sink.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use synthetic_core::sink::{Batch, DeliveryError};
use synthetic_core::{Outcome, Report, Sink};

use crate::console::Console;

/// Writes reports to standard output: for people, or as JSON lines.
///
/// Writing happens on a thread that may block, so that a reader that does not keep up slows no canary.
///
/// # Default
///
/// [`pretty`](Self::pretty) uses colour when standard output is a terminal and `NO_COLOR` is not set
/// (<https://no-color.org>).
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::Stdout;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
/// let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(Stdout::pretty()).build()?;
/// let (reports, summary) = monitor.once().await; // Prints `12:00:00Z  passed    api-health  3.21 µs`.
/// assert_eq!((reports.len(), summary.sinks[0].delivered), (1, 1));
/// # Ok(()) }
/// ```
pub struct Stdout {
    form: Form,
    console: Console,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Pretty { colour: bool },
    Json,
}

impl Stdout {
    /// Writes for people: a line for a run that passed at once, and for any other everything that its reader needs.
    #[must_use]
    pub fn pretty() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = io::stdout().is_terminal() && !plain;
        Self { form: Form::Pretty { colour }, console: Console::stdout() }
    }

    /// Writes JSON lines: one report a line, in the form of
    /// [`JSON_SCHEMA`](synthetic_core::report::JSON_SCHEMA).
    #[must_use]
    pub fn json() -> Self {
        Self { form: Form::Json, console: Console::stdout() }
    }

    /// Writes somewhere else, without colour: a file, or a buffer in a test.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_sinks::Stdout;
    /// let _to_nowhere = Stdout::json().to(std::io::sink());
    /// ```
    #[must_use]
    pub fn to(self, writer: impl Write + Send + 'static) -> Self {
        let form = match self.form {
            Form::Pretty { .. } => Form::Pretty { colour: false },
            Form::Json => Form::Json,
        };
        Self { form, console: Console::of(writer) }
    }

    fn encode(&self, reports: &[Arc<Report>]) -> Result<Vec<u8>, DeliveryError> {
        let mut bytes = Vec::with_capacity(1024 * reports.len());
        for report in reports {
            match self.form {
                Form::Pretty { colour } => bytes.extend_from_slice(pretty(report, colour).as_bytes()),
                Form::Json => serde_json::to_writer(&mut bytes, report)
                    .map_err(|error| DeliveryError::Fatal(format!("a report cannot be written as JSON: {error}")))?,
            }
            bytes.push(b'\n');
        }
        Ok(bytes)
    }
}

#[async_trait]
impl Sink for Stdout {
    fn name(&self) -> &'static str {
        "stdout"
    }

    fn is_console(&self) -> bool {
        self.console.is_stdout
    }

    /// At most 100, which wait 20 ms for company: nobody sees it, and it saves a thread's wake-up for each report.
    fn batch(&self) -> Batch {
        Batch { most: 100, linger: Duration::from_millis(20) }
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        if reports.is_empty() {
            return Ok(());
        }
        self.console.write(self.encode(reports)?).await
    }

    async fn flush(&self) -> Result<(), DeliveryError> {
        self.console.write(Vec::new()).await
    }

    fn last_words(&self, report: &Report) {
        let report = Arc::new(report.clone());
        if let Ok(bytes) = self.encode(&[report]) {
            self.console.write_now(&bytes);
        }
    }
}

impl fmt::Debug for Stdout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdout").field("form", &self.form).finish_non_exhaustive()
    }
}

/// Puts the time and the outcome, which the eye looks for, in front of a report's own text.
fn pretty(report: &Report, colour: bool) -> String {
    let text = report.to_string();
    let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let head = head.strip_prefix(&*report.canary).unwrap_or(head).trim_start();
    let head = head.strip_prefix(report.outcome.as_str()).unwrap_or(head).trim_start();
    let (head, rest, canary) = (printable(head), printable(rest), printable(&report.canary));
    let (on, off) = if colour { (paint(report), "\x1b[0m") } else { ("", "") };
    let mut line =
        format!("{}  {on}{:<8}{off}  {}  {head}", time(report.started_at + report.duration), report.outcome, canary);
    if !rest.is_empty() {
        let _ = write!(line, "\n{rest}");
    }
    line
}

/// Shows what would command a terminal instead of obeying it: the target decides what its answers hold.
fn printable(text: &str) -> Cow<'_, str> {
    let turns =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let commands = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || turns(c);
    if !text.contains(commands) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if commands(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Returns the colour of a report's outcome; that of a flaky run is not green, which the eye would pass over.
fn paint(report: &Report) -> &'static str {
    match report.outcome {
        Outcome::Passed if report.flaky() => "\x1b[33m",
        Outcome::Passed => "\x1b[32m",
        Outcome::Skipped => "\x1b[2m",
        Outcome::Degraded => "\x1b[33m",
        Outcome::Error => "\x1b[35m",
        Outcome::Failed => "\x1b[1;31m",
    }
}

/// Returns the time of day in UTC: `12:00:00Z`.
fn time(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use synthetic_core::prelude::*;
    use synthetic_core::testing::check_sink_contract;
    use synthetic_core::{Clock, Runner};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Buffer {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    async fn report(body: fn(&Run) -> synthetic_core::Result) -> Arc<Report> {
        let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let canary = canary(Spec::new("api-health"), move |run: Run| async move {
            run.step("GET /health", async {
                tokio::time::sleep(ms(12)).await;
                body(&run)
            })
            .await
        });
        let mut report = Runner::new().clock(clock).run(canary).await;
        report.run_id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        Arc::new(report)
    }

    fn failure(_: &Run) -> synthetic_core::Result {
        let location = std::panic::Location::caller();
        Err(Failure::new("status of GET /health").at(location).expected("is equal to 200").actual("503"))
    }

    #[tokio::test]
    async fn it_keeps_the_sink_contract() {
        check_sink_contract(|| async { Stdout::pretty().to(Vec::new()) }).await;
        check_sink_contract(|| async { Stdout::json().to(Vec::new()) }).await;
    }

    #[tokio::test(start_paused = true)]
    async fn people_see_a_line_for_what_passed_and_everything_for_what_did_not() {
        let buffer = Buffer::default();
        let sink = Stdout::pretty().to(buffer.clone());
        sink.deliver(&[report(|run| run.expect("db", "up", eq("up"))).await, report(failure).await]).await.unwrap();
        let text = buffer.text();
        let text: Vec<_> = text.split("synthetic-sinks/src/stdout.rs:").collect();
        let text = text.iter().map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect::<String>();
        insta::assert_snapshot!(text, @r#"
        :00:00Z  passed    api-health  in 12.0 ms
        08:00:00Z  failed    api-health  in 12.0 ms (expectation)
          failed: status of GET /health    step "GET /health", 
            expected  is equal to 200
            actual    503
          steps
            failed    GET /health  12.0 ms
          run 01890a5d-ac96-774b-bcce-b302099a8057
        "#);
    }

    #[tokio::test(start_paused = true)]
    async fn colour_is_around_the_outcome_alone() {
        let text = pretty(&*report(|run| run.expect("db", "up", eq("up"))).await, true);
        assert_eq!(text, "08:00:00Z  \x1b[32mpassed  \x1b[0m  api-health  in 12.0 ms");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flaky_run_is_shown_as_such_with_what_failed_first_and_not_in_green() {
        let down = std::sync::atomic::AtomicBool::new(true);
        let flaky = canary(Spec::new("api-health").retry(2), move |run: Run| {
            let down = down.swap(false, std::sync::atomic::Ordering::Relaxed);
            async move {
                tokio::time::sleep(ms(12)).await;
                let refused = Failure::with_reason(synthetic_core::Reason::Connect, "connect to 10.0.0.7:443 refused");
                if down { Err(refused) } else { run.expect("db", "up", eq("up")) }
            }
        });
        let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let report = Runner::new().clock(clock).run(flaky).await;
        let text = pretty(&report, true);
        let (head, rest) = text.split_once('\n').unwrap();
        assert_eq!(head, "08:00:00Z  \x1b[33mpassed  \x1b[0m  api-health  in 12.0 ms on attempt 2 (flaky)");
        assert!(rest.starts_with("  attempt 1 failed in 12.0 ms (connect), run "), "{rest}");
        assert!(rest.contains("\n    failed: connect to 10.0.0.7:443 refused"), "{rest}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_target_answers_commands_no_terminal() {
        let hostile = report(|_| Err(Failure::new("greeting").actual("\x1b[2J\x1b[Hall is well\rup\u{9b}2J"))).await;
        let text = pretty(&hostile, true);
        assert_eq!(text.chars().filter(|c| *c == '\x1b').count(), 2, "only the colour: {text:?}");
        assert!(text.contains("\n    actual    \\u{1b}[2J\\u{1b}[Hall is well\\rup\\u{9b}2J"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn json_lines_are_one_report_each_and_come_back() {
        let buffer = Buffer::default();
        let sink = Stdout::json().to(buffer.clone());
        sink.deliver(&[report(failure).await, report(|run| run.expect("a\nb", 1, eq(1))).await]).await.unwrap();
        let reports: Vec<Report> = buffer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let outcomes: Vec<_> = reports.iter().map(|report| report.outcome).collect();
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Passed]);
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_is_fatal_and_a_full_disk_is_tried_again() {
        let report = [report(failure).await];
        let gone = Stdout::json().to(Broken(io::ErrorKind::BrokenPipe)).deliver(&report).await;
        assert_eq!(gone, Err(DeliveryError::Fatal("nobody reads standard output any more".to_owned())));
        let full = Stdout::json().to(Broken(io::ErrorKind::StorageFull)).deliver(&report).await;
        assert!(matches!(full, Err(DeliveryError::Retry(why)) if why.contains("no storage space")));
    }

    #[tokio::test]
    async fn last_words_are_written_at_once() {
        let buffer = Buffer::default();
        Stdout::json().to(buffer.clone()).last_words(&*report(failure).await);
        assert_eq!(buffer.text().lines().count(), 1);
    }
}
