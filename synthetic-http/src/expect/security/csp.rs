//! A Content Security Policy, as far as it can be judged from its text (CSP Level 3, section 2.2).

/// One policy: its directives, each with its sources.
#[derive(Debug)]
pub(super) struct Policy(Vec<(String, Vec<String>)>);

impl Policy {
    /// Reads the policies of a header; of a directive that is there twice, the first counts.
    pub(super) fn read(header: &str) -> Vec<Self> {
        let policies = header.split(',').map(|policy| {
            let mut directives: Vec<(String, Vec<String>)> = Vec::new();
            for directive in policy.split(';') {
                let mut tokens = directive.split_ascii_whitespace();
                let Some(name) = tokens.next().map(str::to_ascii_lowercase) else { continue };
                if !directives.iter().any(|(known, _)| *known == name) {
                    directives.push((name, tokens.map(str::to_owned).collect()));
                }
            }
            Self(directives)
        });
        policies.filter(|policy| !policy.0.is_empty()).collect()
    }

    /// Returns the sources of a directive.
    pub(super) fn sources(&self, name: &str) -> Option<&[String]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, sources)| sources.as_slice())
    }

    /// Returns the sources of the first of some directives that is there, and its name.
    fn first(&self, names: &[&'static str]) -> Option<(&'static str, &[String])> {
        names.iter().find_map(|name| Some((*name, self.sources(name)?)))
    }

    /// Returns why scripts of others could run under this policy.
    ///
    /// Elements, event handlers and `eval` are each judged by the directive that a browser takes for them (sections 6.1.10,
    /// 6.1.11, 6.1.12 and 6.8.3).
    pub(super) fn weakness(&self) -> Option<String> {
        let general = ["script-src", "default-src"];
        let elements = self.first(&["script-src-elem", "script-src", "default-src"]);
        let handlers = self.first(&["script-src-attr", "script-src", "default-src"]);
        let (Some(elements), Some(handlers)) = (elements, handlers) else {
            return Some(match (elements, handlers) {
                (Some(_), None) => "it has script-src-elem only, so that any event handler may run".to_owned(),
                (None, Some(_)) => "it has script-src-attr only, so that any script element may run".to_owned(),
                _ => "it has neither script-src nor default-src, so that any script may run".to_owned(),
            });
        };
        let Some(eval) = self.first(&general) else {
            return Some("it has neither script-src nor default-src, so that any text may be run by eval".to_owned());
        };
        let mut weak: Vec<(&str, Vec<&str>)> = Vec::new();
        for ((name, sources), kind) in [(elements, Script::Element), (handlers, Script::Handler), (eval, Script::Eval)]
        {
            for source in kind.weak_sources(sources) {
                match weak.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) if known.contains(&source) => {}
                    Some((_, known)) => known.push(source),
                    None => weak.push((name, vec![source])),
                }
            }
        }
        let told: Vec<String> =
            weak.iter().map(|(name, sources)| format!("{name} has {}", sources.join(" and "))).collect();
        let told = told.join(", and ");
        (!told.is_empty()).then(|| format!("{told}, which lets scripts of others run"))
    }
}

/// How a script comes to run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Element,
    Handler,
    Eval,
}

impl Script {
    /// Returns the sources by which scripts of others could run in this way.
    fn weak_sources(self, sources: &[String]) -> Vec<&str> {
        let find = |wanted: &str| sources.iter().find(|source| source.eq_ignore_ascii_case(wanted)).map(String::as_str);
        if self == Self::Eval {
            return find("'unsafe-eval'").into_iter().collect();
        }
        let names_scripts = sources.iter().any(|source| {
            let source = source.to_ascii_lowercase();
            ["'nonce-", "'sha256-", "'sha384-", "'sha512-"].iter().any(|start| source.starts_with(start))
        });
        // Browsers ignore it beside a nonce or a hash, and hosts beside 'strict-dynamic'.
        let inline = find("'unsafe-inline'").filter(|_| !names_scripts);
        let strict = names_scripts && find("'strict-dynamic'").is_some();
        // A host is no source of an event handler.
        let wide = sources.iter().find(|source| is_wide(source)).filter(|_| !strict && self == Self::Element);
        inline.into_iter().chain(wide.map(String::as_str)).collect()
    }
}

/// Returns whether a source is every host there is, of whatever scheme, port and path; or a scheme of which anybody can make a URL.
pub(super) fn is_wide(source: &str) -> bool {
    let source = source.to_ascii_lowercase();
    if matches!(source.as_str(), "http:" | "https:" | "data:") {
        return true;
    }
    // `[ scheme "://" ] host [ ":" port ] [ path ]` (section 2.3.1).
    let after = source.split_once("://").map_or(source.as_str(), |(_, after)| after);
    let authority = after.split('/').next().unwrap_or_default();
    authority.split(':').next() == Some("*")
}

