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
    /// The number of its installation where the repository is, if it is installed there.
    installation: Option<u64>,
    /// What the repository is called now.
    name: String,
    /// The tokens that are good, of which installation, and until when.
    good: BTreeMap<String, (u64, jiff::Timestamp)>,
    lasts: i64,
    given: usize,
}

/// Whether an owner has installed the App.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    Yes,
    No,
}

/// The installation at the owner who had the repository first, and at whoever has it next.
const INSTALLATIONS: [u64; 2] = [77, 78];

/// The repository's number, which stays.
const NUMBER: u64 = 7;

/// Who asks.
pub enum Who {
    Nobody,
    Known(String),
    /// The App itself asks about its installation, and this is the answer.
    Told(Told),
}

impl Credentials {
    pub fn install(&mut self, id: u64, key: &Key) {
        let (public, name) = (key.public.clone(), NAME.to_owned());
        let (installation, good) = (Some(INSTALLATIONS[0]), BTreeMap::new());
        self.app = Some(App { id, public, installation, name, good, lasts: HOUR, given: 0 });
    }

    pub fn revoke(&mut self) {
        self.app.as_mut().unwrap().good.clear();
    }

    pub fn rename(&mut self, name: &str) {
        if let Some(app) = &mut self.app {
            app.name = name.to_owned();
        }
    }

    pub fn move_to(&mut self, installed: Installed) {
        let app = self.app.as_mut().unwrap();
        app.installation = (installed == Installed::Yes).then_some(INSTALLATIONS[1]);
    }

    /// Whether these credentials see the repository where it is.
    pub fn sees(&self, authorization: &str) -> bool {
        let shown = authorization.strip_prefix("Bearer ").unwrap_or_default();
        let token = self.app.as_ref().and_then(|app| Some((app, app.good.get(shown)?)));
        token.is_none_or(|(app, (of, _))| app.installation == Some(*of))
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

    pub fn who(&mut self, authorization: &str, (path, body): (&str, &Value)) -> Who {
        let shown = authorization.strip_prefix("Bearer ").unwrap_or_default();
        let Some(app) = &mut self.app else {
            return if shown == TOKEN { Who::Known(LOGIN.to_owned()) } else { Who::Nobody };
        };
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let told = match parts[..] {
            ["repos", owner, name, "installation"] => {
                match app.installation.filter(|_| (owner, name) == (OWNER, NAME)) {
                    Some(id) => (200, json!({"id": id, "app_slug": "hoist"})),
                    None => (404, json!({"message": "Not Found"})),
                }
            }
            ["app", "installations", id, "access_tokens"] => app.give(id.parse().unwrap(), body),
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
            Some(app) => {
                app.knows(token) && app.installation == app.good.get(token).map(|(of, _)| *of)
            }
        }
    }
}

impl App {
    /// A token of an installation for the repositories that are asked for, which it must have.
    fn give(&mut self, installation: u64, of: &Value) -> Told {
        if !INSTALLATIONS.contains(&installation) {
            return (404, json!({"message": "Not Found"}));
        }
        let all = |named: &Value, it: Value| {
            named.as_array().into_iter().flatten().all(|named| *named == it)
        };
        let has = all(&of["repositories"], json!(self.name))
            && all(&of["repository_ids"], json!(NUMBER))
            && self.installation == Some(installation);
        if !has {
            let words = "There is at least one repository that does not exist or is not accessible \
                         to the parent installation.";
            return (422, json!({"message": words}));
        }
        self.given += 1;
        let token = format!("ghs_token-number-{}", self.given);
        let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(self.lasts);
        self.good.insert(token.clone(), (installation, ends));
        (
            201,
            json!({"token": token, "permissions": {"pull_requests": "write"}, "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()}),
        )
    }

    fn knows(&self, token: &str) -> bool {
        let known = self.good.get(token);
        known.is_some_and(|(_, ends)| jiff::Timestamp::now() < *ends)
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
