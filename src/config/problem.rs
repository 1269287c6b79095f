//! What is wrong with a file, where, and what to do about it.

use std::fmt;

/// A place in a file, both numbers counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the person named it.
    pub file: String,
    /// Where in the file; none where the file itself is the problem.
    pub place: Option<Place>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}; {}", self.what, self.hint)
    }
}

/// Everything that is wrong with the configuration, in the order of the files. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 problem"),
            count => write!(f, "{count} problems"),
        }
    }
}

impl std::error::Error for Problems {}

/// Collects what is wrong with one file; reading goes on after each note.
pub(super) struct Notes<'a> {
    file: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Notes<'a> {
    pub(super) fn of(file: &'a str) -> Self {
        Self { file, problems: Vec::new() }
    }

    /// Notes a problem at a place.
    pub(super) fn add(&mut self, place: Place, what: impl Into<String>, hint: impl Into<String>) {
        self.push(Some(place), what.into(), hint.into());
    }

    /// Notes that the file as a whole is the problem.
    pub(super) fn add_for_file(&mut self, what: impl Into<String>, hint: impl Into<String>) {
        self.push(None, what.into(), hint.into());
    }

    fn push(&mut self, place: Option<Place>, what: String, hint: String) {
        self.problems.push(Problem { file: self.file.to_owned(), place, what, hint });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Puts the notes of several files together; `value` holds only if there are none.
    ///
    /// A value that is missing although nothing was noted would be a mistake of ours: it is
    /// reported as one, rather than started with half a configuration.
    pub(super) fn settle<T>(all: Vec<Self>, value: Option<T>) -> Result<T, Problems> {
        let mut problems = Vec::new();
        let first_file = all.first().map_or("", |notes| notes.file).to_owned();
        for mut notes in all {
            notes.problems.sort_by_key(|problem| problem.place);
            problems.append(&mut notes.problems);
        }
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            None if problems.is_empty() => Err(Problems(vec![Problem {
                file: first_file,
                place: None,
                what: "cannot be read, and hoist does not know why".to_owned(),
                hint: "this is a mistake in hoist: please report it with the file".to_owned(),
            }])),
            Some(_) | None => Err(Problems(problems)),
        }
    }
}
