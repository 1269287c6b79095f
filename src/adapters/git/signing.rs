//! Commits that show by a signature who made them.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use git2::{Oid, Repository, Tree};
use secrecy::{ExposeSecret, SecretString};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

use super::trees::signature;
use super::{broken, commit_id_of};
use crate::app::ports::{GitError, Signature};
use crate::domain::id::CommitId;

/// What Git says a signature of its own is for, so that no other one passes as it.
const NAMESPACE: &str = "git";

/// A key that signs commits.
#[derive(Clone)]
pub struct Signer(Arc<PrivateKey>);

impl Signer {
    /// Reads a private key in OpenSSH's form, with what it is locked with if it is.
    ///
    /// Ed25519 alone: its signatures follow from the commit, so that a commit that is made again is
    /// the same commit, and a push whose answer was lost is found done.
    ///
    /// # Errors
    ///
    /// When it is no such key, or the passphrase does not open it.
    pub fn new(key: &SecretString, passphrase: Option<&SecretString>) -> anyhow::Result<Self> {
        // Its reader wants the last line to end, and says nothing of what it could not read.
        let text: SecretString = format!("{}\n", key.expose_secret().trim_end()).into();
        let mut key = PrivateKey::from_openssh(text.expose_secret())
            .map_err(|cause| anyhow!("it is no private key in OpenSSH's form: {cause}"))?;
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
        Ok(Self(Arc::new(key)))
    }

    fn sign(&self, text: &str) -> Result<String, GitError> {
        let failed = |cause| GitError::Mirror(anyhow!("signing a commit: {cause}"));
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, text.as_bytes()).map_err(failed)?;
        signature.to_pem(LineEnding::LF).map_err(failed)
    }
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
    let signed = signer.sign(text)?;
    commit_id_of(mirror.commit_signed(text, &signed, None).map_err(failed())?)
}
