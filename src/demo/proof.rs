//! Proves from the Git history alone that the story is true.

use anyhow::{Context, bail, ensure};

use super::narrate::Narrator;
use super::story::Promotions;
use crate::app::ports::LogEntry;
use crate::app::views::PromotionView;
use crate::app::{App, Repository};
use crate::domain::id::CommitId;
use crate::domain::snapshot::Judgement;

/// More commits than the story makes.
const ENOUGH: usize = 100;

/// Reads the GitOps repository's history and checks it against the story.
///
/// # Errors
///
/// With the first thing that is not as it should be.
pub(super) async fn prove(app: &App, told: &Promotions, narrator: &Narrator) -> anyhow::Result<()> {
    narrator.step("What the Git history says");
    let repository = app.repositories.values().next().context("there is no repository")?;
    repository.git.fetch().await?;
    let tip = repository.git.tip("refs/heads/main").await?.context("main is gone")?;
    let log = repository.git.log(&tip, None, ENOUGH).await?;
    for promotion in told.merged.iter().chain(&told.rollback) {
        prove_merge(app, repository, &log, promotion).await?;
        let did = match promotion.kind.as_str() {
            "rollback" => "brought back into",
            _ => "merged into",
        };
        narrator.proved(&format!(
            "{} {did} {}, changing version fields only",
            promotion.version, promotion.environment
        ));
    }
    let expected = told.merged.len() + usize::from(told.rollback.is_some()) + 1;
    ensure!(log.len() == expected, "main has {} commits and should have {expected}", log.len());
    narrator.proved("nothing else was ever committed to main");
    if let Some(rollback) = &told.rollback {
        prove_rollback(repository, &log, rollback).await?;
        narrator.proved(&format!(
            "prod's files are those of {} again, byte for byte",
            rollback.version
        ));
    }
    Ok(())
}

/// The promotion was merged, and its merge changed version fields only.
async fn prove_merge(
    app: &App,
    repository: &Repository,
    log: &[LogEntry],
    promotion: &PromotionView,
) -> anyhow::Result<()> {
    let trailer = format!("Hoist-Promotion: {}", promotion.id);
    let merge = find(log, &trailer)?;
    let before = merge.parents.first().context("a merge has parents")?;
    let judgement = app.judge_change(promotion, before, &merge.id).await?;
    match judgement {
        Judgement::OnlyVersion => {}
        Judgement::Otherwise(what) => bail!("{} changed more than a version: {what}", merge.id),
    }
    let changed = repository.git.diff(before, &merge.id).await?;
    ensure!(!changed.is_empty(), "{} changed nothing", merge.id);
    Ok(())
}

/// The environment's files are the same before the bad version came and after it went.
async fn prove_rollback(
    repository: &Repository,
    log: &[LogEntry],
    rollback: &PromotionView,
) -> anyhow::Result<()> {
    let end = find(log, &format!("Hoist-Promotion: {}", rollback.id))?;
    let proposed = rollback.proposal.as_ref().context("the rollback has no proposal")?;
    let entries = repository.git.log(&proposed.head, None, 1).await?;
    let message = entries.first().map(|entry| entry.message.as_str()).unwrap_or_default();
    let undone = message
        .lines()
        .find_map(|line| line.strip_prefix("This reverts commit "))
        .context("the rollback's commit does not say what it reverts")?;
    let undone: CommitId = undone.trim_end_matches('.').parse()?;
    let bad =
        log.iter().find(|entry| entry.id == undone).context("what it reverts is not on main")?;
    let before = bad.parents.first().context("the bad version was the first commit")?;
    let prefix = format!("environments/{}/", rollback.environment);
    let differs = repository.git.diff(before, &end.id).await?;
    let left = differs.iter().find(|change| change.path.starts_with(&prefix));
    ensure!(left.is_none(), "{} still differs after the rollback", left.map_or("", |c| &c.path));
    Ok(())
}

fn find<'a>(log: &'a [LogEntry], trailer: &str) -> anyhow::Result<&'a LogEntry> {
    log.iter()
        .find(|entry| entry.message.lines().any(|line| line == trailer))
        .with_context(|| format!("no commit on main says `{trailer}`"))
}
