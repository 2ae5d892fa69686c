//! The way that redirects take.

use synthetic_core::expect::Mismatch;
use url::{Position, Url};

use super::{Expectation, that_or};
use crate::response::Response;
use crate::wire::shown;

/// Expects the redirects that were followed, in order: of each its status, and where it leads.
///
/// Where it leads is a whole URL, or a path when it stays with its host. Without a query it leads to that path with whatever
/// query. All hops are compared: one too many fails, and so does one too few. For no redirect at all there is
/// [`redirects(0)`](crate::redirects).
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, redirect_chain};
///
/// let _home = Http::at("http://shop.example").get("/").expect(redirect_chain([
///     (301, "https://shop.example/"),
///     (302, "/en/"),
/// ]));
/// ```
pub fn redirect_chain<U: Into<String>>(hops: impl IntoIterator<Item = (u16, U)>) -> Expectation {
    let wanted: Vec<(u16, String)> = hops.into_iter().map(|(status, to)| (status, to.into())).collect();
    let defect = wanted.iter().find_map(|(status, to)| match Url::parse(to) {
        _ if !matches!(status, 301 | 302 | 303 | 307 | 308) => {
            Some(format!("{status} is no redirect that is followed: those are 301, 302, 303, 307 and 308"))
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") => None,
        Err(_) if to.starts_with('/') => None,
        _ => Some(format!("{to:?} is neither a whole URL nor a path: write https://host/path or /path")),
    });
    that_or("redirects".to_owned(), defect, move |answer: &Response| {
        let taken = taken(answer);
        let same = taken.len() == wanted.len()
            && taken
                .iter()
                .zip(&wanted)
                .all(|((status, from, to), (code, wanted))| status == code && is_at(from, to, wanted));
        if same {
            return Ok(());
        }
        let expected = wanted.iter().map(|(status, to)| format!("{status} to {}", crate::wire::shown_text(to)));
        let actual = taken.iter().map(|(status, _, to)| format!("{status} to {}", shown(to))).collect::<Vec<_>>();
        let actual = if actual.is_empty() { "no redirect".to_owned() } else { actual.join(", ") };
        Err(Mismatch::new(format!("are {}", expected.collect::<Vec<_>>().join(", ")), actual))
    })
    .of_the_head()
}

/// Returns each redirect: its status, whence and whither.
fn taken(answer: &Response) -> Vec<(u16, &Url, &Url)> {
    let exchange = &answer.exchange;
    let whither = exchange.hops.iter().skip(1).map(|hop| &hop.url).chain([&exchange.final_url]);
    exchange.hops.iter().zip(whither).map(|(hop, to)| (hop.status.as_u16(), &hop.url, to)).collect()
}

fn is_at(from: &Url, to: &Url, wanted: &str) -> bool {
    if wanted.starts_with('/') && !crate::wire::same_origin(from, to) {
        return false;
    }
    let Ok(wanted) = from.join(wanted) else { return false };
    let end = if wanted.query().is_some() { Position::AfterQuery } else { Position::AfterPath };
    crate::wire::same_origin(&wanted, to) && wanted[Position::BeforePath..end] == to[Position::BeforePath..end]
}
