//! Which artifacts go by themselves, which are kept out, and which of two is the newer one.

use hoist::domain::accept::{Accept, OnMove, Order};
use hoist::domain::plan::{Unstarted, unstarted};
use hoist::messages::accept;

use super::world::World;

fn with(rules: Accept) -> World {
    let mut world = World::usual();
    world.snapshot.pipeline.accept = rules;
    world.settle();
    world
}

fn by_semver() -> World {
    with(Accept { newest_by: Order::Semver, ..Accept::default() })
}

fn moving(moved_tags: OnMove) -> World {
    with(Accept { moved_tags, ..Accept::default() })
}

/// What staging holds once everything is settled.
fn staging(world: &mut World) -> &str {
    world.settle();
    &world.main[&"staging".parse().unwrap()]
}

/// Why the artifact that came last is not on its way into staging.
fn why(world: &World) -> String {
    let snapshot = &world.snapshot;
    let staging = snapshot.pipeline.environment(&"staging".parse().unwrap()).unwrap();
    match unstarted(snapshot, staging, snapshot.artifacts.last().unwrap(), world.now) {
        None => "it is on its way, or in".into(),
        Some(Unstarted::KeptOut(why)) => accept::kept_out(&why),
        Some(Unstarted::Overtaken { by }) => accept::older(by),
        Some(Unstarted::Ended(it)) => format!("ended: {}", it.state.name()),
        Some(other @ (Unstarted::Bad | Unstarted::Next | Unstarted::Upstream { .. })) => {
            format!("{other:?}")
        }
    }
}

/// What becomes of one artifact that comes to a shop at v0, built from a ref.
fn judged(rules: &Accept, tag: &str, reference: Option<&str>) -> String {
    let mut world = with(rules.clone());
    world.announce(tag);
    let last = world.snapshot.artifacts.last_mut().unwrap();
    last.source.reference = reference.map(str::to_owned);
    world.settle();
    why(&world)
}

#[test]
fn only_what_fits_the_rules_goes() {
    let rules = Accept {
        tags: vec!["v*".parse().unwrap(), "hotfix-*".parse().unwrap()],
        branches: vec!["main".parse().unwrap(), "release/*".parse().unwrap()],
        ..Accept::default()
    };
    let cases = [
        ("v1.4.2", Some("refs/heads/main")),
        ("hotfix-7", Some("release/1.4")),
        ("nightly-7", Some("refs/heads/main")),
        ("v1.4.2", Some("refs/heads/release/1.4/x")),
        ("v1.4.2", Some("refs/tags/main")),
        ("v1.4.2", None),
    ];
    let told: Vec<String> =
        cases.iter().map(|(tag, branch)| judged(&rules, tag, *branch)).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    it is on its way, or in
    it is on its way, or in
    its tag nightly-7 does not fit `accept.tags` (`v*`, `hotfix-*`)
    it was built from \"refs/heads/release/1.4/x\", and `accept.branches` is `main`, `release/*`
    it was built from \"refs/tags/main\", and `accept.branches` is `main`, `release/*`
    its announcement says no `source.ref`, and `accept.branches` is `main`, `release/*`
    ");
}

