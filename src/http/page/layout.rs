//! The frame around every page.

use std::sync::LazyLock;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::flash::{Flash, Tone};
use super::parts::{Viewer, spoken};
use crate::app::Mode;
use crate::messages::page as words;

/// The one style sheet.
pub(super) const STYLE: &str = include_str!("hoist.css");

/// Its address, which changes with its content, so that a browser may keep it for long.
static STYLE_URL: LazyLock<String> = LazyLock::new(|| {
    let digest = hex::encode(Sha256::digest(STYLE));
    format!("/assets/hoist.css?v={}", digest.get(..10).unwrap_or_default())
});

/// A hook that lifts, as a picture that needs no request.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%230b6b63'/%3E%3Cpath d='M16 24V9m-7 7 7-7 7 7' fill='none' stroke='white' stroke-width='3.5' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";

const LOGO: &str = r#"<svg viewBox="0 0 32 32" aria-hidden="true" focusable="false"><rect width="32" height="32" rx="8" fill="currentColor"/><path class="arrow" d="M16 24V9m-7 7 7-7 7 7" fill="none" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round"/></svg>"#;

/// A page for somebody who is signed in.
pub(super) fn page(
    title: &str,
    viewer: &Viewer<'_>,
    flash: Option<&Flash>,
    content: &Markup,
) -> Markup {
    let account = html! {
        form class="account" method="post" action="/sign-out" {
            (viewer.form_token())
            span class="who" { span class="quiet" { "Signed in as " } strong { (viewer.name()) } }
            button class="plain" type="submit" { "Sign out" }
        }
    };
    let footer = html! {
        "As of " time datetime=(viewer.now) { (viewer.now.strftime("%H:%M:%S UTC")) }
        " · reload for the latest"
        @if viewer.mode == Mode::ReadOnly { " · " (words::ONLY_LOOKS) }
    };
    frame(title, &Surroundings { account: Some(&account), footer: Some(&footer), flash }, content)
}

/// A page for somebody who is not.
pub(super) fn page_for_strangers(title: &str, flash: Option<&Flash>, content: &Markup) -> Markup {
    frame(title, &Surroundings { account: None, footer: None, flash }, content)
}

struct Surroundings<'a> {
    account: Option<&'a Markup>,
    footer: Option<&'a Markup>,
    flash: Option<&'a Flash>,
}

fn frame(title: &str, around: &Surroundings<'_>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · hoist" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href=(*STYLE_URL);
            }
            body {
                a class="skip" href="#content" { "Skip to the content" }
                header class="top" {
                    // The drawing is a constant above.
                    a class="brand" href="/" { (PreEscaped(LOGO)) "hoist" }
                    @if let Some(account) = around.account { (account) }
                }
                main id="content" {
                    @if let Some(flash) = around.flash { (notice(flash)) }
                    (content)
                }
                @if let Some(footer) = around.footer { footer { (footer) } }
            }
        }
    }
}

/// What became of the last request.
fn notice(flash: &Flash) -> Markup {
    let (class, role, word) = match flash.tone {
        Tone::Done => ("notice done", "status", "Done"),
        Tone::Refused => ("notice refused", "alert", "Not done"),
    };
    html! {
        div class=(class) role=(role) { strong { (word) ": " } (spoken(&flash.text)) }
    }
}
