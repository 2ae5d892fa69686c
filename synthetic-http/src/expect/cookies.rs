//! What an answer says of a cookie.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use cookie_store::RawCookie;
use synthetic_core::expect::{self, Matcher, Mismatch, Sense};

use super::{Expectation, No, of_part, that_or};
use crate::measure::now;
use crate::parameters::Parameter;
use crate::response::Response;

/// The attributes that RFC 6265bis knows, and CHIPS.
const KNOWN: [&str; 8] = ["Secure", "HttpOnly", "SameSite", "Path", "Domain", "Max-Age", "Expires", "Partitioned"];

/// Expects something of the value of a cookie that the answer sets: `cookie("session", exists())`.
///
/// Only the answer itself is looked at, not what was set by redirects on the way. Of a cookie that is set twice, the last
/// counts, as a browser takes it. A value that does not match may be that of a session: the failure says how long it is, and
/// does not show it.
pub fn cookie(name: impl Into<String>, matcher: impl Matcher<String> + 'static) -> Expectation {
    let name = name.into();
    let defect = matcher.defect();
    that_or(format!("cookie {name}"), defect, move |answer: &Response| {
        let wanted = |actual| Mismatch::new(expect::described(&matcher, Sense::Is), actual);
        let line = match line_of(answer, &name) {
            Ok(line) => line,
            Err(_) if matcher.matches_missing() == Some(true) => return Ok(()),
            Err(missing) => return Err(wanted(missing)),
        };
        let value = pair(line).unwrap_or_default().1.to_owned();
        expect::check(&value, &matcher).map_err(|_| {
            wanted(match value.chars().count() {
                0 => "an empty value".to_owned(),
                1 => "a value of 1 character, which is not shown".to_owned(),
                length => format!("a value of {length} characters, which is not shown"),
            })
        })
    })
    .of_the_head()
}

/// Returns whether a header has cookies, whose values no failure shows.
pub(super) fn sets_cookies(header: &str) -> bool {
    header.eq_ignore_ascii_case("set-cookie")
}

/// Shows a line that sets a cookie, without its value: `session=…; Path=/; HttpOnly`.
pub(super) fn masked(line: &str) -> String {
    let (cookie, attributes) = line.split_at(line.find(';').unwrap_or(line.len()));
    match cookie.split_once('=') {
        Some((name, _)) => format!("{name}=…{attributes}"),
        // A cookie without a name is all value.
        None => format!("…{attributes}"),
    }
}

/// Expects attributes of a cookie that the answer sets, written as `Set-Cookie` has them:
/// `cookie_attributes("session", ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"])`.
///
/// All of them are judged, and the failure lists each that is missing or another. A name alone (`Max-Age`) wants the
/// attribute with whatever value. Names are compared without case, and so are the values of `SameSite` and `Domain`. An
/// attribute that nobody knows is a mistake that is found before anything is sent.
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, cookie_attributes};
///
/// let safe = cookie_attributes("session", ["Secure", "HttpOnly", "SameSite=Lax"]);
/// let _login = Http::at("https://shop.example").post("/login").expect(safe);
/// ```
pub fn cookie_attributes<A: Into<String>>(
    name: impl Into<String>,
    attributes: impl IntoIterator<Item = A>,
) -> Expectation {
    let name = name.into();
    let wanted: Vec<Attribute> = attributes.into_iter().map(|text| Attribute::read(&text.into())).collect();
    let unknown = wanted.iter().find(|wanted| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(&wanted.name)));
    let defect = match unknown {
        Some(unknown) => Some(format!("no cookie has an attribute {:?}: there are {}", unknown.name, KNOWN.join(", "))),
        None if wanted.is_empty() => Some("no attribute is named, so that there is nothing to judge".to_owned()),
        None => None,
    };
    that_or(format!("attributes of cookie {name}"), defect, move |answer: &Response| {
        let shown = || wanted.iter().map(Attribute::shown).collect::<Vec<_>>().join(", ");
        let mismatch = |actual| Mismatch::new(format!("has {}", shown()), actual);
        let set = attributes_of(answer, &name).map_err(mismatch)?;
        let unmet: Vec<String> = wanted.iter().filter_map(|wanted| wanted.unmet(&set)).collect();
        if unmet.is_empty() { Ok(()) } else { Err(mismatch(unmet.join(", "))) }
    })
    .of_the_head()
}

