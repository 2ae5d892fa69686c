//! The series of requests, which canaries share: the same request of two of them is one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use synthetic_core::report::RequestReport;

use super::folded::{Folded, OTHER};
use super::histogram::{Histogram, Trace};
use super::label::{cut, labels};
use super::settings::Settings;
use super::text::Writer;

/// All requests, each with the number of canaries that have made it.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<BTreeMap<Key, (usize, Arc<RequestSeries>)>>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    location: Option<String>,
    method: String,
    url: String,
}

/// What the requests of one kind came to.
#[derive(Debug)]
pub(super) struct RequestSeries {
    key: Key,
    labels: String,
    /// Those that succeeded, and those that failed.
    results: Mutex<[Histogram; 2]>,
}

/// In the order in which they are kept.
const RESULTS: [&str; 2] = ["success", "failure"];

impl Requests {
    /// Returns the series of a request, and adds it to what its canary has `made`.
    pub(super) fn of<'a>(
        &self,
        made: &'a mut Vec<Arc<RequestSeries>>,
        request: &RequestReport,
        location: Option<&str>,
        settings: &Settings,
        folded: &Folded,
    ) -> &'a RequestSeries {
        // As they will be shown: what is cut to the same text is the same series.
        let (method, url) = (cut(&request.method), cut(&request.url));
        let is_it = |known: &Arc<RequestSeries>| known.key.url == url && known.key.method == method;
        if let Some(at) = made.iter().position(is_it) {
            return &made[at];
        }
        let named = |method: &str, url: &str| Key {
            location: location.map(str::to_owned),
            method: method.to_owned(),
            url: url.to_owned(),
        };
        let mut key = named(method, url);
        let mut all = self.lock();
        if all.len() >= settings.requests() && !all.contains_key(&key) {
            folded.count("synthetic_request_duration");
            key = named(OTHER, OTHER);
        }
        let (users, series) = all.entry(key).or_insert_with_key(|key| (0, Arc::new(RequestSeries::new(key, settings))));
        let at = made.iter().position(|known| Arc::ptr_eq(known, series)).unwrap_or_else(|| {
            *users += 1;
            made.push(Arc::clone(series));
            made.len() - 1
        });
        &made[at]
    }

    /// Forgets a canary that `made` these, and the series that it alone had.
    pub(super) fn forget(&self, made: &[Arc<RequestSeries>]) {
        let mut all = self.lock();
        for series in made {
            let Some((users, _)) = all.get_mut(&series.key) else { continue };
            *users -= 1;
            if *users == 0 {
                all.remove(&series.key);
            }
        }
    }

    /// Returns all series as they are now, in order.
    pub(super) fn all(&self) -> Vec<Arc<RequestSeries>> {
        self.lock().values().map(|(_, series)| Arc::clone(series)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, (usize, Arc<RequestSeries>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestSeries {
    fn new(key: &Key, settings: &Settings) -> Self {
        let location = key.location.as_deref().map(|location| ("location", location));
        let labels = labels([("method", &*key.method), ("url", &*key.url)].into_iter().chain(location));
        let none = || Histogram::new(&settings.request_bounds);
        Self { key: key.clone(), labels, results: Mutex::new([none(), none()]) }
    }

    pub(super) fn record(&self, request: &RequestReport, trace: Trace, settings: &Settings) {
        let result =
            &mut self.results.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(!request.is_success())];
        result.observe(&settings.request_bounds, request.duration, trace);
    }

    pub(super) fn write(&self, to: &mut Writer<'_>, settings: &Settings) {
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        for (result, name) in results.iter().zip(RESULTS) {
            to.histogram(&[&self.labels, &labels([("result", name)])], result, &settings.request_bounds);
        }
    }
}
