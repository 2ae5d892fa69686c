//! `golden`: a body that equals one that was kept.

mod differences;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex::Regex;
use serde_json::Value;
use synthetic_core::expect::{JsonPath, Mismatch};

use self::differences::Differences;
use super::captures::compiled;
use super::{Expectation, Judge};
use crate::response::Response;

/// The variable that has the golden bodies written instead of compared.
const UPDATE: &str = "UPDATE_GOLDEN";

/// What stands in the place of what varies.
const MASKED: &str = "…";

/// Expects that the body equals what a file has: `golden("golden/order.json").mask("$.id")`.
///
/// A file whose name ends with `.json` is compared as JSON: by value, whatever the white space and the order of properties,
/// and the failure lists each difference with its path, at most twenty. Any other is compared as text, line by line, where
/// line ends count as one whether they are `\n` or `\r\n`.
///
/// # Writing it
///
/// With `UPDATE_GOLDEN=1` in the environment the file is written from the body that came, with what is masked as `…`, and
/// its folder made. The request then fails all the same, and says that it was written: a check that compared nothing is
/// never green, wherever the variable was left behind. Look at the file before you commit it: the target's body is in it.
///
/// A file that cannot be read is found before anything is sent.
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, golden};
///
/// let _order = Http::at("https://shop.example").get("/orders/7").expect(
///     golden("golden/order.json").mask("$.id").mask("$.items[*].created_at").any_order("$.items"),
/// );
/// ```
pub fn golden(path: impl AsRef<Path>) -> Golden {
    let path = path.as_ref();
    let update = std::env::var_os(UPDATE).is_some_and(|value| !value.is_empty() && value != "0");
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let shown = path.display();
    let content = match std::fs::read_to_string(path) {
        _ if update => Ok(Content::Written { path: path.to_owned(), json }),
        Ok(text) if !json => Ok(Content::Text(text)),
        Ok(text) => serde_json::from_str(&text)
            .map(Content::Json)
            .map_err(|error| format!("the golden body {shown} is no JSON: {error}")),
        Err(error) => Err(format!(
            "the golden body {shown} cannot be read: {error}; to have it written from what the target says, run this once \
             with {UPDATE}=1"
        )),
    };
    Golden::new(format!("{shown}"), content)
}

/// Expects that the body equals a JSON value: [`golden`] with what is expected in the code.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_http::{Http, golden_json};
///
/// let health = golden_json(json!({ "status": "up", "version": "…", "checks": ["db", "cache"] }));
/// let _health = Http::at("https://shop.example").get("/health").expect(
///     health.mask("$.version").any_order("$.checks"),
/// );
/// ```
pub fn golden_json(value: Value) -> Golden {
    Golden::new("in the code".to_owned(), Ok(Content::Json(value)))
}

/// Holds a body that was kept, and what of it varies: what [`golden`] and [`golden_json`] make. Cheap to clone.
#[derive(Clone)]
#[must_use = "a golden body does nothing until it is given to a request"]
pub struct Golden(Arc<Kept>);

#[derive(Clone)]
struct Kept {
    name: String,
    content: Result<Content, String>,
    masks: Vec<JsonPath>,
    any_order: Vec<JsonPath>,
    text_masks: Vec<Regex>,
}

#[derive(Clone)]
enum Content {
    Json(Value),
    Text(String),
    /// The file is to be written.
    Written {
        path: PathBuf,
        json: bool,
    },
}

impl Golden {
    fn new(name: String, content: Result<Content, String>) -> Self {
        Self(Arc::new(Kept { name, content, masks: Vec::new(), any_order: Vec::new(), text_masks: Vec::new() }))
    }

    /// Leaves aside the values of what a JSON path (RFC 9535) selects: ids, times. That they are there is still compared.
    /// Called again, it adds.
    pub fn mask(self, path: &str) -> Self {
        self.with_path(path, |kept, path| kept.masks.push(path))
    }

    /// Leaves aside the order of the arrays that a JSON path selects. Called again, it adds.
    pub fn any_order(self, path: &str) -> Self {
        self.with_path(path, |kept, path| kept.any_order.push(path))
    }

