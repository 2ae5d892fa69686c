//! Which canaries are meant.

use regex::Regex;

use super::Refused;
use crate::canary::Spec;
use crate::monitor::{Builder, Exit};

/// Which canaries are meant: those that match everything that is said.
#[derive(Debug, Default, clap::Args)]
pub(super) struct SelectionFlags {
    /// Only the canaries of these names
    names: Vec<String>,
    /// Only those with this tag; given several times, those with any of them
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only those whose name matches this regular expression
    #[arg(long, value_name = "RE")]
    grep: Option<Regex>,
}

impl SelectionFlags {
    /// Leaves out what is not meant.
    ///
    /// # Errors
    ///
    /// Says so when nothing is left, or when there is no canary of a name.
    pub(super) fn select(&self, builder: Builder) -> Result<Builder, Refused> {
        let nothing = |why: String| Refused { exit: Exit::NothingSelected, why };
        let there_are = builder.names().join(", ");
        if let Some(unknown) = self.names.iter().find(|name| !builder.names().contains(&name.as_str())) {
            return Err(nothing(format!("there is no canary {unknown:?}: there are {there_are}")));
        }
        if self.is_everything() {
            return Ok(builder);
        }
        let builder = builder.only(|spec| self.means(spec));
        if builder.names().is_empty() {
            return Err(nothing(format!("nothing is selected, so nothing ran: there are {there_are}")));
        }
        Ok(builder)
    }

    fn is_everything(&self) -> bool {
        self.names.is_empty() && self.tag.is_empty() && self.grep.is_none()
    }

    fn means(&self, spec: &Spec) -> bool {
        let named = self.names.is_empty() || self.names.iter().any(|name| name == spec.name());
        let tagged = self.tag.is_empty() || self.tag.iter().any(|tag| spec.all_tags().contains(tag));
        named && tagged && self.grep.as_ref().is_none_or(|re| re.is_match(spec.name()))
    }
}
