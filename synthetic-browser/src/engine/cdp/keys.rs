//! Keys by their names in the UI Events standard, as a keyboard with the layout of the United States has them.
//!
//! Names and codes: <https://www.w3.org/TR/uievents-key/> and <https://www.w3.org/TR/uievents-code/>. The numbers are the
//! virtual key codes of Windows, which browsers give pages as `keyCode` on every system.

/// What the browser is to be told of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// `KeyboardEvent.key`.
    pub(super) key: String,
    /// `KeyboardEvent.code`; empty for a character that the layout does not have.
    pub(super) code: String,
    /// `KeyboardEvent.keyCode`; 0 for a character that the layout does not have.
    pub(super) virtual_code: u32,
    /// What it writes without Control, Alt and Meta.
    pub(super) text: Option<String>,
    /// `KeyboardEvent.location`.
    pub(super) location: u32,
    /// Its bit in the modifiers of other events.
    pub(super) modifier: u32,
}

pub(super) const ALT: u32 = 1;
pub(super) const CONTROL: u32 = 2;
pub(super) const META: u32 = 4;
pub(super) const SHIFT: u32 = 8;

/// Name, code, virtual key code, location, modifier.
const NAMED: [(&str, &str, u32, u32, u32); 38] = [
    ("Alt", "AltLeft", 18, 1, ALT),
    ("ArrowDown", "ArrowDown", 40, 0, 0),
    ("ArrowLeft", "ArrowLeft", 37, 0, 0),
    ("ArrowRight", "ArrowRight", 39, 0, 0),
    ("ArrowUp", "ArrowUp", 38, 0, 0),
    ("Backspace", "Backspace", 8, 0, 0),
    ("CapsLock", "CapsLock", 20, 0, 0),
    ("ContextMenu", "ContextMenu", 93, 0, 0),
    ("Control", "ControlLeft", 17, 1, CONTROL),
    ("Delete", "Delete", 46, 0, 0),
    ("End", "End", 35, 0, 0),
    ("Enter", "Enter", 13, 0, 0),
    ("Escape", "Escape", 27, 0, 0),
    ("F1", "F1", 112, 0, 0),
    ("F2", "F2", 113, 0, 0),
    ("F3", "F3", 114, 0, 0),
    ("F4", "F4", 115, 0, 0),
    ("F5", "F5", 116, 0, 0),
    ("F6", "F6", 117, 0, 0),
    ("F7", "F7", 118, 0, 0),
    ("F8", "F8", 119, 0, 0),
    ("F9", "F9", 120, 0, 0),
    ("F10", "F10", 121, 0, 0),
    ("F11", "F11", 122, 0, 0),
    ("F12", "F12", 123, 0, 0),
    ("Home", "Home", 36, 0, 0),
    ("Insert", "Insert", 45, 0, 0),
    ("Meta", "MetaLeft", 91, 1, META),
    ("NumLock", "NumLock", 144, 0, 0),
    ("PageDown", "PageDown", 34, 0, 0),
    ("PageUp", "PageUp", 33, 0, 0),
    ("Pause", "Pause", 19, 0, 0),
    ("PrintScreen", "PrintScreen", 44, 0, 0),
    ("ScrollLock", "ScrollLock", 145, 0, 0),
    ("Shift", "ShiftLeft", 16, 1, SHIFT),
    ("Tab", "Tab", 9, 0, 0),
    ("Clear", "NumLock", 12, 0, 0),
    ("Help", "Help", 47, 0, 0),
];

/// Without Shift, with Shift, code, virtual key code. Letters are not among them: their codes follow from them.
const PRINTED: [(char, char, &str, u32); 22] = [
    (' ', ' ', "Space", 32),
    ('0', ')', "Digit0", 48),
    ('1', '!', "Digit1", 49),
    ('2', '@', "Digit2", 50),
    ('3', '#', "Digit3", 51),
    ('4', '$', "Digit4", 52),
    ('5', '%', "Digit5", 53),
    ('6', '^', "Digit6", 54),
    ('7', '&', "Digit7", 55),
    ('8', '*', "Digit8", 56),
    ('9', '(', "Digit9", 57),
    (';', ':', "Semicolon", 186),
    ('=', '+', "Equal", 187),
    (',', '<', "Comma", 188),
    ('-', '_', "Minus", 189),
    ('.', '>', "Period", 190),
    ('/', '?', "Slash", 191),
    ('`', '~', "Backquote", 192),
    ('[', '{', "BracketLeft", 219),
    ('\\', '|', "Backslash", 220),
    (']', '}', "BracketRight", 221),
    ('\'', '"', "Quote", 222),
];

/// Returns the key of a name or of one character, as it is while Shift is held or not. `None` for a name that is none.
pub(super) fn key(name: &str, shift: bool) -> Option<Key> {
    if let Some(&(_, code, virtual_code, location, modifier)) = NAMED.iter().find(|(named, ..)| *named == name) {
        let text = (name == "Enter").then(|| "\r".to_owned());
        return Some(Key { key: name.to_owned(), code: code.to_owned(), virtual_code, text, location, modifier });
    }
    // One that is seen may be several to a computer: a family of faces.
    let mut characters = name.chars();
    let (first, rest) = (characters.next()?, characters.as_str());
    if !rest.is_empty() && first.is_ascii() {
        return None;
    }
    let (text, code, virtual_code) = if first.is_ascii_alphabetic() {
        let upper = first.to_ascii_uppercase();
        let written = if shift { upper } else { first };
        (written.to_string(), format!("Key{upper}"), u32::from(upper))
    } else if let Some(&(plain, shifted, code, virtual_code)) =
        PRINTED.iter().find(|(plain, shifted, ..)| first == *plain || first == *shifted)
    {
        let written = if shift && first == plain { shifted } else { first };
        (written.to_string(), code.to_owned(), virtual_code)
    } else {
        (name.to_owned(), String::new(), 0)
    };
    Some(Key { key: text.clone(), code, virtual_code, text: Some(text), location: 0, modifier: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_a_keyboard_has_for_it() {
        for (name, shift, expected) in [
            ("a", false, Some(("a", "KeyA", 65, Some("a")))),
            ("a", true, Some(("A", "KeyA", 65, Some("A")))),
            ("A", false, Some(("A", "KeyA", 65, Some("A")))),
            ("1", true, Some(("!", "Digit1", 49, Some("!")))),
            ("?", false, Some(("?", "Slash", 191, Some("?")))),
            (" ", false, Some((" ", "Space", 32, Some(" ")))),
            ("é", false, Some(("é", "", 0, Some("é")))),
            ("e\u{301}", false, None),
            ("👨‍👩‍👧", false, Some(("👨‍👩‍👧", "", 0, Some("👨‍👩‍👧")))),
            ("Enter", false, Some(("Enter", "Enter", 13, Some("\r")))),
            ("Tab", false, Some(("Tab", "Tab", 9, None))),
            ("F12", false, Some(("F12", "F12", 123, None))),
            ("Shift", true, Some(("Shift", "ShiftLeft", 16, None))),
            ("enter", false, None),
            ("", false, None),
        ] {
            let key = key(name, shift);
            let seen = key.as_ref().map(|key| (&*key.key, &*key.code, key.virtual_code, key.text.as_deref()));
            assert_eq!(seen, expected, "{name:?}");
        }
        assert_eq!(key("Control", false).unwrap().modifier, CONTROL);
    }
}
