//! Where we judge otherwise than blackbox_exporter, on purpose, and why.

/// A row that is judged otherwise.
pub(super) struct Difference {
    /// The name of the row.
    pub(super) row: &'static str,
    /// Why, as `docs/http/blackbox.md` says it.
    pub(super) why: &'static str,
}

const fn because(row: &'static str, why: &'static str) -> Difference {
    Difference { row, why }
}

/// All of them. The test fails where one of them is no longer there, and where the page does not have it.
pub(super) const DIFFERENCES: &[Difference] = &[
    because("a password that another origin asks for", "credentials stay with the origin that they were given for"),
];
