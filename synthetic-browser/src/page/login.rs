//! [`Login`]: a login that is kept, for pages to start with.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use synthetic_core::{Result, Secret};

use crate::engine::{Cookie, World};
use crate::page::Page;
use crate::page::action::Action;
use crate::page::ask::Trouble;

/// What is at least so long is kept out of reports; shorter ones, such as `true`, are in every text.
const SECRET_LENGTH: usize = 16;
/// The most values that are kept out of reports.
const MOST_SECRETS: usize = 100;

/// A login that is kept: the cookies of a page's context, and the `localStorage` of its origins. A page is
/// [opened with](crate::Opening::login) it as one that has logged in.
///
/// It can be serialised, and is then as secret as a password. Printed, it shows no value.
///
/// # Examples
///
/// ```no_run
/// # use synthetic_core::prelude::*;
/// # use synthetic_browser::{Browser, Login};
/// # async fn orders(run: Run, browser: Browser, login: Login) -> Result {
/// let page = browser.page(&run).login(&login).await?;
/// page.goto("https://shop.example/orders").await
/// # }
/// ```
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Login {
    cookies: Vec<SavedCookie>,
    /// By origin: `https://shop.example`.
    storage: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct SavedCookie {
    name: String,
    value: String,
    domain: String,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<f64>,
    #[serde(default)]
    http_only: bool,
    #[serde(default)]
    secure: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    same_site: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: usize = self.storage.values().map(BTreeMap::len).sum();
        write!(f, "Login({} cookies, {items} items of storage)", self.cookies.len())
    }
}

#[derive(Deserialize)]
struct Stored {
    origin: String,
    items: BTreeMap<String, String>,
}

/// # Logins
impl Page {
    /// Keeps the login: the cookies of the page's context, and the `localStorage` of the origins that the page and its frames
    /// have now.
    ///
    /// # Errors
    ///
    /// What stands in the way of any action.
    #[track_caller]
    pub fn save_login(&self) -> Action<Login> {
        let (page, place) = (self.clone(), Location::caller());
        Action::new(async move {
            let limit = page.limit(page.patience());
            let saved: Result<Login, Trouble> = async {
                let cookies = page.ask(&limit, page.context().cookies()).await?;
                let mut storage = BTreeMap::new();
                let frames: Vec<_> = page.watch().read(|tally| tally.frames.keys().cloned().collect());
                for frame in frames {
                    let stored =
                        page.ask(&limit, page.tab().call(&frame, World::Ours, "() => canary.stored()", &[])).await;
                    // A frame may go away meanwhile, or have no storage; the page itself is to answer.
                    let stored = match stored {
                        Err(trouble) if frame == *page.main() => return Err(trouble),
                        stored => stored,
                    };
                    if let Some(stored) = stored.ok().and_then(|value| serde_json::from_value::<Stored>(value).ok())
                        && !stored.items.is_empty()
                    {
                        storage.insert(stored.origin, stored.items);
                    }
                }
                Ok(Login { cookies: cookies.into_iter().map(Into::into).collect(), storage })
            }
            .await;
            match saved {
                Ok(login) => {
                    page.keep_login_secret(&login, place)?;
                    Ok(login)
                }
                Err(trouble) => Err(page.raise(page.troubled("save the login", trouble, &limit).await, place)),
            }
        })
    }

    /// Makes the context one that has logged in, before its first document.
    pub(crate) async fn restore(&self, login: &Login, place: &'static Location<'static>) -> Result {
        self.keep_login_secret(login, place)?;
        let limit = self.limit(self.patience());
        let cookies: Vec<Cookie> = login.cookies.iter().cloned().map(Into::into).collect();
        let restored = async {
            if !cookies.is_empty() {
                self.ask(&limit, self.context().set_cookies(&cookies)).await?;
            }
            if !login.storage.is_empty() {
                let saved = serde_json::to_string(&login.storage).unwrap_or_default();
                // Once in a tab and an origin: who logs out stays out.
                let script = format!(
                    "(saved => {{ try {{ const items = saved[location.origin]; \
                     if (!items || sessionStorage.getItem('canary-login')) return; \
                     sessionStorage.setItem('canary-login', '1'); \
                     for (const name in items) localStorage.setItem(name, items[name]); }} catch {{}} }})({saved})"
                );
                self.ask(&limit, self.tab().add_script(&script)).await?;
            }
            Ok(())
        };
        match restored.await {
            Ok(()) => Ok(()),
            Err(trouble) => Err(self.raise(self.troubled("restore the login", trouble, &limit).await, place)),
        }
    }

    fn keep_login_secret(&self, login: &Login, place: &'static Location<'static>) -> Result {
        let cookies = login.cookies.iter().map(|cookie| (format!("cookie {}", cookie.name), &cookie.value));
        let items = login.storage.values().flatten().map(|(name, value)| (format!("storage {name}"), value));
        let items = items.flat_map(|(name, value)| {
            let leaves = serde_json::from_str(value).map_or_else(|_| Vec::new(), |value| leaves(&value));
            leaves.into_iter().chain([value.clone()]).map(move |value| (name.clone(), value))
        });
        let cookies = cookies.map(|(name, value)| (name, value.clone()));
        let long = |value: &str| (SECRET_LENGTH..=synthetic_core::secret::MAX_SECRET_BYTES).contains(&value.len());
        for (name, value) in cookies.chain(items).filter(|(_, value)| long(value)).take(MOST_SECRETS) {
            self.keep_secret(&Secret::new(name, value), place)?;
        }
        Ok(())
    }
}

/// Returns the texts in a JSON value: a token is seldom stored alone.
fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(members) => members.values().flat_map(leaves).collect(),
        _ => Vec::new(),
    }
}

impl From<Cookie> for SavedCookie {
    fn from(cookie: Cookie) -> Self {
        let Cookie { name, value, domain, path, expires, http_only, secure, same_site } = cookie;
        Self { name, value, domain, path, expires, http_only, secure, same_site }
    }
}

impl From<SavedCookie> for Cookie {
    fn from(cookie: SavedCookie) -> Self {
        let SavedCookie { name, value, domain, path, expires, http_only, secure, same_site } = cookie;
        Self { name, value, domain, path, expires, http_only, secure, same_site }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_shows_no_value_and_survives_being_kept() {
        let text = r#"{"cookies":[{"name":"session","value":"s3cr3t","domain":"shop.example","path":"/"}],
            "storage":{"https://shop.example":{"token":"t0k3n"}}}"#;
        let login: Login = serde_json::from_str(text).unwrap();
        assert_eq!(format!("{login:?}"), "Login(1 cookies, 1 items of storage)");
        let kept = serde_json::to_string(&login).unwrap();
        assert!(kept.contains("s3cr3t") && kept.contains("t0k3n"));
    }
}
