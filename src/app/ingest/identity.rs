//! Who CI says it is: its token (OpenID Connect), held against the sources' rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::AnnounceError;
use super::body::Notice;
use crate::app::App;
use crate::app::policy::{Proof, Source, TokenRule};
use crate::app::ports::{Claims, Issuer, TokenError, TokenUse};
use crate::domain::artifact::ImageName;
use crate::domain::id::ApplicationName;
use crate::domain::pattern::{Fit, Pattern};

/// How far the issuer's clock and ours may be apart.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// No token of CI is longer; what is longer is not looked into.
const LONGEST_TOKEN: usize = 16 * 1024;

/// No claim that is compared or kept needs more.
const LONGEST_CLAIM: usize = 1024;

/// Those who make tokens, by what stands in `iss`.
pub type Issuers = BTreeMap<String, Arc<dyn Issuer>>;

/// A source, and the one application that it may speak for, where CI said so.
#[derive(Clone)]
pub struct Speaker<'a> {
    /// The source.
    pub source: &'a Source,
    /// The application whose name stands where the source's claims have `{application}`.
    pub application: Option<ApplicationName>,
}

impl Speaker<'_> {
    /// Tells whether the image is one that the source may speak for, in the application's name
    /// where it speaks for one only.
    pub(super) fn may_name(&self, image: &ImageName) -> bool {
        let fits = |pattern: &Pattern| match pattern.fit(image.as_str()) {
            Some(Fit::Plain) => true,
            Some(Fit::Application(meant)) => self.application.as_ref() == Some(&meant),
            None => false,
        };
        self.source.images.iter().any(fits)
    }

    /// Makes what is said be about the one application that it may be about.
    pub(super) fn narrow(&self, notice: &mut Notice) -> Result<(), AnnounceError> {
        let Some(own) = &self.application else { return Ok(()) };
        match &notice.application {
            Some(named) if named != own => Err(AnnounceError::NotTheirApplication {
                name: self.source.name.clone(),
                own: own.clone(),
                named: named.clone(),
            }),
            Some(_) | None => {
                notice.application = Some(own.clone());
                Ok(())
            }
        }
    }
}

/// What a token proved.
pub(super) struct Identity<'a> {
    /// The sources whose rules it fits; never none.
    pub(super) speakers: Vec<Speaker<'a>>,
    /// What it is used for.
    pub(super) token: TokenUse,
    /// Follows from who speaks and from the body: a retry is the same delivery, with any token.
    pub(super) delivery: String,
}

/// Why a token proves nothing to us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is not signed by whom it names.
    #[error(transparent)]
    Signature(TokenError),
    /// Nobody here trusts who made it.
    #[error(
        "the bearer token was made by {0:?}, and no source in `sources:` trusts that issuer: write \
         it as `oidc: {{issuer: …}}`, exactly as it stands in `iss`"
    )]
    Stranger(String),
    /// A claim that every token must have is not there.
    #[error("the bearer token has no readable `{0}`: get it from the CI that runs the job")]
    Missing(&'static str),
    /// It was made for somebody else.
    #[error(
        "the bearer token was made for {found}, and {issuer} is trusted for {wanted}: ask CI for a \
         token with that audience"
    )]
    Audience {
        /// For whom.
        found: String,
        /// By whom.
        issuer: String,
        /// What the sources want.
        wanted: String,
    },
    /// Its time is over.
    #[error("the bearer token expired {seconds} s ago: get one right before it is sent")]
    Expired {
        /// How long ago.
        seconds: i64,
    },
    /// Its time has not come.
    #[error(
        "the bearer token is good only {seconds} s from now: check both clocks; hoist allows 60 s"
    )]
    TooEarly {
        /// In how long.
        seconds: i64,
    },
    /// It is a good token of nobody who may speak here.
    #[error(
        "the bearer token fits no source in `sources:`; {}",
        told(.0)
    )]
    NoSource(Vec<Misfit>),
    /// It vouched for another announcement.
    #[error(
        "the bearer token was used for another announcement before: get a new one for each; the \
         same announcement may be sent again with it"
    )]
    Used,
}

