//! Which artifacts go: `accept` and `moved_tags` of a pipeline.

use hoist::domain::accept::{Accept, OnMove, Order};

use super::policy::EVERYTHING;
use super::*;

fn read(policy: &str) -> Accept {
    let loaded = Desk::with(PROCESS, policy).load().map_err(|problems| problems.to_string());
    loaded.unwrap().pipelines[&"services".parse().unwrap()].accept.clone()
}

#[test]
fn what_is_accepted_is_read_and_everything_is_where_nothing_is_said() {
    let accept = read(EVERYTHING);
    assert_eq!(accept.tags, ["v*".parse().unwrap()]);
    assert_eq!(accept.semver.unwrap().to_string(), ">=1.2 <2");
    assert_eq!(accept.branches.len(), 2);
    assert_eq!((accept.newest_by, accept.moved_tags), (Order::Semver, OnMove::Ask));
    assert_eq!(accept.retags, OnMove::Refuse);
    let nothing_said: String = EVERYTHING
        .lines()
        .filter(|it| !["accept:", "moved_tags:", "retags:"].iter().any(|key| it.contains(key)))
        .fold(String::new(), |text, line| text + line + "\n");
    assert_eq!(read(&nothing_said), Accept::default());
}

#[test]
fn mistakes_in_what_is_accepted_are_told_with_their_place() {
    let policy = EVERYTHING
        .replace("tags: \"v*\"", "tags: []")
        .replace(">=1.2 <2", ">=1.2 || 3")
        .replace("[main, release/*]", "[\"{application}\", \"{tag}\"]")
        .replace("newest_by: semver", "newest_by: date, images: x")
        .replace("moved_tags: ask", "moved_tags: never")
        .replace("retags: refuse", "retags: [ask]");
    check_policy(
        &policy,
        r#"
pipelines.yaml:8:20: pipelines.services.accept.tags: no pattern is listed; list one, or remove the key: then everything fits
pipelines.yaml:8:32: pipelines.services.accept.semver: `>=1.2 || 3` is no range of versions: unexpected character '|' while parsing major version number; write comparisons, as ">=1.2 <2"
pipelines.yaml:8:57: pipelines.services.accept.branches[0]: `{application}` means nothing here; write `*`: it stands for any text
pipelines.yaml:8:74: pipelines.services.accept.branches[1]: in `{tag}` only `*` and `{application}` may stand for something else; write it as v* or release/*
pipelines.yaml:8:95: pipelines.services.accept.newest_by: `date` is not known; known are `time`, `semver`
pipelines.yaml:8:101: unknown key `images` in pipelines.services.accept; what a pipeline accepts knows `tags`, `semver`, `branches`, `newest_by`
pipelines.yaml:9:17: pipelines.services.moved_tags: `never` is not known; known are `promote`, `ask`, `refuse`
pipelines.yaml:10:13: pipelines.services.retags: a word is wanted, not a list; known are `promote`, `ask`, `refuse`
8 problems
"#,
    );
}
