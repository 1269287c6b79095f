//! A running hoist, as the command line sees it.

use secrecy::SecretString;
use url::Url;

use crate::app::ingest::send::SignedAnnouncement;
use crate::app::views::{
    AnnouncementView, ApplicationView, CommandView, DeliveryDetailView, DeliveryView,
    FreezeRequest, HistoryLine, HistoryView, HoldRequest, PlanView, ProblemView, ProgressView,
    PromoteRequest, PromotionView, ProposalRequest, ResumeRequest, RollbackRequest, RunView,
    SkipRequest, StatusView, ThawRequest, WhyView,
};

/// Where a hoist runs, and who asks it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its address; it may have a path before `/api`.
    pub url: Url,
    /// The token to show; without one only announcements are taken.
    pub token: Option<SecretString>,
}

/// Why a running hoist did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// No answer came: nothing listens there, the name is unknown, it took too long.
    #[error("hoist could not be reached")]
    Unreachable(#[source] anyhow::Error),
    /// It does not know who asks.
    #[error("{}", .0.detail)]
    Unauthorized(Box<ProblemView>),
    /// It will not, and asking again changes nothing; the problem says why.
    #[error("{}", .0.detail)]
    Refused(Box<ProblemView>),
    /// It cannot now; asking again may help.
    #[error("{}", .problem.detail)]
    Unavailable {
        /// What it says.
        problem: Box<ProblemView>,
        /// After how many seconds it wants to be asked again.
        retry_after: Option<u64>,
    },
    /// Something answers there, and not as hoist does.
    #[error("{0}")]
    NotHoist(String),
}

/// The API of a running hoist.
///
/// A question may be asked twice; a command that is given twice says the second time that it was
/// given already.
#[async_trait::async_trait]
pub trait Remote: Send + Sync {
    /// Every application in every environment.
    async fn status(&self) -> Result<StatusView, RemoteError>;

    /// One application in every environment.
    async fn application(&self, application: &str) -> Result<ApplicationView, RemoteError>;

    /// Why an environment has what it has.
    async fn why(&self, application: &str, environment: &str) -> Result<WhyView, RemoteError>;

    /// What would be done, for one application or for all.
    async fn plan(
        &self,
        application: Option<&str>,
        at: Option<&str>,
    ) -> Result<PlanView, RemoteError>;

    /// What a run of a schedule would do.
    async fn foresee_run(&self, schedule: &str, at: Option<&str>) -> Result<RunView, RemoteError>;

    /// Runs a schedule now.
    async fn run(&self, schedule: &str) -> Result<CommandView, RemoteError>;

    /// An application's promotions, newest first, into one environment or all.
    async fn history(
        &self,
        application: &str,
        environment: Option<&str>,
    ) -> Result<HistoryView, RemoteError>;

    /// One promotion's story.
    async fn promotion(&self, promotion: &str) -> Result<PromotionView, RemoteError>;

    /// The newest deliveries.
    async fn deliveries(&self, limit: u32) -> Result<Vec<DeliveryView>, RemoteError>;

    /// The newest deliveries that were refused.
    async fn refused_deliveries(&self, limit: u32) -> Result<Vec<DeliveryView>, RemoteError>;

    /// One delivery with its body.
    async fn delivery(&self, id: &str) -> Result<DeliveryDetailView, RemoteError>;

    /// Decides a delivery anew.
    async fn replay(&self, id: &str) -> Result<DeliveryDetailView, RemoteError>;

    /// The audit log after entry `after`.
    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<HistoryLine>, RemoteError>;

    /// Asks for a promotion.
    async fn promote(&self, request: &PromoteRequest) -> Result<CommandView, RemoteError>;

    /// Asks for a rollback.
    async fn roll_back(&self, request: &RollbackRequest) -> Result<CommandView, RemoteError>;

    /// Holds an application in an environment.
    async fn hold(&self, request: &HoldRequest) -> Result<CommandView, RemoteError>;

    /// Ends a hold.
    async fn resume(&self, request: &ResumeRequest) -> Result<CommandView, RemoteError>;

    /// Lets what is on its way pass one gate.
    async fn skip(&self, request: &SkipRequest) -> Result<CommandView, RemoteError>;

    /// Lets nothing into an environment.
    async fn freeze(&self, request: &FreezeRequest) -> Result<CommandView, RemoteError>;

    /// Ends the freezes that people asked for.
    async fn thaw(&self, request: &ThawRequest) -> Result<CommandView, RemoteError>;

    /// Takes a step on the proposal of a promotion.
    async fn review(
        &self,
        promotion: &str,
        request: &ProposalRequest,
    ) -> Result<CommandView, RemoteError>;

    /// Announces an artifact; the same announcement again has the same answer.
    async fn announce(
        &self,
        announcement: &SignedAnnouncement,
    ) -> Result<AnnouncementView, RemoteError>;

    /// How far what is announced has come on its way into an environment.
    async fn progress(
        &self,
        announcement: &SignedAnnouncement,
        environment: &str,
    ) -> Result<ProgressView, RemoteError>;
}
