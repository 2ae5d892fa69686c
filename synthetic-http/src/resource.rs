//! [`HttpResource`]: a resource of REST requests, without an impl.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use synthetic_core::cleanup::{Gone, Listed, Mark, Recovery, Resource};
use synthetic_core::expect::{JsonPath, any_of, between};
use synthetic_core::{Failure, Result};

use crate::expect::status;
use crate::http::Http;
use crate::response::Response;
use crate::wire::same_origin;

/// What stands as it is where an id or a mark is put into a URL: what is unreserved (RFC 3986, section 2.3). A `+` in a query
/// would be read as a blank.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A kind of thing that is deleted and found again by REST requests. Made by [`Http::resource`]; cheap to clone.
///
/// In the paths, `{id}` stands for the id of a thing and `{mark}` for its mark; both are encoded where they are put. What is
/// made is the answer to its creation, whatever the request.
///
/// What is wrong with it (a path without `{id}`, a JSON path that is none) is said before anything is made, as an error of
/// our own.
///
/// # Default
///
/// - [recovery](Self::recovery): a creation has the time of the [`Http`]'s requests; without a [`find`](Self::find), what a
///   lost answer hid is not looked for
///
/// # Examples
///
/// ```no_run
/// use serde_json::json;
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, status};
///
/// # #[derive(serde::Deserialize)] struct Order { id: String }
/// async fn journey(run: Run) -> Result {
///     let api = Http::at("https://shop.example");
///     let orders =
///         api.resource("shop/order").delete("/orders/{id}").find("/orders?reference={mark}", "$.orders[*].id").id("$.id");
///     let order: Order = run.create(&orders, |mark| {
///         api.post("/orders").idempotency_key(&mark).json(&json!({ "reference": mark })).expect(status(201)).send()
///     }).await?.json()?;
///     run.expect("id of the order", order.id, not(is_empty()))
/// }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until something is created"]
pub struct HttpResource(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    http: Http,
    kind: String,
    id: Option<JsonPath>,
    delete: Option<String>,
    find: Option<(String, JsonPath)>,
    list: Option<(String, JsonPath, JsonPath, JsonPath)>,
    recovery: Recovery,
    /// What was wrong with what it was given; the first counts.
    problem: Option<String>,
}

/// # What is made
impl Http {
    /// Makes a resource of REST requests: how a kind of thing is deleted, and found again by its mark. See
    /// [`HttpResource`].
    pub fn resource(&self, kind: impl Into<String>) -> HttpResource {
        let (http, kind, recovery) = (self.clone(), kind.into(), Recovery::default().create_timeout(self.time()));
        HttpResource(Arc::new(Parts {
            http,
            kind,
            id: None,
            delete: None,
            find: None,
            list: None,
            recovery,
            problem: None,
        }))
    }
}

impl HttpResource {
    /// Says how a thing is deleted: `DELETE` of a path with `{id}`. 2xx means that it was there, 404 and 410 that it was not. A
    /// redirect by 302 or 303 is a failure: it leads to another page, such as that of a login.
    ///
    /// With `{mark}` in the place of `{id}`, the client chooses the id: things are created under their mark, and need
    /// neither [`id`](Self::id) nor [`find`](Self::find).
    pub fn delete(self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.with(|parts| {
            if path.contains("{id}") == path.contains("{mark}") {
                parts.has_problem(format!("its path to delete is {path:?}: write one with {{id}}, as /orders/{{id}}"));
            }
            parts.delete = Some(path);
        })
    }

    /// Says how the ids of the things with a mark are found: the path of a GET with `{mark}`, and where in its answer the
    /// ids are (RFC 9535). An answer in which the list is missing is an error, not an empty list.
    pub fn find(self, path: impl Into<String>, ids: &str) -> Self {
        let path = path.into();
        self.with(|parts| {
            if !path.contains("{mark}") {
                parts.has_problem(format!(
                    "its path to find things is {path:?}: write one with {{mark}}, as /orders?reference={{mark}}"
                ));
            }
            parts.find = parts.json_path(ids).map(|ids| (path, ids));
        })
    }

    /// Says where in the answer to a creation the id is (RFC 9535): `$.id`. A whole number becomes its text.
    pub fn id(self, path: &str) -> Self {
        self.with(|parts| parts.id = parts.json_path(path))
    }

