//! What a forge would do because of a text that somebody wrote: tell people, and close issues.

/// The words that close an issue when what says them is merged.
const CLOSING: [&str; 9] =
    ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

/// What a Markdown text orders, outside of code and of what is not shown.
pub fn in_markdown(text: &str) -> Vec<String> {
    in_plain(&without(&without(&without(text, "<!--", "-->"), "```", "```"), "`", "`"))
}

/// What a text orders as it stands, as a commit's message does.
pub fn in_plain(text: &str) -> Vec<String> {
    let mut orders = Vec::new();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        if c == '@' && !before.is_alphanumeric() && before != '\\' && !name.is_empty() {
            orders.push(format!("@{name}"));
        }
        before = c;
    }
    // A blank that does not break is none to a forge.
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    for pair in words.windows(2) {
        let word = pair[0].trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let issue = pair[1].strip_prefix('#').and_then(|it| it.chars().next());
        if CLOSING.contains(&word.as_str()) && issue.is_some_and(|it| it.is_ascii_digit()) {
            orders.push(pair.join(" "));
        }
    }
    orders
}

/// The text without what stands between two marks.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(begin) {
        let Some((_, after)) = from.split_once(end) else { break };
        left.push_str(before);
        left.push(' ');
        rest = after;
    }
    left + rest
}
