//! The rules: pipelines, their environments, and how each names its version fields.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::accept::Accept;
use super::artifact::ImageName;
use super::examination::Verify;
use super::gate::{Approvals, Gate, GateRule};
use super::health::{HealthRule, Unhealthy};
use super::id::{ApplicationName, EnvironmentName, PersonName, PipelineName, RepositoryName};
use super::promotion::Promotion;
use super::template::Template;
use super::window::Window;

/// Every pipeline of the pipelines file.
pub type Pipelines = BTreeMap<PipelineName, Pipeline>;

/// Ordered environments, a directed acyclic graph, for some applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Its key in the file.
    pub name: PipelineName,
    /// The repository in which all its environments stand.
    pub repository: RepositoryName,
    /// Which applications it moves.
    pub applications: Applications,
    /// The image of an application, a template over `{application}`.
    pub image: Template,
    /// Which artifacts go, and in which order.
    pub accept: Accept,
    /// What is asked about them before they go.
    pub verify: Verify,
    /// The repository of an application's source, a template over `{application}`, where its commits
    /// are told how what was built from them fares.
    pub source_status: Option<Template>,
    /// Its environments, each after those it depends on (checked when the file was read).
    pub environments: Vec<Environment>,
}

/// Which applications a pipeline moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applications {
    /// Every `{application}` for which the first environment's files exist.
    Discover,
    /// These, and no others.
    Named(Vec<ApplicationName>),
}

/// A promotion target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// The environments in which an artifact must have succeeded before it may enter this one.
    pub after: Vec<EnvironmentName>,
    /// The branch its files stand on; none means the repository's branch.
    pub branch: Option<String>,
    /// How its version fields are found.
    pub edits: Vec<EditRule>,
    /// The conditions for entering it.
    pub gates: Vec<GateRule>,
    /// When hoist merges a proposal.
    pub merge: MergePolicy,
    /// Whom to ask, and how the proposal is labelled.
    pub review: Review,
    /// Who says whether an application is well here.
    pub health: HealthRule,
    /// What hoist does when it is not.
    pub on_unhealthy: Unhealthy,
    /// What a rollback needs, where that differs from what a promotion does.
    pub rollback: RollbackRules,
}

/// What a rollback needs before it is merged; what is left out is as for a promotion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RollbackRules {
    /// How many approvals.
    pub approvals: Option<u32>,
    /// When hoist merges it.
    pub merge: Option<MergePolicy>,
}

/// When hoist merges a proposal by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergePolicy {
    /// As soon as the gates are open and the forge allows it.
    Automatic,
    /// Once it has its approvals: as many as the `approvals` gate says, else one.
    OnApproval,
    /// Never: a person merges.
    Manual,
}

/// Whom a proposal asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    /// People, by their names in `people:`.
    pub reviewers: Vec<PersonName>,
    /// Teams to ask, by the forge's own names.
    pub teams: Vec<String>,
    /// Whose the proposal is to see to.
    pub assignees: Vec<PersonName>,
    /// Labels put on the proposal.
    pub labels: Vec<String>,
    /// The policy's own template of a proposal's title.
    pub title: Option<String>,
    /// The policy's own template of a proposal's body.
    pub body: Option<String>,
    /// Whether it is a draft at first.
    pub draft: DraftPolicy,
}

/// Whether a proposal is opened as a draft.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DraftPolicy {
    /// It is not.
    #[default]
    Never,
    /// It is, until every gate is open that needs nobody to look at it.
    UntilOpen,
}

/// One rule: a file, and which scalar of it is the version field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditRule {
    /// The file's path in the repository, a template over `{application}`.
    pub file: Template,
    /// How the field is named in it.
    pub target: Target,
    /// The YAML document to look in; none means the one that matches.
    pub document: Option<DocumentChoice>,
}

/// How a rule names its version field. Templates are over `{application}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The entry of a kustomization's `images:` with this name: its `newTag` and `digest`.
    KustomizeImage(Template),
    /// Every scalar that is a reference to this image, its form kept.
    Image(Template),
    /// The scalar at a path, and what is written there.
    Path {
        /// The path, dotted or a JSON Pointer.
        path: Template,
        /// A template over `{tag}`, `{digest}`, `{version}`, `{image}`.
        value: Template,
    },
    /// Scalars whose line ends in the comment `# hoist: NAME`.
    Marker {
        /// The comment's name, with `:tag` or `:digest` to choose.
        name: Template,
        /// What is written where the marker does not choose.
        value: Option<Template>,
    },
}

