//! The names of alarms, and of the resources that they are in a template.

use std::fmt::Write as _;

/// How long a logical id and the name of an alarm may be.
const MOST: usize = 255;

/// Returns the logical id of a canary's alarm: letters and digits, as `ApiHealthFailing`.
///
/// Two canaries never share one: `-` before a letter makes it a capital, and what that would not tell apart is written as `X`
/// and the number of the character.
pub(super) fn logical_id(canary: &str, what: &str) -> String {
    let mut id = String::new();
    let mut rest = canary.chars().peekable();
    // The first letter is a capital for its looks; what would look the same is spelled out.
    if let Some(first) = rest.next_if(|c| c.is_ascii_lowercase() && *c != 'x') {
        id.push(first.to_ascii_uppercase());
    }
    while let Some(c) = rest.next() {
        match c {
            '-' if !id.is_empty() => match rest.next_if(|c| c.is_ascii_lowercase() && *c != 'x') {
                Some(letter) => id.push(letter.to_ascii_uppercase()),
                None => escape(&mut id, c),
            },
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => id.push(c),
            c => escape(&mut id, c),
        }
    }
    bounded(id, what)
}

/// Returns the name of a canary's alarm, as a person sees it: `api-health Failing`.
pub(super) fn alarm_name(canary: &str, what: &str) -> String {
    bounded(format!("{canary} "), what)
}

fn escape(id: &mut String, c: char) {
    let _ = write!(id, "X{:02x}", u32::from(c));
}

/// Puts two parts together. When they are too long, a number that derives from the first one stands for its end.
fn bounded(first: String, second: &str) -> String {
    if first.len() + second.len() <= MOST {
        return first + second;
    }
    let number = format!("X{:08x}", crc32fast::hash(first.as_bytes()));
    let room = MOST - second.len() - number.len();
    first.chars().take(room).collect::<String>() + &number + second
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn two_canaries_never_share_an_id() {
        let names = [
            "api-health",
            "api_health",
            "apihealth",
            "-api-health",
            "api--health",
            "api-x5fhealth",
            "xapi",
            "-xapi",
            "x",
            "-x",
            "_",
            "-",
            "--",
            "0",
            "-0",
            "a-",
            "a",
            "-a",
            "a-0",
            "a0",
            "x2da",
        ];
        let ids: HashSet<_> = names.iter().map(|name| logical_id(name, "Slow")).collect();
        assert_eq!(ids.len(), names.len(), "{ids:?}");
        assert!(ids.iter().all(|id| id.bytes().all(|c| c.is_ascii_alphanumeric())), "{ids:?}");
        assert_eq!(logical_id("api-health", "Failing"), "ApiHealthFailing");
    }

    #[test]
    fn a_long_name_keeps_its_alarms_apart_from_those_of_another() {
        let (a, b) = ("_".repeat(255), "_".repeat(254));
        for of in [logical_id, alarm_name] {
            assert_ne!(of(&a, "Slow"), of(&b, "Slow"));
            assert!(of(&a, "Slow").len() <= MOST && of(&a, "Slow").ends_with("Slow"));
        }
    }
}
