#![doc = include_str!("../README.md")]

mod browser;
mod engine;
mod evidence;
mod launch;
mod locator;
mod network;
mod page;
mod vitals;

pub use browser::Browser;
pub use evidence::screenshot::Screenshot;
pub use evidence::{Evidence, Keep};
pub use locator::expectation::{Expectation, Wish};
pub use locator::{Frame, Locator};
pub use network::expectation::{RequestExpectation, RequestWish};
pub use network::rules::Answer;
pub use network::seen::PageRequest;
pub use page::Page;
pub use page::action::Action;
pub use page::dialog::{Dialog, Dialogs};
pub use page::download::Download;
pub use page::goto::{Goto, Until};
pub use page::login::Login;
pub use page::open::Opening;
pub use vitals::{Vital, VitalExpectation, VitalWish, Vitals};

#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../docs/browser-evidence.md")]
    struct Evidence;
}
