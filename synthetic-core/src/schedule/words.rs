//! A time as an operator writes it: `1m30s`.

use std::fmt;
use std::time::Duration;

pub(crate) struct Words(pub(crate) Duration);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        if self.0.subsec_nanos() != 0 || seconds < 60 {
            return write!(f, "{:?}", self.0);
        }
        let parts =
            [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
        parts.iter().filter(|(number, _)| *number > 0).try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_largest_units_that_are_whole() {
        for (ms, text) in [
            (0, "0s"),
            (500, "500ms"),
            (5_000, "5s"),
            (60_000, "1m"),
            (90_000, "1m30s"),
            (3_600_000, "1h"),
            (90_061_000, "1d1h1m1s"),
            (61_500, "61.5s"),
        ] {
            assert_eq!(Words(Duration::from_millis(ms)).to_string(), text);
        }
    }
}
