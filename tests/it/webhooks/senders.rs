//! Registries and forges that say by themselves what was pushed, each through the real door.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hoist::app::policy::{Hook, Proof, Source};
use hoist::app::ports::{Fetched, Registry, RegistryError};
use hoist::domain::artifact::{Digest, ImageName, Tag};
use hoist::domain::registry::Reference;
use hoist::domain::sender::SenderKind;
use serde_json::Value;
use sha2::Digest as _;

use super::world::*;

const SECRET: &str = "what only this sender knows";
const OLD: &str = "what it knew before";

/// How one sender's documented delivery is sent, and which image it is about.
struct Sample {
    kind: SenderKind,
    file: &'static str,
    image: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

const fn sample(kind: SenderKind, file: &'static str, image: &'static str) -> Sample {
    Sample { kind, file, image, headers: &[JSON] }
}

const SAMPLES: [Sample; 13] = [
    Sample {
        headers: &[("content-type", "application/vnd.docker.distribution.events.v1+json")],
        ..sample(SenderKind::Distribution, "distribution", "registrycluster.local/library/test")
    },
    sample(SenderKind::Harbor, "harbor", "localhost/harbor/alpine"),
    Sample {
        headers: &[("content-type", "application/cloudevents+json")],
        ..sample(SenderKind::Harbor, "harbor_cloud_events", "localhost/harbor/alpine")
    },
    Sample {
        headers: &[("content-type", "application/cloudevents+json; charset=utf-8")],
        ..sample(SenderKind::Harbor, "harbor_cd_events", "localhost/harbor/alpine")
    },
    sample(SenderKind::DockerHub, "docker_hub", "docker.io/svendowideit/testhook"),
    sample(SenderKind::Quay, "quay", "quay.io/mynamespace/repository"),
    Sample {
        headers: &[JSON, ("x-github-event", "package"), ("x-github-delivery", "72d3162e")],
        ..sample(SenderKind::Ghcr, "ghcr_package", "ghcr.io/octocat/hello-world")
    },
    Sample {
        headers: &[JSON, ("x-github-event", "registry_package")],
        ..sample(SenderKind::Ghcr, "ghcr_registry_package", "ghcr.io/octocat/hello-world")
    },
    sample(
        SenderKind::Ecr,
        "ecr",
        "123456789012.dkr.ecr.us-west-2.amazonaws.com/my-repository-name",
    ),
    Sample {
        headers: &[JSON, ("x-gitlab-event", "Pipeline Hook"), ("idempotency-key", "k1")],
        ..sample(SenderKind::GitLab, "gitlab", "registry.example.com/acme/shop")
    },
    Sample {
        headers: &[
            JSON,
            ("x-gitea-event", "package"),
            ("x-github-event", "package"),
            ("x-gitea-delivery", "f6266f16"),
        ],
        ..sample(SenderKind::Gitea, "gitea", "git.example.com:3000/acme/shop")
    },
    Sample {
        headers: &[JSON, ("user-agent", "AzureContainerRegistry/1.0")],
        ..sample(SenderKind::Acr, "acr", "myregistry.azurecr.io/hello-world")
    },
    sample(SenderKind::Artifactory, "artifactory", "example.jfrog.io/docker-local/library/ubuntu"),
];

impl Sample {
    fn body(&self) -> Vec<u8> {
        let file = format!("tests/fixtures/senders/{}.json", self.file);
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
    }

    fn source(&self) -> (Source, &str) {
        let registry = match self.kind {
            SenderKind::GitLab => Some("registry.example.com".parse().unwrap()),
            SenderKind::Distribution
            | SenderKind::Harbor
            | SenderKind::DockerHub
            | SenderKind::Quay
            | SenderKind::Ghcr
            | SenderKind::Ecr
            | SenderKind::Gitea
            | SenderKind::Acr
            | SenderKind::Artifactory => None,
        };
        let hook = Hook { kind: self.kind, secrets: vec![OLD.into(), SECRET.into()], registry };
        let source = Source {
            name: self.kind.as_str().parse().unwrap(),
            proof: Proof::Hook(hook),
            images: Vec::new(),
            per_minute: 1000,
        };
        (source, self.image)
    }

