//! The ways: hoist's mirror, and what scripts and other tools do with the `git` command line.

use std::collections::BTreeSet;
use std::path::Path;

use hoist::adapters::git::{Bounds, Credentials, Mirror, RemoteSettings, Speaker, Trust};
use hoist::app::ports::{CommitSpec, Git, RefOutcome, RefUpdate, Signature};
use hoist::yaml_edit::{Edit, Rule, Which, edit, find};

use crate::git_server::{PASSWORD, USER};
use crate::world::{MAIN, World, git, git_with};

/// A mirror of hoist's, kept in a folder.
pub fn open(url: &str, data: &Path, speaker: Speaker) -> Mirror {
    open_within((url, data), speaker, Bounds::default())
}

/// The same within other bounds.
pub fn open_within((url, data): (&str, &Path), speaker: Speaker, bounds: Bounds) -> Mirror {
    let settings = RemoteSettings {
        name: "gitops".parse().unwrap(),
        url: url.to_owned(),
        credentials: Credentials::Basic {
            username: USER.into(),
            password: PASSWORD.to_owned().into(),
        },
        trust: Trust::default(),
        speaker,
        pushes: None,
    };
    Mirror::open_within(settings, data, bounds).unwrap()
}

/// A promotion by hoist.
pub async fn promote(mirror: &Mirror, path: &str, branch: &str) {
    mirror.fetch().await.unwrap();
    let tip = mirror.tip(MAIN).await.unwrap().unwrap();
    // Nobody has made this commit before: what the server has already would not be sent.
    let version = branch.rsplit('/').next().unwrap_or(branch).to_owned();
    let files = mirror.read(&tip, BTreeSet::from([path.to_owned()])).await.unwrap();
    let text = &files[path];
    let fields = find(text, &Rule::path("image.tag").unwrap(), &Which::Matching).unwrap();
    let edits: Vec<Edit> = fields
        .into_iter()
        .map(|field| Edit { place: field.place, expect: field.value, value: version.clone() })
        .collect();
    let spec = CommitSpec {
        parents: vec![tip],
        files: [(path.to_owned(), Some(edit(text, &edits).unwrap().text))].into(),
        message: "shop: v2.0.0 into prod-eu\n".into(),
        author: Signature {
            name: "hoist".into(),
            email: "hoist@example.com".into(),
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
        },
    };
    let commit = mirror.commit(spec).await.unwrap();
    let update = RefUpdate { name: branch.into(), expected: None, new: Some(commit) };
    assert_eq!(mirror.push(vec![update]).await.unwrap(), [RefOutcome::Moved]);
}

/// A way of the command line's.
#[derive(Clone, Copy)]
pub enum CommandLine {
    /// A bare mirror, and an index that is thrown away.
    TemporaryIndex,
    /// A clone without history and without files but the one, kept.
    Sparse,
    /// A clone without history, kept and checked out.
    Shallow,
    /// A bare clone and a worktree for each promotion, as Kargo does.
    Worktree,
}

impl CommandLine {
    pub const ALL: [Self; 4] = [Self::TemporaryIndex, Self::Sparse, Self::Shallow, Self::Worktree];

    pub fn name(self) -> &'static str {
        match self {
            Self::TemporaryIndex => "index",
            Self::Sparse => "sparse",
            Self::Shallow => "shallow",
            Self::Worktree => "worktree",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::TemporaryIndex => "`git`: bare mirror, temporary index",
            Self::Sparse => "`git`: shallow, blobless, sparse clone, kept",
            Self::Shallow => "`git`: clone of depth 1, kept, checked out",
            Self::Worktree => "`git`: bare clone and worktree each time",
        }
    }

    pub fn promote(self, world: &World, path: &str, branch: &str) {
        let work = world.work(self.name());
        match self {
            Self::TemporaryIndex => by_index(world, &work, path, branch),
            Self::Sparse => {
                let folder = Path::new(path).parent().unwrap().to_str().unwrap();
                git(&work, &["sparse-checkout", "set", folder]);
                in_checkout(&work, path, branch);
            }
            Self::Shallow => in_checkout(&work, path, branch),
            Self::Worktree => {
                let tree = world.work("worktree-files");
                git(world.directory.path(), &clone(world, &["--bare"], self).each());
                git(&work, &["worktree", "add", "-q", "--detach", tree.to_str().unwrap(), "main"]);
                commit_and_push(&tree, path, branch);
                std::fs::remove_dir_all(&tree).unwrap();
                std::fs::remove_dir_all(&work).unwrap();
            }
        }
    }
}

/// Makes what a way keeps from one promotion to the next.
pub fn prepare(world: &World, way: CommandLine) {
    let options: &[&str] = match way {
        CommandLine::TemporaryIndex => &["--mirror"],
        CommandLine::Sparse => &["--depth=1", "--filter=blob:none", "--sparse"],
        CommandLine::Shallow => &["--depth=1"],
        CommandLine::Worktree => return,
    };
    git(world.directory.path(), &clone(world, options, way).each());
}

/// The words of a clone.
struct Clone(Vec<String>);

impl Clone {
    fn each(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

fn clone(world: &World, options: &[&str], way: CommandLine) -> Clone {
    let words = ["clone", "-q"].iter().chain(options).map(|it| (*it).to_owned());
    Clone(words.chain([world.url_with_password(), way.name().to_owned()]).collect())
}

fn by_index(world: &World, mirror: &Path, path: &str, branch: &str) {
    git(mirror, &["fetch", "-q", "origin", "+refs/heads/main:refs/heads/main"]);
    let text = git(mirror, &["show", &format!("main:{path}")]);
    let changed = world.work("changed.yaml");
    std::fs::write(&changed, text.replace("tag: v1.0.0", "tag: v2.0.0") + "\n").unwrap();
    let blob = git(mirror, &["hash-object", "-w", changed.to_str().unwrap()]);
    let index = world.work("index-file");
    let variables = [("GIT_INDEX_FILE", index.to_str().unwrap())];
    git_with(mirror, &variables, &["read-tree", "main"]);
    let entry = format!("100644,{blob},{path}");
    git_with(mirror, &variables, &["update-index", "--cacheinfo", &entry]);
    let tree = git_with(mirror, &variables, &["write-tree"]);
    let commit = git(mirror, &["commit-tree", &tree, "-p", "main", "-m", "v2.0.0 into prod-eu"]);
    // A mirror's own push would take all its refs along.
    git(mirror, &["push", "-q", &world.url_with_password(), &format!("{commit}:{branch}")]);
    std::fs::remove_file(index).unwrap();
}

fn in_checkout(work: &Path, path: &str, branch: &str) {
    git(work, &["fetch", "-q", "--depth=1", "origin", "main"]);
    git(work, &["checkout", "-q", "--detach", "FETCH_HEAD"]);
    commit_and_push(work, path, branch);
}

fn commit_and_push(work: &Path, path: &str, branch: &str) {
    let file = work.join(path);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("tag: v1.0.0", "tag: v2.0.0")).unwrap();
    git(work, &["commit", "-qam", "v2.0.0 into prod-eu"]);
    git(work, &["push", "-q", "origin", &format!("HEAD:{branch}")]);
}
