//! Messages to people when a canary begins to fail and when it works again.

mod book;
mod desk;
mod error;
mod file;
mod keeper;
mod moment;
mod notice;
mod post;
mod rule;
mod target;
mod template;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use synthetic_core::sink::{Batch, DeliveryError, MonitorView};
use synthetic_core::{Report, Secret, Sink};

use self::desk::Settings;
pub use self::error::WebhookError;
use self::keeper::Office;
use self::post::Post;
use self::rule::{LONGEST_WINDOW, Rule};
use self::target::{Target, alertmanager, pagerduty};
use self::template::Template;

/// Tells people when a canary begins to fail, when it works again, and from time to time in between.
///
/// It judges each canary at each location by itself: when so many of its last runs failed, it *fires*; when so many in a row
/// have passed, it *resolves*. One message is sent for each, with the canary, its location, since when it fails, what failed
/// and the run's id. A canary that is removed resolves. Runs that were skipped say nothing.
///
/// A message that the server does not take is tried again, by the pipeline, with every further run, and in between, until it
/// arrives or until what it says is no longer so. An alert resolves even if nobody can be told; that is tried for a day.
///
/// # Default
///
/// - fires when 2 of the last 3 runs failed ([`fires_after`](Self::fires_after)), resolves after 2 passes
///   ([`resolves_after`](Self::resolves_after))
/// - failed runs and errors count, degraded ones do not ([`count_errors`](Self::count_errors),
///   [`count_degraded`](Self::count_degraded))
/// - no reminders ([`remind_every`](Self::remind_every)), no file ([`state_file`](Self::state_file))
/// - looks after what waits every minute ([`resend_every`](Self::resend_every)); a message may take 10 s
///   ([`timeout`](Self::timeout))
/// - no proxy, whatever the environment says ([`use_system_proxy`](Self::use_system_proxy))
///
/// # Secrets
///
/// Addresses, keys, header values: all of it is hidden in errors, logs and `Debug`, where the scheme, host and port of an
/// address remain. What failed is told as the report has it, in which no secret of the run stands.
///
/// # Examples
///
/// ```
/// use synthetic_core::Sink;
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::Webhook;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = "https://hooks.slack.com/services/T0/B0/very-secret";
/// let slack = Webhook::slack(url)?.fires_after(3, 5)?.remind_every(mins(60)).state_file("/var/lib/shop/slack.json");
/// assert_eq!(slack.name(), "slack");
/// assert!(!format!("{slack:?}").contains("very-secret"));
///
/// let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
/// let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(slack).build()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Webhook {
    settings: Arc<Settings>,
    office: Arc<Office>,
}

impl Webhook {
    /// Sends JSON to an address: every value of [`templated`](Self::templated) under its own name.
    ///
    /// # Errors
    ///
    /// Fails when `url` is no http or https URL.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_sinks::Webhook;
    /// let _own = Webhook::generic("https://alerts.example/hook?token=1f5e")?.header("authorization", "Bearer a1b2c3")?;
    /// assert!(Webhook::generic("alerts.example").is_err());
    /// # Ok::<(), synthetic_sinks::WebhookError>(())
    /// ```
    pub fn generic(url: &str) -> Result<Self, WebhookError> {
        Ok(Self::new(Target::Generic { template: None }, Post::to(url, "")?))
    }

    /// Sends JSON of one's own to an address.
    ///
    /// `{{name}}` stands for a value and has to be within a JSON string; the value is escaped for it.
    ///
    /// | name | value |
    /// |---|---|
    /// | `event` | `trigger`, `reminder`, `resolve` |
    /// | `state` | `firing`, `resolved` |
    /// | `title` | what happened, on one line, with what failed |
    /// | `text` | everything, on several lines |
    /// | `canary`, `location`, `monitor` | names; empty where there is none |
    /// | `outcome` | of the last run that failed: `failed`, `error`, `degraded` |
    /// | `reason` | of it, such as `expectation`, `timeout` |
    /// | `since` | when the first of the runs ended that have failed without a pass in between, as `2027-01-15T08:00:00Z` |
    /// | `at` | when the run ended that the message is about |
    /// | `run_id` | of that run |
    /// | `key` | the canary at its location: the same until both change their names, at most 255 bytes |
    ///
    /// # Errors
    ///
    /// Fails when `url` is no http or https URL, when the template names what there is not, and when it does not make JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_sinks::Webhook;
    /// let url = "https://ntfy.example";
    /// let _ntfy = Webhook::templated(url, r#"{"topic": "shop", "title": "{{title}}", "message": "{{text}}"}"#)?;
    /// let error = Webhook::templated(url, r#"{"topic": {{canary}}}"#).unwrap_err().to_string();
    /// assert!(error.contains("does not make JSON, where every value stands within a string"));
    /// # Ok::<(), synthetic_sinks::WebhookError>(())
    /// ```
    pub fn templated(url: &str, template: &str) -> Result<Self, WebhookError> {
        let (template, post) = (Template::parse(template)?, Post::to(url, "")?);
        template.own_texts().iter().for_each(|text| post.hide("template", text));
        Ok(Self::new(Target::Generic { template: Some(template) }, post))
    }

