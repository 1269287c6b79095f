//! Remotes for a mirror: a bare repository by `file://`, or behind a real HTTP server.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hoist::adapters::git::{Credentials, Mirror, RemoteSettings, Speaker, Trust, create_bare};
use hoist::app::ports::{CommitSpec, RefUpdate, Signature};
use hoist::domain::id::CommitId;
use tempfile::TempDir;

use super::git_server::{GitServer, PASSWORD, Shown, USER};
use super::ssh_server::SshServer;

/// A bare repository that a mirror can be opened on, and that a test looks at with the real `git`.
pub struct Remote {
    pub speaker: Speaker,
    pub server: Option<GitServer>,
    pub ssh: Option<SshServer>,
    pub directory: TempDir,
}

impl Remote {
    /// An empty repository by `file://`.
    pub fn local() -> Self {
        let directory = tempfile::tempdir().unwrap();
        create_bare(&directory.path().join("gitops.git"), "main").unwrap();
        Self { speaker: Speaker::Own, server: None, ssh: None, directory }
    }

    /// The same behind SSH, for who has the right key.
    pub fn ssh() -> Self {
        let mut remote = Self::local();
        remote.ssh = Some(SshServer::start(remote.directory.path()));
        remote
    }

    /// The same behind HTTP with basic auth.
    pub fn http() -> Self {
        let mut remote = Self::local();
        remote.git(&["config", "http.receivepack", "true"]);
        remote.server = Some(GitServer::start(remote.directory.path()));
        remote
    }

    /// The same, with libgit2 to speak with the server.
    pub fn http_by_libgit2() -> Self {
        Self { speaker: Speaker::LibGit2, ..Self::http() }
    }

    /// The same behind HTTPS, and the certificate to trust. Its server speaks no plain HTTP.
    pub fn https() -> (Self, PathBuf) {
        Self::https_showing(Shown::Sound)
    }

    /// The same with a certificate that may be a bad one.
    pub fn https_showing(shown: Shown) -> (Self, PathBuf) {
        let mut remote = Self::local();
        remote.git(&["config", "http.receivepack", "true"]);
        let (server, certificate) = GitServer::start_tls(remote.directory.path(), shown);
        remote.server = Some(server);
        (remote, certificate)
    }

    /// The bare repository's place.
    pub fn bare(&self) -> PathBuf {
        self.directory.path().join("gitops.git")
    }

    /// Where the mirror named `gitops` keeps its data.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The mirror's directory.
    pub fn mirror_path(&self) -> PathBuf {
        self.data().join("mirrors/gitops.git")
    }

    /// Settings for another repository of the same place.
    pub fn settings_for(&self, repository: &str, credentials: Credentials) -> RemoteSettings {
        let path = self.directory.path().join(repository);
        let mut trust = Trust::default();
        let url = match (&self.server, &self.ssh) {
            (Some(server), _) => format!("http://127.0.0.1:{}/{repository}", server.port),
            (None, Some(ssh)) => {
                trust.host_keys = Some(ssh.known_by("host_ed25519"));
                format!("ssh://{}@127.0.0.1:{}{}", ssh.user, ssh.port, path.display())
            }
            (None, None) => format!("file://{}", path.display()),
        };
        let name = "gitops".parse().unwrap();
        RemoteSettings { name, url, credentials, trust, speaker: self.speaker, pushes: None }
    }

    pub fn settings(&self) -> RemoteSettings {
        let credentials = match (&self.server, &self.ssh) {
            (Some(_), _) => basic(PASSWORD),
            (None, Some(ssh)) => ssh.key("key", None),
            (None, None) => Credentials::None,
        };
        self.settings_for("gitops.git", credentials)
    }

    pub fn mirror(&self) -> Mirror {
        Mirror::open(self.settings(), &self.data()).unwrap()
    }

    /// One more mirror of the same remote, as another machine would keep it.
    pub fn other_mirror(&self, name: &str) -> Mirror {
        Mirror::open(self.settings(), &self.directory.path().join(name)).unwrap()
    }

    /// Runs `git` in the bare repository and gives what it printed.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.bare(), arguments)
    }

    /// Installs a hook on the server.
    pub fn hook(&self, name: &str, script: &str) {
        let path = self.bare().join("hooks").join(name);
        std::fs::create_dir_all(self.bare().join("hooks")).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// The server's user with this password.
pub fn basic(password: &str) -> Credentials {
    Credentials::Basic { username: USER.into(), password: password.to_owned().into() }
}

/// Runs `git` and gives what it printed; it must succeed.
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    let mut command = Command::new("git");
    let output = command.arg("-C").arg(directory).args(author).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// hoist as an author, at a time that stands still.
pub fn bot() -> Signature {
    Signature {
        name: "hoist".into(),
        email: "hoist@example.com".into(),
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
    }
}

/// A commit with these files; `None` deletes.
pub fn spec(parents: &[&CommitId], files: &[(&str, Option<&str>)]) -> CommitSpec {
    let files: BTreeMap<String, Option<Vec<u8>>> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.map(|text| text.as_bytes().to_vec())))
        .collect();
    CommitSpec {
        parents: parents.iter().map(|id| (*id).clone()).collect(),
        files,
        message: "shop: 1.4.2 into staging\n\nHoist-Version: 1.4.2\n".into(),
        author: bot(),
    }
}

/// Moves `name` from `expected` to `new`.
pub fn update(name: &str, expected: Option<&CommitId>, new: Option<&CommitId>) -> RefUpdate {
    RefUpdate { name: name.into(), expected: expected.cloned(), new: new.cloned() }
}
