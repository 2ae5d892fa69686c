//! [`Keep`]: when evidence is kept.

/// Says when something is kept.
///
/// # Examples
///
/// ```
/// use synthetic_core::artifact::Keep;
/// assert!(Keep::OnFailure.holds(true) && !Keep::OnFailure.holds(false));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// Never.
    Never,
    /// When the journey fails, or cannot conclude.
    OnFailure,
    /// Always.
    Always,
}

impl Keep {
    /// Returns whether something is kept of a journey that has failed, or has not.
    #[must_use]
    pub const fn holds(self, failed: bool) -> bool {
        match self {
            Self::Never => false,
            Self::OnFailure => failed,
            Self::Always => true,
        }
    }
}