#[test]
fn a_range_of_versions_keeps_out_what_is_outside_and_what_is_no_version() {
    let rules = Accept { semver: Some(">= 1.2 <2".parse().unwrap()), ..Accept::default() };
    let cases = ["v1.2.0", "1.9.9", "v2.0.0", "v1.1.9", "v1.3.0-rc.1", "latest", "v1.2"];
    let told: Vec<String> = cases.iter().map(|tag| judged(&rules, tag, None)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    it is on its way, or in
    it is on its way, or in
    its version 2.0.0 is not in `accept.semver` (>= 1.2 <2)
    its version 1.1.9 is not in `accept.semver` (>= 1.2 <2)
    its version 1.3.0-rc.1 is not in `accept.semver` (>= 1.2 <2)
    "latest" is no version that can be compared, as 1.4.2 or v1.4.2 is, and `accept` goes by versions
    "v1.2" is no version that can be compared, as 1.4.2 or v1.4.2 is, and `accept` goes by versions
    "#);
}

#[test]
fn an_older_version_that_comes_late_replaces_nothing() {
    let mut world = by_semver();
    world.announce("v1.10.0");
    assert_eq!(staging(&mut world), "v1.10.0");
    world.announce("v1.9.0");
    assert_eq!(staging(&mut world), "v1.10.0");
    assert_eq!(why(&world), "v1.10.0, which is newer, was started before it");
    world.announce("v1.10.1");
    assert_eq!(staging(&mut world), "v1.10.1");
}

#[test]
fn of_several_that_wait_the_highest_version_goes() {
    let mut world = by_semver();
    for tag in ["v1.2.0", "v1.10.0", "v1.9.0"] {
        world.announce(tag);
    }
    assert_eq!(staging(&mut world), "v1.10.0");
    world.announce("v1.11.0-rc.1");
    assert_eq!(staging(&mut world), "v1.11.0-rc.1");
    world.announce("v1.11.0");
    assert_eq!(staging(&mut world), "v1.11.0");
}

#[test]
fn what_was_found_in_the_files_is_as_new_as_its_version() {
    let mut world = by_semver();
    world.edit_main("staging", "v3.0.0");
    world.settle();
    world.announce("v2.0.0");
    assert_eq!(staging(&mut world), "v3.0.0");
    assert_eq!(why(&world), "v3.0.0, which is newer, was started before it");
    world.edit_main("staging", "v1.0.0");
    assert_eq!(staging(&mut world), "v2.0.0", "what was found counts as long as it is there");
}

#[test]
fn what_mends_a_version_that_was_rolled_back_may_be_lower() {
    let mut world = by_semver();
    for tag in ["v1.9.0", "v2.0.0"] {
        world.announce(tag);
        world.settle();
        world.pass_time(31);
    }
    world.settle();
    world.announce("v1.9.1");
    world.settle();
    world.roll_back("staging").unwrap();
    world.resume("staging");
    assert_eq!(staging(&mut world), "v1.9.0", "what came before the rollback stays out");
    world.announce("v1.9.2");
    assert_eq!(staging(&mut world), "v1.9.2");
}

#[test]
fn a_tag_that_moved_goes_waits_or_stays_out_as_the_rules_say() {
    let told = |moved_tags| {
        let mut world = moving(moved_tags);
        world.announce("v1");
        world.settle();
        world.announce("v1");
        let plan = world.settle();
        let waits = plan.waits.get(&"staging".parse().unwrap());
        let waits = waits.map(hoist::messages::explain::wait);
        format!("{}\n  waits: {}", why(&world), waits.unwrap_or_else(|| "-".into()))
    };
    let all = [OnMove::Promote, OnMove::Ask, OnMove::Refuse].map(told);
    insta::assert_snapshot!(all.join("\n"), @r#"
    ended: failed
      waits: it runs and is watched (until 2026-01-05 09:30 UTC)
    the tag v1 has moved: it was 000000000000 and is now 000000000000, and a person is to say whether that goes (`moved_tags: ask`)
      waits: the tag v1 has moved: it was 000000000000 and is now 000000000000, and a person is to say whether that goes (`moved_tags: ask`)
    the tag v1 has moved: it was 000000000000 and is now 000000000000, and `moved_tags: refuse` lets no such artifact in
      waits: it runs and is watched (until 2026-01-05 09:30 UTC)
    "#);
}

#[test]
fn another_tag_of_the_same_digest_is_a_matter_of_its_own() {
    let goes = |accept: Accept| {
        let mut world = with(accept);
        world.announce("v1");
        world.settle();
        let digest = world.snapshot.artifacts[0].digest.clone();
        world.announce("v2");
        world.snapshot.artifacts[1].digest = digest;
        staging(&mut world).to_owned()
    };
    assert_eq!(goes(Accept { moved_tags: OnMove::Refuse, ..Accept::default() }), "v2");
    assert_eq!(goes(Accept { retags: OnMove::Ask, ..Accept::default() }), "v1");
    assert_eq!(goes(Accept { retags: OnMove::Refuse, ..Accept::default() }), "v1");
}
