//! What a session is told before the first script of its document runs, in one go.

use serde_json::{Value, json};

use super::super::{LIBRARY, Result};
use super::connection::{Connection, Reply, SessionId};
use super::page::{Page, Settings, Shared};

/// The name of the world that [`LIBRARY`] is in.
pub(super) const WORLD: &str = "canary";

/// How much of a request's body the browser tells with the request, in bytes.
const BODY_TOLD: u32 = 256 << 10;

/// How much of one answer, and of all answers of a tab, the browser keeps for whoever asks for it, in bytes.
const BODY_KEPT: u32 = 16 << 20;
const BODIES_KEPT: u32 = 128 << 20;

/// What a session reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Tab,
    /// A frame that has a process of its own, with the frames in it.
    Frame,
    Worker,
}

/// Sends everything, and returns the answers to come.
pub(super) fn send(connection: &Connection, session: &SessionId, reach: Reach, page: &Page) -> Vec<Reply> {
    let mut commands = vec![
        ("Runtime.enable", json!({})),
        (
            "Network.enable",
            json!({
                "maxPostDataSize": BODY_TOLD, "maxResourceBufferSize": BODY_KEPT, "maxTotalBufferSize": BODIES_KEPT
            }),
        ),
    ];
    // Which frames and workers there are is told on.
    commands.push(("Target.setAutoAttach", auto_attach(&["iframe", "worker"])));
    let shared = page.shared();
    if reach != Reach::Worker {
        commands.extend([
            ("Page.enable", json!({})),
            ("Page.setLifecycleEventsEnabled", json!({ "enabled": true })),
            ("Inspector.enable", json!({})),
            ("Log.enable", json!({})),
            // Other tabs must not take the focus away, nor hide it: then nothing is painted and no frame is animated.
            ("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })),
            (
                "Page.addScriptToEvaluateOnNewDocument",
                json!({ "source": LIBRARY, "worldName": WORLD, "runImmediately": true }),
            ),
        ]);
        commands.extend(shared.scripts.iter().map(|source| ("Page.addScriptToEvaluateOnNewDocument", script(source))));
        commands.extend(emulation(&page.settings, &shared, reach));
    }
    if !shared.headers.is_empty() {
        commands.push(("Network.setExtraHTTPHeaders", headers(&shared.headers)));
    }
    commands.push(("Fetch.enable", fetch(&page.settings, &shared)));
    drop(shared);
    commands.push(("Runtime.runIfWaitingForDebugger", json!({})));
    commands.into_iter().map(|(method, parameters)| connection.send(Some(session), method, parameters)).collect()
}

/// Waits for the answers, and returns the first refusal.
pub(super) async fn done(replies: Vec<Reply>) -> Result<()> {
    for reply in replies {
        match reply.await {
            // Another tab of the same process has the same locale and time zone already.
            Err(super::super::EngineError::Refused { message, .. }) if message.contains("already in effect") => {}
            answer => drop(answer?),
        }
    }
    Ok(())
}

/// Asks for a session of everything of these types that is there or comes, held until it is told to run.
pub(super) fn auto_attach(types: &[&str]) -> Value {
    let mut filter: Vec<Value> = types.iter().map(|kind| json!({ "type": kind })).collect();
    filter.push(json!({ "exclude": true }));
    json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true, "filter": filter })
}

pub(super) fn script(source: &str) -> Value {
    json!({ "source": source })
}

pub(super) fn headers(headers: &[(String, String)]) -> Value {
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({ "headers": headers })
}

pub(super) fn viewport((width, height, scale): (u32, u32, f64)) -> Value {
    json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false })
}

/// What requests the browser is to hold until we say what becomes of them.
///
/// Documents it always holds, if only for us to say "go on": of a challenge for the user's name it tells for such alone, and
/// of one that it tells nobody of it makes `net::ERR_INVALID_AUTH_CREDENTIALS` instead of the answer, which is a 401.
pub(super) fn fetch(settings: &Settings, shared: &Shared) -> Value {
    let mut pattern = json!({ "urlPattern": "*" });
    if !shared.hold && settings.options.credentials.is_none() {
        pattern["resourceType"] = json!("Document");
    }
    json!({ "handleAuthRequests": true, "patterns": [pattern] })
}

fn emulation(settings: &Settings, shared: &Shared, reach: Reach) -> Vec<(&'static str, Value)> {
    let options = &settings.options;
    let mut commands = Vec::new();
    // A frame follows its tab.
    if let Some(viewport_set) = shared.viewport.filter(|_| reach == Reach::Tab) {
        commands.push(("Emulation.setDeviceMetricsOverride", viewport(viewport_set)));
    }
    if let Some(locale) = &options.locale {
        commands.push(("Emulation.setLocaleOverride", json!({ "locale": locale })));
    }
    if let Some(zone) = &options.time_zone {
        commands.push(("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })));
    }
    if options.user_agent.is_some() || options.locale.is_some() {
        // An empty one leaves the browser its own.
        let agent = options.user_agent.as_deref().unwrap_or_default();
        let mut parameters = json!({ "userAgent": agent });
        if let Some(locale) = &options.locale {
            parameters["acceptLanguage"] = json!(locale);
        }
        commands.push(("Emulation.setUserAgentOverride", parameters));
    }
    if options.accept_bad_certificates {
        commands.push(("Security.setIgnoreCertificateErrors", json!({ "ignore": true })));
    }
    commands
}