    /// Says how things are listed, for the sweep of orphans: the path of a GET, where in its answer the things are, and where
    /// in each of them its id is and the text that has its mark. `{prefix}` in the path stands for what all marks of the
    /// monitor begin with.
    ///
    /// It is called when [`Recovery::sweep_orphans`] asks for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use synthetic_core::cleanup::Recovery;
    /// use synthetic_http::Http;
    ///
    /// let _orders = Http::at("https://shop.example")
    ///     .resource("shop/order")
    ///     .delete("/orders/{id}")
    ///     .id("$.id")
    ///     .list("/orders", "$.orders[*]", "$.id", "$.reference")
    ///     .recovery(Recovery::default().sweep_orphans(Duration::from_secs(86_400), 100));
    /// ```
    pub fn list(self, path: impl Into<String>, things: &str, id: &str, text: &str) -> Self {
        self.with(|parts| {
            let paths = (parts.json_path(things), parts.json_path(id), parts.json_path(text));
            if let (Some(things), Some(id), Some(text)) = paths {
                parts.list = Some((path.into(), things, id, text));
            }
        })
    }

    /// Sets how things of this kind are recovered, and how long that may take.
    pub fn recovery(self, recovery: Recovery) -> Self {
        self.with(|parts| parts.recovery = recovery)
    }

    fn with(mut self, change: impl FnOnce(&mut Parts)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Returns whether the client chooses the ids.
    fn is_named_by_mark(&self) -> bool {
        self.0.delete.as_ref().is_some_and(|path| path.contains("{mark}"))
    }
}

impl Parts {
    fn json_path(&mut self, path: &str) -> Option<JsonPath> {
        JsonPath::parse(path).map_err(|error| self.has_problem(error.to_string())).ok()
    }