    /// The sender's proof: what goes behind the `?`, or a header.
    fn proof(&self, secret: &str, body: &[u8]) -> (String, Vec<(&'static str, String)>) {
        let signature = || hub_signature(secret, body);
        let bare = || signature().trim_start_matches("sha256=").to_owned();
        let header = |name, value| (String::new(), vec![(name, value)]);
        match self.kind {
            SenderKind::Distribution | SenderKind::Ecr => {
                header("authorization", format!("Bearer {secret}"))
            }
            SenderKind::Harbor | SenderKind::Acr => header("authorization", secret.to_owned()),
            SenderKind::DockerHub | SenderKind::Quay => {
                (format!("?secret={}", secret.replace(' ', "%20")), Vec::new())
            }
            SenderKind::Ghcr => header("x-hub-signature-256", signature()),
            SenderKind::GitLab => header("x-gitlab-token", secret.to_owned()),
            SenderKind::Gitea => header("x-gitea-signature", bare()),
            SenderKind::Artifactory => header("x-jfrog-event-auth", bare()),
        }
    }

    /// A delivery of this body with the proof of that secret.
    fn send(&self, secret: &str, body: &[u8]) -> Request<Body> {
        let (query, proof) = self.proof(secret, body);
        let mut request = Request::post(format!("/hooks/registry/{}{query}", self.kind));
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        for (name, value) in proof {
            request = request.header(name, value);
        }
        request.body(Body::from(body.to_vec())).unwrap()
    }
}

/// A registry in which every tag is something, until it is away.
#[derive(Default)]
struct Shelves(Mutex<Mood>);

#[derive(Default, Clone, Copy)]
enum Mood {
    #[default]
    Knows,
    Forgot,
    Away,
}

impl Shelves {
    fn becomes(&self, mood: Mood) {
        *self.0.lock().unwrap() = mood;
    }
}

#[async_trait]
impl Registry for Shelves {
    async fn resolve(&self, image: &ImageName, tag: &Tag) -> Result<Digest, RegistryError> {
        let registry = image.shelf().registry.to_string();
        match *self.0.lock().unwrap() {
            Mood::Knows => {
                let digits = hex::encode(sha2::Sha256::digest(format!("{image}:{tag}")));
                Ok(format!("sha256:{digits}").parse().unwrap())
            }
            Mood::Forgot => Err(RegistryError::Missing { registry, what: tag.to_string() }),
            Mood::Away => Err(RegistryError::Unreachable { registry, why: "an outage".into() }),
        }
    }

    async fn manifest(&self, _: &ImageName, _: &Reference) -> Result<Fetched, RegistryError> {
        unreachable!("intake asks for tags only")
    }

    async fn blob(&self, _: &ImageName, _: &Digest, _: usize) -> Result<Vec<u8>, RegistryError> {
        unreachable!("intake asks for tags only")
    }

