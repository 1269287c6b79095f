//! Conditions for entering an environment, and their answers.

use jiff::{SignedDuration, Timestamp};

use super::checks::{Checked, Checks};
use super::evidence::{Call, Metric};
use super::id::RoleName;
use super::promotion::Promotion;
use super::team::Team;
use super::window::Window;

/// A condition that a promotion must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// Healthy upstream for a contiguous length of time.
    Soak(SignedDuration),
    /// That many people, the requester not among them, said yes.
    Approvals(Approvals),
    /// Hours of the week; where there are several, one of them must be open.
    Window(Window),
    /// What Prometheus measures.
    Prometheus(Metric),
    /// A call that answers yes or no.
    Http(Call),
    /// Checks by others, by their names.
    Checks(Checks),
}

/// Who has to say yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// How many.
    pub count: u32,
    /// Whose count.
    pub of: Voters,
}

/// Those whose approvals count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voters {
    /// Everybody's whose the forge counts.
    Anybody,
    /// Those who have a role.
    Role(RoleName),
    /// Those who are in a team, by the forge's word.
    Team(Team),
}

impl std::fmt::Display for Voters {
    /// Tells it after a number of approvals: ` of sre`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anybody => Ok(()),
            Self::Role(role) => write!(f, " of {role}"),
            Self::Team(team) => write!(f, " of {team}"),
        }
    }
}

/// A gate as an environment has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRule {
    /// The condition.
    pub gate: Gate,
    /// What it shuts while it is not met.
    pub shuts: Shuts,
    /// After how long a promotion that it keeps out is closed; none means that it waits.
    pub timeout: Option<SignedDuration>,
}

/// What a gate that is not open shuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shuts {
    /// The proposal is not opened, and an open one not merged.
    Proposal,
    /// The proposal is opened, and not merged.
    Merge,
}

/// A gate's answer now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The condition is met.
    Open,
    /// Time alone will open it.
    OpensAt(Timestamp),
    /// Somebody or something must act; the text says who and what.
    NeedsAction(String),
    /// It is shut, and a person let the promotion pass: what it saw says who.
    Skipped,
}

/// A gate's name, verdict and what it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// `soak`, `approvals`: the status on the proposal is `hoist/<name>`.
    pub name: &'static str,
    /// Its answer.
    pub verdict: Verdict,
    /// What it looked at, in a few words for people.
    pub saw: String,
    /// What it shuts while it is not open.
    pub shuts: Shuts,
    /// Since when it is as it is, where what it looks at knows.
    pub since: Option<Timestamp>,
    /// Until when this answer holds, where time alone changes it.
    pub until: Option<Timestamp>,
    /// What its status on a proposal says, where `saw` changes at every look.
    pub stable: Option<String>,
}

/// Gates that concern an environment as a whole, whatever wants to enter it.
pub const HOLD: &str = "hold";
/// See [`HOLD`].
pub const FREEZE: &str = "freeze";
/// See [`HOLD`].
pub const WINDOW: &str = "window";
/// Gates that ask the world outside.
pub const PROMETHEUS: &str = "prometheus";
/// See [`PROMETHEUS`].
pub const HTTP: &str = "http";
/// See [`PROMETHEUS`]: checks of the proposal's head.
pub const CHECKS: &str = "checks";
/// See [`PROMETHEUS`]: checks of the commit that the artifact was built from.
pub const SOURCE_CHECKS: &str = "source-checks";
/// Whether whoever asked for a promotion still may.
pub const REQUESTER: &str = "requester";
/// What waits for a schedule's run; it concerns each promotion by itself.
pub const SCHEDULE: &str = "schedule";

impl Gate {
    /// Its name: `soak`, `window`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Soak(_) => "soak",
            Self::Approvals(_) => "approvals",
            Self::Window(_) => WINDOW,
            Self::Prometheus(_) => PROMETHEUS,
            Self::Http(_) => HTTP,
            Self::Checks(Checks { on: Checked::Proposal, .. }) => CHECKS,
            Self::Checks(Checks { on: Checked::Source(_), .. }) => SOURCE_CHECKS,
        }
    }
}

impl From<Gate> for GateRule {
    /// The gate with what it shuts where the rules do not say otherwise.
    ///
    /// What has to prove itself is not proposed before it has. A window is short, and reviews come
    /// before it: it shuts the merge only.
    fn from(gate: Gate) -> Self {
        let shuts = match gate {
            Gate::Soak(_)
            | Gate::Prometheus(_)
            | Gate::Http(_)
            | Gate::Checks(Checks { on: Checked::Source(_), .. }) => Shuts::Proposal,
            Gate::Approvals(_)
            | Gate::Window(_)
            | Gate::Checks(Checks { on: Checked::Proposal, .. }) => Shuts::Merge,
        };
        Self { gate, shuts, timeout: None }
    }
}

impl Judged {
    /// An answer that shuts `shuts`, and holds until its verdict says otherwise.
    pub fn new(name: &'static str, shuts: Shuts, verdict: Verdict, saw: String) -> Self {
        let until = match verdict {
            Verdict::OpensAt(at) => Some(at),
            Verdict::Open | Verdict::NeedsAction(_) | Verdict::Skipped => None,
        };
        Self { name, verdict, saw, shuts, since: None, until, stable: None }
    }

    /// Tells whether the gate lets the promotion through.
    pub fn is_open(&self) -> bool {
        match self.verdict {
            Verdict::Open | Verdict::Skipped => true,
            Verdict::OpensAt(_) | Verdict::NeedsAction(_) => false,
        }
    }

    /// The same gate, shut or not, after people let `promotion` pass those that they skipped.
    #[must_use]
    pub fn after_skips(self, promotion: &Promotion) -> Self {
        let skip = promotion.skipped.iter().find(|skip| skip.gate == self.name);
        let Some(skip) = skip.filter(|_| !self.is_open()) else { return self };
        if let Some(why) = &skip.lapsed {
            let saw = format!("{}; {why}", self.saw);
            return Self { saw, ..self };
        }
        let saw = format!("skipped by {} ({}); it saw: {}", skip.by, skip.reason, self.saw);
        let stable = Some(format!("skipped by {} ({})", skip.by, skip.reason));
        // What it would say later does not matter any more.
        Self { verdict: Verdict::Skipped, saw, since: None, until: None, stable, ..self }
    }

    /// Tells whether it keeps the proposal from being opened.
    pub fn shuts_proposal(&self) -> bool {
        self.shuts == Shuts::Proposal && !self.is_open()
    }

    /// Tells whether it is about the environment, and not about the one promotion.
    pub fn is_common(&self) -> bool {
        matches!(self.name, HOLD | FREEZE | WINDOW)
    }
}
