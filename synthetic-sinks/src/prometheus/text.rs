//! The two text formats: OpenMetrics 1.0 (<https://prometheus.io/docs/specs/om/open_metrics_spec/>) and the plain one,
//! 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! Written here rather than by `prometheus-client`: that writes OpenMetrics only, and every label of every line anew, so that
//! a line takes it more than twice as long.

use std::fmt::Write as _;
use std::time::Duration;

use super::histogram::{Bounds, Exemplar, Histogram};
use super::label::Ending;

/// How a scraper wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    OpenMetrics,
    Plain,
}

impl Form {
    /// Reads an `Accept` header: OpenMetrics for who names it and prefers nothing else, the plain form for everybody else.
    pub(super) fn accepted(header: &str) -> Self {
        let (mut open, mut plain) = (0.0_f32, 0.0_f32);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1.0_f32, None);
            for parameter in parts {
                match parameter.split_once('=') {
                    Some(("q", q)) => quality = q.trim().parse().unwrap_or(0.0),
                    Some(("version", named)) => version = Some(named.trim_matches('"')),
                    _ => {}
                }
            }
            match (kind, version) {
                ("application/openmetrics-text", None | Some("1.0.0" | "0.0.1")) => open = quality.max(open),
                ("text/plain", None | Some("0.0.4")) => plain = quality.max(plain),
                _ => {}
            }
        }
        if open > 0.0 && open >= plain { Self::OpenMetrics } else { Self::Plain }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// How many bytes are handed on at a time.
const CHUNK: usize = 64 * 1024;

/// Writes families, one after the other, each in one piece.
pub(super) struct Writer<'a> {
    out: String,
    /// Takes what is written, chunk by chunk, and says whether it wants more; without one, the text is kept.
    reader: Option<&'a mut dyn FnMut(String) -> bool>,
    /// The reader wants no more.
    gone: bool,
    form: Form,
    family: &'static str,
    /// What the next lines begin with: a name, and labels up to the comma after the last one that they share.
    head: String,
}

impl<'a> Writer<'a> {
    /// Begins a text that is kept.
    pub(super) fn kept(form: Form, capacity: usize) -> Self {
        Self { out: String::with_capacity(capacity), reader: None, gone: false, form, family: "", head: String::new() }
    }

    /// Begins a text that is handed to a reader while it is written, so that little of it is in memory at a time.
    pub(super) fn read_by(form: Form, reader: &'a mut dyn FnMut(String) -> bool) -> Self {
        Self { reader: Some(reader), ..Self::kept(form, 2 * CHUNK) }
    }

    /// Hands on what is written so far, if it is enough. The reader may take its time: no lock may be held meanwhile.
    ///
    /// Returns whether to go on.
    pub(super) fn hand_on(&mut self) -> bool {
        if self.out.len() >= CHUNK
            && let Some(reader) = &mut self.reader
        {
            let chunk = std::mem::replace(&mut self.out, String::with_capacity(2 * CHUNK));
            self.gone |= !reader(chunk);
        }
        !self.gone
    }

    /// Begins a family. `name` is without the suffix that samples of its kind have; `help` needs no escaping, being ours.
    pub(super) fn family(&mut self, kind: Kind, name: &'static str, help: &'static str) {
        self.family = name;
        // OpenMetrics names the family, the plain form the series.
        let suffix = if kind == Kind::Counter && self.form == Form::Plain { "_total" } else { "" };
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = write!(self.out, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n");
    }

    /// Writes the counters of the family that share `labels`: the last label of each, its count, its exemplar.
    pub(super) fn counters<'b>(
        &mut self,
        labels: &[&str],
        each: impl IntoIterator<Item = (&'b Ending, u64, Option<&'b Exemplar>)>,
    ) {
        self.begin("_total", labels);
        for (Ending(ending), count, exemplar) in each {
            self.out.push_str(&self.head);
            self.out.push_str(ending);
            self.out.push_str(itoa::Buffer::new().format(count));
            self.end(exemplar);
        }
    }

    /// Writes a gauge of the family.
    pub(super) fn gauge(&mut self, labels: &[&str], number: f64) {
        self.only("", labels);
        let _ = write!(self.out, "{number}");
        self.end(None);
    }

    /// Writes a histogram of the family.
    pub(super) fn histogram(&mut self, labels: &[&str], histogram: &Histogram, bounds: &Bounds) {
        self.begin("_bucket", labels);
        let (mut so_far, mut digits) = (0, itoa::Buffer::new());
        let mut count = digits.format(so_far);
        for (at, (more, Ending(le))) in histogram.counts().zip(bounds.endings()).enumerate() {
            if more > 0 {
                so_far += more;
                count = digits.format(so_far);
            }
            self.out.push_str(&self.head);
            self.out.push_str(le);
            self.out.push_str(count);
            self.end(histogram.exemplar(at));
        }
        self.sum_and_count(labels, histogram.sum(), so_far);
    }