    fn has_problem(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

impl Resource for HttpResource {
    /// Each has its own, see [`kind`](Self::kind).
    const KIND: &'static str = "http";
    type Made = Response;
    type Id = String;

    fn id(&self, made: &Response) -> String {
        self.read_id(made).unwrap_or_default()
    }

    fn read_id(&self, made: &Response) -> Result<String> {
        match &self.0.id {
            Some(path) => text(made.read(path.as_str())?, made, path),
            None => Err(Failure::setup(format!("resource {:?} does not say where its ids are", self.0.kind))),
        }
    }

    fn chosen_id(&self, mark: &Mark) -> Option<String> {
        self.is_named_by_mark().then(|| mark.to_string())
    }

    async fn delete(&self, id: &String) -> Result<Gone> {
        let template = self.0.delete.as_deref().unwrap_or_default();
        let path = filled(&filled(template, "{id}", id), "{mark}", id);
        let answer = self.0.http.delete(path).template(named(template)).judged_alone();
        let answer = answer.expect(status(any_of((between(200, 299), 404, 410)))).send().await?;
        not_led_away(&answer)?;
        not_of_another_origin(&answer)?;
        Ok(if matches!(answer.status(), 404 | 410) { Gone::Already } else { Gone::Deleted })
    }

    async fn find(&self, mark: &Mark) -> Result<Vec<String>> {
        let Some((template, ids)) = &self.0.find else { return Ok(Vec::new()) };
        let request =
            self.0.http.get(filled(template, "{mark}", mark.as_str())).template(named(template)).judged_alone();
        let answer = request.send().await?;
        not_of_another_origin(&answer)?;
        many(&answer, ids)?.into_iter().map(|id| text(id, &answer, ids)).collect()
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed<String>>> {
        let Some((template, things, id, marked)) = &self.0.list else {
            return Err(Failure::setup(format!("resource {:?} does not say how its things are listed", self.0.kind)));
        };
        let request = self.0.http.get(filled(template, "{prefix}", prefix)).template(named(template)).judged_alone();
        let answer = request.send().await?;
        not_of_another_origin(&answer)?;
        let listed = many(&answer, things)?.into_iter().filter_map(|thing| {
            // A thing without the text has no mark, and is none of ours.
            let marked = marked.find(&thing).nodes().first().and_then(|text| text.as_str()).map(str::to_owned)?;
            let id = id.find(&thing).nodes().first().map(|id| text((*id).clone(), &answer, things));
            Some(id?.map(|id| Listed { id, text: marked }))
        });
        listed.collect()
    }

    fn recovery(&self) -> Recovery {
        if self.0.find.is_some() { self.0.recovery } else { self.0.recovery.without_search() }
    }

    fn kind(&self) -> &str {
        &self.0.kind
    }

    fn problem(&self) -> Option<String> {
        let missing = || {
            if self.0.delete.is_none() {
                return Some("it does not say how things are deleted: add `.delete(\"/orders/{id}\")`");
            }
            let ids = self.0.id.is_some() || self.is_named_by_mark();
            (!ids).then_some("it does not say where in an answer the id is: add `.id(\"$.id\")`")
        };
        self.0.problem.clone().or_else(|| missing().map(str::to_owned))
    }
}

/// Puts a value into a path, encoded.
fn filled(path: &str, name: &str, value: &str) -> String {
    path.replace(name, &utf8_percent_encode(value, ENCODED).to_string())
}

/// Returns the path as metrics show it: without its query.
fn named(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Reads what a path selects, as a list. What should hold the list must be there: a search that looks in the wrong place
/// would find nothing forever.
fn many(answer: &Response, path: &JsonPath) -> Result<Vec<Value>> {
    if let Some((holder, _)) = path.as_str().split_once("[*]")
        && JsonPath::parse(holder).is_ok_and(|holder| holder.is_singular())
    {
        answer.read::<Vec<Value>>(holder)?;
    }
    let found: Value = answer.read(path.as_str())?;
    Ok(match found {
        Value::Array(values) => values,
        one => vec![one],
    })
}

/// Fails when the answer to a DELETE is that of another page: 302 and 303 lead to one, such as that of a login. 301, 307 and
/// 308 say where the thing itself is.
fn not_led_away(answer: &Response) -> Result<()> {
    let Some(hop) = answer.exchange.hops.iter().find(|hop| matches!(hop.status.as_u16(), 302 | 303)) else {
        return Ok(());
    };
    let (status, led_to) = (hop.status.as_u16(), answer.exchange.final_url.path());
    let failure = Failure::new(format!("{} was redirected by {status} to {led_to}", answer.name));
    Err(failure.hint("what answers there says nothing of the thing: does the request need a login?"))
}

/// Fails when another origin has answered than the one that was asked: it was shown no credentials, so that what it does not have
/// may be there all the same.
fn not_of_another_origin(answer: &Response) -> Result<()> {
    let (hops, last) = (&answer.exchange.hops, &answer.exchange.final_url);
    let Some(first) = hops.first() else { return Ok(()) };
    if hops.iter().map(|hop| &hop.url).chain([last]).all(|url| same_origin(&first.url, url)) {
        return Ok(());
    }
    let (status, origin) = (first.status.as_u16(), last.origin().ascii_serialization());
    let failure = Failure::new(format!("{} was redirected by {status} to {origin}", answer.name));
    Err(failure.hint(format!(
        "another origin is sent no credentials, so that its answer says nothing of what was made: if that is there now, make \
         {origin} the base URL"
    )))
}

/// Returns an id as text. One that would be another id, or another path, where it is put is refused.
fn text(id: Value, answer: &Response, path: &JsonPath) -> Result<String> {
    match id {
        // A URL has no way to write a segment of dots: it would lead to what is above.
        Value::String(id) if !matches!(id.as_str(), "" | "." | "..") => Ok(id),
        // Of a longer number, or one with a fraction, the digits are lost that it was written with.
        Value::Number(id) if id.is_u64() || id.is_i64() => Ok(id.to_string()),
        other => {
            let expected = "is a text or a whole number of at most 64 bits";
            let failure = Failure::new(format!("id at {path} of {}", answer.name)).expected(expected);
            Err(failure.actual(other.to_string()))
        }
    }
}

impl fmt::Debug for HttpResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.0;
        f.debug_struct("HttpResource")
            .field("kind", &parts.kind)
            .field("delete", &parts.delete)
            .field("find", &parts.find.as_ref().map(|(path, _)| path))
            .finish_non_exhaustive()
    }
}