/// Why a source's rules do not fit a token. What they want is not told: anybody can have a token
/// of a public issuer, and what stands in the configuration is none of their business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    source: String,
    claim: String,
    found: Option<String>,
}

fn told(misfits: &[Misfit]) -> String {
    let one = |misfit: &Misfit| {
        let Misfit { source, claim, found } = misfit;
        match found {
            Some(found) => format!("`sources.{source}.claims.{claim}` does not fit {found:?}"),
            None => format!("it has no `{claim}`, which `sources.{source}.claims` speaks of"),
        }
    };
    misfits.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl App {
    /// Finds out who sends a body with a token.
    pub(super) async fn identify_token(
        &self,
        token: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Identity<'_>, AnnounceError> {
        let named = issuer_of(token)?;
        let issuer = self.issuers.get(&named).ok_or(BadToken::Stranger(named.clone()))?;
        let claims = issuer.vouch(token, now).await.map_err(|error| match error {
            TokenError::Unreachable { .. } | TokenError::TooSoon { .. } => {
                AnnounceError::Issuer(error)
            }
            TokenError::Unreadable(_)
            | TokenError::Algorithm(_)
            | TokenError::UnknownKey { .. }
            | TokenError::Forged { .. } => BadToken::Signature(error).into(),
        })?;
        Ok(judge(&self.policy.sources, &named, &claims, body, now)?)
    }
}

/// What stands in `iss`, which nobody has vouched for yet: it only tells whom to ask.
pub(super) fn issuer_of(token: &str) -> Result<String, BadToken> {
    let unreadable = |why| BadToken::Signature(TokenError::Unreadable(why));
    if token.len() > LONGEST_TOKEN {
        return Err(unreadable("it is longer than 16 KiB"));
    }
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(unreadable("it has not three parts with dots between"));
    };
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| unreadable("it is not base64url"))?;
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| unreadable("its claims are no JSON object"))?;
    text(&claims, "iss").map(str::to_owned).ok_or(BadToken::Missing("iss"))
}

/// Judges claims that `issuer` has signed.
fn judge<'a>(
    sources: &'a [Source],
    issuer: &str,
    claims: &Claims,
    body: &[u8],
    now: Timestamp,
) -> Result<Identity<'a>, BadToken> {
    // Asked again: what was read before had no signature behind it.
    if text(claims, "iss") != Some(issuer) {
        return Err(BadToken::Missing("iss"));
    }
    let until = check_time(claims, now)?;
    let subject = text(claims, "sub").ok_or(BadToken::Missing("sub"))?;
    let theirs = sources.iter().filter_map(|source| match &source.proof {
        Proof::Token(rule) if rule.issuer == issuer => Some((source, rule)),
        Proof::Token(_) | Proof::Secrets(_) | Proof::Hook(_) => None,
    });
    let theirs: Vec<_> = theirs.collect();
    let meant: Vec<_> =
        theirs.iter().filter(|(_, rule)| is_for(claims, &rule.audience)).copied().collect();
    if meant.is_empty() {
        return Err(wrong_audience(claims, issuer, &theirs));
    }
    let mut speakers = Vec::new();
    let mut misfits = Vec::new();
    for (source, rule) in meant {
        match fit(source, rule, claims) {
            Ok(application) => speakers.push(Speaker { source, application }),
            Err(misfit) => misfits.push(misfit),
        }
    }
    if speakers.is_empty() {
        return Err(BadToken::NoSource(misfits));
    }
    let fingerprint = hex::encode(Sha256::digest(body));
    let mut delivery = Sha256::new_with_prefix(issuer);
    for part in [subject, fingerprint.as_str()] {
        delivery.update([0]);
        delivery.update(part);
    }
    Ok(Identity {
        speakers,
        token: TokenUse { issuer: issuer.to_owned(), id: id_of(claims), fingerprint, until },
        delivery: format!("oidc-{}", &hex::encode(delivery.finalize())[..40]),
    })
}

