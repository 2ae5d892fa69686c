#![doc = include_str!("../README.md")]

mod browser;
mod engine;
mod launch;
mod locator;
mod page;

pub use browser::Browser;
pub use locator::expectation::{Expectation, Wish};
pub use locator::{Frame, Locator};
pub use page::Page;
pub use page::action::Action;
pub use page::dialog::{Dialog, Dialogs};
pub use page::download::Download;
pub use page::goto::{Goto, Until};
pub use page::login::Login;
pub use page::open::Opening;
