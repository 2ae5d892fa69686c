//! Faults on demand: which there are, and how they are written.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use fastrand::Rng;
use serde::Serialize;
use serde_json::Value;

use super::gate::Plan;
use super::reservations::Warehouse;

/// Describes what a shop does wrong; the default is nothing.
///
/// The names of the fields are the keys of the JSON form (`PUT /_admin/faults`) and of the text form (`--faults`). The
/// admin routes never meet a fault. A rate of 1 or more means every request, one of 0 or less means none; from JSON and
/// from text only 0 to 1 is accepted, and only times up to ten minutes.
///
/// # Text form
///
/// `key=value` pairs with a comma between them: `errors=0.1,latency_ms=200`. A time takes `ms` or `s` behind the number
/// (milliseconds without), and its key may go without `_ms`; `lost` is short for `lost_answers`; `unhealthy` and
/// `wrong_json` need no value; `warehouse` takes `flaky`, `well`, `rejects` or `down`. `none`, or nothing at all, is no
/// fault. JSON takes the same keys and values.
///
/// # Examples
///
/// ```
/// use synthetic_examples::storefront::Faults;
///
/// let faults: Faults = "errors=1.0,latency=2s,lost=0.1,unhealthy".parse()?;
/// assert_eq!(faults, Faults { errors: 1.0, latency_ms: 2000, lost_answers: 0.1, unhealthy: true, ..Faults::none() });
/// assert_eq!(faults.to_string(), "latency_ms=2000,errors=1,lost_answers=0.1,unhealthy=true");
///
/// let error = Faults::parse("lost=7").unwrap_err();
/// assert_eq!(error.to_string(), "fault `lost_answers` takes a rate from 0 to 1, not `7`");
/// # Ok::<(), synthetic_examples::storefront::ParseFaultsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Faults {
    /// How long each answer is held back, in milliseconds. The request has been applied by then.
    pub latency_ms: u64,
    /// How much longer than `latency_ms` an answer may be held back, in milliseconds; evenly spread.
    pub latency_jitter_ms: u64,
    /// The share of requests, 0 to 1, that are not applied and get 500.
    pub errors: f64,
    /// The share of requests, 0 to 1, that are applied and get no answer: the connection is closed instead (over HTTP/2
    /// the stream is reset). A request that meets `errors` too is not applied, and gets no answer either.
    pub lost_answers: f64,
    /// How long after its arrival a `POST /orders` takes effect, in milliseconds. Until then no one sees the order, and
    /// a `DELETE` of it gets 404. The client waits that long for its answer, if it gets one: one that gives up, or whose
    /// answer is lost, has left a create behind that is still to come. A repetition with the same idempotency key that
    /// takes effect earlier decides, and the late one then changes nothing.
    pub late_application_ms: u64,
    /// Whether `GET /health` answers 503 and says that the database is down.
    pub unhealthy: bool,
    /// Whether `GET /health` answers 200 and `"status":"ok"`, and yet says that the database is down. `unhealthy` wins.
    pub wrong_json: bool,
    /// What the third party behind `POST /reservations` does: see [`Warehouse`].
    pub warehouse: Warehouse,
}

const KEYS: [&str; 8] = [
    "latency_ms",
    "latency_jitter_ms",
    "errors",
    "lost_answers",
    "late_application_ms",
    "unhealthy",
    "wrong_json",
    "warehouse",
];
const LONGEST: Duration = Duration::from_secs(600);