    async fn referrers(&self, _: &ImageName, _: &Digest) -> Result<Vec<u8>, RegistryError> {
        unreachable!("intake asks for tags only")
    }
}

/// A hoist that hears all senders, and the registry that it asks.
async fn world() -> (World, Arc<Shelves>) {
    let shelves = Arc::new(Shelves::default());
    let mut senders: Vec<_> = SAMPLES.iter().map(Sample::source).collect();
    senders.dedup_by(|a, b| a.0.name == b.0.name);
    (World::hearing(senders, Arc::clone(&shelves) as _).await, shelves)
}

fn of(file: &str) -> &'static Sample {
    SAMPLES.iter().find(|sample| sample.file == file).unwrap()
}

/// What was answered: the status, each announcement's, and what was passed over.
fn told(answer: &Answer) -> String {
    let mut told = format!("{}\n", answer.status.as_u16());
    for one in answer.json["answers"].as_array().into_iter().flatten() {
        let detail = one["detail"].as_str().map(|it| format!(" {it}")).unwrap_or_default();
        told += &format!("    {} {}{detail}\n", one["status"], one["what"].as_str().unwrap());
    }
    for ignored in answer.json["ignored"].as_array().into_iter().flatten() {
        told += &format!("    passed over: {}\n", ignored.as_str().unwrap());
    }
    if let Some(detail) = answer.json["detail"].as_str() {
        told += &format!("    {detail}\n");
    }
    told
}

#[tokio::test]
async fn each_senders_documented_delivery_is_understood() {
    let (world, _) = world().await;
    let mut all = String::new();
    for sample in &SAMPLES {
        let answer = world.send(sample.send(SECRET, &sample.body())).await;
        all += &format!("{}: {}", sample.file, told(&answer));
    }
    insta::assert_snapshot!(all, @r#"
    distribution: 202
        202 registrycluster.local/library/test:v1
        202 registrycluster.local/library/test:v2
        passed over: `library/test`: "application/vnd.docker.container.image.rootfs.diff+x-gtar" is no image's manifest
        passed over: `registrycluster.local/library/test`: it was pushed without a tag, as a part of an image is
        passed over: `library/test`: it is a "pull", no push
        passed over: `registrycluster.local/library/test`: the tag `sha256-fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf.sig` is of a signature or another attachment
    harbor: 202
        202 localhost/harbor/alpine:3.8
        passed over: `localhost/harbor/alpine`: it was pushed without a tag, as a part of an image is
    harbor_cloud_events: 200
        200 localhost/harbor/alpine:3.8
    harbor_cd_events: 200
        200 localhost/harbor/alpine:3.8
    docker_hub: 202
        202 docker.io/svendowideit/testhook:latest
    quay: 202
        202 quay.io/mynamespace/repository:latest
        202 quay.io/mynamespace/repository:v1
    ghcr_package: 202
        202 ghcr.io/octocat/hello-world:v1
    ghcr_registry_package: 200
        passed over: `ghcr.io/octocat/hello-world`: it was pushed without a tag, as a part of an image is
    ecr: 202
        202 123456789012.dkr.ecr.us-west-2.amazonaws.com/my-repository-name:latest
    gitlab: 202
        202 registry.example.com/acme/shop:feature-cart-1
    gitea: 202
        202 git.example.com:3000/acme/shop:v1
    acr: 202
        202 myregistry.azurecr.io/hello-world:v1
    artifactory: 202
        202 example.jfrog.io/docker-local/library/ubuntu:latest
    "#);
    let applications = ["distribution", "harbor", "docker-hub", "quay", "ghcr", "ecr", "gitlab"];
    for name in applications.into_iter().chain(["gitea", "acr", "artifactory"]) {
        assert_ne!(world.tags_of(&format!("of-{name}"), name).await, [""; 0], "{name}");
    }
}

#[tokio::test]
async fn a_delivery_that_comes_again_brings_nothing_new() {
    let (world, _) = world().await;
    for sample in &SAMPLES {
        world.send(sample.send(SECRET, &sample.body())).await;
    }
    let before = world.deliveries().await;
    for sample in &SAMPLES {
        // The secret from before the rotation is as good.
        let answer = world.send(sample.send(OLD, &sample.body())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {}", sample.file, told(&answer));
    }
    assert_eq!(world.deliveries().await, before);
}

#[tokio::test]
async fn without_its_proof_no_delivery_is_believed() {
    let (world, _) = world().await;
    for sample in &SAMPLES {
        let body = sample.body();
        let mut unproved = Request::post(format!("/hooks/registry/{}", sample.kind));
        for (name, value) in sample.headers {
            unproved = unproved.header(*name, *value);
        }
        let longer = [&body[..], b" "].concat();
        let mut changed = sample.send(SECRET, &body);
        *changed.body_mut() = Body::from(longer);
        let is_signed =
            matches!(sample.kind, SenderKind::Ghcr | SenderKind::Gitea | SenderKind::Artifactory);
        for (what, request) in [
            ("no proof", unproved.body(Body::from(body.clone())).unwrap()),
            ("wrong", sample.send("wrong", &body)),
            ("empty", sample.send("", &body)),
            ("cut", sample.send(&SECRET[..SECRET.len() - 1], &body)),
            ("changed", if is_signed { changed } else { sample.send("wrong", &body) }),
        ] {
            let answer = world.send(request).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {what}", sample.file);
            assert!(!answer.json.to_string().contains(SECRET));
        }
    }
    assert_eq!(world.deliveries().await, [""; 0]);
}

#[tokio::test]
async fn a_proof_is_good_where_its_sender_puts_it_and_nowhere_else() {
    let (world, _) = world().await;
    let body = of("ghcr_package").body();
    // The secret of a sender that signs, shown in the address as weaker senders do.
    let weaker = Request::post("/hooks/registry/ghcr?secret=what%20only%20this%20sender%20knows")
        .header("content-type", "application/json")
        .header("authorization", SECRET)
        .header("x-github-event", "package")
        .body(Body::from(body))
        .unwrap();
    assert_eq!(world.send(weaker).await.status, StatusCode::UNAUTHORIZED);
    // And at the door of those who sign what they announce.
    let announced = shop(1).to_string();
    let signature = hub_signature(SECRET, announced.as_bytes());
    let headers = [JSON, ("x-hub-signature-256", signature.as_str())];
    let answer = world.send(request(&headers, announced.as_bytes())).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_unknown_name_is_answered_like_a_wrong_secret() {
    let (world, _) = world().await;
    let sample = of("quay");
    let known = world.send(sample.send("wrong", &sample.body())).await;
    for name in ["nobody", "ci", "%2e%2e"] {
        let request = Request::post(format!("/hooks/registry/{name}?secret=x"));
        let request = request.header("content-type", "application/json");
        let answer = world.send(request.body(Body::from(sample.body())).unwrap()).await;
        assert_eq!(answer, known, "{name}");
    }
}

#[tokio::test]
async fn a_delivery_of_another_sender_is_told_apart() {
    let (world, _) = world().await;
    // Forgejo and Gitea send GitHub's headers, too.
    let gitea = of("gitea");
    let body = gitea.body();
    let signature = hub_signature(SECRET, &body);
    let mut request =
        Request::post("/hooks/registry/ghcr").header("x-hub-signature-256", signature);
    for (name, value) in gitea.headers {
        request = request.header(*name, *value);
    }
    let answer = world.send(request.body(Body::from(body)).unwrap()).await;
    insta::assert_snapshot!(answer.line(), @"400 -: this looks like a delivery of gitea, and the source's `sender` is `ghcr`: mend the configuration or the address at the sender");
    let quay = of("docker_hub").send(SECRET, &of("quay").body());
    insta::assert_snapshot!(world.send(quay).await.line(), @"400 -: this looks like a delivery of quay, and the source's `sender` is `docker-hub`: mend the configuration or the address at the sender");
}

#[tokio::test]
async fn pings_and_what_is_no_push_are_answered_and_passed_over() {
    let (world, _) = world().await;
    let acr = of("acr");
    let ping = Sample { file: "acr_ping", ..sample(acr.kind, "", acr.image) };
    let ping = Sample { headers: acr.headers, ..ping };
    let mut all = told(&world.send(ping.send(SECRET, &ping.body())).await);
    let github =
        Sample { headers: &[JSON, ("x-github-event", "ping")], ..sample(SenderKind::Ghcr, "", "") };
    all += &told(&world.send(github.send(SECRET, br#"{"zen": "Keep it simple"}"#)).await);
    let gitea = Sample {
        headers: &[JSON, ("x-forgejo-event", "push")],
        ..sample(SenderKind::Gitea, "", "")
    };
    all += &told(&world.send(gitea.send(SECRET, b"{}")).await);
    for (file, from, to) in [
        ("gitlab", "\"success\"", "\"running\""),
        ("gitlab", "\"source\": \"push\"", "\"source\": \"merge_request_event\""),
        ("ecr", "SUCCESS", "FAILURE"),
        ("harbor", "PUSH_ARTIFACT", "DELETE_ARTIFACT"),
        ("ghcr_package", "\"CONTAINER\"", "\"npm\""),
        ("artifactory", "\"domain\": \"docker\"", "\"domain\": \"artifact\""),
    ] {
        let body = String::from_utf8(of(file).body()).unwrap();
        assert!(body.contains(from), "{file}");
        let answer = world.send(of(file).send(SECRET, body.replace(from, to).as_bytes())).await;
        all += &told(&answer);
    }
    insta::assert_snapshot!(all, @r#"
    200
        passed over: it is a "ping", no push of an image
    200
        passed over: the event "ping" tells of no package
    200
        passed over: the event "push" tells of no package
    200
        passed over: the pipeline is "running"
    200
        passed over: the pipeline is a merge request's, of which nothing goes
    200
        passed over: "ECR Image Action" "PUSH" "FAILURE" is no push that succeeded
    200
        passed over: it is a "DELETE_ARTIFACT", no push of an image
    200
        passed over: a package of the kind "npm" is no image
    200
        passed over: "artifact" "pushed" is no push of an image
    "#);
    assert_eq!(world.deliveries().await, [""; 0]);
}

#[tokio::test]
async fn what_only_has_a_tag_waits_while_the_registry_is_away() {
    let (world, shelves) = world().await;
    shelves.becomes(Mood::Away);
    let sample = of("docker_hub");
    let answer = world.send(sample.send(SECRET, &sample.body())).await;
    insta::assert_snapshot!(told(&answer), @r#"
    202
        202 docker.io/svendowideit/testhook:latest what `docker.io/svendowideit/testhook:latest` is could not be found out: docker.io cannot be asked: an outage; it is kept, and asked for again
    "#);
    world.app.decide_undecided(&world.app.discover().await.unwrap()).await.unwrap();
    assert_eq!(world.tags_of("of-docker-hub", "docker-hub").await, [""; 0]);
    shelves.becomes(Mood::Knows);
    world.app.decide_undecided(&world.app.discover().await.unwrap()).await.unwrap();
    assert_eq!(world.tags_of("of-docker-hub", "docker-hub").await, ["latest"]);
}

#[tokio::test]
async fn a_tag_that_the_registry_does_not_know_yet_is_waited_for() {
    let (world, shelves) = world().await;
    shelves.becomes(Mood::Forgot);
    let sample = of("docker_hub");
    let answer = world.send(sample.send(SECRET, &sample.body())).await;
    insta::assert_snapshot!(told(&answer), @"
    202
        202 docker.io/svendowideit/testhook:latest what `docker.io/svendowideit/testhook:latest` is could not be found out: docker.io has no latest; that may still come, and is waited for until 2026-11-22 21:02 UTC
    ");
    insta::assert_snapshot!(world.deliveries().await.join("\n"), @r#"01m82gy1400000000000000000 Undecided { why: "what `docker.io/svendowideit/testhook:latest` is could not be found out: docker.io has no latest; that may still come, and is waited for until 2026-11-22 21:02 UTC" }"#);
    world.seconds_pass(60);
    world.app.decide_undecided(&world.app.discover().await.unwrap()).await.unwrap();
    assert_eq!(world.refusals().await, [""; 0]);
    shelves.becomes(Mood::Knows);
    world.app.decide_undecided(&world.app.discover().await.unwrap()).await.unwrap();
    assert_eq!(world.tags_of("of-docker-hub", "docker-hub").await, ["latest"]);
}

#[tokio::test]
async fn a_tag_that_never_comes_is_refused_and_kept() {
    let (world, shelves) = world().await;
    shelves.becomes(Mood::Forgot);
    let sample = of("docker_hub");
    world.send(sample.send(SECRET, &sample.body())).await;
    world.seconds_pass(120);
    world.app.decide_undecided(&world.app.discover().await.unwrap()).await.unwrap();
    assert_eq!(world.tags_of("of-docker-hub", "docker-hub").await, [""; 0]);
    insta::assert_snapshot!(world.refusals().await.join("\n"), @r#"docker-hub Refused { why: "what `docker.io/svendowideit/testhook:latest` is could not be found out: docker.io has no latest" }"#);
}

#[tokio::test]
async fn an_image_of_others_is_refused_without_asking_its_registry() {
    let (world, shelves) = world().await;
    // Whatever would be asked would be away.
    shelves.becomes(Mood::Away);
    let sample = of("docker_hub");
    let body = String::from_utf8(sample.body()).unwrap().replace("testhook", "other");
    let answer = world.send(sample.send(SECRET, body.as_bytes())).await;
    insta::assert_snapshot!(told(&answer), @r#"
    200
        403 docker.io/svendowideit/other:latest the source docker-hub may not announce `docker.io/svendowideit/other`: no pattern in `sources.docker-hub.images` fits
    "#);
    // A registry tells of all that it has: what is not its source's fills no list.
    assert_eq!(world.refusals().await, [""; 0]);
}

#[tokio::test]
async fn no_secret_of_a_delivery_is_kept() {
    let (world, _) = world().await;
    let sample = of("docker_hub");
    let answer = world.send(sample.send(SECRET, &sample.body())).await;
    let event = answer.json["answers"][0]["id"].as_str().unwrap().parse().unwrap();
    let record = hoist::app::ports::Store::delivery(&*world.store, &event).await.unwrap().unwrap();
    let kept: Value = serde_json::from_slice(&record.body).unwrap();
    assert_eq!(kept["image"], "docker.io/svendowideit/testhook");
    let kept = kept.to_string();
    assert!(!kept.contains("2141b5bi5i5b02bec211i4eeih0242eg11000a") && !kept.contains(SECRET));
}

#[tokio::test]
async fn what_is_wrong_in_itself_is_refused_and_nothing_is_believed() {
    let (world, _) = world().await;
    let mut all = String::new();
    let deep = "[".repeat(100_000);
    for sample in &SAMPLES {
        let body = sample.body();
        let huge = vec![b' '; (1 << 20) + 1];
        for (what, bytes) in [
            ("truncated", &body[..body.len() / 2]),
            ("no JSON", b"\xff\xfe{}"),
            ("deep", deep.as_bytes()),
            ("huge", &huge),
            ("a list", b"[]"),
            ("empty", b""),
        ] {
            let answer = world.send(sample.send(SECRET, bytes)).await;
            let wanted = if what == "huge" { 413 } else { 400 };
            assert_eq!(answer.status.as_u16(), wanted, "{} {what}", sample.file);
        }
        let mut packed = sample.send(SECRET, &body);
        packed.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        let mut form = sample.send(SECRET, &body);
        let kind = "application/x-www-form-urlencoded".parse().unwrap();
        form.headers_mut().insert("content-type", kind);
        for request in [packed, form] {
            let answer = world.send(request).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{}", sample.file);
            all = answer.line();
        }
    }
    assert!(all.contains("application/x-www-form-urlencoded"), "{all}");
    assert_eq!(world.deliveries().await, [""; 0]);
}
