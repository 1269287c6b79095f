//! What the last request came to, told once on the next page.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::http::session::{CookieJar, cookie_of};

/// The cookie that carries it over the redirect. Its text is shown as text, whoever wrote it.
const COOKIE: &str = "hoist_flash";

/// Long enough for a redirect, too short to surprise anybody later.
const LASTS_SECONDS: i64 = 60;

/// Longer texts would not fit into a cookie.
const LONGEST: usize = 1500;

/// What the last request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flash {
    /// Whether it was done.
    pub(super) tone: Tone,
    /// In words.
    pub(super) text: String,
}

/// Whether a request was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// It was.
    Done,
    /// It was not.
    Refused,
}

impl Flash {
    /// Says what was done.
    pub(super) fn done(text: impl Into<String>) -> Self {
        Self { tone: Tone::Done, text: text.into() }
    }

    /// Says why it was not done.
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { tone: Tone::Refused, text: text.into() }
    }

    /// Takes it out of the request's cookies.
    pub(super) fn taken(headers: &HeaderMap) -> Option<Self> {
        let value = cookie_of(headers, COOKIE)?;
        let (tone, text) = value.split_once('.')?;
        let tone = match tone {
            "done" => Tone::Done,
            "refused" => Tone::Refused,
            _ => return None,
        };
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        Some(Self { tone, text })
    }

    /// Puts it into the answer's cookies, for the next page.
    pub(super) fn keep(&self, jar: &mut CookieJar) {
        let tone = match self.tone {
            Tone::Done => "done",
            Tone::Refused => "refused",
        };
        let short: String = self.text.chars().take(LONGEST / 4).collect();
        let text =
            if self.text.len() > LONGEST { format!("{short} …") } else { self.text.clone() };
        jar.set(COOKIE, &format!("{tone}.{}", URL_SAFE_NO_PAD.encode(text)), LASTS_SECONDS);
    }

    /// Takes it out of the browser: it was shown.
    pub(super) fn forget(jar: &mut CookieJar) {
        jar.remove(COOKIE);
    }
}
