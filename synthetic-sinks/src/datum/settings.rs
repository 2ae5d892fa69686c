//! What a user may choose: the namespace, and dimensions that every value carries.

use super::limits::{is_dimension_value, is_text};
use super::{CANARY, METRICS, STEP};

/// The most dimensions that a value may have.
const MOST_DIMENSIONS: usize = 30;
const LONGEST_NAME: usize = 255;
/// What the lines of the embedded metric format hold beside metrics and dimensions.
pub(crate) const PROPERTIES: [&str; 4] = ["_aws", "RunId", "Outcome", "Reason"];

/// Says that CloudWatch does not take a setting, and what it would take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSetting(String);

/// Where values are stored, and what they all carry.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) namespace: String,
    pub(crate) dimensions: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { namespace: "CloudWatchSynthetics".to_owned(), dimensions: Vec::new() }
    }
}

impl Settings {
    pub(crate) fn set_namespace(&mut self, namespace: String) -> Result<(), InvalidSetting> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b".-_/#: ".contains(&c);
        if namespace.len() > LONGEST_NAME
            || !is_text(&namespace)
            || !namespace.bytes().all(allowed)
            || namespace.starts_with(':')
        {
            return Err(InvalidSetting(format!(
                "the namespace {namespace:?} must be 1 to {LONGEST_NAME} letters, digits and .-_/#: and not begin with a colon"
            )));
        }
        if namespace.starts_with("AWS/") {
            return Err(InvalidSetting(format!("the namespace {namespace:?} is reserved: only AWS writes to AWS/…")));
        }
        self.namespace = namespace;
        Ok(())
    }

    pub(crate) fn add_dimension(&mut self, name: String, value: String) -> Result<(), InvalidSetting> {
        let error = |what: String| Err(InvalidSetting(what));
        if name.len() > LONGEST_NAME || !is_text(&name) || name.starts_with(':') {
            return error(format!(
                "the dimension {name:?} must have a name of 1 to {LONGEST_NAME} printable characters of ASCII that does \
                 not begin with a colon"
            ));
        }
        if !is_dimension_value(&value) {
            return error(format!(
                "the dimension {name:?} must be 1 to 1024 printable characters of ASCII, not {value:?}"
            ));
        }
        let ours = [CANARY, STEP];
        if ours.iter().chain(&METRICS).chain(&PROPERTIES).any(|taken| *taken == name)
            || self.dimensions.iter().any(|(other, _)| *other == name)
        {
            return error(format!("the name of the dimension {name:?} is taken"));
        }
        if self.dimensions.len() + ours.len() == MOST_DIMENSIONS {
            let most = MOST_DIMENSIONS - ours.len();
            return error(format!(
                "the dimension {name:?} is one too many: {most} beside {CANARY} and {STEP} are allowed"
            ));
        }
        self.dimensions.push((name, value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(namespace: &str) -> Result<String, String> {
        let mut settings = Settings::default();
        settings.set_namespace(namespace.to_owned()).map_err(|error| error.to_string())?;
        Ok(settings.namespace)
    }

    fn dimensions(all: &[(&str, &str)]) -> Result<usize, String> {
        let mut settings = Settings::default();
        for (name, value) in all {
            settings.add_dimension((*name).to_owned(), (*value).to_owned()).map_err(|error| error.to_string())?;
        }
        Ok(settings.dimensions.len())
    }

    #[test]
    fn the_namespace_is_that_of_the_original_unless_another_one_is_given() {
        assert_eq!(Settings::default().namespace, "CloudWatchSynthetics");
        assert_eq!(namespace("Shop/Canaries #1"), Ok("Shop/Canaries #1".to_owned()));
    }

    #[test]
    fn a_namespace_that_cloudwatch_refuses_is_refused_when_it_is_set() {
        for wrong in ["", " ", ":shop", "Läden", "shop\n", "shop*", &"x".repeat(256)] {
            let error = namespace(wrong).unwrap_err();
            assert!(error.starts_with(&format!("the namespace {wrong:?} must be ")), "{error}");
        }
        assert!(namespace("AWS/EC2").unwrap_err().contains("reserved"));
    }

    #[test]
    fn a_dimension_that_cloudwatch_refuses_is_refused_when_it_is_set() {
        assert_eq!(dimensions(&[("Environment", "prod"), ("Region", "eu")]), Ok(2));
        let cases = [
            (("", "x"), "must have a name"),
            ((":x", "x"), "must have a name"),
            (("Größe", "x"), "must have a name"),
            (("Environment", ""), "must be 1 to 1024"),
            (("Environment", "prö"), "must be 1 to 1024"),
            (("StepName", "x"), "is taken"),
            (("Duration", "x"), "is taken"),
            (("_aws", "x"), "is taken"),
        ];
        for (dimension, expected) in cases {
            let error = dimensions(&[dimension]).unwrap_err();
            assert!(error.contains(expected), "{dimension:?}: {error}");
        }
        assert!(dimensions(&[("A", "1"), ("A", "2")]).unwrap_err().contains("is taken"));
    }

    #[test]
    fn there_are_at_most_thirty_dimensions() {
        let names: Vec<_> = (0..29).map(|n| format!("D{n}")).collect();
        let all: Vec<_> = names.iter().map(|name| (&**name, "x")).collect();
        assert_eq!(dimensions(&all[..28]), Ok(28));
        assert!(dimensions(&all).unwrap_err().contains("is one too many: 28 beside CanaryName and StepName"));
    }
}
