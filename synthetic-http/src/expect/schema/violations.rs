//! Where a value does not fit a schema, in words for someone who has neither.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;
use synthetic_core::expect::push_name;

use super::super::brief::{brief, listed, push_index};

/// How many violations a failure lists.
const SHOWN: usize = 10;

/// How many are counted: what a list of a hundred thousand has wrong is wrong in each of its elements.
const COUNTED: usize = 1_000;

/// How many alternatives deep a violation is explained.
const DEPTH: usize = 3;

/// Collects violations.
#[derive(Default)]
pub(in super::super) struct Violations {
    lines: Vec<String>,
    count: usize,
}

impl Violations {
    /// Adds what is wrong with a value that is at `path`.
    pub(in super::super) fn find(&mut self, validator: &Validator, value: &Value, path: &str) {
        if validator.is_valid(value) {
            return;
        }
        for error in validator.iter_errors(value).take(COUNTED) {
            self.count += 1;
            if self.lines.len() < SHOWN {
                self.lines.push(line(&error, path, DEPTH));
            }
        }
    }

    /// Returns what was found, if anything was.
    pub(in super::super) fn told(&self) -> Option<String> {
        (self.count > 0).then(|| listed(&self.lines, SHOWN, self.count, "violation"))
    }

    /// Returns the lines of what was found, without a heading.
    #[cfg(feature = "openapi")]
    pub(in super::super) fn lines(self) -> Vec<String> {
        let more = self.count.saturating_sub(self.lines.len());
        let more = (more > 0).then(|| format!("and {more} more violations"));
        self.lines.into_iter().chain(more).collect()
    }
}

fn line(error: &ValidationError<'_>, path: &str, depth: usize) -> String {
    let mut at = path.to_owned();
    extend(&mut at, error.instance_path());
    let instance = error.instance();
    let actual = match error.kind() {
        Kind::Required { .. } => keys(instance),
        // What is too much is named already, and the rest of it is as it should be.
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            return format!(
                "{at}: expected no property besides those of the schema, actual also {}",
                quoted(unexpected)
            );
        }
        Kind::PropertyNames { error } if matches!(error.kind(), Kind::Enum { .. }) => {
            let name = error.instance();
            return format!("{at}: expected no property besides those of the schema, actual also {}", brief(name));
        }
        Kind::PropertyNames { error } => {
            return format!("{at}: expected that each name {}, actual {}", wanted(error), brief(error.instance()));
        }
        _ => brief(instance),
    };
    let mut text = format!("{at}: expected {}, actual {actual}", wanted(error));
    if let (Some(nearest), 1..) = (nearest(error), depth) {
        // The path of what is inside of an alternative begins at the root, too.
        text.push_str(&format!("; nearest is alternative {}: {}", nearest.0 + 1, line(nearest.1, path, depth - 1)));
    }
    text
}

/// Returns what was wanted, as a verb phrase.
fn wanted(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Type { kind: TypeKind::Single(kind) } => format!("is {}", named(*kind)),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            format!("is {}", kinds.iter().map(named).collect::<Vec<_>>().join(" or "))
        }
        Kind::Required { property } => format!("has the property {property}"),
        Kind::Enum { options } => format!("is one of {}", brief(options)),
        Kind::Constant { expected_value } => format!("is {}", brief(expected_value)),
        Kind::Format { format } => format!("has the format {format}"),
        Kind::Pattern { pattern } => format!("matches the pattern \"{pattern}\""),
        Kind::Minimum { limit } => format!("is at least {limit}"),
        Kind::Maximum { limit } => format!("is at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("is greater than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("is less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("is a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("has at least {}", counted(*limit, "character")),
        Kind::MaxLength { limit } => format!("has at most {}", counted(*limit, "character")),
        Kind::MinItems { limit } => format!("has at least {}", counted(*limit, "element")),
        Kind::MaxItems { limit } => format!("has at most {}", counted(*limit, "element")),
        Kind::AdditionalItems { limit } => format!("has at most {}", counted(*limit as u64, "element")),
        Kind::MinProperties { limit } => format!("has {limit} or more properties"),
        Kind::MaxProperties { limit } => format!("has {limit} or fewer properties"),
        Kind::UniqueItems => "has no element twice".to_owned(),
        Kind::FalseSchema => "is not there".to_owned(),
        Kind::Contains => "has an element that fits the schema of `contains`".to_owned(),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            format!("fits one of {} alternatives", context.len())
        }
        Kind::OneOfMultipleValid { context } => format!("fits only one of {} alternatives", context.len()),
        Kind::Not { schema } => format!("does not fit {}", brief(schema)),
        _ => error.masked_with("what fits, but this").to_string(),
    }
}

/// Returns the alternative with the least to complain about, and the first complaint.
fn nearest<'e>(error: &'e ValidationError<'_>) -> Option<(usize, &'e ValidationError<'static>)> {
    let (Kind::AnyOf { context } | Kind::OneOfNotValid { context }) = error.kind() else { return None };
    // An alternative for `null`, or for one text, is near to nothing.
    let of_another_kind = |errors: &Vec<ValidationError<'_>>| {
        errors.iter().any(|inner| {
            matches!(inner.kind(), Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. })
                && inner.instance_path().as_str() == error.instance_path().as_str()
        })
    };
    let alternatives = context.iter().enumerate().filter(|(_, errors)| !errors.is_empty());
    let (at, errors) = alternatives.min_by_key(|(_, errors)| (of_another_kind(errors), errors.len()))?;
    Some((at, errors.first()?))
}

fn named(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Array => "an array",
        JsonType::Object => "an object",
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn keys(value: &Value) -> String {
    match value.as_object().map(|object| object.keys().take(SHOWN).collect::<Vec<_>>()) {
        None => brief(value),
        Some(keys) if keys.is_empty() => "an object without properties".to_owned(),
        Some(keys) => quoted(&keys),
    }
}

fn quoted(names: &[impl AsRef<str>]) -> String {
    names.iter().take(SHOWN).map(|name| format!("{:?}", name.as_ref())).collect::<Vec<_>>().join(", ")
}

fn extend(path: &mut String, location: &Location) {
    for segment in location.segments() {
        match segment {
            LocationSegment::Property(name) => push_name(path, &name),
            LocationSegment::Index(index) => push_index(path, index),
        }
    }
}
