//! Templates of the generic target: JSON with places for what a message says.

use std::fmt;

use super::error::WebhookError;
use super::notice::Notice;

/// What a template may name.
const NAMES: [&str; 13] = [
    "event", "state", "title", "text", "canary", "location", "monitor", "outcome", "reason", "since", "at", "run_id",
    "key",
];

/// A text with places for values.
#[derive(Clone)]
pub(super) struct Template {
    /// Text, and the name that follows it; the last text has none.
    parts: Vec<(String, Option<&'static str>)>,
}

/// Its names only: the text may hold a key.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts.iter().filter_map(|(_, name)| *name)).finish()
    }
}

impl Template {
    /// Returns the texts of its own that may be secret: those without a place, and not a word.
    pub(super) fn own_texts(&self) -> Vec<String> {
        const PLACE: &str = "{{}}";
        fn collect(value: &serde_json::Value, texts: &mut Vec<String>) {
            match value {
                serde_json::Value::String(text) if text.len() >= 8 && !text.contains(PLACE) => texts.push(text.clone()),
                serde_json::Value::Array(all) => all.iter().for_each(|one| collect(one, texts)),
                serde_json::Value::Object(all) => all.values().for_each(|one| collect(one, texts)),
                _ => {}
            }
        }
        let mut texts = Vec::new();
        if let Ok(value) = serde_json::from_str(&self.fill(|_| PLACE.to_owned())) {
            collect(&value, &mut texts);
        }
        texts
    }

    /// Reads a template, and tries that it makes JSON whatever the values are.
    pub(super) fn parse(template: &str) -> Result<Self, WebhookError> {
        let wrong = |why: String| Err(WebhookError::InvalidTemplate(why));
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                return wrong("has a `{{` without its `}}`".to_owned());
            };
            let Some(known) = NAMES.iter().find(|known| **known == name.trim()) else {
                return wrong(format!("names {:?}: there are {}", name.trim(), NAMES.join(", ")));
            };
            parts.push((text.to_owned(), Some(*known)));
            rest = after;
        }
        parts.push((rest.to_owned(), None));
        let template = Self { parts };
        let sample = template.fill(|_| "a \"quoted\" \\ value\n".to_owned());
        match serde_json::from_str::<serde_json::Value>(&sample) {
            Ok(_) => Ok(template),
            Err(error) => wrong(format!("does not make JSON, where every value stands within a string: {error}")),
        }
    }

    /// Writes a message, each value escaped as within a JSON string.
    pub(super) fn render(&self, notice: &Notice) -> String {
        self.fill(|name| value(notice, name))
    }

    fn fill(&self, value: impl Fn(&str) -> String) -> String {
        let mut filled = String::new();
        for (text, name) in &self.parts {
            filled.push_str(text);
            if let Some(name) = name {
                let escaped = serde_json::Value::String(value(name)).to_string();
                filled.push_str(&escaped[1..escaped.len() - 1]);
            }
        }
        filled
    }
}

/// Returns a value by its name; one that there is not is empty.
fn value(notice: &Notice, name: &str) -> String {
    match name {
        "event" => notice.event_word().to_owned(),
        "state" => if notice.is_resolved() { "resolved" } else { "firing" }.to_owned(),
        "title" => notice.title(),
        "text" => notice.text(),
        "canary" => notice.canary.clone(),
        "location" => notice.location.clone().unwrap_or_default(),
        "monitor" => notice.monitor.clone().unwrap_or_default(),
        "outcome" => notice.seen.outcome.to_string(),
        "reason" => notice.seen.reason.clone().unwrap_or_default(),
        "since" => notice.since.to_string(),
        "at" => notice.at().to_string(),
        "run_id" => notice.run_id().to_owned(),
        "key" => notice.key.clone(),
        _ => String::new(),
    }
}

/// What is sent without a template: every value under its own name.
pub(super) fn plain(notice: &Notice) -> serde_json::Value {
    NAMES.iter().map(|name| ((*name).to_owned(), value(notice, name).into())).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::rule::Event;
    use crate::webhook::target::tests::{hostile, notice};

    fn refused(template: &str, why: &str) {
        let error = Template::parse(template).unwrap_err().to_string();
        assert!(error.contains(why), "{template}: {error}");
    }

    #[test]
    fn a_template_is_filled_with_escaped_values() {
        let template = Template::parse(r#"{"msg": "{{canary}} is {{ state }}: {{title}}", "n": 1}"#).unwrap();
        let json: serde_json::Value = serde_json::from_str(&template.render(&hostile(Event::Trigger))).unwrap();
        let text = json["msg"].as_str().unwrap();
        assert!(text.starts_with("a \"b\"\n<script>]]> ü {{key}} is firing: FIRING: "), "{text}");
        assert_eq!(json["n"], 1);
    }

    #[test]
    fn every_name_has_a_value_and_is_sent_where_there_is_no_template() {
        let json = plain(&notice(Event::Trigger));
        for name in NAMES {
            assert!(json[name].as_str().is_some_and(|value| !value.is_empty()), "{name}: {json}");
        }
    }

    #[test]
    fn a_template_that_cannot_work_is_refused_at_once() {
        refused(r#"{"a": "{{canry}}"}"#, "names \"canry\": there are event, ");
        refused(r#"{"a": "{{canary"}"#, "a `{{` without its `}}`");
        refused(r#"{"a": {{canary}}}"#, "does not make JSON, where every value stands within a string");
        refused("hello {{canary}}", "does not make JSON");
        refused("", "does not make JSON");
    }
}
