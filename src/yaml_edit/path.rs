//! How a person names a version field: a dotted path, or a JSON Pointer.

use std::fmt;
use std::str::FromStr;

/// One step down from a mapping or a sequence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Step {
    /// `name` or `["any text"]`: the value of a mapping's key.
    Key(String),
    /// `[0]`: an item of a sequence.
    Index(usize),
    /// `[name=web]`: the one item, a mapping, that holds this.
    Select { key: String, value: String },
    /// A JSON Pointer's token, which is a key or an index, as the document decides.
    Token(String),
}

/// The way to one scalar: `image.tag`, `containers[name=web].image`, `a["b.c"][0]`, or `/a/b.c/0`.
///
/// ```
/// use hoist::yaml_edit::Path;
/// let path: Path = "spec.containers[name=web].image".parse()?;
/// assert_eq!(path.to_string(), "spec.containers[name=web].image");
/// let pointer: Path = "/spec/containers/0/image".parse()?;
/// assert_eq!(pointer.to_string(), "/spec/containers/0/image");
/// assert!("spec..image".parse::<Path>().is_err());
/// # Ok::<(), hoist::yaml_edit::InvalidPath>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    pub(super) steps: Vec<Step>,
}

/// A text that is no path, and where it stops being one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a path: {why} (at character {column})")]
pub struct InvalidPath {
    /// The text as it was given.
    pub text: String,
    /// The character, counted from 1, at which reading stopped.
    pub column: usize,
    /// What was wrong there, and what was expected.
    pub why: String,
}

impl FromStr for Path {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        if text.starts_with('/') {
            return pointer_steps(text)
                .map(|tokens| Self { steps: tokens.into_iter().map(Step::Token).collect() })
                .map_err(|(column, why)| InvalidPath { text: text.to_owned(), column, why });
        }
        let mut reader = Reader { text, at: 0 };
        match reader.steps() {
            Ok(steps) => Ok(Self { steps }),
            Err(why) => {
                let column = text[..reader.at].chars().count() + 1;
                Err(InvalidPath { text: text.to_owned(), column, why })
            }
        }
    }
}

/// Splits a JSON Pointer (RFC 6901) into its unescaped tokens; the empty one names the root.
pub(super) fn pointer_steps(text: &str) -> Result<Vec<String>, (usize, String)> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let Some(rest) = text.strip_prefix('/') else {
        return Err((1, "a JSON Pointer starts with `/`".to_owned()));
    };
    let mut tokens = Vec::new();
    for token in rest.split('/') {
        let mut plain = String::with_capacity(token.len());
        let mut characters = token.chars();
        while let Some(character) = characters.next() {
            match (character, character == '~') {
                (_, false) => plain.push(character),
                (_, true) => match characters.next() {
                    Some('0') => plain.push('~'),
                    Some('1') => plain.push('/'),
                    Some(_) | None => {
                        let column = text.find(token).unwrap_or(0) + 1;
                        let why = "in a JSON Pointer `~` is written `~0` and `/` is written `~1`";
                        return Err((column, why.to_owned()));
                    }
                },
            }
        }
        tokens.push(plain);
    }
    Ok(tokens)
}

