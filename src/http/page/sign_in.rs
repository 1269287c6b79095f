//! `/sign-in`: by a token, or by a one-time link.

use maud::{Markup, html};

use super::local_path::LocalPath;
use super::parts::spoken;
use crate::messages::page as words;

/// The form for a token.
pub(super) fn by_token(next: &LocalPath) -> Markup {
    html! {
        section class="card door" aria-labelledby="sign-in" {
            h1 id="sign-in" { "Sign in" }
            form method="post" action="/sign-in" {
                input type="hidden" name="next" value=(next);
                // Password managers keep a secret under a name.
                input type="text" name="username" value="hoist" autocomplete="username" hidden;
                p class="field" {
                    label for="token" { "Token" }
                    input type="password" id="token" name="token" required maxlength="500"
                        autocomplete="current-password" autofocus aria-describedby="whence";
                }
                p class="buttons" { button class="go" type="submit" { "Sign in" } }
            }
            p id="whence" class="quiet" { (spoken(words::WHERE_A_TOKEN_COMES_FROM)) }
        }
    }
}

/// The button for a one-time link.
///
/// Opening the link does nothing yet: a chat's preview or a browser that reads ahead opens it, too,
/// and would use it up.
pub(super) fn by_code(code: &str, next: &LocalPath) -> Markup {
    html! {
        section class="card door" aria-labelledby="sign-in" {
            h1 id="sign-in" { "Sign in" }
            p { (words::ONE_MORE_CLICK) }
            form method="post" action="/sign-in" {
                input type="hidden" name="code" value=(code);
                input type="hidden" name="next" value=(next);
                p class="buttons" { button class="go" type="submit" autofocus { "Sign in to hoist" } }
            }
        }
    }
}

/// A page that says why there is no other.
pub(super) fn problem(title: &str, text: &str) -> Markup {
    html! {
        section class="card door" aria-labelledby="problem" {
            h1 id="problem" { (title) }
            p { (spoken(text)) }
            p { a href="/" { "To the applications" } }
        }
    }
}
