//! [`Pattern`]: which requests are meant, as a glob over their URLs.

use std::fmt;

use regex::Regex;

/// The longest pattern, in bytes.
const LONGEST: usize = 1024;

/// Which requests are meant: `**/*.woff2`, `POST /api/orders*`. A glob as Playwright has it
/// (<https://playwright.dev/docs/network#glob-url-patterns>):
///
/// - `*` is any text without `/`, `**` any text, `?` is itself, `{png,jpg}` is one of a list, `\` before a character takes it
///   as it is
/// - one with a scheme, or that begins with `**`, is compared with the whole URL; one that begins with `/` with what follows
///   the host; any other with what follows the scheme: `*.doubleclick.net/**`
/// - one without a `?` says nothing of the query: `/api/orders` is `/api/orders?page=2` too. (Playwright's does.)
/// - a method may stand before it
#[derive(Clone)]
pub(crate) struct Pattern {
    text: String,
    method: Option<String>,
    part: Part,
    query: bool,
    regex: Regex,
}

/// What of a URL is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    AfterScheme,
    AfterHost,
}

impl Pattern {
    /// Reads a pattern. The error says what is wrong with it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{text:?} is no pattern for requests: {why}");
        if text.len() > LONGEST {
            return Err(format!("a pattern for requests of {} bytes: at most {LONGEST} are taken", text.len()));
        }
        let (method, glob) = match text.split_once(' ') {
            Some((method, glob)) if !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                (Some(method.to_owned()), glob)
            }
            Some(_) => return Err(wrong("only a method, such as POST, may stand before it, and one space")),
            None => (None, text),
        };
        if glob.is_empty() {
            return Err(wrong("it is empty; `**` is any request"));
        }
        if glob.contains(char::is_whitespace) {
            return Err(wrong("there is white space in it"));
        }
        let part = match glob.split_once("://") {
            Some((scheme, _)) if !["http", "https", "ws", "wss", "*", "http*", "{http,https}"].contains(&scheme) => {
                return Err(wrong("the scheme is not http or https"));
            }
            Some(_) => Part::Whole,
            None if glob.starts_with("**") => Part::Whole,
            None if glob.starts_with('/') => Part::AfterHost,
            None => Part::AfterScheme,
        };
        let regex = Regex::new(&translated(glob).map_err(wrong)?).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { text: text.to_owned(), method, part, query: glob.contains('?'), regex })
    }

    /// Returns whether a request is meant.
    pub(crate) fn matches(&self, method: &str, url: &str) -> bool {
        if self.method.as_ref().is_some_and(|wanted| wanted != method) {
            return false;
        }
        let url = url.split('#').next().unwrap_or_default();
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let text = match self.part {
            Part::Whole => url,
            Part::AfterScheme => after_scheme,
            Part::AfterHost => {
                let at = after_scheme.find(['/', '?']).unwrap_or(after_scheme.len());
                &after_scheme[at..]
            }
        };
        let text = if self.query { text } else { text.split('?').next().unwrap_or_default() };
        self.regex.is_match(text)
    }
}

/// Writes a glob as a regular expression.
fn translated(glob: &str) -> Result<String, &'static str> {
    let mut regex = String::from("^(?s:");
    let mut rest = glob.chars().peekable();
    let mut in_list = false;
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.peek() == Some(&'*') => {
                while rest.next_if_eq(&'*').is_some() {}
                regex.push_str(".*");
            }
            '*' => regex.push_str("[^/]*"),
            '{' if in_list => return Err("a list {…} in a list"),
            '{' => {
                in_list = true;
                regex.push_str("(?:");
            }
            '}' if in_list => {
                in_list = false;
                regex.push(')');
            }
            '}' => return Err("a } without a {"),
            ',' if in_list => regex.push('|'),
            '\\' => match rest.next() {
                Some(escaped) => regex.push_str(&regex::escape(&escaped.to_string())),
                None => return Err("there is nothing after the \\ at its end"),
            },
            c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    if in_list {
        return Err("a { without a }");
    }
    regex.push_str(")$");
    Ok(regex)
}

/// As it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_its_glob_says() {
        for (pattern, meant, not) in [
            ("**/*.woff2", "https://a.example/f/x.woff2", "https://a.example/f/x.woff"),
            ("**/api/flags", "https://a.example/v1/api/flags?x=1", "https://a.example/api/flags/2"),
            ("/api/orders*", "http://a.example:81/api/orders?page=2", "http://a.example/v1/api/orders"),
            ("/api/orders*", "http://a.example/api/orders-old", "http://a.example/api/orders/7"),
            ("/api/**", "http://a.example/api/orders/7", "http://a.example/apis"),
            ("/find?q=*", "http://a.example/find?q=x", "http://a.example/find"),
            ("*.doubleclick.net/**", "https://ad.g.doubleclick.net/a/b?c", "https://doubleclick.net/a"),
            ("a.example/", "https://a.example/", "https://b.example/?a.example/"),
            ("https://a.example/*", "https://a.example/x", "http://a.example/x"),
            ("**/*.{png,jpg}", "https://a.example/x.jpg", "https://a.example/x.gif"),
            (r"/a\*b", "https://a.example/a*b", "https://a.example/a-b"),
            ("/a.b", "https://a.example/a.b#c", "https://a.example/axb"),
            ("**", "https://a.example", "\n"),
        ] {
            let read = Pattern::new(pattern).unwrap();
            assert!(read.matches("GET", meant), "{pattern} {meant} {:?}", read.regex);
            assert!(pattern == "**" || !read.matches("GET", not), "{pattern} {not} {:?}", read.regex);
        }
        let post = Pattern::new("POST /api/*").unwrap();
        assert!(post.matches("POST", "http://a.example/api/x") && !post.matches("GET", "http://a.example/api/x"));
        assert_eq!(post.to_string(), "POST /api/*");
    }

    #[test]
    fn what_is_no_pattern_is_told_with_why() {
        for (text, why) in [
            ("", "it is empty; `**` is any request"),
            ("POST ", "it is empty; `**` is any request"),
            ("post /x", "only a method, such as POST, may stand before it, and one space"),
            ("GET /a b", "there is white space in it"),
            ("/{a", "a { without a }"),
            ("/a}", "a } without a {"),
            ("/{a,{b,c}}", "a list {…} in a list"),
            ("/a\\", "there is nothing after the \\ at its end"),
            ("file:///etc/**", "the scheme is not http or https"),
        ] {
            assert_eq!(Pattern::new(text).unwrap_err(), format!("{text:?} is no pattern for requests: {why}"));
        }
        assert!(Pattern::new(&"a".repeat(2000)).unwrap_err().ends_with("at most 1024 are taken"));
    }
}
