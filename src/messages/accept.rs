//! Which artifacts go: why one does not go by itself, and what a person can do about it.

use crate::domain::accept::{KeptOut, Moved};
use crate::domain::artifact::{Artifact, Digest};
use crate::domain::examination::{Delay, Lack};
use crate::domain::id::{ApplicationKey, SourceName};
use crate::domain::pairing::Pairing;
use crate::domain::pattern::Pattern;

use super::time;
use super::why::Subject;

/// Why an artifact does not go by itself.
pub fn kept_out(why: &KeptOut) -> String {
    match why {
        KeptOut::Tag { said: Some(tag), wanted } => {
            format!("its tag {tag} does not fit `accept.tags` ({})", listed(wanted))
        }
        KeptOut::Tag { said: None, wanted } => {
            format!("it has no tag, and `accept.tags` wants one ({})", listed(wanted))
        }
        KeptOut::NoVersion { said: Some(said) } => format!(
            "{said:?} is no version that can be compared, as 1.4.2 or v1.4.2 is, and `accept` \
             goes by versions"
        ),
        KeptOut::NoVersion { said: None } => {
            "it has neither version nor tag, and `accept` goes by versions".into()
        }
        KeptOut::Range { said, wanted } => {
            format!("its version {said} is not in `accept.semver` ({wanted})")
        }
        KeptOut::Branch { said: Some(said), wanted } => {
            format!("it was built from {said:?}, and `accept.branches` is {}", listed(wanted))
        }
        KeptOut::Branch { said: None, wanted } => format!(
            "its announcement says no `source.ref`, and `accept.branches` is {}",
            listed(wanted)
        ),
        KeptOut::MovedRefused(moved) => {
            format!("{}, and `{}: refuse` lets no such artifact in", has_moved(moved), key(moved))
        }
        KeptOut::MovedAsks(moved) => asks(moved),
        KeptOut::Unexamined(delay) => unexamined(delay.as_ref()),
        KeptOut::Unsound { why } => why.clone(),
    }
}

/// The registry has not said yet what it is.
pub fn unexamined(delay: Option<&Delay>) -> String {
    match delay {
        Some(Delay { why, lack: Lack::Thing { until }, .. }) => {
            format!("{why}; that may still come, and is waited for until {}", time(*until))
        }
        Some(Delay { why, lack: Lack::Answer, .. }) => {
            format!("its registry has not said yet what it is: {why}")
        }
        None => "its registry has not said yet what it is".into(),
    }
}

/// What is added to the outcome of the delivery that brought it.
pub fn waits(application: &ApplicationKey, delay: &Delay) -> String {
    format!("; {} waits: {}", application.application, unexamined(Some(delay)))
}

/// What a person can do about that.
pub fn asked_again(delay: Option<&Delay>) -> &'static str {
    match delay {
        Some(Delay { lack: Lack::Thing { .. }, .. }) => {
            "nothing is needed once it is there: it is looked for again by itself"
        }
        Some(Delay { lack: Lack::Answer, .. }) | None => {
            "the registry is asked again by itself; where hoist cannot reach it, or is not let in, \
             an entry under `registries` says how, and `verify: {digest: none}` in the pipeline \
             believes whoever announces"
        }
    }
}

/// A tag or a digest has moved, and a person is to say whether that goes.
pub fn asks(moved: &Moved) -> String {
    let (moved, key) = (has_moved(moved), key(moved));
    format!("{moved}, and a person is to say whether that goes (`{key}: ask`)")
}

/// How a person says that it goes.
pub fn asked_for(moved: &Moved, about: &Subject<'_>) -> String {
    let named = match moved {
        Moved::Tag { to, .. } => format!("--digest {}", to.short()),
        Moved::Digest { to, .. } => format!("--tag {to}"),
    };
    format!("`hoist promote {} {} {named}` lets it in", about.application, about.environment)
}

/// A tag is announced with another digest than before.
pub fn moved(source: &SourceName, earlier: &Digest, later: &Artifact) -> String {
    format!(
        "{}:{} was {earlier} and is now announced by {source} as {}: the tag has moved",
        later.image,
        later.version(),
        later.digest
    )
}

