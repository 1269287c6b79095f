//! Every word a person reads. What happened, what follows by itself, what you can do.

pub mod answer;

pub mod freeze;

pub mod ci;

pub mod commit;

pub mod explain;

pub mod feedback;

pub mod why;

pub mod accept;

pub mod examination;

pub mod belief;

pub mod intention;

pub mod health;

pub mod pull_request;

pub mod recover;

pub mod page;

pub mod chat;

pub mod schedule;

pub mod rights;

pub mod landing;

pub mod train;

pub mod notification;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::domain::zone::Zone;

/// A time as people read it.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A text whose times are told by the clock of a zone: whoever reads it there, reads no other.
///
/// Where a text is made nobody knows who will read it, and the same one may be read in several
/// places. So it is told in UTC, and where it goes to people of a known zone, at the door.
pub fn by_the_clock_of(text: &str, zone: &Zone) -> String {
    const ENDS: &str = " UTC";
    const LENGTH: usize = "2026-03-10 12:00".len();
    let (mut told, mut rest) = (String::new(), text);
    while let Some(end) = rest.find(ENDS) {
        let (before, after) = (&rest[..end], &rest[end + ENDS.len()..]);
        let start = end.checked_sub(LENGTH).and_then(|start| before.get(start..));
        let at = start.and_then(|it| DateTime::strptime("%Y-%m-%d %H:%M", it).ok());
        let at = at.and_then(|it| it.to_zoned(TimeZone::UTC).ok());
        match at {
            Some(at) => {
                told.push_str(&before[..end - LENGTH]);
                told.push_str(&zone.tell(at.timestamp()));
            }
            None => told.push_str(&rest[..end + ENDS.len()]),
        }
        rest = after;
    }
    told.push_str(rest);
    told
}

/// Takes the meaning out of what comes from outside: one line, no markup, nobody mentioned.
///
/// Forges turn `@name` into a notification, `#1` and addresses into links and `closes #1` into a
/// closed issue; a code span is none of that, so backticks are what must not come through. But for
/// issues GitLab looks into code spans, too.
pub fn quoted(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .map(|c| if c == '`' { '\'' } else { c })
        .take(300)
        .collect();
    format!("`{}`", closing_nothing(clean.trim()))
}

/// The same for a commit message's trailer: one line, nothing else changed.
pub fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.trim().to_owned()
}

/// The same where a forge reads it as a commit's message or as a title: it closes no issue either,
/// and calls nobody. What joins two words keeps a name behind `@` a word.
pub fn outside_line(text: &str) -> String {
    let mut told = String::new();
    let mut before = ' ';
    for c in closing_nothing(&one_line(text)).chars() {
        told.push(c);
        if c == '@' && !before.is_alphanumeric() {
            told.push('\u{2060}');
        }
        before = c;
    }
    told
}

/// What forges take for the order to close an issue, if one is named behind it, in all its forms.
const CLOSERS: [&str; 4] = ["clos", "fix", "resolv", "implement"];

/// The endings that these have.
const ENDINGS: [&str; 7] = ["", "e", "s", "d", "es", "ed", "ing"];

/// A text that closes no issue: forges look for a blank behind the order, and a blank that does
/// not break looks the same to people.
pub fn closing_nothing(text: &str) -> String {
    let mut told = String::new();
    for word in text.split_inclusive(' ') {
        match word.strip_suffix(' ') {
            Some(bare) if closes(bare) => {
                told.push_str(bare);
                told.push('\u{a0}');
            }
            Some(_) | None => told.push_str(word),
        }
    }
    told
}

/// Tells whether a word ends in such an order.
fn closes(word: &str) -> bool {
    let word = word.strip_suffix(':').unwrap_or(word).to_lowercase();
    let order = word.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let is_form = |stem: &&str| order.strip_prefix(*stem).is_some_and(|it| ENDINGS.contains(&it));
    CLOSERS.iter().any(is_form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_issue_is_closed_by_what_comes_from_outside() {
        for order in ["closes #1", "Fixed: acme/shop#1", "(resolving  issue 1", "x-implements A-1"]
        {
            let told = closing_nothing(order);
            assert_eq!(told.replace('\u{a0}', " "), order, "it looks the same");
            assert!(told.contains(['\u{a0}']), "{told}");
        }
        for harmless in ["#1", "closest #1", "prefix #1", "it is fixed", "closes", "because INC-7"]
        {
            assert_eq!(closing_nothing(harmless), harmless);
        }
    }

    #[test]
    fn times_are_told_by_the_clock_of_those_who_read() {
        let stockholm: Zone = "Europe/Stockholm".parse().unwrap();
        let told = by_the_clock_of(
            "from 2026-03-10 12:00 UTC until 2026-07-01 23:30 UTC; 12:00 UTC, ü UTC",
            &stockholm,
        );
        assert_eq!(
            told,
            "from 2026-03-10 13:00 Europe/Stockholm until 2026-07-02 01:30 Europe/Stockholm; \
             12:00 UTC, ü UTC"
        );
    }

    #[test]
    fn what_comes_from_outside_means_nothing() {
        assert_eq!(
            quoted("@all closes #1\n<img src=x>`x`"),
            "`@all closes\u{a0}#1 <img src=x>'x'`"
        );
        assert_eq!(one_line("a\nSigned-off-by: evil"), "a Signed-off-by: evil");
        assert_eq!(outside_line("@all fixes #1"), "@\u{2060}all fixes\u{a0}#1");
        assert_eq!(outside_line("ada@example.com"), "ada@example.com", "calls nobody");
    }
}
