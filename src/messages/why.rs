//! Answers to "why is it not in?": what keeps something out, and what a person can do.

use jiff::Timestamp;

use crate::domain::gate::{CHECKS, HOLD, HTTP, Judged, PROMETHEUS, SOURCE_CHECKS, Verdict};
use crate::domain::id::{ApplicationName, EnvironmentName, PromotionId};
use crate::domain::plan::{Because, Unstarted, Wait};
use crate::domain::promotion::Promotion;

use super::{accept, explain, landing};

/// What the answer is about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The application.
    pub application: &'a ApplicationName,
    /// The environment that it is not in.
    pub environment: &'a EnvironmentName,
    /// What people call what is not in.
    pub version: &'a str,
    /// The promotion that brings it, once it is proposed.
    pub promotion: Option<&'a PromotionId>,
    /// The application's promotions.
    pub others: &'a [Promotion],
}

/// What a person can do about what something waits for.
pub fn next(because: &Because, about: &Subject<'_>) -> String {
    let Subject { application, environment, promotion, .. } = about;
    let review = promotion.map_or_else(
        || "review it on hoist's page".to_owned(),
        |id| format!("`hoist review {id} --approve`, or its page"),
    );
    match because {
        Because::Gate(judged) => gate(judged, about).unwrap_or_else(|| "nothing is needed".into()),
        Because::Held { .. } => format!("`hoist resume {application} {environment}` ends the hold"),
        Because::Soaking => "nothing is needed: it goes on by itself".into(),
        Because::Health(_) => format!(
            "look at the application; `hoist rollback {application} {environment}` brings back \
             what ran well"
        ),
        Because::Approvals { .. } => format!("somebody but the requester approves it: {review}"),
        Because::Objections(_) => {
            "those who asked for changes approve it, or somebody closes it".into()
        }
        Because::ManualMerge => promotion.map_or_else(
            || "merge it on hoist's page".to_owned(),
            |id| format!("merge it: `hoist review {id} --merge`, or its page"),
        ),
        Because::Blocked(blocks) => landing::next(blocks),
        Because::Handed(handed) => landing::next(&handed.blocks),
        Because::NotOnlyVersion(_) => {
            "take the other changes off the branch, or close the proposal".into()
        }
        Because::ForeignPush(_) => format!("somebody looks at what was pushed: {review}"),
        Because::Conflict(_) => "resolve it on the branch, or close the proposal".into(),
        Because::Drifted { .. } => format!(
            "`hoist rollback {application} {environment} --over-drift` takes that back, too; or \
             somebody closes the proposal"
        ),
        Because::EditRefused(_) => {
            "mend the file, or its rule under `edit:`; `hoist check` tries the rules".into()
        }
        Because::NoFiles(_) => {
            "put the file there, or name another under `edit:`; then it goes on by itself".into()
        }
        Because::Train(_) => "look at the train's proposal: it goes in when all of it may".into(),
        Because::Pace => "it goes on by itself; a rollback would go first".into(),
        Because::Behind { .. } => "review the rollback first".into(),
        Because::Asks(moved) => accept::asked_for(moved, about),
        Because::Unexamined(delay) => accept::asked_again(delay.as_ref()).into(),
    }
}

/// What a person can do about a gate; none if it is open.
pub fn gate(judged: &Judged, about: &Subject<'_>) -> Option<String> {
    match &judged.verdict {
        Verdict::Open | Verdict::Skipped => None,
        Verdict::OpensAt(_) => Some("nothing is needed: it opens by itself".into()),
        Verdict::NeedsAction(_) if judged.name == "approvals" => Some(match about.promotion {
            Some(id) => {
                format!("somebody but the requester approves it: `hoist review {id} --approve`")
            }
            None => "somebody but the requester approves its proposal, once that is open".into(),
        }),
        Verdict::NeedsAction(_) if judged.name == HOLD => {
            Some(format!("`hoist resume {} {}` ends it", about.application, about.environment))
        }
        Verdict::NeedsAction(_)
            if matches!(judged.name, PROMETHEUS | HTTP | CHECKS | SOURCE_CHECKS) =>
        {
            Some(format!(
                "it is asked again by itself; who may skip gates can say `hoist skip {} {} {} --reason …`",
                about.application, about.environment, judged.name
            ))
        }
        Verdict::NeedsAction(what) => Some(what.clone()),
    }
}

