//! What an App may do, by GitHub's own names: each call needs one right.

/// All rights, or some.
#[derive(Default)]
pub struct Rights(Option<Vec<&'static str>>);

impl Rights {
    pub fn only(rights: &[&'static str]) -> Self {
        Self(Some(rights.to_vec()))
    }

    /// Whether they include one, as `statuses=read`: who may write may read.
    pub fn hold(&self, needed: &str) -> bool {
        let Some(held) = &self.0 else { return true };
        let name = needed.split('=').next().unwrap();
        needed == "metadata=read"
            || held.contains(&needed)
            || (needed.ends_with("=read") && held.contains(&format!("{name}=write").as_str()))
    }
}

/// The right that a call needs, by GitHub's table of the permissions that Apps require.
pub fn needed((method, path): (&str, &[&str])) -> Option<&'static str> {
    let reads = method == "GET";
    let one_of = |read, write| Some(if reads { read } else { write });
    match path {
        ["orgs", ..] => Some("members=read"),
        ["repos", _, _] => Some("metadata=read"),
        ["repos", _, _, "pulls", _, "merge"] => Some("contents=write"),
        ["repos", _, _, "pulls" | "issues", ..] => {
            one_of("pull_requests=read", "pull_requests=write")
        }
        ["repos", _, _, "git" | "contents" | "compare", ..] => {
            one_of("contents=read", "contents=write")
        }
        ["repos", _, _, "statuses", _] => Some("statuses=write"),
        ["repos", _, _, "commits", _, "status"] => Some("statuses=read"),
        ["repos", _, _, "commits", _, "check-runs"] => Some("checks=read"),
        _ => None,
    }
}
