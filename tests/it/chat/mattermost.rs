//! Mattermost's door: the same words, with a token instead of a signature.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::Office;
use crate::support::served::Answer;

pub const TOKEN: &str = "a-token-of-mattermost";

async fn sends(office: &Office, token: &str, speaker: &str, text: &str) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token)
        .append_pair("command", "/hoist")
        .append_pair("user_id", speaker)
        .append_pair("user_name", "alice.w")
        .append_pair("channel_id", "town-square")
        .append_pair("text", text)
        .append_pair("response_url", &format!("{}/commands/{speaker}", office.slack.url()))
        .append_pair("trigger_id", text)
        .finish();
    let request = Request::post("/hooks/mattermost").body(Body::from(body)).unwrap();
    office.hoist.send(request).await
}

#[tokio::test]
async fn the_same_words_are_understood_in_mattermost() {
    let office = Office::open().await;
    assert_eq!(sends(&office, TOKEN, "m0a", "hold shop prod").await.status, StatusCode::OK);
    assert_eq!(sends(&office, TOKEN, "m0a", "hold shop prod").await.status, StatusCode::OK);
    office.work().await;
    let answers = office.slack.answers();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].starts_with("shop is held in prod"), "{answers:?}");
    assert_eq!(
        office.audit("asked").await,
        ["Mattermost alice: alice said `hold shop prod` in Mattermost town-square"]
    );
}

#[tokio::test]
async fn a_wrong_token_is_not_believed() {
    let office = Office::open().await;
    for token in ["", "a-token-of-mattermos", "another"] {
        let answer = sends(&office, token, "m0a", "hold shop prod").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}");
    }
    office.work().await;
    assert_eq!(office.audit("asked").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_slack_member_is_nobody_in_mattermost() {
    let office = Office::open().await;
    sends(&office, TOKEN, "U0A", "hold shop prod").await;
    office.work().await;
    assert!(office.slack.answers()[0].contains("`mattermost: U0A` at your name"));
}
