//! What every page is made of: times, states, links, forms.

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use secrecy::ExposeSecret;
use url::Url;

use crate::app::Mode;
use crate::app::sessions::SignedIn;
use crate::app::views::ApplicationView;
use crate::domain::command::{Right, Roles, may};
use crate::domain::id::{ApplicationName, EnvironmentName, PipelineName};
use crate::messages::page::ago;

/// Whoever looks at the page, and when.
#[derive(Clone, Copy)]
pub(crate) struct Viewer<'a> {
    /// Who.
    pub(crate) person: &'a SignedIn,
    /// What the roles allow.
    pub(crate) roles: &'a Roles,
    /// Whether anything can be done at all.
    pub(crate) mode: Mode,
    /// Now.
    pub(crate) now: Timestamp,
}

/// Whether a button is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// It is.
    Yes,
    /// It would be refused.
    No,
}

impl Viewer<'_> {
    /// Their name.
    pub(crate) fn name(&self) -> &str {
        &self.person.identity.actor.name
    }

    /// Tells whether to offer what needs `right`. Only a courtesy: the use-case decides again.
    pub(crate) fn offer(&self, right: Right, environment: &EnvironmentName) -> Shown {
        let works = self.mode == Mode::Active;
        if works && may(&self.person.identity, right, Some(environment), self.roles) {
            Shown::Yes
        } else {
            Shown::No
        }
    }

    /// What every form carries.
    pub(crate) fn form_token(&self) -> Markup {
        html! {
            input type="hidden" name="form_token" value=(self.person.form_token.expose_secret());
        }
    }

    /// A time as an age, with the exact one behind it.
    pub(crate) fn age(&self, at: Timestamp) -> Markup {
        html! {
            time datetime=(at) title=(at.strftime("%A, %-d %B %Y, %H:%M:%S UTC")) {
                (ago(self.now, at))
            }
        }
    }
}

/// A state as a colour, a shape and a word, so that none of them has to be seen.
pub(crate) fn badge(state: &str) -> Markup {
    badge_like(state, state)
}

/// A badge that says `word` and looks like `state`.
pub(crate) fn badge_like(state: &str, word: &str) -> Markup {
    let (tone, shape) = look(state);
    html! {
        span class={ "badge " (tone) } { (icon(shape)) (word) }
    }
}

/// A sentence in which what stands between backticks is shown as code.
pub(crate) fn spoken(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd backtick at the end opens nothing.
    let unpaired = if parts.len().is_multiple_of(2) { parts.len() - 1 } else { parts.len() };
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at == unpaired { "`" (part) }
            @else if at % 2 == 1 { code { (part) } }
            @else { (part) }
        }
    }
}

/// The colour and the shape of a state or a verdict.
fn look(state: &str) -> (&'static str, Shape) {
    match state {
        "succeeded" | "deployed" | "open" | "success" | "approve" => ("good", Shape::Check),
        "merged" => ("good", Shape::Full),
        "soaking" => ("busy", Shape::Half),
        "proposed" => ("busy", Shape::Diamond),
        "waiting" | "pending" | "opens_at" => ("calm", Shape::Clock),
        "held" | "needs_action" => ("warn", Shape::Bars),
        "failed" | "failure" | "request_changes" => ("bad", Shape::Cross),
        "rolled back" | "rollback" => ("warn", Shape::Back),
        "closed" | "superseded" => ("calm", Shape::Dash),
        _ => ("calm", Shape::Empty),
    }
}

/// A shape that tells states apart without colour.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Check,
    Full,
    Half,
    Diamond,
    Clock,
    Bars,
    Cross,
    Back,
    Dash,
    Empty,
}

