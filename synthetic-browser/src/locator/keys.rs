//! Keys as an author writes them, and as the browser is told.

use crate::engine::KeyAction;

/// Returns what to press for `Enter`, `a`, `Control+A`, `Control+Shift+Tab`.
pub(crate) fn chord(keys: &str) -> Result<Vec<KeyAction>, String> {
    let parts: Vec<&str> = match keys.strip_suffix("++") {
        Some(before) => before.split('+').chain(["+"]).collect(),
        None if keys == "+" => vec!["+"],
        None => keys.split('+').collect(),
    };
    if parts.iter().any(|part| part.is_empty()) {
        return Err(format!("{keys:?} is no key: write it as `Enter`, `a` or `Control+A`"));
    }
    let (modifiers, key) = parts.split_at(parts.len() - 1);
    let mut actions = Vec::new();
    for modifier in modifiers {
        if !["Control", "Shift", "Alt", "Meta"].contains(modifier) {
            return Err(format!("{modifier:?} is no modifier: Control, Shift, Alt and Meta are"));
        }
        actions.push(KeyAction::Down((*modifier).to_owned()));
    }
    // The letter of a shortcut is written large, as on the key; only Shift makes it so.
    let large = modifiers.is_empty() || modifiers.contains(&"Shift");
    let key = key.first().copied().unwrap_or_default();
    let key = if key.chars().count() == 1 && !large { key.to_lowercase() } else { key.to_owned() };
    actions.push(KeyAction::Down(key.clone()));
    actions.push(KeyAction::Up(key));
    actions.extend(modifiers.iter().rev().map(|modifier| KeyAction::Up((*modifier).to_owned())));
    Ok(actions)
}

/// What is typed in one go: keys, or text that no key makes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Keys(Vec<KeyAction>),
    Text(String),
}

/// Returns how to type a text key by key.
pub(crate) fn typed(text: &str) -> Vec<Typed> {
    let mut all = Vec::new();
    for letter in text.chars() {
        let key = match letter {
            '\n' => "Enter".to_owned(),
            '\t' => "Tab".to_owned(),
            ' '..='~' => letter.to_string(),
            _ => {
                all.push(Typed::Text(letter.to_string()));
                continue;
            }
        };
        let pressed = [KeyAction::Down(key.clone()), KeyAction::Up(key)];
        match all.last_mut() {
            Some(Typed::Keys(keys)) => keys.extend(pressed),
            _ => all.push(Typed::Keys(pressed.into())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(actions: &[KeyAction]) -> String {
        let each = |action: &KeyAction| match action {
            KeyAction::Down(key) => format!("↓{key}"),
            KeyAction::Up(key) => format!("↑{key}"),
        };
        actions.iter().map(each).collect()
    }

    #[test]
    fn keys_are_pressed_as_they_are_written() {
        for (keys, pressed) in [
            ("Enter", "↓Enter↑Enter"),
            ("A", "↓A↑A"),
            ("Control+A", "↓Control↓a↑a↑Control"),
            ("Control+Shift+A", "↓Control↓Shift↓A↑A↑Shift↑Control"),
            ("+", "↓+↑+"),
            ("Control++", "↓Control↓+↑+↑Control"),
        ] {
            assert_eq!(written(&chord(keys).unwrap()), pressed);
        }
        for (keys, problem) in [
            ("", r#""" is no key: write it as `Enter`, `a` or `Control+A`"#),
            ("Control+", r#""Control+" is no key: write it as `Enter`, `a` or `Control+A`"#),
            ("Ctrl+A", r#""Ctrl" is no modifier: Control, Shift, Alt and Meta are"#),
        ] {
            assert_eq!(chord(keys).unwrap_err(), problem);
        }
    }

    #[test]
    fn a_text_is_typed_key_by_key() {
        let all = typed("aB\né");
        assert!(
            matches!(&all[..], [Typed::Keys(keys), Typed::Text(text)] if written(keys) == "↓a↑a↓B↑B↓Enter↑Enter" && text == "é")
        );
    }
}