    /// Leaves aside what a regular expression matches, in the lines of a text. Called again, it adds.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::{Http, golden};
    /// let _robots = Http::at("https://shop.example").get("/receipt.txt").expect(
    ///     golden("golden/receipt.txt").mask_text(r"\d{4}-\d\d-\d\d"),
    /// );
    /// ```
    pub fn mask_text(self, pattern: &str) -> Self {
        let regex = compiled(pattern);
        self.with(|kept| match (regex, &kept.content) {
            (Ok(_), Ok(Content::Json(_) | Content::Written { json: true, .. })) => {
                kept.has_defect(format!("the golden body {} is JSON: mask it with a path", kept.name));
            }
            (Ok(regex), _) => kept.text_masks.push(regex),
            (Err(why), _) => kept.has_defect(why),
        })
    }

    fn with_path(self, path: &str, add: impl FnOnce(&mut Kept, JsonPath)) -> Self {
        let path = JsonPath::parse(path);
        self.with(|kept| match (path, &kept.content) {
            (Ok(_), Ok(Content::Text(_) | Content::Written { json: false, .. })) => kept.has_defect(format!(
                "the golden body {} is a text, in which no JSON path leads anywhere: use `mask_text`, or name it .json",
                kept.name
            )),
            (Ok(path), _) => add(kept, path),
            (Err(error), _) => kept.has_defect(error.to_string()),
        })
    }

    fn with(mut self, change: impl FnOnce(&mut Kept)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl Kept {
    fn has_defect(&mut self, defect: String) {
        if self.content.is_ok() {
            self.content = Err(defect);
        }
    }

    /// Returns a value with what varies masked.
    fn masked(&self, value: &Value) -> Value {
        let mut value = value.clone();
        for mask in &self.masks {
            for pointer in mask.pointers(&value) {
                if let Some(part) = value.pointer_mut(&pointer) {
                    *part = Value::String(MASKED.to_owned());
                }
            }
        }
        value
    }

    fn masked_text(&self, text: &str) -> String {
        self.text_masks
            .iter()
            .fold(text.replace("\r\n", "\n"), |text, mask| mask.replace_all(&text, MASKED).into_owned())
    }

    /// Writes a body as the golden one, and says so.
    fn write(&self, path: &Path, json: bool, answer: &Response) -> String {
        let content = if json {
            answer
                .value()
                .map_err(|why| format!("the body is not JSON: {why}"))
                .and_then(|body| serde_json::to_string_pretty(&self.masked(body)).map_err(|error| error.to_string()))
                .map(|text| text + "\n")
        } else {
            Ok(self.masked_text(&answer.text()))
        };
        let written = content.and_then(|content| {
            let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            folder.and_then(|()| std::fs::write(path, content)).map_err(|error| error.to_string())
        });
        match written {
            Ok(()) => format!("nothing was compared: {UPDATE} is set, and the file was written from this body"),
            Err(why) => format!("nothing was compared: {UPDATE} is set, and the file was not written: {why}"),
        }
    }
}

impl From<Golden> for Expectation {
    fn from(golden: Golden) -> Self {
        let defect = golden.0.content.as_ref().err().cloned();
        Self::new(golden, defect)
    }
}

impl fmt::Debug for Golden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Golden({})", self.0.name)
    }
}

impl Judge for Golden {
    fn subject(&self) -> String {
        "body".to_owned()
    }

    fn judge(&self, answer: &Response) -> Result<(), Mismatch> {
        let kept = &*self.0;
        let wanted = |actual: String| Mismatch::new(format!("equals the golden body {}", kept.name), actual);
        let differences = match kept.content.as_ref().map_err(|why| wanted(why.clone()))? {
            Content::Written { path, json } => Some(kept.write(path, *json, answer)),
            Content::Text(expected) => {
                text::differences(&kept.masked_text(expected), &kept.masked_text(&answer.text()))
            }
            Content::Json(expected) => {
                let actual = answer.value().map_err(|why| wanted(format!("a body that is not JSON: {why}")))?;
                let (expected, actual) = (kept.masked(expected), kept.masked(actual));
                Differences::between(&expected, &actual, &kept.any_order)
            }
        };
        differences.map_or(Ok(()), |differences| Err(wanted(differences)))
    }
}
