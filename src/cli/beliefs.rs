//! Whom a configuration believes: what is good, and better known.

use std::collections::BTreeMap;

use crate::config::{Configuration, Proof, Source, TokenRule};
use crate::domain::artifact::ImageName;
use crate::domain::id::ApplicationName;
use crate::domain::pattern::Pattern;
use crate::domain::pipeline::Pipeline;
use crate::domain::registry::RegistryName;
use crate::messages::belief as words;

/// Claims that say in whose pipelines a job of a repository runs.
const WHOSE: [&str; 6] =
    ["repository", "repository_id", "project_path", "project_id", "namespace_path", "sub"];

/// Claims by which a job of one branch is told from those of all others.
const WHICH_BRANCH: [&str; 9] = [
    "ref",
    "ref_path",
    "ref_protected",
    "workflow_ref",
    "job_workflow_ref",
    "environment",
    "environment_protected",
    "deployment_tier",
    "sha",
];

/// What there is to say of each pipeline and each source, in words.
pub(super) fn of(configuration: &Configuration) -> Vec<String> {
    let Configuration { settings, pipelines, .. } = configuration;
    let of_pipelines =
        pipelines.values().filter_map(|pipeline| asked(pipeline, &settings.registries));
    let any_branch = settings.sources.iter().filter(|(_, source)| is_of_any_branch(source));
    let of_sources = any_branch.map(|(name, _)| words::any_branch(name));
    of_pipelines.chain(of_sources).collect()
}

/// Who is asked about what is announced, where that is nobody or a stranger.
fn asked<T>(pipeline: &Pipeline, registries: &BTreeMap<RegistryName, T>) -> Option<String> {
    let (name, image) = (&pipeline.name, pipeline.image.as_str());
    if !pipeline.verify.asks() {
        return Some(words::nobody_is_asked(name, image));
    }
    // Which application does not matter: its registry stands before it.
    let any: ApplicationName = "application".parse().ok()?;
    let one: ImageName = pipeline.image.for_application(&any).parse().ok()?;
    let registry = one.shelf().registry;
    let is_known = registries.contains_key(&registry);
    (!is_known).then(|| words::asked_without_login(name, image, &registry))
}

/// Tells whether whoever may push any branch to a repository may announce what is built from it.
fn is_of_any_branch(source: &Source) -> bool {
    let Proof::Token(TokenRule { claims, .. }) = &source.proof else { return false };
    let says = |names: &[&str]| names.iter().any(|name| claims.contains_key(*name));
    let is_subject_bound = claims.get("sub").is_some_and(|subs| subs.iter().all(names_a_ref));
    says(&WHOSE) && !says(&WHICH_BRANCH) && !is_subject_bound
}

/// GitHub's subjects are `repo:acme/shop:ref:refs/heads/main`, or name an environment; GitLab's
/// `project_path:acme/shop:ref_type:branch:ref:main`. Others have no branches to tell apart.
fn names_a_ref(subject: &Pattern) -> bool {
    let subject = subject.to_string();
    let is_of_a_forge = subject.starts_with("repo:") || subject.starts_with("project_path:");
    !is_of_a_forge || subject.contains(":ref:") || subject.contains(":environment:")
}
