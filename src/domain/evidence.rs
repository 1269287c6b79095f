//! What gates ask the world outside: what a metric was, or what a call answers.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use super::artifact::Artifact;
use super::health::Expectation;
use super::id::{ApplicationName, CommitId};
use super::template::Template;

/// How often a gate asks again, at least.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// How many times a metric is looked at over the time for which it must hold.
const POINTS: i64 = 20;

/// The least time between two points: what Prometheus itself scrapes by, usually.
const LEAST_STEP: SignedDuration = SignedDuration::from_secs(15);

/// A metric that must stay within a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// The Prometheus, or what speaks its API, without a final `/`.
    pub url: String,
    /// What is asked there.
    pub query: Query,
    /// What every value must be.
    pub until: Bound,
    /// For how long without a break; zero means now.
    pub lasts: SignedDuration,
}

/// A call that answers yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The address: a template over [`PLACEHOLDERS`].
    pub url: Template,
    /// What a yes looks like.
    pub expect: Expectation,
}

/// What may stand in queries and in the addresses of calls.
pub const PLACEHOLDERS: [&str; 4] = ["application", "version", "tag", "digest"];

/// A query in PromQL in which `{application}`, `{version}`, `{tag}` and `{digest}` may stand.
///
/// PromQL's own braces hold label matchers and never one of these words alone, so whatever else
/// stands between braces is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(String);

impl Query {
    /// Takes the query as it was written.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The query about an artifact of an application. What is filled in stands inside quotes of
    /// PromQL, and cannot end them.
    pub fn about(&self, application: &ApplicationName, artifact: &Artifact) -> String {
        let quoted =
            |text: &str| text.replace('\\', r"\\").replace('"', "\\\"").replace('\'', r"\'");
        filled(&self.0, application, artifact, &quoted)
    }
}

impl Call {
    /// The address to call about an artifact of an application. What is filled in is escaped.
    pub fn address(&self, application: &ApplicationName, artifact: &Artifact) -> String {
        let escaped = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        filled(self.url.as_str(), application, artifact, &escaped)
    }
}

fn filled(
    text: &str,
    application: &ApplicationName,
    artifact: &Artifact,
    escaped: &dyn Fn(&str) -> String,
) -> String {
    let tag = artifact.tag.as_ref().map_or("", super::artifact::Tag::as_str);
    let values = [application.as_str(), artifact.version(), tag, artifact.digest.as_str()];
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    // One pass, so that what is filled in is never read as a placeholder.
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let known = PLACEHOLDERS
            .iter()
            .zip(values)
            .find_map(|(name, value)| Some((value, after.strip_prefix(name)?.strip_prefix('}')?)));
        if let Some((value, after)) = known {
            filled.push_str(&escaped(value));
            rest = after;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// What a value must be: `< 0.01`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    comparison: Comparison,
    value: f64,
}

/// A bound is made of a finite number only, so that it equals itself.
impl Eq for Bound {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
}

impl Comparison {
    const ALL: [(&'static str, Self); 5] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("<", Self::Below),
        (">", Self::Above),
    ];
}

/// A text is no bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no bound")]
pub struct InvalidBound(String);

impl FromStr for Bound {
    type Err = InvalidBound;

    fn from_str(text: &str) -> Result<Self, InvalidBound> {
        let parsed = Comparison::ALL.iter().find_map(|(sign, comparison)| {
            let value: f64 = text.trim().strip_prefix(sign)?.trim().parse().ok()?;
            value.is_finite().then_some(Self { comparison: *comparison, value })
        });
        parsed.ok_or_else(|| InvalidBound(text.to_owned()))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Comparison::ALL.iter().find(|(_, it)| *it == self.comparison);
        write!(f, "{} {}", sign.map_or("", |(sign, _)| *sign), self.value)
    }
}

impl Bound {
    /// Tells whether a value is within it. What is no number is not.
    pub fn has(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Below => value < self.value,
            Comparison::AtMost => value <= self.value,
            Comparison::Above => value > self.value,
            Comparison::AtLeast => value >= self.value,
            // What a metric says of a count or of a state, it says exactly.
            Comparison::Equal => (value - self.value).abs() < f64::EPSILON,
        }
    }
}

/// The times at which a metric is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
    /// The time between two.
    pub step: SignedDuration,
}

impl Span {
    /// How many points it has.
    pub fn points(&self) -> usize {
        let length = self.to.duration_since(self.from).as_secs();
        let steps = length / self.step.as_secs().max(1);
        usize::try_from(steps).unwrap_or(0) + 1
    }
}

impl Metric {
    /// When to look at it to know whether it held until `now`.
    pub fn span(&self, now: Timestamp) -> Span {
        let from = now.saturating_sub(self.lasts).unwrap_or(now);
        let step = SignedDuration::from_secs(self.lasts.as_secs() / POINTS).max(LEAST_STEP);
        Span { from, to: now, step }
    }

    /// Judges what was measured of a version that runs since `since`.
    ///
    /// Every value of every series must be within the bound, and none may be missing: a metric that
    /// nobody measures proves nothing. Values from before the version ran are another version's.
    pub fn judge(&self, series: &[Vec<f64>], since: Timestamp, now: Timestamp) -> Evidence {
        let evidence =
            |met, saw| Evidence { at: now, met, saw, stable: self.wanted(), about: None };
        let span = self.span(now);
        let least = series.iter().map(Vec::len).min().unwrap_or(0);
        let last = series.iter().filter_map(|values| values.last());
        let outside = last.clone().copied().find(|value| !self.until.has(*value));
        if series.is_empty() || least == 0 {
            return evidence(Met::No, "the query finds no value".to_owned());
        }
        if let Some(value) = outside {
            return evidence(Met::No, format!("it is {value}, and must be {}", self.until));
        }
        let holds_since = since.saturating_add(self.lasts).unwrap_or(Timestamp::MAX);
        if holds_since > now {
            let saw = format!("it is {} so far, and must be for {:#}", self.until, self.lasts);
            return evidence(Met::NotBefore(holds_since), saw);
        }
        let was_outside = series.iter().flatten().any(|value| !self.until.has(*value));
        if was_outside {
            let saw = format!("it was not {} for the whole of {:#}", self.until, self.lasts);
            return evidence(Met::No, saw);
        }
        if least < span.points() {
            let saw = format!("there are values for {least} of {} points only", span.points());
            return evidence(Met::No, saw);
        }
        evidence(Met::Yes, self.wanted())
    }

