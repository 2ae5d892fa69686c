//! Plain values as matchers of an HTTP status: `status(200)`, `status([200, 404])`, `status(200..=299)`.

use std::{
    fmt::{self, Write},
    ops::RangeInclusive,
};

use super::{Matcher, Sense, eq, one_of};

/// A number matches the status that equals it. A number without a type, as in `status(200)`, is an `i32`.
impl Matcher<u16> for i32 {
    fn matches(&self, actual: &u16) -> bool {
        *self == Self::from(*actual)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        eq::describe(self, sense, f)
    }
}

/// An array matches each status in it.
impl<const N: usize> Matcher<u16> for [u16; N] {
    fn matches(&self, actual: &u16) -> bool {
        self.contains(actual)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        one_of::describe(self, sense, f)
    }

    fn defect(&self) -> Option<String> {
        one_of::defect(self)
    }
}

/// A range matches each status in it, both ends included.
impl Matcher<u16> for RangeInclusive<u16> {
    fn matches(&self, actual: &u16) -> bool {
        self.contains(actual)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        write!(f, "{} {} and {}", sense.pick("is between", "is not between"), self.start(), self.end())
    }

    fn defect(&self) -> Option<String> {
        self.is_empty().then(|| format!("the range {}..={} is empty", self.start(), self.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        between, eq, ge, not,
        testing::{fails, passes},
    };

    #[test]
    fn numbers_lists_and_ranges_match_a_status() {
        passes(200_u16, 200);
        passes(200_u16, 200_u16);
        passes(200_u16, [200, 201]);
        passes(204_u16, 200..=299);
        passes(404_u16, not([200, 201]));
        passes(404_u16, not(200..=299));
        passes(204_u16, between(200, 299));
        passes(204_u16, ge(200));
        passes(204_u16, eq(204));
    }

    #[test]
    fn they_say_what_was_wanted_and_what_was_there() {
        fails(503_u16, 200, "expected is equal to 200, actual 503");
        fails(200_u16, not(200), "expected is not equal to 200, actual 200");
        fails(503_u16, -1, "expected is equal to -1, actual 503");
        fails(503_u16, [200, 201], "expected is one of 200, 201, actual 503");
        fails(200_u16, not([200, 201]), "expected is none of 200, 201, actual 200");
        fails(503_u16, 200..=299, "expected is between 200 and 299, actual 503");
        fails(200_u16, not(200..=299), "expected is not between 200 and 299, actual 200");
    }

    #[test]
    fn nothing_to_match_fails_in_both_senses() {
        fails(
            503_u16,
            not([0_u16; 0]),
            "expected is none of nothing, actual 503, but there are no values to choose from",
        );
        #[expect(clippy::reversed_empty_ranges, reason = "the mistake that is tested")]
        let range = 299..=200;
        fails(503_u16, not(range), "expected is not between 299 and 200, actual 503, but the range 299..=200 is empty");
    }
}
