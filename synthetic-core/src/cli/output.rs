//! Where a result goes, and in which format.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Refused, terminal};
use crate::format::Format;
use crate::monitor::Summary;
use crate::report::Report;

/// Where a result goes, and in which format.
#[derive(Debug, clap::Args)]
pub(super) struct OutputFlags {
    /// How the result is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
    /// Write the result to this file, and what a person reads to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl OutputFlags {
    /// Finds out before anything runs whether the file can be written.
    pub(super) fn check(&self) -> Result<(), Refused> {
        self.output.as_deref().map_or(Ok(()), can_be_written)
    }

    pub(super) fn write(&self, reports: &[Arc<Report>], summary: &Summary) -> Result<(), Refused> {
        let to_a_person = |format: Format| {
            terminal::out(&match terminal::has_colour() {
                true => format.render_in_colour(reports, summary),
                false => format.render(reports, summary),
            });
        };
        let Some(path) = &self.output else {
            to_a_person(self.format);
            return Ok(());
        };
        let written = self.format.write(path, reports, summary);
        written.map_err(|error| Refused::error(format!("--output {}: {error}", path.display())))?;
        if self.format != Format::Pretty {
            to_a_person(Format::Pretty);
        }
        Ok(())
    }
}

/// What a text is made of that is no result of runs, and where it goes.
#[derive(Debug, clap::Args)]
pub(super) struct MadeFlags {
    /// How many percent of its runs are to go well, for canaries that do not say so themselves [default: what the monitor
    /// says, or 99.9]
    #[arg(long, value_name = "PERCENT")]
    pub(super) objective: Option<f64>,
    /// Write to this file, whole or not at all, rather than to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl MadeFlags {
    /// Writes a text to the file, and returns which it is; nothing when there is none.
    pub(super) fn write(&self, text: &str) -> Result<Option<&Path>, Refused> {
        let Some(path) = self.output.as_deref() else { return Ok(None) };
        can_be_written(path)?;
        write_to(path, text)?;
        Ok(Some(path))
    }
}

/// Finds out whether a file can be written.
fn can_be_written(path: &Path) -> Result<(), Refused> {
    if path.is_dir() {
        return Err(Refused::usage(format!("--output {}: it is a folder, name a file", path.display())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Refused::usage(format!("--output {}: there is no folder {}", path.display(), folder.display())));
    }
    Ok(())
}

fn write_to(path: &Path, text: &str) -> Result<(), Refused> {
    crate::disk::replace(path, text).map_err(|error| Refused::error(format!("--output {}: {error}", path.display())))
}
