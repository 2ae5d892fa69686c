//! Values that have a length.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
};

use serde_json::Value;

use super::words::kind;

/// Gives the length of a value, for [`len`](super::len) and [`is_empty`](super::is_empty).
///
/// A text counts its characters (not bytes), a list its elements, a map and a JSON object its entries.
pub trait Countable {
    /// Returns the length.
    ///
    /// # Errors
    ///
    /// Returns what the value is instead, such as `a number`, when it is JSON without a length.
    fn count(&self) -> Result<usize, &'static str>;
}

impl Countable for str {
    fn count(&self) -> Result<usize, &'static str> {
        Ok(self.chars().count())
    }
}

impl Countable for String {
    fn count(&self) -> Result<usize, &'static str> {
        self.as_str().count()
    }
}

impl Countable for Cow<'_, str> {
    fn count(&self) -> Result<usize, &'static str> {
        Ok(self.chars().count())
    }
}

impl Countable for Value {
    fn count(&self) -> Result<usize, &'static str> {
        match self {
            Self::String(text) => text.as_str().count(),
            Self::Array(array) => Ok(array.len()),
            Self::Object(object) => Ok(object.len()),
            Self::Null | Self::Bool(_) | Self::Number(_) => Err(kind(self)),
        }
    }
}

impl<T: Countable + ?Sized> Countable for &T {
    fn count(&self) -> Result<usize, &'static str> {
        (**self).count()
    }
}

macro_rules! collections {
    ($($collection:ty, $($parameter:ident)*;)*) => {$(
        impl<$($parameter),*> Countable for $collection {
            fn count(&self) -> Result<usize, &'static str> {
                Ok(self.len())
            }
        }
    )*};
}

collections! {
    [X], X;
    Vec<X>, X;
    VecDeque<X>, X;
    BTreeSet<X>, X;
    BTreeMap<K, V>, K V;
    HashSet<X, S>, X S;
    HashMap<K, V, S>, K V S;
}

impl<X, const N: usize> Countable for [X; N] {
    fn count(&self) -> Result<usize, &'static str> {
        Ok(N)
    }
}