    /// Sends to an incoming webhook of Slack, or of one that takes the same (Mattermost, Rocket.Chat). Its `url` is the secret.
    ///
    /// # Errors
    ///
    /// Fails when `url` is no http or https URL.
    pub fn slack(url: &str) -> Result<Self, WebhookError> {
        Ok(Self::new(Target::Slack, Post::to(url, "")?))
    }

    /// Sends to PagerDuty's Events API v2 by the integration key of a service. A firing canary is one incident, which a
    /// reminder is added to, and which is resolved; one of another region is reached [elsewhere](Self::pagerduty_at).
    ///
    /// # Errors
    ///
    /// None for now.
    pub fn pagerduty(routing_key: &str) -> Result<Self, WebhookError> {
        Self::pagerduty_at(pagerduty::ENDPOINT, routing_key)
    }

    /// Sends to PagerDuty's Events API v2 somewhere else, such as `https://events.eu.pagerduty.com/v2/enqueue`.
    ///
    /// # Errors
    ///
    /// Fails when `url` is no http or https URL.
    pub fn pagerduty_at(url: &str, routing_key: &str) -> Result<Self, WebhookError> {
        let post = Post::to(url, "")?;
        post.hide("routing_key", routing_key);
        Ok(Self::new(Target::PagerDuty { routing_key: Secret::new("webhook/routing_key", routing_key) }, post))
    }

    /// Sends to an Alertmanager, whose API v2 is below `url`: alerts named `CanaryFailing` with the labels `canary`, `location`,
    /// `monitor` and `severity` (`critical`, or `warning` for a degraded run).
    ///
    /// What fires is sent again [every minute](Self::resend_every), and ends by itself four minutes after the last time: when
    /// the monitor is gone, nothing is known. Of several that form a cluster, each needs a sink.
    ///
    /// # Errors
    ///
    /// Fails when `url` is no http or https URL.
    pub fn alertmanager(url: &str) -> Result<Self, WebhookError> {
        Ok(Self::new(Target::Alertmanager, Post::to(url, alertmanager::PATH)?))
    }

    fn new(target: Target, post: Post) -> Self {
        let rule = Rule { failures: 2, of: 3, passes: 2, remind: None, degraded: false, errors: true };
        let (name, every) = (target.name().to_owned(), Duration::from_secs(60));
        let settings = Settings { name, target, rule, labels: BTreeMap::new(), every, post, state_file: None };
        Self { settings: Arc::new(settings), office: Arc::default() }
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// Fires when `failures` of the `last` runs failed, in whatever order; runs that were skipped are none of them.
    ///
    /// # Errors
    ///
    /// Fails unless `1 <= failures <= last <= 1000`.
    pub fn fires_after(mut self, failures: u32, last: u32) -> Result<Self, WebhookError> {
        if !(1..=last).contains(&failures) || last > LONGEST_WINDOW {
            let why = format!(
                "fires after {failures} of {last} runs: 1 to {LONGEST_WINDOW} are possible, and no more than there are"
            );
            return Err(WebhookError::InvalidRule(why));
        }
        let rule = &mut self.settings().rule;
        (rule.failures, rule.of) = (failures, last);
        Ok(self)
    }

    /// Resolves when so many runs in a row have passed.
    ///
    /// # Errors
    ///
    /// Fails for zero.
    pub fn resolves_after(mut self, passes: u32) -> Result<Self, WebhookError> {
        if passes == 0 {
            return Err(WebhookError::InvalidRule("resolves after 0 passes: at least 1 is needed".to_owned()));
        }
        self.settings().rule.passes = passes;
        Ok(self)
    }

    /// Reminds of a canary that still fails when so much time has passed since the last message about it: with its next run
    /// that fails.
    #[must_use]
    pub fn remind_every(mut self, every: Duration) -> Self {
        self.settings().rule.remind = Some(every);
        self
    }

    /// Sets whether a [degraded](synthetic_core::Outcome::Degraded) run counts as failed; otherwise it counts as passed.
    #[must_use]
    pub fn count_degraded(mut self, count: bool) -> Self {
        self.settings().rule.degraded = count;
        self
    }

    /// Sets whether an [error](synthetic_core::Outcome::Error) counts as failed; otherwise it says nothing, as nothing was
    /// learned.
    #[must_use]
    pub fn count_errors(mut self, count: bool) -> Self {
        self.settings().rule.errors = count;
        self
    }

    /// Keeps in a file what is known of the canaries that are not well, so that a restart neither tells again what fires nor
    /// forgets to tell that it is over. It belongs to one sink of one process at a time.
    ///
    /// A file that cannot be read is moved aside and logged; one that cannot be written is logged.
    #[must_use]
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings().state_file = Some(path.into());
        self
    }

