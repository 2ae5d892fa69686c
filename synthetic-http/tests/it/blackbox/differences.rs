//! Where we judge otherwise than blackbox_exporter, on purpose, and why.

/// A row that is judged otherwise.
pub(super) struct Difference {
    /// The name of the row, as the page has it too.
    pub(super) row: &'static str,
    /// Whether it passes here, and so fails there.
    pub(super) passes: bool,
    /// Why.
    pub(super) why: &'static str,
}

const fn passes(row: &'static str, why: &'static str) -> Difference {
    Difference { row, passes: true, why }
}

const fn fails(row: &'static str, why: &'static str) -> Difference {
    Difference { row, passes: false, why }
}

/// All of them, with the reasons that `docs/http/blackbox.md` gives. A test fails where one of them is no longer there,
/// and another one where the page does not have it.
pub(super) const DIFFERENCES: &[Difference] = &[
    fails(
        "a password that another origin asks for",
        "credentials stay with the origin that they were given for, and do not follow a redirect",
    ),
    fails(
        "a body of 2 MiB without a limit",
        "a body is bounded unless more is allowed, so that no target decides how much memory a canary takes",
    ),
    passes(
        "gzip that nobody asked for",
        "a body is decoded as its header says: what is judged is the text that a browser would show",
    ),
    fails("gzip that nobody asked for and that is broken", "a body that no browser can read is no success"),
    fails("150 headers", "a head has at most 100 fields, so that no target decides how much memory a canary takes"),
    fails(
        "a certificate that nobody looks at",
        "what was not checked is never green: a certificate is verified, and one that is not trusted by others can be trusted itself",
    ),
    passes(
        "a prompt without the end of its line",
        "what is expected is looked for in what came, and not only in whole lines",
    ),
    fails("AAAA of a name without", "a look-up without a record is no success, unless it is expected"),
    fails(
        "all records are unwanted",
        "`fail_if_all_match_regexp` of the exporter fails where not all match, which is the opposite of its name",
    ),
    passes(
        "not all records are unwanted",
        "`fail_if_all_match_regexp` of the exporter fails where not all match, which is the opposite of its name",
    ),
    passes(
        "an answer that is too long for UDP",
        "an answer that is cut short is asked for again over TCP, as resolvers do",
    ),
];