/// A tag is announced with another digest than the one that stood in the files with it.
pub fn moved_from_files(source: &SourceName, seen: &Pairing, later: &Artifact) -> String {
    let Pairing { environment, tag, digest, .. } = seen;
    format!(
        "{}:{tag} was {digest} in the files of {environment} and is now announced by {source} as \
         {}: the tag has moved",
        later.image, later.digest
    )
}

/// A tag stands in the files with another digest than the one it was announced with.
pub fn moved_in_files(announced: &Artifact, seen: &Pairing) -> String {
    let Pairing { environment, tag, digest, .. } = seen;
    format!(
        "{}:{tag} was announced as {} and is {digest} in the files of {environment}: the tag has \
         moved",
        announced.image, announced.digest
    )
}

/// A digest is announced under another tag than before.
pub fn retagged(source: &SourceName, earlier: &Artifact, later: &Artifact) -> String {
    format!(
        "{}@{} was announced as {} and is now announced by {source} as {}: the same under another \
         tag",
        later.image,
        later.digest,
        earlier.version(),
        later.version()
    )
}

/// A digest is announced under another tag than the one that stood in the files with it.
pub fn retagged_from_files(source: &SourceName, seen: &Pairing, later: &Artifact) -> String {
    let Pairing { environment, tag, digest, .. } = seen;
    format!(
        "{}@{digest} stood as {tag} in the files of {environment} and is now announced by \
         {source} as {}: the same under another tag",
        later.image,
        later.version()
    )
}

/// What moved is a digest that the tag had before it had another one.
pub fn returned(moved: &str, again: &Artifact) -> String {
    format!(
        "{moved}; that one was announced before and does not go again by itself: \
         `hoist promote … --digest {} --allow-older` brings it back",
        again.digest.short()
    )
}

/// What a person can do about what is kept out.
pub fn next(why: &KeptOut, about: &Subject<'_>) -> String {
    match why {
        KeptOut::MovedAsks(moved) => asked_for(moved, about),
        KeptOut::MovedRefused(Moved::Tag { .. }) => "build it again under a tag of its own".into(),
        KeptOut::MovedRefused(Moved::Digest { from, .. }) => {
            format!("it goes as {from}, or build it again")
        }
        KeptOut::Unexamined(delay) => asked_again(delay.as_ref()).into(),
        KeptOut::Unsound { .. } => {
            "announce it again once that is mended, or change the pipeline's `verify`".into()
        }
        KeptOut::Tag { .. }
        | KeptOut::NoVersion { .. }
        | KeptOut::Range { .. }
        | KeptOut::Branch { .. } => {
            "announce one that fits, or change the pipeline's `accept`".into()
        }
    }
}

/// A newer one was there before.
pub fn older(by: &str) -> String {
    format!("{by}, which is newer, was started before it")
}

/// What stands in the list of deliveries for an artifact that does not go by itself.
pub fn set_aside(application: &ApplicationKey, why: &str) -> String {
    format!("{}: {why}", application.application)
}

/// What a person who asks for it all the same is told.
pub fn refused(version: &str, why: &KeptOut) -> String {
    format!(
        "{version} does not go: {}; the pipeline's rules hold for people, too: announce one that \
         fits, or change them",
        kept_out(why)
    )
}

fn has_moved(moved: &Moved) -> String {
    match moved {
        Moved::Tag { tag, from, to } => {
            format!("the tag {tag} has moved: it was {} and is now {}", from.short(), to.short())
        }
        Moved::Digest { digest, from, to } => {
            format!("the digest {} was announced as {from} before, and now as {to}", digest.short())
        }
    }
}

/// The pipeline's key that decides on it.
fn key(moved: &Moved) -> &'static str {
    match moved {
        Moved::Tag { .. } => "moved_tags",
        Moved::Digest { .. } => "retags",
    }
}

fn listed(patterns: &[Pattern]) -> String {
    let quoted: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
    quoted.join(", ")
}
