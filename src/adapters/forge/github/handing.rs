//! What GitHub brings in by itself: by auto-merge, or through the queue that a branch demands.
//!
//! What GitHub was told may have been done although it says that it was not, so each is looked for
//! afterwards.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::json;

use super::graphql::{
    DEQUEUE, DISABLE_AUTO_MERGE, ENABLE_AUTO_MERGE, ENQUEUE, MARK_READY, PRESENCE, STANDING, Told,
    at,
};
use super::raw::RawPull;
use super::sight::commit;
use super::standing::{RawEntry, RawRule, RawStanding};
use super::{GitHubForge, statuses};
use crate::adapters::forge::common::AutoMerge;
use crate::app::ports::{Asks, ForgeError, MergeOutcome, MergeRequest, StatusState, Turn};
use crate::domain::id::ProposalNumber;
use crate::domain::landing::{Block, Course, Drafted, Group, Handed, Landing, Whose};
use crate::domain::snapshot::StatusWord;

/// How long it is believed that a branch has no queue: hoist asks anew before it merges.
const BELIEVED: SignedDuration = SignedDuration::from_hours(1);

/// How long it is believed what keeps a pull request out that is as it was.
const NAMED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// How many pull requests are remembered.
const KEPT: usize = 4_000;

/// What was found out of branches and pull requests, for a while.
#[derive(Default)]
pub(super) struct Ways {
    /// When it was seen that a branch has no queue.
    without_queue: BTreeMap<String, Timestamp>,
    /// What keeps a pull request out, and of which state of it that was said.
    standings: BTreeMap<u64, (Seen, Timestamp, RawStanding)>,
}

/// What a pull request looked like.
#[derive(PartialEq, Eq)]
struct Seen {
    head: String,
    updated_at: Option<String>,
    state: Option<String>,
}

impl GitHubForge {
    /// How an open pull request stands to its branch, and whether it is a draft of hoist's.
    pub(super) async fn way_in(&self, pull: &RawPull) -> Result<(Landing, Drafted), ForgeError> {
        if pull.state != "open" {
            return Ok((Landing::Free, Drafted::Ready));
        }
        let by_itself = pull.auto_merge.is_some() || self.may_queue(&pull.base.name);
        let is_blocked = matches!(pull.mergeable_state.as_deref(), Some("blocked" | "behind"));
        if !by_itself && !is_blocked && !pull.draft {
            return Ok((Landing::Free, Drafted::Ready));
        }
        let known = if by_itself { None } else { self.known_standing(pull) };
        let standing = match known {
            Some(standing) => Some(standing),
            // What may only be looked at is looked at all the same; it is not merged.
            None => match self.ask_standing(pull).await {
                Err(ForgeError::Refused(words)) => {
                    tracing::warn!(repository = %self.api.repo(), "{words}");
                    None
                }
                told => told?,
            },
        };
        let Some(standing) = standing else { return Ok((Landing::Free, draft(pull, None))) };
        let landing = self.landing(pull, &standing).await?;
        Ok((landing, draft(pull, Some(&standing))))
    }

    async fn landing(&self, pull: &RawPull, standing: &RawStanding) -> Result<Landing, ForgeError> {
        if let Some(entry) = &standing.merge_queue_entry {
            return Ok(Landing::Handed(Handed {
                course: Course::Queue,
                whose: standing.whose(Some(&entry.enqueuer)),
                blocks: Vec::new(),
                group: self.group(entry).await?,
            }));
        }
        let blocks = self.blocks(&pull.base.name, standing).await?;
        if let Some(asked) = &standing.auto_merge_request {
            let whose = standing.whose(asked.enabled_by.as_ref());
            let course = Course::AutoMerge;
            return Ok(Landing::Handed(Handed { course, whose, blocks, group: None }));
        }
        if blocks.is_empty() {
            return Ok(Landing::Free);
        }
        let offer = self.may_wait(&blocks).then_some(Course::AutoMerge);
        Ok(Landing::Blocked { blocks, offer })
    }

    /// Tells whether GitHub is to be asked to wait for the end of these.
    fn may_wait(&self, blocks: &[Block]) -> bool {
        self.auto_merge == AutoMerge::Allowed && blocks.iter().all(Block::may_pass)
    }

