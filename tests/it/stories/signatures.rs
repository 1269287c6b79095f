//! An artifact goes nowhere before somebody who counts has signed it, and its provenance says what
//! it has to say.

use serde_json::json;

use crate::support::registry::{
    Blob, DockerRegistry, IMAGE_CONFIG, INDEX, Layout, Part, digest_of,
};
use crate::support::signing::{
    Authority, Holder, KINDS, Keys, attestation, beside, payload, provenance_0_2, provenance_1,
    referring, signature, signed_statement, sigstore_bundle,
};
use crate::support::sly_registry::SlyRegistry;
use crate::support::world::{Bot, digest, plain};

pub const WORKFLOW: &str =
    "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main";
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";
pub const BUILDER: &str =
    "https://github.com/acme/builders/.github/workflows/slsa.yml@refs/tags/v2";
pub const SOURCE: &str = "https://github.com/acme/shop";

pub fn shop() -> Layout {
    Layout::of(&Part::image(("linux", "amd64"), json!({})))
}

fn tag(digest: &str, suffix: &str) -> String {
    format!("{}{suffix}", digest.replacen(':', "-", 1))
}

/// What becomes of the shop by a rule, where that stands beside it: `goes`, with a row of its
/// proposal; or why not.
pub async fn outcome(rule: &str, beside: &[(&str, Layout)]) -> String {
    let (bot, _registry) = announced(rule, beside).await;
    told(&bot).await
}

/// The shop is announced, and hoist has looked at it.
async fn announced(rule: &str, beside: &[(&str, Layout)]) -> (Bot, SlyRegistry) {
    let server = SlyRegistry::start().await;
    let shop = shop();
    server.keep(&shop, "v1.4.2");
    for (suffix, layout) in beside {
        server.keep(layout, &tag(shop.digest.as_str(), suffix));
    }
    let bot = Bot::with_registry(rule, &server.url()).await;
    judged(&bot, shop.digest.as_str()).await;
    (bot, server)
}

async fn judged(bot: &Bot, digest: &str) -> String {
    bot.announce_pushed("v1.4.2", digest, "9f2c1ab").await;
    bot.work().await;
    told(bot).await
}

/// The same of what lacks something, once nobody waits for that any more.
async fn in_the_end(rule: &str, beside: &[(&str, Layout)]) -> String {
    let (bot, _registry) = announced(rule, beside).await;
    let now = told(&bot).await;
    assert!(now.contains("that may still come, and is waited for until"), "{now}");
    bot.minutes_pass(2);
    bot.work().await;
    told(&bot).await
}

async fn told(bot: &Bot) -> String {
    let outcome = bot.app().deliveries(1).await.unwrap()[0].outcome.clone();
    if bot.proposals().await.is_empty() {
        return plain(&outcome);
    }
    let body = bot.proposal(1).await.body;
    let is_told = |line: &&str| line.starts_with("| signed") || line.starts_with("| provenance");
    let rows: Vec<&str> = body.lines().filter(is_told).collect();
    plain(&format!("{outcome}, and goes:\n{}", rows.join("\n")))
}

fn by_key(keys: &Keys) -> String {
    format!("verify: {{signature: {{key: {:?}}}}}", keys.public())
}

