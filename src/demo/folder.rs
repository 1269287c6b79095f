//! The demo's folder: configuration, secrets, and a bare GitOps repository with three applications.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::adapters::clock::SystemDice;
use crate::adapters::git::create_bare;
use crate::app::App;
use crate::app::ports::{CommitSpec, Dice, RefOutcome, RefUpdate, Signature};

/// What tells an earlier demo from somebody's own folder.
const MARKER: &str = ".hoist-demo";

/// The demo's folder.
pub(super) struct Folder {
    path: PathBuf,
    token: SecretString,
    secret: SecretString,
}

impl Folder {
    /// Makes the folder; an earlier demo there is replaced, anything else is left alone.
    pub(super) fn make(path: &Path, public_url: &str) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        clear(&path)?;
        std::fs::create_dir_all(&path)
            .with_context(|| format!("making the folder {}", path.display()))?;
        write(&path.join(MARKER), "hoist demo made this folder and replaces it next time\n")?;
        create_bare(&path.join("gitops.git"), "main")?;
        let (token, secret) = (random(), random());
        write_secret(&path.join("token"), &token)?;
        write_secret(&path.join("ci-secret"), &secret)?;
        write(&path.join("hoist.yaml"), &process_file(&path, public_url, &token)?)?;
        write(&path.join("pipelines.yaml"), include_str!("files/pipelines.yaml"))?;
        Ok(Self { path, token: token.into(), secret: secret.into() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The process file.
    pub(super) fn config(&self) -> PathBuf {
        self.path.join("hoist.yaml")
    }

    /// The token of the demo's own reviewer, bob.
    pub(super) fn token(&self) -> &SecretString {
        &self.token
    }

    /// The secret with which the demo's CI signs.
    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// Puts the first commit into the GitOps repository.
    pub(super) async fn fill(&self, app: &App) -> anyhow::Result<()> {
        let Some(repository) = app.repositories.values().next() else {
            bail!("the demo's configuration has no repository");
        };
        let files: BTreeMap<String, Option<Vec<u8>>> = files()
            .into_iter()
            .map(|(path, text)| (path.to_owned(), Some(text.as_bytes().to_vec())))
            .collect();
        let author = Signature {
            name: "Alice".into(),
            email: "alice@example.com".into(),
            at: app.clock.now(),
        };
        let message = "Run three applications in staging and prod\n".to_owned();
        let spec = CommitSpec { parents: Vec::new(), files, message, author };
        let commit = repository.git.commit(spec).await?;
        let update =
            RefUpdate { name: "refs/heads/main".into(), expected: None, new: Some(commit) };
        match repository.git.push(vec![update]).await?.as_slice() {
            [RefOutcome::Moved | RefOutcome::AlreadyThere] => Ok(()),
            other => bail!("the first push came to {other:?}"),
        }
    }
}

/// Takes an earlier demo away, and nothing else.
fn clear(path: &Path) -> anyhow::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let is_empty = path.is_dir() && std::fs::read_dir(path)?.next().is_none();
    if path.join(MARKER).exists() {
        return std::fs::remove_dir_all(path)
            .with_context(|| format!("replacing the earlier demo in {}", path.display()));
    }
    if !is_empty {
        bail!(
            "{} exists and no earlier demo made it, so it is left alone; choose another folder \
             with `--dir`",
            path.display()
        );
    }
    Ok(())
}

fn random() -> String {
    format!("{:032x}{:032x}", SystemDice.roll(), SystemDice.roll())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut file| writeln!(file, "{text}"))
        .with_context(|| format!("writing {}", path.display()))
}

/// The process file, with this folder's places in it.
fn process_file(path: &Path, public_url: &str, token: &str) -> anyhow::Result<String> {
    let folder = path.to_str().context("the folder's name is not UTF-8; choose another")?;
    if folder.contains(['"', '\\']) || folder.contains(char::is_control) {
        bail!("the folder's name has quotes or control characters in it; choose another");
    }
    let repository = url::Url::from_file_path(path.join("gitops.git"))
        .map_err(|()| anyhow::anyhow!("{folder} is not an absolute path"))?;
    let sha256 = hex::encode(Sha256::digest(token.as_bytes()));
    Ok(include_str!("files/hoist.yaml")
        .replace("@FOLDER@", folder)
        .replace("@REPOSITORY@", repository.as_str())
        .replace("@PUBLIC_URL@", public_url)
        .replace("@TOKEN_SHA256@", &sha256))
}

/// The GitOps repository's files, written as people really write them.
fn files() -> Vec<(&'static str, &'static str)> {
    macro_rules! file {
        ($path:literal) => {
            ($path, include_str!(concat!("files/gitops/", $path)))
        };
    }
    vec![
        file!("README.md"),
        file!("environments/staging/apps/payments/kustomization.yaml"),
        file!("environments/prod/apps/payments/kustomization.yaml"),
        file!("environments/staging/apps/storefront/values.yaml"),
        file!("environments/prod/apps/storefront/values.yaml"),
        file!("environments/staging/apps/ledger/deployment.yaml"),
        file!("environments/prod/apps/ledger/deployment.yaml"),
    ]
}
