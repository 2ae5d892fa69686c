//! [`Screenshot`]: a picture that the author asks for.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use serde_json::json;
use synthetic_core::Result;

use crate::evidence::names::{slug, unique};
use crate::evidence::picture::Part;
use crate::locator::Locator;
use crate::page::Page;

/// Takes a picture, as PNG, and attaches it to the run under its name. Await it.
///
/// What was filled in with [`fill_secret`](Locator::fill_secret) is never in it: the field, and whatever else shows that text, is
/// hidden and has a magenta box, also when it moves meanwhile. A picture in which that cannot be had is not taken. It has 2
/// seconds. One that could not be taken is a warning in the report, and no failure.
///
/// # Examples
///
/// ```no_run
/// # use synthetic_core::prelude::*;
/// # use synthetic_browser::Page;
/// # async fn pictures(page: Page) -> Result {
/// page.screenshot("cart").await?;
/// page.screenshot("account").full_page().mask(page.id("balance")).await?;
/// page.id("chart").screenshot("chart").await
/// # }
/// ```
#[must_use = "a picture is taken when it is awaited"]
pub struct Screenshot {
    page: Page,
    name: String,
    part: Part,
    masks: Vec<Locator>,
}

impl Page {
    /// Takes a picture of what is in the viewport: `screenshot("cart")` is the artifact `cart.png`, a second one of that name
    /// `cart-2.png`.
    pub fn screenshot(&self, name: impl Into<String>) -> Screenshot {
        Screenshot { page: self.clone(), name: name.into(), part: Part::default(), masks: Vec::new() }
    }
}

impl Locator {
    /// Takes a picture of the element, once it is visible and at rest. It is scrolled into view.
    pub fn screenshot(&self, name: impl Into<String>) -> Screenshot {
        let part = Part::Element(Box::new(self.clone()));
        Screenshot { page: self.page.clone(), name: name.into(), part, masks: Vec::new() }
    }
}

impl Screenshot {
    /// Takes all of the page, also what is not in the viewport; at most 16,384 pixels each way.
    pub fn full_page(mut self) -> Self {
        if let Part::Viewport = self.part {
            self.part = Part::FullPage;
        }
        self
    }

    /// Masks all that a locator finds, with what is in it: a name, a balance, what is different each time. What it does not
    /// find is not masked.
    pub fn mask(mut self, region: Locator) -> Self {
        self.masks.push(region);
        self
    }

    async fn take(self) -> Result {
        let Self { page, name, part, masks } = self;
        page.enter_step().await;
        let Some(run) = page.run() else { return Ok(()) };
        let picture = async {
            if let Part::Element(locator) = &part {
                let limit = page.limit(locator.patience());
                let ready = locator.ready(&limit, &["visible", "stable"], &json!({ "do": "scroll" })).await;
                ready.map_err(|missed| {
                    page.put_back(missed);
                    format!("{locator} is not there once, visible and at rest")
                })?;
            }
            page.picture(&part, &masks).await
        };
        attach(&run, &name, picture.await);
        Ok(())
    }
}

/// Attaches a picture, or a warning that there is none.
pub(crate) fn attach(run: &synthetic_core::Run, name: &str, picture: Result<Bytes, String>) {
    match picture {
        Ok(picture) => run.attach(unique(run, &slug(name), "png"), "image/png", picture),
        Err(why) => run.warn(format!("there is no picture {:?}: {why}", slug(name))),
    }
}

impl IntoFuture for Screenshot {
    type Output = Result;
    type IntoFuture = Pin<Box<dyn Future<Output = Result> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.take())
    }
}

impl fmt::Debug for Screenshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Screenshot({:?} of {:?})", self.name, self.part)
    }
}