    /// What the queue tests, and what is said of it.
    async fn group(&self, entry: &RawEntry) -> Result<Option<Group>, ForgeError> {
        let Some(head) = &entry.head_commit else { return Ok(None) };
        let latest = statuses::latest(&self.api, &head.oid).await?;
        let said = latest.into_iter().map(|(context, status)| {
            let word = match status.state {
                StatusState::Pending => StatusWord::Pending,
                StatusState::Success => StatusWord::Success,
                StatusState::Failure => StatusWord::Failure,
            };
            (context, (word, status.description))
        });
        Ok(Some(Group { head: commit(&head.oid)?, statuses: said.collect() }))
    }

    async fn blocks(&self, base: &str, standing: &RawStanding) -> Result<Vec<Block>, ForgeError> {
        let rules = if standing.is_blocked() { self.rules(base).await? } else { Vec::new() };
        Ok(standing.blocks(&rules, self.merge_method.name(), |login| self.person(login)))
    }

    /// The rules of rulesets that a branch is under; older servers know none.
    async fn rules(&self, branch: &str) -> Result<Vec<RawRule>, ForgeError> {
        let route = self.route(&["rules", "branches", branch]);
        let answer = self.api.get(&route).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        answer.expect(self.api.repo(), "reading the rules of a branch")
    }

    /// Asks how a pull request stands; none where this server has no words for that.
    ///
    /// # Errors
    ///
    /// When these credentials are not told, above all.
    pub(super) async fn standing(
        &self,
        number: ProposalNumber,
    ) -> Result<Option<RawStanding>, ForgeError> {
        let repo = self.api.repo();
        let variables = json!({ "owner": repo.owner, "name": repo.name, "number": number.0 });
        let untold = |words: &str| {
            ForgeError::Refused(format!(
                "asking which rules keep {number} out of {repo}: GitHub does not tell these \
                 credentials ({words}); hoist merges nothing that might go past one"
            ))
        };
        match self.api.query(STANDING, variables).await? {
            Told::Data(data) => {
                let Some(pull) = at(&data, &["repository", "pullRequest"]) else {
                    return Err(untold("it shows them no such pull request"));
                };
                let standing = serde_json::from_value(pull.clone()).map_err(|error| {
                    super::answer::unreachable(&format!("GitHub's answer makes no sense: {error}"))
                })?;
                Ok(Some(standing))
            }
            Told::Refused(words) => Err(untold(&words)),
            Told::Unknown => Ok(None),
        }
    }

    async fn ask_standing(&self, pull: &RawPull) -> Result<Option<RawStanding>, ForgeError> {
        let standing = self.standing(ProposalNumber(pull.number)).await?;
        let now = self.api.now();
        let mut ways = self.ways();
        match &standing {
            Some(found) if found.is_merge_queue_enabled => {
                ways.without_queue.remove(&pull.base.name);
            }
            Some(_) | None => {
                ways.without_queue.insert(pull.base.name.clone(), now);
            }
        }
        if ways.standings.len() >= KEPT {
            ways.standings.clear();
        }
        if let Some(found) = &standing {
            ways.standings.insert(pull.number, (seen(pull), now, found.clone()));
        }
        Ok(standing)
    }

    fn known_standing(&self, pull: &RawPull) -> Option<RawStanding> {
        let now = self.api.now();
        let ways = self.ways();
        let (of, at, standing) = ways.standings.get(&pull.number)?;
        let is_fresh = now >= *at && now.duration_since(*at) < NAMED_FOR;
        // What GitHub was asked for may have been taken back without another trace.
        let is_plain =
            standing.auto_merge_request.is_none() && standing.merge_queue_entry.is_none();
        (is_fresh && is_plain && *of == seen(pull)).then(|| standing.clone())
    }

    /// Tells whether a branch may have a queue, so that its pull requests are to be asked about.
    fn may_queue(&self, branch: &str) -> bool {
        let now = self.api.now();
        let believed = |at: &Timestamp| now >= *at && now.duration_since(*at) < BELIEVED;
        !self.ways().without_queue.get(branch).is_some_and(believed)
    }

