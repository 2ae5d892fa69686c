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

    /// Returns why scripts of others could run under this policy.
    pub(super) fn weakness(&self) -> Option<String> {
        let named = |name: &'static str| self.sources(name).map(|sources| (name, sources));
        let Some((name, sources)) = named("script-src").or_else(|| named("default-src")) else {
            return Some("it has neither script-src nor default-src, so that any script may run".to_owned());
        };
        let has = |wanted: &str| sources.iter().any(|source| source.eq_ignore_ascii_case(wanted));
        let named_scripts = sources.iter().any(|source| {
            let source = source.to_ascii_lowercase();
            ["'nonce-", "'sha256-", "'sha384-", "'sha512-"].iter().any(|start| source.starts_with(start))
        });
        let strict = named_scripts && has("'strict-dynamic'");
        let mut weak = Vec::new();
        // Browsers ignore it beside a nonce or a hash, and hosts beside 'strict-dynamic'.
        if has("'unsafe-inline'") && !named_scripts {
            weak.push("'unsafe-inline'");
        }
        if has("'unsafe-eval'") {
            weak.push("'unsafe-eval'");
        }
        if !strict && let Some(wide) = sources.iter().find(|source| is_wide(source)) {
            weak.push(wide);
        }
        (!weak.is_empty()).then(|| format!("{name} has {}, which lets scripts of others run", weak.join(" and ")))
    }
}

/// Returns whether a source is every host there is.
pub(super) fn is_wide(source: &str) -> bool {
    ["*", "http:", "https:", "data:", "http://*", "https://*"].iter().any(|wide| source.eq_ignore_ascii_case(wide))
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
