//! What forges with an API have in common: who is who, notes found again, a client with deadlines,
//! and a pace that its server bears.

pub mod people;

pub(super) mod note;

mod hour;
mod line;
mod quiet;

pub(super) mod moved;

pub mod pace;

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use url::Url;

/// Whether hoist asks a forge to merge as soon as its rules let it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoMerge {
    /// It does not, and merges itself when they do.
    #[default]
    Never,
    /// It does, once all gates are open.
    Allowed,
}

/// How long a connection may take: past this, nobody is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a whole question may take. Forges themselves give up after ten seconds, or after sixty.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A client with deadlines that follows no redirect: a token goes to nobody but who was named.
pub(super) fn client(
    ca: Option<&str>,
    headers: HeaderMap,
    patience: Duration,
) -> anyhow::Result<Client> {
    let certificates = match ca {
        Some(pem) => Certificate::from_pem_bundle(pem.as_bytes())
            .context("reading the certificates of `ca`")?,
        None => Vec::new(),
    };
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(patience)
        .redirect(Policy::none())
        .tls_certs_merge(certificates)
        .default_headers(headers)
        .build()
        .context("preparing HTTPS")
}

/// The host of an address, with its port.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().to_lowercase();
    url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// The beginning of a text, at most so many characters.
pub(super) fn cut(text: &str, longest: usize) -> &str {
    text.char_indices().nth(longest).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

/// A text without what forges change in it: line ends, and blanks around it.
pub(super) fn lines(text: &str) -> Vec<&str> {
    text.trim().lines().map(str::trim_end).collect()
}

/// The beginning of somebody else's words, in one line of at most so many characters.
pub(super) fn shown(text: &str, longest: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().chars().take(longest).collect()
}
