//! One scalar's token: where it ends, and how a new value is written in its style.
//!
//! yaml-rust2 gives no end marks, so the token is read again here, by its style, and must decode to the
//! very value the parser saw. Whoever disagrees, the edit is not made.

use super::scan::Style;

/// Finds the end of the token that starts at `start` and must decode to `value`.
pub(super) fn token_end(text: &str, start: usize, style: Style, value: &str) -> Option<usize> {
    match style {
        Style::Plain => plain_end(text, start, value),
        Style::Single => quoted_end(text, start, b'\'', value),
        Style::Double => quoted_end(text, start, b'"', value),
        Style::Block => None,
    }
}

/// Follows the value through the text; only line folds may differ.
fn plain_end(text: &str, start: usize, value: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut rest = value;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let run = white_run(bytes, at);
        if run.breaks > 0 {
            rest = rest.strip_prefix(folded(run.breaks).as_str())?;
            at = run.end;
        }
        let character = rest.chars().next()?;
        rest = text[at..].starts_with(character).then(|| &rest[character.len_utf8()..])?;
        at += character.len_utf8();
    }
    let ends = matches!(
        bytes.get(at),
        None | Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}' | b':')
    );
    ends.then_some(at)
}

/// White space from a byte on, and how many line breaks it holds.
struct Run {
    end: usize,
    breaks: usize,
}

fn white_run(bytes: &[u8], start: usize) -> Run {
    let mut run = Run { end: start, breaks: 0 };
    while let Some(byte) = bytes.get(run.end) {
        run.end += match (byte, bytes.get(run.end + 1)) {
            (b' ' | b'\t', Some(_) | None) => 1,
            (b'\r', Some(b'\n')) => {
                run.breaks += 1;
                2
            }
            (b'\n' | b'\r', Some(_) | None) => {
                run.breaks += 1;
                1
            }
            (_, Some(_) | None) => return run,
        };
    }
    run
}

/// What a number of line breaks inside a flow scalar means.
fn folded(breaks: usize) -> String {
    if breaks == 1 { " ".to_owned() } else { "\n".repeat(breaks - 1) }
}

/// Reads a quoted token to its closing quote, decoding as it goes.
fn quoted_end(text: &str, start: usize, quote: u8, value: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(start) != Some(&quote) {
        return None;
    }
    let mut at = start + 1;
    let mut decoded = String::with_capacity(value.len());
    // White space that an escape wrote is not trimmed at a line's end.
    let mut kept = 0;
    loop {
        let stop = at + bytes[at..].iter().position(|b| special(*b, quote))?;
        decoded.push_str(&text[at..stop]);
        at = stop;
        match (bytes[at], bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) => {
                decoded.push('\'');
                at += 2;
            }
            (b'\'' | b'"', _) => return (decoded == value).then_some(at + 1),
            (b'\\', Some(b'\r' | b'\n')) => {
                let run = white_run(bytes, at + 1);
                decoded.extend(std::iter::repeat_n('\n', run.breaks - 1));
                at = run.end;
                kept = decoded.len();
            }
            (b'\\', _) => {
                at = unescape(text, at + 1, &mut decoded)?;
                kept = decoded.len();
            }
            _ => {
                let run = white_run(bytes, at);
                let trimmed = decoded[kept..].trim_end_matches([' ', '\t']).len();
                decoded.truncate(kept + trimmed);
                decoded.push_str(&folded(run.breaks));
                kept = decoded.len();
                at = run.end;
            }
        }
    }
}

fn special(byte: u8, quote: u8) -> bool {
    byte == quote || byte == b'\n' || byte == b'\r' || (byte == b'\\' && quote == b'"')
}

/// Decodes what follows a backslash; returns where it ends.
fn unescape(text: &str, at: usize, decoded: &mut String) -> Option<usize> {
    let escape = text[at..].chars().next()?;
    let after = at + escape.len_utf8();
    let plain = match escape {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        ' ' | '"' | '/' | '\\' => escape,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        'x' => return by_number(text, after, 2, decoded),
        'u' => return by_number(text, after, 4, decoded),
        'U' => return by_number(text, after, 8, decoded),
        _ => return None,
    };
    decoded.push(plain);
    Some(after)
}

