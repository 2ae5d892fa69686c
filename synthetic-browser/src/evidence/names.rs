//! Names of artifacts: told by their step, and each once in a run.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use synthetic_core::Run;

use crate::page::watch::Step;

/// The longest name of a step in that of an artifact, in bytes.
const LONGEST: usize = 60;

/// The names that a run has given.
#[derive(Debug, Default)]
struct Names(Mutex<HashSet<String>>);

/// Returns `stem.extension`, or `stem-2.extension` when that is taken.
pub(crate) fn unique(run: &Run, stem: &str, extension: &str) -> String {
    let names = run.extension::<Names>();
    let mut names = names.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut name = format!("{stem}.{extension}");
    let mut n = 2;
    while !names.insert(name.clone()) {
        name = format!("{stem}-{n}.{extension}");
        n += 1;
    }
    name
}

/// Returns the name of a step in that of an artifact: `02-sign-in`, `page` outside of any.
pub(crate) fn of_step(step: Option<&Step>) -> String {
    match step {
        None => "page".to_owned(),
        Some(step) => format!("{:02}-{}", step.place + 1, slug(step.path.last().map_or("step", |name| name))),
    }
}

/// Writes a name with what a file name has everywhere: `Sign in!` is `sign-in`.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if slug.len() + c.len_utf8() > LONGEST {
            break;
        }
        if c.is_alphanumeric() || c == '_' || c == '.' {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches(['-', '.']);
    if slug.is_empty() { "step".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_names_its_picture() {
        let step = |place, name: &str| Step { place, path: vec!["all".to_owned(), name.to_owned()] };
        for (name, written) in [
            ("open", "01-open"),
            ("Sign in!", "01-sign-in"),
            ("../../etc/passwd", "01-etc-passwd"),
            ("Größe", "01-größe"),
            ("??", "01-step"),
        ] {
            assert_eq!(of_step(Some(&step(0, name))), written);
        }
        assert!(of_step(Some(&step(11, &"long ".repeat(100)))).len() < 70);
        assert_eq!(of_step(None), "page");
    }
}