    /// Adds a label: to an Alertmanager's alerts, where it can replace one of ours, to PagerDuty's details, and to what
    /// [`generic`](Self::generic) sends.
    ///
    /// # Errors
    ///
    /// Fails unless the name is `[a-zA-Z_][a-zA-Z0-9_]*` and the value is not empty.
    pub fn label(mut self, name: &str, value: &str) -> Result<Self, WebhookError> {
        let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_name = name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
        if !is_name || value.is_empty() {
            let why = format!("{name:?}: a name is [a-zA-Z_][a-zA-Z0-9_]*, and a value is not empty");
            return Err(WebhookError::InvalidLabel(why));
        }
        self.settings().labels.insert(name.to_owned(), value.to_owned());
        Ok(self)
    }

    /// Sends a header with every message, such as `authorization`. Its value is a secret.
    ///
    /// # Errors
    ///
    /// Fails when the name is none, or the value has characters that none may have.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, WebhookError> {
        self.settings().post.header(name, value)?;
        Ok(self)
    }

    /// Trusts the root certificates of a PEM file beside those of the platform.
    ///
    /// # Errors
    ///
    /// Fails when there is none in it, or one that cannot be used.
    pub fn trust(mut self, pem: &[u8]) -> Result<Self, WebhookError> {
        self.settings().post.root(pem)?;
        Ok(self)
    }

    /// Sets how long a message may take, from the connection to the end of the answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings().post.timeout(timeout);
        self
    }

    /// Goes through the proxy that the environment names.
    #[must_use]
    pub fn use_system_proxy(mut self) -> Self {
        self.settings().post.use_system_proxy();
        self
    }

    /// Sets how often it looks after what no run has to come for: messages that did not arrive, canaries that were removed,
    /// and for an Alertmanager everything that fires. At least 10 ms, at most a year.
    #[must_use]
    pub fn resend_every(mut self, every: Duration) -> Self {
        self.settings().every = every.clamp(Duration::from_millis(10), Duration::from_secs(365 * 24 * 60 * 60));
        self
    }

    /// Sets the name that the sink's counters carry, where there are several of a kind.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.settings().name = name.into();
        self
    }
}

#[async_trait]
impl Sink for Webhook {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn begin(&self, monitor: &Arc<dyn MonitorView>) {
        // One monitor shows itself; a second one would be a second owner of the state.
        let _ = self.office.view.set(Arc::clone(monitor));
        self.office.open(&self.settings);
    }

    /// At most 64, without waiting: a message is due at once.
    fn batch(&self) -> Batch {
        Batch { most: 64, linger: Duration::ZERO }
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        self.office.open(&self.settings);
        self.office.desk.lock().await.deliver(&self.settings, self.office.view.get(), reports).await
    }

    async fn flush(&self) -> Result<(), DeliveryError> {
        self.office.desk.lock().await.flush(&self.settings).await
    }

    /// Tries once more to tell what is owed. What fires goes on firing: the next process takes it up, when there is a file.
    async fn close(&self) -> Result<(), DeliveryError> {
        let mut desk = self.office.desk.lock().await;
        if std::mem::replace(&mut desk.closed, true) {
            return Ok(());
        }
        self.office.close();
        desk.flush(&self.settings).await
    }
}
