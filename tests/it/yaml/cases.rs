//! What a file under `tests/fixtures/yaml` holds; its README says how one is written.

use hoist::yaml_edit::{Edit, Field, Part, Refusal, Rule, Which, edit, find, written};

/// The digests that the cases call `⟨old⟩` and `⟨new⟩`.
pub fn digest(which: char) -> String {
    format!("sha256:{}", which.to_string().repeat(64))
}

/// One rule and what its fields are to become.
pub struct Ask {
    rule: Rule,
    to: String,
}

pub struct Case {
    pub title: String,
    pub asks: Vec<Ask>,
    pub which: Which,
    pub before: Vec<u8>,
    /// The whole text after, or the whole refusal.
    pub expected: Expected,
}

pub enum Expected {
    After(Vec<u8>),
    Refused(String),
}

impl Case {
    /// What the library's users do: find, write each part, edit.
    pub fn run(&self) -> Result<(Vec<Edit>, Vec<u8>), Refusal> {
        let mut edits = Vec::new();
        for ask in &self.asks {
            for field in find(&self.before, &ask.rule, &self.which)? {
                let value = becomes(&field, &ask.to)?;
                edits.push(Edit { place: field.place, expect: field.value, value });
            }
        }
        edit(&self.before, &edits).map(|edited| (edits, edited.text))
    }
}

fn becomes(field: &Field, to: &str) -> Result<String, Refusal> {
    if field.part == Part::Whole {
        return Ok(to.to_owned());
    }
    written(field.part, &field.value, Some(to), &digest('1'))
}

/// Reads all cases of a file.
pub fn parse(text: &str) -> Vec<Case> {
    let cases = text.split("\n=== ").skip(1).map(parse_case).collect::<Vec<_>>();
    assert!(!cases.is_empty(), "a fixture holds cases, each after a line `=== title`");
    cases
}

fn parse_case(text: &str) -> Case {
    let (head, rest) = text.split_once("--- before\n").expect("a case has a text before");
    let (title, head) = head.split_once('\n').expect("a case has a title");
    let (before, expected) = match rest.split_once("--- after\n") {
        Some((before, after)) => (before, Expected::After(unescape(after))),
        None => {
            let (before, refusal) =
                rest.split_once("--- refused\n").expect("a case has a text after, or a refusal");
            (before, Expected::Refused(refusal.trim_end().to_owned()))
        }
    };
    let mut case = Case {
        title: title.to_owned(),
        asks: Vec::new(),
        which: Which::Matching,
        before: unescape(before),
        expected,
    };
    for line in head.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("document ") {
            Some(document) => case.which = which(document),
            None => case.asks.push(ask(line)),
        }
    }
    case
}

fn which(text: &str) -> Which {
    match text.split_once(' ') {
        Some((kind, name)) => Which::Named { kind: kind.to_owned(), name: name.to_owned() },
        None => Which::Index(text.parse().expect("a document is a number, or a kind and a name")),
    }
}

fn ask(line: &str) -> Ask {
    let (rule, to) = line.split_once(" -> ").expect("a rule says what the field becomes");
    let (kind, name) = rule.split_once(' ').expect("a rule has a kind and a name");
    let name = name.to_owned();
    let rule = match kind {
        "path" => Rule::path(&name).expect("a case's path is a path"),
        "image" => Rule::Image(name),
        "kustomize_image" => Rule::KustomizeImage(name),
        "marker" => Rule::Marker(name),
        other => panic!("`{other}` is no kind of rule"),
    };
    Ask { rule, to: String::from_utf8(unescape(to)).expect("a value is text") }
}

/// Replaces `⟨000D⟩` by the character, `⟨byte FF⟩` by the byte, `⟨end⟩` and the line end behind it by
/// nothing, `⟨old⟩` and `⟨new⟩` by digests.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, marked)) = rest.split_once('⟨') {
        bytes.extend_from_slice(plain.as_bytes());
        let (name, after) = marked.split_once('⟩').expect("`⟨` is closed by `⟩`");
        rest = after;
        match name {
            "end" => rest = rest.strip_prefix('\n').unwrap_or(rest),
            "old" => bytes.extend_from_slice(digest('0').as_bytes()),
            "new" => bytes.extend_from_slice(digest('1').as_bytes()),
            other => match other.strip_prefix("byte ") {
                Some(hex) => bytes.push(u8::from_str_radix(hex, 16).expect("a byte in hex")),
                None => {
                    let number = u32::from_str_radix(other, 16).expect("a character in hex");
                    let character = char::from_u32(number).expect("a character");
                    bytes.extend_from_slice(character.to_string().as_bytes());
                }
            },
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
