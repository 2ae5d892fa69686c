//! [`Query`]: how elements are found, as the script library takes it and as a failure names it.

use std::fmt;

use serde::Serialize;

/// How elements are found: parts, each of which narrows what the one before it found. `script/find.js` carries it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Query(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub(crate) enum Part {
    Css {
        text: String,
    },
    Id {
        text: String,
    },
    TestId {
        text: String,
    },
    Text {
        text: String,
        exact: bool,
    },
    Label {
        text: String,
        exact: bool,
    },
    Placeholder {
        text: String,
        exact: bool,
    },
    /// An empty `text` is any name.
    Role {
        role: String,
        text: String,
        exact: bool,
    },
    /// -1 is the last.
    Nth {
        n: i64,
    },
    HasText {
        text: String,
        exact: bool,
    },
}

impl Query {
    pub(crate) fn new(part: Part) -> Self {
        Self(vec![part])
    }

    /// Returns the query of what is no element.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn with(mut self, part: Part) -> Self {
        self.0.push(part);
        self
    }

    /// Makes the text of the last part that has one the whole text that is wanted.
    pub(crate) fn exact(mut self) -> Self {
        let last = self.0.iter_mut().rev().find_map(|part| match part {
            Part::Text { exact, .. }
            | Part::Label { exact, .. }
            | Part::Placeholder { exact, .. }
            | Part::Role { exact, .. }
            | Part::HasText { exact, .. } => Some(exact),
            Part::Css { .. } | Part::Id { .. } | Part::TestId { .. } | Part::Nth { .. } => None,
        });
        if let Some(exact) = last {
            *exact = true;
        }
        self
    }

    /// Says where the search ended, given the number of the part that found nothing: `button "Buy" is not in row "7"`.
    pub(crate) fn missing(&self, failed: usize) -> String {
        if failed == 0 {
            return "not in the document".to_owned();
        }
        let (found, rest) = self.0.split_at(failed.min(self.0.len()));
        let found = Self(found.to_vec());
        match rest.first() {
            Some(part @ Part::HasText { .. }) => format!("{found} is there, but none{part}"),
            Some(Part::Nth { n }) => format!("{found} is there, but fewer than {}", n + 1),
            Some(part) => format!("{found} is there, but {part} is not in it"),
            None => "not in the document".to_owned(),
        }
    }
}

/// As it is written: `button "Delete" in row "Bob"`.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What narrows the same elements follows them; what is searched for within others stands before those.
        let starts: Vec<usize> = (0..self.0.len()).filter(|at| *at == 0 || !self.0[*at].narrows()).collect();
        for (n, start) in starts.iter().enumerate().rev() {
            let end = starts.get(n + 1).copied().unwrap_or(self.0.len());
            for part in &self.0[*start..end] {
                write!(f, "{part}")?;
            }
            if n > 0 {
                f.write_str(" in ")?;
            }
        }
        Ok(())
    }
}

impl Part {
    fn narrows(&self) -> bool {
        matches!(self, Self::Nth { .. } | Self::HasText { .. })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exactly = |exact: &bool| if *exact { "exactly " } else { "" };
        match self {
            Self::Css { text } => write!(f, "css {text:?}"),
            Self::Id { text } => write!(f, "id {text:?}"),
            Self::TestId { text } => write!(f, "test id {text:?}"),
            Self::Text { text, exact } => write!(f, "text {}{text:?}", exactly(exact)),
            Self::Label { text, exact } => write!(f, "label {}{text:?}", exactly(exact)),
            Self::Placeholder { text, exact } => write!(f, "placeholder {}{text:?}", exactly(exact)),
            Self::Role { role, text, .. } if text.is_empty() => f.write_str(role),
            Self::Role { role, text, exact } => write!(f, "{role} {}{text:?}", exactly(exact)),
            Self::Nth { n: 0 } => f.write_str(" (the first)"),
            Self::Nth { n: -1 } => f.write_str(" (the last)"),
            Self::Nth { n } => write!(f, " (number {})", n + 1),
            Self::HasText { text, exact } => write!(f, " with text {}{text:?}", exactly(exact)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(role: &str, text: &str) -> Part {
        Part::Role { role: role.to_owned(), text: text.to_owned(), exact: false }
    }

    #[test]
    fn a_query_reads_as_it_was_written() {
        let row = Query::new(role("row", "")).with(Part::HasText { text: "Bob".to_owned(), exact: false });
        let delete = row.clone().with(role("button", "Delete")).exact().with(Part::Nth { n: 1 });
        assert_eq!(delete.to_string(), r#"button exactly "Delete" (number 2) in row with text "Bob""#);
        assert_eq!(delete.missing(0), "not in the document");
        assert_eq!(delete.missing(1), r#"row is there, but none with text "Bob""#);
        assert_eq!(delete.missing(2), r#"row with text "Bob" is there, but button exactly "Delete" is not in it"#);
        assert_eq!(
            serde_json::to_value(&row).unwrap(),
            json!([
                {"by": "role", "role": "row", "text": "", "exact": false},
                {"by": "has_text", "text": "Bob", "exact": false},
            ])
        );
    }
}
