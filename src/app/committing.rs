//! Who makes the commits of promotions, whom they name, and what they say besides.

use jiff::Timestamp;

use super::ports::{CommitSpec, LogEntry, Seal, Signature};
use super::{AppError, Repository};
use crate::domain::id::CommitId;
use crate::messages::commit;

/// How hoist commits into one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committing {
    /// Who makes them.
    pub maker: Maker,
    /// The shown name.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// Trailers beside hoist's own, in order.
    pub trailers: Vec<(String, String)>,
    /// Whether they are signed off.
    pub sign_off: SignOff,
}

/// Who makes the commits of promotions. Branches are moved by Git, whoever does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// hoist itself.
    Hoist,
    /// The forge, in its own name for us and with its own signature.
    Forge,
}

/// Whether commits say `Signed-off-by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOff {
    /// They do not.
    Nobody,
    /// They do, by whom they name.
    Committer,
}

impl Default for Committing {
    /// hoist, under a domain that nobody can own.
    fn default() -> Self {
        Self {
            maker: Maker::Hoist,
            name: "hoist".into(),
            email: "hoist@hoist.invalid".into(),
            trailers: Vec::new(),
            sign_off: SignOff::Nobody,
        }
    }
}

impl Committing {
    /// Who commits: at the time the promotion was asked for, so that the bytes follow.
    pub(super) fn author(&self, at: Timestamp) -> Signature {
        Signature { name: self.name.clone(), email: self.email.clone(), at }
    }

    /// A message that ends in trailers, with ours added to them.
    pub(super) fn complete(&self, message: String) -> String {
        let own = self.trailers.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let sign_off = match self.sign_off {
            SignOff::Nobody => None,
            SignOff::Committer => {
                Some((commit::SIGNED_OFF, format!("{} <{}>", self.name, self.email)))
            }
        };
        commit::with_trailers(message, own.chain(sign_off))
    }
}

/// Makes a commit, or finds it among those that are `known`.
///
/// One of our own is the same however often it is made. A forge's has the time of its making in it,
/// so that what an earlier try has left is looked for by what it says and holds. What is not signed
/// was not made by the forge, whatever it says.
pub(super) async fn make(
    repository: &Repository,
    spec: CommitSpec,
    known: &[LogEntry],
) -> Result<CommitId, AppError> {
    let git = repository.git.as_ref();
    let own = git.commit(spec.clone()).await?;
    match repository.commits.maker {
        Maker::Hoist => return Ok(own),
        Maker::Forge => {}
    }
    for entry in known.iter().filter(|it| says_the_same(it, &spec) && it.id != own) {
        if git.diff(&own, &entry.id).await?.is_empty() {
            return Ok(entry.id.clone());
        }
    }
    let made = repository.forge.make_commit(&git.draft(&own).await?).await?;
    Ok(git.adopt(made).await?)
}

fn says_the_same(entry: &LogEntry, spec: &CommitSpec) -> bool {
    entry.seal == Seal::Signed
        && entry.parents == spec.parents
        && entry.message.trim_end() == spec.message.trim_end()
}

/// The last commits of a branch, which an earlier try may have made.
pub(super) async fn made_before(
    repository: &Repository,
    tip: Option<&CommitId>,
    most: usize,
) -> Result<Vec<LogEntry>, AppError> {
    match (repository.commits.maker, tip) {
        (Maker::Forge, Some(tip)) => Ok(repository.git.log(tip, None, most).await?),
        (Maker::Hoist, _) | (Maker::Forge, None) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_of_a_house_stand_after_hoists_own() {
        let house = Committing {
            maker: Maker::Hoist,
            name: "Release Bot".into(),
            email: "bot@example.com".into(),
            trailers: vec![("Change-Type".into(), "promotion".into())],
            sign_off: SignOff::Committer,
        };
        let message = "staging: promote shop to v2\n\nHoist-Version: v2\n".to_owned();
        insta::assert_snapshot!(house.complete(message.clone()), @r"
        staging: promote shop to v2

        Hoist-Version: v2
        Change-Type: promotion
        Signed-off-by: Release Bot <bot@example.com>
        ");
        assert_eq!(Committing::default().complete(message.clone()), message);
    }
}
