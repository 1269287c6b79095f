//! Takes out of a body what should be nobody's to read.

use serde_json::Value;

/// What stands in place of a secret.
const HIDDEN: &str = "…";

/// How deep a body is looked into; serde_json reads no deeper.
const DEEPEST: usize = 128;

/// What a key has in its name when its value may be a secret, however its words are joined.
const SECRETIVE: [&str; 11] = [
    "secret",
    "token",
    "password",
    "passwd",
    "pwd",
    "authorization",
    "credential",
    "cookie",
    "apikey",
    "privatekey",
    "accesskey",
];

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
            // A variable as CI tells of it: its name beside its value.
            let names = fields.get("name").and_then(Value::as_str).is_some_and(is_secretive);
            for (name, value) in fields {
                if is_secretive(name) || (names && name == "value") {
                    *value = Value::from(HIDDEN);
                } else {
                    hide(value, depth - 1);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, depth - 1)),
        Value::String(text) if is_secret(text) => *value = Value::from(HIDDEN),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

/// Tells whether what has this name may be a secret.
fn is_secretive(name: &str) -> bool {
    let plain: String = name.chars().filter(|it| !matches!(it, '-' | '_' | '.')).collect();
    let plain = plain.to_lowercase();
    plain == "auth" || SECRETIVE.iter().any(|word| plain.contains(word))
}

/// Tells whether a text is one by its looks: a login as HTTP sends it, a signed token, or an address
/// with one in it.
fn is_secret(text: &str) -> bool {
    let start = text.get(..7).unwrap_or_default().to_lowercase();
    let is_login = start == "bearer " || start.starts_with("basic ");
    let is_signed = text.starts_with("eyJ") && text.matches('.').count() == 2;
    is_login || is_signed || has_secret(text)
}

/// Tells whether a text is an address with a name or a password before `@`, or with a secret among
/// what it asks for.
fn has_secret(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let mut asked = rest.split(['?', '&', '#']).skip(1).filter_map(|pair| pair.split_once('='));
    host.contains('@') || asked.any(|(name, _)| is_secretive(name))
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

    #[test]
    fn a_secret_is_known_by_its_name_however_written_and_by_its_looks() {
        for hidden in [
            r#"{"apiKey": "x1"}"#,
            r#"{"private_key": "x1"}"#,
            r#"{"auth": "x1"}"#,
            r#"{"name": "REGISTRY_TOKEN", "value": "x1"}"#,
            r#"{"header": "Bearer x1"}"#,
            r#"{"jwt": "eyJhbGciOiJub25lIn0.eyJ4Ijoi.x1"}"#,
            r#"{"url": "https://ci.example.com/7?page=1&token=x1"}"#,
        ] {
            let shown = shown(hidden.as_bytes()).unwrap().to_string();
            assert!(shown.contains('…') && !shown.contains("x1"), "{shown}");
        }
        let open =
            r#"{"name":"payments","url":"https://ci.example.com/7?page=1","value":"basics"}"#;
        assert_eq!(shown(open.as_bytes()).unwrap().to_string(), open);
    }
}
