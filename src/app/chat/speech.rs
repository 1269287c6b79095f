//! What people say, carried out: the same use-cases, with the same rights, as at every other door.

use jiff::Timestamp;

use crate::app::sessions::Allowed;
use crate::app::views::{
    Allowance, ApplicationView, CommandView, EnvironmentView, FreezeRequest, HistoryPromotion,
    HoldRequest, PlannedView, PromoteRequest, ProposalRequest, ResumeRequest, RollbackRequest,
    SkipRequest, ThawRequest, WhyView,
};
use crate::app::{App, AppError};
use crate::domain::command::{Age, Drift, Identity, ProposalStep, Right};
use crate::domain::freeze::Rollbacks;
use crate::domain::grammar::{InvalidTime, Place, Spread, Step, Until, Utterance};
use crate::domain::promotion::BadArtifact;
use crate::domain::zone::Zone;
use crate::messages::{chat as words, explain, schedule as schedule_words};

/// How many lines a list has in a conversation; the page has them all.
const LINES: usize = 20;

impl App {
    /// Carries out what was said at `said_at`; answers in words.
    pub(super) async fn speak(
        &self,
        by: &Identity,
        utterance: Utterance,
        said_at: Timestamp,
    ) -> Result<String, AppError> {
        match utterance {
            Utterance::Help => Ok(words::help()),
            Utterance::Status { application } => self.say_status(by, application).await,
            Utterance::Why(place) => self.say_why(by, &place).await,
            Utterance::Plan { application, schedule, at } => {
                self.say_ahead(by, (application, schedule), (at.as_ref(), said_at)).await
            }
            Utterance::Run { schedule } => self.run_schedule(by, &schedule).await.map(told),
            Utterance::Review { promotion, step, comment } => {
                self.review_as_said(by, &promotion, (step, comment)).await
            }
            Utterance::History { application, environment } => {
                self.say_history(by, &application, environment.as_deref()).await
            }
            Utterance::Promote { place, version, age, bad, skips, reason } => {
                let request = PromoteRequest {
                    application: place.application,
                    environment: place.environment,
                    version,
                    tag: None,
                    digest: None,
                    reason,
                    allow_older: age == Age::OlderToo,
                    skip: skips,
                    force_bad: bad == BadArtifact::Forced,
                };
                self.promote(by, request).await.map(told)
            }
            Utterance::Rollback { place, to, drift, spread, reason } => {
                let request = RollbackRequest {
                    application: place.application,
                    environment: place.environment,
                    to,
                    reason,
                    over_drift: drift == Drift::TakenBack,
                    everywhere: spread == Spread::Everywhere,
                };
                self.roll_back(by, request).await.map(told)
            }
            Utterance::Hold { place, until, reason } => {
                let request = HoldRequest {
                    application: place.application,
                    environment: place.environment,
                    length: self.length_of(until.as_ref(), said_at)?,
                    reason,
                };
                self.hold(by, request).await.map(told)
            }
            Utterance::Resume { place, newer, reason } => {
                let request = ResumeRequest {
                    application: place.application,
                    environment: place.environment,
                    newer,
                    reason,
                };
                self.resume(by, request).await.map(told)
            }
            Utterance::Freeze { environment, until, rollbacks, reason } => {
                let length = self.length_of(until.as_ref(), said_at)?;
                let allow = match rollbacks {
                    Rollbacks::Pass => vec![Allowance::Rollback],
                    Rollbacks::Wait => Vec::new(),
                };
                let request = FreezeRequest { environment, length, reason, allow };
                self.freeze(by, request).await.map(told)
            }
            Utterance::Thaw { environment, reason } => {
                self.thaw(by, ThawRequest { environment, reason }).await.map(told)
            }
            Utterance::Skip { place: None, gate, .. } => {
                Err(AppError::Refused { what: words::skip_where(&gate) })
            }
            Utterance::Skip { place: Some(place), gate, reason } => {
                self.skip_as_said(by, place, (gate, reason)).await
            }
        }
    }

