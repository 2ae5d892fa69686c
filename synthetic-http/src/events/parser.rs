//! The parser of `text/event-stream`, for bytes in pieces of any size.

use std::collections::VecDeque;
use std::time::Duration;

use super::Event;

/// Parses an event stream as WHATWG HTML, section 9.2.6, has it. What it keeps is bounded by what it is fed.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// The line that is not complete yet.
    line: Vec<u8>,
    /// The last line ended with a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    /// The first line may begin with a byte order mark.
    begun: bool,
    event: String,
    data: String,
    id: String,
    retry: Option<Duration>,
}

impl Parser {
    /// Takes the next bytes, and adds the events that they complete.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], events: &mut VecDeque<Event>) {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(bytes);
                return;
            };
            self.line.extend_from_slice(&bytes[..end]);
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            let marked = if std::mem::replace(&mut self.begun, true) { None } else { line.strip_prefix(b"\xEF\xBB\xBF") };
            self.take_line(marked.unwrap_or(&line), events);
        }
    }

    fn take_line(&mut self, line: &[u8], events: &mut VecDeque<Event>) {
        if line.is_empty() {
            return self.dispatch(events);
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry);
            }
            // A comment, or a field of a later version.
            _ => {}
        }
    }

    fn dispatch(&mut self, events: &mut VecDeque<Event>) {
        let (mut data, event) = (std::mem::take(&mut self.data), std::mem::take(&mut self.event));
        if data.pop().is_none() {
            return;
        }
        let event = if event.is_empty() { "message".to_owned() } else { event };
        events.push_back(Event { id: self.id.clone(), event, data, retry: self.retry });
    }
}
