//! Refuses paths that would exhaust the parser.

use super::JsonPathError;

/// The longest path, in bytes.
const LONGEST: usize = 4096;

/// How deep brackets and parentheses may nest: the parser is recursive, and a stack is finite.
const DEEPEST: usize = 64;

/// How deep filters may nest: with each the parser tries up to four readings, and all of them again for those inside.
const DEEPEST_FILTER: usize = 4;

/// Returns an error for a path that is too long or too deep to be parsed safely.
pub(super) fn admit(path: &str) -> Result<(), JsonPathError> {
    if path.len() > LONGEST {
        return Err(JsonPathError::new(path, LONGEST, format!("it is {} bytes long, more than {LONGEST}", path.len())));
    }
    // For each open bracket, whether there is a filter in it.
    let mut open = Vec::new();
    let mut quote = None;
    let mut chars = path.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quote.is_some() => {
                chars.next();
            }
            _ if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '\'' | '"' => quote = Some(c),
            '[' | '(' => open.push(false),
            ']' | ')' => {
                open.pop();
            }
            '?' => {
                if let Some(filter) = open.last_mut() {
                    *filter = true;
                }
            }
            _ => {}
        }
        if open.len() > DEEPEST {
            let why = format!("brackets and parentheses are nested more than {DEEPEST} deep");
            return Err(JsonPathError::new(path, at, why));
        }
        if c == '?' && open.iter().filter(|filter| **filter).count() > DEEPEST_FILTER {
            return Err(JsonPathError::new(path, at, format!("filters are nested more than {DEEPEST_FILTER} deep")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::JsonPath, *};

    fn check(path: &str, refused: &str) {
        let why = admit(path).map_err(|error| error.reason().to_owned()).err().unwrap_or_default();
        assert_eq!(why, refused, "{path}");
    }

    fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
        format!("$[?{}{inner}{}]", open.repeat(depth), close.repeat(depth))
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let why = "brackets and parentheses are nested more than 64 deep";
        check(&nested("(", "@.a", ")", 63), "");
        check(&nested("(", "@.a", ")", 64), why);
        check(&nested("!(", "@.a", ")", 1000), why);
        check(&"[".repeat(65), why);
        check(&nested("@[?", "@.a", "]", 3), "");
        check(&nested("@[?", "@.a", "]", 4), "filters are nested more than 4 deep");
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        check(&format!("$['{}']", "[(".repeat(100)), "");
        check(&format!(r#"$["\"{}'"]"#, "(".repeat(100)), "");
        check(&format!("$[?@.a == '?[?(?'{}]", " && @.a == '['".repeat(70)), "");
    }

    #[test]
    fn many_filters_side_by_side_do_not_nest() {
        check(&"$[?@.a]".replace("[?@.a]", &"[?@.a]".repeat(50)), "");
    }

    #[test]
    fn what_is_too_long_is_refused() {
        check(&format!("$.{}", "a".repeat(4094)), "");
        check(&format!("$.{}", "ä".repeat(2048)), "it is 4098 bytes long, more than 4096");
    }

    #[test]
    fn what_is_admitted_is_parsed_on_a_small_stack() {
        let paths = [
            nested("(", "@.a", ")", 63),
            nested("!(", "@.a", ")", 63),
            nested("match(value(@[?", "@.a", "]), 'a')", 3),
            format!("$[?{}@.a{} > 1]", "length(".repeat(63), ")".repeat(63)),
        ];
        let parse = move || paths.map(|path| JsonPath::parse(&path).is_ok());
        let parsed = std::thread::Builder::new().stack_size(1 << 20).spawn(parse).unwrap().join().unwrap();
        assert_eq!(parsed, [true; 4]);
    }
}