impl Faults {
    /// Returns the absence of all faults.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// Says which pair is wrong, and what would be right: for an unknown or repeated key, for a rate outside 0 to 1, for
    /// a time that is no whole number or longer than ten minutes.
    pub fn parse(text: &str) -> Result<Self, ParseFaultsError> {
        let mut faults = Self::none();
        if text.trim().is_empty() || text.trim() == "none" {
            return Ok(faults);
        }
        let mut seen = Vec::new();
        for pair in text.split(',') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
            let key = canonical(key.trim())?;
            if seen.contains(&key) {
                return Err(ParseFaultsError(format!("fault `{key}` is given twice")));
            }
            seen.push(key);
            faults.set(key, value.trim())?;
        }
        Ok(faults)
    }

    pub(crate) fn from_json(body: &Value) -> Result<Self, ParseFaultsError> {
        let object = body.as_object().ok_or_else(|| ParseFaultsError("the faults must be a JSON object".to_owned()))?;
        let mut faults = Self::none();
        for (key, value) in object {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            faults.set(canonical(key)?, &text)?;
        }
        Ok(faults)
    }

    /// Decides what happens to the next request. Always three draws, so that one fault does not move another.
    pub(crate) fn plan(&self, chance: &mut Rng) -> Plan {
        let (error, lost, jitter) = (chance.f64(), chance.f64(), chance.f64());
        Plan {
            latency: Duration::from_millis(self.latency_ms)
                .saturating_add(Duration::from_millis(self.latency_jitter_ms).mul_f64(jitter)),
            error: error < self.errors,
            lost: lost < self.lost_answers,
            late: Duration::from_millis(self.late_application_ms),
        }
    }

    fn set(&mut self, key: &'static str, value: &str) -> Result<(), ParseFaultsError> {
        match key {
            "latency_ms" => self.latency_ms = millis(key, value)?,
            "latency_jitter_ms" => self.latency_jitter_ms = millis(key, value)?,
            "errors" => self.errors = rate(key, value)?,
            "lost_answers" => self.lost_answers = rate(key, value)?,
            "late_application_ms" => self.late_application_ms = millis(key, value)?,
            "unhealthy" => self.unhealthy = flag(key, value)?,
            "wrong_json" => self.wrong_json = flag(key, value)?,
            "warehouse" => self.warehouse = warehouse(key, value)?,
            _ => return Err(unknown(key)),
        }
        Ok(())
    }
}

impl FromStr for Faults {
    type Err = ParseFaultsError;

    fn from_str(text: &str) -> Result<Self, ParseFaultsError> {
        Self::parse(text)
    }
}

/// Writes the text form, with the full keys, without those that have their default; `none` without any fault.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = Self::none();
        let mut pairs = Vec::new();
        let mut add = |differs: bool, key: &str, value: &dyn fmt::Display| {
            if differs {
                pairs.push(format!("{key}={value}"));
            }
        };
        add(self.latency_ms != none.latency_ms, "latency_ms", &self.latency_ms);
        add(self.latency_jitter_ms != none.latency_jitter_ms, "latency_jitter_ms", &self.latency_jitter_ms);
        add(self.errors != none.errors, "errors", &self.errors);
        add(self.lost_answers != none.lost_answers, "lost_answers", &self.lost_answers);
        add(self.late_application_ms != none.late_application_ms, "late_application_ms", &self.late_application_ms);
        add(self.unhealthy != none.unhealthy, "unhealthy", &self.unhealthy);
        add(self.wrong_json != none.wrong_json, "wrong_json", &self.wrong_json);
        add(self.warehouse != none.warehouse, "warehouse", &self.warehouse);
        f.write_str(if pairs.is_empty() { "none".to_owned() } else { pairs.join(",") }.as_str())
    }
}

/// Says why [`Faults`] could not be read, in words for the person who wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFaultsError(String);

impl fmt::Display for ParseFaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ParseFaultsError {}

fn canonical(key: &str) -> Result<&'static str, ParseFaultsError> {
    let long = match key {
        "latency" => "latency_ms",
        "latency_jitter" => "latency_jitter_ms",
        "lost" => "lost_answers",
        "late_application" => "late_application_ms",
        other => other,
    };
    KEYS.into_iter().find(|known| *known == long).ok_or_else(|| unknown(key))
}

fn unknown(key: &str) -> ParseFaultsError {
    ParseFaultsError(format!("unknown fault `{key}`: there are {}", KEYS.join(", ")))
}

fn rate(key: &str, value: &str) -> Result<f64, ParseFaultsError> {
    match value.parse::<f64>() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err(ParseFaultsError(format!("fault `{key}` takes a rate from 0 to 1, not `{value}`"))),
    }
}

fn millis(key: &str, value: &str) -> Result<u64, ParseFaultsError> {
    let (number, factor) = match (value.strip_suffix("ms"), value.strip_suffix('s')) {
        (Some(number), _) => (number, 1),
        (None, Some(number)) => (number, 1000),
        (None, None) => (value, 1),
    };
    let longest = LONGEST.as_secs() * 1000;
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
        Some(millis) if millis <= longest => Ok(millis),
        _ => Err(ParseFaultsError(format!(
            "fault `{key}` takes a whole number of milliseconds up to {longest}, as in `200`, `200ms` or `2s`, not `{value}`"
        ))),
    }
}

fn flag(key: &str, value: &str) -> Result<bool, ParseFaultsError> {
    value.parse().map_err(|_| ParseFaultsError(format!("fault `{key}` takes `true` or `false`, not `{value}`")))
}