/// Appends one token to a JSON Pointer, escaped.
pub(super) fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn steps(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        loop {
            match self.peek() {
                None if steps.is_empty() => {
                    return Err("it is empty; write keys with dots between: a.b.c".to_owned());
                }
                None => return Ok(steps),
                Some('[') => steps.push(self.bracket()?),
                Some('.') if !steps.is_empty() => {
                    self.at += 1;
                    steps.push(Step::Key(self.key()?));
                }
                Some(_) if steps.is_empty() => steps.push(Step::Key(self.key()?)),
                Some(other) => {
                    return Err(format!("`.` or `[` is expected here, not `{other}`"));
                }
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn key(&mut self) -> Result<String, String> {
        let rest = &self.text[self.at..];
        let end = rest.find(['.', '[', ']', '"']).unwrap_or(rest.len());
        if end == 0 {
            let why = "a key is expected here; one with `.`, `[`, `]` or `\"` in it is written \
                       [\"like.this\"]";
            return Err(why.to_owned());
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    /// `[0]`, `["key"]`, `[key=value]`, each side of the last quoted or not.
    fn bracket(&mut self) -> Result<Step, String> {
        self.at += 1;
        if self.peek() == Some('"') {
            let key = self.quoted()?;
            return match self.peek() {
                Some('=') => self.select(key),
                Some(_) | None => self.close().map(|()| Step::Key(key)),
            };
        }
        let rest = &self.text[self.at..];
        let end = rest.find(['=', ']', '"', '[']).unwrap_or(rest.len());
        let word = &rest[..end];
        if rest[end..].starts_with('=') && end > 0 {
            self.at += end;
            return self.select(word.to_owned());
        }
        let index = if word.bytes().all(|b| b.is_ascii_digit()) { word.parse().ok() } else { None };
        let Some(index) = index else {
            return Err("[0], [key=value] or [\"key\"] is expected here".to_owned());
        };
        self.at += end;
        self.close().map(|()| Step::Index(index))
    }

    fn select(&mut self, key: String) -> Result<Step, String> {
        self.at += 1;
        let value = if self.peek() == Some('"') {
            self.quoted()?
        } else {
            let rest = &self.text[self.at..];
            let end = rest.find(']').unwrap_or(rest.len());
            self.at += end;
            rest[..end].to_owned()
        };
        self.close().map(|()| Step::Select { key, value })
    }

    fn quoted(&mut self) -> Result<String, String> {
        let start = self.at;
        let mut plain = String::new();
        let mut escaped = Escaped::No;
        for (offset, character) in self.text[start + 1..].char_indices() {
            match (escaped, character) {
                (Escaped::No, '"') => {
                    self.at = start + 1 + offset + 1;
                    return Ok(plain);
                }
                (Escaped::No, '\\') => escaped = Escaped::Yes,
                (Escaped::No, other) => plain.push(other),
                (Escaped::Yes, other @ ('"' | '\\')) => {
                    plain.push(other);
                    escaped = Escaped::No;
                }
                (Escaped::Yes, _) => {
                    self.at = start + 1 + offset;
                    return Err("after `\\` only `\"` or `\\` can stand".to_owned());
                }
            }
        }
        Err("the quotes are never closed".to_owned())
    }

    fn close(&mut self) -> Result<(), String> {
        if self.peek() == Some(']') {
            self.at += 1;
            Ok(())
        } else {
            Err("`]` is expected here".to_owned())
        }
    }
}

#[derive(Clone, Copy)]
enum Escaped {
    Yes,
    No,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for step in &self.steps {
            match step {
                Step::Token(token) => {
                    let mut escaped = String::new();
                    push_token(&mut escaped, token);
                    f.write_str(&escaped)?;
                }
                Step::Key(key) if key.is_empty() || key.contains(['.', '[', ']', '"', '/']) => {
                    write!(f, "[{}]", in_quotes(key))?;
                }
                Step::Key(key) => write!(f, "{between}{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Select { key, value } => {
                    write!(f, "[{}={}]", select_side(key), select_side(value))?;
                }
            }
            between = ".";
        }
        Ok(())
    }
}

fn select_side(text: &str) -> String {
    if text.is_empty() || text.contains(['=', '[', ']', '"']) {
        in_quotes(text)
    } else {
        text.to_owned()
    }
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, steps: &[Step]) {
        let path: Path = text.parse().unwrap();
        assert_eq!(path.steps, steps);
        assert_eq!(path.to_string().parse::<Path>().unwrap(), path, "{path} reads back");
    }

    fn key(text: &str) -> Step {
        Step::Key(text.to_owned())
    }

    #[test]
    fn a_path_is_read_in_each_of_its_forms() {
        check("a", &[key("a")]);
        check("a.b-c.d_e", &[key("a"), key("b-c"), key("d_e")]);
        check("a[0].b", &[key("a"), Step::Index(0), key("b")]);
        check("[\"a.b\"].c", &[key("a.b"), key("c")]);
        check("a[\"q\\\"\\\\\"]", &[key("a"), key("q\"\\")]);
        check("app.kubernetes[\"io/name\"]", &[key("app"), key("kubernetes"), key("io/name")]);
        let select = |k: &str, v: &str| Step::Select { key: k.to_owned(), value: v.to_owned() };
        check("c[name=web].image", &[key("c"), select("name", "web"), key("image")]);
        check("c[name=\"a]b\"]", &[key("c"), select("name", "a]b")]);
        check("c[\"a=b\"=x=y]", &[key("c"), select("a=b", "x=y")]);
        check("[\"\"]", &[key("")]);
    }

    #[test]
    fn a_json_pointer_unescapes_its_tokens() {
        let token = |t: &str| Step::Token(t.to_owned());
        check("/a~1b/c~0d/0/", &[token("a/b"), token("c~d"), token("0"), token("")]);
        assert!("/a~2".parse::<Path>().is_err());
        assert!("/a~".parse::<Path>().is_err());
    }

    #[test]
    fn a_wrong_path_says_where_it_stops_being_one() {
        let wrong = |text: &str| text.parse::<Path>().unwrap_err().column;
        assert_eq!(wrong(""), 1);
        assert_eq!(wrong(".a"), 1);
        assert_eq!(wrong("a..b"), 3);
        assert_eq!(wrong("a."), 3);
        assert_eq!(wrong("a[x]"), 3);
        assert_eq!(wrong("a[0"), 4);
        assert_eq!(wrong("a[0]b"), 5);
        assert_eq!(wrong("a[99999999999999999999999]"), 3);
        assert_eq!(wrong("a[\"b"), 3);
    }
}
