//! What a browser can be asked, whatever protocol it speaks. Only what is beneath this module knows a protocol: `cdp` is
//! Chromium's DevTools protocol, `bidi` is WebDriver BiDi as Firefox speaks it.
//!
//! Nothing here waits for a page, retries, or knows a run: commands go out, events come in.

pub(crate) mod bidi;
pub(crate) mod cdp;
#[cfg(test)]
mod contract;
mod message;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use synthetic_core::Secret;
use tokio::sync::{mpsc, oneshot};
use url::{Origin, Url};

/// The target of the trace events that tell of each message to and from a browser, with its size.
pub(crate) const PROTOCOL: &str = "synthetic_browser::protocol";

/// The script library that every document has in a world of its own, which the page's scripts cannot see: `canary` there.
pub(crate) const LIBRARY: &str = concat!(
    "globalThis.canary = (() => {\n'use strict';\n",
    include_str!("script/dom.js"),
    include_str!("script/aria.js"),
    include_str!("script/find.js"),
    include_str!("script/mask.js"),
    include_str!("script/snapshot.js"),
    include_str!("script/vitals.js"),
    include_str!("script/mouse.js"),
    include_str!("script/wait.js"),
    "})();\n"
);

/// A running browser.
#[async_trait]
pub(crate) trait Engine: Send + Sync + fmt::Debug {
    /// Returns its name and version: `Chromium 156.0.8078.79`.
    fn version(&self) -> &str;

    /// Opens a context that shares nothing with any other: cookies, storage, cache.
    async fn context(&self, options: &ContextOptions) -> Result<Arc<dyn Context>>;

    /// Returns once the browser is gone, with why: it crashed, was killed, closed the connection.
    async fn gone(&self) -> String;

    /// Asks the browser to close. Whoever launched it kills what does not.
    async fn close(&self);
}

/// An isolated context: what a run is given.
#[async_trait]
pub(crate) trait Context: Send + Sync + fmt::Debug {
    /// Opens a tab, with [`LIBRARY`] in every document that it is going to have.
    async fn tab(&self) -> Result<NewTab>;

    async fn cookies(&self) -> Result<Vec<Cookie>>;

    async fn set_cookies(&self, cookies: &[Cookie]) -> Result<()>;

    /// Closes all its tabs, and forgets what it knew.
    async fn dispose(&self) -> Result<()>;
}

/// A tab, and what happens in it from now on. Events come in the order in which the browser sent them.
#[derive(Debug)]
pub(crate) struct NewTab {
    pub(crate) tab: Arc<dyn Tab>,
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
}

/// One tab, with its frames.
///
/// No command has a time limit: who asks drops the future when the time is up. A dropped future leaves nothing behind.
#[async_trait]
pub(crate) trait Tab: Send + Sync + fmt::Debug {
    fn main_frame(&self) -> FrameId;

    /// Starts to go to a URL, and returns as soon as the browser has the head of the answer, or knows that there is none.
    async fn navigate(&self, url: &str) -> Result<Navigation>;

    async fn reload(&self) -> Result<()>;

    /// Goes back (-1) or forth (1) in the history. Returns whether there was anywhere to go.
    async fn history(&self, delta: i32) -> Result<bool>;

    /// Calls a function (`(a, b) => …`, may be async) with JSON values, and returns its JSON value. `undefined` is null.
    async fn call(&self, frame: &FrameId, world: World, function: &str, arguments: &[Value]) -> Result<Value>;

    /// Calls a function, in our world, that returns an element. `None` when it returned null.
    async fn element(&self, frame: &FrameId, function: &str, arguments: &[Value]) -> Result<Option<Handle>>;

    /// Returns the frame whose element (`iframe`, `frame`) this is. `None` when it is no frame.
    async fn frame_of(&self, element: &Handle) -> Result<Option<FrameId>>;

    /// Gives files to an `input` of type file.
    async fn set_files(&self, element: &Handle, paths: &[PathBuf]) -> Result<()>;

    /// Moves and presses the mouse; coordinates are CSS pixels from the top left of the tab's viewport.
    async fn mouse(&self, actions: &[MouseAction]) -> Result<()>;

    /// Presses keys, one after another.
    async fn keys(&self, actions: &[KeyAction]) -> Result<()>;

    /// Puts text where the focus is, in one go, as if it had been pasted: with `input` events, without key events.
    async fn insert_text(&self, text: &str) -> Result<()>;

