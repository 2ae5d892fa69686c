//! A document that is compiled: its operations, and which of them a request is for.

use jsonschema::{Draft, Registry};
use serde_json::Value;
use synthetic_core::expect::Mismatch;

use super::super::schema::{NothingIsFetched, with_causes};
use super::answers::Answers;
use super::bodies::Schemas;
use super::dialect::Dialect;
use super::document::{BASE, is_3_0, members, resolved};
use super::paths::{Template, base_paths, of_url};
use crate::response::Response;

/// How many operations a failure lists.
const SHOWN: usize = 8;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The operations of a document, the more concrete first.
pub(super) struct Contract {
    name: String,
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    path: String,
    /// Where it is under the first of the servers.
    at: String,
    /// Where it is: under each of the servers.
    templates: Vec<Template>,
    answers: Answers,
}

impl Contract {
    /// Compiles a document; `base` takes the place of its servers.
    pub(super) fn compile(name: &str, document: &Value, base: Option<&str>, strict: bool) -> Result<Self, String> {
        let whole = |why: String| format!("{name} {why}");
        let is_3_0 = is_3_0(document).map_err(whole)?;
        let document = Dialect { document, is_3_0, strict }.translated();
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .retriever(NothingIsFetched)
            .add(BASE, &document)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map_err(|error| whole(format!("cannot be used: {}", with_causes(&error))))?;
        let mut schemas = Schemas::of(&registry);
        let base = base.map(|base| vec![base.trim_end_matches('/').to_owned()]);
        let servers = base_paths(&document).unwrap_or_else(|| vec![String::new()]);
        let mut operations = Vec::new();
        for (path, item) in members(&document, "paths").filter(|(path, _)| path.starts_with('/')) {
            let item = resolved(&document, item).map_err(|why| whole(format!("has a path {path}: {why}")))?;
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let method = method.to_ascii_uppercase();
                let of_servers =
                    || base_paths(operation).or_else(|| base_paths(item)).unwrap_or_else(|| servers.clone());
                let bases = base.clone().unwrap_or_else(of_servers);
                let answers = Answers::compile(&document, operation, &mut schemas, strict)
                    .map_err(|why| format!("{method} {path} of {name}: {why}"))?;
                let at = format!("{}{path}", bases.first().map_or("", String::as_str));
                operations.push(Operation {
                    templates: templates(&bases, path),
                    method,
                    path: path.clone(),
                    at,
                    answers,
                });
            }
        }
        if operations.is_empty() {
            return Err(whole("has no operation: nothing can be judged by it".to_owned()));
        }
        operations.sort_by(|one, other| match (one.templates.first(), other.templates.first()) {
            (Some(one), Some(other)) => one.by_concreteness(other),
            _ => std::cmp::Ordering::Equal,
        });
        Ok(Self { name: name.to_owned(), operations })
    }

    /// Judges an answer to a request with this method.
    pub(super) fn judge(&self, method: &str, answer: &Response) -> Result<(), Mismatch> {
        let path = answer.exchange.final_url.path();
        let segments = of_url(path);
        let fitting: Vec<&Operation> = self.operations.iter().filter(|operation| operation.is_at(&segments)).collect();
        let Some(operation) = fitting.iter().find(|operation| operation.method == method) else {
            let wanted = format!("is an answer of an operation of {}", self.name);
            return Err(Mismatch::new(wanted, self.unknown(method, path, &fitting)));
        };
        operation.answers.judge(method, answer).map_err(|told| {
            let wanted = format!("is an answer of {} {} as {} has it", operation.method, operation.path, self.name);
            Mismatch::new(wanted, told)
        })
    }

    /// Says that there is no such operation, and which there are that may have been meant.
    fn unknown(&self, method: &str, path: &str, fitting: &[&Operation]) -> String {
        if let Some(first) = fitting.first() {
            let methods: Vec<&str> = fitting.iter().map(|operation| operation.method.as_str()).collect();
            return format!("no operation {method} {path}: {} has {}", first.path, methods.join(", "));
        }
        let common = |operation: &&Operation| {
            path.bytes().zip(operation.at.bytes()).take_while(|(one, other)| one == other).count()
        };
        let mut near: Vec<&Operation> = self.operations.iter().collect();
        near.sort_by_key(|operation| std::cmp::Reverse(common(operation)));
        let shown = near.iter().take(SHOWN).map(|operation| format!("{} {}", operation.method, operation.at));
        let more = near.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("no operation {method} {path}; it has {}{more}", shown.collect::<Vec<_>>().join(", "))
    }
}

impl Operation {
    fn is_at(&self, path: &[String]) -> bool {
        self.templates.iter().any(|template| template.matches(path))
    }
}

/// Returns where a path is under each of some bases; the root of one is with and without its slash.
fn templates(bases: &[String], path: &str) -> Vec<Template> {
    let mut templates = Vec::new();
    for base in bases {
        templates.push(Template::parse(&format!("{base}{path}")));
        if path == "/" && !base.is_empty() {
            templates.push(Template::parse(base));
        }
    }
    templates
}