    async fn review_as_said(
        &self,
        by: &Identity,
        promotion: &str,
        (step, comment): (Step, Option<String>),
    ) -> Result<String, AppError> {
        let step = match step {
            Step::Approve => ProposalStep::Approve,
            Step::Merge => ProposalStep::Merge,
            Step::Close => ProposalStep::Close,
        };
        let request = ProposalRequest { step, head: None, comment, check: None };
        self.review(by, promotion, request).await.map(told)
    }

    /// The gate comes first here, and last on the command line: both are understood.
    async fn skip_as_said(
        &self,
        by: &Identity,
        Place { application, environment }: Place,
        (gate, reason): (String, String),
    ) -> Result<String, AppError> {
        let (application, environment, gate) = match self.is_place(&gate, &application).await {
            true => (gate, application, environment),
            false => (application, environment, gate),
        };
        let request = SkipRequest { application, environment, promotion: None, gate, reason };
        self.skip(by, request).await.map(told)
    }

    /// What would be done, by itself or with a schedule's run.
    async fn say_ahead(
        &self,
        by: &Identity,
        (application, schedule): (Option<String>, Option<String>),
        (at, said_at): (Option<&Until>, Timestamp),
    ) -> Result<String, AppError> {
        self.may_look(by)?;
        let at = self.moment(at, schedule.as_deref(), said_at)?;
        match schedule {
            Some(schedule) => self.say_run(by, &schedule, at).await,
            None => self.say_plan(by, application, at).await,
        }
    }

    /// What is left of a time that was said a moment ago, as the commands take it.
    fn length_of(
        &self,
        until: Option<&Until>,
        said_at: Timestamp,
    ) -> Result<Option<String>, AppError> {
        let Some(until) = until else { return Ok(None) };
        let invalid =
            |error: InvalidTime| AppError::Invalid { field: Some("for"), what: error.to_string() };
        let utc = "UTC".parse::<Zone>().ok();
        let Some(zone) = self.chat.zone.clone().or(utc) else { return Ok(None) };
        let ends = until.ends(said_at, &zone).map_err(invalid)?;
        let left = ends.duration_since(self.clock.now());
        if left.as_secs() < 1 {
            return Err(invalid(InvalidTime::Over(until.moment().to_string())));
        }
        // Exact: what ends at five must not be told to end at a minute before.
        Ok(Some(left.to_string()))
    }

    /// Whoever may look at what is where, anywhere, may look at all of it: as on the page.
    fn may_look(&self, by: &Identity) -> Result<(), AppError> {
        match self.allows(by, Right::Status, None) {
            Allowed::Yes => Ok(()),
            Allowed::No => Err(AppError::Refused { what: words::may_not_look(&by.actor) }),
        }
    }

    async fn say_status(
        &self,
        by: &Identity,
        application: Option<String>,
    ) -> Result<String, AppError> {
        self.may_look(by)?;
        let (applications, freezes) = match &application {
            Some(name) => (vec![self.application(name).await?], self.freezes().await?),
            None => {
                let status = self.status().await?;
                (status.applications, status.freezes)
            }
        };
        let frozen = freezes
            .iter()
            .filter(|freeze| freeze.on)
            .map(|it| words::frozen(&it.environments, &it.by, it.reason.as_deref(), it.until));
        let lines = frozen.chain(applications.iter().flat_map(status_lines)).collect();
        Ok(words::listed(lines, LINES, words::NOTHING_KNOWN, &self.policy.public_url))
    }

    async fn say_why(&self, by: &Identity, place: &Place) -> Result<String, AppError> {
        self.may_look(by)?;
        let view: WhyView = self.why(&place.application, &place.environment).await?;
        let mut lines = vec![words::sentence(&view.answer)];
        if let Some(hold) = &view.hold {
            lines.push(explain::hold(&hold.by, hold.reason.as_deref(), hold.until));
        }
        for candidate in &view.candidates {
            lines.push(words::candidate(&candidate.version, &candidate.why, &candidate.next));
            let shut = candidate.gates.iter().filter(|line| line.next.is_some());
            lines.extend(shut.map(|line| words::gate(&line.gate.name, &line.gate.saw)));
        }
        lines.extend(view.unread.map(|unread| words::unread(&unread.why, &unread.next)));
        Ok(lines.join("\n"))
    }

