//! Chooses what a rollback takes back, and what it brings back.

use super::artifact::Artifact;
use super::id::{CommitId, EnvironmentName, PromotionId};
use super::promotion::{Kind, Promotion, State};
use super::snapshot::Snapshot;

/// What a rollback does.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// What comes back.
    pub restores: &'a Promotion,
    /// What goes.
    pub undoes: &'a Promotion,
}

/// Why there is nothing to roll back, or nothing to roll back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRollback {
    /// Nothing is known of the environment.
    #[error("hoist does not know yet what {0} holds; `hoist status` shows when it does")]
    NothingThere(EnvironmentName),
    /// Nothing succeeded there before.
    #[error(
        "nothing but {version} is known to have run in {environment}, so there is nothing to \
         roll back to; promote an older version with `--allow-older`, or edit it by hand"
    )]
    NothingBefore {
        /// What is there.
        version: String,
        /// Where.
        environment: EnvironmentName,
    },
    /// What was asked for never succeeded there.
    #[error(
        "{typed} has not succeeded in {environment}; {known}; \
         `hoist history` shows when"
    )]
    NeverSucceeded {
        /// What was typed.
        typed: String,
        /// Where.
        environment: EnvironmentName,
        /// What did succeed there, newest first.
        known: String,
    },
    /// What was asked for is what is there.
    #[error("{environment} already holds {version}")]
    AlreadyThere {
        /// What is there.
        version: String,
        /// Where.
        environment: EnvironmentName,
    },
}

/// Chooses the last version that succeeded in `environment` before what is there, or the one
/// that `to` names: a version, a digest or a promotion.
///
/// What was found at adoption counts; what was rolled back does not, nor does what holds the very
/// values that are there now.
pub fn choose<'a>(
    snapshot: &'a Snapshot,
    environment: &'a EnvironmentName,
    to: Option<&str>,
) -> Result<Chosen<'a>, NoRollback> {
    let Some(undoes) = snapshot.current(environment) else {
        return Err(NoRollback::NothingThere(environment.clone()));
    };
    let mut good: Vec<&Promotion> = snapshot
        .promotions_into(environment)
        .filter(|promotion| matches!(promotion.state, State::Succeeded { .. }))
        .filter(|promotion| promotion.id != undoes.id)
        .collect();
    good.sort_by_key(|promotion| std::cmp::Reverse((promotion.since, &promotion.id)));
    let restores = match to {
        None => good.iter().copied().find(|promotion| {
            promotion.values != undoes.values
                && !promotion.values.is_empty()
                && !is_bad(snapshot, environment, promotion)
        }),
        Some(typed) => named(snapshot, &good, undoes, typed)?,
    };
    match restores {
        Some(restores) => Ok(Chosen { restores, undoes }),
        None => Err(NoRollback::NothingBefore {
            version: undoes.version.clone(),
            environment: environment.clone(),
        }),
    }
}

/// Tells whether what a promotion brought was rolled back another time: it comes back by name only.
fn is_bad(snapshot: &Snapshot, environment: &EnvironmentName, promotion: &Promotion) -> bool {
    let by_artifact = || {
        let place = snapshot.pipeline.environment(environment)?;
        Some(snapshot.is_bad(promotion.artifact.as_ref()?, place))
    };
    let by_values = |taken: &Promotion| {
        snapshot.is_taken_back(taken)
            && !taken.values.is_empty()
            && taken.values == promotion.values
    };
    by_artifact().unwrap_or(false) || snapshot.promotions_into(environment).any(by_values)
}

/// What other hands put into `environment` over what hoist knew there, if that is what it holds.
pub fn drift<'a>(
    snapshot: &'a Snapshot,
    environment: &'a EnvironmentName,
) -> Option<(&'a Promotion, &'a CommitId)> {
    let current = snapshot.current(environment)?;
    let Kind::Found { at } = &current.kind else { return None };
    let was_known = snapshot.promotions_into(environment).any(|earlier| {
        earlier.age() < current.age() && !earlier.values.is_empty() && !earlier.state.is_pending()
    });
    was_known.then_some((current, at))
}