/// Returns what is there in place of a directive that is wanted.
pub(super) fn unmet(policies: &[Policy], name: &str, sources: &str) -> Option<String> {
    let sorted = |mut sources: Vec<String>| {
        sources.sort();
        sources
    };
    let wanted = sorted(sources.split_ascii_whitespace().map(str::to_owned).collect());
    let found: Vec<&[String]> = policies.iter().filter_map(|policy| policy.sources(name)).collect();
    if found.iter().any(|found| sorted(found.to_vec()) == wanted) {
        return None;
    }
    let there = match found.first() {
        Some(found) => format!("{name} {}", found.join(" ")),
        None => format!("no {name}"),
    };
    Some(format!("Content-Security-Policy: {there}, {name} {sources} would be right"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_weak_for_what_lets_scripts_of_others_run() {
        for (policy, weak) in [
            ("default-src 'self'", None),
            ("default-src *; script-src 'self'", None),
            ("script-src 'nonce-abc' 'unsafe-inline' https: 'strict-dynamic'", None),
            ("script-src 'sha256-abc=' 'unsafe-inline'", None),
            ("img-src *", Some("neither script-src nor default-src")),
            (
                "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
                Some("script-src has 'unsafe-inline' and 'unsafe-eval'"),
            ),
            ("default-src https:", Some("default-src has https:")),
            ("SCRIPT-SRC *; script-src 'self'", Some("script-src has *")),
            ("script-src 'strict-dynamic' https:", Some("script-src has https:")),
            ("script-src 'self'; script-src-elem 'self' https:", Some("script-src-elem has https:, which")),
            ("script-src 'self'; script-src-attr 'unsafe-inline'", Some("script-src-attr has 'unsafe-inline', which")),
            ("script-src * 'unsafe-inline'; script-src-elem 'self'; script-src-attr 'none'", None),
            ("script-src * 'unsafe-inline'; script-src-elem 'self'", Some("script-src has 'unsafe-inline', which")),
            ("script-src-elem 'self'", Some("any event handler may run")),
            ("script-src-attr 'none'", Some("any script element may run")),
            ("script-src-elem 'self'; script-src-attr 'none'", Some("by eval")),
            ("default-src 'none'; script-src-elem 'self'", None),
            (
                "default-src 'unsafe-eval'; script-src-elem *; script-src-attr 'none'",
                Some("script-src-elem has *, and default-src has 'unsafe-eval', which"),
            ),
            ("script-src *:*", Some("script-src has *:*")),
            ("script-src https://*:443/lib/", Some("script-src has https://*:443/lib/")),
            ("script-src *.shop.example https://cdn.example", None),
            ("script-src data:", Some("script-src has data:")),
            ("script-src 'self'; SCRIPT-SRC *", None),
        ] {
            let found = Policy::read(policy)[0].weakness();
            assert_eq!(found.is_some(), weak.is_some(), "{policy}: {found:?}");
            assert!(found.unwrap_or_default().contains(weak.unwrap_or_default()), "{policy}");
        }
        assert!(Policy::read(" ; ,").is_empty());
    }
}

#[cfg(test)]
mod foreign {
    use proptest::prelude::*;

    use super::*;
    use crate::foreign::nearly;

    proptest! {
        #[test]
        fn any_header_has_policies_that_can_be_judged(
            header in nearly(&["default-src", "script-src", " ", ";", ",", "'self'", "'nonce-x'", "'strict-dynamic'", "*", "ü", "\t", "https:"]),
        ) {
            let policies = Policy::read(&header);
            for policy in &policies {
                prop_assert!(policy.weakness().unwrap_or_default().len() <= 200 + header.len());
            }
            let _ = unmet(&policies, "script-src", "'self'");
        }

        #[test]
        fn a_policy_that_was_written_is_read_as_it_was(
            directives in proptest::collection::btree_map("[a-z]{1,6}-src", proptest::collection::vec("[!-+\\--:<-~]{1,8}", 0..4), 1..4),
        ) {
            let written: Vec<String> = directives.iter().map(|(name, sources)| format!("{name} {}", sources.join(" "))).collect();
            let read = Policy::read(&written.join(" ; "));
            prop_assert_eq!(read.len(), 1);
            for (name, sources) in &directives {
                prop_assert_eq!(read[0].sources(name), Some(sources.as_slice()));
                prop_assert_eq!(unmet(&read, name, &sources.join("  ")), None);
            }
        }
    }
}
