//! Where the browsers are.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Product;
use super::error::LaunchError;

/// Where to look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// What the variable says: [`Product::variable`].
    named: Option<OsString>,
    /// Folders, in the order in which they are looked through.
    folders: Vec<PathBuf>,
    /// Programs that are not found by a name in a folder: macOS has them in bundles.
    programs: Vec<PathBuf>,
}

impl Product {
    /// The names of its program, best first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => {
                &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless-shell"]
            }
            Self::Firefox => &["firefox-esr", "firefox"],
        }
    }

    /// The variable of the environment that says where it is.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Chromium => "CANARY_CHROMIUM",
            Self::Firefox => "CANARY_FIREFOX",
        }
    }

    fn bundles(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &[
                "/Applications/Chromium.app/Contents/MacOS/Chromium",
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            ],
            Self::Firefox => &["/Applications/Firefox.app/Contents/MacOS/firefox"],
        }
    }

    fn installs(self) -> &'static str {
        match self {
            Self::Chromium => {
                "`apt-get install chromium` (Debian), `apk add chromium` (Alpine), `brew install --cask chromium` (macOS)"
            }
            Self::Firefox => {
                "`apt-get install firefox-esr` (Debian), `apk add firefox-esr` (Alpine), `brew install --cask firefox` (macOS)"
            }
        }
    }
}

impl Places {
    /// The usual ones, the variables of the environment among them.
    pub(crate) fn usual(product: Product) -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/local/bin", "/usr/bin", "/bin", "/snap/bin", "/opt/homebrew/bin", "/opt/google/chrome"];
        let mut folders: Vec<PathBuf> = env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
        for folder in usual {
            if !folders.iter().any(|known| known == Path::new(folder)) {
                folders.push(folder.into());
            }
        }
        let programs = product.bundles().iter().filter(|_| cfg!(target_os = "macos")).map(PathBuf::from).collect();
        Self { named: env::var_os(product.variable()).filter(|named| !named.is_empty()), folders, programs }
    }
}

/// Finds the program of a browser: what `given` says, or else the variable, or else what is in a place.
pub(crate) fn find(product: Product, given: Option<&Path>, places: &Places) -> Result<PathBuf, LaunchError> {
    let named = places.named.as_deref().map(Path::new);
    for (program, by) in [(given, "the executable that was given"), (named, product.variable())] {
        let Some(program) = program else { continue };
        return if is_program(program) {
            Ok(program.to_owned())
        } else {
            Err(LaunchError::new(format!("{product} is not there: {by} is {}", program.display()))
                .expected("a file that may be executed")
                .hint(format!("name its program, or leave it out and install one: {}", product.installs())))
        };
    }
    let names = product.names().iter();
    let candidates = names.flat_map(|name| places.folders.iter().map(move |folder| folder.join(name)));
    candidates
        .chain(places.programs.iter().cloned())
        .find(|program| is_program(program))
        .map_or_else(|| Err(missing(product, places)), |program| Ok(behind_wrapper(&program).unwrap_or(program)))
}

fn missing(product: Product, places: &Places) -> LaunchError {
    let list = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let also =
        if places.programs.is_empty() { String::new() } else { format!(", nor is there {}", list(&places.programs)) };
    let names = product.names().join(", ");
    LaunchError::new(format!(
        "no {product} was found: there is none of the programs {names} in {}{also}",
        list(&places.folders)
    ))
    .hint(format!(
        "install one: {}; or say where it is: {} in the environment, or the browser's executable(…)",
        product.installs(),
        product.variable()
    ))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Returns the program that a distribution's shell script starts, where that is one of those known: the script of Debian
/// looks through crash reports and starts a dozen processes before it does. A script that somebody else wrote is meant.
fn behind_wrapper(found: &Path) -> Option<PathBuf> {
    let script = fs::canonicalize(found).ok()?;
    if !begins_with(&script, b"#!") {
        return None;
    }
    let name = found.file_name()?.to_str()?;
    let folder = script.parent()?;
    let known = match folder.to_str()? {
        "/usr/bin" | "/usr/lib/chromium" if name.starts_with("chromium") => vec![
            // Debian; Alpine and Arch; Fedora.
            PathBuf::from(format!("/usr/lib/{name}/{name}")),
            "/usr/lib/chromium/chromium".into(),
            PathBuf::from(format!("/usr/lib64/{name}/{name}")),
        ],
        folder if folder.starts_with("/opt/google/") => vec![Path::new(folder).join("chrome")],
        _ => return None,
    };
    known.into_iter().find(|program| is_program(program) && begins_with(program, b"\x7fELF"))
}

fn begins_with(path: &Path, magic: &[u8]) -> bool {
    let mut head = [0; 4];
    let head = &mut head[..magic.len()];
    File::open(path).and_then(|mut file| file.read_exact(head)).is_ok() && head == magic
}

#[cfg(test)]
mod tests {
    use synthetic_core::Reason;

    use super::*;

    fn program(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn places(folders: &[&Path]) -> Places {
        Places { folders: folders.iter().map(|folder| (*folder).to_owned()).collect(), ..Places::default() }
    }

    #[test]
    fn what_is_given_comes_before_the_variable_and_that_before_what_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let [given, named, found] = ["given", "named", "firefox"].map(|name| program(folder.path(), name));
        let mut places = places(&[folder.path()]);
        assert_eq!(find(Product::Firefox, None, &places), Ok(found));
        places.named = Some(named.clone().into());
        assert_eq!(find(Product::Firefox, None, &places), Ok(named));
        assert_eq!(find(Product::Firefox, Some(&given), &places), Ok(given));
    }

    #[test]
    fn a_better_name_in_a_later_folder_comes_before_a_lesser_one() {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        program(first.path(), "firefox");
        let esr = program(second.path(), "firefox-esr");
        assert_eq!(find(Product::Firefox, None, &places(&[first.path(), second.path()])), Ok(esr));
    }

    #[test]
    fn a_missing_browser_is_an_error_of_the_monitor_that_says_how_to_install_one() {
        let places = places(&[Path::new("/nowhere/bin"), Path::new("/nowhere/sbin")]);
        let failure = find(Product::Chromium, None, &places).unwrap_err().into_failure();
        assert_eq!((failure.reason(), failure.is_error()), (Reason::Setup, true));
        insta::assert_snapshot!(format!("{}\n{}", failure.subject(), failure.advice().unwrap()), @"
        no chromium was found: there is none of the programs chromium, chromium-browser, google-chrome, google-chrome-stable, chrome, headless-shell in /nowhere/bin, /nowhere/sbin
        install one: `apt-get install chromium` (Debian), `apk add chromium` (Alpine), `brew install --cask chromium` (macOS); or say where it is: CANARY_CHROMIUM in the environment, or the browser's executable(…)
        ");
    }

    #[test]
    fn a_named_program_that_is_not_there_is_said_and_no_other_is_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), "firefox");
        let mut places = places(&[folder.path()]);
        places.named = Some("/nowhere/firefox".into());
        let error = find(Product::Firefox, None, &places).unwrap_err().to_string();
        assert!(
            error.starts_with("firefox is not there: CANARY_FIREFOX is /nowhere/firefox: expected a file"),
            "{error}"
        );
    }
}
