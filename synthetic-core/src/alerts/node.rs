//! A tree that is written as YAML or JSON with its keys in the order in which they are put: what a person would read first,
//! first. (A map of `serde_json` sorts its keys or does not, as some other crate of the program likes.)

use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Whole(u64),
    Number(f64),
    Flag(bool),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// Makes a map of its entries.
pub(super) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Node)>) -> Node {
    Node::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// Makes a list of its items.
pub(super) fn list<T: Into<Node>>(items: impl IntoIterator<Item = T>) -> Node {
    Node::List(items.into_iter().map(Into::into).collect())
}

impl Node {
    /// Adds what is said beside it to a map.
    pub(super) fn and<K: Into<String>>(mut self, entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        if let Self::Map(all) = &mut self {
            all.extend(entries.into_iter().map(|(key, value)| (key.into(), value)));
        }
        self
    }

    /// Writes it as YAML, with texts of several lines as blocks.
    pub(super) fn yaml(&self) -> String {
        // A line is broken where its author breaks it, and nowhere else.
        let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX, min_fold_chars: usize::MAX };
        serde_saphyr::to_string_with_options(self, options).expect("a tree of texts and numbers can be written")
    }

    /// Writes it as JSON, and a line break.
    pub(super) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a tree of texts and numbers can be written") + "\n"
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Whole(number) => serializer.serialize_u64(*number),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Node {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

/// A number without a fraction is written as a whole one.
impl From<f64> for Node {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is checked to be whole and small")]
    fn from(number: f64) -> Self {
        if (0.0..1e15).contains(&number) && number.fract() == 0.0 {
            Self::Whole(number as u64)
        } else {
            Self::Number(number)
        }
    }
}

impl From<bool> for Node {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// In whole seconds.
impl From<Duration> for Node {
    fn from(time: Duration) -> Self {
        Self::Whole(time.as_secs())
    }
}
