//! `hoist verify`: did only version fields change?

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::app::ports::{Checkout, CheckoutError};
use crate::app::verify::{FileFindings, verify};
use crate::config;
use crate::domain::id::RepositoryName;
use crate::domain::pipeline::{Pipeline, Pipelines};

use super::failure::Trouble;
use super::output::{BAD, GOOD, Output};
use super::table::{Cell, Table};
use super::words::count;

/// Opens the Git repository that a folder is in.
pub type OpenCheckout<'w> = &'w dyn Fn(&Path) -> Result<Box<dyn Checkout>, CheckoutError>;

/// What `hoist verify` is told.
#[derive(Debug, Args)]
#[command(after_help = "Of the configuration only the pipelines file is read: no secret and no \
                        running hoist is needed. It is read as it lies there, not as of a \
                        revision. A version field is what any of its rules names, in any \
                        environment. Files that came, went or moved, modes and all other lines \
                        are listed, and end it with 1. The two revisions themselves are compared; \
                        where the base has moved on, give `git merge-base BASE HEAD` as --base.")]
pub(super) struct VerifyArgs {
    /// The revision before: a branch, a tag, a commit, `HEAD~1`.
    #[arg(long, value_name = "REV")]
    base: String,

    /// The revision after.
    #[arg(long, value_name = "REV")]
    head: String,

    /// The Git repository, or a folder in it.
    #[arg(long, value_name = "PATH", default_value = ".")]
    repository: PathBuf,

    /// The pipelines file with the rules.
    #[arg(long, value_name = "PATH", default_value = "config/pipelines.yaml")]
    pipelines: PathBuf,

    /// The repository's name in the pipelines file, where that is about several.
    #[arg(long = "as", value_name = "NAME")]
    name: Option<RepositoryName>,
}

/// What was found, for programs.
#[derive(Serialize)]
struct VerifyView<'a> {
    base: String,
    head: String,
    only_versions: bool,
    files: Vec<FileView<'a>>,
}

/// One changed file.
#[derive(Serialize)]
struct FileView<'a> {
    path: &'a str,
    fields: Vec<FieldView<'a>>,
    others: Vec<OtherView<'a>>,
}

/// A version field that changed.
#[derive(Serialize)]
struct FieldView<'a> {
    document: usize,
    pointer: &'a str,
    line: usize,
    before: &'a str,
    after: &'a str,
}

/// Something else that changed.
#[derive(Serialize)]
struct OtherView<'a> {
    line: Option<usize>,
    what: &'a str,
}

impl<'a> From<&'a FileFindings> for FileView<'a> {
    fn from(file: &'a FileFindings) -> Self {
        let fields = file.fields.iter().map(|change| FieldView {
            document: change.place.document,
            pointer: &change.place.pointer,
            line: change.line,
            before: &change.before,
            after: &change.after,
        });
        let others = file.others.iter().map(|it| OtherView { line: it.line, what: &it.what });
        Self { path: &file.path, fields: fields.collect(), others: others.collect() }
    }
}

impl VerifyArgs {
    pub(super) fn run(self, open: OpenCheckout<'_>, out: &mut Output) -> Result<(), Trouble> {
        let pipelines = self.read_pipelines()?;
        let rules = self.rules_of_here(&pipelines)?;
        let checkout = open(&self.repository)?;
        let (base, head) = (checkout.resolve(&self.base)?, checkout.resolve(&self.head)?);
        let findings = verify(checkout.as_ref(), &rules, &base, &head)?;
        let otherwise = findings.iter().filter(|file| !file.others.is_empty()).count();
        let view = VerifyView {
            base: base.to_string(),
            head: head.to_string(),
            only_versions: otherwise == 0,
            files: findings.iter().map(FileView::from).collect(),
        };
        out.answer(&view, told)?;
        match otherwise {
            0 => Ok(()),
            _ => Err(Trouble::failed(
                format!(
                    "more than version fields changed in {} of {}",
                    otherwise,
                    count(findings.len(), ["file", "files"])
                ),
                "propose the rest by itself, or add a rule for it to the pipelines file",
            )),
        }
    }

    fn read_pipelines(&self) -> Result<Pipelines, Trouble> {
        let file = self.pipelines.display().to_string();
        let text = fs::read_to_string(&self.pipelines).map_err(|error| {
            let next = "name the file with the rules: --pipelines PATH";
            Trouble::failed(format!("{file} cannot be read: {error}"), next)
        })?;
        config::pipelines_alone(&text, &file).map_err(|problems| {
            let lines: String = problems.iter().map(|problem| format!("\n{problem}")).collect();
            let next = "mend these; `hoist check` tells the same";
            Trouble::failed(format!("the pipelines file cannot be used{lines}"), next)
        })
    }

    /// The pipelines of the repository that is looked at: a path means another file in another.
    fn rules_of_here<'p>(&self, pipelines: &'p Pipelines) -> Result<Vec<&'p Pipeline>, Trouble> {
        let names: BTreeSet<_> = pipelines.values().map(|it| &it.repository).collect();
        let known = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let here = match &self.name {
            Some(name) if names.contains(name) => Some(name),
            Some(name) => {
                let what = format!("no pipeline is about a repository `{name}`");
                return Err(Trouble::usage(what, format!("name one of: {known}")));
            }
            None if names.len() > 1 => {
                let what = format!("the pipelines are about several repositories: {known}");
                return Err(Trouble::usage(what, "say which of them this is: --as NAME"));
            }
            None => None,
        };
        let is_here = |it: &&Pipeline| here.is_none_or(|name| it.repository == *name);
        Ok(pipelines.values().filter(is_here).collect())
    }
}

impl From<CheckoutError> for Trouble {
    fn from(error: CheckoutError) -> Self {
        let next = match &error {
            CheckoutError::NoRepository(_) => "name a Git repository here: --repository PATH",
            CheckoutError::NotOurs(_) => {
                "if you trust it: git config --global --add safe.directory PATH"
            }
            CheckoutError::UnknownRevision(_) => {
                "name a branch, a tag or a commit that is there; a shallow clone lacks the older \
                 ones, and other branches are named origin/BRANCH"
            }
            CheckoutError::Ambiguous(_) => "write more digits of the commit's id",
            CheckoutError::Unreadable(cause) => {
                let what = format!("{error}: {cause:#}");
                return Self::failed(what, "try `git fsck` there; it tells what is broken");
            }
        };
        Self::failed(error.to_string(), next)
    }
}

fn told(view: &VerifyView<'_>) -> String {
    if view.files.is_empty() {
        return "nothing differs between the two revisions".to_owned();
    }
    let mut table = Table::new(["FILE", "LINE", "WHAT", "CHANGE"]);
    let mut fields = 0;
    for file in &view.files {
        for field in &file.fields {
            fields += 1;
            table.row([
                Cell::new(file.path),
                Cell::new(field.line.to_string()),
                Cell::new("version").styled(GOOD),
                Cell::new(format!("{}: {} → {}", field.pointer, field.before, field.after)),
            ]);
        }
        for other in &file.others {
            table.row([
                Cell::new(file.path),
                Cell::or_none(other.line.map(|line| line.to_string())),
                Cell::new("other").styled(BAD),
                Cell::new(other.what),
            ]);
        }
    }
    if view.only_versions {
        let fields = count(fields, ["version field", "version fields"]);
        let files = count(view.files.len(), ["file", "files"]);
        return format!("{table}\nonly versions changed: {fields} in {files}");
    }
    table.to_string()
}
