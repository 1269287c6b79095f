//! What registries are asked, and what their answers are worth: of Debian's `docker-registry`, and
//! of a simulated one that does what a real one does not do on demand.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use hoist::adapters::clock::SystemClock;
use hoist::adapters::registry::{Registries, RegistryLogin, RegistryMirror, RegistrySettings};
use hoist::app::ports::{Registry, RegistryError};
use hoist::domain::artifact::{Digest, ImageName, Tag};
use hoist::domain::registry::Reference;
use serde_json::json;

use crate::support::registry::{
    Blob, DockerRegistry, HELM_CONFIG, INDEX, Layout, MANIFEST, PASSWORD, Part, USER, digest_of,
};
use crate::support::sly_registry::{Mood, SlyRegistry};
use crate::support::token_server::TokenServer;

/// The registry under test, which stands somewhere else than its name says.
const NAME: &str = "registry.example.com";

fn image() -> ImageName {
    format!("{NAME}/acme/shop").parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn at(url: &str) -> RegistrySettings {
    RegistrySettings { url: Some(url.parse().unwrap()), ..RegistrySettings::default() }
}

fn knowing(url: &str, password: &str) -> RegistrySettings {
    let login = RegistryLogin { username: USER.into(), password: password.to_owned().into() };
    RegistrySettings { credentials: Some(login), ..at(url) }
}

fn asking(settings: RegistrySettings) -> Registries {
    asking_all([(NAME, settings)])
}

fn asking_all<const N: usize>(all: [(&str, RegistrySettings); N]) -> Registries {
    let all = all.map(|(name, settings)| (name.parse().unwrap(), settings));
    Registries::new(BTreeMap::from(all), Arc::new(SystemClock)).unwrap()
}

fn shop() -> Layout {
    Layout::index(&[
        Part::image(("linux", "amd64"), json!({})),
        Part::image(("linux", "arm64"), json!({})),
    ])
}

/// Everything that is asked of a registry, of one that has the shop under `v1`.
async fn check_everything(registries: &Registries, shop: &Layout) {
    let resolved = registries.resolve(&image(), &tag("v1")).await.unwrap();
    assert_eq!(resolved, shop.digest);
    let missing = registries.resolve(&image(), &tag("v2")).await.unwrap_err();
    assert!(matches!(missing, RegistryError::Missing { .. }), "{missing}");
    assert_eq!(missing.to_string(), "registry.example.com has no acme/shop v2");
    let by_digest = Reference::Digest(shop.digest.clone());
    for reference in [by_digest, Reference::Tag(tag("v1"))] {
        let found = registries.manifest(&image(), &reference).await.unwrap();
        assert_eq!((found.digest, found.media_type.as_str()), (shop.digest.clone(), INDEX));
        assert_eq!(found.bytes, shop.bytes);
    }
    for (digest, bytes) in shop.blobs() {
        // What is no manifest is a blob.
        if String::from_utf8_lossy(&bytes).contains("schemaVersion") {
            continue;
        }
        let digest = digest.parse().unwrap();
        assert_eq!(registries.blob(&image(), &digest, 4096).await.unwrap(), bytes);
    }
    let nothing: Digest = digest_of(b"nothing").parse().unwrap();
    let missing = registries.blob(&image(), &nothing, 4096).await.unwrap_err();
    assert!(matches!(missing, RegistryError::Missing { .. }), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_open_to_everybody_answers() {
    let (server, shop) = (DockerRegistry::start(), shop());
    server.push(&shop, "acme/shop", "v1");
    check_everything(&asking(at(&server.url())), &shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_is_there_like_one() {
    let server = DockerRegistry::start();
    let values =
        Blob { media_type: "text/plain".into(), bytes: b"a".into(), annotations: json!({}) };
    let config = json!({"name": "shop", "version": "1.4.2", "apiVersion": "v2"});
    let chart = Layout::of(&Part::artifact(HELM_CONFIG, config, vec![values]));
    server.push(&chart, "charts/shop", "1.4.2");
    let chart_name: ImageName = format!("{NAME}/charts/shop").parse().unwrap();
    let registries = asking(at(&server.url()));
    assert_eq!(registries.resolve(&chart_name, &tag("1.4.2")).await.unwrap(), chart.digest);
    let reference = Reference::Digest(chart.digest.clone());
    let found = registries.manifest(&chart_name, &reference).await.unwrap();
    assert_eq!((found.media_type.as_str(), found.bytes), (MANIFEST, chart.bytes));
    // Nothing refers to it, and this registry keeps no such index.
    let none = registries.referrers(&chart_name, &chart.digest).await.unwrap_err();
    assert!(matches!(none, RegistryError::Missing { .. }), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_lets_in_by_a_password() {
    let (server, shop) = (DockerRegistry::start_with_password(), shop());
    server.push(&shop, "acme/shop", "v1");
    check_everything(&asking(knowing(&server.url(), PASSWORD)), &shop).await;

    let nobody = asking(at(&server.url()));
    let refused = nobody.resolve(&image(), &tag("v1")).await.unwrap_err().to_string();
    insta::assert_snapshot!(refused, @"registry.example.com does not let hoist look: it wants a user and a password: write `registries.registry.example.com`");
    let wrong = asking(knowing(&server.url(), "a wrong one"));
    let refused = wrong.resolve(&image(), &tag("v1")).await.unwrap_err().to_string();
    insta::assert_snapshot!(refused, @"registry.example.com does not let hoist look: it answers 401 Unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_lets_in_by_a_token_that_opens_one_repository_for_reading() {
    let giver = TokenServer::start().await;
    let (server, shop) = (DockerRegistry::start_with(&giver.auth()), shop());
    server.push(&shop, "acme/shop", "v1");
    giver.asked();
    let token_server = Some(giver.url().parse().unwrap());
    let known = RegistrySettings { token_server, ..knowing(&server.url(), PASSWORD) };
    check_everything(&asking(known), &shop).await;
    // One token does for everything in the repository.
    assert_eq!(giver.asked(), ["hoist: repository:acme/shop:pull"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_to_no_giver_of_tokens_that_only_the_registry_names() {
    let giver = TokenServer::start().await;
    let server = DockerRegistry::start_with(&giver.auth());
    let registries = asking(knowing(&server.url(), PASSWORD));
    let refused = registries.resolve(&image(), &tag("v1")).await.unwrap_err().to_string();
    let refused = refused.replace(&giver.url(), "GIVER");
    insta::assert_snapshot!(refused, @"registry.example.com does not let hoist look: it sends hoist for a token to GIVER, and nobody has said that this is right: if it is, write `token_server: GIVER` under `registries.registry.example.com`");
    assert!(giver.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_trusted_where_it_is_named() {
    let (server, ca) = DockerRegistry::start_tls();
    let shop = shop();
    server.push(&shop, "acme/shop", "v1");
    let url = server.url().replace("http:", "https:");
    let ca = Some(std::fs::read_to_string(ca).unwrap());
    check_everything(&asking(RegistrySettings { ca, ..at(&url) }), &shop).await;
    let refused = asking(at(&url)).resolve(&image(), &tag("v1")).await.unwrap_err();
    assert!(matches!(refused, RegistryError::Unreachable { .. }), "{refused}");
}

#[tokio::test]
async fn a_copy_is_taken_from_a_mirror_and_the_word_on_a_tag_from_the_registry() {
    let (origin, mirror, shop) = (SlyRegistry::start().await, SlyRegistry::start().await, shop());
    origin.keep(&shop, "v1");
    mirror.keep(&shop, "v1");
    let copies =
        RegistryMirror { registry: "mirror.example.com".parse().unwrap(), prefix: "proxy".into() };
    let mirrored = RegistrySettings { mirrors: vec![copies], ..at(&origin.url()) };
    let registries = asking_all([(NAME, mirrored), ("mirror.example.com", at(&mirror.url()))]);

    registries.resolve(&image(), &tag("v1")).await.unwrap();
    let by_digest = Reference::Digest(shop.digest.clone());
    registries.manifest(&image(), &by_digest).await.unwrap();
    assert_eq!(origin.asked(), ["HEAD /v2/acme/shop/manifests/v1 -"]);
    let copy = format!("GET /v2/proxy/acme/shop/manifests/{} -", shop.digest);
    assert_eq!(mirror.asked(), [copy.as_str()]);

    // A mirror that lies or is away costs a moment, and no truth.
    mirror.put(shop.digest.as_str(), MANIFEST, b"{}");
    assert_eq!(registries.manifest(&image(), &by_digest).await.unwrap().bytes, shop.bytes);
    mirror.mood(Mood::Says(StatusCode::BAD_GATEWAY, vec![]));
    assert_eq!(registries.manifest(&image(), &by_digest).await.unwrap().bytes, shop.bytes);
}

#[tokio::test]
async fn a_login_does_not_follow_where_an_answer_leads() {
    let (server, store, shop) = (SlyRegistry::start().await, SlyRegistry::start().await, shop());
    server.keep(&shop, "v1");
    store.keep(&shop, "v1");
    let registries = asking(knowing(&server.url(), PASSWORD));
    server.mood(Mood::Redirects(store.url()));
    let blob: Digest = shop.blobs()[0].0.parse().unwrap();
    registries.blob(&image(), &blob, 4096).await.unwrap();
    let asked = store.asked();
    assert!(asked.len() == 1 && asked[0].ends_with(" -"), "{asked:?}");
    assert!(server.asked()[1].contains(" Basic "));
}

#[tokio::test]
async fn an_answer_leads_to_no_plain_http() {
    let (server, shop) = (SlyRegistry::start().await, shop());
    server.keep(&shop, "v1");
    server.mood(Mood::Redirects("http://storage.example.com".into()));
    let blob: Digest = shop.blobs()[0].0.parse().unwrap();
    let registries = asking(knowing(&server.url(), PASSWORD));
    let refused = registries.blob(&image(), &blob, 4096).await.unwrap_err();
    insta::assert_snapshot!(refused, @"registry.example.com cannot be asked: it answers 307 Temporary Redirect, which leads to no https://");
}

#[tokio::test]
async fn an_answer_that_is_not_what_its_digest_says_is_not_believed() {
    let (server, shop) = (SlyRegistry::start().await, shop());
    server.put(shop.digest.as_str(), MANIFEST, b"{\"other\": 1}");
    let registries = asking(at(&server.url()));
    let reference = Reference::Digest(shop.digest.clone());
    let refused = registries.manifest(&image(), &reference).await.unwrap_err();
    assert!(matches!(refused, RegistryError::Untrue { .. }), "{refused}");
}

#[tokio::test]
async fn a_registry_that_does_not_say_a_digest_is_read_for_it() {
    let (server, shop) = (SlyRegistry::start().await, shop());
    server.keep(&shop, "v1");
    server.keep_digests_to_itself();
    let resolved = asking(at(&server.url())).resolve(&image(), &tag("v1")).await.unwrap();
    assert_eq!(resolved, shop.digest);
}

/// What becomes of asking a registry in some mood, and of asking it again at once.
async fn in_mood(mood: Mood) -> (RegistryError, usize) {
    let server = SlyRegistry::start().await;
    server.mood(mood);
    let registries = asking(at(&server.url()));
    let digest: Digest = digest_of(b"x").parse().unwrap();
    let error = registries.blob(&image(), &digest, 100_000).await.unwrap_err();
    let again = registries.blob(&image(), &digest, 100_000).await.unwrap_err();
    assert_eq!(error, again);
    (error, server.asked().len())
}

#[tokio::test]
async fn a_registry_in_trouble_is_waited_for_and_left_alone_meanwhile() {
    let (error, asked) = in_mood(Mood::Silent).await;
    insta::assert_snapshot!(error, @"registry.example.com cannot be asked: no answer came within 10 s");
    assert_eq!(asked, 1);
    let (error, asked) = in_mood(Mood::Says(StatusCode::BAD_GATEWAY, vec![])).await;
    insta::assert_snapshot!(error, @"registry.example.com cannot be asked: it answers 502 Bad Gateway");
    assert_eq!(asked, 1);
    let (error, asked) = in_mood(Mood::BreaksOff).await;
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_registry_that_was_asked_too_often_says_for_how_long_to_leave_it_alone() {
    let too_many = |wait: &str| {
        let headers = vec![("retry-after", wait.to_owned())];
        Mood::Says(StatusCode::TOO_MANY_REQUESTS, headers)
    };
    let (error, asked) = in_mood(too_many("120")).await;
    insta::assert_snapshot!(error, @"registry.example.com was asked too often, and wants to be left alone for 120 s");
    assert_eq!(asked, 1);
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(600);
    let (error, _) = in_mood(too_many(&at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())).await;
    let RegistryError::RateLimited { seconds, .. } = error else { panic!("{error}") };
    assert!((500..=600).contains(&seconds), "{seconds}");
    let (error, _) = in_mood(too_many("99999999999")).await;
    assert!(matches!(error, RegistryError::RateLimited { seconds: 3600, .. }), "{error}");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let (error, _) = in_mood(Mood::Endless).await;
    insta::assert_snapshot!(error, @"the answer of registry.example.com is longer than the 97 KiB that are read");
}
