//! Remotes for a mirror: a bare repository by `file://`, or behind a real HTTP server.

use std::path::{Path, PathBuf};
use std::process::Command;

use hoist::adapters::git::{Credentials, Mirror, RemoteSettings, create_bare};
use tempfile::TempDir;

/// A bare repository that a mirror can be opened on, and that a test looks at with the real `git`.
pub struct Remote {
    pub directory: TempDir,
}

impl Remote {
    /// An empty repository by `file://`.
    pub fn local() -> Self {
        let directory = tempfile::tempdir().unwrap();
        create_bare(&directory.path().join("gitops.git"), "main").unwrap();
        Self { directory }
    }

    pub fn bare(&self) -> PathBuf {
        self.directory.path().join("gitops.git")
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.bare().display())
    }

    pub fn settings(&self) -> RemoteSettings {
        RemoteSettings {
            name: "gitops".parse().unwrap(),
            url: self.url(),
            credentials: Credentials::None,
        }
    }

    pub fn mirror(&self) -> Mirror {
        Mirror::open(self.settings(), &self.directory.path().join("data")).unwrap()
    }

    /// Runs `git` in the bare repository and gives what it printed.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.bare(), arguments)
    }
}

/// Runs `git` and gives what it printed; it must succeed.
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(directory).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
