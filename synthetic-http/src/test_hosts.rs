//! [`TestHosts`]: where a request that changes something may go.

use std::sync::Arc;

use url::Url;

/// The hosts that requests which change something may go to. See [`Http::only_test_hosts`](crate::Http::only_test_hosts).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestHosts(Arc<[Pattern]>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// In lower case; an IPv6 address in brackets.
    host: String,
    /// Whether it stands for the hosts below it, not for itself.
    below: bool,
    port: Option<u16>,
}

impl TestHosts {
    /// Reads patterns: `staging.shop.example`, `*.test.example`, `127.0.0.1:8080`, `[::1]`.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the first that is none.
    pub(crate) fn parse<H: AsRef<str>>(hosts: impl IntoIterator<Item = H>) -> Result<Self, String> {
        hosts.into_iter().map(|host| Pattern::parse(host.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Returns why a request that changes something may not go to a URL, if so.
    pub(crate) fn refusal(&self, url: &Url) -> Option<String> {
        if self.0.iter().any(|pattern| pattern.matches(url)) {
            return None;
        }
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let listed: Vec<String> = self.0.iter().map(Pattern::to_string).collect();
        let listed = if listed.is_empty() { "none is".to_owned() } else { format!("listed are {}", listed.join(", ")) };
        Some(format!(
            "{host} is no test host, and only those may be changed ({listed}): add it to `only_test_hosts` if it is one"
        ))
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no test host: write it as staging.shop.example, *.test.example, 127.0.0.1:8080 or [::1]"
            )
        };
        let (below, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        // A URL has the rules for hosts: names in lower case and in ASCII, addresses in one form.
        let url = Url::parse(&format!("http://{rest}")).map_err(|_| wrong())?;
        let bare = url.path() == "/" && !rest.ends_with('/') && url.query().is_none() && url.fragment().is_none();
        let named = url.username().is_empty() && url.password().is_none() && !rest.contains('@') && !rest.contains('*');
        let host = url.host_str().filter(|_| bare && named).ok_or_else(wrong)?;
        let written_port = rest.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map(|(_, port)| port);
        let port = written_port.map(|port| port.parse().map_err(|_| wrong())).transpose()?;
        Ok(Self { host: host.to_owned(), below, port })
    }

    fn matches(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let host = host.strip_suffix('.').unwrap_or(host);
        let named = if self.below {
            host.strip_suffix(&self.host).is_some_and(|above| above.ends_with('.') && above.len() > 1)
        } else {
            host == self.host
        };
        named && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let below = if self.below { "*." } else { "" };
        write!(f, "{below}{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_may_be_changed() {
        let hosts = TestHosts::parse(["Staging.Shop.Example", "*.test.example", "127.0.0.1:8080", "[::1]"]).unwrap();
        for (url, allowed) in [
            ("https://staging.shop.example/orders", true),
            ("https://staging.shop.example:8443/orders", true),
            ("https://staging.shop.example./orders", true),
            ("https://shop.example/orders", false),
            ("https://evil-staging.shop.example/orders", false),
            ("https://staging.shop.example.evil.example/orders", false),
            ("https://a.test.example/", true),
            ("https://a.b.test.example/", true),
            ("https://test.example/", false),
            ("https://eviltest.example/", false),
            ("http://127.0.0.1:8080/", true),
            ("http://127.0.0.1/", false),
            ("http://[::1]:9/", true),
            ("http://user:staging.shop.example@shop.example/", false),
        ] {
            assert_eq!(hosts.refusal(&url.parse().unwrap()).is_none(), allowed, "{url}");
        }
        assert_eq!(
            hosts.refusal(&"https://shop.example/orders?key=1".parse().unwrap()).unwrap(),
            "shop.example is no test host, and only those may be changed (listed are staging.shop.example, *.test.example, \
             127.0.0.1:8080, [::1]): add it to `only_test_hosts` if it is one"
        );
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for wrong in
            ["", "*", "*.", "https://shop.example", "shop.example/orders", "a@b", "a:port", "*.*.example", "a b"]
        {
            let error = TestHosts::parse([wrong]).unwrap_err();
            assert!(error.starts_with(&format!("{wrong:?} is no test host")), "{error}");
        }
        let nobody = TestHosts::parse([""; 0]).unwrap();
        assert!(nobody.refusal(&"http://127.0.0.1/".parse().unwrap()).unwrap().contains("(none is)"));
    }
}
