//! Metrics for Prometheus: the families of canaries and monitors, as text, on a listener of its own, or in your own server.
//!
//! What each family means, what it is labelled with, and rules to alert by are in `docs/prometheus.md`.

mod answer;
mod blackbox;
mod canaries;
mod families;
mod folded;
mod histogram;
mod label;
mod listen;
mod probe;
#[cfg(feature = "pushgateway")]
mod push;
mod requests;
#[cfg(feature = "prometheus-axum")]
mod router;
mod series;
mod settings;
mod store;
mod text;
mod vitals;

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use synthetic_core::sink::{DeliveryError, MonitorView};
use synthetic_core::{Report, Secret, Sink};
use tokio::sync::Semaphore;

use self::folded::lock;
use self::histogram::Bounds;
pub use self::listen::ListenError;
use self::listen::Listening;
#[cfg(feature = "pushgateway")]
pub use self::push::PushError;
pub use self::settings::LabelError;
use self::settings::{Declared, Settings};
use self::store::{Key, Store};
use self::text::{Form, Writer};

/// Counts runs, steps and requests for Prometheus, and shows them to whoever asks.
///
/// Cheap to clone; clones share what they count, so that one is given to the monitor and another one is asked. Settings
/// come first: one that is made on a clone gives a sink of its own that has counted nothing.
///
/// The series of a canary begin at 0 when its monitor begins, and vanish when it is removed. Counters live as long as the
/// sink: a monitor that is built anew with a clone of it goes on where the one before stopped.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::Prometheus;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// let metrics = Prometheus::new();
/// let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
/// let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(metrics.clone()).build()?;
/// monitor.once().await;
///
/// let (content_type, text) = metrics.encode("text/plain");
/// assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
/// assert!(text.contains("synthetic_up{canary=\"api-health\"} 1\n"));
/// assert!(text.contains("synthetic_runs_total{canary=\"api-health\",outcome=\"failed\",reason=\"timeout\"} 0\n"));
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Prometheus {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    store: Store,
    /// The monitors that it was shown, one of a name: a later one takes the place of an earlier one.
    monitors: Mutex<Vec<Arc<dyn MonitorView>>>,
    /// How long the last text was, which the next one will be too.
    length: AtomicUsize,
    /// How many texts there may be at a time, on their way to scrapers.
    places: Arc<Semaphore>,
    listening: Mutex<Listening>,
    /// There is something that was not pushed yet.
    news: AtomicBool,
}

impl Prometheus {
    /// Makes a sink that has counted nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the upper bounds of the buckets of runs and steps, in seconds.
    ///
    /// In any order; what is not finite or is there twice is left out, and the infinite bucket is always there.
    ///
    /// # Default
    ///
    /// 0.1, 0.25, 0.5, 1, 2.5, 10.
    #[must_use]
    pub fn buckets(self, seconds: impl IntoIterator<Item = f64>) -> Self {
        self.set(|settings| settings.bounds = Bounds::new(seconds))
    }

    /// Sets the upper bounds of the buckets of requests, in seconds, as [`buckets`](Self::buckets) does for runs.
    ///
    /// # Default
    ///
    /// 0.01, 0.1, 0.5, 2.
    #[must_use]
    pub fn request_buckets(self, seconds: impl IntoIterator<Item = f64>) -> Self {
        self.set(|settings| settings.request_bounds = Bounds::new(seconds))
    }

    /// Shows the families of blackbox_exporter too, so that dashboards and rules made for it go on working: `instance` is
    /// the canary, `job` the monitor. Scrape it with `honor_labels: true`.
    #[must_use]
    pub fn blackbox_compatible(self) -> Self {
        self.set(|settings| settings.blackbox = true)
    }

    /// Declares which [labels of runs](synthetic_core::Run::label) become labels of their series. Whatever else runs label
    /// themselves with stays out of Prometheus, where every value costs memory.
    ///
    /// What Prometheus does not allow in a name becomes `_`.
    ///
    /// # Errors
    ///
    /// Returns an error when one has the name of a label that series have anyway, when two come to the same name, and when
    /// there are more than 16.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_sinks::Prometheus;
    ///
    /// assert!(Prometheus::new().labels(["tenant", "payment-method"]).is_ok());
    /// let error = Prometheus::new().labels(["canary"]).unwrap_err();
    /// assert_eq!(error.to_string(), "label \"canary\" cannot be declared: choose a name that series do not have already");
    /// ```
    pub fn labels<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Result<Self, LabelError> {
        let labels = Declared::all(names)?;
        Ok(self.set(|settings| settings.labels = labels))
    }

    /// Sets how many different steps, hosts with a certificate, and sets of declared labels a canary may have, each; and, ten
    /// times as many, how many different requests all canaries may have together. At least one.
    ///
    /// What is beyond is counted under `other`, and that it was is counted in `synthetic_series_folded_total`.
    ///
    /// # Default
    ///
    /// 100.
    #[must_use]
    pub fn label_sets(self, most: usize) -> Self {
        self.set(|settings| settings.label_sets = most.max(1))
    }

    /// Returns everything as text, in the format that an `Accept` header asks for, with its content type: OpenMetrics, whose
    /// exemplars carry the trace id of a run, or else the plain text format 0.0.4.
    ///
    /// It takes no lock for longer than the lines of one canary take. With thousands of canaries it is work for some hundredths
    /// of a second: call it where that disturbs nobody.
    #[must_use]
    pub fn encode(&self, accept: &str) -> (&'static str, String) {
        let form = Form::accepted(accept);
        (form.content_type(), self.shared.text(form, true))
    }

    /// Returns the same text without the end that OpenMetrics wants (`# EOF`): to be put before the text of the app's own
    /// registry, whichever library that is of.
    #[must_use]
    pub fn encode_families(&self, accept: &str) -> String {
        self.shared.text(Form::accepted(accept), false)
    }

