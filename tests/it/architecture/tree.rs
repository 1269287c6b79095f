//! A source tree in memory, from the disk or planted by a test, and which module each file is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A module or an item, from its crate's name on: `["hoist", "domain", "plan"]`.
pub type ModulePath = Vec<String>;

/// The files under `src/`, by their path from the package's root.
#[derive(Clone, Default)]
pub struct Tree {
    pub files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads every Rust file under `src/`.
    pub fn from_disk(package: &Path) -> Self {
        let mut tree = Self::default();
        let mut folders = vec![package.join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|it| it == "rs") {
                    let name = path.strip_prefix(package).unwrap().to_str().unwrap().to_owned();
                    tree.files.insert(name, fs::read_to_string(&path).unwrap());
                }
            }
        }
        tree
    }

    /// Adds files, or writes over those of the same name.
    pub fn with(mut self, files: &[(&str, &str)]) -> Self {
        for (name, text) in files {
            self.files.insert((*name).to_owned(), (*text).to_owned());
        }
        self
    }
}

/// The module a file is: `src/domain/plan.rs` and `src/domain/plan/mod.rs` are `hoist::domain::plan`.
///
/// `src/main.rs` is a crate of its own, here called `main`, and `src/lib.rs` is `hoist`.
pub fn module_of(file: &str) -> ModulePath {
    let inner = file.trim_start_matches("src/").trim_end_matches(".rs");
    if inner == "main" {
        return vec!["main".to_owned()];
    }
    let mut path = vec!["hoist".to_owned()];
    path.extend(inner.split('/').map(str::to_owned));
    if path.last().is_some_and(|it| it == "mod" || it == "lib") {
        path.pop();
    }
    path
}