/// Which document of a file a rule means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentChoice {
    /// Counted from 0.
    Index(usize),
    /// By `kind` and `metadata.name`, the latter a template over `{application}`.
    Named {
        /// The document's `kind`.
        kind: String,
        /// The document's `metadata.name`.
        name: Template,
    },
}

impl Pipeline {
    /// The environment of that name, if the pipeline has it.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| &environment.name == name)
    }

    /// The environments that come directly after `name`.
    pub fn following<'a>(
        &'a self,
        name: &'a EnvironmentName,
    ) -> impl Iterator<Item = &'a Environment> {
        self.environments.iter().filter(move |environment| environment.after.contains(name))
    }

    /// How long an artifact soaks in `name`: the longest soak gate of what follows directly, or as
    /// long as it is watched there.
    pub fn soak_in(&self, name: &EnvironmentName) -> SignedDuration {
        let asked = self.following(name).map(Environment::soak).max();
        let watched = self.environment(name).map(|environment| environment.on_unhealthy.watch);
        asked.max(watched).unwrap_or(SignedDuration::ZERO)
    }

    /// Tells whether `image` is the image of `application`.
    pub fn is_image_of(&self, image: &ImageName, application: &ApplicationName) -> bool {
        self.image.for_application(application) == image.as_str()
    }
}

impl Environment {
    /// How long this environment wants an artifact to have soaked upstream.
    pub fn soak(&self) -> SignedDuration {
        let soaks = self.gates.iter().filter_map(|rule| match rule.gate {
            Gate::Soak(duration) => Some(duration),
            Gate::Approvals(_)
            | Gate::Window(_)
            | Gate::Prometheus(_)
            | Gate::Http(_)
            | Gate::Checks(_) => None,
        });
        soaks.max().unwrap_or(SignedDuration::ZERO)
    }

    /// How many approvals the proposal of `promotion` needs before hoist merges it.
    pub fn approvals_needed(&self, promotion: &Promotion) -> u32 {
        let asked = self.approvals().map_or(0, |approvals| approvals.count);
        let asked = match self.rollback.approvals {
            Some(count) if promotion.is_rollback() => count,
            Some(_) | None => asked,
        };
        let least = match self.merge_of(promotion) {
            MergePolicy::OnApproval => 1,
            MergePolicy::Automatic | MergePolicy::Manual => 0,
        };
        asked.max(least)
    }

    /// When hoist merges the proposal of `promotion`.
    pub fn merge_of(&self, promotion: &Promotion) -> MergePolicy {
        match self.rollback.merge {
            Some(merge) if promotion.is_rollback() => merge,
            Some(_) | None => self.merge,
        }
    }

    /// Who has to say yes, where a gate asks for it.
    pub fn approvals(&self) -> Option<&Approvals> {
        self.gates.iter().find_map(|rule| match &rule.gate {
            Gate::Approvals(approvals) => Some(approvals),
            Gate::Soak(_)
            | Gate::Window(_)
            | Gate::Prometheus(_)
            | Gate::Http(_)
            | Gate::Checks(_) => None,
        })
    }

    /// The gates that ask the world outside.
    pub fn asking(&self) -> impl Iterator<Item = &GateRule> {
        self.gates.iter().filter(|rule| match rule.gate {
            Gate::Prometheus(_) | Gate::Http(_) | Gate::Checks(_) => true,
            Gate::Soak(_) | Gate::Approvals(_) | Gate::Window(_) => false,
        })
    }

    /// The windows, one of which must be open.
    pub fn windows(&self) -> Vec<&Window> {
        let windows = self.gates.iter().filter_map(|rule| match &rule.gate {
            Gate::Window(window) => Some(window),
            Gate::Soak(_)
            | Gate::Approvals(_)
            | Gate::Prometheus(_)
            | Gate::Http(_)
            | Gate::Checks(_) => None,
        });
        windows.collect()
    }

    /// The rule of the gate of that name, where there is one.
    pub fn rule(&self, gate: &str) -> Option<&GateRule> {
        self.gates.iter().find(|rule| rule.gate.name() == gate)
    }
}
