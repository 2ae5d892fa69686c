//! What a real Chromium does with it.

mod network;
mod page;
mod surroundings;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::engine::{
    Button, Context, ContextOptions, DocumentId, Engine, Event, FrameId, KeyAction, MouseAction, Navigation, NewTab,
    Tab, World,
};

/// The binary itself: what is in the path on Debian is a script around it that takes its time.
const PLACES: [&str; 4] =
    ["/usr/lib/chromium/chromium", "/opt/google/chrome/chrome", "/usr/bin/chromium", "/usr/bin/google-chrome"];

const FLAGS: &str = "--headless=new --no-sandbox --disable-dev-shm-usage --disable-background-networking \
    --no-first-run --disable-component-update --disable-sync --disable-default-apps --disable-gpu \
    --metrics-recording-only --mute-audio --hide-scrollbars --disable-extensions --password-store=basic \
    --use-mock-keychain --no-default-browser-check --disable-breakpad --remote-debugging-pipe --no-startup-window";

/// No test waits that long: it is there so that a test that waits for what never comes fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser that is gone with it, with all its processes and its profile.
struct Chromium {
    engine: Arc<dyn Engine>,
    process: Child,
    _profile: TempDir,
}

impl Chromium {
    /// Starts one, or says why there is none.
    async fn start() -> Option<Self> {
        let Some(binary) = PLACES.iter().find(|place| Path::new(place).exists()) else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "there is no Chromium: scripts/test installs it");
            eprintln!("skipped: there is no Chromium in any of {PLACES:?}");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        // It connects ahead of navigations otherwise, and then no request has the time that connecting took.
        std::fs::create_dir(profile.path().join("Default")).unwrap();
        let preferences = r#"{"net":{"network_prediction_options":2}}"#;
        std::fs::write(profile.path().join("Default/Preferences"), preferences).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, "sh", binary]);
        command.args(FLAGS.split_whitespace());
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        // It is killed, and leaves there what it made.
        command.env("TMPDIR", profile.path());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let writer = tokio::process::ChildStdin::from_std(process.stdin.take().unwrap()).unwrap();
        let reader = tokio::process::ChildStdout::from_std(process.stdout.take().unwrap()).unwrap();
        let engine = in_time(super::connect(reader, writer)).await.unwrap();
        Some(Self { engine, process, _profile: profile })
    }

    async fn context(&self, options: &ContextOptions) -> Arc<dyn Context> {
        in_time(self.engine.context(options)).await.unwrap()
    }

    async fn tab(&self) -> Watched {
        self.tab_with(&ContextOptions::default()).await
    }

    async fn tab_with(&self, options: &ContextOptions) -> Watched {
        Watched::new(in_time(self.context(options).await.tab()).await.unwrap())
    }

    fn kill(&self) {
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-9", "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.kill();
        let _ = self.process.wait();
    }
}

/// A tab, and what it has told.
struct Watched {
    tab: Arc<dyn Tab>,
    events: UnboundedReceiver<Event>,
    /// What [`Watched::take`] saw and left.
    seen: Vec<Event>,
    main: FrameId,
}

impl Watched {
    fn new(new: NewTab) -> Self {
        Self { main: new.tab.main_frame(), tab: new.tab, events: new.events, seen: Vec::new() }
    }

    /// Goes to a URL, and returns when it is loaded.
    async fn open(&mut self, url: &str) -> DocumentId {
        match in_time(self.tab.navigate(url)).await.unwrap() {
            Navigation::Document(document) => {
                self.until(|event| matches!(event, Event::Loaded { document: d, .. } if *d == document)).await;
                document
            }
            other => panic!("{url}: {other:?}"),
        }
    }

    /// Returns the next event that is wanted, and drops those before it.
    async fn until(&mut self, wanted: impl Fn(&Event) -> bool + Send + Sync) -> Event {
        self.find(|event| wanted(&event).then_some(event)).await
    }

    async fn find<T: Send>(&mut self, wanted: impl Fn(Event) -> Option<T> + Send + Sync) -> T {
        let find = async {
            loop {
                if let Some(found) = wanted(self.events.recv().await.expect("the tab is still there")) {
                    return found;
                }
            }
        };
        in_time(find).await
    }

    /// Takes an event that is wanted, whether it came already or comes yet, and leaves the others for whoever takes next: what
    /// different requests tell comes in any order.
    async fn take<T: Send>(&mut self, wanted: impl Fn(&Event) -> Option<T> + Send + Sync) -> T {
        let seen = self.seen.iter().enumerate().find_map(|(at, event)| Some((at, wanted(event)?)));
        if let Some((at, value)) = seen {
            self.seen.remove(at);
            return value;
        }
        let Self { events, seen, .. } = self;
        in_time(async {
            loop {
                let event = events.recv().await.expect("the tab is still there");
                match wanted(&event) {
                    Some(value) => return value,
                    None => seen.push(event),
                }
            }
        })
        .await
    }

    /// Calls a function without arguments in the page's world of the main frame.
    async fn page(&self, function: &str) -> Value {
        in_time(self.tab.call(&self.main, World::Page, function, &[])).await.unwrap()
    }

    async fn press(&self, keys: &[&str]) {
        let actions: Vec<KeyAction> = keys
            .iter()
            .flat_map(|key| [KeyAction::Down((*key).to_owned()), KeyAction::Up((*key).to_owned())])
            .collect();
        in_time(self.tab.keys(&actions)).await.unwrap();
    }

    /// Clicks into the middle of the element with an id.
    async fn click(&self, id: &str) {
        let center = "id => { const r = document.getElementById(id).getBoundingClientRect(); \
            return [r.x + r.width / 2, r.y + r.height / 2] }";
        let center = in_time(self.tab.call(&self.main, World::Ours, center, &[json!(id)])).await.unwrap();
        in_time(self.tab.mouse(&click_at(center[0].as_f64().unwrap(), center[1].as_f64().unwrap()))).await.unwrap();
    }
}

fn click_at(x: f64, y: f64) -> [MouseAction; 3] {
    [
        MouseAction::Move { x, y },
        MouseAction::Down { button: Button::Left, count: 1 },
        MouseAction::Up { button: Button::Left, count: 1 },
    ]
}

async fn in_time<T>(future: impl Future<Output = T> + Send) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have been done by now")
}

/// Serves on an address of its own, and returns it: `http://127.0.0.1:PORT`.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

/// Serves these pages.
async fn pages(pages: &[(&str, &str)]) -> String {
    let mut router = Router::new();
    for (path, html) in pages {
        let html = Html((*html).to_owned());
        router = router.route(path, get(|| async move { html }));
    }
    serve(router).await
}

#[tokio::test]
async fn a_real_chromium_does_what_every_engine_must() {
    let Some(chromium) = Chromium::start().await else { return };
    crate::engine::contract::check_tab(Arc::clone(&chromium.engine), async |tab| {
        let _ = tab.raw("Page.crash", json!({})).await;
    })
    .await;
}
