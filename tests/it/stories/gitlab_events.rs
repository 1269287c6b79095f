//! GitLab's webhooks: what they wake, and whom nobody believes.

use serde_json::Value;

use crate::support::world::{Bot, SECRET, STAGING_THEN_PROD};

const EXAMPLES: &str = include_str!("../../fixtures/gitlab/webhooks.json");

/// GitLab's documented events, as Debian's package of its client for Go has them.
const DOCUMENTED: &str = "/usr/share/gocode/src/github.com/xanzy/go-gitlab/testdata/webhooks";

/// Sends an event as GitLab does; the answer's status and body.
pub async fn send(bot: &Bot, kind: &str, delivery: &str, body: &str) -> (u16, String) {
    let headers =
        [("x-gitlab-event", kind), ("idempotency-key", delivery), ("x-gitlab-token", SECRET)];
    bot.forge_says("gitops", headers, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_event_is_understood_or_ignored_by_name() {
    let (bot, _lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.work().await;
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    let mut told = Vec::new();
    for (number, example) in examples["examples"].as_array().unwrap().iter().enumerate() {
        let kind = example["event"].as_str().unwrap();
        let body = example["payload"].to_string();
        let (status, body) = send(&bot, kind, &format!("delivery {number}"), &body).await;
        told.push(format!("{kind}: {status} {body}").trim_end().to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    Push Hook: 202 {"woken":["services/shop"]}
    Push Hook: 202 {"woken":["services/shop"]}
    Merge Request Hook: 202 {"woken":["services/shop"]}
    Note Hook: 204
    Note Hook: 204
    Pipeline Hook: 202 {"woken":["services/shop"]}
    Pipeline Hook: 202 {"woken":["services/shop"]}
    Pipeline Hook: 202 {"woken":["services/shop"]}
    Job Hook: 202 {"woken":["services/shop"]}
    Job Hook: 204
    Tag Push Hook: 204
    Issue Hook: 204
    Emoji Hook: 204
    "#);
    for kind in examples["events"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()) {
        let body = r#"{"project": {"path_with_namespace": "acme/infra/gitops"}}"#;
        assert_eq!(send(&bot, kind, &format!("another {kind}"), body).await.0, 204, "{kind}");
    }
}

/// An event's kind, as the header names it.
fn header(payload: &Value) -> String {
    match payload["object_kind"].as_str().or(payload["event_name"].as_str()).unwrap() {
        "build" => "Job Hook".to_owned(),
        "subgroup_create" => "Subgroup Hook".to_owned(),
        "wiki_page" => "Wiki Page Hook".to_owned(),
        kind => {
            let words = kind.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
            format!("{} Hook", words.collect::<Vec<_>>().join(" "))
        }
    }
}

/// Has a documented event happen in our project, on our branch.
fn make_ours(payload: &mut Value) {
    match payload {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value.as_str()) {
                    ("path_with_namespace", Some(_)) => *value = "acme/infra/gitops".into(),
                    ("source_branch", Some(_)) => *value = "hoist/prod/shop".into(),
                    ("ref", Some(full)) if full.starts_with("refs/heads/") => {
                        *value = "refs/heads/hoist/prod/shop".into();
                    }
                    ("ref", Some(_)) => *value = "hoist/prod/shop".into(),
                    _ => make_ours(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_ours),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_gitlabs_documented_events_is_understood_or_ignored() {
    let (bot, _lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.work().await;
    let files = std::fs::read_dir(DOCUMENTED).expect("`tests/run` installs them: run it once");
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut told = Vec::new();
    for file in &files {
        let mut payload: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        make_ours(&mut payload);
        let name = file.file_stem().unwrap().to_string_lossy();
        let (status, body) = send(&bot, &header(&payload), &name, &payload.to_string()).await;
        told.push(format!("{name}: {status} {body}").trim_end().to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    build: 204
    deployment: 204
    group_merge_request: 202 {"woken":[]}
    issue: 204
    merge_request: 202 {"woken":["services/shop"]}
    note_commit: 204
    note_issue: 204
    note_merge_request: 204
    note_snippet: 204
    pipeline: 202 {"woken":["services/shop"]}
    push: 202 {"woken":["services/shop"]}
    release: 204
    service_merge_request: 202 {"woken":["services/shop"]}
    subgroup: 204
    tag_push: 204
    wiki_page: 204
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_is_seen_as_soon_as_gitlab_tells_of_it() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.approve(2, "Bobby");
    let body = r#"{"object_kind": "merge_request", "project": {"path_with_namespace": "acme/infra/gitops"},
        "object_attributes": {"iid": 2, "action": "approved", "source_branch": "hoist/prod/shop"}}"#;
    let told = send(&bot, "Merge Request Hook", "one", body).await;
    assert_eq!(told, (202, r#"{"woken":["services/shop"]}"#.to_owned()));
    bot.work_off().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    // GitLab sends again what it is not sure of, and older ones know it by another name.
    assert_eq!(send(&bot, "Merge Request Hook", "one", body).await.0, 204);
    let old = [
        ("x-gitlab-event", "Merge Request Hook"),
        ("x-gitlab-event-uuid", "two"),
        ("x-gitlab-token", SECRET),
    ];
    assert_eq!(bot.forge_says("gitops", old, body).await.0, 202);
    assert_eq!(bot.forge_says("gitops", old, body).await.0, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_believed_who_does_not_know_the_secret() {
    let (bot, _lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.work().await;
    let body = r#"{"ref": "refs/heads/hoist/prod/shop", "project": {"path_with_namespace": "acme/infra/gitops"}}"#;
    let (event, id, header) =
        (("x-gitlab-event", "Push Hook"), ("idempotency-key", "one"), "x-gitlab-token");
    let (short, long) = (&SECRET[..SECRET.len() - 1], format!("{SECRET} "));
    for bad in ["hunter2", short, "", &long.replace(' ', "x")] {
        let (status, told) = bot.forge_says("gitops", [event, id, (header, bad)], body).await;
        assert_eq!(status, 401, "{bad}: {told}");
        assert!(!told.contains("woken"), "{told}");
    }
    let elsewhere = bot.forge_says("nothing", [event, id, (header, SECRET)], body).await;
    assert_eq!(elsewhere.0, 401, "it does not tell which repositories there are");
    let nameless =
        bot.forge_says("gitops", [event, id, ("x-hub-signature-256", SECRET)], body).await;
    assert_eq!(nameless.0, 401, "what another kind of forge sends says nothing here");
    let told = bot.forge_says("gitops", [event, id, (header, SECRET)], "{]").await;
    assert_eq!(told.0, 400, "{}", told.1);
    let other = body.replace("acme/infra/gitops", "acme/website");
    assert_eq!(send(&bot, "Push Hook", "two", &other).await.0, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_on_a_merge_request_is_a_command_and_is_answered_there() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    // GitLab knows her as she writes herself, and people by what the configuration has.
    let hold = lab.say(2, "BOBBY", "I do not like this.\r\n/hoist hold shop prod because INC-7");
    assert_eq!(send(&bot, "Note Hook", "one", &hold.to_string()).await, (202, String::new()));
    // Told again in another delivery it is the same note, and does nothing twice.
    send(&bot, "Note Hook", "two", &hold.to_string()).await;
    hoist::scheduler::answer_all(bot.app()).await;
    bot.work().await;
    assert_eq!(lab.reactions(&hold), ["project_7_bot_5e1f: eyes"]);
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 held in #2 (held by bob: INC-7)
    ");
    insta::assert_snapshot!(bot.comments(2).await, @"
    BOBBY: I do not like this.
    /hoist hold shop prod because INC-7
    project_7_bot_5e1f: <!-- hoist: answer -->
    `BOBBY` said `/hoist hold shop prod because INC-7`:

    ```text
    shop is held in prod until somebody resumes it (INC-7): nothing but a rollback goes in.
    ```
    ");
    let deeds = bot.deeds().await;
    assert_eq!(deeds.matches("bob hold prod").count(), 1, "{deeds}");
    let resume = lab.say(2, "Bobby", "/hoist resume shop prod");
    send(&bot, "Note Hook", "three", &resume.to_string()).await;
    hoist::scheduler::answer_all(bot.app()).await;
    bot.work().await;
    assert!(!bot.status().await.contains("held"));
    assert_eq!(lab.notes_on(2).len(), 3, "both answers stand in one note");
    assert!(lab.obeyed().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_note_is_said_by_whoever_edited_it() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    let mut hold = lab.say(2, "Bobby", "/hoist hodl shop prod");
    send(&bot, "Note Hook", "one", &hold.to_string()).await;
    hoist::scheduler::answer_all(bot.app()).await;
    assert!(!bot.status().await.contains("held"));
    let who = hold["user"]["id"].clone();
    assert!(who.is_u64(), "{who}");
    hold["object_attributes"]["action"] = "update".into();
    hold["object_attributes"]["note"] = "/hoist hold shop prod".into();
    hold["object_attributes"]["updated_by_id"] = who;
    for delivery in ["two", "three"] {
        assert_eq!(send(&bot, "Note Hook", delivery, &hold.to_string()).await.0, 202);
        hoist::scheduler::answer_all(bot.app()).await;
    }
    let deeds = bot.deeds().await;
    assert_eq!(deeds.matches("bob hold prod").count(), 1, "{deeds}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_of_somebody_else_or_about_something_else_does_nothing() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    // On GitHub dora is known by that name; here somebody else may be called so.
    let stranger = lab.say(2, "mallory", "/hoist rollback shop prod because @everyone `x`");
    send(&bot, "Note Hook", "one", &stranger.to_string()).await;
    hoist::scheduler::answer_all(bot.app()).await;
    insta::assert_snapshot!(bot.comments(2).await, @"
    mallory: /hoist rollback shop prod because @everyone `x`
    project_7_bot_5e1f: <!-- hoist: answer -->
    `mallory` said `/hoist rollback shop prod because @everyone 'x'`:

    ```text
    hoist does not know who 'mallory' is. Whoever keeps its configuration can add you: put 'gitlab: mallory' at your name under 'people:', and your name into a role that allows what you want to do.
    ```
    ");

    // Who edited it is not said, but that it was not Bobby.
    let mut edited = lab.say(2, "Bobby", "/hoist hold shop prod");
    edited["object_attributes"]["action"] = "update".into();
    edited["object_attributes"]["updated_by_id"] = 4242.into();
    let mut unknown = lab.say(2, "Bobby", "/hoist hold shop prod");
    unknown["object_attributes"]["action"] = "update".into();
    let mut older = lab.say(2, "Bobby", "/hoist hold shop prod");
    older["object_attributes"]["action"] = Value::Null;
    older["object_attributes"]["created_at"] = "2026-01-05 10:00:00 UTC".into();
    older["object_attributes"]["updated_at"] = "2026-01-05 10:00:09 UTC".into();
    let mut system = lab.say(2, "Bobby", "/hoist hold shop prod");
    system["object_attributes"]["system"] = true.into();
    let mut issue = lab.say(2, "Bobby", "/hoist hold shop prod");
    issue["object_attributes"]["noteable_type"] = "Issue".into();
    let mut foreign = lab.say(2, "Bobby", "/hoist hold shop prod");
    foreign["merge_request"]["iid"] = 77.into();
    let talk = lab.say(2, "Bobby", "please do not /hoist hold shop prod");
    for (number, event) in (10..).zip([edited, unknown, older, system, issue, foreign, talk]) {
        let delivery = format!("delivery {number}");
        let answer = send(&bot, "Note Hook", &delivery, &event.to_string()).await;
        assert_eq!(answer, (204, String::new()), "{event}");
    }
    hoist::scheduler::answer_all(bot.app()).await;
    bot.work().await;
    assert!(!bot.status().await.contains("held"), "{}", bot.status().await);
}
