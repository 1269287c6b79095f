//! Where answers may be sent: an address comes with the words, and is not to be trusted alone.

use url::Url;

/// Tells whether an address is under `base`: the same server, and its path or one below it.
pub(super) fn is_under(base: &Url, address: &str) -> bool {
    let Ok(address) = Url::parse(address) else { return false };
    let folder = base.path().trim_end_matches('/');
    let below = address.path().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let same_server = address.scheme() == base.scheme()
        && address.host() == base.host()
        && address.port_or_known_default() == base.port_or_known_default();
    same_server && below && address.username().is_empty() && address.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_under_the_base_is_answered_to() {
        let slack: Url = "https://hooks.slack.com".parse().unwrap();
        assert!(is_under(&slack, "https://hooks.slack.com/commands/T1/2/x"));
        for evil in [
            "http://hooks.slack.com/commands/T1",
            "https://hooks.slack.com.evil.example/commands",
            "https://hooks.slack.com@evil.example/commands",
            "https://me@hooks.slack.com/commands",
            "https://hooks.slack.com:8443/commands",
            "https://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "//hooks.slack.com/x",
            "",
        ] {
            assert!(!is_under(&slack, evil), "{evil}");
        }
        let mattermost: Url = "https://chat.example.com/mm/".parse().unwrap();
        assert!(is_under(&mattermost, "https://chat.example.com/mm/hooks/commands/x"));
        assert!(!is_under(&mattermost, "https://chat.example.com/mmx/hooks"));
        assert!(!is_under(&mattermost, "https://chat.example.com/mm/../admin"));
    }
}
