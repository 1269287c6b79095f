//! Whether a train's branch holds what its riders bring, and nothing else.
//!
//! By its message alone anybody's commit is one of ours: whoever amends it keeps that.

use super::{Cars, Rider, Train};
use crate::app::{App, AppError, reading};
use crate::domain::snapshot::{Judgement, Reading};

impl Rider {
    /// That the version fields hold what it brings.
    fn is_in(&self, reading: &Reading) -> Judgement {
        let fields = match reading {
            Reading::Fields { fields, .. } => fields.as_slice(),
            Reading::Absent { .. } | Reading::Refused { .. } => &[],
        };
        let lacking = self.proposing.edits.iter().find(|edit| {
            !fields.iter().any(|it| {
                (&it.file, &it.place, &it.value) == (&edit.file, &edit.place, &edit.value)
            })
        });
        match lacking {
            Some(edit) => {
                Judgement::Otherwise(format!("{} does not hold {}", edit.file, edit.value))
            }
            None => Judgement::OnlyVersion,
        }
    }
}

impl App {
    /// Judges each commit beside the one before; once for each head, which names all that it holds.
    pub(super) async fn judge_cars(
        &self,
        train: &Train<'_>,
        riding: &[Rider],
        Cars { base, cars }: &Cars,
    ) -> Result<Judgement, AppError> {
        let Some((_, head)) = cars.last() else { return Ok(Judgement::OnlyVersion) };
        if self.trains.known().proved.get(&train.branch) == Some(head) {
            return Ok(Judgement::OnlyVersion);
        }
        let git = train.repository.git.as_ref();
        let mut before = base;
        for (rider, (_, commit)) in riding.iter().zip(cars) {
            let application = &rider.promotion.application.application;
            let environment = train.environment;
            let judged = match reading::judge(git, before, commit, environment, application).await?
            {
                Judgement::OnlyVersion => {
                    rider.is_in(&reading::read(git, commit, environment, application).await?)
                }
                otherwise @ Judgement::Otherwise(_) => otherwise,
            };
            if let Judgement::Otherwise(_) = judged {
                return Ok(judged);
            }
            before = commit;
        }
        self.trains.known().proved.insert(train.branch.clone(), head.clone());
        Ok(Judgement::OnlyVersion)
    }
}
