//! Asks a Prometheus, or what speaks its HTTP API: `/api/v1/query_range`.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use url::Url;

use super::common::{Answer, Completeness, ask, client, unreachable};
use crate::app::ports::{HealthError, Metrics};
use crate::domain::evidence::Span;

/// The longest answer that is read: some thousand series.
const LONGEST_ANSWER: usize = 4 << 20;

/// Asks the addresses that the pipelines file names.
pub struct Prometheus {
    http: Client,
}

impl Prometheus {
    /// Makes one; nothing is asked before it is told to.
    ///
    /// # Errors
    ///
    /// When HTTPS cannot be prepared.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { http: client(Vec::new())? })
    }
}

#[derive(Deserialize)]
struct RawAnswer {
    #[serde(default)]
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    data: RawData,
}

#[derive(Default, Deserialize)]
struct RawData {
    #[serde(default)]
    result: Vec<RawSeries>,
}

#[derive(Deserialize)]
struct RawSeries {
    /// A time, and a number as text: `NaN` and `+Inf` are numbers, too.
    values: Vec<(f64, String)>,
}

#[async_trait]
impl Metrics for Prometheus {
    async fn over(&self, url: &str, query: &str, span: Span) -> Result<Vec<Vec<f64>>, HealthError> {
        let base = Url::parse(url).ok();
        let host = base.as_ref().and_then(|url| url.host_str().map(str::to_owned));
        let (Some(mut address), Some(host)) = (base, host) else {
            return Err(unreachable("a Prometheus", "its address is no URL"));
        };
        let who = format!("Prometheus at {host}");
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1", "query_range"]);
        }
        let form = [
            ("query", query.to_owned()),
            ("start", span.from.as_second().to_string()),
            ("end", span.to.as_second().to_string()),
            ("step", span.step.as_secs().to_string()),
        ];
        address.query_pairs_mut().extend_pairs(form);
        let answer = ask(&who, self.http.get(address), LONGEST_ANSWER).await?;
        read(&who, &answer)
    }
}

fn read(who: &str, answer: &Answer) -> Result<Vec<Vec<f64>>, HealthError> {
    if let Some(refusal) = answer.common_refusal(who) {
        return Err(refusal);
    }
    if answer.completeness == Completeness::CutOff {
        return Err(unreachable(who, "the answer is longer than 4 MiB: ask for fewer series"));
    }
    let raw: RawAnswer = serde_json::from_slice(&answer.body).map_err(|_| {
        unreachable(who, &format!("the answer is {}{}", answer.status, answer.excerpt()))
    })?;
    if answer.status != StatusCode::OK || raw.status != "success" {
        let why = raw.error.unwrap_or_else(|| format!("the answer is {}", answer.status));
        let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
        return Err(unreachable(who, &why));
    }
    // A number that cannot be read is none, and so within no bound.
    let number = |(_, text): &(f64, String)| text.parse().unwrap_or(f64::NAN);
    let series = raw.data.result.iter();
    Ok(series.map(|it| it.values.iter().map(number).collect()).collect())
}
