//! A tab of no browser, that says what a test wants at the moment that it wants.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use synthetic_core::secret::Redactor;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{
    Context, Cookie, Decision, DocumentId, EngineError, Event, FrameId, Handle, KeyAction, MouseAction, Navigation,
    NewTab, Request, RequestId, Response, Result, Shot, Tab, Timing, World,
};
use crate::evidence::Collector;
use crate::evidence::Evidence;
use crate::network::rules::Rules;
use crate::page::dialog::Dialogs;
use crate::page::watch::Watch;
use crate::page::{Inner, Page};

/// What happens in the tab, from outside.
pub(crate) type Events = mpsc::UnboundedSender<Event>;

/// Told that it goes to a URL, a fake tab does what a test says.
type Navigates = Box<dyn Fn(&Events) + Send + Sync>;

struct FakeTab {
    navigates: Navigates,
    events: Events,
    /// How dialogs were answered.
    answered: Arc<Mutex<Vec<bool>>>,
}

impl std::fmt::Debug for FakeTab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeTab")
    }
}

pub(crate) fn main_frame() -> FrameId {
    FrameId("main".into())
}

pub(crate) fn document(id: &str) -> Event {
    let url = "http://shop.example/".to_owned();
    Event::Navigated { frame: main_frame(), document: DocumentId(id.into()), url }
}

pub(crate) fn loaded(id: &str) -> Event {
    Event::Loaded { frame: main_frame(), document: DocumentId(id.into()) }
}

pub(crate) fn request(id: &str) -> Request {
    Request {
        id: RequestId(id.into()),
        frame: Some(main_frame()),
        at: 0.0,
        method: "GET".to_owned(),
        url: "http://shop.example/".to_owned(),
        headers: Vec::new(),
        body: None,
        kind: "document".to_owned(),
        initiator: String::new(),
        navigation: true,
        redirect: None,
    }
}

pub(crate) fn response(id: &str, status: u16) -> Event {
    Event::Response(Response {
        id: RequestId(id.into()),
        at: 1.0,
        url: "http://shop.example/".to_owned(),
        status,
        status_text: String::new(),
        headers: Vec::new(),
        protocol: "HTTP/1.1".to_owned(),
        mime_type: "text/html".to_owned(),
        from_cache: false,
        peer: None,
        timing: Timing::default(),
    })
}

/// Opens a tab whose events the test sends.
pub(crate) fn tab(answered: &Arc<Mutex<Vec<bool>>>) -> (NewTab, Events) {
    let (events, received) = mpsc::unbounded_channel();
    let tab = FakeTab { navigates: Box::new(|_| {}), events: events.clone(), answered: Arc::clone(answered) };
    (NewTab { tab: Arc::new(tab), events: received }, events)
}

/// Makes a page whose tab, told to go somewhere, does this.
pub(crate) fn page(navigates: impl Fn(&Events) + Send + Sync + 'static) -> Page {
    page_in(FakeContext { hangs: false }, navigates)
}

/// Makes a page of a browser that does not answer any more.
pub(crate) fn page_of_a_browser_that_hangs(navigates: impl Fn(&Events) + Send + Sync + 'static) -> Page {
    page_in(FakeContext { hangs: true }, navigates)
}

fn page_in(context: FakeContext, navigates: impl Fn(&Events) + Send + Sync + 'static) -> Page {
    let (events, received) = mpsc::unbounded_channel();
    let tab = Arc::new(FakeTab { navigates: Box::new(navigates), events, answered: Arc::default() });
    let (tab, watch) = Watch::new(NewTab { tab, events: received }, Dialogs::default());
    let inner = Inner {
        run: None,
        redactor: Redactor::default(),
        context: Arc::new(context),
        main: tab.main_frame(),
        tab,
        watch,
        health: None,
        base: None,
        rules: Rules::default(),
        collector: Arc::new(Collector::new(Evidence::default(), "Fake 1".to_owned(), Arc::default())),
        downloads: false,
    };
    Page { inner: Arc::new(inner), patience: Duration::from_secs(5), navigation_patience: Duration::from_secs(30) }
}

fn refused<T>() -> Result<T> {
    Err(EngineError::Refused { method: "a command".to_owned(), message: "the tab is no real one".to_owned() })
}

#[async_trait]
impl Tab for FakeTab {
    fn main_frame(&self) -> FrameId {
        main_frame()
    }

    async fn navigate(&self, _: &str) -> Result<Navigation> {
        (self.navigates)(&self.events);
        Ok(Navigation::Document(DocumentId("one".into())))
    }

    async fn reload(&self) -> Result<()> {
        refused()
    }

    async fn history(&self, _: i32) -> Result<bool> {
        refused()
    }

    async fn call(&self, _: &FrameId, _: World, _: &str, _: &[Value]) -> Result<Value> {
        refused()
    }

    async fn element(&self, _: &FrameId, _: &str, _: &[Value]) -> Result<Option<Handle>> {
        refused()
    }

    async fn frame_of(&self, _: &Handle) -> Result<Option<FrameId>> {
        refused()
    }

    async fn set_files(&self, _: &Handle, _: &[PathBuf]) -> Result<()> {
        refused()
    }

    async fn mouse(&self, _: &[MouseAction]) -> Result<()> {
        refused()
    }

    async fn keys(&self, _: &[KeyAction]) -> Result<()> {
        refused()
    }

    async fn insert_text(&self, _: &str) -> Result<()> {
        refused()
    }

    async fn screenshot(&self, _: &Shot) -> Result<Bytes> {
        refused()
    }

    fn mark(&self, taken: oneshot::Sender<()>) {
        let _ = self.events.send(Event::Mark(taken));
    }

    async fn answer_dialog(&self, accept: bool, _: Option<&str>) -> Result<()> {
        self.answered.lock().unwrap().push(accept);
        Ok(())
    }

    async fn add_script(&self, _: &str) -> Result<()> {
        refused()
    }

    async fn set_viewport(&self, _: u32, _: u32, _: f64) -> Result<()> {
        refused()
    }

    async fn set_extra_headers(&self, _: &[(String, String)]) -> Result<()> {
        refused()
    }

    async fn hold_requests(&self, _: bool) -> Result<()> {
        refused()
    }

    async fn decide(&self, _: &str, _: Decision) -> Result<()> {
        refused()
    }

    async fn body(&self, _: &RequestId) -> Result<Option<Bytes>> {
        refused()
    }

    async fn raw(&self, _: &str, _: Value) -> Result<Value> {
        refused()
    }

    async fn close(&self) -> Result<()> {
        refused()
    }
}

#[derive(Debug)]
struct FakeContext {
    /// It answers nothing.
    hangs: bool,
}

#[async_trait]
impl Context for FakeContext {
    async fn tab(&self) -> Result<NewTab> {
        refused()
    }

    async fn cookies(&self) -> Result<Vec<Cookie>> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok(Vec::new())
    }

    async fn set_cookies(&self, _: &[Cookie]) -> Result<()> {
        refused()
    }

    async fn dispose(&self) -> Result<()> {
        Ok(())
    }
}