    fn ways(&self) -> std::sync::MutexGuard<'_, Ways> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a pull request over to GitHub, if that is its way in; none where hoist merges it.
    ///
    /// It is asked for before every merge: an App that may go past a rule does not.
    pub(super) async fn hand_over(
        &self,
        request: &MergeRequest,
        turn: &Turn,
    ) -> Result<Option<MergeOutcome>, ForgeError> {
        let pull = self.pull(request.number).await?;
        if pull.state != "open" {
            return Ok(None);
        }
        let Some(standing) = self.ask_standing(&pull).await? else { return kept_out(&pull) };
        if standing.head_ref_oid != request.head.as_str() {
            return Ok(Some(MergeOutcome::HeadMoved));
        }
        if standing.merge_queue_entry.is_some() {
            return Ok(Some(MergeOutcome::Handed(Course::Queue)));
        }
        let blocks = self.blocks(&pull.base.name, &standing).await?;
        if !blocks.is_empty() {
            if standing.auto_merge_request.is_some() {
                return Ok(Some(MergeOutcome::Handed(Course::AutoMerge)));
            }
            if !self.may_wait(&blocks) {
                return Ok(Some(MergeOutcome::Blocked(blocks)));
            }
            return self.enable_auto_merge(request, &standing, turn).await;
        }
        if standing.is_merge_queue_enabled {
            return self.enqueue(request, &standing, turn).await.map(Some);
        }
        Ok(None)
    }

    async fn enqueue(
        &self,
        request: &MergeRequest,
        standing: &RawStanding,
        turn: &Turn,
    ) -> Result<MergeOutcome, ForgeError> {
        let variables = json!({ "id": standing.id, "head": request.head.as_str() });
        let words = match did(self.api.mutate_in(turn, ENQUEUE, variables).await)? {
            None => return Ok(MergeOutcome::Handed(Course::Queue)),
            Some(words) => words,
        };
        match self.standing(request.number).await? {
            Some(now) if now.merge_queue_entry.is_some() => Ok(MergeOutcome::Handed(Course::Queue)),
            Some(now) if now.head_ref_oid != request.head.as_str() => Ok(MergeOutcome::HeadMoved),
            Some(_) | None => Ok(MergeOutcome::Refused(format!(
                "GitHub does not put {} into the merge queue: {words}",
                request.number
            ))),
        }
    }

    /// None where there is nothing left to wait for: then hoist merges.
    async fn enable_auto_merge(
        &self,
        request: &MergeRequest,
        standing: &RawStanding,
        turn: &Turn,
    ) -> Result<Option<MergeOutcome>, ForgeError> {
        let (headline, body) = self.words(request).unzip();
        let variables = json!({
            "id": standing.id,
            "head": request.head.as_str(),
            "method": self.merge_method.name().to_uppercase(),
            "headline": headline,
            "body": body,
        });
        let words = match did(self.api.mutate_in(turn, ENABLE_AUTO_MERGE, variables).await)? {
            None => return Ok(Some(MergeOutcome::Handed(Course::AutoMerge))),
            Some(words) => words,
        };
        if words.contains("clean status") || words.contains("unstable status") {
            return Ok(None);
        }
        match self.standing(request.number).await? {
            Some(now) if now.auto_merge_request.is_some() => {
                Ok(Some(MergeOutcome::Handed(Course::AutoMerge)))
            }
            Some(now) if now.head_ref_oid != request.head.as_str() => {
                Ok(Some(MergeOutcome::HeadMoved))
            }
            Some(_) | None => Ok(Some(MergeOutcome::Refused(format!(
                "GitHub does not merge {} by itself: {words}; allow auto-merge in the settings of \
                 {}, or remove `auto_merge`",
                request.number,
                self.api.repo()
            )))),
        }
    }

    /// Tells whether a draft could be made ready later: only the other API does.
    pub(super) async fn makes_ready(&self) -> Result<bool, ForgeError> {
        let repo = self.api.repo();
        let variables = json!({ "owner": repo.owner, "name": repo.name });
        let why = match self.api.query(PRESENCE, variables).await? {
            Told::Data(_) => return Ok(true),
            Told::Refused(words) => words,
            Told::Unknown => "this server has no GraphQL".to_owned(),
        };
        tracing::warn!("{repo} is proposed to without drafts, which nobody could end: {why}");
        Ok(false)
    }

