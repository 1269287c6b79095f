//! The mirror on disk: who may use it, what a crash left behind, and starting anew.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use git2::{Repository, RepositoryInitOptions};

use crate::app::ports::GitError;
use crate::domain::id::RepositoryName;

/// Makes an empty bare repository, as `git init --bare --initial-branch` does; one that is there stays.
pub fn create_bare(path: &Path, initial_branch: &str) -> Result<(), GitError> {
    make_bare(path, initial_branch).map_err(GitError::Mirror)
}

fn make_bare(path: &Path, initial_branch: &str) -> anyhow::Result<()> {
    if Repository::open_bare(path).is_ok() {
        return Ok(());
    }
    let mut options = RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).mkpath(true).initial_head(initial_branch);
    options.external_template(false);
    Repository::init_opts(path, &options)
        .with_context(|| format!("making a repository at {}", path.display()))?;
    Ok(())
}

/// Takes the lock, waiting a moment for whoever is just leaving: a process that ends while its
/// successor starts, or a child that was forked and has not begun its own program yet.
fn lock_soon(lock: &File) -> Result<(), TryLockError> {
    // Nobody sends; the channel is only the clock that a lint leaves us.
    let (_open, wait) = std::sync::mpsc::channel::<()>();
    for _ in 0..20 {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let _elapsed = wait.recv_timeout(std::time::Duration::from_millis(50));
            }
            taken_or_broken => return taken_or_broken,
        }
    }
    lock.try_lock()
}

/// A mirror's place on disk. As long as it lives, no other process of ours opens the same one.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    _lock: File,
}

impl Place {
    /// Claims the mirror of `name` under `data`.
    pub(super) fn claim(name: &RepositoryName, data: &Path) -> anyhow::Result<Self> {
        let mirrors = data.join("mirrors");
        fs::create_dir_all(&mirrors)
            .with_context(|| format!("making the directory {}", mirrors.display()))?;
        let lock_path = mirrors.join(format!("{name}.in-use"));
        let lock =
            File::create(&lock_path).with_context(|| format!("opening {}", lock_path.display()))?;
        match lock_soon(&lock) {
            Ok(()) => Ok(Self { path: mirrors.join(format!("{name}.git")), _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "another process uses the mirror of {name} under {}; one data directory serves one hoist",
                data.display()
            ),
            Err(TryLockError::Error(cause)) => {
                Err(cause).with_context(|| format!("locking {}", lock_path.display()))
            }
        }
    }

    /// Opens the mirror as it is, cleared of what a crash left; if it is in doubt, an empty new one.
    ///
    /// Everything in it can be fetched again, so a doubt never costs more than a fetch.
    pub(super) fn open(&self) -> anyhow::Result<Repository> {
        self.settle()?;
        if self.path.exists() {
            match sweep(&self.path, &self.path).and_then(|()| self.open_sound()) {
                Ok(repository) => return Ok(repository),
                Err(error) => tracing::warn!(
                    mirror = %self.path.display(),
                    "starting the mirror anew, it cannot be trusted: {error:#}"
                ),
            }
        }
        self.renew()
    }

    /// Ends what a process was about that was killed while it built a mirror anew.
    ///
    /// The old one is whole until the new one is in its place, and the new one only then known to be.
    fn settle(&self) -> anyhow::Result<()> {
        let old = self.beside("old");
        if !self.path.exists() && old.exists() {
            fs::rename(&old, &self.path)
                .with_context(|| format!("taking back {}", old.display()))?;
        }
        remove_tree(&old)?;
        remove_tree(&self.beside("new"))
    }

    /// Where another mirror of the same repository is for a while.
    fn beside(&self, which: &str) -> PathBuf {
        self.path.with_extension(format!("git.{which}"))
    }

    /// Replaces the mirror by an empty one, made beside it and swapped in.
    fn renew(&self) -> anyhow::Result<Repository> {
        drop(self.begin_anew()?);
        self.put_in_place()
    }

    /// Makes an empty mirror beside the one in use.
    pub(super) fn begin_anew(&self) -> anyhow::Result<Repository> {
        let fresh = self.beside("new");
        remove_tree(&fresh)?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).mkpath(true).external_template(false);
        Repository::init_opts(&fresh, &options)
            .with_context(|| format!("making a mirror at {}", fresh.display()))
    }

    /// Puts what was begun in the place of the one in use, which is left beside it.
    pub(super) fn put_in_place(&self) -> anyhow::Result<Repository> {
        let (fresh, old) = (self.beside("new"), self.beside("old"));
        remove_tree(&old)?;
        if self.path.exists() {
            fs::rename(&self.path, &old)
                .with_context(|| format!("setting aside {}", self.path.display()))?;
        }
        fs::rename(&fresh, &self.path)
            .with_context(|| format!("putting the new mirror at {}", self.path.display()))?;
        self.open_sound()
    }

    /// Removes the one that was in use before.
    pub(super) fn remove_old(&self) {
        let old = self.beside("old");
        if let Err(error) = remove_tree(&old) {
            tracing::warn!("the mirror that was in use before stays for now: {error:#}");
        }
    }

    /// Removes one that was begun and came to nothing.
    pub(super) fn remove_new(&self) {
        if let Err(error) = remove_tree(&self.beside("new")) {
            tracing::warn!("what was built of a new mirror stays for now: {error:#}");
        }
    }

