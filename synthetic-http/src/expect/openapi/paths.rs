//! Which operation of a document a path is for: templates, and the paths of servers.

use std::cmp::Ordering;

use percent_encoding::percent_decode_str;
use regex::Regex;
use serde_json::Value;

use super::document::members;

/// How many paths a server's variables may make.
const SERVERS: usize = 64;

/// A path of a document, ready to be compared: `/orders/{id}`.
#[derive(Debug)]
pub(super) struct Template {
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    /// A text with a parameter in it: `{name}.json`.
    Mixed(Regex),
    /// A parameter alone.
    Any,
}

impl Template {
    pub(super) fn parse(path: &str) -> Self {
        Self { segments: segments(path).map(Segment::parse).collect() }
    }

    /// Returns whether a path, as it is in a URL, is one of these.
    pub(super) fn matches(&self, path: &[String]) -> bool {
        self.segments.len() == path.len() && self.segments.iter().zip(path).all(|(segment, text)| segment.matches(text))
    }

    /// Orders by how much is said: concrete before templated (3.1.0, "Paths Object").
    pub(super) fn by_concreteness(&self, other: &Self) -> Ordering {
        let ranks = |template: &Self| template.segments.iter().map(Segment::rank).collect::<Vec<_>>();
        ranks(self).cmp(&ranks(other))
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        if !text.contains('{') {
            return Self::Literal(decoded(text));
        }
        let (mut pattern, mut rest, mut literals) = (String::from("^"), text, 0);
        while let Some((before, (_, after))) =
            rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            literals += before.len();
            pattern.push_str(&regex::escape(before));
            pattern.push_str("(?s:.+)");
            rest = after;
        }
        if literals + rest.len() == 0 {
            return Self::Any;
        }
        pattern.push_str(&regex::escape(rest));
        pattern.push('$');
        // What is escaped is a pattern; one that is too large is nobody's path.
        Regex::new(&pattern).map_or_else(|_| Self::Literal(text.to_owned()), Self::Mixed)
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == text,
            Self::Mixed(pattern) => pattern.is_match(text),
            Self::Any => !text.is_empty(),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Mixed(_) => 1,
            Self::Any => 2,
        }
    }
}

/// Returns the segments of a URL's path, decoded one by one: an encoded slash is part of one.
pub(super) fn of_url(path: &str) -> Vec<String> {
    segments(path).map(decoded).collect()
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Returns the paths of the servers of a document, of a path or of an operation, without a slash at the end; `None` where
/// it names none.
pub(super) fn base_paths(holder: &Value) -> Option<Vec<String>> {
    let servers = holder.get("servers")?.as_array().filter(|servers| !servers.is_empty())?;
    let mut paths: Vec<String> = servers.iter().flat_map(filled).map(|url| path_of(&url)).collect();
    paths.sort_unstable();
    paths.dedup();
    Some(paths)
}

/// Returns the URLs of a server, with each of its variables as its default and as each of what it may be.
fn filled(server: &Value) -> Vec<String> {
    let mut urls = vec![server.get("url").and_then(Value::as_str).unwrap_or_default().to_owned()];
    for (name, variable) in members(server, "variables") {
        let name = format!("{{{name}}}");
        let options = variable.get("enum").and_then(Value::as_array).into_iter().flatten();
        let mut values: Vec<&str> =
            variable.get("default").into_iter().chain(options).filter_map(Value::as_str).collect();
        values.sort_unstable();
        values.dedup();
        urls = urls
            .iter()
            .flat_map(|url| {
                if url.contains(&name) {
                    values.iter().map(|value| url.replace(&name, value)).collect()
                } else {
                    vec![url.clone()]
                }
            })
            .take(SERVERS)
            .collect();
    }
    urls
}

/// Returns the path of a server's URL, which may be a path alone.
fn path_of(url: &str) -> String {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        None => url,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let path = path.trim_start_matches("./");
    if path.is_empty() || path == "." { String::new() } else { format!("/{path}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(template: &str, path: &str, matches: bool) {
        assert_eq!(Template::parse(template).matches(&of_url(path)), matches, "{template} {path}");
    }

    #[test]
    fn parameters_stand_for_one_segment() {
        check("/orders/{id}", "/orders/7", true);
        check("/orders/{id}", "/orders/", false);
        check("/orders/{id}", "/orders/7/items", false);
        check("/orders/{id}", "/orders/a%2Fb", true);
        check("/", "/", true);
        check("/orders", "/orders/", false);
    }

    #[test]
    fn a_parameter_may_be_part_of_a_segment() {
        check("/files/{name}.json", "/files/a.json", true);
        check("/files/{name}.json", "/files/.json", false);
        check("/files/{name}.json", "/files/axjson", false);
        check("/range/{from}-{to}", "/range/1-2", true);
        check("/v1/orders({id})", "/v1/orders(7)", true);
    }

    #[test]
    fn what_is_encoded_is_compared_decoded() {
        check("/käse", "/k%C3%A4se", true);
        check("/a b", "/a%20b", true);
    }

    #[test]
    fn concrete_comes_before_templated() {
        let order = |one: &str, other: &str| Template::parse(one).by_concreteness(&Template::parse(other));
        assert_eq!(order("/orders/mine", "/orders/{id}"), Ordering::Less);
        assert_eq!(order("/orders/{id}.json", "/orders/{id}"), Ordering::Less);
        assert_eq!(order("/a/{b}/c", "/{a}/b/c"), Ordering::Less);
    }

    #[test]
    fn of_servers_only_the_path_counts() {
        let of = |servers: Value| base_paths(&json!({ "servers": servers }));
        assert_eq!(of(json!([])), None);
        assert_eq!(of(json!([{"url": "https://shop.example"}, {"url": "/"}])), Some(vec![String::new()]));
        assert_eq!(of(json!([{"url": "https://shop.example/v1/"}])), Some(vec!["/v1".to_owned()]));
        assert_eq!(of(json!([{"url": "api/v2"}])), Some(vec!["/api/v2".to_owned()]));
        let server = json!({
            "url": "https://{host}/{base}",
            "variables": { "host": {"default": "a.example"}, "base": {"default": "v1", "enum": ["v1", "v2"]} },
        });
        assert_eq!(of(json!([server])), Some(vec!["/v1".to_owned(), "/v2".to_owned()]));
    }
}
