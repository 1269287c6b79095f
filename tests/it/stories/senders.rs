//! A real registry says by itself what was pushed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use crate::support::registry::{DockerRegistry, Layout, PASSWORD, Part, USER};
use crate::support::token_server::TokenServer;
use crate::support::world::{Bot, plain};

const SECRET: &str = "what only the registry knows";

/// A registry that knows this secret, and a hoist that hears and asks it; with somebody who gives
/// out its tokens, or open to everybody.
async fn hoist_and_its_registry(
    secret: &str,
    giver: Option<&TokenServer>,
) -> (Bot, DockerRegistry) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let auth = giver.map(TokenServer::auth).unwrap_or_default();
    let registry = notifying(listener.local_addr().unwrap(), secret, &auth);
    let mut bot = Bot::with_registry("verify: {platforms: [linux/amd64]}", &registry.url()).await;
    if let Some(giver) = giver {
        let password = bot.config().with_file_name("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let url = format!("url: \"{}\"", registry.url());
        let login = format!(
            "{url}, username: {USER}, password: {{file: \"{}\"}}, token_server: \"{}\"",
            password.display(),
            giver.url()
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
fn notifying(hoist: SocketAddr, secret: &str, auth: &str) -> DockerRegistry {
    DockerRegistry::start_with(&format!(
        "{auth}notifications:\n  endpoints:\n  - name: hoist\n    url: http://{hoist}/hooks/registry/warehouse\n    \
         headers: {{Authorization: [\"Bearer {secret}\"]}}\n    timeout: 2s\n    threshold: 3\n    \
         backoff: 100ms\n"
    ))
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
    let (bot, registry) = hoist_and_its_registry(SECRET, None).await;
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
    let (bot, registry) = hoist_and_its_registry(SECRET, Some(&giver)).await;
    registry.push(&shop("1.4.2"), "acme/shop", "v1.4.2");
    assert_eq!(outcomes(&bot, 1).await, ["accepted"]);
    giver.asked();
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(giver.asked(), ["hoist: repository:acme/shop:pull"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_without_the_secret_is_believed_in_nothing() {
    let (bot, registry) = hoist_and_its_registry("something else", None).await;
    registry.push(&shop("1.4.2"), "acme/shop", "v1.4.2");
    let outcomes = outcomes(&bot, 1).await;
    assert!(outcomes.iter().all(|it| it.starts_with("refused")), "{outcomes:?}");
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.0.0 # hoist writes this");
}
