//! Where a result goes, and in which format.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::Format;
use super::{Refused, terminal};
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
        let Some(path) = &self.output else { return Ok(()) };
        if path.is_dir() {
            return Err(Refused::usage(format!("--output {}: it is a folder, name a file", path.display())));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(Refused::usage(format!(
                "--output {}: there is no folder {}",
                path.display(),
                folder.display()
            )));
        }
        Ok(())
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
        let text = self.format.render(reports, summary);
        replace(path, &text).map_err(|error| Refused::error(format!("--output {}: {error}", path.display())))?;
        if self.format != Format::Pretty {
            to_a_person(Format::Pretty);
        }
        Ok(())
    }
}

/// Writes a file whole: nobody reads half of it. What is no plain file, such as a pipe, is written to as it is.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(&beside);
    })
}
