//! Scrubs known secrets from text.

mod forms;
mod scanner;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scanner::{Scanner, Word};

use super::{MAX_SECRET_BYTES, Secret, SecretError};

/// The most values that are known at the same time.
const MAX_VALUES: usize = 1_000;

/// The most bytes that all forms of all values have together: 32 MiB.
const MAX_FORM_BYTES: usize = 32 * 1024 * 1024;

/// Replaces every known secret in a text by `[redacted:NAME]`, also where it is encoded.
///
/// A clone knows the same secrets. Nothing is known at first, and a text then costs one atomic load.
///
/// # What is found
///
/// Each value is looked for as it is, without the whitespace around it, with either kind of line ending, and, when it
/// has several lines, line by line (lines of 8 characters or more; the `-----BEGIN…` of a key is no secret; a `\n` in
/// letters ends a line too). And each of these in the ways in which programs write it:
///
/// - percent-encoded: everything but unreserved characters, as a form (`+` for a space), and with the sets of a URL's
///   path, query and user information; with upper-case and lower-case digits; also twice, as in a link that is the
///   parameter of a link;
/// - as a JSON string, with the escapes of the common writers, and in Rust's `Debug`; also one within the other;
/// - as HTML or XML text;
/// - in base64, standard and URL-safe, padded and not, also percent-encoded; on its own and as a part of something
///   longer, such as the `user:password` of Basic authentication. As a part it needs 8 characters that depend on
///   nothing else: every value of 7 bytes or more has them. The character at each end, which is mixed with what
///   stands beside it, stays.
///
/// A value that was cut short is found when a `…` says so, up to there; and one whose beginning was cut away, or both ends,
/// when it stands behind `"…`. Where secrets touch or overlap, all of it goes,
/// under the name of the longest. A text that is scrubbed twice is the same as when scrubbed once.
///
/// # What is not found
///
/// A value that was changed otherwise: hashed, compressed, encrypted, in another case, in UTF-16, in base64 that is
/// broken into lines, or cut without a `…`. So scrub first, and cut then. Nor a part of a value, such as one field of a
/// JSON object: make a [`Secret`] of it and register it too.
///
/// The redactor holds every value in plain text for as long as it lives.
///
/// # Bounds
///
/// At most 1,000 values are known, with 32 MiB of forms. Beyond, the value that was registered longest ago goes, but
/// only when its name has a newer one; this is logged as a warning and counted ([`forgotten`](Self::forgotten)). When
/// every value is the newest of its name, a further one is refused. Nothing is forgotten silently.
///
/// # Examples
///
/// ```
/// use synthetic_core::secret::{Redactor, Secret};
///
/// let redactor = Redactor::new();
/// redactor.register(&Secret::new("web/password", "p@ss word/1"))?;
///
/// assert_eq!(redactor.redact("login with p@ss word/1 failed"), "login with [redacted:web/password] failed");
/// assert_eq!(redactor.redact("?user=bob&pass=p%40ss+word%2F1&x=1"), "?user=bob&pass=[redacted:web/password]&x=1");
/// // base64 of "bob:p@ss word/1"
/// assert_eq!(redactor.redact("Basic Ym9iOnBAc3Mgd29yZC8x"), "Basic Ym9iOn[redacted:web/password]");
/// assert!(redactor.is_clean("login failed"));
/// # Ok::<(), synthetic_core::secret::SecretError>(())
/// ```
#[derive(Clone, Default)]
pub struct Redactor {
    shared: Arc<Shared>,
}

/// Says where a secret stands that [`Redactor::find`] has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundSecret {
    /// The bytes that are to go.
    pub range: Range<usize>,
    /// The name of the secret; where it is not plain, as labels show it.
    pub name: String,
    /// It stands there as it is: neither encoded, nor a part of it, nor touched by another one.
    pub plain: bool,
}

#[derive(Default)]
struct Shared {
    /// Whether anything was ever registered: what a text costs as long as nothing was.
    any: AtomicBool,
    forgotten: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    values: Vec<Value>,
    /// How often something was registered: tells older from newer.
    clock: u64,
    /// Built when a text needs it, dropped when the values change.
    scanner: Option<Arc<Scanner>>,
}

struct Value {
    secret: Secret,
    forms: Vec<Arc<str>>,
    bytes: usize,
    seen: u64,
}

impl Redactor {
    /// Knows no secret yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a secret known, from the next text on. Values that are known already stay known: a rotated secret is
    /// scrubbed in its old and in its new form. The same value again costs a look-up.
    ///
    /// # Errors
    ///
    /// Fails for a value that is shorter than [`MIN_SECRET_CHARS`](super::MIN_SECRET_CHARS), larger than
    /// [`MAX_SECRET_BYTES`], or one more than can be known.
    pub fn register(&self, secret: &Secret) -> Result<(), SecretError> {
        let name = || secret.name().to_owned();
        if secret.is_too_short() {
            return Err(SecretError::TooShort { name: name() });
        }
        if secret.expose().len() > MAX_SECRET_BYTES {
            return Err(SecretError::TooLarge { name: name(), place: "what was given".to_owned() });
        }

        let mut known = self.lock();
        known.clock += 1;
        let now = known.clock;
        if let Some(value) = known.values.iter_mut().find(|value| value.secret.is_same_as(secret)) {
            value.seen = now;
            return Ok(());
        }
        let forms = forms::forms(secret.expose());
        let bytes = forms.iter().map(|form| form.len()).sum();
        known.values.push(Value { secret: secret.clone(), forms, bytes, seen: now });
        let Some(forgotten) = known.make_room() else {
            known.values.retain(|value| value.seen != now);
            return Err(SecretError::TooMany { name: name() });
        };
        known.scanner = None;
        self.shared.any.store(true, Ordering::Release);
        drop(known);

        for old in forgotten {
            self.shared.forgotten.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(secret = old.name(), "forgot an old value of a secret: it is no longer kept out of reports");
        }
        Ok(())
    }

