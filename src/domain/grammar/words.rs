//! Words and their quotes.

use std::borrow::Cow;

use super::Misunderstanding;

/// Words that mean something where they are not quoted.
pub(super) const KEYWORDS: [&str; 7] = ["to", "into", "in", "for", "until", "because", "hoist"];

/// One word, and whether it was quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) form: Form,
}

/// How a word was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bare,
    Quoted,
}

impl Word {
    /// The keyword that it is, if it is one.
    pub(super) fn keyword(&self) -> Option<&'static str> {
        let bare = self.form == Form::Bare;
        KEYWORDS.into_iter().find(|it| bare && it.eq_ignore_ascii_case(&self.text))
    }

    /// The option that it is. Telephones turn two hyphens into one dash.
    pub(super) fn option(&self) -> Option<String> {
        if self.form == Form::Quoted {
            return None;
        }
        let name = ["--", "—", "–"].iter().find_map(|dash| self.text.strip_prefix(dash))?;
        Some(format!("--{}", name.to_ascii_lowercase()))
    }
}

/// The quotation marks that close what these open; telephones make curly ones.
fn closing(opening: char) -> Option<char> {
    match opening {
        '"' | '\'' => Some(opening),
        '“' | '„' => Some('”'),
        '‘' => Some('’'),
        _ => None,
    }
}

/// The next word, and what comes after it; none at the end.
pub(super) fn next(text: &str) -> Result<Option<(Word, &str)>, Misunderstanding> {
    let text = text.trim_start();
    let Some(first) = text.chars().next() else { return Ok(None) };
    let Some(close) = closing(first) else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        return Ok(Some((Word { text: word.to_owned(), form: Form::Bare }, rest)));
    };
    let mut word = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' && first == '"' {
            word.extend(letters.next().map(|(_, escaped)| escaped));
        } else if letter == close {
            let rest = &text[at + close.len_utf8()..];
            return Ok(Some((Word { text: word, form: Form::Quoted }, rest)));
        } else {
            word.push(letter);
        }
    }
    Err(Misunderstanding::OpenQuote)
}

/// The verb, and what comes after it. `/hoist` before it is what brought it here, and `roll back`
/// is one verb; none where nothing is said.
pub(super) fn verb(text: &str) -> Result<Option<(String, &str)>, Misunderstanding> {
    let Some((mut word, mut rest)) = next(text)? else { return Ok(None) };
    let name = word.text.trim_start_matches(['/', '@']).trim_end_matches([':', ',']);
    if name.eq_ignore_ascii_case("hoist") {
        let Some(following) = next(rest)? else { return Ok(None) };
        (word, rest) = following;
    }
    if word.text.eq_ignore_ascii_case("roll")
        && let Some((second, after)) = next(rest)?
        && second.text.eq_ignore_ascii_case("back")
    {
        return Ok(Some(("rollback".to_owned(), after)));
    }
    Ok(Some((word.text, rest)))
}

/// A word as it can be said again.
pub(super) fn shown(word: &str) -> Cow<'_, str> {
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
    let keyword = KEYWORDS.iter().any(|it| it.eq_ignore_ascii_case(word));
    let starts = word.starts_with(['-', '—', '–', '"', '\'', '“', '„', '‘']);
    if !word.is_empty() && word.chars().all(plain) && !keyword && !starts {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
}
