//! What of a text GitLab would obey, and must not.

use std::borrow::Cow;

use crate::adapters::forge::common::cut;

/// The longest title and description that GitLab takes, in characters; the second is ours.
pub(super) const LONGEST: (usize, usize) = (255, 60_000);

/// What makes a draft of a merge request, at the beginning of its title and in any case.
const DRAFTS: [&str; 4] = ["draft:", "draft -", "[draft]", "(draft)"];

/// What GitLab puts before the title of a draft.
const DRAFT: &str = "Draft: ";

/// A text without quick actions: GitLab obeys a line that begins with `/`, as `/merge`, with the
/// rights of whoever wrote it, who is us. An escaped slash is shown as a slash.
pub(super) fn without_actions(text: &str) -> String {
    let line = |line: &str| {
        let rest = line.trim_start();
        let blanks = line.strip_suffix(rest).unwrap_or_default();
        if rest.starts_with('/') { format!("{blanks}\\{rest}") } else { line.to_owned() }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A title that GitLab takes as it stands: an environment may be called `draft`. Of what a person
/// has made a draft stays one.
pub(super) fn title(wanted: &str, is_draft: bool) -> Cow<'_, str> {
    let wanted = wanted.trim();
    let lower = wanted.to_lowercase();
    let wanted: Cow<'_, str> = if DRAFTS.iter().any(|it| lower.starts_with(it)) {
        Cow::Owned(format!("hoist: {wanted}"))
    } else {
        Cow::Borrowed(wanted)
    };
    let whole = if is_draft { Cow::Owned(format!("{DRAFT}{wanted}")) } else { wanted };
    match cut(&whole, LONGEST.0) {
        short if short.len() < whole.len() => Cow::Owned(short.to_owned()),
        _ => whole,
    }
}

/// The title of a draft of hoist's without what makes a draft of it.
pub(super) fn without_draft(title: &str) -> &str {
    title.strip_prefix(DRAFT).unwrap_or(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_ours_is_an_order() {
        let text = "Look:\n/merge\n  /close\n\t/assign @x\nand/or `/x`\r\n/approve\r\n";
        let told = "Look:\n\\/merge\n  \\/close\n\t\\/assign @x\nand/or `/x`\n\\/approve";
        assert_eq!(without_actions(text), told);
    }

    #[test]
    fn a_title_makes_no_draft_and_takes_none_back() {
        for (wanted, told) in [
            ("prod: promote shop", "prod: promote shop"),
            ("draft: promote shop", "hoist: draft: promote shop"),
            ("[Draft] shop", "hoist: [Draft] shop"),
            ("Drafts: shop", "Drafts: shop"),
        ] {
            assert_eq!(title(wanted, false), told);
        }
        assert_eq!(title("prod: promote shop", true), "Draft: prod: promote shop");
        assert_eq!(title(&"x".repeat(300), false).len(), 255);
    }
}