    /// Replaces every known secret in `text` by `[redacted:NAME]`.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(scanner) = self.scanner() else { return Cow::Borrowed(text) };
        let spans = scanner.spans(text.as_bytes());
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = 0;
        for span in spans {
            out.push_str(&text[rest..span.start]);
            out.push_str(scanner.label(&span));
            rest = span.end;
        }
        out.push_str(&text[rest..]);
        Cow::Owned(out)
    }

    /// Does what [`redact`](Self::redact) does for bytes that are text for the most part, such as a page or a trace.
    #[must_use]
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(scanner) = self.scanner() else { return Cow::Borrowed(bytes) };
        let spans = scanner.spans(bytes);
        if spans.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = 0;
        for span in spans {
            out.extend_from_slice(&bytes[rest..span.start]);
            out.extend_from_slice(scanner.label(&span).as_bytes());
            rest = span.end;
        }
        out.extend_from_slice(&bytes[rest..]);
        Cow::Owned(out)
    }

    /// Returns where known secrets stand in bytes that are text for the most part, in order and without overlap: for those
    /// who put something else in their place than [`redact`](Self::redact) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::secret::{Redactor, Secret};
    ///
    /// let redactor = Redactor::new();
    /// redactor.register(&Secret::new("web/password", "p@ss word/1"))?;
    /// let found = redactor.find(b"pass=p%40ss+word%2F1&again=p@ss word/1");
    /// assert_eq!((found[0].range.clone(), &*found[0].name, found[0].plain), (5..20, "web/password", false));
    /// assert_eq!((found[1].range.clone(), &*found[1].name, found[1].plain), (27..38, "web/password", true));
    /// # Ok::<(), synthetic_core::secret::SecretError>(())
    /// ```
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Vec<FoundSecret> {
        let Some(scanner) = self.scanner() else { return Vec::new() };
        let spans = scanner.spans(bytes);
        let known = self.lock();
        let found = spans.into_iter().map(|span| {
            let range = span.start..span.end;
            let plain = known.values.iter().find(|value| value.secret.expose().as_bytes() == &bytes[range.clone()]);
            let name = plain.map_or_else(|| scanner.name(&span).to_owned(), |value| value.secret.name().to_owned());
            FoundSecret { range, name, plain: plain.is_some() }
        });
        found.collect()
    }

    /// Returns whether `text` holds no known secret in any of the forms that are found.
    #[must_use]
    pub fn is_clean(&self, text: &str) -> bool {
        self.scanner().is_none_or(|scanner| scanner.spans(text.as_bytes()).is_empty())
    }

    /// Returns how many old values were given up for newer ones of the same name.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.shared.forgotten.load(Ordering::Relaxed)
    }

    /// Returns whether nothing was ever registered, so that every text is clean.
    pub(crate) fn knows_nothing(&self) -> bool {
        !self.shared.any.load(Ordering::Acquire)
    }

    fn scanner(&self) -> Option<Arc<Scanner>> {
        if self.knows_nothing() {
            return None;
        }
        let mut known = self.lock();
        if known.scanner.is_none() {
            known.scanner = Some(Arc::new(known.build()));
        }
        known.scanner.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("values", &self.lock().values.len()).finish_non_exhaustive()
    }
}

impl Known {
    /// Gives up old values until the rest fits, and returns them. `None`: there is no old value left to give up.
    fn make_room(&mut self) -> Option<Vec<Secret>> {
        let mut bytes: usize = self.values.iter().map(|value| value.bytes).sum();
        let mut count = self.values.len();
        if count <= MAX_VALUES && bytes <= MAX_FORM_BYTES {
            return Some(Vec::new());
        }
        let mut newest: HashMap<&str, u64> = HashMap::new();
        for value in &self.values {
            let seen = newest.entry(value.secret.name()).or_default();
            *seen = value.seen.max(*seen);
        }
        let mut old: Vec<&Value> =
            self.values.iter().filter(|value| newest[value.secret.name()] > value.seen).collect();
        old.sort_by_key(|value| value.seen);
        let mut given_up = Vec::new();
        for value in old {
            if count <= MAX_VALUES && bytes <= MAX_FORM_BYTES {
                break;
            }
            count -= 1;
            bytes -= value.bytes;
            given_up.push((value.seen, value.secret.clone()));
        }
        if count > MAX_VALUES || bytes > MAX_FORM_BYTES {
            return None;
        }
        self.values.retain(|value| given_up.iter().all(|(seen, _)| *seen != value.seen));
        Some(given_up.into_iter().map(|(_, secret)| secret).collect())
    }

    fn build(&self) -> Scanner {
        let words = self.values.iter().map(|value| Word { name: value.secret.name(), forms: &value.forms });
        Scanner::new(words)
    }
}
