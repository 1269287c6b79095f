//! Argo CD: what it says of an application, in our words.
//!
//! Of its answer only what is judged is read, and everything may be missing: an application that
//! was just made has hardly a status.

use anyhow::Context as _;
use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::common::{Answer, Completeness, ask, client, unreachable};
use crate::app::ports::{Controller, Deployment, HealthError, Sighting};
use crate::domain::health::{Condition, Operation, Phase, Report, Sync};

/// The longest answer that is read: an application with some ten thousand resources.
const LONGEST_ANSWER: usize = 16 << 20;

/// How to reach an Argo CD.
pub struct ArgoCdSettings {
    /// Its address, with the path under which it is served, if there is one.
    pub url: Url,
    /// The token of an account that may `get` applications.
    pub token: SecretString,
    /// Certificates of a private authority, as PEM.
    pub ca: Option<String>,
}

/// One Argo CD.
pub struct ArgoCd {
    http: Client,
    url: Url,
    authorization: HeaderValue,
    who: String,
}

impl ArgoCd {
    /// Makes a client; nothing is sent before it is asked something.
    ///
    /// # Errors
    ///
    /// When the token or the certificates cannot be used.
    pub fn new(settings: &ArgoCdSettings) -> anyhow::Result<Self> {
        let bearer = format!("Bearer {}", settings.token.expose_secret());
        let mut authorization = HeaderValue::from_str(&bearer)
            .map_err(|_| anyhow::anyhow!("the token has characters that no token has"))?;
        authorization.set_sensitive(true);
        let certificates = match &settings.ca {
            Some(pem) => Certificate::from_pem_bundle(pem.as_bytes())
                .context("reading the certificates of `ca`")?,
            None => Vec::new(),
        };
        let host = settings.url.host_str().unwrap_or("its address");
        Ok(Self {
            http: client(certificates).context("preparing HTTPS")?,
            url: settings.url.clone(),
            authorization,
            who: format!("Argo CD at {host}"),
        })
    }

    /// The address of what stands at `segments` under its own; each is escaped.
    fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    async fn get(&self, url: Url) -> Result<Answer, HealthError> {
        let request = self.http.get(url).header(AUTHORIZATION, self.authorization.clone());
        let answer = ask(&self.who, request, LONGEST_ANSWER).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(HealthError::Unauthorized { who: self.who.clone() });
        }
        match answer.common_refusal(&self.who) {
            Some(refusal) => Err(refusal),
            None if answer.completeness == Completeness::CutOff => {
                Err(unreachable(&self.who, "the answer is longer than 16 MiB"))
            }
            None => Ok(answer),
        }
    }

    fn nonsense(&self, answer: &Answer) -> HealthError {
        unreachable(&self.who, &format!("the answer is {}{}", answer.status, answer.excerpt()))
    }
}

#[async_trait]
impl Controller for ArgoCd {
    async fn look(&self, at: &Deployment) -> Result<Sighting, HealthError> {
        let mut url = self.at(&["api", "v1", "applications", &at.application]);
        url.query_pairs_mut().append_pair("project", &at.project);
        if let Some(namespace) = &at.namespace {
            url.query_pairs_mut().append_pair("appNamespace", namespace);
        }
        let answer = self.get(url).await?;
        match answer.status {
            StatusCode::OK => {
                let application: RawApplication = serde_json::from_slice(&answer.body)
                    .map_err(|error| unreachable(&self.who, &format!("its answer: {error}")))?;
                Ok(Sighting::Found(Box::new(application.status.into())))
            }
            StatusCode::NOT_FOUND => Ok(Sighting::Missing),
            StatusCode::FORBIDDEN => Err(HealthError::Forbidden {
                who: self.who.clone(),
                what: format!("{} in project {}", at.application, at.project),
                why: format!(
                    "allow its account `applications, get, {0}/{1}`, or name the project that the \
                     application belongs to with `project:`",
                    at.project, at.application
                ),
            }),
            _ => Err(self.nonsense(&answer)),
        }
    }

    fn page(&self, of: &Deployment) -> String {
        let segments: Vec<&str> = std::iter::once("applications")
            .chain(of.namespace.as_deref())
            .chain([of.application.as_str()])
            .collect();
        self.at(&segments).to_string()
    }
}

#[derive(Deserialize)]
struct RawApplication {
    #[serde(default)]
    status: RawStatus,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct RawStatus {
    sync: RawSync,
    health: RawHealth,
    operation_state: Option<RawOperation>,
    reconciled_at: Option<Timestamp>,
    summary: RawSummary,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawSync {
    status: String,
    #[serde(flatten)]
    revisions: RawRevisions,
}

/// One source has a revision, several have a list of them.
#[derive(Deserialize, Default)]
#[serde(default)]
struct RawRevisions {
    revision: Option<String>,
    revisions: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct RawHealth {
    status: String,
    message: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct RawOperation {
    phase: String,
    message: Option<String>,
    finished_at: Option<Timestamp>,
    sync_result: Option<RawRevisions>,
    operation: RawRequested,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawRequested {
    sync: Option<RawRevisions>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawSummary {
    images: Option<Vec<String>>,
}

impl RawRevisions {
    fn into_list(self) -> Vec<String> {
        let one = self.revision.into_iter();
        let mut all: Vec<String> = one.chain(self.revisions.unwrap_or_default()).collect();
        all.retain(|revision| !revision.is_empty());
        all
    }
}

impl From<RawStatus> for Report {
    fn from(raw: RawStatus) -> Self {
        Self {
            sync: match raw.sync.status.as_str() {
                "Synced" => Sync::Synced,
                "OutOfSync" => Sync::OutOfSync,
                _ => Sync::Unknown,
            },
            revisions: raw.sync.revisions.into_list(),
            condition: match raw.health.status.as_str() {
                "Healthy" => Condition::Healthy,
                "Degraded" => Condition::Degraded,
                // Missing: a resource is not in the cluster yet. Suspended: somebody paused it.
                "Progressing" | "Suspended" | "Missing" => Condition::Progressing,
                _ => Condition::Unknown,
            },
            told: told(&raw.health),
            operation: raw.operation_state.map(Operation::from),
            reconciled_at: raw.reconciled_at,
            images: raw.summary.images.unwrap_or_default(),
        }
    }
}

/// Its own words for how the application is, in one line of sensible length.
fn told(health: &RawHealth) -> String {
    let word = if health.status.is_empty() { "without a health" } else { &health.status };
    let text = if health.message.is_empty() {
        word.to_owned()
    } else {
        format!("{word} ({})", health.message)
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

impl From<RawOperation> for Operation {
    fn from(raw: RawOperation) -> Self {
        let brought = raw.sync_result.map(RawRevisions::into_list).unwrap_or_default();
        let asked = raw.operation.sync.map(RawRevisions::into_list).unwrap_or_default();
        Self {
            phase: match raw.phase.as_str() {
                "Succeeded" => Phase::Succeeded,
                "Failed" | "Error" => Phase::Failed,
                _ => Phase::Running,
            },
            message: raw.message.map(|text| {
                text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
            }),
            finished_at: raw.finished_at,
            revisions: if brought.is_empty() { asked } else { brought },
        }
    }
}
