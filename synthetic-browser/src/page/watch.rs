//! What happens in a tab, kept: [`Watch`] takes the events in as they come, [`Tally`] is what they come to.

mod bound;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::engine::{
    ConsoleMessage, Decision, DocumentId, Event, FrameId, NewTab, Request, RequestId, Response, Tab, Timing,
};
use crate::page::dialog::{Dialog, Dialogs};

/// The most requests that are kept of a page.
const MOST_REQUESTS: usize = 2_000;
/// The most console messages, and the most uncaught errors: the last ones.
const MOST_MESSAGES: usize = 500;
/// The most downloads and dialogs that wait to be asked for.
const MOST_WAITING: usize = 16;

/// Says what becomes of each request while they are held.
pub(crate) type Decide = Box<dyn FnMut(&Request) -> Decision + Send>;

/// Takes in what happens in a tab, from when it is opened until it is dropped, and does at once what cannot wait: answers
/// dialogs, decides about requests that are held.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    tally: Mutex<Tally>,
    changed: watch::Sender<()>,
    decide: Mutex<Option<Decide>>,
}

/// What happened in a tab so far. Everything in it is bounded, and counts what was left out; of popups there are as many as the
/// browser has tabs of the page.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) main: FrameId,
    pub(crate) frames: HashMap<FrameId, Frame>,
    /// Oldest first. A redirect is one that is done, followed by one with the same id.
    pub(crate) requests: Vec<Exchange>,
    pub(crate) requests_left_out: u64,
    left: bound::Left,
    pub(crate) console: Vec<ConsoleMessage>,
    pub(crate) console_left_out: u64,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) exceptions_left_out: u64,
    /// How many uncaught errors there were before the document that the main frame has.
    pub(crate) exceptions_before: usize,
    /// What becomes of dialogs.
    pub(crate) dialogs: Dialogs,
    /// Dialogs that nobody expected, until a failure tells of them.
    pub(crate) unexpected: VecDeque<Dialog>,
    /// Dialogs that were answered as the author wants, until they are asked for.
    pub(crate) answered: VecDeque<Dialog>,
    pub(crate) popups: VecDeque<Popup>,
    /// Those that became pages of their own.
    pub(crate) taken: Vec<Arc<Watch>>,
    pub(crate) downloads: VecDeque<DownloadEntry>,
    /// The step in which something was asked of the page last: that of the requests to come.
    pub(crate) step: Option<Arc<Step>>,
    pub(crate) end: Option<End>,
}

/// A step of the run, by its place in the report and its path of names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) place: usize,
    pub(crate) path: Vec<String>,
}

/// A frame and the document it has.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) document: Option<DocumentId>,
    pub(crate) url: String,
    pub(crate) dom_loaded: bool,
    pub(crate) loaded: bool,
    /// How many documents it has had.
    pub(crate) documents: u64,
    /// How often its URL has changed without a new document.
    pub(crate) within: u64,
}

/// A request and what became of it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) response: Option<Response>,
    /// `None` as long as it is open.
    pub(crate) end: Option<ExchangeEnd>,
    pub(crate) step: Option<Arc<Step>>,
}

impl Exchange {
    /// Returns whether it is the icon of the site, which the browser asks for by itself and no page waits for.
    pub(crate) fn is_icon(&self) -> bool {
        let path = self.request.url.split(['?', '#']).next().unwrap_or_default();
        self.request.kind != "document" && path.ends_with("/favicon.ico")
    }
}

#[derive(Debug)]
pub(crate) enum ExchangeEnd {
    Finished { at: f64, transferred: u64, timing: Timing },
    Redirected,
    Failed { at: f64, error: String, cancelled: bool },
}

/// What a script threw and nobody caught.
#[derive(Debug, Clone)]
pub(crate) struct Exception {
    pub(crate) text: String,
    pub(crate) url: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) stack: String,
}

/// Dialogs that nobody saw.
#[derive(Debug)]
pub(crate) struct Unexpected {
    pub(crate) here: VecDeque<Dialog>,
    pub(crate) in_popups: Vec<Dialog>,
}

/// A tab that the page opened.
#[derive(Debug)]
pub(crate) struct Popup {
    pub(crate) tab: Arc<dyn Tab>,
    pub(crate) watch: Arc<Watch>,
}

#[derive(Debug)]
pub(crate) struct DownloadEntry {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) name: String,
    /// `None` while it goes on; then where the file is, if there is one.
    pub(crate) end: Option<Option<PathBuf>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Crashed,
    Closed,
}

/// What an event asks to be done at once.
enum Reaction {
    Answer { accept: bool, text: Option<String> },
    Decide { held: String, request: Box<Request> },
}

