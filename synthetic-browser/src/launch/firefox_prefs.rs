//! What Firefox is told not to do of itself while it is tested with.

/// Preferences and their values, as JavaScript has them.
pub(crate) const PREFERENCES: &[(&str, &str)] = &[
    // What is asked of the network without a page having asked: updates, lists, telemetry, experiments, probes.
    ("app.normandy.enabled", "false"),
    ("app.update.disabledForTesting", "true"),
    ("browser.newtabpage.activity-stream.feeds.topsites", "false"),
    ("browser.safebrowsing.blockedURIs.enabled", "false"),
    ("browser.safebrowsing.downloads.enabled", "false"),
    ("browser.safebrowsing.malware.enabled", "false"),
    ("browser.safebrowsing.phishing.enabled", "false"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("extensions.update.enabled", "false"),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("services.settings.server", "\"data:,\""),
    ("toolkit.telemetry.enabled", "false"),
    // Questions, and pages of its own.
    ("browser.aboutwelcome.enabled", "false"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("browser.startup.homepage_override.mstone", "\"ignore\""),
    ("browser.startup.page", "0"),
    ("datareporting.policy.dataSubmissionPolicyBypassNotification", "true"),
];

/// Returns the text of a `user.js`.
pub(crate) fn user_js() -> String {
    PREFERENCES.iter().map(|(name, value)| format!("user_pref(\"{name}\", {value});\n")).collect()
}
