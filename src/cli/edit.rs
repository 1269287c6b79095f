//! `hoist edit`: changes values of a file that hoist has nothing else to do with.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::app::edit::{EditRefused, edit_text};

use super::failure::Trouble;
use super::output::{Format, Output};
use super::table::{Cell, Table};

/// What `hoist edit` is told.
#[derive(Debug, Args)]
#[command(after_help = "Comments, quotes, line ends and everything else stay as they are. The \
                        edited file is printed; --write puts it in the file's place instead. With \
                        --output json the changes are printed instead of the file.")]
pub(super) struct EditArgs {
    /// The file; `-` is standard input.
    file: PathBuf,

    /// Where a value stands: `image.tag`, `containers[name=web].image`, `a["b.c"][0]`, or a JSON
    /// Pointer, `/image/tag`. May stand several times, each with its --to.
    #[arg(long, value_name = "PATH", required = true)]
    at: Vec<String>,

    /// The value it gets.
    #[arg(long, value_name = "VALUE", required = true, allow_negative_numbers = true)]
    to: Vec<String>,

    /// Which document of the file, counted from 0; without it the one that has the path.
    #[arg(long, value_name = "N")]
    document: Option<usize>,

    /// Write the file instead of printing it; its permissions stay.
    #[arg(long)]
    write: bool,
}

/// What was edited, for programs.
#[derive(Serialize)]
struct EditView<'a> {
    file: String,
    written: bool,
    changes: Vec<ChangeView<'a>>,
}

/// One value that changed.
#[derive(Serialize)]
struct ChangeView<'a> {
    document: usize,
    pointer: &'a str,
    line: usize,
    before: &'a str,
    after: &'a str,
}

impl EditArgs {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Trouble> {
        let pairs = self.pairs()?;
        let name = self.name();
        let text = self.read()?;
        let edited = edit_text(&text, &pairs, self.document).map_err(|refused| match refused {
            EditRefused::Path(error) => Trouble::usage(
                error.to_string(),
                "write --at as `image.tag`, `containers[name=web].image` or `/image/tag`",
            ),
            EditRefused::Text(refusal) => {
                Trouble::Failed { what: format!("{name}: {refusal}"), next: None }
            }
        })?;
        if self.write && edited.text != text {
            replace(&self.file, &edited.text).map_err(|error| {
                let next = "the file is as it was; without --write the edited file is printed";
                Trouble::failed(format!("{name} cannot be written: {error}"), next)
            })?;
        }
        if !self.write && out.format() == Format::Table {
            return Ok(out.bytes(&edited.text)?);
        }
        let changes = edited.changes.iter().map(|change| ChangeView {
            document: change.place.document,
            pointer: &change.place.pointer,
            line: change.line,
            before: &change.before,
            after: &change.after,
        });
        let view = EditView { file: name, written: self.write, changes: changes.collect() };
        Ok(out.answer(&view, told)?)
    }

    /// Each path with its value, in the order typed.
    fn pairs(&self) -> Result<Vec<(String, String)>, Trouble> {
        if self.at.len() != self.to.len() {
            return Err(Trouble::usage(
                format!("--at stands {} times and --to {} times", self.at.len(), self.to.len()),
                "give each --at PATH its --to VALUE, in the same order",
            ));
        }
        Ok(self.at.iter().cloned().zip(self.to.iter().cloned()).collect())
    }

    fn is_standard_input(&self) -> bool {
        self.file == Path::new("-")
    }

    fn name(&self) -> String {
        if self.is_standard_input() {
            "standard input".to_owned()
        } else {
            self.file.display().to_string()
        }
    }

    fn read(&self) -> Result<Vec<u8>, Trouble> {
        if self.is_standard_input() && self.write {
            let next = "leave --write out: the edited text is printed";
            return Err(Trouble::usage("standard input cannot be written", next));
        }
        let read = if self.is_standard_input() {
            let mut text = Vec::new();
            io::stdin().lock().read_to_end(&mut text).map(|_| text)
        } else {
            fs::read(&self.file)
        };
        read.map_err(|error| {
            let next = "name a file that you may read, or `-` for standard input";
            Trouble::failed(format!("{} cannot be read: {error}", self.name()), next)
        })
    }
}

fn told(view: &EditView<'_>) -> String {
    if view.changes.is_empty() {
        return format!("{}: nothing to change, the values stand there already", view.file);
    }
    let mut table = Table::new(["LINE", "VALUE", "BEFORE", "NOW"]);
    for change in &view.changes {
        let line = change.line.to_string();
        let cells = [line.as_str(), change.pointer, change.before, change.after];
        table.row(cells.map(Cell::new));
    }
    table.to_string()
}

/// Puts `text` in the place of a file, all of it or nothing.
///
/// A reader sees the old file or the new one and never a part: the text is written beside it, with
/// the same permissions, and renamed. A link stays a link, and what it leads to is replaced.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let before = fs::metadata(&file)?;
    let permissions = before.permissions();
    if permissions.readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let mut name = OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(format!(".hoist-{}", std::process::id()));
    let beside = file.with_file_name(name);
    let written = write_new(&beside, text, &before).and_then(|()| fs::rename(&beside, &file));
    if written.is_err() {
        // It may never have been made; what went wrong before is what matters.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, text: &[u8], before: &fs::Metadata) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    // Only the superuser may give a file away; for anybody else it is their own already, or becomes it.
    drop(fchown(&file, Some(before.uid()), Some(before.gid())));
    file.set_permissions(before.permissions())?;
    file.write_all(text)?;
    file.sync_all()
}
