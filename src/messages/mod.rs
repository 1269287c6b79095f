//! Every word a person reads. What happened, what follows by itself, what you can do.

pub mod answer;

pub mod freeze;

pub mod ci;

pub mod commit;

pub mod explain;

pub mod why;

pub mod accept;

pub mod examination;

pub mod intention;

pub mod health;

pub mod pull_request;

pub mod recover;

pub mod page;

pub mod chat;

pub mod schedule;

pub mod notification;

use jiff::Timestamp;

/// A time as people read it.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Takes the meaning out of what comes from outside: one line, no markup, nobody mentioned.
///
/// Forges turn `@name` into a notification, `#1` and addresses into links and `closes #1` into a
/// closed issue; a code span is none of that, so backticks are what must not come through.
pub fn quoted(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .map(|c| if c == '`' { '\'' } else { c })
        .take(300)
        .collect();
    format!("`{}`", clean.trim())
}

/// The same for a commit message's trailer: one line, nothing else changed.
pub fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_means_nothing() {
        assert_eq!(quoted("@all closes #1\n<img src=x>`x`"), "`@all closes #1 <img src=x>'x'`");
        assert_eq!(one_line("a\nSigned-off-by: evil"), "a Signed-off-by: evil");
    }
}
