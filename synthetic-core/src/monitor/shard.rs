//! Which canaries run where: static shards.

use std::fmt;
use std::str::FromStr;

/// One of several parts into which the canaries of a monitor fall: `2/4` is the second of four.
///
/// A canary is in exactly one of them, by its name alone: the shard's number is the CRC-32 of the name (that of ISO/IEC 13239, as in
/// zlib) modulo their number. This never changes.
///
/// # Examples
///
/// ```
/// use synthetic_core::monitor::Shard;
///
/// let shards: Vec<Shard> = ["1/2", "2/2"].map(|shard| shard.parse().unwrap()).into();
/// assert_eq!(shards.iter().filter(|shard| shard.contains("checkout")).count(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    /// From 0.
    index: u32,
    count: u32,
}

impl Shard {
    /// Returns whether a canary of this name is in it.
    #[must_use]
    pub fn contains(&self, canary: &str) -> bool {
        crc32fast::hash(canary.as_bytes()) % self.count == self.index
    }
}

/// Says why a text is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no shard: write it as 2/4, the second of four, from 1/4 to 4/4")]
pub struct ParseShardError(String);

impl FromStr for Shard {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (number, count) = text.split_once('/')?;
            let (number, count): (u32, u32) = (number.trim().parse().ok()?, count.trim().parse().ok()?);
            let index = number.checked_sub(1).filter(|index| *index < count)?;
            Some(Self { index, count })
        };
        read().ok_or_else(|| ParseShardError(text.to_owned()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_canary_is_in_exactly_one_shard_and_they_are_about_as_large() {
        let shards: Vec<Shard> = (1..=7).map(|n| format!("{n}/7").parse().unwrap()).collect();
        let mut sizes = [0_u32; 7];
        for n in 0..7_000 {
            let name = format!("canary-{n}");
            let of: Vec<usize> = (0..7).filter(|shard| shards[*shard].contains(&name)).collect();
            assert_eq!(of.len(), 1, "{name}");
            sizes[of[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (800..1200).contains(size)), "{sizes:?}");
    }

    #[test]
    fn where_a_canary_is_never_changes() {
        let of = |name: &str| (1..=4).find(|n| format!("{n}/4").parse::<Shard>().unwrap().contains(name));
        assert_eq!(["api-health", "checkout", "login", "search"].map(of), [Some(2), Some(3), Some(1), Some(4)]);
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in ["", "1", "0/4", "5/4", "1/0", "-1/4", "a/b", "1/4/2"] {
            let error = text.parse::<Shard>().unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is no shard: write it as 2/4, the second of four, from 1/4 to 4/4"));
        }
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
    }
}
