//! What is left of a rate limit, in each of the forms that services say it in.

use std::borrow::Cow;
use std::time::Duration;

use synthetic_core::expect::{self, Matcher, Mismatch, Sense};

use super::{Expectation, that_or};
use crate::measure::now;
use crate::parameters::{self, Parameter, quoted, split};
use crate::response::Response;

/// Expects something of how many requests are left before the target refuses more: `rate_limit_left(ge(10))`.
///
/// It is read from `RateLimit` (its structured field, `"default";r=50;t=30`, and that of earlier drafts,
/// `limit=100, remaining=50, reset=30`), else from `RateLimit-Remaining`, else from `X-RateLimit-Remaining` and its kin
/// (`X-Rate-Limit-Remaining`, `X-RateLimit-Remaining-Minute`). Where several limits are told, the one with the least left
/// counts. A failure says of how many that is (`RateLimit-Policy`, `…-Limit`), and when the limit begins anew (`t`,
/// `…-Reset`, in seconds or as a moment). An answer that tells nothing of a limit, or nothing that can be read, fails.
///
/// Source: draft-ietf-httpapi-ratelimit-headers-10; -07 for the dictionary, -03 for the three headers.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, rate_limit_left};
///
/// let _quota = Http::at("https://api.example.com").get("/orders").prefer(rate_limit_left(ge(10)));
/// ```
pub fn rate_limit_left(matcher: impl Matcher<i64> + 'static) -> Expectation {
    let defect = matcher.defect();
    that_or("rate limit left".to_owned(), defect, move |answer: &Response| {
        let wanted = || expect::described(&matcher, Sense::Is);
        let told = told(answer).map_err(|why| Mismatch::new(wanted(), why))?;
        if expect::check(&told.left, &matcher).is_ok() {
            return Ok(());
        }
        Err(Mismatch::new(wanted(), format!("{}{}", told.left, told.shown())))
    })
    .of_the_head()
}

/// What an answer tells of the limit that is nearest.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// The header that says it.
    by: String,
    /// The name of the limit, where there are several.
    policy: Option<String>,
    left: i64,
    of: Option<i64>,
    anew_in: Option<Duration>,
}

impl Told {
    fn shown(&self) -> String {
        let of = self.of.map(|of| format!(" of {of}")).unwrap_or_default();
        let policy = self.policy.as_ref().map(|policy| format!(" of the limit {policy:?}")).unwrap_or_default();
        let anew = self.anew_in.map(|anew| format!(", anew in {anew:?}")).unwrap_or_default();
        format!("{of}{policy}{anew} ({})", self.by)
    }
}

fn told(answer: &Response) -> Result<Told, String> {
    let whole = |name: &str| {
        let values: Vec<&str> = answer.header_all(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    if let Some(value) = whole("ratelimit") {
        let told = structured(&value, whole("ratelimit-policy").as_deref());
        return told.ok_or_else(|| format!("a RateLimit that cannot be read: {value:?}"));
    }
    let now = now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut nearest: Option<Told> = None;
    for name in answer.exchange.headers.keys().map(reqwest::header::HeaderName::as_str) {
        let Some(start) =
            ["ratelimit-", "x-ratelimit-", "x-rate-limit-"].iter().find(|start| name.starts_with(**start))
        else {
            continue;
        };
        let Some(window) = name.strip_prefix(start).and_then(|rest| rest.strip_prefix("remaining")) else { continue };
        let value = whole(name).unwrap_or_default();
        let left = integer(&value).ok_or_else(|| format!("{name} is no number: {value:?}"))?;
        let kin = |what: &str| whole(&[start, what, window].concat());
        let told = Told {
            by: name.to_owned(),
            policy: (!window.is_empty()).then(|| window.trim_start_matches('-').to_owned()),
            left,
            of: kin("limit").as_deref().and_then(integer),
            anew_in: kin("reset").as_deref().and_then(|reset| anew(reset, now)),
        };
        // The standard's name goes before the older ones; of the same, the least that is left.
        let is_nearer = |known: &Told| (name.starts_with('x'), told.left) < (known.by.starts_with('x'), known.left);
        if nearest.as_ref().is_none_or(is_nearer) {
            nearest = Some(told);
        }
    }
    nearest.ok_or_else(|| "no header RateLimit, RateLimit-Remaining or X-RateLimit-Remaining".to_owned())
}

/// Reads `RateLimit` in its current form and in that of draft 07.
fn structured(value: &str, policies: Option<&str>) -> Option<Told> {
    let mut told: Vec<Told> = Vec::new();
    let mut dictionary = Told::default();
    let mut has_remaining = false;
    for member in split(value, ',') {
        let (name, parameters) = parameters::of(member);
        if let Some((key, number)) = name.split_once('=').filter(|_| !name.starts_with('"')) {
            match key.trim() {
                "remaining" => (dictionary.left, has_remaining) = (integer(number)?, true),
                "limit" => dictionary.of = integer(number),
                "reset" => dictionary.anew_in = seconds(number),
                _ => {}
            }
            continue;
        }
        let name = unquoted(name).into_owned();
        told.push(Told {
            by: "ratelimit".to_owned(),
            left: integer(&parameter(parameters.clone(), "r")?)?,
            of: policies.and_then(|policies| quota(policies, &name)),
            anew_in: parameter(parameters, "t").as_deref().and_then(seconds),
            policy: Some(name),
        });
    }
    if has_remaining {
        told.push(Told { by: "ratelimit".to_owned(), ..dictionary });
    }
    told.into_iter().min_by_key(|told| told.left)
}

/// Returns the quota of a policy: the `q` of `"default";q=100;w=10`.
fn quota(policies: &str, name: &str) -> Option<i64> {
    let mut policies = split(policies, ',').map(parameters::of);
    let (_, parameters) = policies.find(|(known, _)| unquoted(known) == name)?;
    integer(&parameter(parameters, "q")?)
}

fn parameter<'a>(mut parameters: impl Iterator<Item = Parameter<'a>>, name: &str) -> Option<Cow<'a, str>> {
    parameters.find(|parameter| parameter.name == name)?.value
}

