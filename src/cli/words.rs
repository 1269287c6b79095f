//! Small things said the same way by every verb.

use anstyle::Style;
use jiff::{SignedDuration, Timestamp};

use super::output::{BAD, FAINT, GOOD, KEPT, MOVING};

/// How long ago, or in how long, in the largest unit that says enough: `3m ago`, `in 2h`.
pub(super) fn age(now: Timestamp, at: Timestamp) -> String {
    let length = now.duration_since(at);
    if length < SignedDuration::ZERO {
        return format!("in {}", length_of(-length));
    }
    match length.as_secs() {
        0..10 => "just now".to_owned(),
        _ => format!("{} ago", length_of(length)),
    }
}

/// How long something has been so.
pub(super) fn lasted(now: Timestamp, since: Timestamp) -> String {
    length_of(now.duration_since(since).max(SignedDuration::ZERO))
}

fn length_of(length: SignedDuration) -> String {
    match length.as_secs() {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// How a state looks: going well, on its way, kept, gone wrong, or past.
pub(super) fn style_of(state: &str) -> Style {
    match state {
        "succeeded" | "deployed" | "soaking" | "merged" | "open" | "success" | "approve" => GOOD,
        "waiting" | "proposed" | "opens_at" | "pending" => MOVING,
        "held" | "needs_action" | "rolled back" | "request_changes" => KEPT,
        "failed" | "failure" => BAD,
        "superseded" | "closed" | "found" => FAINT,
        // A state that a newer hoist knows is shown plainly.
        _ => Style::new(),
    }
}

/// Takes out what would steer a terminal: texts come from whoever wrote a commit or a reason.
pub(super) fn printable(text: &str) -> String {
    let steers = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns || (c.is_control() && c != '\n' && c != '\t')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// The same on one line.
pub(super) fn one_line(text: &str) -> String {
    let text = printable(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A number with the word for one or for many.
pub(super) fn count(number: usize, [one, many]: [&str; 2]) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_short() {
        let now: Timestamp = "2026-11-22T22:00:00Z".parse().unwrap();
        let check = |at: &str, expected: &str| {
            assert_eq!(age(now, at.parse().unwrap()), expected);
        };
        check("2026-11-22T21:59:55Z", "just now");
        check("2026-11-22T21:59:15Z", "45s ago");
        check("2026-11-22T21:56:20Z", "3m ago");
        check("2026-11-21T21:00:00Z", "25h ago");
        check("2026-11-12T21:00:00Z", "10d ago");
        check("2026-11-23T00:00:00Z", "in 2h");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\u{202e}c\nd"), "a\u{fffd}[31mb\u{fffd}c\nd");
        assert_eq!(one_line(" a\n b\tc "), "a b c");
    }
}
