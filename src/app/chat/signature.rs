//! Slack's signature on its requests, and hoist's own on its buttons.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::app::ports::StoreError;

/// How far a signed timestamp may be off: older, and a caught request could be sent again.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Why what comes through a chat's door is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadSaying {
    /// Nobody has configured that chat.
    #[error("this hoist does not listen to that chat: configure it under `chat:`")]
    NobodyListens,
    /// Nobody has vouched for it.
    #[error("{0}")]
    Unsigned(&'static str),
    /// It cannot be read.
    #[error("{0}")]
    Malformed(&'static str),
    /// Its answer is to be sent somewhere else.
    #[error(
        "`response_url` is not under {under}, so nothing is sent there: name the right base in `chat:`"
    )]
    Elsewhere {
        /// Where it should be.
        under: String,
    },
    /// It could not be kept.
    #[error("keeping what was said")]
    Store(#[from] StoreError),
}

/// A request that says it is Slack's. It can be verified, and nothing else.
pub struct SlackRequest {
    timestamp: Option<String>,
    signature: Option<String>,
    body: Vec<u8>,
}

impl SlackRequest {
    /// Takes `X-Slack-Request-Timestamp`, `X-Slack-Signature` and the body as it came.
    pub fn new(timestamp: Option<String>, signature: Option<String>, body: Vec<u8>) -> Self {
        Self { timestamp, signature, body }
    }

    /// The signature as it came: no two requests have the same one.
    pub(super) fn signature(&self) -> &str {
        self.signature.as_deref().unwrap_or_default()
    }

    /// Tells whether the secret signed it: the door for the fuzz targets in `fuzz/`.
    #[cfg(any(test, fuzzing))]
    pub(in crate::app) fn proves(self, secret: &SecretString, now: Timestamp) -> bool {
        self.verify(secret, now).is_ok()
    }

    /// Gives the body to whoever has the secret that signed it a short while ago.
    pub(super) fn verify(
        self,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Vec<u8>, BadSaying> {
        const MISSING: &str = "the request is not signed: Slack sends `X-Slack-Signature` and \
            `X-Slack-Request-Timestamp`";
        const OFF: &str = "the request was not signed within the last five minutes: check both \
            clocks";
        const WRONG: &str = "the request was not signed with the signing secret of `chat.slack`: \
            copy it anew from the app's basic information";
        let (Some(timestamp), Some(signature)) = (&self.timestamp, &self.signature) else {
            return Err(BadSaying::Unsigned(MISSING));
        };
        let signed_at = timestamp.parse().ok().and_then(|at| Timestamp::from_second(at).ok());
        let off = signed_at.ok_or(BadSaying::Unsigned(OFF))?.duration_since(now).abs();
        if off > TOLERANCE {
            return Err(BadSaying::Unsigned(OFF));
        }
        let shown = signature.strip_prefix("v0=").and_then(|hex| hex::decode(hex).ok());
        let mac = keyed(secret).chain_update(format!("v0:{timestamp}:"));
        let verified = mac.chain_update(&self.body).verify_slice(&shown.unwrap_or_default());
        verified.map_err(|_| BadSaying::Unsigned(WRONG))?;
        Ok(self.body)
    }
}

fn keyed(secret: &SecretString) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length")
}

/// Keeps what hoist signs apart from what Slack signs with the same secret.
const OURS: &str = "hoist button 1\n";

/// Signs what a button says, so that only what hoist has offered comes back.
pub(super) fn seal(secret: &SecretString, said: &impl serde::Serialize) -> Option<String> {
    let said = URL_SAFE_NO_PAD.encode(serde_json::to_vec(said).ok()?);
    let mac = keyed(secret).chain_update(OURS).chain_update(&said).finalize();
    Some(format!("{said}.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes())))
}

/// Opens what a button said; none where it is not as hoist has signed it.
pub(super) fn open<T: DeserializeOwned>(secret: &SecretString, value: &str) -> Option<T> {
    let (said, mac) = value.split_once('.')?;
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
    keyed(secret).chain_update(OURS).chain_update(said).verify_slice(&mac).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(said).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
        &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
        %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    fn request(timestamp: &str, signature: &str, body: &str) -> SlackRequest {
        SlackRequest::new(Some(timestamp.into()), Some(signature.into()), body.as_bytes().to_vec())
    }

    fn told(request: SlackRequest, now: i64) -> Result<(), String> {
        let now = Timestamp::from_second(now).unwrap();
        request.verify(&SECRET.into(), now).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn slack_s_published_example_is_believed() {
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let at = 1_531_420_618;
        assert_eq!(told(request("1531420618", signature, BODY), at), Ok(()));
        assert_eq!(told(request("1531420618", signature, BODY), at + 300), Ok(()));
        let refused = [
            told(request("1531420618", signature, BODY), at + 301),
            told(request("1531420618", signature, BODY), at - 301),
            told(request("1531420619", signature, BODY), at),
            told(request("1531420618", signature, &BODY.replace("T1DC", "T2DC")), at),
            told(request("1531420618", &signature.replace("v0", "v1"), BODY), at),
            told(request("1531420618", "v0=", BODY), at),
            told(request("9223372036854775807", signature, BODY), at),
            told(request("", signature, BODY), at),
            told(SlackRequest::new(None, None, BODY.into()), at),
        ];
        for (number, refused) in refused.into_iter().enumerate() {
            assert!(refused.is_err(), "{number}");
        }
    }

    #[test]
    fn only_what_hoist_signed_is_opened() {
        let secret = SecretString::from(SECRET);
        let sealed = seal(&secret, &"approve").unwrap();
        assert_eq!(open::<String>(&secret, &sealed).as_deref(), Some("approve"));
        assert_eq!(open::<String>(&"another".into(), &sealed), None);
        let (said, mac) = sealed.split_once('.').unwrap();
        let other = URL_SAFE_NO_PAD.encode("\"rollback\"");
        assert_eq!(open::<String>(&secret, &format!("{other}.{mac}")), None);
        assert_eq!(open::<String>(&secret, said), None);
        assert_eq!(open::<String>(&secret, ""), None);
    }
}
