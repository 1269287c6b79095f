//! What `hoist check` says of whom a configuration believes.

use crate::domain::id::{PipelineName, SourceName};
use crate::domain::registry::RegistryName;

/// Whoever announces is believed about the digest.
pub fn nobody_is_asked(pipeline: &PipelineName, image: &str) -> String {
    format!(
        "{pipeline}: nobody is asked about what is announced of {image}; whoever announces it is \
         believed about what its digest is"
    )
}

/// A registry is asked of which the process file says nothing.
pub fn asked_without_login(
    pipeline: &PipelineName,
    image: &str,
    registry: &RegistryName,
) -> String {
    format!(
        "{pipeline}: {registry} is asked about what is announced of {image}, without a login, for \
         it has no entry under `registries`; a chart repository with an index.yaml cannot be asked, \
         and needs `verify: {{digest: none}}`",
        registry = registry.as_str()
    )
}

/// A job of any branch may announce.
pub fn any_branch(source: &SourceName) -> String {
    format!(
        "{source}: a job of any branch may announce, for none of the claims says which; add \
         `ref: refs/heads/main` (GitHub), `ref_protected: \"true\"` (GitLab), or whatever else \
         tells your branches apart"
    )
}
