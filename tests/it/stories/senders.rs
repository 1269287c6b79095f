//! A real registry says by itself what was pushed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use crate::support::registry::{DockerRegistry, Layout, PASSWORD, Part, USER};
use crate::support::signing::{Keys, beside, payload, signature};
use crate::support::token_server::TokenServer;
use crate::support::world::{Bot, plain};

const SECRET: &str = "what only the registry knows";

const RULE: &str = "verify: {platforms: [linux/amd64]}";

/// Whom a registry lets in.
enum Door<'a> {
    Everybody,
    WithPassword,
    WithTokenOf(&'a TokenServer),
}

/// A registry that knows this secret, and a hoist that hears and asks it by this rule.
async fn hoist_and_its_registry(secret: &str, door: Door<'_>, rule: &str) -> (Bot, DockerRegistry) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let registry = notifying(listener.local_addr().unwrap(), secret, &door);
    let mut bot = Bot::with_registry(rule, &registry.url()).await;
    let token_server = match door {
        Door::Everybody => None,
        Door::WithPassword => Some(String::new()),
        Door::WithTokenOf(giver) => Some(format!(", token_server: \"{}\"", giver.url())),
    };
    if let Some(token_server) = token_server {
        let password = bot.config().with_file_name("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let url = format!("url: \"{}\"", registry.url());
        let login = format!(
            "{url}, username: {USER}, password: {{file: \"{}\"}}{token_server}",
            password.display(),
        );
        bot.change_the_process_file(|text| text.replace(&url, &login)).await;
    }
    let known = bot.config().with_file_name("registry-secret");
    std::fs::write(&known, SECRET).unwrap();
    let source = format!(
        "sources:\n  warehouse: {{sender: distribution, secret: {{file: \"{}\"}}, \
         registry: ghcr.io, images: [\"ghcr.io/acme/*\"]}}\n",
        known.display()
    );
    bot.change_the_process_file(|text| text.replace("sources:\n", &source)).await;
    let router = hoist::http::router(Arc::clone(bot.app()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (bot, registry)
}

/// A registry that notifies hoist of all that happens in it.
fn notifying(hoist: SocketAddr, secret: &str, door: &Door<'_>) -> DockerRegistry {
    let notifications = format!(
        "notifications:\n  endpoints:\n  - name: hoist\n    url: http://{hoist}/hooks/registry/warehouse\n    \
         headers: {{Authorization: [\"Bearer {secret}\"]}}\n    timeout: 2s\n    threshold: 3\n    \
         backoff: 100ms\n"
    );
    match door {
        Door::Everybody => DockerRegistry::start_with(&notifications),
        Door::WithPassword => DockerRegistry::start_with_password_and(&notifications),
        Door::WithTokenOf(giver) => {
            DockerRegistry::start_with(&format!("{}{notifications}", giver.auth()))
        }
    }
}

fn shop(version: &str) -> Layout {
    let labels = json!({"org.opencontainers.image.version": version});
    Layout::index(&[
        Part::image(("linux", "amd64"), labels.clone()),
        Part::image(("linux", "arm64"), labels),
    ])
}

/// Waits until so many deliveries were kept, and tells what became of them.
async fn outcomes(bot: &Bot, count: usize) -> Vec<String> {
    for _ in 0..600 {
        let deliveries = bot.app().deliveries(100).await.unwrap();
        if deliveries.len() >= count {
            return deliveries.into_iter().map(|it| plain(&it.outcome)).collect();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no {count} deliveries came: {:?}", bot.app().deliveries(100).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_goes_into_staging_by_the_registrys_own_word() {
    let (bot, registry) = hoist_and_its_registry(SECRET, Door::Everybody, RULE).await;
    let image = shop("1.4.2");
    registry.push(&image, "acme/shop", "v1.4.2");
    assert_eq!(outcomes(&bot, 1).await, ["accepted"]);
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    // Layers, and the images that the index is made of, are passed over.
    assert_eq!(bot.app().deliveries(100).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_tokens_says_what_was_pushed_and_is_asked_with_one() {
    let giver = TokenServer::start().await;
    let (bot, registry) = hoist_and_its_registry(SECRET, Door::WithTokenOf(&giver), RULE).await;
    registry.push(&shop("1.4.2"), "acme/shop", "v1.4.2");
    assert_eq!(outcomes(&bot, 1).await, ["accepted"]);
    giver.asked();
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(giver.asked(), ["hoist: repository:acme/shop:pull"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_a_password_says_what_was_pushed_and_is_asked_with_it() {
    let (bot, registry) = hoist_and_its_registry(SECRET, Door::WithPassword, RULE).await;
    registry.push(&shop("1.4.2"), "acme/shop", "v1.4.2");
    assert_eq!(outcomes(&bot, 1).await, ["accepted"]);
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
}

/// As `cosign sign` does it: what is pushed is signed, and by then the registry has told of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_after_the_registry_told_of_it_goes_once_it_is() {
    let (keys, image) = (Keys::generate(), shop("1.4.2"));
    let rule = format!("verify: {{signature: {{key: {:?}}}}}", keys.public());
    let (bot, registry) = hoist_and_its_registry(SECRET, Door::Everybody, &rule).await;
    registry.push(&image, "acme/shop", "v1.4.2");
    assert_eq!(outcomes(&bot, 1).await, ["accepted"]);
    bot.work().await;
    insta::assert_snapshot!(outcomes(&bot, 1).await.join("\n"), @"accepted; shop waits: nobody has signed it: ghcr.io/acme/shop has no signature of its digest; that may still come, and is waited for until 2026-11-22 21:02 UTC");
    let digest = image.digest.as_str();
    let payload = payload(digest);
    let made = beside(vec![signature(payload.clone(), &keys.sign(&payload))]);
    registry.push(&made, "acme/shop", &format!("{}.sig", digest.replacen(':', "-", 1)));
    bot.seconds_pass(30);
    bot.work_off().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    // The signature is told of, too, and passed over.
    assert_eq!(outcomes(&bot, 1).await, ["accepted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_without_the_secret_is_believed_in_nothing() {
    let (bot, registry) = hoist_and_its_registry("something else", Door::Everybody, RULE).await;
    registry.push(&shop("1.4.2"), "acme/shop", "v1.4.2");
    let outcomes = outcomes(&bot, 1).await;
    assert!(outcomes.iter().all(|it| it.starts_with("refused")), "{outcomes:?}");
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.0.0 # hoist writes this");
}