    /// Takes a picture, as PNG.
    async fn screenshot(&self, shot: &Shot) -> Result<Bytes>;

    /// Puts a mark after the events that the browser has told so far: whoever takes in [`Event::Mark`] says so. It is dropped
    /// when nobody does.
    fn mark(&self, taken: oneshot::Sender<()>);

    /// Answers the dialog that is open.
    async fn answer_dialog(&self, accept: bool, text: Option<&str>) -> Result<()>;

    /// Runs a script in the page's own world before any script of each document to come.
    async fn add_script(&self, source: &str) -> Result<()>;

    async fn set_viewport(&self, width: u32, height: u32, scale: f64) -> Result<()>;

    async fn set_extra_headers(&self, headers: &[(String, String)]) -> Result<()>;

    /// From now on every request is held and told of by [`Event::Held`] until [`decide`](Self::decide) says what becomes of it.
    async fn hold_requests(&self, hold: bool) -> Result<()>;

    async fn decide(&self, held: &str, decision: Decision) -> Result<()>;

    /// Returns the body of an answer, decoded, while the browser still has it; `None` when it does not.
    async fn body(&self, request: &RequestId) -> Result<Option<Bytes>>;

    /// Sends a command of the protocol itself, in this tab, and returns its result.
    async fn raw(&self, method: &str, parameters: Value) -> Result<Value>;

    async fn close(&self) -> Result<()>;
}

pub(crate) type Result<T, E = EngineError> = std::result::Result<T, E>;

/// Why a command came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum EngineError {
    /// The browser is gone: it crashed, was killed, or closed the connection.
    #[error("the browser is gone: {0}")]
    Gone(String),
    /// What renders the page crashed, or was killed by the system.
    #[error("the page crashed")]
    Crashed,
    /// The document or frame that was asked is no more: it was navigated away, or removed. Asking again may do.
    #[error("the document is gone: {0}")]
    Stale(String),
    /// The script threw.
    #[error("{0}")]
    Script(String),
    /// The browser refused the command.
    #[error("{method} was refused: {message}")]
    Refused { method: String, message: String },
}

/// What a context is made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct ContextOptions {
    /// Width, height in CSS pixels, and pixels of the device to one of CSS.
    pub(crate) viewport: Option<(u32, u32, f64)>,
    /// `en-GB`.
    pub(crate) locale: Option<String>,
    /// `Europe/London`.
    pub(crate) time_zone: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    /// For HTTP basic and digest authentication. A challenge that they do not satisfy is answered once, then let through.
    pub(crate) credentials: Option<Credentials>,
    /// Where downloads go; without it they are refused. Whoever opens the context puts a folder of the browser there.
    pub(crate) downloads: Option<PathBuf>,
    /// Whether certificates that do not hold are taken all the same.
    pub(crate) accept_bad_certificates: bool,
}

/// A name and a password, for one origin and no other.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) origin: Origin,
    pub(crate) user: String,
    pub(crate) password: Secret,
}

impl Credentials {
    /// Returns whether they are for whoever asks at this URL.
    pub(crate) fn are_for(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| url.origin() == self.origin)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FrameId(pub(crate) Arc<str>);

/// What the protocol calls a request. Redirects keep it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// An element in a frame, as the protocol names it.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) frame: FrameId,
    pub(crate) id: String,
}

/// Whose variables a script sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// The page's own.
    Page,
    /// Ours: the same document, other variables, [`LIBRARY`] among them.
    Ours,
}

