//! Mouse and keys, as `input.performActions` takes them.

use serde_json::{Value, json};

use crate::engine::{Button, EngineError, KeyAction, MouseAction, Result};

/// Returns the sources of each `input.performActions` that does what is asked, one after another; `at` is where the mouse is.
pub(super) fn mouse(actions: &[MouseAction], at: &mut (f64, f64)) -> Vec<Value> {
    let mut commands: Vec<(bool, Vec<Value>)> = Vec::new();
    for action in actions {
        let (wheel, step) = match *action {
            MouseAction::Move { x, y } => {
                *at = (x, y);
                (false, json!({ "type": "pointerMove", "x": x, "y": y }))
            }
            MouseAction::Down { button, .. } => (false, json!({ "type": "pointerDown", "button": number(button) })),
            MouseAction::Up { button, .. } => (false, json!({ "type": "pointerUp", "button": number(button) })),
            MouseAction::Wheel { dx, dy } => {
                let (x, y) = (at.0.round(), at.1.round());
                let step = json!({ "type": "scroll", "x": integer(x), "y": integer(y),
                    "deltaX": integer(dx.round()), "deltaY": integer(dy.round()) });
                (true, step)
            }
        };
        match commands.last_mut() {
            Some((kind, steps)) if *kind == wheel => steps.push(step),
            _ => commands.push((wheel, vec![step])),
        }
    }
    let sources = commands.into_iter().map(|(wheel, steps)| {
        if wheel {
            json!([{ "type": "wheel", "id": "wheel", "actions": steps }])
        } else {
            json!([{ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": steps }])
        }
    });
    sources.collect()
}

pub(super) fn keys(actions: &[KeyAction]) -> Result<Value> {
    let steps = actions.iter().map(|action| {
        Ok(match action {
            KeyAction::Down(name) => json!({ "type": "keyDown", "value": key(name)? }),
            KeyAction::Up(name) => json!({ "type": "keyUp", "value": key(name)? }),
        })
    });
    Ok(json!([{ "type": "key", "id": "keyboard", "actions": steps.collect::<Result<Vec<_>>>()? }]))
}

/// Types a text, key by key.
pub(super) fn typed(text: &str) -> Value {
    let keys = text.chars().map(|character| if character == '\n' { '\u{E006}' } else { character }.to_string());
    let steps =
        keys.flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]);
    json!([{ "type": "key", "id": "keyboard", "actions": steps.collect::<Vec<_>>() }])
}

fn number(button: Button) -> u8 {
    match button {
        Button::Left => 0,
        Button::Middle => 1,
        Button::Right => 2,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast saturates, and nobody scrolls that far")]
fn integer(value: f64) -> i64 {
    value as i64
}

/// Returns what WebDriver calls a key: itself for one that types a character, else a code point of its own
/// (<https://w3c.github.io/webdriver/#keyboard-actions>).
fn key(name: &str) -> Result<String> {
    let mut characters = name.chars();
    if let (Some(_), None) = (characters.next(), characters.next()) {
        return Ok(name.to_owned());
    }
    let code = match name {
        "Cancel" => '\u{E001}',
        "Help" => '\u{E002}',
        "Backspace" => '\u{E003}',
        "Tab" => '\u{E004}',
        "Clear" => '\u{E005}',
        "Enter" => '\u{E006}',
        "Shift" => '\u{E008}',
        "Control" => '\u{E009}',
        "Alt" => '\u{E00A}',
        "Pause" => '\u{E00B}',
        "Escape" => '\u{E00C}',
        "Space" => ' ',
        "PageUp" => '\u{E00E}',
        "PageDown" => '\u{E00F}',
        "End" => '\u{E010}',
        "Home" => '\u{E011}',
        "ArrowLeft" => '\u{E012}',
        "ArrowUp" => '\u{E013}',
        "ArrowRight" => '\u{E014}',
        "ArrowDown" => '\u{E015}',
        "Insert" => '\u{E016}',
        "Delete" => '\u{E017}',
        "F1" => '\u{E031}',
        "F2" => '\u{E032}',
        "F3" => '\u{E033}',
        "F4" => '\u{E034}',
        "F5" => '\u{E035}',
        "F6" => '\u{E036}',
        "F7" => '\u{E037}',
        "F8" => '\u{E038}',
        "F9" => '\u{E039}',
        "F10" => '\u{E03A}',
        "F11" => '\u{E03B}',
        "F12" => '\u{E03C}',
        "Meta" => '\u{E03D}',
        other => {
            let message =
                format!("there is no key {other:?}: names are those of UI Events, such as Enter, ArrowDown or a");
            return Err(EngineError::Refused { method: "input.performActions".to_owned(), message });
        }
    };
    Ok(code.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_turns_where_the_mouse_is() {
        let mut at = (0.0, 0.0);
        let commands =
            mouse(&[MouseAction::Move { x: 10.4, y: 20.0 }, MouseAction::Wheel { dx: 0.0, dy: 120.0 }], &mut at);
        assert_eq!(commands.len(), 2);
        assert_eq!(commands[1][0]["actions"][0]["x"], 10);
        assert_eq!(at, (10.4, 20.0));
    }

    #[test]
    fn a_key_that_nobody_knows_is_refused_by_its_name() {
        let error = keys(&[KeyAction::Down("Entre".to_owned())]).unwrap_err().to_string();
        assert!(error.contains("\"Entre\""), "{error}");
        assert!(keys(&[KeyAction::Down("é".to_owned()), KeyAction::Up("Enter".to_owned())]).is_ok());
    }
}
