//! GitHub's webhooks: what they wake, and whom nobody believes.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::support::world::{Bot, SECRET, STAGING_THEN_PROD};

const EXAMPLES: &str = include_str!("../../fixtures/github/webhooks.json");

/// All that GitHub's own people keep, where `tests/run` puts them.
const ALL_EXAMPLES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/tools/node/node_modules/@octokit/webhooks-examples/api.github.com/index.json"
);

fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Sends an event as GitHub does; the answer's status and body.
pub async fn send(bot: &Bot, kind: &str, delivery: &str, body: &str) -> (u16, String) {
    let signature = signature(SECRET, body);
    bot.forge_says(
        "gitops",
        [
            ("x-github-event", kind),
            ("x-github-delivery", delivery),
            ("x-hub-signature-256", &signature),
        ],
        body,
    )
    .await
}

/// An example, as if it had happened in our repository on one of hoist's branches.
fn ours(payload: &Value) -> String {
    let text = payload.to_string();
    let name = payload["repository"]["full_name"].as_str().unwrap_or("none");
    let mut text =
        text.replace(&format!("\"full_name\":\"{name}\""), "\"full_name\":\"Acme/gitops\"");
    for branch in ["changes", "issue-comment", "main", "master"] {
        for key in ["ref", "name", "head_branch"] {
            text = text.replace(
                &format!("\"{key}\":\"{branch}\""),
                &format!("\"{key}\":\"hoist/prod/shop\""),
            );
        }
        text = text.replace(&format!("\"refs/heads/{branch}\""), "\"refs/heads/hoist/prod/shop\"");
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_event_is_understood_or_ignored_by_name() {
    let (bot, _hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.work().await;
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    let mut told = Vec::new();
    for example in examples["examples"].as_array().unwrap() {
        let kind = example["event"].as_str().unwrap();
        let (status, body) = send(&bot, kind, kind, &ours(&example["payload"])).await;
        told.push(format!("{kind}: {status} {body}").trim_end().to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    pull_request: 202 {"woken":["services/shop"]}
    pull_request_review: 202 {"woken":["services/shop"]}
    pull_request_review_thread: 202 {"woken":["services/shop"]}
    push: 202 {"woken":["services/shop"]}
    check_run: 202 {"woken":["services/shop"]}
    check_suite: 202 {"woken":["services/shop"]}
    status: 202 {"woken":["services/shop"]}
    ping: 204
    issue_comment: 204
    "#);
    for kind in examples["events"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()) {
        let body = r#"{"action": "created", "repository": {"full_name": "acme/gitops"}}"#;
        let (status, _) = send(&bot, kind, &format!("another {kind}"), body).await;
        assert!(matches!(status, 202 | 204), "{kind}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_githubs_own_examples_is_understood_or_ignored() {
    let (bot, _hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.work().await;
    let examples = std::fs::read(ALL_EXAMPLES).expect("`tests/run` installs them: run it once");
    let examples: Vec<Value> = serde_json::from_slice(&examples).unwrap();
    let (mut woken, mut ignored) = (0, 0);
    for event in &examples {
        let kind = event["name"].as_str().unwrap();
        for (place, payload) in event["examples"].as_array().unwrap().iter().enumerate() {
            match send(&bot, kind, &format!("{kind} {place}"), &ours(payload)).await {
                (202, _) => woken += 1,
                (204, _) => ignored += 1,
                other => panic!("{kind} {place}: {other:?}"),
            }
        }
    }
    assert_eq!((examples.len(), woken + ignored), (58, 329));
    assert!(woken > 60, "{woken}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_is_seen_as_soon_as_github_tells_of_it() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.review(2, "Bobby", "APPROVED");
    let body = r#"{"action": "submitted", "repository": {"full_name": "acme/gitops"},
        "pull_request": {"head": {"ref": "hoist/prod/shop"}}}"#;
    let told = send(&bot, "pull_request_review", "one", body).await;
    assert_eq!(told, (202, r#"{"woken":["services/shop"]}"#.to_owned()));
    bot.work_off().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    // GitHub sends again what it is not sure of.
    assert_eq!(send(&bot, "pull_request_review", "one", body).await.0, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_main_wakes_those_whose_files_it_changed() {
    let (bot, _hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.work().await;
    let body = r#"{"ref": "refs/heads/main", "repository": {"full_name": "acme/gitops"},
        "commits": [{"added": [], "modified": ["environments/prod/apps/cart/kustomization.yaml"]}]}"#;
    let told = send(&bot, "push", "one", body).await;
    assert_eq!(told, (202, r#"{"woken":["services/cart"]}"#.to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_believed_who_does_not_know_the_secret() {
    let (bot, _hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.work().await;
    let body =
        r#"{"ref": "refs/heads/hoist/prod/shop", "repository": {"full_name": "acme/gitops"}}"#;
    let event = ("x-github-event", "push");
    let id = ("x-github-delivery", "one");
    let header = "x-hub-signature-256";
    let (wrong, other) = (signature("hunter2", body), signature(SECRET, "{}"));
    for bad in [wrong.as_str(), &other, "", "sha256=", "sha256=zz", "sha1=00"] {
        let (status, told) = bot.forge_says("gitops", [event, id, (header, bad)], body).await;
        assert_eq!(status, 401, "{bad}: {told}");
        assert!(!told.contains("woken"), "{told}");
    }
    let good = signature(SECRET, body);
    let elsewhere = bot.forge_says("nothing", [event, id, (header, &good)], body).await;
    assert_eq!(elsewhere.0, 401, "it does not tell which repositories there are");
    let nonsense = "{]";
    let signed = signature(SECRET, nonsense);
    let told = bot.forge_says("gitops", [event, id, (header, &signed)], nonsense).await;
    assert_eq!(told.0, 400, "{}", told.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comment_on_a_pull_request_is_a_command_and_is_answered_there() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    // GitHub knows her as she writes herself, and people by what the configuration has.
    let hold = hub.say(2, "BOBBY", "I do not like this.\r\n/hoist hold shop prod because INC-7");
    assert_eq!(send(&bot, "issue_comment", "one", &hold.to_string()).await, (202, String::new()));
    hoist::scheduler::answer_all(bot.app()).await;
    bot.work().await;
    assert_eq!(hub.reactions(&hold["comment"]), ["hoist-bot: eyes"]);
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 held in #2 (held by bob: INC-7)
    ");
    insta::assert_snapshot!(bot.comments(2).await, @"
    BOBBY: I do not like this.
    /hoist hold shop prod because INC-7
    hoist-bot: <!-- hoist: answer -->
    `BOBBY` said `/hoist hold shop prod because INC-7`:

    ```text
    shop is held in prod until somebody resumes it (INC-7): nothing but a rollback goes in.
    ```
    ");

    // Told again in another delivery it is the same comment, and does nothing twice.
    send(&bot, "issue_comment", "two", &hold.to_string()).await;
    let resume = hub.say(2, "Bobby", "/hoist resume shop prod");
    send(&bot, "issue_comment", "three", &resume.to_string()).await;
    hoist::scheduler::answer_all(bot.app()).await;
    bot.work().await;
    insta::assert_snapshot!(bot.comments(2).await, @"
    BOBBY: I do not like this.
    /hoist hold shop prod because INC-7
    hoist-bot: <!-- hoist: answer -->
    `Bobby` said `/hoist resume shop prod`:

    ```text
    shop is no longer held in prod: what waited there goes on.
    ```
    Bobby: /hoist resume shop prod
    ");
    assert!(!bot.status().await.contains("held"));
    let deeds = bot.deeds().await;
    assert_eq!(deeds.matches("bob hold prod").count(), 1, "{deeds}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_is_asked_for_where_the_change_was_reviewed() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    let asked = hub.say(2, "dora", "/hoist rollback shop prod because card payments fail");
    // The answer to the first delivery was lost on its way, so GitHub tells it again.
    for delivery in ["one", "one"] {
        send(&bot, "issue_comment", delivery, &asked.to_string()).await;
    }
    hoist::scheduler::answer_all(bot.app()).await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded, next v1.0.0 proposed in #3 (it needs review: 0 of 1 approvals, the requester's not counted) (held by dora: v1.4.2 was rolled back)
    ");
    insta::assert_snapshot!(hub.comments_on(2).last().unwrap(), @"
    <!-- hoist: answer -->
    `dora` said `/hoist rollback shop prod because card payments fail`:

    ```text
    shop in prod goes back from v1.4.2 to v1.0.0. The revert proposal opens now; the application is held there until 'hoist resume shop prod'.
    https://hoist.example.com/promotions/01m82jn1vr000000000000000a
    ```

    <!-- hoist:c0a3d5dc43ee7193 -->
    ");
    hub.review(3, "Bobby", "APPROVED");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded (held by dora: v1.4.2 was rolled back)
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comment_of_somebody_without_the_right_or_about_something_else_does_nothing() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    let rollback = "/hoist rollback shop prod because @everyone `x`";
    let stranger = hub.say(2, "mallory", rollback);
    send(&bot, "issue_comment", "one", &stranger.to_string()).await;
    hoist::scheduler::answer_all(bot.app()).await;
    insta::assert_snapshot!(bot.comments(2).await, @"
    mallory: /hoist rollback shop prod because @everyone `x`
    hoist-bot: <!-- hoist: answer -->
    `mallory` said `/hoist rollback shop prod because @everyone 'x'`:

    ```text
    hoist does not know who 'mallory' is. Whoever keeps its configuration can add you: put 'github: mallory' at your name under 'people:', and your name into a role that allows what you want to do.
    ```
    ");
    // A right that he lacks, on the promotion that is spoken of.
    let skip = hub.say(2, "Bobby", "/hoist skip approvals because nobody is awake");
    send(&bot, "issue_comment", "two", &skip.to_string()).await;
    hoist::scheduler::answer_all(bot.app()).await;
    insta::assert_snapshot!(bot.comments(2).await, @"
    mallory: /hoist rollback shop prod because @everyone `x`
    hoist-bot: <!-- hoist: answer -->
    `Bobby` said `/hoist skip approvals because nobody is awake`:

    ```text
    Not done: bob may not 'skip-gates' in prod: no role of theirs allows it; a role with 'may: [skip-gates]' that reaches prod does ('roles:' in the configuration)
    ```
    Bobby: /hoist skip approvals because nobody is awake
    ");

    let mut deleted = hub.say(2, "Bobby", "/hoist hold shop prod");
    deleted["action"] = "deleted".into();
    let mut machine = hub.say(2, "Bobby", "/hoist hold shop prod");
    machine["comment"]["user"]["type"] = "Bot".into();
    let mut issue = hub.say(2, "Bobby", "/hoist hold shop prod");
    issue["issue"].as_object_mut().unwrap().remove("pull_request");
    let mut foreign = hub.say(2, "Bobby", "/hoist hold shop prod");
    foreign["issue"]["number"] = 77.into();
    let talk = hub.say(2, "Bobby", "please do not /hoist hold shop prod");
    for (number, event) in (10..).zip([deleted, machine, issue, foreign, talk]) {
        let delivery = format!("delivery {number}");
        let answer = send(&bot, "issue_comment", &delivery, &event.to_string()).await;
        assert_eq!(answer, (204, String::new()), "{event}");
    }
    hoist::scheduler::answer_all(bot.app()).await;
    bot.work().await;
    assert!(!bot.status().await.contains("held"), "{}", bot.status().await);
}

/// The event in which GitHub tells that somebody edited a comment.
fn edited(event: &Value, by: &str, body: &str) -> Value {
    let mut event = event.clone();
    event["action"] = "edited".into();
    event["changes"] = serde_json::json!({"body": {"from": event["comment"]["body"]}});
    event["comment"]["body"] = body.into();
    event["sender"] = serde_json::json!({"login": by, "type": "User"});
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_comment_is_said_by_whoever_edited_it() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    let hears = async |event: &Value, delivery: &str| {
        send(&bot, "issue_comment", delivery, &event.to_string()).await;
        hoist::scheduler::answer_all(bot.app()).await;
        hub.comments_on(2).last().cloned().unwrap_or_default()
    };
    let talk = hub.say(2, "Bobby", "I do not like this.");
    hears(&talk, "one").await;
    // Somebody without a right puts a command into what bob wrote.
    let answer = hears(&edited(&talk, "mallory", "/hoist hold shop prod"), "two").await;
    assert!(answer.contains("hoist does not know who 'mallory' is"), "{answer}");
    assert!(!bot.status().await.contains("held"));
    // He corrects what he said himself.
    let hold = edited(&talk, "Bobby", "/hoist hold shop prod because INC-7");
    let answer = hears(&hold, "three").await;
    assert!(answer.contains("shop is held in prod"), "{answer}");
    // Another word in it is no other command, whoever writes it.
    let resume = hub.say(2, "dora", "/hoist resume shop prod");
    hears(&resume, "four").await;
    hears(&edited(&hold, "Bobby", "Sorry!\n/hoist hold shop prod because INC-7"), "five").await;
    assert!(!bot.status().await.contains("held"), "{}", bot.status().await);
    let deeds = bot.deeds().await;
    assert_eq!(deeds.matches(" hold prod").count(), 1, "{deeds}");
    assert_eq!(deeds.matches("bob hold prod").count(), 1, "{deeds}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_repository_with_the_same_secret_is_ignored() {
    let (bot, _hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.work().await;
    let body =
        r#"{"ref": "refs/heads/hoist/prod/shop", "repository": {"full_name": "acme/website"}}"#;
    assert_eq!(send(&bot, "push", "one", body).await.0, 204);
}
