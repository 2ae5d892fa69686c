//! The body of a command.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use synthetic_core::artifact::har::is_credential;

use super::json;
use super::shell::Word;
use super::url::parameter;
use super::variables::{Form, Variables};
use crate::multipart::{Content, Multipart, Part};
use crate::request::Request;
use crate::upload::Upload;

/// The most bytes that a body takes in a command; a larger one is left to a file.
const LARGEST: usize = 4 * 1024;

/// How the body is given to curl.
#[derive(Default)]
pub(super) struct Data {
    /// What writes it, where it comes by standard input.
    pub(super) piped: Option<String>,
    pub(super) options: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Returns how the body is given to curl; a header that curl makes itself is no longer among `headers`.
pub(super) fn data(request: &Request, headers: &mut HeaderMap, variables: &mut Variables<'_>) -> Data {
    let media_type = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let data = match &request.upload {
        Some(Upload::File(path)) => {
            // A dash alone is standard input.
            let path = path.to_string_lossy();
            let path = if path == "-" { "./-" } else { &path };
            Data::of("--data-binary", &Word::text(["@", path].concat()))
        }
        Some(Upload::Multipart(form)) => multipart(form, headers, variables),
        None if request.body.is_empty() => return Data::default(),
        None => whole(&request.body, &media_type, variables),
    };
    if !headers.contains_key(CONTENT_TYPE) && data.options.iter().all(|option| !option.starts_with("--form")) {
        // Of data without a type, curl says that it is a form.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(""));
    }
    data
}

impl Data {
    fn of(option: &str, word: &Word) -> Self {
        Self { options: vec![format!("{option} {}", word.quoted())], ..Self::default() }
    }
}

/// Returns a body as it is, if it is small enough.
fn whole(body: &[u8], media_type: &str, variables: &mut Variables<'_>) -> Data {
    let too_large = || Data {
        options: vec!["--data-binary @body".to_owned()],
        notes: vec![format!("# put the body into the file `body`: {} bytes, {}", body.len(), kind(media_type))],
        piped: None,
    };
    if body.len() > LARGEST {
        return too_large();
    }
    let word = hidden(body, media_type, variables);
    if word.is_printable() {
        return Data::of("--data-raw", &word);
    }
    let printed = word.printf();
    if printed.len() > LARGEST {
        return too_large();
    }
    Data { piped: Some(printed), options: vec!["--data-binary @-".to_owned()], notes: Vec::new() }
}

fn kind(media_type: &str) -> &str {
    if media_type.is_empty() { "no content type" } else { media_type }
}

/// Puts variables in the place of what is secret in a body, by its name or by its value.
fn hidden(body: &[u8], media_type: &str, variables: &mut Variables<'_>) -> Word {
    let Ok(text) = std::str::from_utf8(body) else { return variables.hide(body, Form::Plain) };
    let media_type = media_type.to_ascii_lowercase();
    if media_type.contains("x-www-form-urlencoded") {
        let pairs = text.split('&').enumerate();
        return pairs.fold(Word::default(), |word, (at, pair)| {
            let word = if at == 0 { word } else { word.then_text("&") };
            word.then(parameter("field", pair, variables))
        });
    }
    if !media_type.contains("json") {
        return variables.hide(text, Form::Plain);
    }
    let (mut word, mut from) = (Word::default(), 0);
    for (name, range) in json::credentials(text).unwrap_or_default() {
        word = word.then(variables.hide(&text[from..range.start], Form::Json));
        from = range.end;
        word = word.then(variables.by_name("field", &name, &body[range], Form::Json));
    }
    word.then(variables.hide(&text[from..], Form::Json))
}

/// Returns a form of parts as options of curl, or as bytes where curl would write it otherwise.
fn multipart(form: &Multipart, headers: &mut HeaderMap, variables: &mut Variables<'_>) -> Data {
    let has_files = form.parts().iter().any(|part| matches!(part.content, Content::File(_)));
    if !form.parts().iter().all(is_plain) && !has_files {
        let body = form.encode(u64::MAX).unwrap_or_default();
        return whole(&body, "multipart/form-data", variables);
    }
    headers.remove(CONTENT_TYPE);
    let mut data = Data::default();
    let mut size = 0;
    for part in form.parts() {
        let word = option(part, variables);
        size += word.len();
        data.options.push(word);
    }
    if size > LARGEST {
        let parts: Vec<&str> = form.parts().iter().map(|part| &*part.name).collect();
        let note = format!("# put the parts {} into the file `body`, with their boundary", parts.join(", "));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("multipart/form-data"));
        return Data { options: vec!["--data-binary @body".to_owned()], notes: vec![note], piped: None };
    }
    if !form.parts().iter().all(is_plain) {
        data.notes.push("# a part that is not plain text may be written otherwise".to_owned());
    }
    data
}

/// Returns whether curl writes a part as the SDK does.
fn is_plain(part: &Part) -> bool {
    let plain =
        |text: &str| !text.is_empty() && !text.contains(|each: char| each.is_control() || "\"\\=;".contains(each));
    let Part { name, filename, content, .. } = part;
    let content = match content {
        Content::Bytes(bytes) => std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(char::is_control)),
        Content::File(path) => path.to_str().is_some_and(|path| !path.contains(char::is_control)),
    };
    plain(name) && filename.as_deref().is_none_or(plain) && content
}

/// Returns the option for a part.
fn option(part: &Part, variables: &mut Variables<'_>) -> String {
    let Part { name, filename, media_type, content } = part;
    let kind = media_type.as_ref().map(|kind| [";type=", kind].concat()).unwrap_or_default();
    match content {
        Content::File(path) => {
            let path = escaped(&path.to_string_lossy());
            ["--form ", &Word::text(format!("{name}=@\"{path}\"{kind}")).quoted()].concat()
        }
        Content::Bytes(bytes) => {
            let value = if is_credential(name) {
                variables.by_name("part", name, bytes, Form::Plain)
            } else {
                hidden(bytes, media_type.as_deref().unwrap_or_default(), variables)
            };
            let begun = Word::text([name, "="].concat());
            if filename.is_none() && media_type.is_none() {
                return ["--form-string ", &begun.then(value).quoted()].concat();
            }
            let called =
                filename.as_ref().map(|filename| [";filename=\"", filename, "\""].concat()).unwrap_or_default();
            let word = begun.then_text("\"").then(value.map(escaped)).then_text(["\"", &called, &kind].concat());
            ["--form ", &word.quoted()].concat()
        }
    }
}

/// Escapes a text as curl wants it between quotes of an option.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
