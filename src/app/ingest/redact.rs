//! Takes out of a body what should be nobody's to read.

use serde_json::Value;

/// What stands in place of a secret.
const HIDDEN: &str = "…";

/// How deep a body is looked into; serde_json reads no deeper.
const DEEPEST: usize = 128;

/// What a key has in its name when its value may be a secret.
const SECRETIVE: [&str; 8] =
    ["secret", "token", "password", "passwd", "authorization", "credential", "cookie", "api_key"];

/// A body for people: JSON with its secrets hidden; of what is no JSON only its length.
pub(in crate::app) fn shown(body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return None;
    }
    match serde_json::from_slice(body) {
        Ok(mut value) => {
            hide(&mut value, DEEPEST);
            Some(value)
        }
        Err(_) => Some(Value::String(format!("{} bytes that are no JSON", body.len()))),
    }
}

fn hide(value: &mut Value, depth: usize) {
    if depth == 0 {
        *value = Value::from(HIDDEN);
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.to_lowercase().replace('-', "_");
                if SECRETIVE.iter().any(|word| name.contains(word)) {
                    *value = Value::from(HIDDEN);
                } else {
                    hide(value, depth - 1);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, depth - 1)),
        Value::String(text) if has_password(text) => *value = Value::from(HIDDEN),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

/// Tells whether a text is an address with a name or a password before `@`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    rest.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_wherever_it_stands() {
        let body = br#"{"image": "a", "ci": [{"Job-Token": "x"}], "url": "https://ci:x@h/a", "note": "a@b"}"#;
        let shown = shown(body).unwrap().to_string();
        assert_eq!(shown, r#"{"ci":[{"Job-Token":"…"}],"image":"a","note":"a@b","url":"…"}"#);
    }
}
