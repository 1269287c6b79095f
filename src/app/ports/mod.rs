//! What the use-cases need from outside: one trait an outside system.
//!
//! Every method may be called twice with the same arguments; its outcome says which call did it.

mod audit;
mod chat;
mod checkout;
mod clock;
mod delivery;
mod errand;
mod forge;
mod git;
mod health;
mod herald;
mod issuer;
mod job_tokens;
mod registry;
mod remote;
mod store;

pub use audit::{AuditEntry, AuditLine};
pub use chat::{
    Board, Button, Card, ChatError, Conversations, Follower, Heard, Message, Messenger, Press,
    Said, Saying, SayingDetails, Undelivered,
};
pub use checkout::{Checkout, CheckoutError};
pub use clock::{Clock, Dice};
pub use delivery::{
    Announced, Announcement, Decision, Delivery, DeliveryOutcome, DeliveryRecord, Refusal, TokenUse,
};
pub use errand::{Errand, Haste};
pub use forge::{
    Approval, Asks, BranchState, Budget, Closing, Comment, Forge, ForgeError, MergeOutcome,
    MergeRequest, Mergeability, Opened, Permit, Proposal, ProposalSpec, ProposalState, Review,
    ReviewDesk, ReviewVerdict, Status, StatusState, Turn,
};
pub use git::{
    CommitSpec, Draft, DraftFile, FileChange, Git, GitError, LogEntry, Merged, ModeChange,
    RefOutcome, RefUpdate, Seal, Signature,
};
pub use health::{Caller, Controller, Deployment, HealthError, Metrics, Sighting};
pub use herald::{Facts, Herald, Notification};
pub use issuer::{Claims, Issuer, TokenError};
pub use job_tokens::{JobTokens, NoToken, TokenDesk};
pub use registry::{Fetched, Registry, RegistryError};
pub use remote::{Remote, RemoteError, Server};
pub use store::{
    ApplicationRecord, Calendared, Change, Claim, Edge, Fence, Hold, Ran, Run, Session, Store,
    StoreError, Turned,
};