fn signed(keys: &Keys, digest: &str) -> Blob {
    let payload = payload(digest);
    let made = keys.sign(&payload);
    signature(payload, &made)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_key_signed_goes_and_the_proposal_says_so() {
    let (server, keys, shop) = (DockerRegistry::start(), Keys::generate(), shop());
    server.push(&shop, "acme/shop", "v1.4.2");
    let made = beside(vec![signed(&keys, shop.digest.as_str())]);
    server.push(&made, "acme/shop", &tag(shop.digest.as_str(), ".sig"));
    let bot = Bot::with_registry(&by_key(&keys), &server.url()).await;
    let judged = judged(&bot, shop.digest.as_str()).await;
    assert!(judged.starts_with("accepted, and goes:\n| signed by | `the key "), "{judged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_signed_who_counts_is_refused_with_the_reason() {
    let (keys, stranger, shop) = (Keys::generate(), Keys::generate(), shop());
    let (rule, digest_of_it) = (by_key(&keys), shop.digest.as_str());
    let sig = |layers| [(".sig", beside(layers))];

    insta::assert_snapshot!(in_the_end(&rule, &[]).await, @"refused: shop: nobody has signed it: ghcr.io/acme/shop has no signature of its digest");
    let strange = stranger.sign(&payload(digest_of_it));
    assert!(!keys.others_believe(&payload(digest_of_it), &strange));
    let by_stranger = signature(payload(digest_of_it), &strange);
    insta::assert_snapshot!(outcome(&rule, &sig(vec![by_stranger])).await, @"refused: shop: nobody who counts has signed it: it is not made with the key that counts");
    let of_another = signed(&keys, &digest("shop", "another"));
    insta::assert_snapshot!(outcome(&rule, &sig(vec![of_another])).await, @"refused: shop: nobody who counts has signed it: it is about another digest");
    // A true signature over something else, beside what should have been signed.
    let other = keys.sign(&payload(&digest("shop", "another")));
    assert!(!keys.others_believe(&payload(digest_of_it), &other));
    let moved = signature(payload(digest_of_it), &other);
    insta::assert_snapshot!(outcome(&rule, &sig(vec![moved])).await, @"refused: shop: nobody who counts has signed it: it is not made with the key that counts");
    let garbage = signature(payload(digest_of_it), "%%%");
    insta::assert_snapshot!(outcome(&rule, &sig(vec![garbage])).await, @"refused: shop: nobody who counts has signed it: it has no signature");
    let unreadable = signature(b"{}".to_vec(), &keys.sign(b"{}"));
    insta::assert_snapshot!(outcome(&rule, &sig(vec![unreadable])).await, @"refused: shop: nobody who counts has signed it: what it signs cannot be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_after_it_was_announced_is_waited_for() {
    let (keys, shop) = (Keys::generate(), shop());
    let sig = beside(vec![signed(&keys, shop.digest.as_str())]);
    let built = provenance_1(shop.digest.as_str(), BUILDER, SOURCE);
    let att = beside(vec![attestation(&built, &keys)]);
    for (rule, suffix, made) in [(by_key(&keys), ".sig", sig), (by_provenance(&keys), ".att", att)]
    {
        let (bot, server) = announced(&rule, &[]).await;
        for second in 0..64 {
            if second == 30 {
                assert!(told(&bot).await.starts_with("accepted; shop waits: nobody "), "{suffix}");
                server.keep(&made, &tag(shop.digest.as_str(), suffix));
            }
            bot.seconds_pass(1);
            bot.work_off().await;
        }
        let told = told(&bot).await;
        assert!(told.starts_with("accepted, and goes"), "{suffix}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_another_is_refused_at_once_though_more_may_come() {
    let (keys, stranger, shop) = (Keys::generate(), Keys::generate(), shop());
    let (bot, server) = announced(&by_key(&keys), &[]).await;
    let strange = signed(&stranger, shop.digest.as_str());
    server.keep(&beside(vec![strange]), &tag(shop.digest.as_str(), ".sig"));
    bot.seconds_pass(2);
    bot.work_off().await;
    insta::assert_snapshot!(told(&bot).await, @"refused: shop: nobody who counts has signed it: it is not made with the key that counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_be_of_any_kind_that_cosign_takes() {
    let shop = shop();
    let digest_of_it = shop.digest.as_str();
    for (kind, hash) in KINDS {
        let keys = Keys::of_kind(kind);
        let made = keys.sign_with(hash, &payload(digest_of_it));
        let good = [(".sig", beside(vec![signature(payload(digest_of_it), &made)]))];
        let told = outcome(&by_key(&keys), &good).await;
        assert!(told.starts_with("accepted, and goes"), "{kind:?}: {told}");
        let other = keys.sign_with(hash, &payload(&digest("shop", "another")));
        let bad = [(".sig", beside(vec![signature(payload(digest_of_it), &other)]))];
        let told = outcome(&by_key(&keys), &bad).await;
        assert!(told.ends_with("it is not made with the key that counts"), "{kind:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signature_that_counts_is_enough_among_others() {
    let (keys, stranger, shop) = (Keys::generate(), Keys::generate(), shop());
    let both = vec![signed(&stranger, shop.digest.as_str()), signed(&keys, shop.digest.as_str())];
    let outcome = outcome(&by_key(&keys), &[(".sig", beside(both))]).await;
    assert!(outcome.starts_with("accepted, and goes"), "{outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_found_among_what_refers_to_the_image() {
    let (keys, shop) = (Keys::generate(), shop());
    let made = beside(vec![signed(&keys, shop.digest.as_str())]);
    let kind = "application/vnd.dev.cosign.artifact.sig.v1+json";
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{
        "mediaType": made.media_type, "digest": made.digest, "size": made.bytes.len(),
        "artifactType": kind,
    }]});

    let server = SlyRegistry::start().await;
    server.keep(&shop, "v1.4.2");
    server.keep(&made, "somewhere");
    server.refer(shop.digest.as_str(), &index);
    let bot = Bot::with_registry(&by_key(&keys), &server.url()).await;
    let outcome = judged(&bot, shop.digest.as_str()).await;
    assert!(outcome.starts_with("accepted, and goes"), "{outcome}");

    // A registry that keeps no such list has it under a tag.
    let server = SlyRegistry::start().await;
    server.keep(&shop, "v1.4.2");
    server.keep(&made, "somewhere");
    server.put(&tag(shop.digest.as_str(), ""), INDEX, index.to_string().as_bytes());
    let bot = Bot::with_registry(&by_key(&keys), &server.url()).await;
    let outcome = judged(&bot, shop.digest.as_str()).await;
    assert!(outcome.starts_with("accepted, and goes"), "{outcome}");
}

/// An authority, a log, and a rule that trusts them.
struct Trusted {
    authority: Authority,
    log: Keys,
    now: i64,
}

impl Trusted {
    fn new() -> Self {
        let now = jiff::Timestamp::now().as_second() + 60;
        Self { authority: Authority::new(), log: Keys::generate(), now }
    }

    fn signer(&self) -> String {
        format!(
            "{{identity: \"https://github.com/acme/{{application}}/.github/workflows/*@refs/heads/main\", \
             issuer: \"{ISSUER}\", roots: {:?}, rekor: {:?}}}",
            self.authority.root(),
            self.log.public()
        )
    }

    fn rule(&self) -> String {
        format!("verify: {{signature: {}}}", self.signer())
    }

    fn release(&self) -> Holder {
        self.authority.certify(WORKFLOW, ISSUER)
    }

    /// What becomes of the shop with this layer beside it.
    async fn of(&self, layer: Blob) -> String {
        outcome(&self.rule(), &[(".sig", beside(vec![layer]))]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_certified_workflow_signed_goes_and_the_proposal_says_which() {
    let (trusted, shop) = (Trusted::new(), shop());
    let layer =
        trusted.release().signature(payload(shop.digest.as_str()), &trusted.log, trusted.now);
    insta::assert_snapshot!(trusted.of(layer).await, @"
    accepted, and goes:
    | signed by | `https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main, known by https://token.actions.githubusercontent.com` |
    ");
}

/// On Debian's `docker-registry`, which keeps no list of what refers to what: under the tag that
/// cosign makes, and under the one that takes the list's place.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_certified_workflow_signed_is_found_on_a_real_registry() {
    let (trusted, shop) = (Trusted::new(), shop());
    let layer =
        || trusted.release().signature(payload(shop.digest.as_str()), &trusted.log, trusted.now);
    let referring = Part::artifact(IMAGE_CONFIG, json!({}), vec![layer()]);
    for (suffix, made) in [(".sig", beside(vec![layer()])), ("", Layout::index(&[referring]))] {
        let server = DockerRegistry::start();
        server.push(&shop, "acme/shop", "v1.4.2");
        server.push(&made, "acme/shop", &tag(shop.digest.as_str(), suffix));
        let bot = Bot::with_registry(&trusted.rule(), &server.url()).await;
        let judged = judged(&bot, shop.digest.as_str()).await;
        assert!(judged.starts_with("accepted, and goes"), "{suffix:?}: {judged}");
        assert!(judged.contains(WORKFLOW), "{judged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_does_not_count_lets_nothing_in() {
    let (trusted, shop) = (Trusted::new(), shop());
    let (log, now) = (&trusted.log, trusted.now);
    let about = || payload(shop.digest.as_str());

    let other = "https://github.com/acme/cart/.github/workflows/release.yml@refs/heads/main";
    let other = trusted.authority.certify(other, ISSUER).signature(about(), log, now);
    insta::assert_snapshot!(trusted.of(other).await, @"refused: shop: nobody who counts has signed it: it is signed by https://github.com/acme/cart/.github/workflows/release.yml@refs/heads/main, who does not count");
    let elsewhere = trusted.authority.certify(WORKFLOW, "https://gitlab.com");
    let elsewhere = elsewhere.signature(about(), log, now);
    insta::assert_snapshot!(trusted.of(elsewhere).await, @r#"refused: shop: nobody who counts has signed it: its signer was known by "https://gitlab.com", and "https://token.actions.githubusercontent.com" counts"#);
    let unknown = Authority::new().certify(WORKFLOW, ISSUER).signature(about(), log, now);
    let told = trusted.of(unknown).await;
    assert!(told.contains("its certificate does not hold"), "{told}");
    let late = trusted.release().signature(about(), log, now + 3 * 24 * 3600);
    let told = trusted.of(late).await;
    assert!(
        told.contains("its certificate does not hold") && told.contains("CertExpired"),
        "{told}"
    );
    let early = trusted.release().signature(about(), log, now - 3 * 24 * 3600);
    assert!(trusted.of(early).await.contains("CertNotValidYet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_the_log_does_not_vouch_for_lets_nothing_in() {
    let (trusted, shop) = (Trusted::new(), shop());
    let release = trusted.release();
    let about = || payload(shop.digest.as_str());
    let good = || release.signature(about(), &trusted.log, trusted.now);
    let annotated = |layer: Blob, name: &str, value: serde_json::Value| {
        let Blob { media_type, bytes, mut annotations } = layer;
        annotations[name] = value;
        Blob { media_type, bytes, annotations }
    };
    const BUNDLE: &str = "dev.sigstore.cosign/bundle";

    let by_another_log = release.signature(about(), &Keys::generate(), trusted.now);
    insta::assert_snapshot!(trusted.of(by_another_log).await, @"refused: shop: nobody who counts has signed it: the log's word is not signed by the log that counts");
    let of_another = release.signature(payload(&digest("shop", "x")), &trusted.log, trusted.now);
    let mixed = annotated(good(), BUNDLE, of_another.annotations[BUNDLE].clone());
    insta::assert_snapshot!(trusted.of(mixed).await, @"refused: shop: nobody who counts has signed it: the log's entry is about another signature");
    let mut bundle: serde_json::Value =
        serde_json::from_str(good().annotations[BUNDLE].as_str().unwrap()).unwrap();
    bundle["Payload"]["integratedTime"] = json!(trusted.now + 1);
    let later = annotated(good(), BUNDLE, json!(bundle.to_string()));
    insta::assert_snapshot!(trusted.of(later).await, @"refused: shop: nobody who counts has signed it: the log's word is not signed by the log that counts");
    let broken = annotated(good(), BUNDLE, json!("{}"));
    insta::assert_snapshot!(trusted.of(broken).await, @"refused: shop: nobody who counts has signed it: no word of a log that could be read says when it was made");
    let without = signature(
        about(),
        good().annotations["dev.cosignproject.cosign/signature"].as_str().unwrap(),
    );
    insta::assert_snapshot!(trusted.of(without).await, @"refused: shop: nobody who counts has signed it: it comes without a certificate");
}

fn by_provenance(keys: &Keys) -> String {
    let builder = "https://github.com/acme/builders/.github/workflows/*@refs/tags/v*";
    format!(
        "verify: {{provenance: {{builder: \"{builder}\", source: \"https://github.com/acme/{{application}}\", \
         signature: {{key: {:?}}}}}}}",
        keys.public()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_built_as_its_provenance_has_to_say_goes() {
    let (keys, shop) = (Keys::generate(), shop());
    let rule = by_provenance(&keys);
    let it = shop.digest.as_str();
    for statement in [provenance_0_2(it, BUILDER, SOURCE), provenance_1(it, BUILDER, SOURCE)] {
        let made = [(".att", beside(vec![attestation(&statement, &keys)]))];
        let told = outcome(&rule, &made).await;
        assert!(told.starts_with("accepted, and goes:\n| provenance | `built by https"), "{told}");
        assert!(told.contains(&format!("from {SOURCE}, says the key ")), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_built_otherwise_is_refused_with_the_reason() {
    let (keys, stranger, shop) = (Keys::generate(), Keys::generate(), shop());
    let rule = by_provenance(&keys);
    let it = shop.digest.as_str();
    let att = |statement: &serde_json::Value, keys: &Keys| {
        [(".att", beside(vec![attestation(statement, keys)]))]
    };

    insta::assert_snapshot!(outcome(&rule, &[]).await, @"accepted; shop waits: nobody says how it was built: ghcr.io/acme/shop has no provenance of its digest; that may still come, and is waited for until 2026-11-22 21:02 UTC");
    let good = provenance_1(it, BUILDER, SOURCE);
    insta::assert_snapshot!(outcome(&rule, &att(&good, &stranger)).await, @"refused: shop: no provenance that counts says how it was built: it is not made with the key that counts");
    let elsewhere = provenance_1(it, "https://ci.example.com/mallory", SOURCE);
    insta::assert_snapshot!(outcome(&rule, &att(&elsewhere, &keys)).await, @r#"refused: shop: no provenance that counts says how it was built: it was built by "https://ci.example.com/mallory", and `https://github.com/acme/builders/.github/workflows/*@refs/tags/v*` counts"#);
    let stolen = provenance_0_2(it, BUILDER, "https://github.com/mallory/shop");
    insta::assert_snapshot!(outcome(&rule, &att(&stolen, &keys)).await, @r#"refused: shop: no provenance that counts says how it was built: it was built from "https://github.com/mallory/shop", and "https://github.com/acme/shop" counts"#);
    let another = provenance_1(&digest("shop", "x"), BUILDER, SOURCE);
    insta::assert_snapshot!(outcome(&rule, &att(&another, &keys)).await, @"refused: shop: no provenance that counts says how it was built: it is about another digest");
    let mut note = good.clone();
    note["predicateType"] = json!("https://spdx.dev/Document");
    insta::assert_snapshot!(in_the_end(&rule, &att(&note, &keys)).await, @"refused: shop: no provenance that counts says how it was built: it is no provenance (SLSA v0.2 or v1)");
}

/// What is in the shop, part by part, signed: longer than what hoist reads.
fn long_list(keys: &Keys) -> Blob {
    let mut statement = provenance_1(shop().digest.as_str(), BUILDER, SOURCE);
    statement["predicateType"] = json!("https://spdx.dev/Document");
    statement["predicate"] = json!({"packages": "x".repeat(5 << 20)});
    attestation(&statement, keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_beside_a_good_provenance_does_not_hide_it() {
    let (keys, shop) = (Keys::generate(), shop());
    let rule = by_provenance(&keys);
    let good = || attestation(&provenance_1(shop.digest.as_str(), BUILDER, SOURCE), &keys);
    let both = [(".att", beside(vec![long_list(&keys), good()]))];
    let told = outcome(&rule, &both).await;
    assert!(told.starts_with("accepted, and goes"), "{told}");
    // The one that counts may come after it.
    let alone = [(".att", beside(vec![long_list(&keys)]))];
    insta::assert_snapshot!(in_the_end(&rule, &alone).await, @"refused: shop: no provenance that counts says how it was built: the answer of ghcr.io is longer than the 4096 KiB that are read");

    // One is lost, or its registry lies about it.
    let note = || Blob { bytes: b"a note".to_vec(), ..attestation(&json!({}), &keys) };
    let its_digest = digest_of(&note().bytes);
    for (bytes, alone) in [
        (
            None,
            "accepted; shop waits: no provenance that counts says how it was built: ghcr.io has no acme/shop sha256:",
        ),
        (
            Some(b"{}".as_slice()),
            "refused: shop: no provenance that counts says how it was built: the answer of ghcr.io cannot be true",
        ),
    ] {
        for (layers, wanted) in
            [(vec![note(), good()], "accepted, and goes"), (vec![note()], alone)]
        {
            let server = SlyRegistry::start().await;
            server.keep(&shop, "v1.4.2");
            server.keep(&beside(layers), &tag(shop.digest.as_str(), ".att"));
            server.spoil(&its_digest, bytes);
            let bot = Bot::with_registry(&rule, &server.url()).await;
            let told = judged(&bot, shop.digest.as_str()).await;
            assert!(told.starts_with(wanted), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_builder_may_vouch_for_the_provenance() {
    let (trusted, shop) = (Trusted::new(), shop());
    let statement = provenance_1(shop.digest.as_str(), BUILDER, SOURCE);
    let layer = trusted.release().attestation(&statement, &trusted.log, trusted.now);
    let rule = format!(
        "verify: {{provenance: {{builder: {BUILDER:?}, signature: {}}}}}",
        trusted.signer()
    );
    insta::assert_snapshot!(outcome(&rule, &[(".att", beside(vec![layer]))]).await, @"
    accepted, and goes:
    | provenance | `built by https://github.com/acme/builders/.github/workflows/slsa.yml@refs/tags/v2 from https://github.com/acme/shop, says https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main, known by https://token.actions.githubusercontent.com` |
    ");
}

/// What becomes of the shop by a rule, where this bundle refers to it.
pub async fn with_bundle(rule: &str, layer: Blob) -> String {
    let (server, shop, made) = (SlyRegistry::start().await, shop(), referring(layer));
    server.keep(&shop, "v1.4.2");
    server.keep(&made, "somewhere");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{
        "mediaType": made.media_type, "digest": made.digest, "size": made.bytes.len(),
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    }]});
    server.refer(shop.digest.as_str(), &index);
    let bot = Bot::with_registry(rule, &server.url()).await;
    judged(&bot, shop.digest.as_str()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_sigstores_is_a_signature_by_a_key() {
    let (keys, stranger, shop) = (Keys::generate(), Keys::generate(), shop());
    let statement = signed_statement(shop.digest.as_str());
    let told = with_bundle(&by_key(&keys), sigstore_bundle(&statement, &keys)).await;
    assert!(told.starts_with("accepted, and goes:\n| signed by | `the key "), "{told}");
    let told = with_bundle(&by_key(&keys), sigstore_bundle(&statement, &stranger)).await;
    insta::assert_snapshot!(told, @"refused: shop: nobody who counts has signed it: it is not made with the key that counts");
    let other = signed_statement(&digest("shop", "x"));
    let told = with_bundle(&by_key(&keys), sigstore_bundle(&other, &keys)).await;
    insta::assert_snapshot!(told, @"refused: shop: nobody who counts has signed it: it is about another digest");
    // Whoever says how it was built, or what is in it, has not said that it may go.
    let built = provenance_1(shop.digest.as_str(), BUILDER, SOURCE);
    let told = with_bundle(&by_key(&keys), sigstore_bundle(&built, &keys)).await;
    insta::assert_snapshot!(told, @"accepted; shop waits: nobody who counts has signed it: it says something else than that it is signed; that may still come, and is waited for until 2026-11-22 21:02 UTC");
    let broken = Blob { bytes: b"{}".to_vec(), ..sigstore_bundle(&built, &keys) };
    let told = with_bundle(&by_key(&keys), broken).await;
    insta::assert_snapshot!(told, @"refused: shop: nobody who counts has signed it: what it signs cannot be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_sigstores_is_a_certified_workflows_word() {
    let (trusted, shop) = (Trusted::new(), shop());
    let (it, log, now) = (shop.digest.as_str(), &trusted.log, trusted.now);
    let signed = trusted.release().sigstore_bundle(&signed_statement(it), log, now);
    insta::assert_snapshot!(with_bundle(&trusted.rule(), signed).await, @"
    accepted, and goes:
    | signed by | `https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main, known by https://token.actions.githubusercontent.com` |
    ");
    let rule = format!(
        "verify: {{provenance: {{builder: {BUILDER:?}, signature: {}}}}}",
        trusted.signer()
    );
    let built = provenance_1(it, BUILDER, SOURCE);
    let attested = trusted.release().sigstore_bundle(&built, log, now);
    let told = with_bundle(&rule, attested).await;
    assert!(told.starts_with("accepted, and goes:\n| provenance | `built by"), "{told}");

    let elsewhere = trusted.release().sigstore_bundle(&built, &Keys::generate(), now);
    insta::assert_snapshot!(with_bundle(&rule, elsewhere).await, @"refused: shop: no provenance that counts says how it was built: the log's word is not signed by the log that counts");
    let signed = trusted.release().sigstore_bundle(&signed_statement(it), log, now);
    let mut silent: serde_json::Value = serde_json::from_slice(&signed.bytes).unwrap();
    let entry = &mut silent["verificationMaterial"]["tlogEntries"][0];
    entry.as_object_mut().unwrap().remove("inclusionPromise");
    let silent = Blob { bytes: silent.to_string().into_bytes(), ..signed };
    insta::assert_snapshot!(with_bundle(&trusted.rule(), silent).await, @"refused: shop: nobody who counts has signed it: no word of a log that could be read says when it was made");
}
