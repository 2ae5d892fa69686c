//! What is there where a path finds nothing.

use serde_json::Value;

use super::{super::words::contents, Segment};

/// Says that nothing is at `path`, and what the last value on the way there holds.
pub(super) fn describe(path: &str, segments: &[Segment], root: &Value) -> String {
    let (mut value, mut prefix) = (root, "$".to_owned());
    for segment in segments {
        let Some(next) = segment.of(value) else { break };
        value = next;
        segment.push_to(&mut prefix);
    }
    format!("nothing at {path}; {prefix} {}", contents(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::singular, *};

    fn check(path: &str, value: &Value, text: &str) {
        assert_eq!(describe(path, &singular::parse(path).unwrap(), value), text);
    }

    #[test]
    fn the_deepest_value_on_the_way_is_described() {
        let value = json!({"a b": {"items": [1, 2], "n": null}, "s": "x"});
        check("$.db", &value, r#"nothing at $.db; $ has the keys "a b", "s""#);
        check("$['a b'].db", &value, r#"nothing at $['a b'].db; $['a b'] has the keys "items", "n""#);
        check("$['a b'].items[2].id", &value, "nothing at $['a b'].items[2].id; $['a b'].items has 2 elements");
        check("$['a b'].items.id", &value, "nothing at $['a b'].items.id; $['a b'].items has 2 elements");
        check("$['a b'].items[-1].id", &value, "nothing at $['a b'].items[-1].id; $['a b'].items[-1] is a number");
        check("$['a b'].n.x", &value, "nothing at $['a b'].n.x; $['a b'].n is null");
        check("$.s[0]", &value, "nothing at $.s[0]; $.s is a string");
        check("$.a", &json!({}), "nothing at $.a; $ is an empty object");
        check("$.a", &json!([]), "nothing at $.a; $ has 0 elements");
    }

    #[test]
    fn many_keys_are_counted() {
        let value: Value = (0..12).map(|n| (format!("k{n:02}"), json!(n))).collect();
        check(
            "$.x",
            &value,
            r#"nothing at $.x; $ has the keys "k00", "k01", "k02", "k03", "k04", "k05", "k06", "k07", "k08", "k09" and 2 more"#,
        );
    }
}
