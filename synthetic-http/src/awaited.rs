//! [`Awaited`]: what is looked for among the texts that come one after the other.

use serde_json::Value;
use synthetic_core::expect::{JsonPath, Matcher, Mismatch, Sense, check, check_json, described};

type Judge<'m> = Box<dyn Fn(&str) -> Result<(), Mismatch> + Send + Sync + 'm>;

/// What is looked for: a text, or what a path selects in its JSON.
pub(crate) struct Awaited<'m> {
    /// What a text that is it does, as a verb phrase: `contains "x"`, `has JSON whose $.id is equal to 7`.
    pub(crate) wanted: String,
    judge: Judge<'m>,
}

impl<'m> Awaited<'m> {
    /// Looks for a text.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the matcher.
    pub(crate) fn text(matcher: impl Matcher<String> + 'm) -> Result<Self, String> {
        if let Some(defect) = matcher.defect() {
            return Err(defect);
        }
        let wanted = described(&matcher, Sense::Is);
        Ok(Self { wanted, judge: Box::new(move |text| check(&text.to_owned(), &matcher)) })
    }

    /// Looks for JSON in which a path selects something.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the path, or with the matcher.
    pub(crate) fn json(path: &str, matcher: impl Matcher<Value> + 'm) -> Result<Self, String> {
        let parsed = JsonPath::parse(path).map_err(|error| error.to_string())?;
        if let Some(defect) = matcher.defect() {
            return Err(defect);
        }
        let is = described(&matcher, Sense::Is);
        let wanted = format!("has JSON whose {path} {is}");
        let judge = move |text: &str| match serde_json::from_str::<Value>(text) {
            Ok(value) => check_json(&value, &parsed, &matcher),
            Err(error) => Err(Mismatch::new(is.clone(), format!("a text that is not JSON: {error}"))),
        };
        Ok(Self { wanted, judge: Box::new(judge) })
    }

    /// Returns what was wanted of a text, and what it is, where it is not it.
    pub(crate) fn judge(&self, text: &str) -> Result<(), Mismatch> {
        (self.judge)(text)
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.judge(text).is_ok()
    }
}
