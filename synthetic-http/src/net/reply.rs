//! What is said to a line, in words of that line.

use regex::{Captures, Regex};
use synthetic_core::expect::{Matcher, matches};

/// A pattern that a line has to match, and the answer to it.
#[derive(Clone)]
pub(super) struct Reply {
    pattern: Regex,
    answer: String,
}

impl Reply {
    /// Takes them, or returns what is wrong with them.
    pub(super) fn new(pattern: &str, answer: &str) -> Result<Self, String> {
        // In the words of all patterns, which are one line.
        if let Some(defect) = Matcher::<String>::defect(&matches(pattern)) {
            return Err(format!("what is answered: {defect}"));
        }
        let pattern = Regex::new(pattern).map_err(|error| error.to_string())?;
        match unknown_group(&pattern, answer) {
            Some(group) => Err(format!(
                "the answer names the group {group}, which the pattern {:?} does not have; write a group that letters \
                 follow as ${{1}}, and a dollar as $$",
                pattern.as_str()
            )),
            None => Ok(Self { pattern, answer: answer.to_owned() }),
        }
    }

    pub(super) fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// Returns the answer to a line, or nothing where it does not match.
    pub(super) fn to(&self, line: &str) -> Option<String> {
        let groups = self.pattern.captures(line)?;
        let mut answer = String::new();
        groups.expand(&self.answer, &mut answer);
        Some(answer)
    }
}

/// Returns the first group of an answer that the pattern does not have: it would become nothing, and nobody would know.
fn unknown_group(pattern: &Regex, answer: &str) -> Option<String> {
    let Ok(groups) = Regex::new(r"\$\$|\$(?:\{([^}]*)\}|([0-9A-Za-z_]+))") else {
        unreachable!("a pattern that a test compiles")
    };
    let named = |found: Captures<'_>| found.get(1).or_else(|| found.get(2)).map(|group| group.as_str().to_owned());
    let is_known = |group: &String| match group.parse::<usize>() {
        Ok(number) => number < pattern.captures_len(),
        Err(_) => pattern.capture_names().flatten().any(|name| name == group),
    };
    groups.captures_iter(answer).filter_map(named).find(|group| !is_known(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_of_a_line_are_in_the_answer() {
        let reply = Reply::new(r"^PING :(?<word>\S+)", "PONG :${1}x $word $$\r\n").unwrap();
        assert_eq!(reply.to("PING :ab cd").as_deref(), Some("PONG :abx ab $\r\n"));
        assert_eq!(reply.to("NOTICE hi"), None);
    }

    #[test]
    fn a_group_that_is_none_is_a_mistake_and_not_nothing() {
        for answer in ["$2", "$1x", "${other}", "$$ $word $nobody"] {
            let problem = Reply::new(r"(?<word>\w+)", answer).err().unwrap();
            assert!(problem.contains("does not have"), "{problem}");
        }
        assert!(Reply::new("(", "").err().unwrap().starts_with("what is answered: the pattern \"(\" is invalid: "));
        assert!(Reply::new("a", "costs 5$ or $$").is_ok());
    }
}
