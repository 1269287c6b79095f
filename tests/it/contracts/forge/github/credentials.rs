//! A token, and an App whose installation's tokens end.

use std::sync::Arc;

use hoist::adapters::forge::common::PATIENCE;
use hoist::adapters::forge::github::{GitHubAccess, GitHubCredentials, GitHubServer};
use hoist::app::ports::{ForgeError, MergeOutcome, Turn};
use secrecy::ExposeSecret;

use super::super::{BRANCH, FILE, World, at, merge_of, propose, spec};
use super::{Simulated, access, by_token, forge};
use crate::support::github::{GitHub, Key, TOKEN};

/// A world whose hoist is an App.
pub async fn as_an_app(key: &Key) -> (Simulated, Arc<GitHubAccess>) {
    let mut world = Simulated::begin().await;
    world.hub.install_app(1234, key);
    let credentials =
        GitHubCredentials::App { app_id: 1234, private_key: key.private.clone().into() };
    let access = access(&world.hub, credentials);
    world.forge = forge(Arc::clone(&access));
    (world, access)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_gets_a_token_once_and_promotes_with_it() {
    let (world, access) = as_an_app(&Key::make()).await;
    let (number, head) = propose(&world).await;
    world.forge.comment(number, "story", "It soaks.", at("10:01")).await.unwrap();
    world.forge.comment(number, "story", "It soaked.", at("10:02")).await.unwrap();
    assert_eq!(world.forge.load(number).await.unwrap().comments.len(), 1);
    let merged = world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert!(matches!(merged, MergeOutcome::Merged(_)), "{merged:?}");
    assert_eq!(world.hub.tokens_given(), 1);
    assert_eq!(access.token().await.unwrap().expose_secret(), "ghs_token-number-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ended_is_made_anew_and_the_question_asked_again() {
    let (world, _) = as_an_app(&Key::make()).await;
    let (number, _) = propose(&world).await;
    world.hub.revoke_tokens();
    world.remote().push(BRANCH, "main", FILE, "tag: 1.2\n");
    let again = world.forge.propose(&spec(BRANCH, "shop: 1.2 to prod"), at("11:00")).await;
    assert_eq!(again.unwrap().number(), number);
    assert_eq!(world.hub.tokens_given(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_before_it_ends() {
    let (world, access) = as_an_app(&Key::make()).await;
    world.hub.let_tokens_last(25);
    for _ in 0..3 {
        assert_eq!(world.forge.find_open(BRANCH).await.unwrap(), None);
    }
    let given = world.hub.tokens_given();
    assert!(given >= 3, "{given}: each would have ended within half a minute");
    let refused = world.hub.take_calls().iter().filter(|call| call.status == 401).count();
    assert_eq!(refused, 0, "nobody had to be told");

    world.hub.let_tokens_last(3600);
    world.forge.find_open(BRANCH).await.unwrap();
    let given = world.hub.tokens_given();
    world.forge.find_open(BRANCH).await.unwrap();
    access.token().await.unwrap();
    assert_eq!(world.hub.tokens_given(), given, "an hour's is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_one_token() {
    let (world, _) = as_an_app(&Key::make()).await;
    let looks = (0..20).map(|_| world.forge.find_open(BRANCH));
    for found in futures::future::join_all(looks).await {
        assert_eq!(found.unwrap(), None);
    }
    assert_eq!(world.hub.tokens_given(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_not_let_in_says_so() {
    let (world, _) = as_an_app(&Key::make()).await;
    let stranger = GitHubCredentials::App { app_id: 1234, private_key: Key::make().private.into() };
    let told = forge(access(&world.hub, stranger)).find_open(BRANCH).await;
    assert!(matches!(told, Err(ForgeError::Unauthorized)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_not_installed_says_so() {
    let key = Key::make();
    let (world, _) = as_an_app(&key).await;
    let server = GitHubServer {
        api: world.hub.api(),
        ca: None,
        patience: PATIENCE,
        credentials: GitHubCredentials::App { app_id: 1234, private_key: key.private.into() },
    };
    let elsewhere = "https://github.example/acme/other.git".parse().unwrap();
    let access = Arc::new(GitHubAccess::new(&server, &elsewhere).unwrap());
    let told = forge(access).find_open(BRANCH).await.unwrap_err();
    insta::assert_snapshot!(told, @"the forge refuses: the App is not installed on acme/other: install it there, or look at `app_id`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_told_as_such() {
    let world = Simulated::begin().await;
    let wrong = forge(access(&world.hub, GitHubCredentials::Token("github_pat_of-mallory".into())));
    let told = wrong.find_open(BRANCH).await;
    assert!(matches!(told, Err(ForgeError::Unauthorized)), "{told:?}");
    assert_eq!(by_token(&world.hub).token().await.unwrap().expose_secret(), TOKEN);
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_refused_before_anything_is_asked() {
    let remote = crate::support::remote::Remote::with_main(&[(FILE, "tag: 1.0\n")]);
    let hub = GitHub::start(remote.path()).await;
    let refused = |credentials| {
        let server = GitHubServer { api: hub.api(), ca: None, patience: PATIENCE, credentials };
        GitHubAccess::new(&server, &hub.git()).err().unwrap().to_string()
    };
    let newline = GitHubCredentials::Token("two\nlines".into());
    insta::assert_snapshot!(refused(newline), @"the token has characters that no token has");
    let key = GitHubCredentials::App { app_id: 1, private_key: "hunter2".into() };
    insta::assert_snapshot!(refused(key), @"`private_key` is no RSA key in PEM, as GitHub hands out when a key is made for an App");
    assert_eq!(hub.take_calls().len(), 0);
}