/// What tells a token from all others of its issuer: its `jti`, or where it has none (Kubernetes
/// before 1.30) all that it says, the second it was made in included.
fn id_of(claims: &Claims) -> String {
    text(claims, "jti").map_or_else(
        || {
            let said = serde_json::Value::Object(claims.clone()).to_string();
            format!("sha256:{}", hex::encode(Sha256::digest(said)))
        },
        |id| format!("jti:{id}"),
    )
}

/// When the token is over for good, if it is good now.
fn check_time(claims: &Claims, now: Timestamp) -> Result<Timestamp, BadToken> {
    let time = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(value) => match seconds(value) {
            Some(time) => Ok(Some(time)),
            None => Err(BadToken::Missing(name)),
        },
    };
    let until = time("exp")?.ok_or(BadToken::Missing("exp"))?;
    let over = now.duration_since(until);
    if over >= LEEWAY {
        return Err(BadToken::Expired { seconds: over.as_secs() });
    }
    for name in ["nbf", "iat"] {
        let early = time(name)?.map_or(SignedDuration::ZERO, |from| from.duration_since(now));
        if early > LEEWAY {
            return Err(BadToken::TooEarly { seconds: early.as_secs() });
        }
    }
    // Kept beyond the leeway, so that it is remembered for as long as it would be believed.
    until.checked_add(LEEWAY + LEEWAY).map_err(|_| BadToken::Missing("exp"))
}

/// A time as RFC 7519 writes it: seconds since 1970, which may have a fraction.
fn seconds(value: &Value) -> Option<Timestamp> {
    let whole = value.as_i64().or_else(|| {
        let seconds = value.as_f64().filter(|it| it.is_finite() && it.abs() < 1e15)?;
        #[expect(clippy::cast_possible_truncation, reason = "it is finite and far within i64")]
        Some(seconds.trunc() as i64)
    })?;
    Timestamp::from_second(whole).ok()
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str().filter(|text| !text.is_empty() && text.len() <= LONGEST_CLAIM)
}

fn is_for(claims: &Claims, audience: &str) -> bool {
    audiences(claims).contains(&audience)
}

fn audiences(claims: &Claims) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => vec![],
    }
}

fn wrong_audience(claims: &Claims, issuer: &str, theirs: &[(&Source, &TokenRule)]) -> BadToken {
    let listed = |names: &mut dyn Iterator<Item = &str>| {
        let names: Vec<_> = names.map(|name| format!("{:?}", shortened(name))).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    };
    BadToken::Audience {
        found: listed(&mut audiences(claims).into_iter().take(4)),
        issuer: issuer.to_owned(),
        wanted: listed(&mut theirs.iter().map(|(_, rule)| rule.audience.as_str())),
    }
}

/// The application that the source's rules read out of a token that fits all of them.
fn fit(
    source: &Source,
    rule: &TokenRule,
    claims: &Claims,
) -> Result<Option<ApplicationName>, Misfit> {
    let mut application = None;
    for (claim, patterns) in &rule.claims {
        let found = value(claims, claim);
        let misfit = || Misfit {
            source: source.name.to_string(),
            claim: claim.clone(),
            found: found.as_deref().map(shortened),
        };
        let fits = patterns.iter().find_map(|pattern| pattern.fit(found.as_deref()?));
        match (fits.ok_or_else(misfit)?, &application) {
            (Fit::Plain, _) => (),
            (Fit::Application(name), Some(earlier)) if &name != earlier => return Err(misfit()),
            (Fit::Application(name), _) => application = Some(name),
        }
    }
    Ok(application)
}

/// A claim as text: CI writes its numbers and its yes and no in either way.
fn value(claims: &Claims, name: &str) -> Option<String> {
    match claims.get(name)? {
        Value::String(text) if text.len() <= LONGEST_CLAIM => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
