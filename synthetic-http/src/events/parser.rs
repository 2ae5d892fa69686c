//! The parser of `text/event-stream`, for bytes in pieces of any size.

use std::time::Duration;

use super::Event;

/// The longest id that is kept, in bytes; one that is longer is left out.
const LONGEST_ID: usize = 4096;

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
    /// Takes from the next bytes up to the event that they complete first, or all of them where they complete none.
    ///
    /// One at a time: an event may be many times as large as what it was written with.
    pub(crate) fn next(&mut self, bytes: &mut &[u8]) -> Option<Event> {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                *bytes = &bytes[1..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(bytes);
                *bytes = &[];
                return None;
            };
            self.line.extend_from_slice(&bytes[..end]);
            self.after_return = bytes[end] == b'\r';
            *bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            let marked =
                if std::mem::replace(&mut self.begun, true) { None } else { line.strip_prefix(b"\xEF\xBB\xBF") };
            if let Some(event) = self.take_line(marked.unwrap_or(&line)) {
                return Some(event);
            }
        }
        None
    }

    fn take_line(&mut self, line: &[u8]) -> Option<Event> {
        if line.is_empty() {
            return self.dispatch();
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
            // Each event keeps it, so a long one would be kept again and again.
            "id" if !value.contains('\0') && value.len() <= LONGEST_ID => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry);
            }
            // A comment, or a field of a later version.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let (mut data, event) = (std::mem::take(&mut self.data), std::mem::take(&mut self.event));
        data.pop()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(Event { id: self.id.clone(), event, data, retry: self.retry })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<Event> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for piece in pieces {
            let mut rest = *piece;
            events.extend(std::iter::from_fn(|| parser.next(&mut rest)));
            assert!(rest.is_empty());
        }
        events
    }

    /// Checks what a stream gives: id, name and data of each event.
    fn check(stream: &str, wanted: &[(&str, &str, &str)]) {
        let events = events(&[stream.as_bytes()]);
        let found: Vec<_> = events.iter().map(|event| (&*event.id, &*event.event, &*event.data)).collect();
        assert_eq!(found, wanted, "{stream:?}");
    }

    #[test]
    fn the_examples_of_the_standard_give_what_it_says() {
        check("data: YHOO\ndata: +2\ndata: 10\n\n", &[("", "message", "YHOO\n+2\n10")]);
        let stream = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        check(
            stream,
            &[("1", "message", "first event"), ("", "message", "second event"), ("", "message", " third event")],
        );
        check("data\n\ndata\ndata\n\ndata:", &[("", "message", ""), ("", "message", "\n")]);
        check("data:test\n\ndata: test\n\n", &[("", "message", "test"), ("", "message", "test")]);
    }

    #[test]
    fn fields_follow_the_standard_where_it_is_easily_missed() {
        check("\u{feff}data: marked\n\n", &[("", "message", "marked")]);
        check("data: a\rdata: b\r\r", &[("", "message", "a\nb")]);
        check("data: a\r\ndata: b\r\n\r\n", &[("", "message", "a\nb")]);
        check("id: 1\n\nevent: x\n\ndata: a\n\n", &[("1", "message", "a")]);
        let long = "x".repeat(LONGEST_ID + 1);
        check(&format!("id: 1\ndata: a\n\nid: {long}\ndata: b\n\n"), &[("1", "message", "a"), ("1", "message", "b")]);
        check("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", &[("1", "message", "a"), ("1", "message", "b")]);
        check("DATA: a\n data: b\nother: c\n\n", &[]);
        check("data: a: b\n\n", &[("", "message", "a: b")]);
        check("data: never ended\n", &[]);
    }

    #[test]
    fn a_time_to_retry_is_digits_only_and_holds_for_later_events() {
        let retries = |stream: &str| events(&[stream.as_bytes()]).iter().map(|event| event.retry).collect::<Vec<_>>();
        let wanted = Some(Duration::from_millis(15));
        assert_eq!(retries("data: a\n\nretry: 15\n\ndata: b\n\ndata: c\n\n"), [None, wanted, wanted]);
        assert_eq!(
            retries("retry: 15\nretry: +20\nretry: 1s\nretry:\nretry: 99999999999999999999\ndata: a\n\n"),
            [wanted]
        );
    }

    mod foreign {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #[test]
            fn where_the_bytes_are_cut_changes_nothing(
                bytes in proptest::collection::vec(prop_oneof![
                    Just(b"data: x".to_vec()), Just(b"event: y".to_vec()), Just(b"id: 1".to_vec()), Just(b"retry: 9".to_vec()),
                    Just(b"\n".to_vec()), Just(b"\r".to_vec()), Just(b"\r\n".to_vec()), Just(b"\n\n".to_vec()),
                    Just("\u{feff}".as_bytes().to_vec()), proptest::collection::vec(any::<u8>(), 0..8),
                ], 0..40),
                cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
            ) {
                let bytes = bytes.concat();
                let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
                cuts.sort_unstable();
                let (mut pieces, mut from) = (Vec::new(), 0);
                for cut in cuts.into_iter().chain([bytes.len()]) {
                    pieces.push(&bytes[from..cut]);
                    from = cut;
                }
                let whole = events(&[&bytes]);
                prop_assert_eq!(&events(&pieces), &whole);
                prop_assert!(whole.iter().map(|event| event.data.len()).sum::<usize>() <= bytes.len() * 3);
            }
        }
    }
}
