//! Version ranges: what a field may hold that lets somebody else choose the version.

/// Whether a value is a range (`>=1.0.0`, `^1.2`, `~1`, `1.x`, `*`, `1 - 2`, `1 || 2`) and not one version.
///
/// A promotion writes one version over it, so that nothing below chooses any more; people should know.
pub fn is_range(value: &str) -> bool {
    let value = value.trim();
    value.starts_with(['>', '<', '^', '~', '*'])
        || value.contains("||")
        || value.contains(" - ")
        || has_wildcard(value)
}

/// `1.x`, `v1.2.*`: a number, then a part that stands for any.
fn has_wildcard(value: &str) -> bool {
    let mut parts = value.trim_start_matches(['v', '=']).split('.');
    let number = parts
        .next()
        .is_some_and(|first| !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit()));
    number && parts.any(|part| matches!(part, "x" | "X" | "*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_told_from_a_version() {
        for range in [">=1.0.0", ">1 <2", "<2", "^1.2", "~1", "*", "1.x", "v1.2.*", "1 - 2", "1||2"]
        {
            assert!(is_range(range), "{range}");
        }
        for version in ["1.2.3", "v1", "latest", "1.0.0-x.1", "main", "", "=1.2.3", "a.x", "9f2c"] {
            assert!(!is_range(version), "{version}");
        }
    }
}