fn by_number(text: &str, at: usize, digits: usize, decoded: &mut String) -> Option<usize> {
    let number = hex(text, at, digits)?;
    if (0xD800..0xDC00).contains(&number) {
        // JSON writes what lies beyond 16 bits as a pair.
        let after = at + digits;
        let low = hex(text, after + 2, 4).filter(|low| (0xDC00..0xE000).contains(low))?;
        text[after..].starts_with("\\u").then_some(())?;
        decoded.push(char::from_u32(0x10000 + ((number - 0xD800) << 10) + (low - 0xDC00))?);
        return Some(after + 6);
    }
    decoded.push(char::from_u32(number)?);
    Some(at + digits)
}

fn hex(text: &str, at: usize, digits: usize) -> Option<u32> {
    let digits = text.get(at..at + digits)?;
    let sound = digits.bytes().all(|b| b.is_ascii_hexdigit());
    sound.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// A value that cannot be written in the style that stands there.
pub(super) struct CannotWrite;

/// Writes a value as a token of this style; a plain one is quoted where plain text would not be read
/// as this string by every reader.
pub(super) fn write(style: Style, value: &str) -> Result<(Style, String), CannotWrite> {
    match style {
        Style::Plain if stays_plain(value) => Ok((Style::Plain, value.to_owned())),
        Style::Plain | Style::Double => Ok((Style::Double, in_double_quotes(value))),
        Style::Single if value.chars().all(is_printable) => {
            Ok((Style::Single, format!("'{}'", value.replace('\'', "''"))))
        }
        Style::Single | Style::Block => Err(CannotWrite),
    }
}

/// Whether a character may stand in the text as itself.
fn is_printable(character: char) -> bool {
    !matches!(
        character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}'
            | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

/// Escapes only as JSON does, so that the same serves a `.json` file.
fn in_double_quotes(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for character in value.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other if is_printable(other) => quoted.push(other),
            other => quoted.push_str(&format!("\\u{:04x}", u32::from(other))),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether every reader, YAML 1.1 or 1.2, in block and in flow, reads this plain text as this string.
///
/// Errs on the side of quotes: `a,b` is a string in a block and two in a flow sequence.
pub(super) fn stays_plain(value: &str) -> bool {
    let mut characters = value.chars();
    let Some(first) = characters.next() else { return false };
    let second = characters.next();
    let starts = match first {
        // An option (`--image=…`), not an item, a number or a document's start.
        '-' => !value.starts_with("---") && second.is_some_and(|c| c.is_alphabetic() || c == '-'),
        other => other.is_alphanumeric() || "._/^~$+\\();".contains(other),
    };
    let inside = |c: char| is_printable(c) && !c.is_whitespace() && !",[]{}".contains(c);
    let meaningful = [": ", " #", "  "].iter().any(|text| value.contains(text));
    starts
        && value.chars().all(|c| c == ' ' || inside(c))
        && !meaningful
        && !value.ends_with([' ', ':'])
        && !value.starts_with("...")
        && !reads_as_other(value)
}

/// Whether some reader takes the plain text for a number, a date, a boolean or nothing.
pub(super) fn reads_as_other(value: &str) -> bool {
    let word = value.to_ascii_lowercase();
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<"];
    let unsigned = word.trim_start_matches(['+', '-']);
    words.contains(&word.as_str())
        || matches!(unsigned, ".inf" | ".nan" | "inf" | "nan" | "infinity" | ".infinity")
        || is_number(unsigned)
        || is_date(&word)
}

/// Numbers of any base, with underscores, colons (base 60), exponents and fractions.
fn is_number(word: &str) -> bool {
    let digits = |text: &str, allowed: &str| {
        text.bytes().any(|b| b.is_ascii_hexdigit())
            && text.bytes().all(|b| allowed.as_bytes().contains(&b))
    };
    if let Some(hex) = word.strip_prefix("0x") {
        return digits(hex, "0123456789abcdef_");
    }
    if let Some(small) = word.strip_prefix("0o").or_else(|| word.strip_prefix("0b")) {
        return digits(small, "01234567_");
    }
    let (mantissa, exponent) = match word.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (word, None),
    };
    let exponent_sound = exponent.is_none_or(|text| {
        let text = text.trim_start_matches(['+', '-']);
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    });
    // Two fractions (`1.2.3`) are a version, whoever reads it.
    exponent_sound && digits(mantissa, "0123456789_.:") && mantissa.matches('.').count() <= 1
}

/// `2026-08-22`, with or without a time after it.
fn is_date(word: &str) -> bool {
    let mut parts = word.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let day: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let after = rest[day.len()..].chars().next();
    year.len() == 4
        && number(year)
        && number(month)
        && month.len() <= 2
        && (1..=2).contains(&day.len())
        && matches!(after, None | Some('t' | ' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_value_that_some_reader_takes_for_another_type_is_quoted() {
        for value in [
            "1.10",
            "1e3",
            "5e1234567",
            "1234e56",
            "0x10",
            "017",
            "0o17",
            "null",
            "~",
            "yes",
            "on",
            "1_000",
            "2026-08-22",
            "20260822",
            "12:30:45",
            ".inf",
            "-.INF",
            "True",
            "N",
            "",
            "+1",
            "1.",
            ".5",
            "6e-3",
            "0b11",
            "2026-08-22T10:00:00Z",
            "<<",
            "=",
            "nan",
            "-1",
            "_1",
            "1:30",
            "0777e",
            "1e",
        ] {
            let quoted = matches!(write(Style::Plain, value), Ok((Style::Double, _)));
            let harmless = ["0777e", "1e"].contains(&value);
            assert_eq!(quoted, !harmless, "{value}");
        }
    }

    #[test]
    fn a_plain_version_stays_plain() {
        for value in [
            "v1.2.3",
            "1.2.3",
            "1.27.0-alpine",
            "nginx:1.27",
            "a/b@sha256:0a",
            "2026-08-22-9f2c1a",
            "v1",
            "1.2.3+build.7",
            "~1.2",
            "^2.0",
            "release candidate",
            "9f2c",
            "main",
            "1.x",
            "1.2.3-rc.1",
            "naïve-é",
        ] {
            assert!(stays_plain(value), "{value}");
        }
    }

    #[test]
    fn a_plain_value_with_meaning_in_yaml_is_quoted() {
        for value in [
            "a: b",
            "a #b",
            "a:",
            " a",
            "a ",
            "- a",
            "*a",
            "&a",
            "!a",
            "|",
            ">=1.0",
            "%a",
            "@a",
            "`a",
            "{a",
            "[a",
            "a,b",
            "a]",
            "'a'",
            "\"a\"",
            "a\nb",
            "a\tb",
            "?",
            "...",
            "a\u{85}b",
            "\u{feff}a",
        ] {
            assert!(!stays_plain(value), "{value}");
        }
    }

    fn check(style: Style, token: &str, value: &str) {
        let text = format!("é: {token}, rest");
        let end = token_end(&text, 4, style, value);
        assert_eq!(end, Some(4 + token.len()), "{token}");
    }

    #[test]
    fn a_token_is_read_to_its_end() {
        check(Style::Single, "'it''s'", "it's");
        check(Style::Single, "'a  \n  b'", "a b");
        check(Style::Single, "'a\r\n\r\n\r\n b'", "a\n\nb");
        check(Style::Double, r#""a\"b\\\x41\u00e9\U0001F600\/""#, "a\"b\\Aé😀/");
        check(Style::Double, r#""\ud83d\ude00""#, "😀");
        check(Style::Double, "\"a\\t\n b\"", "a\t b");
        check(Style::Double, "\"a \\\n   b\"", "a b");
        check(Style::Plain, "a\n   b", "a b");
        check(Style::Plain, "a  c \r\r   b", "a  c\nb");
    }

    #[test]
    fn a_token_that_says_something_else_has_no_end() {
        assert_eq!(token_end("'a'", 0, Style::Single, "b"), None);
        assert_eq!(token_end("'a", 0, Style::Single, "a"), None);
        assert_eq!(token_end("\"\\ud83d\"", 0, Style::Double, "x"), None);
        assert_eq!(token_end("abc", 0, Style::Plain, "ab"), None);
        assert_eq!(token_end("abc", 0, Style::Plain, "abcd"), None);
    }
}
