//! Commits that show by a signature who made them.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use git2::{Oid, Repository, Tree};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

use super::openpgp::OpenPgpKey;
use super::trees::signature;
use super::{broken, commit_id_of};
use crate::app::ports::{GitError, Signature};
use crate::domain::id::CommitId;

/// What Git says a signature of its own is for, so that no other one passes as it.
const NAMESPACE: &str = "git";

/// A key that signs commits.
#[derive(Clone)]
pub struct Signer(Arc<Key>);

enum Key {
    Ssh(Box<PrivateKey>),
    OpenPgp(Box<OpenPgpKey>),
}

impl Signer {
    /// Reads a private key in OpenSSH's form, with what it is locked with if it is.
    ///
    /// Ed25519 alone: its signatures follow from the commit, so that a commit that is made again is
    /// the same commit, and a push whose answer was lost is found done.
    ///
    /// # Errors
    ///
    /// When it is no such key, or the passphrase does not open it.
    pub fn ssh(key: &SecretString, passphrase: Option<&SecretString>) -> anyhow::Result<Self> {
        // Its reader wants the last line to end, and says nothing of what it could not read.
        let text: SecretString = format!("{}\n", key.expose_secret().trim_end()).into();
        let mut key = PrivateKey::from_openssh(text.expose_secret()).map_err(|cause| {
            anyhow!(
                "it is no private key of the kind Ed25519 in OpenSSH's form, as `ssh-keygen -t \
                 ed25519` makes one: {cause}"
            )
        })?;
        if key.is_encrypted() {
            let passphrase = passphrase.context("it is locked: give its `passphrase`")?;
            key = key
                .decrypt(passphrase.expose_secret())
                .map_err(|_| anyhow!("its `passphrase` does not open it"))?;
        }
        ensure!(
            key.algorithm() == Algorithm::Ed25519,
            "hoist signs with Ed25519, and it is of the kind {}; make one with `ssh-keygen -t ed25519`",
            key.algorithm()
        );
        Ok(Self(Arc::new(Key::Ssh(Box::new(key)))))
    }

    /// Reads a private key as GPG exports it, in its armour, with what it is locked with if it is.
    ///
    /// Ed25519 and RSA, whose signatures follow from the commit, its time included.
    ///
    /// # Errors
    ///
    /// When it is no such key, none of its parts is for signing, or the passphrase does not open it.
    pub fn openpgp(key: &SecretString, passphrase: Option<&SecretString>) -> anyhow::Result<Self> {
        let key = OpenPgpKey::read(key, passphrase)?;
        Ok(Self(Arc::new(Key::OpenPgp(Box::new(key)))))
    }

    fn sign(&self, text: &str, at: Timestamp) -> Result<String, GitError> {
        let signed = match self.0.as_ref() {
            Key::Ssh(key) => sign_by_ssh(key, text),
            Key::OpenPgp(key) => key.sign(text, at),
        };
        signed.map_err(|cause| GitError::Mirror(cause.context("signing a commit")))
    }
}

fn sign_by_ssh(key: &PrivateKey, text: &str) -> anyhow::Result<String> {
    let signature = key.sign(NAMESPACE, HashAlg::Sha512, text.as_bytes())?;
    Ok(signature.to_pem(LineEnding::LF)?)
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(***)")
    }
}

/// What a commit says of itself.
pub(super) struct Saying<'a> {
    /// The whole message.
    pub(super) message: &'a str,
    /// Its author and committer.
    pub(super) author: &'a Signature,
}

/// Writes a commit, signed if there is a signer. The same in gives the same commit.
pub(super) fn write(
    mirror: &Repository,
    saying: &Saying<'_>,
    (tree, parents): (&Tree<'_>, &[&git2::Commit<'_>]),
    signer: Option<&Signer>,
) -> Result<CommitId, GitError> {
    let author = signature(saying.author)?;
    let failed = || broken("writing a commit");
    let unsigned = |mirror: &Repository| -> Result<Oid, git2::Error> {
        mirror.commit(None, &author, &author, saying.message, tree, parents)
    };
    let Some(signer) = signer else { return commit_id_of(unsigned(mirror).map_err(failed())?) };
    let text = mirror
        .commit_create_buffer(&author, &author, saying.message, tree, parents)
        .map_err(failed())?;
    let text = std::str::from_utf8(&text)
        .map_err(|cause| GitError::Mirror(anyhow::Error::new(cause).context("writing a commit")))?;
    let signed = signer.sign(text, saying.author.at)?;
    commit_id_of(mirror.commit_signed(text, &signed, None).map_err(failed())?)
}