    /// Makes a draft ready. Those who are to review it are asked first: what broke off in between is
    /// done again as long as it is a draft.
    pub(super) async fn ready(
        &self,
        number: ProposalNumber,
        asks: &Asks,
    ) -> Result<(), ForgeError> {
        let pull = self.pull(number).await?;
        if pull.state != "open" {
            return Ok(());
        }
        self.ask_reviewers(&pull, asks).await?;
        if !pull.draft {
            return Ok(());
        }
        let told = self.api.mutate(MARK_READY, json!({ "id": pull.node_id })).await;
        let Some(words) = did(told)? else { return Ok(()) };
        if self.pull(number).await?.draft {
            return Err(ForgeError::Refused(format!("making {number} ready: {words}")));
        }
        Ok(())
    }

    pub(super) async fn take_back_ours(&self, number: ProposalNumber) -> Result<(), ForgeError> {
        // It told so when there was something to take back.
        let Some(standing) = self.standing(number).await? else {
            let why = format!("taking {number} back: this GitHub does not tell how it stands");
            return Err(ForgeError::Refused(why));
        };
        let mut words = Vec::new();
        let id = json!({ "id": standing.id });
        if is_queued_by_us(&standing) {
            words.extend(did(self.api.mutate(DEQUEUE, id.clone()).await)?);
        }
        if is_asked_by_us(&standing) {
            words.extend(did(self.api.mutate(DISABLE_AUTO_MERGE, id).await)?);
        }
        if words.is_empty() {
            return Ok(());
        }
        match self.standing(number).await? {
            Some(now) if is_queued_by_us(&now) || is_asked_by_us(&now) => {
                let words = words.join("; ");
                Err(ForgeError::Refused(format!("taking {number} back from GitHub: {words}")))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// What GitHub says if it says that it did not do something.
fn did(told: Result<Told, ForgeError>) -> Result<Option<String>, ForgeError> {
    match told {
        Ok(Told::Data(_)) => Ok(None),
        Ok(Told::Refused(words)) => Ok(Some(words)),
        Ok(Told::Unknown) => Ok(Some("this server cannot do that".to_owned())),
        // It may be done all the same, which is looked for.
        Err(ForgeError::Unreachable(cause)) => Ok(Some(format!("{cause:#}"))),
        Err(error) => Err(error),
    }
}

/// What keeps a pull request out, where the server tells that in one word only; none where nothing
/// does.
fn kept_out(pull: &RawPull) -> Result<Option<MergeOutcome>, ForgeError> {
    let block = match pull.mergeable_state.as_deref() {
        Some("blocked") => Block::Unnamed,
        Some("behind") => Block::Behind,
        Some("draft") => Block::Draft,
        // It has not worked that out yet.
        Some("unknown") => return Err(ForgeError::Stale),
        Some(_) | None => return Ok(None),
    };
    Ok(Some(MergeOutcome::Blocked(vec![block])))
}

fn is_queued_by_us(standing: &RawStanding) -> bool {
    let entry = standing.merge_queue_entry.as_ref();
    entry.is_some_and(|it| standing.whose(Some(&it.enqueuer)) == Whose::Ours)
}

fn is_asked_by_us(standing: &RawStanding) -> bool {
    let asked = standing.auto_merge_request.as_ref();
    asked.is_some_and(|it| standing.whose(it.enabled_by.as_ref()) == Whose::Ours)
}

/// Whose draft it is: hoist opens drafts, and makes none of what was ready.
fn draft(pull: &RawPull, standing: Option<&RawStanding>) -> Drafted {
    match standing {
        _ if !pull.draft => Drafted::Ready,
        Some(standing) if standing.drafted.total_count == 0 => Drafted::Ours,
        Some(_) | None => Drafted::Theirs,
    }
}

fn seen(pull: &RawPull) -> Seen {
    Seen {
        head: pull.head.sha.clone(),
        updated_at: pull.updated_at.clone(),
        state: pull.mergeable_state.clone(),
    }
}
