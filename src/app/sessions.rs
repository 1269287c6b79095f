//! Who is at the door: tokens, one-time sign-in codes, and sessions on the page.
//!
//! The store keeps the SHA-256 of every secret and never the secret, so a copy of the database
//! signs nobody in. All of them are 256 random bits, so a plain hash is as good as a slow one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::ports::{AuditLine, Session};
use super::{App, AppError};
use crate::domain::command::{Actor, Door, Identity, Right, may};
use crate::domain::id::{EnvironmentName, PersonName, RoleName};

/// How long a session lasts: a working day, so that nobody signs in twice in one.
const SESSION_LASTS: SignedDuration = SignedDuration::from_hours(12);

/// How long a one-time link works.
const CODE_LASTS: SignedDuration = SignedDuration::from_hours(1);

/// Somebody on the page, as a session's cookie tells.
pub struct SignedIn {
    /// Who.
    pub identity: Identity,
    /// What every form must carry, so that no other site's form does anything.
    pub form_token: SecretString,
    form_key: String,
}

impl SignedIn {
    /// Somebody who came with that form token.
    pub fn new(identity: Identity, form_token: SecretString) -> Self {
        let form_key = hash(form_token.expose_secret());
        Self { identity, form_token, form_key }
    }

    /// Tells whether a form carries this session's token, in constant time.
    pub fn owns_form(&self, token: &str) -> Ownership {
        if same(&hash(token), &self.form_key) { Ownership::Theirs } else { Ownership::NotTheirs }
    }
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedIn({})", self.identity.actor)
    }
}

/// Whether a form came from a page that hoist made for this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// It did.
    Theirs,
    /// It did not, or from an earlier session's page.
    NotTheirs,
}

/// Whether somebody has a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// They have.
    Yes,
    /// They have not.
    No,
}

/// A session that has just begun.
pub struct NewSession {
    cookie: SecretString,
    /// How long the browser should keep it.
    pub lasts: SignedDuration,
}

impl NewSession {
    /// The cookie's value, for the one header that carries it.
    pub fn cookie_value(&self) -> &str {
        self.cookie.expose_secret()
    }
}

impl App {
    /// Tells whether somebody has a right in an environment, or anywhere where that is none.
    pub fn allows(
        &self,
        identity: &Identity,
        right: Right,
        environment: Option<&EnvironmentName>,
    ) -> Allowed {
        if may(identity, right, environment, &self.policy.roles) {
            Allowed::Yes
        } else {
            Allowed::No
        }
    }

    /// Makes a one-time code that signs `name` in with `roles`, within the hour.
    pub async fn invite(
        &self,
        name: &PersonName,
        roles: Vec<RoleName>,
    ) -> Result<String, AppError> {
        let code = self.secret();
        let now = self.clock.now();
        let kept = Session {
            key: hash(&code),
            actor: name.as_str().to_owned(),
            roles: roles.iter().map(|role| role.as_str().to_owned()).collect(),
            form_key: String::new(),
            until: after(now, CODE_LASTS),
        };
        self.store.keep_code(kept).await?;
        Ok(code)
    }

    /// Signs in whoever a one-time code was made for; none where it is unknown, used or too old.
    pub async fn sign_in_with_code(&self, code: &str) -> Result<Option<NewSession>, AppError> {
        let Some(kept) = self.store.take_code(&hash(code), self.clock.now()).await? else {
            return Ok(None);
        };
        self.open(kept.actor, kept.roles, "with a one-time link").await.map(Some)
    }

    /// Signs in whoever a token belongs to; none where it is nobody's.
    pub async fn sign_in_with_token(&self, token: &str) -> Result<Option<NewSession>, AppError> {
        let Some(identity) = self.token_of(token, Door::Page) else {
            return Ok(None);
        };
        let roles = identity.roles.iter().map(|role| role.as_str().to_owned()).collect();
        self.open(identity.actor.name, roles, "with a token").await.map(Some)
    }

    /// Tells who a session's cookie belongs to; none where it has ended.
    ///
    /// What a role allows is read from today's policy, so a right that was taken away is gone at
    /// once, and who is in a team is asked anew; the roles that are listed are those of the sign-in.
    pub async fn session(&self, cookie: &str) -> Result<Option<SignedIn>, AppError> {
        let Some(session) = self.store.session(&hash(cookie), self.clock.now()).await? else {
            return Ok(None);
        };
        let actor = Actor { name: session.actor, door: Door::Page };
        // A role that the policy no longer has gives nothing.
        let roles = session.roles.iter().filter_map(|role| role.parse().ok()).collect();
        let identity = self.with_teams(Identity::new(actor, roles)).await;
        let form_token = form_token(cookie).into();
        Ok(Some(SignedIn { identity, form_token, form_key: session.form_key }))
    }

    /// Ends a session, if there is one.
    pub async fn sign_out(&self, cookie: &str) -> Result<(), AppError> {
        Ok(self.store.close_session(&hash(cookie)).await?)
    }

    pub(super) fn token_of(&self, bearer: &str, door: Door) -> Option<Identity> {
        let key = hash(bearer);
        // Every token is compared, the found one included, so that time tells nothing.
        let tokens = &self.policy.tokens;
        tokens.iter().filter(|token| same(&key, &token.sha256.to_ascii_lowercase())).fold(
            None,
            |_, token| {
                let name = token.name.as_str().to_owned();
                Some(Identity::new(Actor { name, door }, token.roles.clone()))
            },
        )
    }

    async fn open(
        &self,
        actor: String,
        roles: Vec<String>,
        how: &str,
    ) -> Result<NewSession, AppError> {
        let cookie = self.secret();
        let now = self.clock.now();
        let session = Session {
            key: hash(&cookie),
            actor: actor.clone(),
            roles,
            form_key: hash(&form_token(&cookie)),
            until: after(now, SESSION_LASTS),
        };
        self.store.open_session(session).await?;
        self.store.note(vec![signed_in(actor, now, how)]).await?;
        Ok(NewSession { cookie: cookie.into(), lasts: SESSION_LASTS })
    }

    /// 256 random bits that fit into a URL and a cookie as they are.
    fn secret(&self) -> String {
        let mut bytes = self.dice.roll().to_be_bytes().to_vec();
        bytes.extend(self.dice.roll().to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn signed_in(actor: String, at: jiff::Timestamp, how: &str) -> AuditLine {
    AuditLine {
        at,
        text: format!("{actor} signed in {how}"),
        actor: Actor { name: actor, door: Door::Page },
        verb: "signed in".into(),
        application: None,
        environment: None,
        promotion: None,
        commit: None,
    }
}

/// The form token of a session, from its cookie: a page can be made anew at any time and the store
/// still holds no secret. Whoever knows the token cannot go back to the cookie.
fn form_token(cookie: &str) -> String {
    let digest = Sha256::new().chain_update("hoist form token\n").chain_update(cookie).finalize();
    URL_SAFE_NO_PAD.encode(digest)
}

fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

fn same(one: &str, other: &str) -> bool {
    bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

fn after(now: jiff::Timestamp, length: SignedDuration) -> jiff::Timestamp {
    // The end of time is soon enough for a session that would end after it.
    now.checked_add(length).unwrap_or(jiff::Timestamp::MAX)
}

/// The address that signs in with a one-time code.
pub fn sign_in_url(public_url: &str, code: &str) -> String {
    format!("{public_url}/sign-in?code={code}")
}
