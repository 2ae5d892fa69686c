//! [`CookieJar`]: the cookies of one user, who is there for as long as a run.

use std::sync::{Mutex, PoisonError};

use cookie_store::{CookieStore, RawCookie};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

use crate::header::text;
use crate::wire::Jar;

/// Keeps what answers set and gives it to whom it is for (RFC 6265). Nothing is made until a cookie is set.
#[derive(Debug, Default)]
pub(crate) struct CookieJar(Mutex<Option<CookieStore>>);

impl Jar for CookieJar {
    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cookies = String::new();
        for (name, value) in store.as_ref()?.get_request_values(url) {
            cookies.extend([if cookies.is_empty() { "" } else { "; " }, name, "=", value]);
        }
        HeaderValue::from_bytes(cookies.as_bytes()).ok().filter(|cookies| !cookies.is_empty())
    }

    fn keep(&self, url: &Url, headers: &HeaderMap) {
        if !headers.contains_key(SET_COOKIE) {
            return;
        }
        let set = headers.get_all(SET_COOKIE).iter().filter_map(text);
        let set = set.filter_map(|value| RawCookie::parse(value).ok()).map(RawCookie::into_owned);
        let mut store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        store.get_or_insert_default().store_response_cookies(set, url);
    }
}
