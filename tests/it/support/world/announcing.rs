//! What CI and the forge say to hoist.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use hoist::app::ingest::send::{Outgoing, SenderProof, SignedAnnouncement};
use hoist::domain::artifact::{Build, SourceCode};
use hoist::http;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt;

use super::{Bot, SECRET};

impl Bot {
    /// CI announces a version of the shop; the answer's status.
    pub async fn announce(&self, version: &str) -> u16 {
        self.announce_of("shop", version).await
    }

    pub async fn announce_of(&self, application: &str, version: &str) -> u16 {
        self.send(announcement(application, version)).await
    }

    /// CI announces again what it announced, in a delivery of its own.
    pub async fn announce_in_another_delivery(&self, version: &str) -> u16 {
        let mut request = announcement("shop", version);
        request.headers_mut().remove("x-hoist-delivery");
        self.send(request).await
    }

    /// CI announces another digest under a tag that it announced before.
    pub async fn announce_moved(&self, tag: &str, digest: &str) -> u16 {
        let outgoing = Outgoing { digest: digest.parse().unwrap(), ..outgoing("shop", tag) };
        self.send(request(outgoing.signed(&SECRET.to_owned().into()))).await
    }

    /// CI announces what is under a tag, and that it was built from a commit.
    pub async fn announce_pushed(&self, tag: &str, digest: &str, commit: &str) -> u16 {
        let mut outgoing = Outgoing { digest: digest.parse().unwrap(), ..outgoing("shop", tag) };
        outgoing.source.commit = Some(commit.to_owned());
        self.send(request(outgoing.signed(&SECRET.to_owned().into()))).await
    }

    /// CI announces a version of the shop and does not say who started the build.
    pub async fn announce_by_nobody(&self, version: &str) -> u16 {
        let outgoing = Outgoing { actor: None, ..outgoing("shop", version) };
        self.send(request(outgoing.signed(&SECRET.to_owned().into()))).await
    }

    /// CI announces a version of the shop, and says of it what it likes.
    pub async fn announce_in_words(
        &self,
        version: &str,
        words: impl FnOnce(&mut Outgoing),
    ) -> (u16, String) {
        let mut outgoing = outgoing("shop", version);
        words(&mut outgoing);
        let request = request(outgoing.signed(&SECRET.to_owned().into()));
        let answer = http::router(Arc::clone(self.app())).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// CI announces a version of the shop and what it was built from.
    pub async fn announce_built_from(&self, version: &str, source: SourceCode) -> u16 {
        let outgoing = Outgoing { source, ..outgoing("shop", version) };
        self.send(request(outgoing.signed(&SECRET.to_owned().into()))).await
    }

    /// What CI is told when it announces a version of the shop: why it does not go, if it does not.
    pub async fn told_at_once(&self, version: &str) -> String {
        let router = http::router(Arc::clone(self.app()));
        let response = router.oneshot(request(signed("shop", version))).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let view: serde_json::Value = serde_json::from_slice(&body).unwrap();
        view["why"].as_str().unwrap_or("-").to_owned()
    }

    /// How far a version of the shop has come, as its pipeline is told: `arrival state: words`.
    pub async fn progress(&self, version: &str, environment: &str) -> String {
        let path = format!("/hooks/artifacts/progress?environment={environment}");
        let router = http::router(Arc::clone(self.app()));
        let response = router.oneshot(request_to(&path, signed("shop", version))).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let view: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let Some(shop) = view["applications"].get(0) else { return view["detail"].to_string() };
        let word = |name: &str| shop[name].as_str().unwrap().to_owned();
        format!("{} {}: {}", word("arrival"), word("state"), word("told"))
    }

    /// Argo CD says that something happened; the answer's status.
    pub async fn notify(&self, authorization: &str, body: &str) -> u16 {
        let request = Request::post("/hooks/argocd")
            .header("content-type", "application/json")
            .header("authorization", authorization)
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    /// A forge says that something happened in a repository; the answer's status and body.
    pub async fn forge_says(
        &self,
        repository: &str,
        headers: [(&str, &str); 3],
        body: &str,
    ) -> (u16, String) {
        let mut request = Request::post(format!("/hooks/forge/{repository}"))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let answer = http::router(Arc::clone(self.app())).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(super) async fn send(&self, request: Request<Body>) -> u16 {
        let router = http::router(Arc::clone(self.app()));
        router.oneshot(request).await.unwrap().status().as_u16()
    }
}

/// What CI says, signed.
pub fn signed(application: &str, version: &str) -> SignedAnnouncement {
    outgoing(application, version).signed(&SECRET.to_owned().into())
}

pub(super) fn outgoing(application: &str, version: &str) -> Outgoing {
    Outgoing {
        application: Some(application.parse().unwrap()),
        image: format!("ghcr.io/acme/{application}").parse().unwrap(),
        digest: digest(application, version).parse().unwrap(),
        tag: Some(version.parse().unwrap()),
        version: None,
        source: SourceCode {
            repository: Some(format!("https://github.com/acme/{application}")),
            commit: Some(format!("9f2c-{version}")),
            reference: Some("refs/heads/main".into()),
        },
        build: Build::default(),
        actor: Some("alice".into()),
    }
}

/// A request as CI sends it.
pub(super) fn announcement(application: &str, version: &str) -> Request<Body> {
    request(signed(application, version))
}

pub(super) fn request(signed: SignedAnnouncement) -> Request<Body> {
    request_to("/hooks/artifacts", signed)
}

pub(super) fn request_to(path: &str, signed: SignedAnnouncement) -> Request<Body> {
    let SenderProof::Signature(signature) = signed.proof else { panic!("it is signed") };
    Request::post(path)
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature)
        .header("x-hoist-delivery", signed.delivery)
        .body(Body::from(signed.body))
        .unwrap()
}

/// The digest that a version of an application always has.
pub fn digest(application: &str, version: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(format!("{application} {version}"))))
}
