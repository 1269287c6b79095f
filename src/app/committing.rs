//! Whom the commits of promotions name, and what they say besides.

use jiff::Timestamp;

use super::ports::Signature;
use crate::messages::commit;

/// How hoist commits into one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committing {
    /// The shown name.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// Trailers beside hoist's own, in order.
    pub trailers: Vec<(String, String)>,
    /// Whether they are signed off.
    pub sign_off: SignOff,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_of_a_house_stand_after_hoists_own() {
        let house = Committing {
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
