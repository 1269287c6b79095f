//! The CI that runs us: what it says of the job, and what it gives the job to show who it is.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use crate::app::ingest::send::{Outgoing, SignedAnnouncement};
use crate::app::ports::{JobTokens, NoToken, TokenDesk};
use crate::domain::artifact::{Build, SourceCode};

use super::connection::{secret_file, secret_variable, variable};
use super::failure::Trouble;

/// How the announcement shows who makes it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Showing who announces")]
pub(super) struct ProofArgs {
    /// A file that holds a source's secret, instead of HOIST_ANNOUNCE_SECRET.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,

    /// A file that holds the job's token, instead of HOIST_ID_TOKEN.
    #[arg(long, value_name = "FILE", conflicts_with = "secret_file")]
    id_token_file: Option<PathBuf>,

    /// For whom GitHub Actions is asked to make the token: the `audience` of the source.
    #[arg(long, value_name = "NAME", default_value = "hoist")]
    audience: String,
}

/// What shows who announces.
pub(super) enum Proof {
    /// A source's secret, which signs.
    Secret(SecretString),
    /// The job's token, as CI gave it to the job.
    Token(SecretString),
    /// Where CI gives the job a token whenever it asks.
    Desk(TokenDesk),
}

impl ProofArgs {
    /// What is there: a secret first, because somebody put it there on purpose.
    pub(super) fn find(&self) -> Result<Proof, Trouble> {
        if let Some(path) = &self.secret_file {
            return Ok(Proof::Secret(secret_file(path, "--secret-file")?));
        }
        if let Some(path) = &self.id_token_file {
            return Ok(Proof::Token(secret_file(path, "--id-token-file")?));
        }
        if let Some(secret) = secret_variable("HOIST_ANNOUNCE_SECRET") {
            return Ok(Proof::Secret(secret));
        }
        if let Some(token) = secret_variable("HOIST_ID_TOKEN") {
            return Ok(Proof::Token(token));
        }
        let url = variable("ACTIONS_ID_TOKEN_REQUEST_URL").and_then(|url| url.parse().ok());
        if let (Some(url), Some(bearer)) = (url, secret_variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
        {
            return Ok(Proof::Desk(TokenDesk { url, bearer, audience: self.audience.clone() }));
        }
        let next = "give the job a token: `permissions: {id-token: write}` in GitHub Actions, \
                    `id_tokens: {HOIST_ID_TOKEN: {aud: hoist}}` in GitLab CI, and a source with \
                    `oidc` in hoist's configuration; or set HOIST_ANNOUNCE_SECRET (or \
                    --secret-file) to the secret of a source";
        Err(Trouble::usage("there is neither a token nor a secret to show who announces", next))
    }
}

impl Proof {
    /// The announcement with its proof; a token is a fresh one, where CI gives several.
    pub(super) async fn put_on(
        &self,
        outgoing: &Outgoing,
        tokens: &dyn JobTokens,
    ) -> Result<SignedAnnouncement, NoToken> {
        match self {
            Self::Secret(secret) => Ok(outgoing.signed(secret)),
            Self::Token(token) => Ok(outgoing.with_token(token.clone())),
            Self::Desk(desk) => Ok(outgoing.with_token(tokens.token(desk).await?)),
        }
    }
}

/// What a CI says of the job: nothing, where none is known.
#[derive(Default)]
pub(super) struct Job {
    pub(super) source: SourceCode,
    pub(super) build: Build,
    pub(super) actor: Option<String>,
}

impl Job {
    /// The job that runs us.
    pub(super) fn here() -> Self {
        if variable("GITHUB_ACTIONS").is_some() {
            Self::of_github()
        } else if variable("GITLAB_CI").is_some() {
            Self::of_gitlab()
        } else if variable("CIRCLECI").is_some() {
            Self::of_circle()
        } else if variable("JENKINS_URL").is_some() {
            Self::of_jenkins()
        } else {
            Self::default()
        }
    }

    fn of_github() -> Self {
        let server = variable("GITHUB_SERVER_URL");
        let repository = server.zip(variable("GITHUB_REPOSITORY"));
        let repository = repository.map(|(server, name)| format!("{server}/{name}"));
        let run = variable("GITHUB_RUN_ID");
        let url = repository.as_ref().zip(run.as_ref());
        Self {
            build: Build { url: url.map(|(at, run)| format!("{at}/actions/runs/{run}")), id: run },
            source: SourceCode {
                repository,
                commit: variable("GITHUB_SHA"),
                reference: variable("GITHUB_REF"),
            },
            actor: variable("GITHUB_ACTOR"),
        }
    }

    fn of_gitlab() -> Self {
        Self {
            source: SourceCode {
                repository: variable("CI_PROJECT_URL"),
                commit: variable("CI_COMMIT_SHA"),
                reference: reference("CI_COMMIT_TAG", "CI_COMMIT_BRANCH"),
            },
            build: Build { url: variable("CI_JOB_URL"), id: variable("CI_PIPELINE_ID") },
            actor: variable("GITLAB_USER_LOGIN"),
        }
    }

    fn of_circle() -> Self {
        Self {
            source: SourceCode {
                repository: web_address("CIRCLE_REPOSITORY_URL"),
                commit: variable("CIRCLE_SHA1"),
                reference: reference("CIRCLE_TAG", "CIRCLE_BRANCH"),
            },
            build: Build { url: variable("CIRCLE_BUILD_URL"), id: variable("CIRCLE_BUILD_NUM") },
            actor: variable("CIRCLE_USERNAME"),
        }
    }

    fn of_jenkins() -> Self {
        Self {
            source: SourceCode {
                repository: web_address("GIT_URL"),
                commit: variable("GIT_COMMIT"),
                reference: reference("TAG_NAME", "BRANCH_NAME"),
            },
            build: Build { url: variable("BUILD_URL"), id: variable("BUILD_NUMBER") },
            actor: None,
        }
    }
}

/// The ref of a tag or of a branch, whichever the job runs for.
fn reference(tag: &str, branch: &str) -> Option<String> {
    let tag = variable(tag).map(|name| format!("refs/tags/{name}"));
    tag.or_else(|| variable(branch).map(|name| format!("refs/heads/{name}")))
}

/// An address that people can follow: not the one for SSH.
fn web_address(name: &str) -> Option<String> {
    variable(name).filter(|url| url.starts_with("https://") && !url.contains('@'))
}
