//! Other names for canaries.

use std::sync::Arc;

use super::Layer;
use crate::report::Report;
use crate::sink::{MonitorView, SinkStats};
use crate::vitals::Stats;

/// The layer of [`SinkExt::prefix`](super::SinkExt::prefix).
#[derive(Debug, Clone)]
pub struct Prefix {
    prefix: Arc<str>,
}

impl Prefix {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix: prefix.into() }
    }
}

impl Layer for Prefix {
    fn pass(&self, report: &Arc<Report>) -> Option<Arc<Report>> {
        let canary = format!("{}{}", self.prefix, report.canary).into();
        Some(Arc::new(Report { canary, ..(**report).clone() }))
    }

    fn view(&self, monitor: &Arc<dyn MonitorView>) -> Arc<dyn MonitorView> {
        Arc::new(Renamed { prefix: Arc::clone(&self.prefix), monitor: Arc::clone(monitor) })
    }
}

/// A monitor whose canaries have other names, so that a sink knows them as its reports do.
struct Renamed {
    prefix: Arc<str>,
    monitor: Arc<dyn MonitorView>,
}

impl MonitorView for Renamed {
    fn name(&self) -> &str {
        self.monitor.name()
    }

    fn location(&self) -> Option<&str> {
        self.monitor.location()
    }

    fn has_canary(&self, name: &str) -> bool {
        name.strip_prefix(&*self.prefix).is_some_and(|name| self.monitor.has_canary(name))
    }

    fn canaries(&self) -> Vec<Arc<str>> {
        let names = self.monitor.canaries().into_iter();
        names.map(|name| format!("{}{name}", self.prefix).into()).collect()
    }

    fn stats(&self) -> Stats {
        self.monitor.stats()
    }

    fn sinks(&self) -> Vec<SinkStats> {
        self.monitor.sinks()
    }
}
