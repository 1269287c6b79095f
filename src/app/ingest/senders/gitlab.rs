//! GitLab's pipelines (docs.gitlab.com, "Webhook events", "Pipeline events"): no image and no
//! digest, but which project's pipeline ended well.

use serde::Deserialize;

use super::{Letter, Malformed, Manner, Origin, Reading, Told};

/// How long GitLab makes the name of a branch in `CI_COMMIT_REF_SLUG`.
const LONGEST_SLUG: usize = 63;

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Header("x-gitlab-token"),
    is_theirs: |letter| letter.header("x-gitlab-event").is_some(),
    read,
};

#[derive(Deserialize)]
struct RawEvent {
    object_attributes: RawPipeline,
    project: RawProject,
    user: Option<RawUser>,
}

#[derive(Deserialize)]
struct RawPipeline {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    tag: bool,
    sha: Option<String>,
    status: String,
    source: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
struct RawProject {
    path_with_namespace: String,
    web_url: Option<String>,
}

#[derive(Deserialize)]
struct RawUser {
    username: Option<String>,
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let kind = letter.header("x-gitlab-event").unwrap_or_default();
    if kind != "Pipeline Hook" {
        return Ok(Reading::nothing(format!("a {kind:?} tells of no pipeline")));
    }
    let RawEvent { object_attributes: pipeline, project, user } = letter.parsed()?;
    if pipeline.status != "success" {
        return Ok(Reading::nothing(format!("the pipeline is {:?}", pipeline.status)));
    }
    if pipeline.source.as_deref() == Some("merge_request_event") {
        return Ok(Reading::nothing("the pipeline is a merge request's, of which nothing goes"));
    }
    let (tag, kind) = if pipeline.tag {
        (pipeline.reference.clone(), "tags")
    } else {
        (slug(&pipeline.reference), "heads")
    };
    let mut reading = Reading::default();
    reading.add(Told {
        delivery: letter.header("idempotency-key").map(str::to_owned),
        image: letter.image("", &project.path_with_namespace.to_lowercase())?,
        tag,
        repository: project.web_url,
        commit: pipeline.sha,
        reference: Some(format!("refs/{kind}/{}", pipeline.reference)),
        build: pipeline.url,
        actor: user.and_then(|it| it.username),
        ..Told::default()
    });
    Ok(reading)
}

/// `CI_COMMIT_REF_SLUG`, which GitLab's own templates tag a branch's image with.
fn slug(branch: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = branch.chars().map(word).take(LONGEST_SLUG).collect();
    slug.trim_matches('-').to_owned()
}
