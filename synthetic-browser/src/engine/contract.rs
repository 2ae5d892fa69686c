//! What every engine must do, tried on a real browser.

mod contexts;
mod input;
mod page;
mod requests;
mod secure;
mod site;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use self::secure::SecureSite;
pub(crate) use self::site::Site;
use super::{Context, ContextOptions, Engine, Event, Navigation, NewTab, Tab, World};

/// How long an event may take. It is for what never comes: nothing here waits that long when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asserts what every engine must do. `crash` is to end what renders the page of a tab, without asking it.
pub(crate) async fn check_tab(engine: Arc<dyn Engine>, crash: impl AsyncFn(&dyn Tab)) {
    let site = Site::serve().await;
    page::navigations(&*engine, &site).await;
    page::calls(&*engine, &site).await;
    page::frames(&*engine, &site).await;
    input::input(&*engine, &site).await;
    input::pictures(&*engine, &site).await;
    page::scripts_that_speak(&*engine, &site).await;
    page::dialogs(&*engine, &site).await;
    requests::requests(&*engine, &site).await;
    requests::held_requests(&*engine, &site).await;
    contexts::isolation(&*engine, &site).await;
    contexts::options(&*engine, &site).await;
    requests::authentication(&*engine, &site).await;
    requests::certificates(&*engine).await;
    contexts::popups(&*engine, &site).await;
    contexts::downloads(&*engine, &site).await;
    page::crashes(&*engine, &site, crash).await;
}

/// A tab, and the events that nobody has asked for yet.
struct Watched {
    context: Arc<dyn Context>,
    tab: Arc<dyn Tab>,
    events: UnboundedReceiver<Event>,
    seen: Vec<Event>,
}

impl Watched {
    async fn open(engine: &dyn Engine) -> Self {
        Self::with(engine, &ContextOptions { viewport: Some((800, 600, 1.0)), ..ContextOptions::default() }).await
    }

    async fn with(engine: &dyn Engine, options: &ContextOptions) -> Self {
        let context = engine.context(options).await.unwrap();
        let NewTab { tab, events } = context.tab().await.unwrap();
        Self { context, tab, events, seen: Vec::new() }
    }

    /// Waits for an event, takes it out, and leaves the others for whoever asks next.
    async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let found = self.seen.iter().enumerate().find_map(|(index, event)| wanted(event).map(|value| (index, value)));
        if let Some((index, value)) = found {
            self.seen.remove(index);
            return value;
        }
        loop {
            let next = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let Ok(Some(event)) = next else { panic!("{what} did not come, but: {:#?}", self.seen) };
            if let Some(value) = wanted(&event) {
                return value;
            }
            self.seen.push(event);
        }
    }

    /// Goes to a URL, and waits until its document is loaded.
    async fn go(&mut self, url: &str) {
        let navigation = self.tab.navigate(url).await.unwrap();
        let Navigation::Document(expected) = navigation else { panic!("{url}: {navigation:?}") };
        self.until("Loaded", |event| match event {
            Event::Loaded { document, .. } => (*document == expected).then_some(()),
            _ => None,
        })
        .await;
    }

    async fn call(&self, world: World, function: &str) -> Value {
        self.tab.call(&self.tab.main_frame(), world, function, &[]).await.unwrap()
    }

    async fn page(&self, function: &str) -> Value {
        self.call(World::Page, function).await
    }

    async fn end(self) {
        self.context.dispose().await.unwrap();
    }
}
