//! An artifact goes nowhere before its registry has said what it is.

use axum::http::StatusCode;
use hoist::app::views::PromoteRequest;
use serde_json::json;

use crate::support::registry::{Blob, DockerRegistry, HELM_CONFIG, Layout, Part};
use crate::support::sly_registry::{Mood, SlyRegistry};
use crate::support::world::{Bot, digest, plain, promote_to_prod};

const SOURCE: &str = "org.opencontainers.image.source";
const REVISION: &str = "org.opencontainers.image.revision";
const COMMIT: &str = "9f2c1ab";

fn shop(version: &str) -> Layout {
    let labels = json!({
        SOURCE: "https://github.com/acme/shop", REVISION: "9f2c1ab000",
        "org.opencontainers.image.version": version,
    });
    Layout::index(&[
        Part::image(("linux", "amd64"), labels.clone()),
        Part::image(("linux", "arm64"), labels),
    ])
}

/// What is told of the newest artifact: its delivery, the history, and why it is not in.
async fn told(bot: &Bot) -> String {
    let deliveries = bot.app().deliveries(1).await.unwrap();
    let audit = bot.app().audit(0, 1000).await.unwrap();
    let last = audit.iter().rfind(|line| line.verb == "refused");
    let last = last.map_or("nothing", |line| line.text.as_str());
    let view = bot.app().why("shop", "staging").await.unwrap();
    let next = view.candidates.last().map_or(String::new(), |it| it.next.clone());
    plain(&format!("{}\n{last}\n{}\n-> {next}", deliveries[0].outcome, view.answer))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_vouches_for_goes_and_the_proposal_says_what_it_is() {
    let server = DockerRegistry::start();
    let rule = "verify: {platforms: [linux/amd64, linux/arm64], labels: refuse}";
    let bot = Bot::with_registry(rule, &server.url()).await;
    let shop = shop("1.4.2");
    server.push(&shop, "acme/shop", "v1.4.2");
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    let deeds = bot.deeds().await;
    assert!(deeds.starts_with("hoist examined -\n"), "{deeds}");
    let body = bot.proposal(1).await.body;
    let rows: Vec<&str> = body.lines().filter(|line| line.starts_with("| ")).collect();
    insta::assert_snapshot!(plain(&rows.join("\n")), @"
    | artifact | |
    | image | `ghcr.io/acme/shop` |
    | digest | `sha256:DIGEST` |
    | tag | `v1.4.2` |
    | source commit | `COMMIT` |
    | registry | `an image for linux/amd64, linux/arm64, built 2026-11-22 20:00 UTC` |
    | label source | `https://github.com/acme/shop` |
    | label revision | `COMMIT` |
    | label version | `1.4.2` |
    ");
    let history = bot.app().history("shop", Some("staging")).await.unwrap();
    let promotion = &history.promotions[0].promotion;
    let view = bot.app().promotion(promotion.as_str()).await.unwrap();
    let found = view.artifact.unwrap().examination.unwrap().found.unwrap();
    assert_eq!(found.labels.version.as_deref(), Some("1.4.2"));
    assert_eq!(found.created, Some("2026-11-22T20:00:00Z".parse().unwrap()));
    let page = bot.page("alice", &format!("/promotions/{promotion}")).await;
    let told = "<dt>Registry</dt><dd>an image for linux/amd64, linux/arm64, built 2026-11-22 20:00 UTC</dd>";
    assert!(page.contains(told), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unless_a_pipeline_says_otherwise_its_registry_is_asked() {
    let server = DockerRegistry::start();
    let mut bot = Bot::with_registry("verify: {digest: none}", &server.url()).await;
    let (shop, other) = (shop("1.4.2"), shop("1.4.3"));
    server.push(&shop, "acme/shop", "v1.4.2");
    bot.change_the_pipelines("    verify: {digest: none}\n", "").await;
    bot.announce_pushed("v1.4.2", other.digest.as_str(), COMMIT).await;
    bot.work().await;
    assert_eq!(bot.proposals().await, "");
    bot.minutes_pass(2);
    bot.work().await;
    let outcome = plain(&bot.app().deliveries(1).await.unwrap()[0].outcome);
    insta::assert_snapshot!(outcome, @"refused: shop: ghcr.io/acme/shop:v1.4.2 is sha256:DIGEST in its registry, and sha256:DIGEST was announced");
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    // As it is known that no registry can be reached.
    bot.change_the_pipelines("    image:", "    verify: {digest: none}\n    image:").await;
    bot.announce_moved("v1.5.0", &digest("shop", "v1.5.0")).await;
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.5.0 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hoist_that_only_reads_asks_and_says_what_it_would_do() {
    let server = DockerRegistry::start();
    let mut bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    bot.restart_read_only().await;
    let shop = shop("1.4.2");
    server.push(&shop, "acme/shop", "v1.4.2");
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    bot.work().await;
    let why = bot.app().why("shop", "staging").await.unwrap();
    insta::assert_snapshot!(why.answer, @"v1.4.2 is not in staging: it was announced, and is started at the next look");
    assert_eq!(bot.proposals().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_does_not_have_yet_is_waited_for() {
    let server = DockerRegistry::start();
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let shop = shop("1.4.2");
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    bot.work().await;
    insta::assert_snapshot!(told(&bot).await, @"
    accepted; shop waits: ghcr.io has no acme/shop v1.4.2; that may still come, and is waited for until 2026-11-22 21:02 UTC
    nothing
    v1.4.2 is not in staging: ghcr.io has no acme/shop v1.4.2; that may still come, and is waited for until 2026-11-22 21:02 UTC
    -> nothing is needed once it is there: it is looked for again by itself
    ");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.0.0, succeeded (ghcr.io has no acme/shop v1.4.2; that may still come, and is waited for until 2026-11-22 21:02 UTC)
    prod: v1.0.0, succeeded
    ");
    let delivery = bot.app().deliveries(1).await.unwrap().remove(0);
    let shown = bot.app().delivery(delivery.id.as_str()).await.unwrap().delivery;
    assert_eq!(shown, delivery);
    let asked = PromoteRequest { environment: "staging".into(), ..promote_to_prod(Some("v1.4.2")) };
    let answer = bot.promote("carol", asked).await.unwrap_err();
    insta::assert_snapshot!(plain(&answer), @"v1.4.2 does not go yet: ghcr.io has no acme/shop v1.4.2; that may still come: say it again in a while");

    server.push(&shop, "acme/shop", "v1.4.2");
    bot.seconds_pass(30);
    bot.work_off().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(bot.app().deliveries(1).await.unwrap()[0].outcome, "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_yet_is_looked_for_ever_more_seldom_until_its_time_is_over() {
    let server = SlyRegistry::start().await;
    let rule = "verify: {digest: registry, patience: 90s}";
    let bot = Bot::with_registry(rule, &server.url()).await;
    bot.announce_moved("v1.4.2", &digest("shop", "v1.4.2")).await;
    let mut asked_at = Vec::new();
    for second in 0..200 {
        bot.work_off().await;
        if !server.asked().is_empty() {
            asked_at.push(second);
        }
        if second == 1 {
            insta::assert_snapshot!(bot.progress("v1.4.2", "staging").await, @"on_its_way not started: ghcr.io has no acme/shop v1.4.2; that may still come, and is waited for until 2026-11-22 21:01 UTC");
        }
        bot.seconds_pass(1);
    }
    assert_eq!(asked_at, [0, 2, 6, 14, 30, 62, 90]);
    let outcome = plain(&bot.app().deliveries(1).await.unwrap()[0].outcome);
    insta::assert_snapshot!(outcome, @"refused: shop: ghcr.io has no acme/shop v1.4.2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_still_what_it_was_is_being_moved() {
    let server = SlyRegistry::start().await;
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let (first, second) = (shop("1.4.2"), shop("1.4.3"));
    server.keep(&first, "main");
    bot.announce_pushed("main", first.digest.as_str(), COMMIT).await;
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: main # hoist writes this");
    bot.announce_pushed("main", second.digest.as_str(), COMMIT).await;
    bot.work().await;
    let outcome = plain(&bot.app().deliveries(1).await.unwrap()[0].outcome);
    insta::assert_snapshot!(outcome, @"accepted; shop waits: ghcr.io/acme/shop:main is sha256:DIGEST in its registry, and sha256:DIGEST was announced; that may still come, and is waited for until 2026-11-22 21:02 UTC");
    server.keep(&second, "main");
    bot.seconds_pass(2);
    bot.work_off().await;
    assert_eq!(bot.app().deliveries(1).await.unwrap()[0].outcome, "accepted");
    assert_eq!(bot.deeds().await.matches("hoist examined").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_nobody_knew_before_is_waited_for_and_a_known_one_is_not() {
    let server = SlyRegistry::start().await;
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let (never_announced, first, forged) = (shop("1.4.1"), shop("1.4.2"), shop("6.6.6"));
    server.keep(&never_announced, "main");
    bot.announce_pushed("main", first.digest.as_str(), COMMIT).await;
    bot.work().await;
    let outcome = || async { plain(&bot.app().deliveries(1).await.unwrap()[0].outcome) };
    insta::assert_snapshot!(outcome().await, @"accepted; shop waits: ghcr.io/acme/shop:main is sha256:DIGEST in its registry, and sha256:DIGEST was announced; that may still come, and is waited for until 2026-11-22 21:02 UTC");
    server.keep(&first, "main");
    bot.seconds_pass(2);
    bot.work_off().await;
    assert_eq!(bot.version_line("staging"), "newTag: main # hoist writes this");

    server.keep(&never_announced, "main");
    bot.announce_pushed("main", forged.digest.as_str(), COMMIT).await;
    bot.work().await;
    insta::assert_snapshot!(outcome().await, @"refused: shop: ghcr.io/acme/shop:main is sha256:DIGEST in its registry, and sha256:DIGEST was announced");
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_lack_something_an_older_one_that_has_all_goes() {
    let server = SlyRegistry::start().await;
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let shop = shop("1.4.2");
    server.keep(&shop, "v1.4.2");
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    // As many as two passes ask about.
    for newer in 0..8 {
        let version = format!("v1.5.{newer}");
        bot.announce_moved(&version, &digest("shop", &version)).await;
    }
    for _ in 0..10 {
        bot.work_off().await;
        bot.seconds_pass(1);
    }
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_never_has_is_refused_and_asked_about_when_it_comes_again() {
    let server = DockerRegistry::start();
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let shop = shop("1.4.2");
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    bot.work().await;
    bot.minutes_pass(2);
    bot.work().await;
    insta::assert_snapshot!(told(&bot).await, @"
    refused: shop: ghcr.io has no acme/shop v1.4.2
    v1.4.2 does not go: ghcr.io has no acme/shop v1.4.2
    v1.4.2 is not in staging: ghcr.io has no acme/shop v1.4.2
    -> announce it again once that is mended, or change the pipeline's `verify`
    ");
    assert_eq!(bot.proposals().await, "");
    let refused = bot.app().refused_deliveries(10).await.unwrap();
    assert_eq!(refused.len(), 1);
    let asked = PromoteRequest { environment: "staging".into(), ..promote_to_prod(Some("v1.4.2")) };
    let answer = bot.promote("carol", asked).await.unwrap_err();
    insta::assert_snapshot!(plain(&answer), @"v1.4.2 does not go: ghcr.io has no acme/shop v1.4.2; the pipeline's rules hold for people, too: announce one that fits, or change them");

    server.push(&shop, "acme/shop", "v1.4.2");
    bot.work().await;
    assert_eq!(bot.proposals().await, "");
    assert_eq!(bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await, 200);
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(bot.app().deliveries(1).await.unwrap()[0].outcome, "accepted");
}

/// What becomes of an announcement, by a rule, of what was pushed under the tag.
async fn refused(rule: &str, pushed: &Layout, announced: &str) -> String {
    let server = DockerRegistry::start();
    let bot = Bot::with_registry(rule, &server.url()).await;
    server.push(pushed, "acme/shop", "v1.4.2");
    bot.announce_pushed("v1.4.2", announced, COMMIT).await;
    bot.work().await;
    assert_eq!(bot.proposals().await, "", "{rule}");
    plain(&bot.app().deliveries(1).await.unwrap()[0].outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_its_announcement_is_refused_with_the_reason() {
    let (first, second) = (shop("1.4.2"), shop("1.4.3"));
    let rule = "verify: {digest: registry, patience: 0s}";
    let outcome = refused(rule, &second, first.digest.as_str()).await;
    insta::assert_snapshot!(outcome, @"refused: shop: ghcr.io/acme/shop:v1.4.2 is sha256:DIGEST in its registry, and sha256:DIGEST was announced");

    let rule = "verify: {platforms: [linux/amd64, linux/s390x]}";
    let outcome = refused(rule, &first, first.digest.as_str()).await;
    insta::assert_snapshot!(outcome, @"refused: shop: it is not for linux/s390x, which `verify.platforms` wants; it is for linux/amd64, linux/arm64");

    let single = Layout::of(&Part::image(("linux", "arm64"), json!({})));
    let rule = "verify: {platforms: [linux/amd64]}";
    let outcome = refused(rule, &single, single.digest.as_str()).await;
    insta::assert_snapshot!(outcome, @"refused: shop: it is not for linux/amd64, which `verify.platforms` wants; it is for linux/arm64");

    let mislabelled =
        Part { platform: Some(("linux", "arm64")), ..Part::image(("linux", "amd64"), json!({})) };
    let mixed = Layout::index(&[Part::image(("linux", "amd64"), json!({})), mislabelled]);
    let rule = "verify: {platforms: [linux/amd64, linux/arm64]}";
    let outcome = refused(rule, &mixed, mixed.digest.as_str()).await;
    insta::assert_snapshot!(outcome, @"refused: shop: its index has COMMIT for linux/arm64, and that image's own configuration says linux/amd64");

    let labels = json!({SOURCE: "https://github.com/mallory/shop"});
    let stolen = Layout::of(&Part::image(("linux", "amd64"), labels));
    let rule = "verify: {labels: refuse}";
    let outcome = refused(rule, &stolen, stolen.digest.as_str()).await;
    insta::assert_snapshot!(outcome, @r#"refused: shop: its label org.opencontainers.image.source says "https://github.com/mallory/shop", and "https://github.com/acme/shop" was announced"#);

    let image = || Part::image(("linux", "amd64"), json!({}));
    let annotated =
        Layout::index_saying(&[image()], &json!({SOURCE: "https://github.com/mallory/shop"}));
    let outcome = refused(rule, &annotated, annotated.digest.as_str()).await;
    insta::assert_snapshot!(outcome, @r#"refused: shop: its label org.opencontainers.image.source says "https://github.com/mallory/shop", and "https://github.com/acme/shop" was announced"#);

    let part = Part { more: json!({"annotations": {REVISION: "0000000"}}), ..image() };
    let annotated = Layout::index(&[part]);
    let outcome = refused(rule, &annotated, annotated.digest.as_str()).await;
    insta::assert_snapshot!(outcome, @r#"refused: shop: its label org.opencontainers.image.revision says "COMMIT", and "COMMIT" was announced"#);

    let labels = json!({REVISION: "0000000"});
    let stale = Layout::of(&Part::image(("linux", "amd64"), labels));
    let outcome = refused(rule, &stale, stale.digest.as_str()).await;
    insta::assert_snapshot!(outcome, @r#"refused: shop: its label org.opencontainers.image.revision says "COMMIT", and "COMMIT" was announced"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_contradict_are_a_warning_unless_the_policy_refuses_them() {
    let server = DockerRegistry::start();
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let labels = json!({SOURCE: "https://github.com/mallory/shop"});
    let odd = Layout::of(&Part::image(("linux", "amd64"), labels));
    server.push(&odd, "acme/shop", "v1.4.2");
    bot.announce_pushed("v1.4.2", odd.digest.as_str(), COMMIT).await;
    bot.work().await;
    let body = bot.proposal(1).await.body;
    let row = body.lines().find(|line| line.contains("contradiction")).unwrap();
    insta::assert_snapshot!(row, @r#"| **contradiction** | `its label org.opencontainers.image.source says "https://github.com/mallory/shop", and "https://github.com/acme/shop" was announced` |"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_index_says_of_all_its_images_is_shown() {
    let server = DockerRegistry::start();
    let bot = Bot::with_registry("verify: {labels: refuse}", &server.url()).await;
    let said = json!({SOURCE: "https://github.com/acme/shop", REVISION: "9f2c1ab000"});
    let shop = Layout::index_saying(&[Part::image(("linux", "amd64"), json!({}))], &said);
    server.push(&shop, "acme/shop", "v1.4.2");
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    bot.work().await;
    let body = bot.proposal(1).await.body;
    assert!(body.contains("| label source | `https://github.com/acme/shop` |"), "{body}");
    assert!(body.contains("| label revision | `9f2c1ab000` |"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_goes_like_an_image() {
    let server = DockerRegistry::start();
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let content = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    let values = Blob { media_type: content.into(), bytes: b"a".into(), annotations: json!({}) };
    let config = json!({"name": "shop", "version": "1.4.2", "apiVersion": "v2"});
    let chart = Layout::of(&Part::artifact(HELM_CONFIG, config, vec![values]));
    server.push(&chart, "acme/shop", "1.4.2");
    bot.announce_pushed("1.4.2", chart.digest.as_str(), COMMIT).await;
    bot.work().await;
    let body = bot.proposal(1).await.body;
    assert!(body.contains("| registry | `a Helm chart` |"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_registry_is_away_an_artifact_waits_and_fails_nothing() {
    let server = SlyRegistry::start().await;
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let shop = shop("1.4.2");
    server.keep(&shop, "v1.4.2");
    server.mood(Mood::Says(StatusCode::BAD_GATEWAY, vec![]));
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    bot.work().await;
    insta::assert_snapshot!(told(&bot).await, @"
    accepted; shop waits: its registry has not said yet what it is: ghcr.io cannot be asked: it answers 502 Bad Gateway
    nothing
    v1.4.2 is not in staging: its registry has not said yet what it is: ghcr.io cannot be asked: it answers 502 Bad Gateway
    -> the registry is asked again by itself; where hoist cannot reach it, or is not let in, an entry under `registries` says how, and `verify: {digest: none}` in the pipeline believes whoever announces
    ");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.0.0, succeeded (its registry has not said yet what it is: ghcr.io cannot be asked: it answers 502 Bad Gateway (until 2026-11-22 21:00 UTC))
    prod: v1.0.0, succeeded
    ");
    let asked = PromoteRequest { environment: "staging".into(), ..promote_to_prod(Some("v1.4.2")) };
    let answer = bot.promote("carol", asked).await.unwrap_err();
    insta::assert_snapshot!(plain(&answer), @"v1.4.2 does not go yet: its registry has not said what it is (ghcr.io cannot be asked: it answers 502 Bad Gateway); say it again once it can be asked");

    // It is asked again only after a while, and then longer each time.
    server.asked();
    bot.work().await;
    assert!(server.asked().is_empty());
    bot.minutes_pass(1);
    bot.work().await;
    assert_eq!(server.asked().len(), 1);
    assert_eq!(bot.proposals().await, "");

    server.mood(Mood::Well);
    bot.minutes_pass(5);
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_lies_about_bytes_lets_nothing_in() {
    let server = SlyRegistry::start().await;
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let (shop, other) = (shop("1.4.2"), shop("6.6.6"));
    server.keep(&shop, "v1.4.2");
    server.put(shop.digest.as_str(), &other.media_type, &other.bytes);
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    bot.work().await;
    let outcome = plain(&bot.app().deliveries(1).await.unwrap()[0].outcome);
    insta::assert_snapshot!(outcome, @"refused: shop: the answer of ghcr.io cannot be true: under sha256:DIGEST it has bytes whose digest is sha256:DIGEST");
    assert_eq!(bot.proposals().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_one_holds_up_nobody_who_comes_after_or_before() {
    let server = DockerRegistry::start();
    let bot = Bot::with_registry("verify: {digest: registry}", &server.url()).await;
    let shop = shop("1.4.2");
    server.push(&shop, "acme/shop", "v1.4.2");
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    // Newer, and nowhere.
    bot.announce_moved("v1.5.0", &digest("shop", "v1.5.0")).await;
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_tag_that_a_person_lets_in_is_asked_about_first() {
    let server = DockerRegistry::start();
    let rule = "verify: {digest: registry}\n    moved_tags: ask";
    let bot = Bot::with_registry(rule, &server.url()).await;
    let shop = shop("1.4.2");
    server.push(&shop, "acme/shop", "v1.4.2");
    bot.announce_pushed("v1.4.2", shop.digest.as_str(), COMMIT).await;
    bot.work().await;
    let forged = digest("shop", "forged");
    bot.announce_moved("v1.4.2", &forged).await;
    bot.work().await;
    let asked = PromoteRequest {
        environment: "staging".into(),
        digest: Some(forged),
        ..promote_to_prod(None)
    };
    let answer = bot.promote("carol", asked.clone()).await.unwrap_err();
    insta::assert_snapshot!(plain(&answer), @"v1.4.2 does not go yet: ghcr.io/acme/shop:v1.4.2 is sha256:DIGEST in its registry, and sha256:DIGEST was announced; that may still come: say it again in a while");
    bot.minutes_pass(2);
    let answer = bot.promote("carol", asked).await.unwrap_err();
    insta::assert_snapshot!(plain(&answer), @"v1.4.2 does not go: ghcr.io/acme/shop:v1.4.2 is sha256:DIGEST in its registry, and sha256:DIGEST was announced; the pipeline's rules hold for people, too: announce one that fits, or change them");
}
