//! What hoist would do, said before it does it.

use super::landing;
use crate::domain::health::Remedy;
use crate::domain::id::PromotionId;
use crate::domain::plan::{Action, Closed};
use crate::domain::snapshot::Snapshot;

/// Tells what an action does.
pub fn action(snapshot: &Snapshot, action: &Action) -> String {
    let version = |id: &PromotionId| {
        snapshot.promotion(id).map_or_else(|| id.to_string(), |it| it.version.clone())
    };
    match action {
        Action::Adopt { environment, .. } => {
            format!("record what {environment} holds, put there by other hands")
        }
        Action::Start { environment, artifact } => {
            let artifact = snapshot.artifact(artifact);
            let version = artifact.map_or("an artifact", |artifact| artifact.version());
            format!("begin to move {version} into {environment}")
        }
        Action::Step { promotion, to } => {
            format!("record {} as {}", version(promotion), to.name())
        }
        Action::AlreadyThere { promotion, .. } => {
            format!("record that {} is there already", version(promotion))
        }
        Action::Observe { environment, .. } => {
            format!("record how the application is in {environment}")
        }
        Action::Remedy { environment, remedy, .. } => match remedy {
            Remedy::Rollback => format!("roll back in {environment}, because it stays ill"),
            Remedy::Hold => format!("hold it in {environment}, because it stays ill"),
            Remedy::Nothing => format!("record that it stays ill in {environment}"),
        },
        Action::HoldEnded { environment, .. } => {
            format!("record that the hold on {environment} has ended")
        }
        Action::Propose(proposing) => {
            let it = snapshot.promotion(&proposing.promotion);
            match it.and_then(|it| it.proposal.as_ref()) {
                Some(proposed) => format!(
                    "bring proposal {} up to date for {}",
                    proposed.number,
                    version(&proposing.promotion)
                ),
                None => format!("propose {}", version(&proposing.promotion)),
            }
        }
        Action::Join { promotion, ride } => {
            format!("record that {} goes with proposal {}", version(promotion), ride.number)
        }
        Action::SetStatus { number, context, description, .. } => {
            format!("set {context} on proposal {number}: {description}")
        }
        Action::TellOfForeignPush { number, head, .. } => {
            format!("say on proposal {number} that somebody pushed {}", head.short())
        }
        Action::TellOfSkip { number, skip, .. } => {
            format!("say on proposal {number} that {} skipped {}", skip.by, skip.gate)
        }
        Action::TellOfPutOut { number, block, .. } => {
            format!("say on proposal {number}: {}", landing::put_out(block))
        }
        Action::Merge { promotion, number, .. } => {
            format!("merge proposal {number}, which brings {}", version(promotion))
        }
        Action::MakeReady { number, promotion } => {
            format!("say that proposal {number}, which brings {}, is ready", version(promotion))
        }
        Action::TakeBack { number, promotion } => format!(
            "take back from the forge that it brings in {} by itself (proposal {number})",
            version(promotion)
        ),
        Action::Close { number, because } => {
            let why = match because {
                Closed::TimedOut { reason } => reason,
                Closed::RolledBack { .. } => "a rollback goes first",
                Closed::Bad { .. } => "what it brings was rolled back before",
                Closed::AlreadyThere => "what it brings is there already",
                Closed::Rides { .. } => "what it brings goes with a train",
                Closed::Vanished { .. } => "the application's files are gone",
            };
            format!("close proposal {number}: {why}")
        }
    }
}
