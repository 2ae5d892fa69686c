//! What Firefox is told not to do of itself while it is tested with.
//!
//! Firefox has a list of its own for being driven (`remote/shared/RecommendedPreferences.sys.mjs`), but applies it when the
//! driver connects, and only as long as that has a session: what is asked of the network at the start is asked before. So what
//! matters is here, whether that list has it or not.

/// Preferences and their values, as JavaScript has them.
pub(crate) const PREFERENCES: &[(&str, &str)] = &[
    // Updates of Firefox, its extensions, search engines and media codecs.
    ("app.update.disabledForTesting", "true"),
    ("browser.search.update", "false"),
    ("extensions.getAddons.cache.enabled", "false"),
    ("extensions.installDistroAddons", "false"),
    ("extensions.systemAddon.update.enabled", "false"),
    ("extensions.update.enabled", "false"),
    ("extensions.systemAddon.update.url", "\"\""),
    ("media.gmp-manager.chromium-update-url", "\"data:,\""),
    ("media.gmp-manager.updateEnabled", "false"),
    ("media.gmp-manager.url", "\"data:,\""),
    ("media.gmp-manager.url.override", "\"data:,\""),
    ("media.gmp-provider.enabled", "false"),
    ("media.gmp-widevinecdm.allow-chromium-update", "false"),
    ("media.gmp-widevinecdm.enabled", "false"),
    ("media.gmp-gmpopenh264.enabled", "false"),
    // Lists that are fetched and refreshed: blocked pages, certificates, settings from afar.
    ("browser.safebrowsing.blockedURIs.enabled", "false"),
    ("browser.safebrowsing.downloads.enabled", "false"),
    ("browser.safebrowsing.malware.enabled", "false"),
    ("browser.safebrowsing.phishing.enabled", "false"),
    ("extensions.blocklist.enabled", "false"),
    ("security.remote_settings.intermediates.enabled", "false"),
    ("services.settings.server", "\"data:,#remote-settings-dummy/v1\""),
    // Telemetry, crash reports, experiments.
    ("app.normandy.api_url", "\"\""),
    ("app.normandy.enabled", "false"),
    ("app.shield.optoutstudies.enabled", "false"),
    ("browser.crashReports.unsubmittedCheck.enabled", "false"),
    ("browser.tabs.crashReporting.sendReport", "false"),
    ("datareporting.healthreport.uploadEnabled", "false"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("datareporting.usage.uploadEnabled", "false"),
    ("messaging-system.rsexperimentloader.enabled", "false"),
    ("telemetry.fog.test.localhost_port", "-1"),
    ("toolkit.telemetry.enabled", "false"),
    ("toolkit.telemetry.server", "\"data:,\""),
    ("toolkit.telemetry.unified", "false"),
    // Probes: is there a captive portal, is there a network, where are we, what time is it, is there a push message.
    ("browser.region.network.url", "\"\""),
    ("browser.region.update.enabled", "false"),
    ("dom.push.connection.enabled", "false"),
    ("geo.provider.network.url", "\"\""),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("network.sntp.pools", "\"\""),
    // What the new tab page, the address bar and other parts of the window would fetch.
    ("browser.discovery.enabled", "false"),
    ("browser.ml.enable", "false"),
    ("browser.newtab.preload", "false"),
    ("browser.newtabpage.activity-stream.feeds.system.topstories", "false"),
    ("browser.newtabpage.activity-stream.feeds.topsites", "false"),
    ("browser.newtabpage.activity-stream.showSponsoredTopSites", "false"),
    ("browser.newtabpage.enabled", "false"),
    ("browser.topsites.contile.enabled", "false"),
    ("browser.translations.enable", "false"),
    ("browser.urlbar.merino.endpointURL", "\"\""),
    ("browser.urlbar.suggest.searches", "false"),
    ("identity.fxaccounts.enabled", "false"),
    // An icon that no page shows, and that would count among the requests of the page that has none.
    ("browser.chrome.site_icons", "false"),
    ("browser.shell.shortcutFavicons", "false"),
    // Requests beside those of the page: a connection on suspicion (whose time no request would have), questions to the
    // issuer of a certificate and to a resolver that is not the system's, HTTPS where the link says HTTP.
    ("dom.security.https_first", "false"),
    ("network.http.speculative-parallel-limit", "0"),
    ("network.trr.mode", "5"),
    ("security.OCSP.enabled", "0"),
    // Questions, offers, and pages of its own.
    ("browser.aboutwelcome.enabled", "false"),
    ("browser.sessionstore.resume_from_crash", "false"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("browser.startup.homepage", "\"about:blank\""),
    ("browser.startup.homepage_override.mstone", "\"ignore\""),
    ("browser.startup.page", "0"),
    ("browser.warnOnQuit", "false"),
    ("datareporting.policy.dataSubmissionPolicyBypassNotification", "true"),
    ("extensions.formautofill.addresses.enabled", "false"),
    ("extensions.formautofill.creditCards.enabled", "false"),
    ("signon.autofillForms", "false"),
    ("signon.rememberSignons", "false"),
    ("termsofuse.bypassNotification", "true"),
    ("toolkit.startup.max_resumed_crashes", "-1"),
    // A document that was left is gone, with what runs in it, instead of waiting for "back".
    ("browser.sessionhistory.max_total_viewers", "0"),
    ("fission.bfcacheInParent", "false"),
    // The profile is thrown away: what is cached stays in memory, and tabs are not written down.
    ("browser.cache.disk.enable", "false"),
    ("browser.pagethumbnails.capturing_disabled", "true"),
    ("browser.sessionstore.interval", "3600000"),
    // Time that nobody sees: movement in the window, and between two places of a page.
    ("general.smoothScroll", "false"),
    ("toolkit.cosmeticAnimations.enabled", "false"),
];

/// What Firefox has to have in its environment. Without it a released Firefox ignores `services.settings.server`, and asks for lists
/// and experiments 160 times in the first 40 seconds where they cannot be reached.
pub(crate) const ENVIRONMENT: &[(&str, &str)] = &[("MOZ_REMOTE_SETTINGS_DEVTOOLS", "1")];

/// Returns the text of a `user.js`.
pub(crate) fn user_js() -> String {
    PREFERENCES.iter().map(|(name, value)| format!("user_pref(\"{name}\", {value});\n")).collect()
}