    /// Serves the metrics at `/metrics` on a listener of its own: `127.0.0.1:9464`, or `9464` for the same. Port 0 is any free one, see
    /// [`address`](Self::address).
    ///
    /// The port is taken at once, and answers come when a monitor begins. They come for as long as a clone of the sink lives,
    /// also after the monitor has ended. A scraper that does not read is cut off after 30 s, and holds up neither a run nor another
    /// scraper.
    ///
    /// There is no TLS: on anything but the loopback interface, whoever can reach the port reads the metrics, unless it is told
    /// a [`bearer`](Self::bearer) token.
    ///
    /// # Errors
    ///
    /// Returns an error when the address is none, or is taken.
    pub fn listen(mut self, address: impl AsRef<str>) -> Result<Self, ListenError> {
        let listening = Listening::on(address.as_ref())?;
        self = self.set(|_| {});
        *lock(&self.shared.listening) = listening;
        Ok(self)
    }

    /// Returns where it [listens](Self::listen), if it does.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_sinks::Prometheus;
    ///
    /// let metrics = Prometheus::new().listen("127.0.0.1:0")?;
    /// assert!(metrics.address().is_some_and(|address| address.port() > 0));
    /// assert!(Prometheus::new().address().is_none());
    /// # Ok::<(), synthetic_sinks::prometheus::ListenError>(())
    /// ```
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        lock(&self.shared.listening).address()
    }

    /// Serves the metrics only to who shows this token: `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(self, token: Secret) -> Self {
        self.set(|settings| settings.bearer = Some(token))
    }

    /// Pushes everything to a Pushgateway when it is flushed or closed: for one-shot runs, which end before they can be scraped.
    ///
    /// The group is `job` with the name of the monitor, and `location` when it has one; what was pushed under it before is replaced.
    /// It is the plain form without exemplars, which Pushgateway refuses. A push has 10 s. User and password may stand
    /// in the address; they are not shown.
    ///
    /// # Errors
    ///
    /// Returns an error when that is not the address of a web server.
    #[cfg(feature = "pushgateway")]
    pub fn pushgateway(self, url: impl AsRef<str>) -> Result<Self, PushError> {
        let gateway = push::Gateway::at(url.as_ref())?;
        Ok(self.set(|settings| settings.gateway = Some(gateway)))
    }

    /// Changes a setting of what nobody else holds yet.
    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            change(&mut shared.settings);
            return self;
        }
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        Self { shared: Arc::new(Shared::new(settings)) }
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Shared {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            store: Store::default(),
            monitors: Mutex::default(),
            length: AtomicUsize::new(0),
            places: Arc::new(Semaphore::new(answer::PLACES)),
            listening: Mutex::default(),
            news: AtomicBool::new(false),
        }
    }

    /// Returns the text; where it is `whole`, with its end.
    fn text(&self, form: Form, whole: bool) -> String {
        // A little more than last time, so that what grew does not have to be copied.
        let capacity = self.length.load(Ordering::Relaxed);
        let mut writer = Writer::kept(form, capacity + capacity / 16);
        self.write(&mut writer);
        if whole {
            writer.end_all();
        }
        let text = writer.finish();
        self.length.store(text.len(), Ordering::Relaxed);
        text
    }

    fn write(&self, writer: &mut Writer<'_>) {
        let monitors = self.keep_up();
        families::write(writer, &self.store, &self.settings, &monitors);
    }

    /// Pushes what is new since the last push, if there is somewhere to push to.
    #[cfg(feature = "pushgateway")]
    async fn push(&self) -> Result<(), DeliveryError> {
        let Some(gateway) = &self.settings.gateway else { return Ok(()) };
        if !self.news.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let monitor = lock(&self.monitors).last().cloned();
        let (job, location) = monitor.as_ref().map_or(("synthetic", None), |one| (one.name(), one.location()));
        let pushed = gateway.push(job, location, self.text(Form::Plain, true)).await;
        if pushed.is_err() {
            self.news.store(true, Ordering::Release);
        }
        pushed
    }

    /// Makes the series of new canaries and forgets those of removed ones, as the monitors know them now.
    fn keep_up(&self) -> Vec<Arc<dyn MonitorView>> {
        let monitors = lock(&self.monitors).clone();
        if !monitors.is_empty() {
            let known: HashSet<Key> = monitors.iter().flat_map(|monitor| canaries(&**monitor)).collect();
            let late = |key: &Key| {
                let mut there = monitors.iter().filter(|monitor| monitor.location() == key.location.as_deref());
                there.any(|monitor| monitor.has_canary(&key.canary))
            };
            self.store.keep(&known, late, &self.settings);
        }
        monitors
    }
}

fn canaries(monitor: &dyn MonitorView) -> impl Iterator<Item = Key> {
    let location: Option<Arc<str>> = monitor.location().map(Arc::from);
    monitor.canaries().into_iter().map(move |canary| Key { canary, location: location.clone() })
}

#[async_trait]
impl Sink for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn begin(&self, monitor: &Arc<dyn MonitorView>) {
        let mut monitors = lock(&self.shared.monitors);
        monitors.retain(|known| known.name() != monitor.name() || known.location() != monitor.location());
        monitors.push(Arc::clone(monitor));
        drop(monitors);
        self.shared.keep_up();
        lock(&self.shared.listening).serve(&self.shared);
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        for report in reports {
            self.shared.store.record(report, &self.shared.settings);
        }
        self.shared.news.fetch_or(!reports.is_empty(), Ordering::AcqRel);
        Ok(())
    }

    #[cfg(feature = "pushgateway")]
    async fn flush(&self) -> Result<(), DeliveryError> {
        self.shared.push().await
    }
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