fn warehouse(key: &str, value: &str) -> Result<Warehouse, ParseFaultsError> {
    Warehouse::ALL.into_iter().find(|known| known.as_str() == value).ok_or_else(|| {
        let known = Warehouse::ALL.map(Warehouse::as_str).join(", ");
        ParseFaultsError(format!("fault `{key}` takes one of {known}, not `{value}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_is_read_with_its_short_forms() {
        let cases = [
            ("", Faults::none()),
            (" none ", Faults::none()),
            ("errors=1.0", Faults { errors: 1.0, ..Faults::none() }),
            ("latency=200ms", Faults { latency_ms: 200, ..Faults::none() }),
            ("latency_ms=200", Faults { latency_ms: 200, ..Faults::none() }),
            ("latency_jitter=1s, lost = 0.1", Faults { latency_jitter_ms: 1000, lost_answers: 0.1, ..Faults::none() }),
            ("late_application=2s", Faults { late_application_ms: 2000, ..Faults::none() }),
            ("unhealthy,wrong_json=true", Faults { unhealthy: true, wrong_json: true, ..Faults::none() }),
            ("unhealthy=false", Faults::none()),
            ("warehouse=rejects", Faults { warehouse: Warehouse::Rejects, ..Faults::none() }),
            ("warehouse=flaky", Faults::none()),
        ];
        for (text, faults) in cases {
            assert_eq!(Faults::parse(text), Ok(faults.clone()), "{text}");
            assert_eq!(Faults::parse(&faults.to_string()), Ok(faults), "what `{text}` is printed as");
        }
    }

    #[test]
    fn wrong_text_is_refused_with_what_would_be_right() {
        let cases = [
            (
                "eror=1",
                "unknown fault `eror`: there are latency_ms, latency_jitter_ms, errors, lost_answers, \
                 late_application_ms, unhealthy, wrong_json, warehouse",
            ),
            ("errors=1.1", "fault `errors` takes a rate from 0 to 1, not `1.1`"),
            ("errors=-0.1", "fault `errors` takes a rate from 0 to 1, not `-0.1`"),
            ("errors=NaN", "fault `errors` takes a rate from 0 to 1, not `NaN`"),
            ("errors", "fault `errors` takes a rate from 0 to 1, not `true`"),
            (
                "latency=11m",
                "fault `latency_ms` takes a whole number of milliseconds up to 600000, \
                 as in `200`, `200ms` or `2s`, not `11m`",
            ),
            (
                "latency=601s",
                "fault `latency_ms` takes a whole number of milliseconds up to 600000, \
                 as in `200`, `200ms` or `2s`, not `601s`",
            ),
            ("warehouse=gone", "fault `warehouse` takes one of flaky, well, rejects, down, not `gone`"),
            ("unhealthy=1", "fault `unhealthy` takes `true` or `false`, not `1`"),
            ("lost=1,lost_answers=0", "fault `lost_answers` is given twice"),
        ];
        for (text, message) in cases {
            assert_eq!(Faults::parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn json_is_written_as_it_is_read() {
        let faults = Faults { latency_ms: 5, errors: 0.5, unhealthy: true, ..Faults::none() };
        assert_eq!(Faults::from_json(&serde_json::to_value(&faults).unwrap()), Ok(faults));
        assert_eq!(Faults::from_json(&json!({})), Ok(Faults::none()));
    }

    #[test]
    fn a_rate_decides_how_many_requests_are_hit() {
        let count = |faults: Faults| {
            let mut chance = Rng::with_seed(3);
            (0..10_000).filter(|_| faults.plan(&mut chance).error).count()
        };
        assert_eq!(count(Faults { errors: 0.0, ..Faults::none() }), 0);
        assert_eq!(count(Faults { errors: 1.0, ..Faults::none() }), 10_000);
        assert!(count(Faults { errors: 0.25, ..Faults::none() }).abs_diff(2500) < 200);
    }

    #[test]
    fn jitter_stays_between_nothing_and_its_bound() {
        let faults = Faults { latency_ms: 100, latency_jitter_ms: 50, ..Faults::none() };
        let mut chance = Rng::with_seed(3);
        for _ in 0..1000 {
            let latency = faults.plan(&mut chance).latency;
            assert!((Duration::from_millis(100)..=Duration::from_millis(150)).contains(&latency), "{latency:?}");
        }
    }
}
