//! Slack as others know it: what its own library signs, and what somebody else's Slack is told.

use std::process::Command;

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::{Office, PEOPLE};
use crate::support::emulate::Emulate;
use crate::support::served::Served;
use crate::support::slack::{BOT_TOKEN, SIGNING_SECRET};

/// Where `tests/run` puts `slack_sdk`.
const LIBRARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/python");

/// What Slack's own library for Python says that a request is signed with.
fn by_slack_sdk(at: i64, body: &str) -> String {
    let script = "import sys; from slack_sdk.signature import SignatureVerifier as S; \
                  print(S(sys.argv[1]).generate_signature(timestamp=sys.argv[2], body=sys.argv[3]))";
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", LIBRARY).env("PYTHONDONTWRITEBYTECODE", "1");
    let told = python.args(["-c", script, SIGNING_SECRET, &at.to_string(), body]).output().unwrap();
    assert!(
        told.status.success(),
        "`tests/run` installs slack_sdk: {}",
        String::from_utf8_lossy(&told.stderr)
    );
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn what_slacks_own_library_signs_is_heard_and_nothing_else_by_the_same_signature() {
    let office = Office::open().await;
    let body = office.slack.types("U0A", "hold shop prod because “ünïcode” & INC-7", "one");
    let at = office.hoist.app.clock.now().as_second();
    let signature = by_slack_sdk(at, &body);
    let request = |body: &str| {
        Request::post("/hooks/slack")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", at.to_string())
            .header("x-slack-signature", &signature)
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let other = office.slack.types("U0A", "rollback shop prod", "one");
    assert_eq!(office.hoist.send(request(&other)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(office.hoist.send(request(&body)).await.status, StatusCode::OK);
    office.work().await;
    assert_eq!(office.audit("hold").await.len(), 1);
}

#[tokio::test]
async fn another_slack_is_told_once_of_a_promotion_and_its_message_moves_on() {
    let slack = Emulate::slack().await;
    let channels = slack.call("conversations.list", BOT_TOKEN, &[]).await;
    let channel = channels["channels"][0]["id"].as_str().unwrap().to_owned();
    let more = format!(
        "{PEOPLE}chat:\n  slack: {{signing_secret: {{file: \"{{FOLDER}}/signing\"}}, bot_token: \
         {{file: \"{{FOLDER}}/bot\"}}, channel: \"{channel}\", api: \"{}\"}}\n",
        slack.api()
    );
    let files = [("signing", SIGNING_SECRET), ("bot", BOT_TOKEN)];
    let hoist = Served::start_edited(&files, |process| {
        ["alice", "bob"].iter().fold(process, |text, name| {
            text.replace(&format!("{{name: {name},"), &format!("{{name: {name}, person: {name},"))
        }) + &more
    })
    .await;
    hoist.settle().await;
    hoist::scheduler::answer_all(&hoist.app).await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    hoist::scheduler::answer_all(&hoist.app).await;
    hoist::scheduler::answer_all(&hoist.app).await;
    let history = slack.call("conversations.history", BOT_TOKEN, &[("channel", &channel)]).await;
    let messages = history["messages"].as_array().unwrap();
    let mut told: Vec<&str> =
        messages.iter().filter_map(|it| it["text"].as_str()?.lines().next()).collect();
    told.sort_unstable();
    insta::assert_snapshot!(told.join("\n"), @"
    ✅ shop in staging → `v1.1.0`: succeeded (#1)
    📬 shop in prod → `v1.1.0`: proposed (#2)
    ");
}
