//! Slack's incoming webhooks (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>), and those who
//! take the same: they read `text`, Slack itself shows `blocks`.

use serde_json::{Value, json};

use crate::webhook::notice::Notice;
use crate::webhook::text::cut;

/// The most characters of a section's text: <https://docs.slack.dev/reference/block-kit/blocks/section-block>.
const SECTION: usize = 3_000;
/// The most characters of `text` that Slack recommends: <https://docs.slack.dev/reference/methods/chat.postMessage>.
const TEXT: usize = 4_000;
/// The longest title and the longest last line, so that there is room for what is between them.
const LINE: usize = 600;
/// What is around a text that is shown as it is.
const FENCE: (&str, &str) = ("```\n", "\n```");

pub(super) fn body(notice: &Notice) -> Value {
    let mark = if notice.is_resolved() { ":large_green_circle:" } else { ":red_circle:" };
    let title = format!("{mark} *{}*", escaped(&notice.title(), LINE));
    let footer = escaped(&notice.footer(), LINE);
    let code = |most: usize| {
        let (open, close) = FENCE;
        format!("{open}{}{close}", escaped(&notice.body(), most - open.len() - close.len()))
    };
    let room = TEXT - title.chars().count() - footer.chars().count() - 2;
    let section = |text: &str| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    json!({
        "text": format!("{title}\n{}\n{footer}", code(room.min(SECTION))),
        "blocks": [
            section(&title),
            section(&code(SECTION)),
            { "type": "context", "elements": [{ "type": "mrkdwn", "text": footer }] },
        ],
    })
}

/// Escapes what Slack and those like it would obey, and cuts what then has more than `most` characters, never within an escape.
///
/// `&`, `<` and `>` are written as Slack demands (<https://docs.slack.dev/messaging/formatting-message-text>). A fence would
/// end the code, and an `@` before the name of a group would wake all of it in Mattermost: a space without width parts them.
fn escaped(text: &str, most: usize) -> String {
    let mut length = 0;
    let mut kept = 0;
    let mut pieces = Vec::new();
    let mut before = ' ';
    for c in text.chars() {
        let piece = match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '`' if before == '`' => "\u{200b}`".to_owned(),
            '@' if !before.is_alphanumeric() => "@\u{200b}".to_owned(),
            c => c.to_string(),
        };
        before = c;
        length += piece.chars().count();
        pieces.push(piece);
        // Room for the word that more was left out.
        if length + 40 <= most {
            kept = pieces.len();
        }
    }
    if length <= most {
        return pieces.concat();
    }
    let word = format!("… ({} more characters)", pieces.len() - kept);
    pieces.truncate(kept);
    cut(&(pieces.concat() + &word), most).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::rule::Event;
    use crate::webhook::target::tests::{hostile, longest, notice};

    fn texts(body: &Value) -> Vec<&str> {
        let blocks = body["blocks"].as_array().unwrap();
        fn of(block: &Value) -> &str {
            block.pointer("/text/text").or(block.pointer("/elements/0/text")).and_then(Value::as_str).unwrap()
        }
        std::iter::once(body["text"].as_str().unwrap()).chain(blocks.iter().map(of)).collect()
    }

    #[test]
    fn a_message_says_what_a_person_needs() {
        let text = |event| body(&notice(event))["text"].as_str().unwrap().to_owned();
        insta::assert_snapshot!(text(Event::Trigger), @r#"
        :red_circle: *FIRING: checkout (eu-west-1): status of POST /orders: expected is equal to 201, actual 503*
        ```
        failed: status of POST /orders    step "create order"
          expected  is equal to 201
          actual    503
        ```
        failing since 2027-01-15T08:00:00Z (2 min), 3 of the last 5 runs, monitor shop, run 0189-failed
        "#);
        insta::assert_snapshot!(text(Event::Reminder).lines().next().unwrap(), @":red_circle: *STILL FIRING: checkout (eu-west-1) for 2 min: status of POST /orders: expected is equal to 201, actual 503*");
        insta::assert_snapshot!(text(Event::Resolve), @"
        :large_green_circle: *RESOLVED: checkout (eu-west-1) after 12 min*
        ```
        had failed: status of POST /orders: expected is equal to 201, actual 503
        ```
        failed from 2027-01-15T08:00:00Z to 2027-01-15T08:12:00Z (12 min), monitor shop, run 0189-passed
        ");
    }

    #[test]
    fn nothing_in_a_text_commands_slack() {
        let message = body(&hostile(Event::Trigger));
        for text in texts(&message) {
            assert!(!text.contains('<') && !text.contains("@channel"), "{text}");
            assert!(matches!(text.matches("```").count(), 0 | 2), "{text}");
        }
    }

    #[test]
    fn every_text_is_within_its_limit() {
        for event in [Event::Trigger, Event::Reminder, Event::Resolve] {
            let message = body(&longest(event));
            let lengths: Vec<_> = texts(&message).iter().map(|text| text.chars().count()).collect();
            assert!(lengths[0] <= TEXT && lengths[1..].iter().all(|length| *length <= SECTION), "{lengths:?}");
        }
    }

    #[test]
    fn a_text_is_not_cut_within_an_escape() {
        for most in 60..100 {
            let short = escaped(&"<".repeat(200), most);
            let (kept, word) = short.split_once('…').unwrap();
            assert!(short.chars().count() <= most && kept.replace("&lt;", "").is_empty(), "{short}");
            assert_eq!(word, format!(" ({} more characters)", 200 - kept.len() / 4));
        }
    }
}