/// The drawing of a shape. The word beside it is read aloud, the drawing is not.
fn icon(shape: Shape) -> Markup {
    const RING: &str =
        r#"<circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5"/>"#;
    let (ring, drawing) = match shape {
        Shape::Check => (RING, r#"<path d="m5.2 8.2 2 2 3.6-4.2"/>"#),
        Shape::Full => ("", r#"<circle cx="8" cy="8" r="5.5" fill="currentColor"/>"#),
        Shape::Half => (RING, r#"<path d="M8 4.5a3.5 3.5 0 0 1 0 7z" fill="currentColor"/>"#),
        Shape::Diamond => ("", r#"<path d="M8 2 14 8 8 14 2 8z"/>"#),
        Shape::Clock => (RING, r#"<path d="M8 4.8V8l2.2 1.6"/>"#),
        Shape::Bars => (RING, r#"<path d="M6.4 5.8v4.4M9.6 5.8v4.4"/>"#),
        Shape::Cross => (RING, r#"<path d="m5.9 5.9 4.2 4.2m0-4.2-4.2 4.2"/>"#),
        Shape::Back => ("", r#"<path d="M6 3 3 6l3 3M3.5 6H9a3.5 3.5 0 0 1 0 7H6.5"/>"#),
        Shape::Dash => (RING, r#"<path d="M5.2 8h5.6"/>"#),
        Shape::Empty => (RING, ""),
    };
    html! {
        svg viewBox="0 0 16 16" aria-hidden="true" focusable="false" fill="none"
            stroke="currentColor" stroke-width="1.5" stroke-linecap="round"
            stroke-linejoin="round" {
            // Both are constants of this function.
            (PreEscaped(ring)) (PreEscaped(drawing))
        }
    }
}

/// The page of an application.
pub(crate) fn application_path(pipeline: &PipelineName, application: &ApplicationName) -> String {
    format!("/applications/{}%2F{}", escaped(pipeline.as_str()), escaped(application.as_str()))
}

/// The page of an application, from its view.
pub(crate) fn path_of(view: &ApplicationView) -> String {
    application_path(&view.pipeline, &view.application)
}

/// A text as one segment of a path.
fn escaped(text: &str) -> String {
    let mut path = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// A link to somewhere outside, where the address is one that a browser opens as a page.
///
/// Addresses come from CI and from forges: `javascript:` and its kin stay text.
pub(crate) fn outside_link(address: &str, text: &str) -> Markup {
    let is_page = Url::parse(address)
        .is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.host().is_some());
    html! {
        @if is_page {
            a href=(address) rel="noopener noreferrer nofollow" { (text) }
        } @else {
            (text)
        }
    }
}

/// A labelled field of a form. `id` is unique on the page.
pub(crate) fn field(id: &str, name: &str, label: &str, hint: &str) -> Markup {
    html! {
        p class="field" {
            label for=(id) { (label) }
            input type="text" id=(id) name=(name) placeholder=(hint) autocomplete="off"
                maxlength="500";
        }
    }
}

/// A box to tick.
pub(crate) fn check(id: &str, name: &str, label: &str) -> Markup {
    html! {
        p class="check" {
            input type="checkbox" id=(id) name=(name) value="yes";
            label for=(id) { (label) }
        }
    }
}

/// A form that stays folded until it is wanted.
pub(crate) fn form(verb: &str, what: &str, action: &str, fields: &Markup) -> Markup {
    html! {
        details class="command" {
            summary { (verb) }
            form method="post" action=(action) {
                p class="quiet" { (spoken(what)) }
                (fields)
                p class="buttons" { button class="go" type="submit" { (verb) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_no_page_stays_text() {
        assert_eq!(outside_link("javascript:alert(1)", "build").into_string(), "build");
        assert_eq!(outside_link("data:text/html,<b>", "<b>").into_string(), "&lt;b&gt;");
        assert_eq!(
            outside_link("https://ci.example.com/?a=1&b=\"2", "build").into_string(),
            "<a href=\"https://ci.example.com/?a=1&amp;b=&quot;2\" \
             rel=\"noopener noreferrer nofollow\">build</a>"
        );
    }

    #[test]
    fn backticks_make_code_and_nothing_else_means_anything() {
        assert_eq!(spoken("say `a<b` now").into_string(), "say <code>a&lt;b</code> now");
        assert_eq!(spoken("a ` b").into_string(), "a ` b");
        assert_eq!(spoken("`a` ` b").into_string(), "<code>a</code> ` b");
    }

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        assert_eq!(escaped("a/b c%"), "a%2Fb%20c%25");
        assert_eq!(escaped("Ünï"), "%C3%9Cn%C3%AF");
    }

    #[test]
    fn a_state_is_a_word_and_a_shape_and_never_a_colour_alone() {
        let badge = badge("held").into_string();
        assert!(badge.contains("held</span>") && badge.contains("<svg") && badge.contains("warn"));
    }
}
