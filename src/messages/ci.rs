//! What a pipeline's log and its page say of an announcement.

use crate::domain::artifact::{Digest, ImageName};
use crate::domain::id::{ApplicationName, EnvironmentName};

/// What to do about something that is on its way still.
pub const STILL_ON_ITS_WAY: &str = "hoist stays with it: look at `hoist why`, or wait longer with \
                                    --timeout";

/// What to do about something that has ended.
pub const LOOK_AT_PROMOTION: &str = "look at the promotion on hoist's page, or at `hoist history`; \
                                     announcing it again changes nothing";

/// Where something stands, in one line.
pub fn stands(application: &ApplicationName, state: &str, told: &str) -> String {
    format!("{application}: {state}: {}", told.replace('\n', " "))
}

/// It did not arrive in time.
pub fn too_slow(environment: &EnvironmentName, timeout: &str, told: &str) -> String {
    format!("it is not in {environment} after {timeout}: {told}")
}

/// It will not arrive.
pub fn did_not_arrive(environment: &EnvironmentName, told: &str) -> String {
    format!("it does not run in {environment}: {told}")
}

/// hoist took what was announced.
pub const TAKEN: &str = "Announced to hoist";

/// hoist did not take what was announced.
pub const NOT_TAKEN: &str = "Not taken by hoist";

/// The beginning of the page, in Markdown.
pub fn summary(taken: &str, image: &ImageName, digest: &Digest, version: Option<&str>) -> String {
    let version = version.map(|version| format!(" `{}`", code(version))).unwrap_or_default();
    format!("### {taken}:{version}\n\n`{image}@{digest}`\n\n")
}

/// Why it does not go by itself, in Markdown.
pub fn summary_remark(why: &str) -> String {
    format!("- `{}`\n", code(why))
}

/// Why the job fails, in Markdown.
pub fn summary_failure(why: &str) -> String {
    format!("- **Failed:** `{}`\n", code(why))
}

/// A line of the page, in Markdown.
pub fn summary_line(environment: &EnvironmentName, stands: &str, url: Option<&str>) -> String {
    let stands = code(stands);
    match url {
        Some(url) => format!("- [{environment}]({url}): `{stands}`\n"),
        None => format!("- {environment}: `{stands}`\n"),
    }
}

/// A text that stays inside its backticks, and in its line.
fn code(text: &str) -> String {
    text.replace('`', "'").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_cannot_be_broken_out_of() {
        let image = "ghcr.io/acme/shop".parse().unwrap();
        let digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        let staging = "staging".parse().unwrap();
        let text = summary(TAKEN, &image, &digest, Some("v1`\n# ha"));
        let line =
            summary_line(&staging, "shop: soaking: `x`", Some("https://hoist.example.com/p"));
        insta::assert_snapshot!(text + &line, @"
        ### Announced to hoist: `v1' # ha`

        `ghcr.io/acme/shop@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`

        - [staging](https://hoist.example.com/p): `shop: soaking: 'x'`
        ");
    }
}