/// What a person can do about a gate, where somebody tells hoist of what it waits for.
pub fn or_ci_tells(next: &str, promotion: &PromotionId) -> String {
    format!("CI tells it with `hoist review {promotion} --check NAME --state success`; {next}")
}

/// What a person can do about a gate, where its timeout ends the waiting.
pub fn until_it_is_closed(next: &str, at: Timestamp) -> String {
    let at = at.strftime("%Y-%m-%d %H:%M UTC");
    format!("{next}; if it still keeps it out at {at}, the promotion is closed")
}

/// Why no promotion of an artifact has begun, and what a person can do: two sentences' words.
pub fn unstarted(why: &Unstarted<'_>, about: &Subject<'_>, wait: Option<&Wait>) -> [String; 2] {
    let Subject { application, environment, version, .. } = about;
    let again =
        format!("`hoist promote {application} {environment} --version {version}` asks for it anew");
    let by_itself = "nothing is needed: it goes on by itself".to_owned();
    match why {
        Unstarted::Ended(promotion) => [explain::state(promotion, about.others), again],
        Unstarted::Bad => [
            "it was rolled back, and is not started again by itself".into(),
            format!("{again}, with `--force-bad --reason …`"),
        ],
        Unstarted::Upstream { environment: upstream, promotion } => {
            let there = match (promotion, wait) {
                (_, Some(wait)) => explain::wait(wait),
                (Some(promotion), None) => explain::state(promotion, about.others),
                (None, None) => "it has not been started there".to_owned(),
            };
            let next = format!("`hoist why {application} {upstream}` says what can be done there");
            [format!("it waits for {upstream}: {there}"), next]
        }
        Unstarted::KeptOut(why) => [accept::kept_out(why), accept::next(why, about)],
        Unstarted::Overtaken { by } => {
            let older = format!("{again}; where a newer one is in, add `--allow-older`");
            [accept::older(by), older]
        }
        Unstarted::Next => match wait {
            Some(wait) => [explain::wait(wait), next(&wait.because, about)],
            None => ["it was announced, and is started at the next look".into(), by_itself],
        },
    }
}

/// It is about to be done.
pub fn about_to(what: &str) -> String {
    format!("hoist is about to {what}")
}

/// Nothing was ever announced; `images` and `sources` are what could have been, and by whom.
pub fn no_artifact(about: &Subject<'_>, image: &str, sources: &[&str]) -> [String; 2] {
    let application = about.application;
    let next = if sources.is_empty() {
        format!(
            "no source in `sources:` may announce `{image}`, so every announcement of it is \
             refused: add the image to a source's `images`"
        )
    } else {
        format!(
            "announce one, from CI or with `hoist announce --image {image} …`; those who may are \
             {}; `hoist deliveries` lists what came in",
            sources.join(", ")
        )
    };
    [format!("no artifact of {application} was ever announced"), next]
}

/// The answer in a sentence, where something could go in.
pub fn waiting(about: &Subject<'_>, why: &str) -> String {
    format!("{} is not in {}: {why}", about.version, about.environment)
}

/// The answer where everything is in that could be.
pub fn up_to_date(about: &Subject<'_>) -> String {
    format!("{} is in {}, and nothing newer was announced", about.version, about.environment)
}

/// The answer where there is an older version in on purpose.
pub fn nothing_there(about: &Subject<'_>, why: &str) -> String {
    format!("nothing of {} goes into {}: {why}", about.application, about.environment)
}
