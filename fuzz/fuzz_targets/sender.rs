//! What registries and forges send, of any bytes: each stands for announcements that can be read.
#![no_main]

use hoist::app::ingest::fuzzing;
use hoist::app::ingest::senders::HEADERS;
use hoist::domain::sender::SenderKind;
use libfuzzer_sys::fuzz_target;

const KINDS: [SenderKind; 10] = [
    SenderKind::Distribution,
    SenderKind::Harbor,
    SenderKind::DockerHub,
    SenderKind::Quay,
    SenderKind::Ghcr,
    SenderKind::Ecr,
    SenderKind::GitLab,
    SenderKind::Gitea,
    SenderKind::Acr,
    SenderKind::Artifactory,
];

/// What makes a delivery one of each kind's, where a header does.
const MARKS: [(&str, &str); 6] = [
    ("content-type", "application/vnd.docker.distribution.events.v1+json"),
    ("user-agent", "AzureContainerRegistry/1.0"),
    ("x-gitea-event", "package"),
    ("x-github-event", "registry_package"),
    ("x-gitlab-event", "Pipeline Hook"),
    ("x-jfrog-event-auth", "00"),
];

fuzz_target!(|input: &[u8]| {
    let [kind, marks, body @ ..] = input else { return };
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let is_there = |place: usize| marks >> place & 1 == 1;
    let headers = MARKS.iter().enumerate().filter(|(place, _)| is_there(*place));
    let headers = headers.filter_map(|(_, (name, value))| {
        let name = HEADERS.into_iter().find(|header| header == name)?;
        Some((name, (*value).to_owned()))
    });
    for announcement in fuzzing::delivery(kind, headers.collect(), body) {
        // One may name an image that is none; nothing worse becomes of it.
        drop(fuzzing::announcement(&announcement));
    }
});