/// Expects something of one attribute of a cookie: `cookie_attribute("session", "path", starts_with("/shop"))`,
/// `cookie_attribute("session", "domain", not(exists()))`, which fails where there is no such cookie. The value of an attribute
/// that has none, such as `Secure`, is empty.
pub fn cookie_attribute(
    name: impl Into<String>,
    attribute: impl Into<String>,
    matcher: impl Matcher<String> + 'static,
) -> Expectation {
    // A name of a cookie has no space, nor has that of an attribute.
    let both = format!("{} of cookie {}", attribute.into(), name.into());
    of_part("attribute", both, matcher, |answer: &Response, both| {
        let (attribute, name) = both.split_once(" of cookie ").unwrap_or_default();
        let set = attributes_of(answer, name).map_err(No::Judgement)?;
        // The last one counts (RFC 6265, section 5.3).
        let found = set.iter().rfind(|set| set.name.eq_ignore_ascii_case(attribute));
        let value = found.map(|found| found.value.clone().unwrap_or_default());
        value.ok_or_else(|| No::Such(format!("no {attribute}")))
    })
    .of_the_head()
}

/// Expects something of how long a cookie lasts, by its `Max-Age`, or else its `Expires` and the clock of the run:
/// `cookie_lifetime("session", le(mins(30)))`. A cookie without either lasts as long as the browser's session, which
/// cannot be judged, and fails; one that is past lasts for no time.
pub fn cookie_lifetime(name: impl Into<String>, matcher: impl Matcher<Duration> + 'static) -> Expectation {
    of_part("lifetime of cookie", name, matcher, |answer: &Response, name| {
        let line = line_of(answer, name).map_err(No::Judgement)?;
        let unreadable = |error| No::Judgement(format!("a cookie that cannot be read: {error}"));
        let cookie = RawCookie::parse(line).map_err(unreadable)?;
        if let Some(age) = cookie.max_age() {
            return Ok(Duration::from_secs(u64::try_from(age.whole_seconds()).unwrap_or(0)));
        }
        let Some(expires) = cookie.expires_datetime() else {
            let said = line.split(';').skip(1).map(str::trim);
            let said = said.filter(|part| part.to_ascii_lowercase().starts_with("expires")).collect::<Vec<_>>();
            return Err(match said.as_slice() {
                [] => No::Such("neither Max-Age nor Expires: it lasts as long as the browser's session".to_owned()),
                said => No::Judgement(format!("{}, which is no date", said.join("; "))),
            });
        };
        // A date of HTTP has whole seconds.
        let now = now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let until = u64::try_from(expires.unix_timestamp()).unwrap_or(0);
        Ok(Duration::from_secs(until.saturating_sub(now)))
    })
    .of_the_head()
}

/// An attribute as it is written: `Secure`, `SameSite=Lax`.
struct Attribute {
    name: String,
    value: Option<String>,
}

impl Attribute {
    fn read(text: &str) -> Self {
        let Parameter { name, value } = Parameter::plain(text);
        Self { name: name.to_owned(), value: value.map(Cow::into_owned) }
    }

    fn shown(&self) -> String {
        match &self.value {
            Some(value) => format!("{}={value}", self.name),
            None => self.name.clone(),
        }
    }

    /// Returns what is there instead.
    fn unmet(&self, set: &[Self]) -> Option<String> {
        let mut found = set.iter().filter(|set| set.name.eq_ignore_ascii_case(&self.name));
        // The last one counts (RFC 6265, section 5.3).
        let Some(found) = found.next_back() else { return Some(format!("no {}", self.name)) };
        let Some(wanted) = &self.value else { return None };
        let value = found.value.as_deref().unwrap_or_default();
        let same = match self.name.to_ascii_lowercase().as_str() {
            "samesite" => value.eq_ignore_ascii_case(wanted),
            "domain" => value.trim_start_matches('.').eq_ignore_ascii_case(wanted.trim_start_matches('.')),
            _ => value == wanted,
        };
        (!same).then(|| found.shown())
    }
}

fn attributes_of(answer: &Response, name: &str) -> Result<Vec<Attribute>, String> {
    Ok(line_of(answer, name)?.split(';').skip(1).map(Attribute::read).collect())
}

/// Returns the line that sets a cookie; of two, the last, as a browser takes it.
fn line_of<'a>(answer: &'a Response, name: &str) -> Result<&'a str, String> {
    let named = |line: &'a str| Some((pair(line)?.0, line));
    let cookies: Vec<(&str, &str)> = answer.header_all("set-cookie").filter_map(named).collect();
    let found = cookies.iter().rfind(|(known, _)| *known == name).map(|(_, line)| *line);
    found.ok_or_else(|| match cookies.iter().map(|(name, _)| *name).collect::<Vec<_>>() {
        names if names.is_empty() => "no cookie is set".to_owned(),
        names => format!("not set; set are {}", names.join(", ")),
    })
}

/// Returns the name and the value of the cookie that a line sets.
fn pair(line: &str) -> Option<(&str, &str)> {
    let Parameter { name, value: Some(Cow::Borrowed(value)) } = Parameter::plain(line.split(';').next()?) else {
        return None;
    };
    Some((name, value))
}
