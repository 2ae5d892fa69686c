//! URLs as a page takes them and as a failure shows them.

use url::Url;

/// Returns where to go: `text` as it is, or against a base URL. Only http, https and `about:blank` are opened.
pub(crate) fn target(text: &str, base: Option<&Url>) -> Result<Url, String> {
    let url = match (Url::parse(text), base) {
        (Ok(url), _) => url,
        (Err(url::ParseError::RelativeUrlWithoutBase), Some(base)) => {
            base.join(text).map_err(|error| format!("{:?} is no URL: {error}", shown(text)))?
        }
        (Err(url::ParseError::RelativeUrlWithoutBase), None) => {
            let text = shown(text);
            return Err(format!("{text:?} is a relative URL, and there is no base: open the page with `.base(url)`"));
        }
        (Err(error), _) => return Err(format!("{:?} is no URL: {error}", shown(text))),
    };
    match url.scheme() {
        "http" | "https" => Ok(url),
        "about" if url.path() == "blank" => Ok(url),
        scheme => Err(format!("{scheme}: URLs are not opened: only http and https are")),
    }
}

/// Writes a URL without its userinfo, its fragment and the values in its query: `https://shop.example/find?q=…`.
pub(crate) fn shown(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return text.split(['?', '#']).next().unwrap_or_default().to_owned();
    };
    if matches!(url.scheme(), "data" | "javascript" | "blob") {
        return format!("{}:…", url.scheme());
    }
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let query = url.query().map(|query| {
        let shown = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) => format!("{name}=…"),
            // A query without `=` is a value too: it may be a token.
            None => "…".to_owned(),
        });
        shown.collect::<Vec<_>>().join("&")
    });
    url.set_query(None);
    match query {
        Some(query) => format!("{url}?{query}"),
        None => url.into(),
    }
}

/// Writes a text with each http URL in it as [`shown`]: in what a script threw or wrote are those of documents and of requests.
pub(crate) fn shown_within(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = [rest.find("http://"), rest.find("https://")].into_iter().flatten().min() {
        written.push_str(&rest[..at]);
        rest = &rest[at..];
        let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>(){}[]\\,;".contains(c);
        // The brackets of an address of IPv6 end no host.
        let host = rest.find("://").map_or(0, |at| at + 3);
        let from = if rest[host..].starts_with('[') { rest.find(']').map_or(host, |at| at + 1) } else { host };
        let (all, after) = rest.split_at(rest[from..].find(ends).map_or(rest.len(), |end| from + end));
        // Places in scripts have a line and a column behind them.
        let url = all.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':');
        let url = if all[url.len()..].starts_with(':') && all[..url.len()].contains(['?', '#']) { url } else { all };
        match url.contains(['?', '#', '@']) {
            true => written.push_str(&shown(url)),
            false => written.push_str(url),
        }
        written.push_str(&all[url.len()..]);
        rest = after;
    }
    written + rest
}

/// Writes the host and port of a URL as they are dialled: `[::1]:443`.
pub(crate) fn peer(text: &str) -> String {
    let Ok(url) = Url::parse(text) else { return shown(text) };
    let host = url.host_str().unwrap_or("no host");
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_and_https_are_opened() {
        let base = Url::parse("https://shop.example/a/").unwrap();
        for (text, to) in [
            ("https://x.example", "https://x.example/"),
            ("/cart?id=1", "https://shop.example/cart?id=1"),
            ("b", "https://shop.example/a/b"),
            ("", "https://shop.example/a/"),
            ("about:blank", "about:blank"),
        ] {
            assert_eq!(target(text, Some(&base)).unwrap().as_str(), to);
        }
        for scheme in ["file", "chrome", "javascript", "data", "ftp", "view-source", "ws"] {
            let refused = target(&format!("{scheme}:///etc/passwd"), Some(&base)).unwrap_err();
            assert_eq!(refused, format!("{scheme}: URLs are not opened: only http and https are"));
        }
        assert_eq!(target("about:config", None).unwrap_err(), "about: URLs are not opened: only http and https are");
        assert_eq!(
            target("/cart", None).unwrap_err(),
            r#""/cart" is a relative URL, and there is no base: open the page with `.base(url)`"#
        );
    }

    #[test]
    fn urls_within_a_text_are_shown_without_what_may_be_secret() {
        for (text, written) in [
            ("no URL at all: http:/ or https", "no URL at all: http:/ or https"),
            ("at f (https://shop.example/reset?token=abc:12:5)\n", "at f (https://shop.example/reset?token=…:12:5)\n"),
            ("https://u:p@shop.example:8443/#frag, and", "https://shop.example:8443/, and"),
            ("'http://[::1]:81/a?b' \"https://x.example\"", "'http://[::1]:81/a?…' \"https://x.example\""),
            ("http://127.0.0.1:4000/app.js:12:5 ü https://", "http://127.0.0.1:4000/app.js:12:5 ü https://"),
            ("https://shop.example/find?page=7", "https://shop.example/find?page=…"),
            ("https://shop.example/find?q=…:3", "https://shop.example/find?q=…:3"),
        ] {
            assert_eq!(shown_within(text), written);
        }
    }

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        for (url, text) in [
            ("https://shop.example", "https://shop.example/"),
            ("https://u:p@shop.example:8443/find?q=1&token#frag", "https://shop.example:8443/find?q=…&…"),
            ("data:text/html,secret", "data:…"),
            ("about:blank", "about:blank"),
            ("no url?secret", "no url"),
        ] {
            assert_eq!(shown(url), text);
        }
        assert_eq!(peer("https://shop.example/a"), "shop.example:443");
        assert_eq!(peer("http://[::1]:81/"), "[::1]:81");
    }
}
