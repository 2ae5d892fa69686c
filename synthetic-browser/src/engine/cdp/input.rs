//! The mouse and the keys. All of a gesture is sent at once: the browser takes it in order.

use serde_json::{Value, json};

use super::super::{Button, EngineError, KeyAction, MouseAction, Result};
use super::connection::Reply;
use super::keys::{self, ALT, CONTROL, META, SHIFT};
use super::page::Page;

/// Sends what the mouse does, and returns the answers to come.
pub(super) fn mouse(page: &Page, actions: &[MouseAction]) -> Vec<Reply> {
    let mut state = page.state();
    let modifiers = state.modifiers;
    let pointer = &mut state.pointer;
    let mut replies = Vec::new();
    for action in actions {
        let mut event = json!({ "modifiers": modifiers, "pointerType": "mouse" });
        match *action {
            MouseAction::Move { x, y } => {
                (pointer.x, pointer.y) = (x, y);
                event["type"] = json!("mouseMoved");
                // What is dragged with, if anything.
                event["button"] = json!(held_button(pointer.buttons));
            }
            MouseAction::Down { button, count } => {
                pointer.buttons |= bit(button);
                press(&mut event, "mousePressed", button, count);
            }
            MouseAction::Up { button, count } => {
                pointer.buttons &= !bit(button);
                press(&mut event, "mouseReleased", button, count);
            }
            MouseAction::Wheel { dx, dy } => {
                event["type"] = json!("mouseWheel");
                event["deltaX"] = json!(dx);
                event["deltaY"] = json!(dy);
            }
        }
        event["x"] = json!(pointer.x);
        event["y"] = json!(pointer.y);
        event["buttons"] = json!(pointer.buttons);
        replies.push(page.connection.send(Some(&page.session), "Input.dispatchMouseEvent", event));
    }
    replies
}

/// Sends what the keys do, and returns the answers to come.
///
/// # Errors
///
/// For a name that no key has; then nothing was sent.
pub(super) fn keys(page: &Page, actions: &[KeyAction]) -> Result<Vec<Reply>> {
    let mut state = page.state();
    let mut modifiers = state.modifiers;
    let mut events = Vec::new();
    for action in actions {
        let (KeyAction::Down(name) | KeyAction::Up(name)) = action;
        let key = keys::key(name, modifiers & SHIFT != 0).ok_or_else(|| EngineError::Refused {
            method: "Input.dispatchKeyEvent".to_owned(),
            message: format!("`{name}` is no key: a name of the UI Events standard (`Enter`) or one character is"),
        })?;
        let down = matches!(action, KeyAction::Down(_));
        modifiers = if down { modifiers | key.modifier } else { modifiers & !key.modifier };
        let text = key.text.filter(|_| down && modifiers & (ALT | CONTROL | META) == 0);
        let mut event = json!({
            "key": key.key, "code": key.code, "windowsVirtualKeyCode": key.virtual_code, "location": key.location,
            "modifiers": modifiers,
            "type": match (down, &text) { (true, Some(_)) => "keyDown", (true, None) => "rawKeyDown", _ => "keyUp" },
        });
        if let Some(text) = text {
            event["unmodifiedText"] = json!(text);
            event["text"] = json!(text);
        }
        events.push(event);
    }
    state.modifiers = modifiers;
    let send = |event| page.connection.send(Some(&page.session), "Input.dispatchKeyEvent", event);
    Ok(events.into_iter().map(send).collect())
}

fn press(event: &mut Value, kind: &str, button: Button, count: u32) {
    event["type"] = json!(kind);
    event["button"] = json!(name(button));
    event["clickCount"] = json!(count);
}

fn name(button: Button) -> &'static str {
    match button {
        Button::Left => "left",
        Button::Middle => "middle",
        Button::Right => "right",
    }
}

fn bit(button: Button) -> u32 {
    match button {
        Button::Left => 1,
        Button::Right => 2,
        Button::Middle => 4,
    }
}

fn held_button(buttons: u32) -> &'static str {
    let held = [Button::Left, Button::Right, Button::Middle].into_iter().find(|button| buttons & bit(*button) != 0);
    held.map_or("none", name)
}
