//! What a sink may ask of the monitor whose reports it is given.

use std::sync::Arc;

use super::SinkStats;
use crate::vitals::Stats;

/// What a sink may ask of the monitor whose reports it is given: what stands in no report. It changes nothing.
///
/// A [`Handle`](crate::monitor::Handle) is one.
pub trait MonitorView: Send + Sync {
    /// Returns the monitor's name.
    fn name(&self) -> &str;

    /// Returns where the monitor runs, when it says so: what its reports will say.
    ///
    /// # Default
    ///
    /// It does not say.
    fn location(&self) -> Option<&str> {
        None
    }

    /// Returns whether there is a canary of this name: one that was removed is none any more.
    fn has_canary(&self, name: &str) -> bool;

    /// Returns the names of all canaries, those included that have not run yet.
    fn canaries(&self) -> Vec<Arc<str>>;

    /// Returns what the monitor sees of itself.
    fn stats(&self) -> Stats;

    /// Returns what became of the reports so far, by sink.
    fn sinks(&self) -> Vec<SinkStats>;
}
