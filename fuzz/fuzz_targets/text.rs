//! What stands in the configuration and is read with a grammar of its own: ranges of versions,
//! patterns, platforms and trusted roots. What is understood can be written down and read again.
#![no_main]

use hoist::domain::accept::VersionRange;
use hoist::domain::oci::Platform;
use hoist::domain::pattern::Pattern;
use hoist::domain::trust::TrustedRoot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(range) = text.parse::<VersionRange>() {
        assert_eq!(range.to_string().parse::<VersionRange>().ok(), Some(range));
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string().parse(), Ok(platform));
    }
    if let Some((pattern, other)) = text.split_once('\n')
        && let Ok(pattern) = pattern.parse::<Pattern>()
    {
        drop(pattern.fit(other));
    }
    if let Ok(root) = text.parse::<TrustedRoot>() {
        assert!(root.parsed().is_ok());
    }
});
