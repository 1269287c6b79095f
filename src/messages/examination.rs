//! What registries say of artifacts, and what contradicts what was announced.

use crate::domain::artifact::{Digest, ImageName, Tag};
use crate::domain::attestation::Provenance;
use crate::domain::examination::{Labels, Traits};
use crate::domain::oci::Platform;

use super::time;

/// What a line is called that contradicts the announcement.
pub const CONTRADICTION: &str = "contradiction";

/// A tag means something else than was announced.
pub fn other_digest(image: &ImageName, tag: &Tag, there: &Digest, announced: &Digest) -> String {
    format!("{image}:{tag} is {there} in its registry, and {announced} was announced")
}

/// It cannot run where it must.
pub fn no_platform(wanted: &Platform, there: &[Platform]) -> String {
    format!("it is not for {wanted}, which `verify.platforms` wants; it is for {}", listed(there))
}

/// Its index says that it is for another machine than its own configuration.
pub fn other_platform(index: &Platform, image: &Digest, own: Option<&Platform>) -> String {
    let own = own.map_or_else(|| "says no platform".to_owned(), |own| format!("says {own}"));
    format!("its index has {} for {index}, and that image's own configuration {own}", image.short())
}

/// A label or an annotation says another thing than the announcement.
pub fn contradiction(label: &str, says: &str, announced: &str) -> String {
    format!("its label {label} says {says:?}, and {announced:?} was announced")
}

/// Nobody who counts has signed it; `why` of each signature that is there.
pub fn unsigned(image: &ImageName, why: &[&str]) -> String {
    match why {
        [] => format!("nobody has signed it: {image} has no signature of its digest"),
        some => format!("nobody who counts has signed it: {}", each(some)),
    }
}

/// No provenance says of it what has to be said; `why` of each that is there.
pub fn unproven(image: &ImageName, why: &[&str]) -> String {
    match why {
        [] => format!("nobody says how it was built: {image} has no provenance of its digest"),
        some => format!("no provenance that counts says how it was built: {}", each(some)),
    }
}

/// What a provenance says, and who says it.
pub fn proven(provenance: &Provenance, who: &str) -> String {
    let source = provenance.source.as_deref().unwrap_or("a source that it does not name");
    format!("built by {} from {source}, says {who}", provenance.builder)
}

/// The same reason once.
fn each(why: &[&str]) -> String {
    let mut told = why.to_vec();
    told.dedup();
    told.join("; ")
}

/// What its registry said of it, and its signers, line by line: a name, and what it says. What
/// contradicts the announcement comes last.
pub fn lines(traits: &Traits) -> Vec<(&'static str, String)> {
    let Labels { source, revision, version } = &traits.labels;
    let found = [
        ("label source", source),
        ("label revision", revision),
        ("label version", version),
        ("signed by", &traits.signature),
        ("provenance", &traits.provenance),
    ];
    let found = found.into_iter().filter_map(|(name, said)| Some((name, said.clone()?)));
    let warnings = traits.warnings.iter().map(|warning| (CONTRADICTION, warning.clone()));
    [("registry", what(traits))].into_iter().chain(found).chain(warnings).collect()
}

/// It is what was announced.
pub fn sound(version: &str, image: &ImageName, traits: &Traits) -> String {
    let mut text = format!("{version} is in {image}: {}", what(traits));
    for warning in &traits.warnings {
        text.push_str("; but ");
        text.push_str(warning);
    }
    text
}

/// It is not.
pub fn unsound(version: &str, why: &str) -> String {
    format!("{version} does not go: {why}")
}

/// A person asks for what nobody can be asked about now.
pub fn cannot_ask(version: &str, why: &str) -> String {
    format!(
        "{version} does not go yet: its registry has not said what it is ({why}); say it again \
         once it can be asked"
    )
}

/// A person asks for what lacks something that may still come.
pub fn not_there_yet(version: &str, why: &str) -> String {
    format!("{version} does not go yet: {why}; that may still come: say it again in a while")
}

/// What it is, in a line.
pub fn what(traits: &Traits) -> String {
    let mut text = traits.kind.to_string();
    if !traits.platforms.is_empty() {
        text.push_str(" for ");
        text.push_str(&listed(&traits.platforms));
    }
    if let Some(created) = traits.created {
        text.push_str(", built ");
        text.push_str(&time(created));
    }
    text
}

fn listed(platforms: &[Platform]) -> String {
    match platforms {
        [] => "no platform that it names".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