    /// What is wanted, without what changes at every look.
    pub fn wanted(&self) -> String {
        if self.lasts.is_zero() {
            return format!("the metric is {}", self.until);
        }
        format!("the metric is {} for {:#}", self.until, self.lasts)
    }
}

/// What was found out for a gate of one promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// When.
    pub at: Timestamp,
    /// Whether the gate may open.
    pub met: Met,
    /// What was seen, in a few words for people.
    pub saw: String,
    /// The same without what changes at every look: a status on a proposal is not written anew for
    /// every digit of a metric.
    pub stable: String,
    /// The commit that it is about, where it is about one.
    pub about: Option<CommitId>,
}

/// Whether a gate's question was answered with yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It was.
    Yes,
    /// It would be, if nothing happens until then.
    NotBefore(Timestamp),
    /// It was not, or nobody could be asked.
    No,
}

impl Evidence {
    /// Nobody could be asked.
    pub fn unseen(at: Timestamp, why: &str) -> Self {
        let stable = "it could not be asked".into();
        Self { at, met: Met::No, saw: why.to_owned(), stable, about: None }
    }

    /// Judges the answer to a call.
    pub fn of_call(
        expect: &Expectation,
        answer: &super::health::CallAnswer,
        artifact: &Artifact,
        at: Timestamp,
    ) -> Self {
        match expect.unmet(answer, Some(artifact)) {
            Ok(()) => {
                let saw = format!("the answer is {}", answer.status);
                Self { at, met: Met::Yes, saw: saw.clone(), stable: saw, about: None }
            }
            Err(unmet) => {
                let saw = unmet.to_string();
                Self { at, met: Met::No, saw: saw.clone(), stable: saw, about: None }
            }
        }
    }

    /// When it is to be asked again, whatever it was.
    pub fn asked_again(&self) -> Timestamp {
        self.at.saturating_add(AGAIN).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(until: &str, minutes: i64) -> Metric {
        Metric {
            url: "http://prometheus.example.com".into(),
            query: Query::new("up"),
            until: until.parse().unwrap(),
            lasts: SignedDuration::from_mins(minutes),
        }
    }

    fn at(minutes: i64) -> Timestamp {
        let start: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        start + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_bound_reads_back_as_it_is_shown() {
        for text in ["< 0.01", "<= 5", "> 0", ">= 99.9", "== 1"] {
            let bound: Bound = text.parse().unwrap();
            assert_eq!(bound.to_string(), text);
        }
        let bound: Bound = "<0.5".parse().unwrap();
        assert!(bound.has(0.4) && !bound.has(0.5) && !bound.has(f64::NAN));
        for text in ["", "0.01", "< much", "< NaN", "=> 1", "< 0.1 ms"] {
            text.parse::<Bound>().unwrap_err();
        }
    }

    #[test]
    fn a_metric_holds_only_where_every_value_is_there_and_within_the_bound() {
        let metric = metric("< 0.01", 10);
        let met = |series: &[Vec<f64>], since| metric.judge(series, at(since), at(60)).met;
        let good = vec![0.001; 21];
        assert_eq!(metric.span(at(60)).points(), 21);
        assert_eq!(met(&[good.clone(), good.clone()], 0), Met::Yes);
        let mut once = good.clone();
        once[3] = 0.2;
        assert_eq!(met(&[good.clone(), once], 0), Met::No);
        assert_eq!(met(&[good.clone(), vec![0.001; 12]], 0), Met::No);
        assert_eq!(met(&[vec![f64::NAN; 21]], 0), Met::No);
        assert_eq!(met(&[], 0), Met::No);
        assert_eq!(met(&[vec![]], 0), Met::No);
        // It runs for four minutes: what was before is another version's.
        assert_eq!(met(std::slice::from_ref(&good), 56), Met::NotBefore(at(66)));
    }

    #[test]
    fn what_is_filled_in_means_nothing_to_the_query_or_the_address() {
        let artifact = Artifact {
            id: super::super::id::ArtifactId::new(at(0), 1),
            image: "ghcr.io/acme/shop".parse().unwrap(),
            digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(),
            tag: None,
            version: Some("1\"} or vector(0) #{application}&x".into()),
            source: super::super::artifact::SourceCode::default(),
            build: super::super::artifact::Build::default(),
            actor: None,
            accepted_at: at(0),
            examination: None,
        };
        let shop: ApplicationName = "shop".parse().unwrap();
        let query = Query::new(r#"rate(errors{app="{application}",version="{version}"}[5m])"#);
        assert_eq!(
            query.about(&shop, &artifact),
            r#"rate(errors{app="shop",version="1\"} or vector(0) #{application}&x"}[5m])"#
        );
        let url =
            Template::parse("https://qa.example.com/{application}?v={version}", &PLACEHOLDERS);
        let call = Call { url: url.unwrap(), expect: Expectation { status: None, text: None } };
        assert_eq!(
            call.address(&shop, &artifact),
            "https://qa.example.com/shop?v=1%22%7D+or+vector%280%29+%23%7Bapplication%7D%26x"
        );
    }
}
