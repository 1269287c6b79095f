//! Who may enter the simulated GitHub, for its API and for its Git.

use std::collections::BTreeMap;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use octocrab::jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};

use super::pulls::{NAME, OWNER, Told};
use super::rights::{self, Rights};

/// A token that is good until an App is installed.
pub const TOKEN: &str = "github_pat_of-hoist";

/// Whose it is.
const LOGIN: &str = "hoist-bot";

/// An App's key pair, in PEM.
pub struct Key {
    pub private: String,
    public: String,
}

impl Key {
    pub fn make() -> Self {
        let openssl = |args: &[&str], input: Option<&str>| {
            let mut command = Command::new("openssl");
            command.args(args);
            let dir = tempfile::tempdir().unwrap();
            if let Some(text) = input {
                let file = dir.path().join("key.pem");
                std::fs::write(&file, text).unwrap();
                command.arg("-in").arg(file);
            }
            let out = command.output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            String::from_utf8(out.stdout).unwrap()
        };
        let private = openssl(&["genrsa", "2048"], None);
        let public = openssl(&["rsa", "-pubout"], Some(&private));
        Self { private, public }
    }
}

/// How long a token of an installation is good, in seconds.
const HOUR: i64 = 3600;

#[derive(Default)]
pub struct Credentials {
    app: Option<App>,
    pub rights: Rights,
}

struct App {
    id: u64,
    public: String,
    /// The tokens that are good, and until when.
    good: BTreeMap<String, jiff::Timestamp>,
    lasts: i64,
    given: usize,
}

/// Who asks.
pub enum Who {
    Nobody,
    Known(String),
    /// The App itself asks about its installation, and this is the answer.
    Told(Told),
}

impl Credentials {
    pub fn install(&mut self, id: u64, key: &Key) {
        let public = key.public.clone();
        self.app = Some(App { id, public, good: BTreeMap::new(), lasts: HOUR, given: 0 });
    }

    pub fn revoke(&mut self) {
        self.app.as_mut().unwrap().good.clear();
    }

    pub fn let_tokens_last(&mut self, seconds: i64) {
        self.app.as_mut().unwrap().lasts = seconds;
    }

    /// The right that these credentials lack for a call.
    pub fn lacks(&self, call: (&str, &[&str])) -> Option<&'static str> {
        rights::needed(call).filter(|needed| !self.rights.hold(needed))
    }

    /// Whether a call of Git's is allowed.
    pub fn may_in_git(&self, rest: &str, query: Option<&str>) -> bool {
        let pushes = rest.ends_with("git-receive-pack")
            || query.is_some_and(|it| it.contains("service=git-receive-pack"));
        self.rights.hold(if pushes { "contents=write" } else { "contents=read" })
    }

    pub fn given(&self) -> usize {
        self.app.as_ref().map_or(0, |app| app.given)
    }

    pub fn who(&mut self, authorization: &str, path: &str) -> Who {
        let shown = authorization.strip_prefix("Bearer ").unwrap_or_default();
        let Some(app) = &mut self.app else {
            return if shown == TOKEN { Who::Known(LOGIN.to_owned()) } else { Who::Nobody };
        };
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let told = match parts[..] {
            ["repos", owner, name, "installation"] => {
                if (owner, name) == (OWNER, NAME) {
                    (200, json!({"id": 77, "app_slug": "hoist"}))
                } else {
                    (404, json!({"message": "Not Found"}))
                }
            }
            ["app", "installations", "77", "access_tokens"] => app.give(),
            ["app", "installations", ..] => (404, json!({"message": "Not Found"})),
            _ if app.knows(shown) => return Who::Known("hoist[bot]".to_owned()),
            _ => return Who::Nobody,
        };
        if app.signed(shown) { Who::Told(told) } else { Who::Nobody }
    }

    pub fn knows_in_git(&self, authorization: &str) -> bool {
        let pair = authorization.strip_prefix("Basic ").unwrap_or_default();
        let pair = STANDARD.decode(pair).unwrap_or_default();
        let pair = String::from_utf8(pair).unwrap_or_default();
        let Some(("x-access-token", token)) = pair.split_once(':') else { return false };
        match &self.app {
            None => token == TOKEN,
            Some(app) => app.knows(token),
        }
    }
}

impl App {
    fn give(&mut self) -> Told {
        self.given += 1;
        let token = format!("ghs_token-number-{}", self.given);
        let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(self.lasts);
        self.good.insert(token.clone(), ends);
        (
            201,
            json!({"token": token, "permissions": {"pull_requests": "write"}, "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()}),
        )
    }

    fn knows(&self, token: &str) -> bool {
        self.good.get(token).is_some_and(|ends| jiff::Timestamp::now() < *ends)
    }

    fn signed(&self, token: &str) -> bool {
        let key = DecodingKey::from_rsa_pem(self.public.as_bytes()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = true;
        let Ok(claims) = decode::<Value>(token, &key, &validation) else { return false };
        let issuer = &claims.claims["iss"];
        *issuer == json!(self.id) || *issuer == json!(self.id.to_string())
    }
}