    async fn say_plan(
        &self,
        by: &Identity,
        application: Option<String>,
        at: Option<Timestamp>,
    ) -> Result<String, AppError> {
        self.may_look(by)?;
        let view = self.foresee(application.as_deref(), at).await?;
        let lines = view.applications.iter().flat_map(plan_lines).collect();
        Ok(words::listed(lines, LINES, words::NOTHING_TO_DO, &self.policy.public_url))
    }

    async fn say_run(
        &self,
        by: &Identity,
        schedule: &str,
        at: Option<Timestamp>,
    ) -> Result<String, AppError> {
        self.may_look(by)?;
        let view = self.foresee_run(schedule, at).await?;
        let to = |environment| schedule_words::place(&view.environments, environment);
        let counted = (view.goes.len(), view.stays.len());
        let counted = schedule_words::counted(&view.environments, counted.0, counted.1);
        let goes = view.goes.iter().map(|it| {
            let (application, to) = (it.application.as_str(), to(&it.environment));
            words::would_go(application, &to, it.from.as_deref(), &it.version)
        });
        let stays = view
            .stays
            .iter()
            .map(|it| {
                schedule_words::stays(&it.application, &to(&it.environment), (it.reason, &it.why))
            })
            .map(|line| words::point(&line));
        let notes = view.unmatched.iter().map(|note| words::point(note));
        let head = words::run_planned(&view.schedule, view.at, &counted);
        let lines = std::iter::once(head).chain(goes).chain(stays).chain(notes).collect();
        Ok(words::listed(lines, LINES, words::NOTHING_TO_DO, &self.policy.public_url))
    }

    async fn say_history(
        &self,
        by: &Identity,
        application: &str,
        environment: Option<&str>,
    ) -> Result<String, AppError> {
        self.may_look(by)?;
        let view = self.history(application, environment).await?;
        let line = |it: &HistoryPromotion| {
            words::promoted(
                &it.version,
                it.environment.as_str(),
                &it.state,
                (it.since, (it.kind != "found").then_some(it.requested_by.as_str())),
                it.reason.as_deref(),
            )
        };
        let lines = view.promotions.iter().map(line).collect();
        Ok(words::listed(lines, LINES, words::NOTHING_PROMOTED, &self.policy.public_url))
    }
}

/// What a command did, and where to look.
fn told(view: CommandView) -> String {
    match view.url {
        Some(url) => format!("{}\n{url}", view.message),
        None => view.message,
    }
}

fn status_lines(application: &ApplicationView) -> Vec<String> {
    let name = application.application.as_str();
    let line = |it: &EnvironmentView| {
        let coming: Vec<String> = it
            .next
            .iter()
            .chain(&it.behind)
            .map(|next| words::coming(&next.version, &next.state, next.waits_for.as_deref()))
            .collect();
        let hold = it.hold.as_ref();
        let hold = hold.map(|it| explain::hold(&it.by, it.reason.as_deref(), it.until));
        let notes: Vec<String> =
            coming.into_iter().chain(hold).chain(it.waits_for.clone()).collect();
        words::status(name, it.environment.as_str(), it.version.as_deref(), &it.state, &notes)
    };
    let mut lines: Vec<String> = application.environments.iter().map(line).collect();
    lines.extend(application.trouble.as_ref().map(|trouble| words::trouble(name, trouble)));
    lines.extend(application.unread.as_ref().map(|it| words::unread(&it.why, &it.next)));
    lines
}

fn plan_lines(planned: &PlannedView) -> Vec<String> {
    let name = planned.application.as_str();
    let steps = planned.steps.iter().map(|step| {
        let place = step.environment.as_ref().map(|it| it.as_str());
        words::step(name, place, &step.what)
    });
    let waits = planned
        .waits
        .iter()
        .map(|it| words::waits(name, it.environment.as_str(), it.version.as_deref(), &it.why));
    let trouble = planned.trouble.iter().map(|trouble| words::trouble(name, trouble));
    steps.chain(waits).chain(trouble).collect()
}
