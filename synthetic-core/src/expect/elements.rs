//! Values that are lists.

use std::fmt::Debug;

use serde_json::Value;

use super::words::kind;

/// Gives the elements of a list, for [`every`](super::every) and [`some`](super::some).
pub trait Elements {
    /// What the list holds.
    type Element: Debug;

    /// Returns the elements in order.
    ///
    /// # Errors
    ///
    /// Returns what the value is instead, such as `a number`, when it is JSON but not an array.
    fn elements(&self) -> Result<&[Self::Element], &'static str>;
}

impl<X: Debug> Elements for [X] {
    type Element = X;
    fn elements(&self) -> Result<&[X], &'static str> {
        Ok(self)
    }
}

impl<X: Debug> Elements for Vec<X> {
    type Element = X;
    fn elements(&self) -> Result<&[X], &'static str> {
        Ok(self)
    }
}

impl<X: Debug, const N: usize> Elements for [X; N] {
    type Element = X;
    fn elements(&self) -> Result<&[X], &'static str> {
        Ok(self)
    }
}

impl Elements for Value {
    type Element = Self;
    fn elements(&self) -> Result<&[Self], &'static str> {
        self.as_array().map(Vec::as_slice).ok_or_else(|| kind(self))
    }
}

impl<T: Elements + ?Sized> Elements for &T {
    type Element = T::Element;
    fn elements(&self) -> Result<&[T::Element], &'static str> {
        (**self).elements()
    }
}
