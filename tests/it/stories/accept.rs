//! Which artifacts go, as the pipeline's `accept`, `moved_tags` and `retags` say.

use hoist::app::views::PromoteRequest;

use crate::support::world::{Bot, digest, file, plain, promote_to_prod};

async fn why(bot: &Bot) -> String {
    let view = bot.app().why("shop", "staging").await.unwrap();
    let candidates = view.candidates.iter();
    let told = candidates.map(|it| format!("- {}: {} -> {}", it.version, it.why, it.next));
    plain(&[view.answer.clone(), told.collect::<Vec<_>>().join("\n")].join("\n"))
}

/// The newest delivery's outcome, and the last deed about the shop.
async fn told(bot: &Bot) -> String {
    let deliveries = bot.app().deliveries(1).await.unwrap();
    let deeds = bot.deeds().await;
    plain(&format!("{}\n{}", deliveries[0].outcome, deeds.lines().last().unwrap_or_default()))
}

fn into_staging(version: &str) -> PromoteRequest {
    PromoteRequest { environment: "staging".into(), ..promote_to_prod(Some(version)) }
}

#[tokio::test]
async fn what_is_not_accepted_is_listed_with_its_reason_and_goes_for_nobody() {
    let bot = Bot::with_rule("accept: {tags: \"v*\", branches: [main]}").await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(bot.announce("nightly-7").await, 202);
    insta::assert_snapshot!(told(&bot).await, @"
    accepted, and does not go by itself: shop: its tag nightly-7 does not fit `accept.tags` (`v*`)
    hoist set-aside -
    ");
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    insta::assert_snapshot!(why(&bot).await, @"
    nightly-7 is not in staging: its tag nightly-7 does not fit `accept.tags` (`v*`)
    - nightly-7: its tag nightly-7 does not fit `accept.tags` (`v*`) -> announce one that fits, or change the pipeline's `accept`
    ");
    let refused = bot.promote("carol", into_staging("nightly-7")).await.unwrap_err();
    insta::assert_snapshot!(plain(&refused), @"nightly-7 does not go: its tag nightly-7 does not fit `accept.tags` (`v*`); the pipeline's rules hold for people, too: announce one that fits, or change them");
}

#[tokio::test]
async fn an_older_version_that_comes_late_waits_for_a_command() {
    let bot = Bot::with_rule("accept: {newest_by: semver}").await;
    bot.announce("v1.10.0").await;
    bot.work().await;
    bot.announce("v1.9.3").await;
    insta::assert_snapshot!(told(&bot).await, @"
    accepted, and does not go by itself: shop: v1.10.0, which is newer, was started before it
    hoist set-aside -
    ");
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.10.0 # hoist writes this");
    insta::assert_snapshot!(why(&bot).await, @"
    v1.9.3 is not in staging: v1.10.0, which is newer, was started before it
    - v1.9.3: v1.10.0, which is newer, was started before it -> `hoist promote shop staging --version v1.9.3` asks for it anew; where a newer one is in, add `--allow-older`
    ");
    let refused = bot.promote("carol", into_staging("v1.9.3")).await.unwrap_err();
    insta::assert_snapshot!(plain(&refused), @"v1.9.3 is older than v1.10.0, which is in staging; say `--allow-older` if that is meant, or `hoist rollback` to bring back what ran well");
    let down = PromoteRequest { allow_older: true, ..into_staging("v1.9.3") };
    bot.promote("carol", down).await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.9.3 # hoist writes this");
}

#[tokio::test]
async fn a_moved_tag_waits_until_a_person_asks_for_it_by_its_digest() {
    let bot = Bot::with_rule("moved_tags: ask").await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    let moved = digest("shop", "v1.4.2 again");
    assert_eq!(bot.announce_moved("v1.4.2", &moved).await, 202);
    insta::assert_snapshot!(told(&bot).await, @"
    accepted, and does not go by itself: shop: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and a person is to say whether that goes (`moved_tags: ask`)
    ci tag-moved -
    ");
    bot.work().await;
    insta::assert_snapshot!(why(&bot).await, @"
    v1.4.2 is not in staging: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and a person is to say whether that goes (`moved_tags: ask`)
    - v1.4.2: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and a person is to say whether that goes (`moved_tags: ask`) -> `hoist promote shop staging --digest COMMIT` lets it in
    ");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, soaking (the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and a person is to say whether that goes (`moved_tags: ask`))
    prod: v1.0.0, succeeded, next v1.4.2 waiting (soak gate: v1.4.2 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:30 UTC))
    ");
    let asked = PromoteRequest { version: None, digest: Some(moved), ..into_staging("") };
    let answer = bot.promote("carol", asked).await.unwrap();
    insta::assert_snapshot!(plain(&answer), @"shop v1.4.2 goes into staging. Its proposal opens as soon as its gates do.");
}

#[tokio::test]
async fn a_moved_tag_that_is_refused_goes_at_no_command() {
    let bot = Bot::with_rule("moved_tags: refuse").await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    let moved = digest("shop", "v1.4.2 again");
    bot.announce_moved("v1.4.2", &moved).await;
    bot.work().await;
    insta::assert_snapshot!(told(&bot).await, @"
    accepted, and does not go by itself: shop: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and `moved_tags: refuse` lets no such artifact in
    ci tag-moved -
    ");
    let asked = PromoteRequest { version: None, digest: Some(moved), ..into_staging("") };
    let refused = bot.promote("carol", asked).await.unwrap_err();
    insta::assert_snapshot!(plain(&refused), @"v1.4.2 does not go: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and `moved_tags: refuse` lets no such artifact in; the pipeline's rules hold for people, too: announce one that fits, or change them");
}

#[tokio::test]
async fn a_tag_that_moves_back_is_told_and_takes_nothing_back_by_itself() {
    let bot = Bot::new().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    let first = bot.version_line("staging");
    let moved = digest("shop", "v1.4.2 again");
    bot.announce_moved("v1.4.2", &moved).await;
    bot.work().await;
    let tag_moved = |text: String| text.lines().filter(|it| it.contains("tag-moved")).count();
    assert_eq!(tag_moved(bot.deeds().await), 1);
    // The first delivery, sent once more, says nothing new.
    assert_eq!(bot.announce("v1.4.2").await, 200);
    assert_eq!(tag_moved(bot.deeds().await), 1);
    assert_eq!(bot.announce_in_another_delivery("v1.4.2").await, 200);
    bot.work().await;
    assert_eq!(tag_moved(bot.deeds().await), 2);
    let history = bot.app().audit(0, 1000).await.unwrap();
    let told = history.iter().rfind(|it| it.verb == "tag-moved").unwrap();
    insta::assert_snapshot!(plain(&told.text), @"ghcr.io/acme/shop:v1.4.2 was sha256:DIGEST and is now announced by ci as sha256:DIGEST: the tag has moved; that one was announced before and does not go again by itself: `hoist promote … --digest COMMIT --allow-older` brings it back");
    let back = PromoteRequest {
        version: None,
        digest: Some(digest("shop", "v1.4.2")),
        allow_older: true,
        ..into_staging("")
    };
    bot.promote("carol", back).await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("staging"), first);
}

#[tokio::test]
async fn a_digest_under_another_tag_goes_waits_or_stays_out_and_is_always_told() {
    let (first, second) = ("v1.4.2-rc.1", "v1.4.2");
    let mut all = String::new();
    for rule in ["retags: promote", "retags: ask", "retags: refuse"] {
        let bot = Bot::with_rule(rule).await;
        bot.announce(first).await;
        bot.work().await;
        assert_eq!(bot.announce_moved(second, &digest("shop", first)).await, 202);
        bot.work().await;
        let deliveries = bot.app().deliveries(1).await.unwrap();
        let history = bot.app().audit(0, 1000).await.unwrap();
        let told = history.iter().rfind(|it| it.verb == "retagged").unwrap();
        all += &format!("{rule}: {}\n  {}\n", plain(&deliveries[0].outcome), plain(&told.text));
        all += &format!("  {}\n  {}\n", bot.version_line("staging"), why(&bot).await);
        let answer = bot.promote("carol", into_staging(second)).await;
        all += &format!("  {}\n", plain(&answer.unwrap_or_else(|refused| refused)));
    }
    insta::assert_snapshot!(all, @"
    retags: promote: accepted
      ghcr.io/acme/shop@sha256:DIGEST was announced as v1.4.2-rc.1 and is now announced by ci as v1.4.2: the same under another tag
      newTag: v1.4.2 # hoist writes this
      v1.4.2 is in staging, and nothing newer was announced

      shop v1.4.2 is in staging already (soaking): nothing is to be done.
    retags: ask: accepted, and does not go by itself: shop: the digest COMMIT was announced as v1.4.2-rc.1 before, and now as v1.4.2, and a person is to say whether that goes (`retags: ask`)
      ghcr.io/acme/shop@sha256:DIGEST was announced as v1.4.2-rc.1 and is now announced by ci as v1.4.2: the same under another tag
      newTag: v1.4.2-rc.1 # hoist writes this
      v1.4.2 is not in staging: the digest COMMIT was announced as v1.4.2-rc.1 before, and now as v1.4.2, and a person is to say whether that goes (`retags: ask`)
    - v1.4.2: the digest COMMIT was announced as v1.4.2-rc.1 before, and now as v1.4.2, and a person is to say whether that goes (`retags: ask`) -> `hoist promote shop staging --tag v1.4.2` lets it in
      shop v1.4.2 goes into staging. Its proposal opens as soon as its gates do.
    retags: refuse: accepted, and does not go by itself: shop: the digest COMMIT was announced as v1.4.2-rc.1 before, and now as v1.4.2, and `retags: refuse` lets no such artifact in
      ghcr.io/acme/shop@sha256:DIGEST was announced as v1.4.2-rc.1 and is now announced by ci as v1.4.2: the same under another tag
      newTag: v1.4.2-rc.1 # hoist writes this
      v1.4.2 is not in staging: the digest COMMIT was announced as v1.4.2-rc.1 before, and now as v1.4.2, and `retags: refuse` lets no such artifact in
    - v1.4.2: the digest COMMIT was announced as v1.4.2-rc.1 before, and now as v1.4.2, and `retags: refuse` lets no such artifact in -> it goes as v1.4.2-rc.1, or build it again
      v1.4.2 does not go: the digest COMMIT was announced as v1.4.2-rc.1 before, and now as v1.4.2, and `retags: refuse` lets no such artifact in; the pipeline's rules hold for people, too: announce one that fits, or change them
    ");
}

#[tokio::test]
async fn a_pipeline_is_told_at_once_that_its_artifact_does_not_go_and_waits_for_nothing() {
    let bot = Bot::with_rule("accept: {tags: \"v*\", newest_by: semver}").await;
    let mut told = vec![bot.told_at_once("v1.10.0").await];
    bot.work().await;
    for version in ["nightly-7", "v1.9.3"] {
        told.push(bot.told_at_once(version).await);
        told.push(bot.progress(version, "staging").await);
    }
    // A person may still say that this one goes.
    let bot = Bot::with_rule("moved_tags: ask").await;
    bot.announce_moved("v1.4.2", &digest("shop", "something else")).await;
    bot.work().await;
    told.push(bot.told_at_once("v1.4.2").await);
    told.push(bot.progress("v1.4.2", "staging").await);
    insta::assert_snapshot!(plain(&told.join("\n")), @"
    -
    accepted, and does not go by itself: shop: its tag nightly-7 does not fit `accept.tags` (`v*`)
    ended not started: its tag nightly-7 does not fit `accept.tags` (`v*`)
    accepted, and does not go by itself: shop: v1.10.0, which is newer, was started before it
    ended not started: v1.10.0, which is newer, was started before it
    accepted, and does not go by itself: shop: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and a person is to say whether that goes (`moved_tags: ask`)
    on_its_way not started: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and a person is to say whether that goes (`moved_tags: ask`)
    ");
}

/// A shop whose staging holds a tag and a digest when hoist first looks.
async fn with_pinned(rule: &str, tag: &str, digest: &str) -> Bot {
    let bot = Bot::with_rule(rule).await;
    let pinned = format!("newTag: {tag}\n    digest: {digest}");
    bot.edit_main(&file("staging", "shop"), "newTag: v1.0.0", &pinned);
    bot
}

/// What the history says of tags that moved, a line each.
async fn moves(bot: &Bot) -> String {
    let history = bot.app().audit(0, 1000).await.unwrap();
    let moves = history.iter().filter(|it| ["tag-moved", "retagged"].contains(&it.verb.as_str()));
    moves.map(|it| format!("{} {}\n", it.actor, plain(&it.text))).collect()
}

#[tokio::test]
async fn a_tag_means_what_it_is_in_git_also_where_nobody_announced_it() {
    let there = digest("shop", "what was there");
    let mut all = String::new();
    for rule in ["moved_tags: promote", "moved_tags: ask", "moved_tags: refuse"] {
        let bot = with_pinned(rule, "v1.4.2", &there).await;
        bot.work().await;
        bot.announce("v1.4.2").await;
        let told = told(&bot).await;
        bot.work().await;
        let text = bot.file_on("main", &file("staging", "shop"));
        let is_there = if text.contains(&there) { "what was there" } else { "the new one" };
        all += &format!("{rule}: {told}\n{}staging holds {is_there}\n", moves(&bot).await);
    }
    insta::assert_snapshot!(all, @"
    moved_tags: promote: accepted
    ci tag-moved -
    ci ghcr.io/acme/shop:v1.4.2 was sha256:DIGEST in the files of staging and is now announced by ci as sha256:DIGEST: the tag has moved
    staging holds the new one
    moved_tags: ask: accepted, and does not go by itself: shop: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and a person is to say whether that goes (`moved_tags: ask`)
    ci tag-moved -
    ci ghcr.io/acme/shop:v1.4.2 was sha256:DIGEST in the files of staging and is now announced by ci as sha256:DIGEST: the tag has moved
    staging holds what was there
    moved_tags: refuse: accepted, and does not go by itself: shop: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and `moved_tags: refuse` lets no such artifact in
    ci tag-moved -
    ci ghcr.io/acme/shop:v1.4.2 was sha256:DIGEST in the files of staging and is now announced by ci as sha256:DIGEST: the tag has moved
    staging holds what was there
    ");
}

#[tokio::test]
async fn what_stands_in_git_counts_although_the_announcement_came_before_the_first_look() {
    let there = digest("shop", "what was there");
    let bot = with_pinned("moved_tags: refuse", "v1.4.2", &there).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert!(bot.file_on("main", &file("staging", "shop")).contains(&there));
    insta::assert_snapshot!(moves(&bot).await + &why(&bot).await, @"
    hoist ghcr.io/acme/shop:v1.4.2 was announced as sha256:DIGEST and is sha256:DIGEST in the files of staging: the tag has moved
    v1.4.2 is not in staging: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and `moved_tags: refuse` lets no such artifact in
    - v1.4.2: the tag v1.4.2 has moved: it was COMMIT and is now COMMIT, and `moved_tags: refuse` lets no such artifact in -> build it again under a tag of its own
    ");
}

#[tokio::test]
async fn the_very_thing_that_stands_in_git_has_not_moved() {
    let bot = with_pinned("moved_tags: refuse", "v1.4.2", &digest("shop", "v1.4.2")).await;
    bot.work().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(moves(&bot).await, "");
    insta::assert_snapshot!(why(&bot).await, @"v1.4.2 is in staging, and nothing newer was announced");
}

#[tokio::test]
async fn a_digest_that_stands_in_git_under_another_tag_is_told_and_held_against_the_rules() {
    let there = digest("shop", "what was there");
    let bot = with_pinned("retags: ask", "v1.4.2-rc.1", &there).await;
    bot.work().await;
    bot.announce_moved("v1.4.2", &there).await;
    bot.work().await;
    insta::assert_snapshot!(moves(&bot).await + &why(&bot).await, @"
    ci ghcr.io/acme/shop@sha256:DIGEST stood as v1.4.2-rc.1 in the files of staging and is now announced by ci as v1.4.2: the same under another tag
    v1.4.2 is not in staging: the digest COMMIT was announced as v1.4.2-rc.1 before, and now as v1.4.2, and a person is to say whether that goes (`retags: ask`)
    - v1.4.2: the digest COMMIT was announced as v1.4.2-rc.1 before, and now as v1.4.2, and a person is to say whether that goes (`retags: ask`) -> `hoist promote shop staging --tag v1.4.2` lets it in
    ");
}

#[tokio::test]
async fn a_tag_that_other_hands_move_and_ci_moves_back_is_told_each_time() {
    let bot = with_pinned("moved_tags: promote", "v1.0.0", &digest("shop", "v1.0.0")).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    let path = file("staging", "shop");
    bot.edit_main(&path, &digest("shop", "v1.4.2"), &digest("shop", "by hand"));
    bot.work().await;
    bot.announce_in_another_delivery("v1.4.2").await;
    bot.work().await;
    insta::assert_snapshot!(moves(&bot).await, @"
    hoist ghcr.io/acme/shop:v1.4.2 was announced as sha256:DIGEST and is sha256:DIGEST in the files of staging: the tag has moved
    ci ghcr.io/acme/shop:v1.4.2 was sha256:DIGEST in the files of staging and is now announced by ci as sha256:DIGEST: the tag has moved; that one was announced before and does not go again by itself: `hoist promote … --digest COMMIT --allow-older` brings it back
    ");
}