    /// How many bytes its objects take.
    pub(super) fn weight(&self) -> u64 {
        weight_of(&self.path.join("objects"))
    }

    /// In how many packs its objects are.
    pub(super) fn packs(&self) -> usize {
        let entries = fs::read_dir(self.path.join(PACKS)).into_iter().flatten().flatten();
        entries.filter(|entry| is_pack(&entry.path())).count()
    }

    /// What it weighed when it was new, if that is known.
    pub(super) fn noted_weight(&self) -> Option<u64> {
        fs::read_to_string(self.path.join(WEIGHT)).ok()?.trim().parse().ok()
    }

    /// Keeps what it weighs now as what it weighed when it was new.
    pub(super) fn note_weight(&self) {
        let noted = fs::write(self.path.join(WEIGHT), format!("{}\n", self.weight()));
        if let Err(cause) = noted {
            tracing::warn!(mirror = %self.path.display(), "the mirror's weight cannot be kept: {cause}");
        }
    }

    fn open_sound(&self) -> anyhow::Result<Repository> {
        let repository = Repository::open_bare(&self.path)
            .with_context(|| format!("opening the mirror at {}", self.path.display()))?;
        check_sound(&repository)?;
        Ok(repository)
    }
}

/// The file in which a mirror's weight is kept.
const WEIGHT: &str = "hoist-weight";

/// What cannot be looked at weighs nothing: it is a bound and no account.
fn weight_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let weights = entries.map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => weight_of(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    });
    weights.sum()
}

/// Where a mirror's packs are.
const PACKS: &str = "objects/pack";

fn is_pack(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "pack")
}

/// How many bytes of a pack's end, and of its index's, are the pack's checksum.
const CHECKSUM: usize = 20;

/// Fails if a pack does not end as its index says: it was cut off.
pub(super) fn check_packs(mirror: &Path) -> anyhow::Result<()> {
    let folder = mirror.join(PACKS);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(cause).context("looking through the mirror's packs"),
    };
    for entry in entries {
        let pack = entry.context("looking through the mirror's packs")?.path();
        if !is_pack(&pack) {
            continue;
        }
        let shown = pack.display();
        let end = tail::<CHECKSUM>(&pack).with_context(|| format!("reading the end of {shown}"))?;
        let index = tail::<{ 2 * CHECKSUM }>(&pack.with_extension("idx"))
            .with_context(|| format!("reading the index of {shown}"))?;
        ensure!(index.starts_with(&end), "{shown} is not whole");
    }
    Ok(())
}

fn tail<const N: usize>(path: &Path) -> io::Result<[u8; N]> {
    let mut file = File::open(path)?;
    let length = i64::try_from(N).map_err(io::Error::other)?;
    file.seek(SeekFrom::End(-length))?;
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Fails if a ref cannot be read or names an object that is not there, or a pack is not whole.
///
/// libgit2 leaves out of its list a loose ref that it cannot read, so those are looked at one by one.
pub(super) fn check_sound(repository: &Repository) -> anyhow::Result<()> {
    check_packs(repository.path())?;
    let odb = repository.odb().context("opening the mirror's objects")?;
    for reference in repository.references().context("listing the mirror's refs")? {
        let reference = reference.context("reading a ref of the mirror")?;
        if let Some(target) = reference.target() {
            odb.read_header(target)
                .with_context(|| format!("reading {target}, which a ref names"))?;
        }
    }
    check_loose(repository, &repository.path().join("refs"))
}

fn check_loose(repository: &Repository, directory: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory).context("looking through the mirror's refs")? {
        let path = entry.context("looking through the mirror's refs")?.path();
        if path.is_dir() {
            check_loose(repository, &path)?;
            continue;
        }
        let name = path.strip_prefix(repository.path()).unwrap_or(&path).to_string_lossy();
        repository.find_reference(&name).with_context(|| format!("reading the mirror's {name}"))?;
    }
    Ok(())
}

/// Removes what a killed process leaves in a repository: locks, half-written packs and objects,
/// and refs that were created but never written.
///
/// Safe only while nobody else writes there, which [`Place::claim`] has made sure of.
fn sweep(mirror: &Path, directory: &Path) -> anyhow::Result<()> {
    let entries = fs::read_dir(directory)
        .with_context(|| format!("looking through {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("looking through {}", directory.display()))?;
        let path = entry.path();
        let kind = entry.file_type().with_context(|| format!("looking at {}", path.display()))?;
        if kind.is_dir() {
            sweep(mirror, &path)?;
        } else if is_leftover(mirror, &path) {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
            tracing::info!(file = %path.display(), "removed what a killed process left in the mirror");
        } else if path.starts_with(mirror.join("objects")) && is_empty(&path) {
            // Written, and never brought to the disk: others of that moment may be missing as well.
            bail!("{} is empty", path.display());
        }
    }
    Ok(())
}

fn is_leftover(mirror: &Path, path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let temporary = ["pack_git2_", "tmp_object_git2_", "tmp_pack_", "tmp_idx_", "tmp_obj_"];
    let in_refs = path.starts_with(mirror.join("refs"));
    name.ends_with(".lock")
        || temporary.iter().any(|prefix| name.starts_with(prefix))
        || (in_refs && is_empty(path))
}

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.len() == 0)
}

fn remove_tree(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(cause).with_context(|| format!("removing {}", path.display())),
    }
}