fn unquoted(text: &str) -> Cow<'_, str> {
    quoted(text).map_or(Cow::Borrowed(text), |(inner, _)| inner)
}

fn integer(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

fn seconds(text: &str) -> Option<Duration> {
    // A decimal is what some send.
    Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()
}

/// Reads when a limit begins anew: in so many seconds, or at a moment in seconds or milliseconds since 1970, as most
/// `X-RateLimit-Reset` have it.
fn anew(reset: &str, now: Duration) -> Option<Duration> {
    let given = seconds(reset)?;
    let year_2001 = Duration::from_secs(1_000_000_000);
    Some(match given {
        delta if delta < year_2001 => delta,
        moment if moment < year_2001 * 100 => moment.saturating_sub(now),
        moment => (moment / 1_000).saturating_sub(now),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_read_in_the_forms_of_its_drafts() {
        let read = |value, policy| structured(value, policy).map(|told| told.shown() + &format!(" {}", told.left));
        for (value, policy, expected) in [
            (
                "\"default\";r=50;t=30",
                Some("\"default\";q=100;w=10"),
                Some(" of 100 of the limit \"default\", anew in 30s (ratelimit) 50"),
            ),
            ("default;r=50", None, Some(" of the limit \"default\" (ratelimit) 50")),
            (
                "\"per;minute, or so\";r=50;t=30, \"daily\";r=5;t=3600",
                Some("\"per;minute, or so\";q=60, \"daily\";q=1000;w=86400"),
                Some(" of 1000 of the limit \"daily\", anew in 3600s (ratelimit) 5"),
            ),
            ("limit=100, remaining=50, reset=30", None, Some(" of 100, anew in 30s (ratelimit) 50")),
            ("limit=100", None, None),
            ("\"default\";r=many", None, None),
            ("\"default\";t=1", None, None),
            ("", None, None),
        ] {
            assert_eq!(read(value, policy).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_moment_is_told_from_a_span() {
        let now = Duration::from_secs(1_800_000_000);
        for (reset, expected) in [("30", 30), ("0.5", 0), ("1800000060", 60), ("1800000060000", 60), ("1700000000", 0)]
        {
            assert_eq!(anew(reset, now).unwrap().as_secs(), expected, "{reset}");
        }
        assert_eq!((anew("soon", now), anew("-1", now), anew("NaN", now)), (None, None, None));
    }
}

#[cfg(test)]
mod foreign {
    use proptest::prelude::*;

    use super::*;
    use crate::foreign::nearly;

    proptest! {
        #[test]
        fn any_field_tells_of_a_limit_or_of_none(
            value in nearly(&["\"a\"", "a", "\"", ";", ",", "=", "r=1", "t=2", "r=-9223372036854775808", "t=1e400", "t=NaN", "remaining=3",
                "limit", "\\", " ", "ü"]),
            policies in nearly(&["\"a\"", "a", ";", ",", "q=1", "q=x", "w=2", "\""]),
        ) {
            if let Some(told) = structured(&value, Some(&policies)) {
                prop_assert!(told.shown().len() <= 100 + 10 * value.len());
            }
        }

        #[test]
        fn a_field_that_was_written_is_read_as_it_was(
            limits in proptest::collection::vec(("[ !#-\\[\\]-~]{1,8}", any::<i64>(), 0..1_000_000_u64, any::<i64>()), 1..4),
        ) {
            let (mut value, mut policies) = (Vec::new(), Vec::new());
            for (at, (name, left, anew, of)) in limits.iter().enumerate() {
                value.push(format!("\"{at}{name}\";r={left};t={anew}"));
                policies.push(format!("\"{at}{name}\";q={of};w=60"));
            }
            let told = structured(&value.join(", "), Some(&policies.join(", "))).unwrap();
            let (at, least) = limits.iter().enumerate().min_by_key(|(_, (_, left, ..))| *left).unwrap();
            let wanted = (Some(format!("{at}{}", least.0)), least.1, Some(Duration::from_secs(least.2)), Some(least.3));
            prop_assert_eq!((told.policy, told.left, told.anew_in, told.of), wanted);
        }
    }
}
