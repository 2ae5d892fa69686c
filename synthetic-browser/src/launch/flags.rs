//! What browsers are started with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::LaunchError;
use super::folder::Folder;
use super::process::Plan;
use super::{Product, firefox_prefs};

/// Chromium connects ahead of a navigation that it foresees, and the request then knows nothing of its connecting. No flag
/// keeps it from that.
const CHROMIUM_PREFERENCES: &str = r#"{"net":{"network_prediction_options":2}}"#;

/// For a browser that is tested with, on a server, in a container: nothing of its own in the network, no questions, no shared
/// memory in a `/dev/shm` that has 64 MiB. Not `--disable-crashpad-for-testing`: with it, Chromium 156 breaks off every navigation.
const CHROMIUM: &[&str] = &[
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--hide-scrollbars",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-startup-window",
    "--password-store=basic",
    "--remote-debugging-pipe",
    "--use-mock-keychain",
    // With the frame that it has, the viewport is the one that pages are given, which then is the less to be made of it.
    "--window-size=1280,807",
];

/// What is switched off. A window is made for every run, and with it come two pages of the address bar's own, in a process that
/// takes more of the processor than the rest of the window; then a process for a page that may never be gone to. And a URL of
/// http is to be asked for as it stands.
const CHROMIUM_FEATURES_OFF: &[&str] = &[
    "HttpsUpgrades",
    "MediaRouter",
    "SpareRendererForSitePerProcess",
    "Translate",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
];

const DISABLE_FEATURES: &str = "--disable-features=";

/// Those that are ours to set, without which the browser would not be ours any more.
const RESERVED: &[&str] = &[
    "--user-data-dir",
    "--remote-debugging-pipe",
    "--remote-debugging-port",
    "--remote-debugging-address",
    "--profile",
    "-profile",
    "-P",
    "--headless",
    "-headless",
    "--no-sandbox",
];

/// Those that say how large windows and their pixels are.
const SIZES: &[&str] = &[
    "--force-device-scale-factor",
    "--kiosk",
    "--start-fullscreen",
    "--start-maximized",
    "--window-size",
    "--height",
    "-height",
    "--width",
    "-width",
];

/// What a user says of it.
#[derive(Debug, Clone)]
pub(crate) struct Wishes {
    pub(crate) headless: bool,
    /// `None`: Chromium has its sandbox unless we are root, for whom it refuses to have one.
    pub(crate) sandbox: Option<bool>,
    pub(crate) flags: Vec<String>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { headless: true, sandbox: None, flags: Vec::new() }
    }
}

impl Wishes {
    /// Returns whether a flag says how large windows are.
    pub(crate) fn say_sizes(&self) -> bool {
        self.flags.iter().any(|flag| SIZES.contains(&name(flag)))
    }

    fn sandboxed(&self) -> bool {
        self.sandbox.unwrap_or_else(|| !rustix::process::geteuid().is_root())
    }
}

/// Returns how to start a browser in a folder, into which Firefox' settings are written.
pub(crate) fn plan(product: Product, program: PathBuf, wishes: &Wishes, folder: &Folder) -> Result<Plan, LaunchError> {
    for flag in &wishes.flags {
        if RESERVED.contains(&name(flag)) {
            return Err(LaunchError::new(format!("flag {flag} cannot be given to {product}"))
                .expected("a flag that is not the library's own to set")
                .hint("headless(false), sandbox(false) and profiles(folder) are settings of the browser"));
        }
    }
    let mut plan = match product {
        Product::Chromium => {
            let profile = folder.profile().join("Default");
            let written = std::fs::create_dir_all(&profile)
                .and_then(|()| std::fs::write(profile.join("Preferences"), CHROMIUM_PREFERENCES));
            written.map_err(|error| LaunchError::new(format!("chromium's settings cannot be written: {error}")))?;
            chromium(wishes, &folder.profile())
        }
        Product::Firefox => {
            let profile = folder.profile();
            let written = std::fs::write(profile.join("user.js"), firefox_prefs::user_js());
            written.map_err(|error| LaunchError::new(format!("firefox' settings cannot be written: {error}")))?;
            firefox(wishes, &profile)
        }
    };
    plan.program = program;
    // Of several such flags, Chromium takes the last one.
    let is_joined = |flag: &&String| product == Product::Chromium && flag.starts_with(DISABLE_FEATURES);
    let (joined, others): (Vec<_>, Vec<_>) = wishes.flags.iter().partition(is_joined);
    if product == Product::Chromium {
        let own = joined.iter().filter_map(|flag| flag.strip_prefix(DISABLE_FEATURES));
        let off: Vec<&str> = CHROMIUM_FEATURES_OFF.iter().copied().chain(own).collect();
        plan.arguments.push(format!("{DISABLE_FEATURES}{}", off.join(",")).into());
    }
    plan.arguments.extend(others.into_iter().map(OsString::from));
    Ok(plan)
}

