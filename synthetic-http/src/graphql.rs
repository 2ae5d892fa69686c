//! [`GraphQl`]: an operation of a GraphQL API, whose errors fail it whatever the status says.

use std::fmt;
use std::panic::Location;

use serde::Serialize;
use serde_json::{Map, Value};
use synthetic_core::Result;

use crate::auth::Credential;
use crate::expect::Expectation;
use crate::expect::graphql::no_errors;
use crate::http::Http;
use crate::request::Request;
use crate::response::Response;

/// Holds a GraphQL operation as data, as [`Request`] holds a request.
///
/// It is sent as a POST with JSON. An answer with `errors` fails it whatever its status, with the message, path and locations of
/// each, and so does one with neither `data` nor `errors`; [`allow_errors`](Self::allow_errors) says that errors are meant to
/// be. Unless the document has the word `mutation` in it, the request counts as one that changes nothing:
/// [`Http::only_test_hosts`] lets it through.
///
/// Source: GraphQL specification (October 2021), section 7; GraphQL over HTTP, <https://graphql.github.io/graphql-over-http/>.
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, json};
/// # async fn example(shop: Http) -> Result {
/// let answer = shop
///     .graphql("/graphql")
///     .query("query Order($id: ID!) { order(id: $id) { status } }")
///     .variables(serde_json::json!({"id": "7"}))
///     .expect(json("$.data.order.status", "shipped"))
///     .send()
///     .await?;
/// let status: String = answer.read("$.data.order.status")?;
/// # let _ = status; Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "an operation does nothing until `.send().await`"]
pub struct GraphQl {
    request: Request,
    query: String,
    operation: Option<String>,
    variables: Result<Value, String>,
    allow_errors: bool,
}

impl Http {
    /// Begins a GraphQL operation, which is sent to this path.
    #[track_caller]
    pub fn graphql(&self, path: impl Into<String>) -> GraphQl {
        let request = self.at_place("POST", path.into(), Location::caller());
        GraphQl { request, query: String::new(), operation: None, variables: Ok(Value::Null), allow_errors: false }
    }
}

impl GraphQl {
    /// Sets the document: one operation, or several of which one is [named](Self::operation).
    pub fn query(mut self, document: impl Into<String>) -> Self {
        self.query = document.into();
        self
    }

    /// Sets the variables: a map, a struct or `json!({…})`.
    pub fn variables<T: Serialize>(mut self, variables: T) -> Self {
        self.variables = serde_json::to_value(variables).map_err(|error| error.to_string());
        self
    }

    /// Names the operation of the document that is to be executed.
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.operation = Some(name.into());
        self
    }

    /// Takes an answer with `errors` as good: for operations that are meant to fail, whose errors are then expected with
    /// [`json`](crate::json), and for answers that are partly there.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    /// use synthetic_http::{Http, json};
    ///
    /// let _refused = Http::at("https://shop.example")
    ///     .graphql("/graphql")
    ///     .query("{ secrets }")
    ///     .allow_errors()
    ///     .expect(json("$.errors[0].extensions.code", "FORBIDDEN"));
    /// ```
    pub fn allow_errors(mut self) -> Self {
        self.allow_errors = true;
        self
    }

    /// Demands something of the answer, as [`Request::expect`] does.
    pub fn expect(self, expectation: impl Into<Expectation>) -> Self {
        self.with(|request| request.expect(expectation))
    }

    /// Wishes something of the answer, as [`Request::prefer`] does.
    pub fn prefer(self, expectation: impl Into<Expectation>) -> Self {
        self.with(|request| request.prefer(expectation))
    }

    /// Adds a header, as [`Request::header`] does.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.with(|request| request.header(name, value))
    }

    /// Adds `Authorization: Bearer …`, as [`Request::bearer`] does.
    pub fn bearer(self, token: impl Into<Credential>) -> Self {
        self.with(|request| request.bearer(token))
    }

    /// Changes the request that the operation is sent with: for all that has no method here.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    /// use synthetic_http::Http;
    ///
    /// let _slow = Http::at("https://shop.example")
    ///     .graphql("/graphql")
    ///     .query("{ report { total } }")
    ///     .with(|request| request.timeout(secs(30)).max_body(8 << 20));
    /// ```
    pub fn with(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.request = change(self.request);
        self
    }

    /// Returns the request that the operation is sent with.
    pub fn into_request(self) -> Request {
        let Self { mut request, query, operation, variables, allow_errors } = self;
        if query.trim().is_empty() {
            request.has_problem("the GraphQL operation has no document: give it one with `query`".to_owned());
        }
        let mut body = Map::new();
        match variables {
            Ok(Value::Null) => {}
            Ok(variables @ Value::Object(_)) => {
                body.insert("variables".to_owned(), variables);
            }
            Ok(_) => request.has_problem("the variables of the GraphQL operation are no JSON object".to_owned()),
            Err(why) => {
                request.has_problem(format!("the variables of the GraphQL operation cannot be written as JSON: {why}"));
            }
        }
        request.only_reads = !query.contains("mutation");
        body.insert("query".to_owned(), query.into());
        if let Some(operation) = operation {
            body.insert("operationName".to_owned(), operation.into());
        }
        if !request.headers.contains_key("accept") {
            request = request.header("accept", "application/graphql-response+json, application/json;q=0.9");
        }
        request.expected.insert(0, no_errors(allow_errors));
        request.json(&body)
    }

    /// Sends the operation and judges its answer.
    ///
    /// # Errors
    ///
    /// As of [`Request::send`]; and a failure that lists the `errors` of the answer.
    pub async fn send(self) -> Result<Response> {
        self.into_request().send().await
    }
}

/// The method and the URL, without user info and without the values of its query.
impl fmt::Display for GraphQl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}

impl fmt::Debug for GraphQl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GraphQl({}, {:?})", self.request, self.query)
    }
}
