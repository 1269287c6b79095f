//! Wrong edits, made from right ones: what the proof must never let through.

use hoist::yaml_edit::Edit;

/// Texts that differ from a right one by one small thing, with the thing's name.
pub fn of(after: &[u8], edits: &[Edit]) -> Vec<(&'static str, Vec<u8>)> {
    let Ok(text) = std::str::from_utf8(after) else { return Vec::new() };
    let mut mutants = Vec::new();
    for edit in edits.iter().filter(|edit| !edit.value.is_empty()) {
        for (start, _) in text.match_indices(&edit.value).take(3) {
            around(text, start, start + edit.value.len(), &mut mutants);
        }
    }
    for (start, _) in text.match_indices(" #").take(3) {
        let end = text[start..].find(['\n', '\r']).map_or(text.len(), |length| start + length);
        mutants.push(("swallowed comment", spliced(text, start, end, "")));
        mutants.push(("changed comment", spliced(text, end, end, "!")));
    }
    for (start, _) in text.match_indices('\n').take(4) {
        mutants.push(("extra space", spliced(text, start, start, " ")));
        mutants.push(("extra line", spliced(text, start, start, "\n")));
        mutants.push(("added comment", spliced(text, start, start, " # new")));
    }
    mutants.push(("extra end", format!("{text}\n").into_bytes()));
    if let Some(shorter) = text.strip_suffix('\n') {
        mutants.push(("lost end", shorter.as_bytes().to_vec()));
    }
    mutants.retain(|(_, mutant)| mutant != after);
    mutants
}

fn around(text: &str, start: usize, end: usize, mutants: &mut Vec<(&'static str, Vec<u8>)>) {
    let byte = |at: usize| text.as_bytes().get(at).copied();
    let quoted = byte(end).is_some_and(|b| b == b'"' || b == b'\'')
        && start > 0
        && byte(start - 1) == byte(end);
    let value = &text[start..end];
    if quoted {
        mutants.push(("dropped quote", spliced(text, start - 1, end + 1, value)));
        let other = if byte(end) == Some(b'"') { '\'' } else { '"' };
        let requoted = format!("{other}{value}{other}");
        mutants.push(("other quote", spliced(text, start - 1, end + 1, &requoted)));
    }
    let last = value.chars().next_back().map_or(end, |last| end - last.len_utf8());
    let first = value.chars().next().map_or(start, |first| start + first.len_utf8());
    mutants.push(("wrong value", spliced(text, start, end, "wrong")));
    mutants.push(("short value", spliced(text, last, end, "")));
    mutants.push(("shifted start", spliced(text, start, first, "")));
    mutants.push(("doubled", spliced(text, end, end, value)));
    if start > 0 && text.is_char_boundary(start - 1) {
        mutants.push(("eaten byte before", spliced(text, start - 1, start, "")));
    }
    if end < text.len() && text.is_char_boundary(end + 1) {
        mutants.push(("eaten byte after", spliced(text, end, end + 1, "")));
    }
    mutants.push(("space inside", spliced(text, start, start, " ")));
    mutants.push(("anchor added", spliced(text, start, start, "&a ")));
    mutants.push(("tag added", spliced(text, start, start, "!!str ")));
}

fn spliced(text: &str, start: usize, end: usize, new: &str) -> Vec<u8> {
    [&text[..start], new, &text[end..]].concat().into_bytes()
}