fn name(flag: &str) -> &str {
    flag.split('=').next().unwrap_or_default()
}

fn chromium(wishes: &Wishes, profile: &Path) -> Plan {
    let mut arguments: Vec<OsString> = CHROMIUM.iter().map(OsString::from).collect();
    if wishes.headless {
        arguments.push("--headless=new".into());
    }
    if !wishes.sandboxed() {
        arguments.push("--no-sandbox".into());
    }
    let mut profile_flag = OsString::from("--user-data-dir=");
    profile_flag.push(profile);
    arguments.push(profile_flag);
    Plan { arguments, pipe: true, ..Plan::default() }
}

fn firefox(wishes: &Wishes, profile: &Path) -> Plan {
    let mut arguments: Vec<OsString> = ["--no-remote", "--remote-debugging-port=0"].map(OsString::from).into();
    if wishes.headless {
        arguments.push("--headless".into());
    }
    arguments.extend(["--profile".into(), profile.into()]);
    let mut environment: Vec<(OsString, OsString)> = vec![("MOZ_CRASHREPORTER_DISABLE".into(), "1".into())];
    environment.extend(firefox_prefs::ENVIRONMENT.iter().map(|(name, value)| (name.into(), value.into())));
    if wishes.sandbox == Some(false) {
        for name in ["CONTENT", "GMP", "RDD", "SOCKET_PROCESS", "UTILITY"] {
            environment.push((format!("MOZ_DISABLE_{name}_SANDBOX").into(), "1".into()));
        }
    }
    Plan { arguments, environment, ..Plan::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(product: Product, wishes: &Wishes) -> Result<Plan, LaunchError> {
        let root = tempfile::tempdir().unwrap();
        plan(product, "/bin/browser".into(), wishes, &Folder::create(root.path()).unwrap())
    }

    fn has(plan: &Plan, flag: &str) -> bool {
        plan.arguments.iter().any(|argument| argument == flag)
    }

    #[test]
    fn the_sandbox_is_on_and_off_as_it_is_said() {
        for (sandbox, expected) in [(Some(true), false), (Some(false), true)] {
            let plan = check(Product::Chromium, &Wishes { sandbox, ..Wishes::default() }).unwrap();
            assert_eq!(has(&plan, "--no-sandbox"), expected);
        }
    }

    #[test]
    fn a_browser_for_debugging_has_a_window() {
        for product in [Product::Chromium, Product::Firefox] {
            let plan = check(product, &Wishes { headless: false, ..Wishes::default() }).unwrap();
            assert!(!has(&plan, "--headless") && !has(&plan, "--headless=new"), "{plan:?}");
        }
    }

    #[test]
    fn features_that_are_switched_off_join_those_of_the_library() {
        let flags = vec!["--disable-features=PaintHolding".to_owned(), "--lang=de".to_owned()];
        let plan = check(Product::Chromium, &Wishes { flags, ..Wishes::default() }).unwrap();
        let off = |argument: &&OsString| argument.to_string_lossy().starts_with(DISABLE_FEATURES);
        let off: Vec<_> = plan.arguments.iter().filter(off).collect();
        assert_eq!(off, [&*format!("{DISABLE_FEATURES}{},PaintHolding", CHROMIUM_FEATURES_OFF.join(","))]);
        assert!(has(&plan, "--lang=de"), "{plan:?}");
    }

    #[test]
    fn own_flags_come_last_and_may_not_be_those_of_the_library() {
        let flags = |flag: &str| Wishes { flags: vec![flag.to_owned()], ..Wishes::default() };
        let plan = check(Product::Chromium, &flags("--lang=de")).unwrap();
        assert_eq!(plan.arguments.last().unwrap(), "--lang=de");
        let error = check(Product::Chromium, &flags("--user-data-dir=/home")).unwrap_err().to_string();
        assert!(error.starts_with("flag --user-data-dir=/home cannot be given to chromium"), "{error}");
    }
}
