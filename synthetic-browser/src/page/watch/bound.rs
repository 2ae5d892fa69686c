//! How much is kept of what a page tells: it may say anything, and as much as it likes.

use crate::engine::{ConsoleMessage, Request, Response};
use crate::page::dialog::Dialog;
use crate::page::watch::{DownloadEntry, Exception};

/// The longest URL that is kept, in bytes: one of the scheme `data` may be the document itself.
pub(super) const LONGEST_URL: usize = 16 * 1024;
/// The longest message, and the longest value of a header.
pub(super) const LONGEST_MESSAGE: usize = 8 * 1024;
/// The longest word: a method, a media type, the name of a header.
pub(super) const LONGEST_WORD: usize = 256;
/// How many bytes of headers are kept of one message: as many as Chromium takes of an answer.
pub(super) const MOST_OF_MESSAGE: usize = 256 * 1024;

/// How much may still be kept, in bytes, of what only all messages together are bounded in.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) bodies: usize,
    pub(super) headers: usize,
}

impl Default for Left {
    fn default() -> Self {
        Self { bodies: 4 * 1024 * 1024, headers: 32 * 1024 * 1024 }
    }
}

impl Left {
    pub(super) fn request(&mut self, request: &mut Request) {
        shorten(&mut request.url, LONGEST_URL);
        shorten(&mut request.initiator, LONGEST_URL);
        shorten(&mut request.method, LONGEST_WORD);
        self.headers(&mut request.headers);
        let body = request.body.as_ref().map_or(0, |body| body.len());
        match self.bodies.checked_sub(body) {
            Some(left) => self.bodies = left,
            None => request.body = None,
        }
    }

    pub(super) fn response(&mut self, response: &mut Response) {
        shorten(&mut response.url, LONGEST_URL);
        for word in [&mut response.status_text, &mut response.protocol, &mut response.mime_type] {
            shorten(word, LONGEST_WORD);
        }
        self.headers(&mut response.headers);
    }

    /// Keeps the first headers, as far as there is place for them.
    fn headers(&mut self, headers: &mut Vec<(String, String)>) {
        let mut of_message = MOST_OF_MESSAGE;
        let mut kept = 0;
        for (name, value) in headers.iter_mut() {
            shorten(name, LONGEST_WORD);
            shorten(value, LONGEST_MESSAGE);
            let size = name.len() + value.len();
            let (Some(in_message), Some(in_all)) = (of_message.checked_sub(size), self.headers.checked_sub(size))
            else {
                break;
            };
            (of_message, self.headers) = (in_message, in_all);
            kept += 1;
        }
        headers.truncate(kept);
        headers.shrink_to_fit();
    }
}

pub(super) fn message(message: &mut ConsoleMessage) {
    shorten(&mut message.text, LONGEST_MESSAGE);
    shorten(&mut message.url, LONGEST_URL);
}

pub(super) fn exception(exception: &mut Exception) {
    shorten(&mut exception.text, LONGEST_MESSAGE);
    shorten(&mut exception.url, LONGEST_URL);
    shorten(&mut exception.stack, LONGEST_MESSAGE);
}

pub(super) fn dialog(dialog: &mut Dialog) {
    shorten(&mut dialog.message, LONGEST_MESSAGE);
    shorten(&mut dialog.default, LONGEST_MESSAGE);
}

pub(super) fn download(download: &mut DownloadEntry) {
    shorten(&mut download.url, LONGEST_URL);
    shorten(&mut download.name, LONGEST_MESSAGE);
}

/// Cuts a text, and gives back the memory of the rest.
pub(super) fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
}
