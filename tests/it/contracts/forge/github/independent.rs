//! A GitHub that others wrote, and that knows nothing of ours: the way of a pull request through it.
//!
//! It knows no commit statuses, no Git and no assignees of pull requests.

use std::sync::Arc;

use axum::http::Method;
use hoist::adapters::forge::common::PATIENCE;
use hoist::adapters::forge::github::{GitHubAccess, GitHubCredentials, GitHubServer};
use hoist::app::ports::{Closing, Forge, MergeOutcome, ProposalState, Status, StatusState, Turn};
use hoist::domain::id::CommitId;
use serde_json::json;

use super::super::{BRANCH, at, merge_of, spec};
use super::forge;
use crate::support::emulate::Emulate;

async fn known() -> (Emulate, Arc<dyn Forge>) {
    let others = Emulate::github().await;
    let server = GitHubServer {
        api: others.with_statuses().await.parse().unwrap(),
        ca: None,
        patience: PATIENCE,
        credentials: GitHubCredentials::Token("hoist-token".into()),
    };
    let repository = "https://github.example/acme/gitops.git".parse().unwrap();
    let forge = forge(Arc::new(GitHubAccess::new(&server, &repository).unwrap()));
    (others, forge)
}

/// A branch with one commit upon main, as a push would have made it.
async fn branch(others: &Emulate, name: &str, text: &str) -> CommitId {
    let at = "/repos/acme/gitops";
    let path = format!("{at}/git/ref/heads/main");
    let main = others.ask("hoist-token", Method::GET, &path, json!(null)).await;
    let main = main["object"]["sha"].as_str().unwrap().to_owned();
    let new = json!({"ref": format!("refs/heads/{name}"), "sha": main});
    others.ask("hoist-token", Method::POST, &format!("{at}/git/refs"), new).await;
    let commit = json!({"message": "promote", "content": text, "branch": name});
    let path = format!("{at}/contents/prod/shop.yaml");
    let told = others.ask("hoist-token", Method::PUT, &path, commit).await;
    told["commit"]["sha"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_goes_its_way_on_somebody_elses_github() {
    let (others, forge) = known().await;
    let head = branch(&others, BRANCH, "dGFnOiAxLjEK").await;
    let mut wanted = spec(BRANCH, "shop: 1.1 to prod");
    wanted.asks.reviewers = vec!["bob".to_owned()];
    let number = forge.propose(&wanted, at("10:00")).await.unwrap().number();
    assert_eq!(forge.propose(&wanted, at("10:01")).await.unwrap().number(), number);
    forge.comment(number, "story", "It soaks.", at("10:02")).await.unwrap();
    forge.comment(number, "story", "It soaked.", at("10:03")).await.unwrap();
    let status = Status { state: StatusState::Success, description: "open".to_owned() };
    forge.set_status(number, &head, "hoist/soak", &status).await.unwrap();

    let path = format!("/repos/acme/gitops/pulls/{}/reviews", number.0);
    others.ask("bob-token", Method::POST, &path, json!({"event": "APPROVE"})).await;
    let found = forge.find_open(BRANCH).await.unwrap().unwrap();
    assert_eq!((found.number, &found.head), (number, &head));
    assert_eq!(found.title, "shop: 1.1 to prod");
    let comments: Vec<&str> = found.comments.iter().map(|it| it.body.as_str()).collect();
    assert_eq!(comments, ["It soaked."]);
    assert_eq!(found.statuses["hoist/soak"], status);
    let by: Vec<&str> = found.approvals.iter().map(|it| it.by.as_str()).collect();
    assert_eq!(by, ["bob"]);

    let merged = forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    let MergeOutcome::Merged(commit) = merged else { panic!("{merged:?}") };
    let there = forge.load(number).await.unwrap().state;
    assert!(
        matches!(&there, ProposalState::Merged { commit: it, .. } if *it == commit),
        "{there:?}"
    );
    assert_eq!(forge.find_open(BRANCH).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_is_closed_with_its_reason_on_somebody_elses_github() {
    let (others, forge) = known().await;
    branch(&others, BRANCH, "dGFnOiAxLjEK").await;
    let number =
        forge.propose(&spec(BRANCH, "shop: 1.1 to prod"), at("10:00")).await.unwrap().number();
    let closing = Closing {
        number,
        by: "hoist".parse().unwrap(),
        reason: "A newer version takes its place.".to_owned(),
        at: at("10:01"),
    };
    forge.close(&closing).await.unwrap();
    forge.close(&closing).await.unwrap();
    let ProposalState::Closed { reason, .. } = forge.load(number).await.unwrap().state else {
        panic!()
    };
    assert_eq!(reason.as_deref(), Some("A newer version takes its place."));
}