impl Watch {
    /// Begins to watch a new tab. Must be called within a tokio runtime.
    pub(crate) fn new(tab: NewTab, dialogs: Dialogs) -> (Arc<dyn Tab>, Arc<Self>) {
        let NewTab { tab, mut events } = tab;
        let shared = Arc::new(Shared {
            tally: Mutex::new(Tally::new(tab.main_frame(), dialogs)),
            changed: watch::Sender::new(()),
            decide: Mutex::default(),
        });
        let (inside, of) = (Arc::clone(&shared), Arc::clone(&tab));
        let task = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let reaction = inside.tally().take_in(event);
                if let Some(reaction) = reaction {
                    inside.react(reaction, &of);
                }
                inside.changed.send_replace(());
            }
            inside.tally().end.get_or_insert(End::Closed);
            inside.changed.send_replace(());
        });
        (tab, Arc::new(Self { shared, task: task.abort_handle() }))
    }

    /// Reads what happened so far.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Tally) -> T) -> T {
        read(&self.shared.tally())
    }

    /// Changes it: takes out what was waiting, sets what becomes of dialogs.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Tally) -> T) -> T {
        change(&mut self.shared.tally())
    }

    /// Returns as soon as `find` finds something, looking again after every event.
    pub(crate) async fn until<T>(&self, mut find: impl FnMut(&mut Tally) -> Option<T> + Send) -> T {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if let Some(found) = find(&mut self.shared.tally()) {
                return found;
            }
            if changed.changed().await.is_err() {
                // Nothing more is going to happen; whoever waits has a time of its own.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Takes out the dialogs that nobody expected and nothing told of: those of the tab, and those of all that it opened.
    pub(crate) fn take_unexpected(&self) -> Unexpected {
        let (here, opened) = self.change(|tally| {
            let opened = tally.popups.iter().map(|popup| &popup.watch).chain(&tally.taken).map(Arc::clone);
            let opened: Vec<Arc<Self>> = opened.collect();
            (std::mem::take(&mut tally.unexpected), opened)
        });
        let beneath = opened.iter().map(|watch| watch.take_unexpected());
        Unexpected {
            here,
            in_popups: beneath.flat_map(|taken| taken.here.into_iter().chain(taken.in_popups)).collect(),
        }
    }

    /// Sets what becomes of requests that are held; without it they go on.
    pub(crate) fn decide(&self, decide: Option<Decide>) {
        *self.shared.decide.lock().unwrap_or_else(PoisonError::into_inner) = decide;
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read(|tally| write!(f, "Watch({} requests)", tally.requests.len()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what an event asks for, beside the events to come: the browser may take its time.
    fn react(&self, reaction: Reaction, tab: &Arc<dyn Tab>) {
        let tab = Arc::clone(tab);
        match reaction {
            Reaction::Answer { accept, text } => {
                tokio::spawn(async move { tab.answer_dialog(accept, text.as_deref()).await });
            }
            Reaction::Decide { held, request } => {
                let mut decide = self.decide.lock().unwrap_or_else(PoisonError::into_inner);
                let decision = decide.as_mut().map_or(Decision::Continue, |decide| decide(&request));
                tokio::spawn(async move { tab.decide(&held, decision).await });
            }
        }
    }
}

impl Tally {
    fn new(main: FrameId, dialogs: Dialogs) -> Self {
        Self {
            frames: HashMap::from([(main.clone(), Frame::default())]),
            main,
            requests: Vec::new(),
            requests_left_out: 0,
            left: bound::Left::default(),
            console: Vec::new(),
            console_left_out: 0,
            exceptions: Vec::new(),
            exceptions_left_out: 0,
            exceptions_before: 0,
            dialogs,
            unexpected: VecDeque::new(),
            answered: VecDeque::new(),
            popups: VecDeque::new(),
            taken: Vec::new(),
            downloads: VecDeque::new(),
            step: None,
            end: None,
        }
    }

    /// Returns the frame that fills the tab.
    pub(crate) fn main_frame(&self) -> &Frame {
        static NONE: std::sync::LazyLock<Frame> = std::sync::LazyLock::new(Frame::default);
        self.frames.get(&self.main).unwrap_or(&NONE)
    }

    /// Returns the requests that have neither come to an end nor failed, oldest first.
    pub(crate) fn open_requests(&self) -> impl Iterator<Item = &Exchange> {
        self.requests.iter().filter(|exchange| exchange.end.is_none())
    }

    /// Returns the uncaught errors since the main frame has its document.
    pub(crate) fn recent_exceptions(&self) -> &[Exception] {
        self.exceptions.get(self.exceptions_before..).unwrap_or_default()
    }

    fn take_in(&mut self, event: Event) -> Option<Reaction> {
        match event {
            Event::Navigated { frame, document, url } => {
                if frame == self.main {
                    self.exceptions_before = self.exceptions.len();
                }
                let url = self.url_of(&frame, url);
                let frame = self.frames.entry(frame).or_default();
                let (documents, within) = (frame.documents + 1, frame.within);
                *frame = Frame { document: Some(document), url, dom_loaded: false, loaded: false, documents, within };
            }
            Event::NavigatedWithin { frame, url } => {
                let url = self.url_of(&frame, url);
                let frame = self.frames.entry(frame).or_default();
                frame.url = url;
                frame.within += 1;
            }
            Event::DomLoaded { frame, document } => self.of(&frame, &document, |frame| frame.dom_loaded = true),
            Event::Loaded { frame, document } => self.of(&frame, &document, |frame| {
                frame.dom_loaded = true;
                frame.loaded = true;
            }),
            Event::FrameRemoved { frame } => {
                self.frames.remove(&frame);
            }
            Event::Request(request) => self.requested(request),
            Event::Response(mut response) => {
                self.left.response(&mut response);
                if let Some(exchange) = self.open(&response.id) {
                    exchange.response = Some(response);
                }
            }
            Event::Finished { id, at, transferred, timing } => {
                self.ended(&id, ExchangeEnd::Finished { at, transferred, timing });
            }
            Event::Failed { id, at, mut error, cancelled } => {
                bound::shorten(&mut error, bound::LONGEST_MESSAGE);
                self.ended(&id, ExchangeEnd::Failed { at, error, cancelled });
            }
            Event::Held { held, request } => return Some(Reaction::Decide { held, request: Box::new(request) }),
            Event::Console(mut message) => {
                bound::message(&mut message);
                keep_last(&mut self.console, &mut self.console_left_out, message);
            }
            Event::Exception { text, url, line, column, stack } => {
                let mut exception = Exception { text, url, line, column, stack };
                bound::exception(&mut exception);
                if keep_last(&mut self.exceptions, &mut self.exceptions_left_out, exception) {
                    self.exceptions_before = self.exceptions_before.saturating_sub(1);
                }
            }
            Event::DialogOpened { kind, message, default } => {
                return Some(self.dialog(Dialog { kind, message, default }));
            }
            Event::DialogClosed => {}
            Event::Popup(tab) => {
                let (tab, watch) = Watch::new(tab, self.dialogs.clone());
                // None is dropped: there would be nobody to answer its dialogs.
                self.popups.push_back(Popup { tab, watch });
            }
            Event::DownloadBegan { id, url, name } => {
                let mut download = DownloadEntry { id, url, name, end: None };
                bound::download(&mut download);
                push(&mut self.downloads, download);
            }
            Event::DownloadEnded { id, path } => {
                if let Some(download) = self.downloads.iter_mut().find(|download| download.id == id) {
                    download.end = Some(path);
                }
            }
            Event::Mark(taken) => {
                // Whoever waited may have given up.
                let _ = taken.send(());
            }
            Event::Crashed => self.end = Some(End::Crashed),
            Event::Closed => {
                self.end.get_or_insert(End::Closed);
            }
        }
        None
    }

    fn of(&mut self, frame: &FrameId, document: &DocumentId, change: impl FnOnce(&mut Frame)) {
        let known = self.frames.get_mut(frame);
        if let Some(frame) = known.filter(|frame| frame.document.as_ref() == Some(document)) {
            change(frame);
        }
    }

    /// Returns the URL of a frame as it is kept: that of the page is told to its users, and is whole; of others there may be many.
    fn url_of(&self, frame: &FrameId, mut url: String) -> String {
        if *frame != self.main {
            bound::shorten(&mut url, bound::LONGEST_URL);
        }
        url
    }

    fn requested(&mut self, mut request: Request) {
        if let Some(mut answer) = request.redirect.take() {
            self.left.response(&mut answer);
            if let Some(exchange) = self.open(&request.id) {
                exchange.response = Some(*answer);
                exchange.end = Some(ExchangeEnd::Redirected);
            }
        }
        self.left.request(&mut request);
        let exchange = Exchange { request, response: None, end: None, step: self.step.clone() };
        // What a navigation is answered has to be known, however many requests there were before.
        let most = if exchange.request.navigation { 2 * MOST_REQUESTS } else { MOST_REQUESTS };
        keep(&mut self.requests, &mut self.requests_left_out, most, exchange);
    }

    fn open(&mut self, id: &RequestId) -> Option<&mut Exchange> {
        self.requests.iter_mut().rfind(|exchange| exchange.request.id == *id && exchange.end.is_none())
    }

    fn ended(&mut self, id: &RequestId, end: ExchangeEnd) {
        if let Some(exchange) = self.open(id) {
            exchange.end = Some(end);
        }
    }

    fn dialog(&mut self, mut dialog: Dialog) -> Reaction {
        bound::dialog(&mut dialog);
        let (accept, text) = self.dialogs.answer();
        let list = if self.dialogs == Dialogs::Fail { &mut self.unexpected } else { &mut self.answered };
        push(list, dialog);
        Reaction::Answer { accept, text }
    }
}

fn keep<T>(list: &mut Vec<T>, left_out: &mut u64, most: usize, item: T) {
    if list.len() < most {
        list.push(item);
    } else {
        *left_out += 1;
    }
}

/// Adds to the last messages, and returns whether the oldest went.
fn keep_last<T>(list: &mut Vec<T>, left_out: &mut u64, item: T) -> bool {
    let is_full = list.len() >= MOST_MESSAGES;
    if is_full {
        list.remove(0);
        *left_out += 1;
    }
    list.push(item);
    is_full
}

/// Adds to what waits to be asked for; what nobody has asked for longest goes.
fn push<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() == MOST_WAITING {
        list.pop_front();
    }
    list.push_back(item);
}

#[cfg(test)]
mod tests;
