//! A path on this site, and nowhere else.

use std::fmt;

/// Where to go after signing in: a path that no browser takes for another site's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalPath(String);

impl LocalPath {
    /// Takes a path as a request brought it; what is not plainly one of ours becomes `/`.
    ///
    /// Browsers read `//host`, `/\host` and paths with a tab in them as addresses of elsewhere.
    pub(super) fn new(text: &str) -> Self {
        let plain = |c: char| c.is_ascii_graphic() && c != '\\';
        let is_local = text.starts_with('/')
            && !text.starts_with("//")
            && text.len() < 500
            && text.chars().all(plain);
        Self(if is_local { text } else { "/" }.to_owned())
    }

    /// The path.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl maud::Render for LocalPath {
    fn render_to(&self, buffer: &mut String) {
        self.0.render_to(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_leads_elsewhere() {
        for ours in ["/", "/promotions/01abc", "/applications/a%2Fb?x=1#y"] {
            assert_eq!(LocalPath::new(ours).as_str(), ours);
        }
        for theirs in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x=y",
            "javascript:alert(1)",
            "promotions",
        ] {
            assert_eq!(LocalPath::new(theirs).as_str(), "/", "{theirs:?}");
        }
    }
}
