//! A bare repository, and a person who works on it with plain Git.

use std::path::{Path, PathBuf};
use std::process::Command;

use hoist::adapters::git::{Credentials, Mirror, RemoteSettings, Speaker, Trust};
use hoist::domain::id::CommitId;
use tempfile::TempDir;

/// A bare repository with a `main`, and a clone in which a person works.
pub struct Remote {
    dir: TempDir,
    bare: PathBuf,
    clone: PathBuf,
}

impl Remote {
    /// Holds one commit on `main` with these files.
    pub fn with_main(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (bare, clone) = (dir.path().join("remote.git"), dir.path().join("person"));
        git(dir.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"]);
        git(dir.path(), &["init", "--quiet", "--initial-branch=main", "person"]);
        git(&clone, &["remote", "add", "origin", bare.to_str().unwrap()]);
        let remote = Self { dir, bare, clone };
        for (path, text) in files {
            remote.write(path, text);
        }
        remote.commit("begin");
        git(&remote.clone, &["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
        remote
    }

    /// Where it is, for those who go through the file system.
    pub fn url(&self) -> String {
        format!("file://{}", self.bare.display())
    }

    /// The bare repository's folder.
    pub fn path(&self) -> &Path {
        &self.bare
    }

    /// A new process's mirror of it, which knows nothing yet.
    pub fn mirror(&self) -> Mirror {
        let data = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        let name = "gitops".parse().unwrap();
        let (credentials, trust) = (Credentials::None, Trust::default());
        let settings = RemoteSettings {
            name,
            url: self.url(),
            credentials,
            trust,
            speaker: Speaker::Own,
            pushes: None,
        };
        Mirror::open(settings, &data).unwrap()
    }

    /// A person writes one file upon `from` and pushes that as `branch`.
    pub fn push(&self, branch: &str, from: &str, path: &str, text: &str) -> CommitId {
        self.check_out(from);
        self.write(path, text);
        self.commit(&format!("write {path}"));
        self.push_head(branch)
    }

    /// A person adds files to `main`, of which one can be run as a program.
    pub fn add(&self, files: &[(&str, &[u8])], program: &str) -> CommitId {
        self.check_out("main");
        for (path, bytes) in files {
            std::fs::write(self.clone.join(path), bytes).unwrap();
        }
        git(&self.clone, &["add", "--all"]);
        git(&self.clone, &["update-index", "--chmod=+x", program]);
        git(&self.clone, &["commit", "--quiet", "-m", "add files"]);
        self.push_head("main")
    }

    /// A person adds text files to `main`.
    pub fn add_files(&self, files: &[(String, String)]) -> CommitId {
        self.check_out("main");
        files.iter().for_each(|(path, text)| self.write(path, text));
        self.commit("add more");
        self.push_head("main")
    }

    /// A person removes a file from a branch.
    pub fn remove(&self, branch: &str, path: &str) -> CommitId {
        self.check_out(branch);
        std::fs::remove_file(self.clone.join(path)).unwrap();
        self.commit(&format!("remove {path}"));
        self.push_head(branch)
    }

    /// A person puts a branch where they like, whatever was there.
    pub fn put(&self, branch: &str, at: &CommitId) {
        git(&self.clone, &["fetch", "--quiet", "--prune", "origin"]);
        let refspec = format!("+{at}:refs/heads/{branch}");
        git(&self.clone, &["push", "--quiet", "origin", &refspec]);
    }

    /// A person deletes a branch.
    pub fn delete(&self, branch: &str) {
        git(&self.clone, &["push", "--quiet", "origin", &format!(":refs/heads/{branch}")]);
    }

    /// A person merges with plain Git, asking nobody.
    pub fn merge_by_hand(&self, branch: &str, target: &str) -> CommitId {
        self.check_out(target);
        let theirs = format!("origin/{branch}");
        git(&self.clone, &["merge", "--quiet", "--no-ff", "-m", "by hand", &theirs]);
        self.push_head(target)
    }

    /// A person reverts the merge at a branch's tip, as a forge's Revert button does.
    pub fn revert(&self, branch: &str) -> CommitId {
        self.check_out(branch);
        git(&self.clone, &["revert", "--no-edit", "-m", "1", "HEAD"]);
        self.push_head(branch)
    }

    /// A person moves the target up to the branch's tip, without a merge commit.
    pub fn fast_forward(&self, target: &str, branch: &str) -> CommitId {
        let tip = self.tip(branch).unwrap();
        self.put(target, &tip);
        tip
    }

    /// What a branch points at now.
    pub fn tip(&self, branch: &str) -> Option<CommitId> {
        let out = git(&self.bare, &["for-each-ref", "--format=%(objectname)", &heads(branch)]);
        (!out.is_empty()).then(|| out.parse().unwrap())
    }

    /// What plain Git answers in the bare repository.
    pub fn ask(&self, args: &[&str]) -> String {
        git(&self.bare, args)
    }

    fn check_out(&self, from: &str) {
        git(&self.clone, &["fetch", "--quiet", "--prune", "origin"]);
        git(&self.clone, &["checkout", "--quiet", "--detach", &format!("origin/{from}")]);
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.clone.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn commit(&self, message: &str) {
        git(&self.clone, &["add", "--all"]);
        git(&self.clone, &["commit", "--quiet", "--allow-empty", "-m", message]);
    }

    fn push_head(&self, branch: &str) -> CommitId {
        let refspec = format!("+HEAD:{}", heads(branch));
        git(&self.clone, &["push", "--quiet", "origin", &refspec]);
        git(&self.clone, &["rev-parse", "HEAD"]).parse().unwrap()
    }
}

fn heads(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// Runs Git with nothing of the machine's own settings, and gives what it printed.
fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(dir).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "A Person");
        command.env(format!("GIT_{role}_EMAIL"), "person@example.com");
        command.env(format!("GIT_{role}_DATE"), "2026-01-05T09:00:00Z");
    }
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "git {} failed: {said}", args.join(" "));
    String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
}
