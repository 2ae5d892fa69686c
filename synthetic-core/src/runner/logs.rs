//! Keeps the `tracing` events of a run for its report, and passes everything on.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use crate::report::LogLine;
use crate::run::Context;

/// Returns a subscriber that keeps events from `level` up for the run they happen in, and passes everything on to the
/// subscriber that is current now.
pub(super) fn capturing(level: Level) -> Dispatch {
    let inner = tracing::dispatcher::get_default(Dispatch::clone);
    if let Some(capturing) = inner.downcast_ref::<Capturing>() {
        let inner = capturing.inner.clone();
        return Dispatch::new(Capturing { level, inner });
    }
    let inner = (!inner.is::<NoSubscriber>()).then_some(inner);
    Dispatch::new(Capturing { level, inner })
}

struct Capturing {
    level: Level,
    inner: Option<Dispatch>,
}

impl Capturing {
    fn keeps(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level
    }
}

impl Subscriber for Capturing {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.keeps(metadata) {
            return Interest::always();
        }
        // The inner one may change its mind at any time; asking it each time is what `sometimes` means.
        self.inner.as_ref().map_or_else(Interest::never, |_| Interest::sometimes())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.keeps(metadata) || self.inner.as_ref().is_some_and(|inner| inner.enabled(metadata))
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        self.inner.is_none().then(|| self.level.into())
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.inner.as_ref().map_or_else(|| Id::from_u64(1), |inner| inner.new_span(attributes))
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if let Some(inner) = &self.inner {
            inner.record(span, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if let Some(inner) = &self.inner {
            inner.record_follows_from(span, follows);
        }
    }

    fn event(&self, event: &Event<'_>) {
        if self.keeps(event.metadata()) {
            keep(event);
        }
        if let Some(inner) = self.inner.as_ref().filter(|inner| inner.enabled(event.metadata())) {
            inner.event(event);
        }
    }

    fn enter(&self, span: &Id) {
        if let Some(inner) = &self.inner {
            inner.enter(span);
        }
    }

    fn exit(&self, span: &Id) {
        if let Some(inner) = &self.inner {
            inner.exit(span);
        }
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.inner.as_ref().map_or_else(|| id.clone(), |inner| inner.clone_span(id))
    }

    fn try_close(&self, id: Id) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.try_close(id))
    }

    fn current_span(&self) -> tracing_core::span::Current {
        self.inner.as_ref().map_or_else(tracing_core::span::Current::none, Dispatch::current_span)
    }
}

/// Keeps an event for the run it happens in; outside of any run, it is none of our business.
fn keep(event: &Event<'_>) {
    let Some(here) = Context::current() else { return };
    let mut line = Line::default();
    event.record(&mut line);
    let metadata = event.metadata();
    let line = LogLine::new(here.run.elapsed(), *metadata.level(), metadata.target(), line.finish());
    here.run.ledger().log(line);
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn finish(self) -> String {
        self.message + &self.fields
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
