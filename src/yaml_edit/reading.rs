//! The second opinion: what an unrelated parser (serde_yaml's libyaml) reads in a text.
//!
//! It is written down as a flat row of tokens, not as a tree: half the time of building values, and no
//! limit on what a mapping may hold twice.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::refusal::Refusal;
use super::scan::Scan;

/// Aliases repeat what they name; this many times the text's own size is more than any real file.
const MOST_PER_BYTE: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Mapping,
    Sequence,
    End,
    Null,
    Bool(bool),
    Integer(i128),
    Large(u128),
    /// A float's bits: a NaN equals itself here.
    Float(u64),
    Text(usize, usize),
    /// A tag of the file's own, before the node that carries it.
    Tag(usize, usize),
}

/// What was read, in order.
pub(super) struct Reading {
    tokens: Vec<Token>,
    text: String,
    most: usize,
}

/// Why the second parser does not read a text.
pub(super) struct Unread {
    at: Option<(usize, usize)>,
    pub(super) why: String,
}

impl From<&serde_yaml::Error> for Unread {
    fn from(error: &serde_yaml::Error) -> Self {
        // Where a byte is wrong, not a construct, libyaml knows no line.
        let place = error.location().filter(|place| place.index() > 0);
        let at = place.map(|place| (place.line(), place.column()));
        Self { at, why: error.to_string() }
    }
}

impl Unread {
    pub(super) fn refusal(self) -> Refusal {
        let why = format!("a second YAML reader does not read it ({})", self.why);
        let hint = "mend the file; hoist edits only what every YAML reader can read";
        let refusal = Refusal::new("the file", why, hint);
        match self.at {
            Some(at) => refusal.at(at),
            None => refusal,
        }
    }
}

/// A node's way from the root: at each level which child, keys and values counted alike.
pub(super) type Ordinals = Vec<usize>;

impl Reading {
    pub(super) fn of(scan: &Scan<'_>) -> Result<Self, Unread> {
        Self::of_first(scan, scan.text.len())
    }

    /// What stands in the first so many bytes.
    pub(super) fn of_first(scan: &Scan<'_>, bytes: usize) -> Result<Self, Unread> {
        // libyaml counts a byte order mark as a column.
        let text = scan.text.get(scan.mark..bytes).unwrap_or_default();
        let most = 1000 + text.len() * MOST_PER_BYTE;
        let mut reading =
            Self { tokens: Vec::with_capacity(text.len() / 8), text: String::new(), most };
        reading.text.reserve(text.len());
        for document in serde_yaml::Deserializer::from_str(text) {
            Scribe(&mut reading).deserialize(document).map_err(|error| Unread::from(&error))?;
        }
        Ok(reading)
    }

    /// Where the two differ, if they differ only in what scalars say.
    pub(super) fn differences(&self, other: &Self) -> Result<Vec<Difference>, String> {
        if self.tokens.len() != other.tokens.len() {
            return Err("the two hold different numbers of values".to_owned());
        }
        let mut found = Vec::new();
        let mut way = Way::default();
        let mut walked = 0;
        for (index, (a, b)) in self.tokens.iter().zip(&other.tokens).enumerate() {
            if self.same(*a, other, *b) {
                continue;
            }
            if !a.is_scalar() || !b.is_scalar() {
                return Err("the two are built differently".to_owned());
            }
            for token in &self.tokens[walked..=index] {
                way.step(*token);
            }
            walked = index + 1;
            let text = match b {
                Token::Text(start, end) => Some(other.text[*start..*end].to_owned()),
                Token::Mapping | Token::Sequence | Token::End | Token::Tag(..) => None,
                Token::Null | Token::Bool(_) | Token::Integer(_) => None,
                Token::Large(_) | Token::Float(_) => None,
            };
            found.push(Difference { ordinals: way.ordinals(), text });
        }
        Ok(found)
    }

    fn same(&self, mine: Token, other: &Self, theirs: Token) -> bool {
        match (mine, theirs) {
            (Token::Text(a, b), Token::Text(c, d)) | (Token::Tag(a, b), Token::Tag(c, d)) => {
                self.text[a..b] == other.text[c..d]
            }
            (mine, theirs) => mine == theirs,
        }
    }

    fn push(&mut self, token: Token) -> Result<(), TooMuch> {
        if self.tokens.len() >= self.most {
            return Err(TooMuch);
        }
        self.tokens.push(token);
        Ok(())
    }

    fn push_text(&mut self, text: &str) -> Result<(), TooMuch> {
        let start = self.text.len();
        if start + text.len() > self.most {
            return Err(TooMuch);
        }
        self.text.push_str(text);
        self.push(Token::Text(start, self.text.len()))
    }
}

/// A scalar that the two texts read differently.
pub(super) struct Difference {
    pub(super) ordinals: Ordinals,
    /// What the second says, if it says a string.
    pub(super) text: Option<String>,
}

impl Token {
    fn is_scalar(self) -> bool {
        match self {
            Self::Mapping | Self::Sequence | Self::End | Self::Tag(..) => false,
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Large(_) => true,
            Self::Float(_) | Self::Text(..) => true,
        }
    }
}

/// Counts children while it walks over tokens.
struct Way {
    begun: Vec<usize>,
}

impl Default for Way {
    fn default() -> Self {
        Self { begun: vec![0] }
    }
}

impl Way {
    fn step(&mut self, token: Token) {
        match token {
            Token::End => {
                self.begun.pop();
            }
            Token::Tag(..) => (),
            Token::Mapping | Token::Sequence => {
                self.count();
                self.begun.push(0);
            }
            Token::Null | Token::Bool(_) | Token::Integer(_) | Token::Large(_) => self.count(),
            Token::Float(_) | Token::Text(..) => self.count(),
        }
    }

    fn count(&mut self) {
        if let Some(begun) = self.begun.last_mut() {
            *begun += 1;
        }
    }

    fn ordinals(&self) -> Ordinals {
        self.begun.iter().map(|begun| begun.saturating_sub(1)).collect()
    }
}

struct TooMuch;

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its aliases repeat too much")
    }
}

/// Writes down what it is shown.
struct Scribe<'a>(&'a mut Reading);

impl Scribe<'_> {
    fn scalar<E: Error>(self, token: Token) -> Result<(), E> {
        self.0.push(token).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Scribe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scribe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar(Token::Null)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.scalar(Token::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(Token::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(Token::Integer(i128::from(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(Token::Integer(i128::from(value)))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<(), E> {
        self.scalar(Token::Integer(value))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<(), E> {
        self.scalar(Token::Large(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(Token::Float(value.to_bits()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.0.push_text(value).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push(Token::Sequence).map_err(A::Error::custom)?;
        while items.next_element_seed(Scribe(self.0))?.is_some() {}
        self.scalar(Token::End)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.0.push(Token::Mapping).map_err(A::Error::custom)?;
        while entries.next_key_seed(Scribe(self.0))?.is_some() {
            entries.next_value_seed(Scribe(self.0))?;
        }
        self.scalar(Token::End)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        let start = self.0.text.len();
        let ((), node) = data.variant_seed(TagName(self.0))?;
        self.0.push(Token::Tag(start, self.0.text.len())).map_err(A::Error::custom)?;
        node.newtype_variant_seed(self)
    }
}

/// Appends a tag's name to the text.
struct TagName<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for TagName<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for TagName<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tag")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        self.0.text.push_str(name);
        Ok(())
    }
}