    /// Writes a histogram whose buckets are counted already as they are written, without the infinite one.
    pub(super) fn counted(&mut self, labels: &[&str], buckets: &[(f64, u64)], sum: Duration, count: u64) {
        self.begin("_bucket", labels);
        for (bound, count) in buckets.iter().copied().chain([(f64::INFINITY, count)]) {
            let Ending(le) = Ending::le(bound);
            let _ = write!(self.out, "{}{le}{count}", self.head);
            self.end(None);
        }
        self.sum_and_count(labels, sum, count);
    }

    /// Ends the text as OpenMetrics wants it.
    pub(super) fn end_all(&mut self) {
        if self.form == Form::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
    }

    /// Returns what was not handed on: the text, where it is kept.
    pub(super) fn finish(self) -> String {
        self.out
    }

    fn sum_and_count(&mut self, labels: &[&str], sum: Duration, count: u64) {
        self.only("_sum", labels);
        push_seconds(&mut self.out, sum);
        self.end(None);
        self.only("_count", labels);
        self.out.push_str(itoa::Buffer::new().format(count));
        self.end(None);
    }

    /// Prepares the head of lines that have one label more.
    fn begin(&mut self, suffix: &str, labels: &[&str]) {
        self.head.clear();
        self.head.push_str(self.family);
        self.head.push_str(suffix);
        self.head.push('{');
        for labels in labels.iter().filter(|labels| !labels.is_empty()) {
            self.head.push_str(labels);
            self.head.push(',');
        }
    }

    /// Writes a line up to its number, with these labels only.
    fn only(&mut self, suffix: &str, labels: &[&str]) {
        let out = &mut self.out;
        out.push_str(self.family);
        out.push_str(suffix);
        let mut open = '{';
        for labels in labels.iter().filter(|labels| !labels.is_empty()) {
            out.push(open);
            out.push_str(labels);
            open = ',';
        }
        out.push_str(if open == ',' { "} " } else { " " });
    }

    fn end(&mut self, exemplar: Option<&Exemplar>) {
        if let Some(exemplar) = exemplar.filter(|_| self.form == Form::OpenMetrics) {
            self.out.push_str(" # {trace_id=\"");
            push_hex(&mut self.out, exemplar.trace);
            self.out.push_str("\"} ");
            push_seconds(&mut self.out, exemplar.value);
            self.out.push(' ');
            push_seconds(&mut self.out, exemplar.at);
        }
        self.out.push('\n');
    }
}

/// Writes a time in seconds, exactly: `0.25`.
fn push_seconds(out: &mut String, time: Duration) {
    out.push_str(itoa::Buffer::new().format(time.as_secs()));
    let (mut rest, mut digit) = (time.subsec_nanos(), 100_000_000);
    if rest > 0 {
        out.push('.');
    }
    while rest > 0 {
        out.push(char::from(b'0' + u8::try_from(rest / digit).unwrap_or(0)));
        rest %= digit;
        digit /= 10;
    }
}

/// Writes 32 hexadecimal digits.
fn push_hex(out: &mut String, number: u128) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend((0..32).rev().map(|at| char::from(DIGITS[(number >> (4 * at)) as usize & 15])));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_for_who_asks_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let open =
            [prometheus, "application/openmetrics-text", "text/plain;q=0.5, application/openmetrics-text; q=0.5"];
        let plain = [
            "",
            "*/*",
            "text/html, */*;q=0.1",
            "application/openmetrics-text; version=2.0.0, text/plain",
            "application/openmetrics-text;q=0.1,text/plain;q=0.5",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=much",
            ";;;,,=",
        ];
        for accept in open {
            assert_eq!(Form::accepted(accept), Form::OpenMetrics, "{accept}");
        }
        for accept in plain {
            assert_eq!(Form::accepted(accept), Form::Plain, "{accept}");
        }
    }

    #[test]
    fn bounds_are_canonical_numbers() {
        let endings = [0.01, 2.0, f64::INFINITY].map(|bound| Ending::le(bound).0);
        assert_eq!(endings, ["le=\"0.01\"} ", "le=\"2.0\"} ", "le=\"+Inf\"} "]);
    }

    #[test]
    fn times_are_exact() {
        for (nanos, text) in
            [(0, "0"), (1, "0.000000001"), (120_000_000, "0.12"), (61_000_000_000, "61"), (1_050_000_000, "1.05")]
        {
            let mut out = String::new();
            push_seconds(&mut out, Duration::from_nanos(nanos));
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_trace_id_has_all_its_digits() {
        let mut out = String::new();
        push_hex(&mut out, 0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        assert_eq!(out, "01890a5dac96774bbcceb302099a8057");
    }
}
