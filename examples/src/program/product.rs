//! [`Product`]: the browser that a program is told to use.

use std::str::FromStr;

use synthetic_browser::Browser;

/// The browser that a program is told to use with `--browser`.
///
/// # Examples
///
/// ```
/// use synthetic_examples::program::Product;
///
/// assert_eq!("firefox".parse(), Ok(Product::Firefox));
/// assert_eq!("netscape".parse::<Product>(), Err("takes chromium or firefox, not `netscape`".to_owned()));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Product {
    /// Chromium, or Chrome.
    #[default]
    Chromium,
    /// Firefox.
    Firefox,
}

impl Product {
    /// Returns the browser, which is not launched before it is used.
    #[must_use]
    pub fn browser(self) -> Browser {
        match self {
            Self::Chromium => Browser::chromium(),
            Self::Firefox => Browser::firefox(),
        }
    }
}

impl FromStr for Product {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "chromium" => Ok(Self::Chromium),
            "firefox" => Ok(Self::Firefox),
            other => Err(format!("takes chromium or firefox, not `{other}`")),
        }
    }
}
