//! The JSON form of reports: its version, its schema, and how times are written.

/// The version of the JSON form. It changes only when a field is removed or changes its meaning; readers must accept
/// fields that they do not know.
pub const SCHEMA_VERSION: &str = "synthetic-report/1";

/// The JSON Schema (draft 2020-12) of a report's JSON form.
///
/// # Examples
///
/// ```
/// let schema: serde_json::Value = serde_json::from_str(synthetic_core::report::JSON_SCHEMA)?;
/// assert_eq!(schema["properties"]["schema"]["const"], "synthetic-report/1");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub const JSON_SCHEMA: &str = include_str!("report.schema.json");

/// Times are written as RFC 3339 in UTC, to the microsecond; those after 9999 or before -9999 as the last or first that
/// can be.
pub(crate) mod rfc3339 {
    use std::time::SystemTime;

    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        // A certificate "without an end" ends in the last second of 9999, beyond what can be written: a report is never
        // lost for that.
        let furthest = if *time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
        let time = Timestamp::try_from(*time).unwrap_or(furthest);
        let micros = Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time);
        serializer.collect_str(&micros)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(time.into())
    }
}

/// The same, for what may not have happened.
pub(crate) mod optional_rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Time(#[serde(with = "super::rfc3339")] SystemTime);

    pub(crate) fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(Time).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<Time>::deserialize(deserializer)?.map(|Time(time)| time))
    }
}

/// Durations are written in milliseconds, to the microsecond.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        // In 64 bits, which a processor turns into a float by itself; that is half a million years.
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        #[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
        serializer.serialize_f64(micros as f64 / 1000.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        let nanos = Duration::try_from_secs_f64(millis / 1000.0).map_err(de::Error::custom)?;
        Ok(Duration::from_micros((nanos.as_nanos() + 500).div_euclid(1000).try_into().map_err(de::Error::custom)?))
    }
}

/// The same, for what may not have been done.
pub(super) mod optional_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Millis(#[serde(with = "super::millis")] Duration);

    pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(Millis).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Millis>::deserialize(deserializer)?.map(|Millis(duration)| duration))
    }
}