/// What became of a navigation.
#[derive(Debug, Clone)]
pub(crate) enum Navigation {
    /// There is an answer: the document that [`Event::Navigated`], [`Event::DomLoaded`] and [`Event::Loaded`] name.
    Document(#[cfg_attr(not(test), expect(dead_code, reason = "the contract of engines looks at it"))] DocumentId),
    /// Only the fragment changed.
    Within,
    /// It became a download, or the answer was 204.
    Nothing,
    /// There was no answer: the browser's own word for it, such as `net::ERR_NAME_NOT_RESOLVED` or `NS_ERROR_UNKNOWN_HOST`.
    Failed(String),
}

/// What the protocol calls a document: a loader, a navigation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DocumentId(pub(crate) Arc<str>);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum MouseAction {
    Move {
        x: f64,
        y: f64,
    },
    /// `count` is 2 for the second press of a double click.
    Down {
        button: Button,
        count: u32,
    },
    Up {
        button: Button,
        count: u32,
    },
    Wheel {
        dx: f64,
        dy: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Button {
    Left,
    Middle,
    Right,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyAction {
    /// A key by its name in the UI Events standard: `Enter`, `Tab`, `a`, `Control`.
    Down(String),
    Up(String),
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Shot {
    /// All of the page instead of what is in the viewport.
    pub(crate) full_page: bool,
    /// A part, in CSS pixels from the top left of the viewport, or of the page with `full_page`.
    pub(crate) clip: Option<Rect>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Deserialize)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// What becomes of a request that is held.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    Continue,
    Abort,
    Answer { status: u16, headers: Vec<(String, String)>, body: Bytes },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) domain: String,
    pub(crate) path: String,
    /// Seconds since 1970; `None` for one of the session.
    pub(crate) expires: Option<f64>,
    pub(crate) http_only: bool,
    pub(crate) secure: bool,
    /// `Strict`, `Lax` or `None`.
    pub(crate) same_site: Option<String>,
}

/// What happened in a tab. Times are milliseconds since 1970.
#[derive(Debug)]
pub(crate) enum Event {
    /// A frame has a new document.
    Navigated {
        frame: FrameId,
        document: DocumentId,
        url: String,
    },
    /// A frame's URL changed without a new document.
    NavigatedWithin {
        frame: FrameId,
        url: String,
    },
    DomLoaded {
        frame: FrameId,
        document: DocumentId,
    },
    Loaded {
        frame: FrameId,
        document: DocumentId,
    },
    FrameRemoved {
        frame: FrameId,
    },
    Request(Request),
    Response(Response),
    /// A request is done.
    Finished {
        id: RequestId,
        at: f64,
        transferred: u64,
        timing: Timing,
    },
    /// A request came to nothing, with the browser's own word for why.
    Failed {
        id: RequestId,
        at: f64,
        error: String,
        cancelled: bool,
    },
    /// A request waits for a decision. A navigation of a popup or a frame may be held too.
    Held {
        held: String,
        request: Request,
    },
    Console(ConsoleMessage),
    /// A script threw, and nobody caught it.
    Exception {
        text: String,
        url: String,
        line: u32,
        column: u32,
        stack: String,
    },
    /// `alert`, `confirm`, `prompt` or `beforeunload`. The page stands still until it is answered.
    DialogOpened {
        kind: String,
        message: String,
        default: String,
    },
    DialogClosed,
    /// The page opened a tab.
    Popup(NewTab),
    DownloadBegan {
        id: String,
        url: String,
        name: String,
    },
    /// The file is at `path`, or there is none.
    DownloadEnded {
        id: String,
        path: Option<PathBuf>,
    },
    /// What renders the page is gone. Nothing else comes, but [`Closed`](Self::Closed).
    Crashed,
    Closed,
    /// Nothing happened: somebody wants to know when all before was taken in, see [`Tab::mark`].
    Mark(oneshot::Sender<()>),
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) id: RequestId,
    pub(crate) frame: Option<FrameId>,
    pub(crate) at: f64,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Bytes>,
    /// `document`, `script`, `stylesheet`, `image`, `fetch`, … in lower case.
    pub(crate) kind: String,
    /// What asked for it: `parser`, `script https://shop.example/app.js:12`, or empty.
    pub(crate) initiator: String,
    /// Whether it navigates a frame.
    pub(crate) navigation: bool,
    /// The answer that redirected here.
    pub(crate) redirect: Option<Box<Response>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) id: RequestId,
    pub(crate) at: f64,
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) status_text: String,
    pub(crate) headers: Vec<(String, String)>,
    /// `HTTP/1.1`, `HTTP/2`.
    pub(crate) protocol: String,
    pub(crate) mime_type: String,
    /// Whether it came from a cache, or from a worker.
    pub(crate) from_cache: bool,
    /// `127.0.0.1:443`.
    pub(crate) peer: Option<String>,
    pub(crate) timing: Timing,
}

/// The parts of a request, in milliseconds. `None` for what was not done, or is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Timing {
    pub(crate) resolve: Option<f64>,
    pub(crate) connect: Option<f64>,
    pub(crate) tls: Option<f64>,
    /// From the connection being ready to the first byte of the answer.
    pub(crate) processing: Option<f64>,
}

#[derive(Debug, Clone)]
pub(crate) struct ConsoleMessage {
    pub(crate) at: f64,
    /// `error`, `warning`, `info`, `log`, `debug`.
    pub(crate) level: String,
    pub(crate) text: String,
    pub(crate) url: String,
    pub(crate) line: u32,
}
