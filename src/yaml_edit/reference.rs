//! Image references, as far as a version field needs them: what is the name, the tag, the digest.

/// `name[:tag][@digest]` with at least one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    pub(super) repository: &'a str,
    pub(super) tag: Option<&'a str>,
    pub(super) digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Reads a reference that carries a version; a bare repository is none.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            // A colon before the last slash is a registry's port.
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            Some(_) | None => (rest, None),
        };
        let sound = is_repository(repository)
            && (tag.is_some() || digest.is_some())
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest);
        sound.then_some(Self { repository, tag, digest })
    }
}

/// Whether a registry would take this as a tag.
pub(super) fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut bytes = text.bytes();
    bytes.next().is_some_and(word)
        && text.len() <= 128
        && bytes.all(|b| word(b) || b == b'.' || b == b'-')
}

/// Whether this is `algorithm:hex` of a length that identifies.
pub(super) fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let known = match algorithm {
        "sha256" => hex.len() == 64,
        "sha512" => hex.len() == 128,
        _ => false,
    };
    known && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_repository(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('/')
        && !text.ends_with(['/', ':'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:[]".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(&str, Option<&str>, Option<&str>)> {
        Reference::read(text).map(|r| (r.repository, r.tag, r.digest))
    }

    #[test]
    fn a_reference_is_split_into_repository_tag_and_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(read("nginx:1.2"), Some(("nginx", Some("1.2"), None)));
        assert_eq!(read("r.io:5000/a/b:v1"), Some(("r.io:5000/a/b", Some("v1"), None)));
        assert_eq!(
            read(&format!("r.io:5000/a@{digest}")),
            Some(("r.io:5000/a", None, Some(digest.as_str())))
        );
        assert_eq!(
            read(&format!("a/b:v1@{digest}")),
            Some(("a/b", Some("v1"), Some(digest.as_str())))
        );
    }

    #[test]
    fn a_text_without_a_version_is_no_reference() {
        for text in ["nginx", "r.io:5000/a", "a:", ":a", "a:{{ tag }}", "a b:v1", "a@sha256:12", ""]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