/// Where the difference between what goes and what comes back can be looked at, if both were built
/// from one repository whose address is a forge's.
pub fn compare(restored: &Artifact, undone: &Artifact) -> Option<String> {
    let base = undone.source.repository.as_deref()?;
    if restored.source.repository.as_deref() != Some(base) {
        return None;
    }
    let base = base.trim_end_matches('/').trim_end_matches(".git");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:".contains(c);
    let is_commit =
        |text: &&str| (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let from = restored.source.commit.as_deref().filter(is_commit)?;
    let to = undone.source.commit.as_deref().filter(is_commit)?;
    let fits = base.starts_with("https://") && base.chars().all(is_plain);
    fits.then(|| format!("{base}/compare/{from}...{to}"))
}

/// The promotion among `good` that a person means.
fn named<'a>(
    snapshot: &Snapshot,
    good: &[&'a Promotion],
    undoes: &Promotion,
    typed: &str,
) -> Result<Option<&'a Promotion>, NoRollback> {
    let means = |promotion: &Promotion| {
        let by_id = typed.parse::<PromotionId>().is_ok_and(|id| id == promotion.id);
        let artifact = promotion.artifact.as_ref().and_then(|id| snapshot.artifact(id));
        by_id || promotion.version == typed || artifact.is_some_and(|a| a.is_named_by(typed))
    };
    if let Some(found) = good.iter().find(|p| means(p) && p.values != undoes.values) {
        return Ok(Some(found));
    }
    let environment = undoes.environment.clone();
    if means(undoes) || good.iter().any(|promotion| means(promotion)) {
        return Err(NoRollback::AlreadyThere { version: undoes.version.clone(), environment });
    }
    let known: Vec<&str> = good.iter().map(|promotion| promotion.version.as_str()).collect();
    let known = if known.is_empty() {
        "nothing else has".to_owned()
    } else {
        format!("what has is {}", known.join(", "))
    };
    Err(NoRollback::NeverSucceeded { typed: typed.to_owned(), environment, known })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::artifact::{Build, SourceCode};

    fn built_from(repository: &str, commit: &str) -> Artifact {
        Artifact {
            id: crate::domain::id::ArtifactId::new(jiff::Timestamp::UNIX_EPOCH, 1),
            image: "ghcr.io/acme/shop".parse().unwrap(),
            digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(),
            tag: None,
            version: None,
            source: SourceCode {
                repository: Some(repository.into()),
                commit: Some(commit.into()),
                reference: None,
            },
            build: Build::default(),
            actor: None,
            accepted_at: jiff::Timestamp::UNIX_EPOCH,
            examination: None,
        }
    }

    #[test]
    fn what_is_taken_back_is_compared_with_what_comes_back() {
        let shop = "https://github.com/acme/shop.git";
        let (good, bad) = (built_from(shop, "9f2c0aa1"), built_from(shop, "0d1e2f3a"));
        let link = "https://github.com/acme/shop/compare/9f2c0aa1...0d1e2f3a";
        assert_eq!(compare(&good, &bad).as_deref(), Some(link));
    }

    #[test]
    fn an_address_that_is_no_forges_makes_no_link() {
        let shop = "https://github.com/acme/shop";
        let good = built_from(shop, "9f2c0aa1");
        let others = [
            built_from("https://github.com/acme/cart", "0d1e2f3a"),
            built_from(shop, "main"),
            built_from(shop, "0d1e2f3a) @everyone"),
        ];
        assert!(others.iter().all(|other| compare(&good, other).is_none()));
        for address in ["http://github.com/acme/shop", "https://a/b) [x](https://evil", "git@a:b"] {
            let (good, bad) = (built_from(address, "9f2c0aa1"), built_from(address, "0d1e2f3a"));
            assert_eq!(compare(&good, &bad), None, "{address}");
        }
    }
}
