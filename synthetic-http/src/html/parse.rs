//! Parses a page within bounds.

use std::cell::Cell;

use html5ever::buffer_queue::BufferQueue;
use html5ever::interface::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink};
use scraper::{Html, HtmlTreeSink};

/// How much of a page is parsed between two looks at what became of it, in bytes.
const PIECE: usize = 512;

/// How many nodes a page may have.
const NODES: usize = 250_000;

/// How deep a page may be nested; browsers stop at 512.
const DEPTH: usize = 1_024;

/// How many attributes a tag may have. The parser compares each with all before it.
const ATTRIBUTES: usize = 4_096;

/// Parses a text, or says which limit it exceeds.
///
/// What a parser does for a page of a given size is bounded only by the square of it: elements that are never closed are looked
/// through for each that follows, or made again in each, and so are the attributes of a tag. So it is fed in pieces, and stopped.
pub(super) fn parse(text: &str) -> Result<Html, String> {
    let builder = TreeBuilder::new(HtmlTreeSink::new(Html::new_document()), TreeBuilderOpts::default());
    let tokenizer = Tokenizer::new(Watched { builder, came: Cell::new(true) }, TokenizerOpts::default());
    let input = BufferQueue::default();
    let (mut seen, mut tag) = (0, None);
    for piece in pieces(text) {
        if let Some(tag) = tag.as_mut().filter(|_| piece != "<") {
            Attributes::read(tag, piece);
            if tag.count > ATTRIBUTES {
                return Err(format!("a page with a tag of more than {ATTRIBUTES} attributes, which is not looked at"));
            }
        }
        input.push_back(StrTendril::from(piece));
        // The parser stops after each script, for somebody to run it, and where a page names its charset.
        while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
        let came = tokenizer.sink.came.replace(false);
        match &mut tag {
            // It is part of a value: of an open tag nothing comes.
            Some(tag) if piece == "<" && !came => tag.read(piece),
            // What came, came of what was before it.
            _ if piece == "<" => tag = Some(Attributes::default()),
            _ if came => tag = None,
            _ => {}
        }
        let html = tokenizer.sink.builder.sink.0.borrow();
        let nodes = html.tree.nodes();
        let fresh = nodes.len() - seen;
        seen += fresh;
        if seen > NODES {
            return Err(format!("a page of more than {NODES} nodes, which is not looked at"));
        }
        if nodes.rev().take(fresh).any(|node| node.ancestors().nth(DEPTH).is_some()) {
            return Err(format!("a page nested more than {DEPTH} deep, which is not looked at"));
        }
    }
    tokenizer.end();
    Ok(tokenizer.sink.builder.sink.finish())
}

/// Cuts a text so that each `<`, which may begin a tag, is a piece of its own, and no piece is longer than [`PIECE`], but for its
/// last character.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match first {
            '<' => 1,
            _ => {
                let end = (PIECE..rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
                rest[..end].find('<').unwrap_or(end)
            }
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// Builds the tree of what comes, and knows whether anything came.
struct Watched<S: TreeSink> {
    builder: TreeBuilder<S::Handle, S>,
    came: Cell<bool>,
}

impl<S: TreeSink> TokenSink for Watched<S> {
    type Handle = S::Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<S::Handle> {
        // A tag is one token, which comes when it ends. What is wrong within it is told before.
        if !matches!(token, Token::ParseError(_)) {
            self.came.set(true);
        }
        self.builder.process_token(token, line)
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// Counts the attributes of what may be a tag, from after its `<` on (the HTML standard, sections 13.2.5.8 to 13.2.5.40).
#[derive(Default)]
struct Attributes {
    count: usize,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// What begins with `<!` or `<?` has no attributes.
    NoTag,
    TagName,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Value,
    Within(u8),
}

impl Attributes {
    fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r');
            self.state = match (self.state, byte) {
                (State::NoTag, _) | (State::Open, b'!' | b'?') => State::NoTag,
                (State::TagName, b'/') => State::BeforeName,
                (State::TagName, _) if is_space => State::BeforeName,
                (State::Open | State::TagName, _) => State::TagName,
                (State::BeforeName | State::Name | State::AfterName, b'/') => State::BeforeName,
                (State::BeforeName, _) if is_space => State::BeforeName,
                (State::Name | State::AfterName, _) if is_space => State::AfterName,
                (State::Name | State::AfterName, b'=') => State::BeforeValue,
                (State::BeforeName | State::AfterName, _) => {
                    self.count += 1;
                    State::Name
                }
                (State::Name, _) => State::Name,
                (State::BeforeValue, _) if is_space => State::BeforeValue,
                (State::BeforeValue, b'"' | b'\'') => State::Within(byte),
                (State::Value, _) if is_space => State::BeforeName,
                (State::BeforeValue | State::Value, _) => State::Value,
                (State::Within(quote), _) if byte == quote => State::BeforeName,
                (State::Within(quote), _) => State::Within(quote),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_counted_as_the_parser_takes_them() {
        for (tag, wanted) in [
            ("a", 0),
            ("a href=x/y", 1),
            ("a href='x y z' b=\"1\"c=2 d", 4),
            ("a b = 'x y' c", 2),
            ("a b= 'x y' c", 2),
            ("a =' x y", 3),
            ("a/b/c", 2),
            ("!-- a b c d", 0),
            ("/a b c", 2),
        ] {
            let mut attributes = Attributes::default();
            tag.chars().for_each(|each| attributes.read(&each.to_string()));
            assert_eq!(attributes.count, wanted, "{tag}");
        }
    }

    #[test]
    fn pieces_are_the_text_and_what_may_begin_a_tag_is_one_of_its_own() {
        let text = format!("ü<a {}<<b>{}", "ü".repeat(700), "x".repeat(1_300));
        let cut: Vec<&str> = pieces(&text).collect();
        assert_eq!(cut.concat(), text);
        assert!(cut.iter().all(|piece| piece.len() <= PIECE + 1 && (*piece == "<" || !piece.contains('<'))));
        assert_eq!(cut.len(), 1 + 1 + 3 + 2 + 3);
        assert_eq!(pieces("").count(), 0);
    }

    #[test]
    fn a_tag_may_have_many_attributes_and_not_as_many_as_it_likes() {
        let tag = |count: usize, around: &str| {
            let names: String = (0..count).map(|at| format!(" x{at}")).collect();
            format!("{around}{names}>")
        };
        for around in [
            "<a",
            "</a",
            "text <svg><style><a",
            "<script>'<a b c'</script><p",
            "<a title='> <'",
            "<!--><a",
            "<<a",
            "&amp<a",
            "</<a></p",
            "<a ='",
            "<svg><![CDATA[ ]]<a]]><a",
            "<title></titl<a></title",
            "<?x><a",
        ] {
            assert!(parse(&tag(4_000, around)).is_ok(), "{around}");
            assert!(parse(&tag(5_000, around)).unwrap_err().contains("more than 4096 attributes"), "{around}");
        }
        // None of these is a tag.
        for text in
            [tag(5_000, "<!-- "), tag(5_000, "<script>if (a<b && c)"), tag(5_000, "a < b"), tag(5_000, "<title>x")]
        {
            assert!(parse(&text).is_ok(), "{}", &text[..40]);
        }
        // A value may be as long as it likes, a picture for instance.
        assert!(parse(&format!("<img src=\"data:{}\">", "a/b c ".repeat(100_000))).is_ok());
    }
}
