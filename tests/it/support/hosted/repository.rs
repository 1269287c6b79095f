//! The Git of simulated forges: a real bare repository.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

pub struct Repository {
    bare: PathBuf,
    /// What was found out of two commits stays so.
    unions: Mutex<BTreeMap<(String, String), Union>>,
    lines: Mutex<BTreeMap<(String, String), bool>>,
}

/// What Git says of bringing two commits together.
#[derive(Clone)]
pub enum Union {
    Tree(String),
    Conflict,
}

impl Repository {
    pub fn new(bare: &Path) -> Self {
        Self { bare: bare.to_owned(), unions: Mutex::default(), lines: Mutex::default() }
    }

    pub fn path(&self) -> &Path {
        &self.bare
    }

    /// All branches, to see whether anything moved. Read from where Git keeps them, as long as they
    /// were not packed: that is asked at every call, and each would start a program.
    pub fn branches(&self) -> String {
        if self.bare.join("packed-refs").exists() {
            return self.ask(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]);
        }
        let mut found = BTreeMap::new();
        loose("refs/heads", &self.bare.join("refs/heads"), &mut found);
        let lines: Vec<String> = found.iter().map(|(name, at)| format!("{name} {at}")).collect();
        lines.join("\n")
    }

    pub fn tip(&self, branch: &str) -> Option<String> {
        held(&self.bare.join("refs/heads").join(branch))
            .or_else(|| self.commit(&format!("refs/heads/{branch}")))
    }

    pub fn commit(&self, name: &str) -> Option<String> {
        let out = self.run(&["rev-parse", "--quiet", "--verify", &format!("{name}^{{commit}}")]);
        out.status.success().then(|| text(&out))
    }

    pub fn message(&self, commit: &str) -> String {
        self.ask(&["log", "-1", "--format=%B", commit])
    }

    pub fn has(&self, commit: &str, ancestor: &str) -> bool {
        let pair = (commit.to_owned(), ancestor.to_owned());
        let mut known = self.lines.lock().unwrap();
        let leads =
            || self.run(&["merge-base", "--is-ancestor", ancestor, commit]).status.success();
        *known.entry(pair).or_insert_with(leads)
    }

    /// The first commit on a branch's own line that has `head`.
    pub fn arrival(&self, target: &str, head: &str) -> String {
        let range = format!("{head}..{target}");
        let line =
            self.ask(&["rev-list", "--first-parent", "--ancestry-path", "--reverse", &range]);
        line.lines().next().unwrap_or(head).to_owned()
    }

    pub fn files(&self, base: &str, head: &str) -> Vec<String> {
        let range = format!("{base}...{head}");
        self.ask(&["diff", "--name-only", &range]).lines().map(str::to_owned).collect()
    }

    pub fn union(&self, onto: &str, head: &str) -> Union {
        let pair = (onto.to_owned(), head.to_owned());
        let mut known = self.unions.lock().unwrap();
        let union = || {
            let out = self.run(&["merge-tree", "--write-tree", onto, head]);
            if out.status.success() { Union::Tree(text(&out)) } else { Union::Conflict }
        };
        known.entry(pair).or_insert_with(union).clone()
    }

    /// Makes a commit and moves a branch to it.
    pub fn land(&self, branch: &str, tree: &str, parents: &[&str], message: &str) -> String {
        let commit = self.make(tree, parents, message);
        self.put(branch, &commit, parents[0]);
        commit
    }

    /// Makes a commit that no branch has.
    pub fn make(&self, tree: &str, parents: &[&str], message: &str) -> String {
        let mut args = vec!["commit-tree", tree, "-m", message];
        args.extend(parents.iter().flat_map(|parent| ["-p", parent]));
        self.ask(&args)
    }

    /// Puts the commits that `head` has and a branch has not onto the branch, each anew.
    pub fn replay(&self, branch: &str, tip: &str, head: &str) -> String {
        let mut onto = tip.to_owned();
        for commit in self.news(tip, head).iter().rev() {
            let tree = self.ask(&["merge-tree", "--write-tree", &onto, commit]);
            onto = self.make(&tree, &[&onto], &self.message(commit));
        }
        self.put(branch, &onto, tip);
        onto
    }

    /// Moves a branch to a commit.
    pub fn put(&self, branch: &str, commit: &str, from: &str) {
        self.ask(&["update-ref", &format!("refs/heads/{branch}"), commit, from]);
    }

    /// The commits that `head` has and `base` has not, newest first.
    pub fn news(&self, base: &str, head: &str) -> Vec<String> {
        let range = format!("{base}..{head}");
        self.ask(&["rev-list", &range]).lines().map(str::to_owned).collect()
    }

    pub fn delete(&self, branch: &str) {
        self.ask(&["update-ref", "-d", &format!("refs/heads/{branch}")]);
    }

    /// Writes an object of whatever kind.
    pub fn write(&self, kind: &str, bytes: &[u8]) -> String {
        self.feed(self.git(&["hash-object", "-w", "-t", kind, "--stdin"]), bytes)
    }

    /// Tells whether there is an object of this kind.
    pub fn holds(&self, object: &str, kind: &str) -> bool {
        let out = self.run(&["cat-file", "-t", object]);
        out.status.success() && text(&out) == kind
    }

    /// Writes a tree: another one after changes, in the lines that `git update-index` reads.
    pub fn tree(&self, base: Option<&str>, changes: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let mut git = self.git(args);
            git.env("GIT_INDEX_FILE", dir.path().join("index"));
            git
        };
        if let Some(base) = base {
            self.feed(git(&["read-tree", base]), b"");
        }
        self.feed(git(&["update-index", "--add", "--index-info"]), changes.as_bytes());
        self.feed(git(&["write-tree"]), b"")
    }

    /// What a command says that reads something.
    fn feed(&self, mut git: Command, input: &[u8]) -> String {
        git.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = git.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{git:?}");
        text(&out)
    }

    fn ask(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        text(&out)
    }

    fn run(&self, args: &[&str]) -> Output {
        self.git(args).output().unwrap()
    }

    fn git(&self, args: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.current_dir(&self.bare).args(args);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "GitHub");
            git.env(format!("GIT_{role}_EMAIL"), "noreply@github.example");
            git.env(format!("GIT_{role}_DATE"), "2026-01-05T11:00:00Z");
        }
        git
    }
}

/// The refs in a folder, as Git keeps each in a file of its own.
fn loose(name: &str, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) =
            (entry.path(), format!("{name}/{}", entry.file_name().to_string_lossy()));
        if path.is_dir() {
            loose(&name, &path, found);
        } else if !name.ends_with(".lock")
            && let Some(commit) = held(&path)
        {
            found.insert(name, commit);
        }
    }
}

/// What a ref's file holds, if it is there.
fn held(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| text.len() == 40)
}

fn text(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).trim_end().to_owned()
}
