//! The one place that writes to the terminal.

use std::io::{self, Write as _};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;

use super::words::printable;

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// A name, in bold.
pub const STRONG: Style = Style::new().bold();
/// A remark beside something.
pub const FAINT: Style = Style::new().dimmed();
/// It went well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// It is on its way.
pub const MOVING: Style = AnsiColor::Cyan.on_default();
/// Somebody keeps it.
pub const KEPT: Style = AnsiColor::Yellow.on_default();
/// It went wrong.
pub const BAD: Style = AnsiColor::Red.on_default();

/// Standard output and standard error; colours only where a terminal shows them.
///
/// `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` are obeyed (anstream does that).
pub struct Output {
    format: Format,
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
}

impl Output {
    /// The process's own two streams.
    pub fn new(format: Format) -> Self {
        Self { format, out: AutoStream::auto(io::stdout()), err: AutoStream::auto(io::stderr()) }
    }

    /// Writes an answer: `view` as JSON for programs, what `text` makes of it for people.
    pub(super) fn answer<T: Serialize>(
        &mut self,
        view: &T,
        text: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        let text = match self.format {
            Format::Table => text(view),
            Format::Json => serde_json::to_string_pretty(view)?,
        };
        self.out.write_all(text.trim_end_matches('\n').as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// Writes bytes as they are: past the stream that would take escape sequences out.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut raw = io::stdout().lock();
        raw.write_all(bytes)?;
        raw.flush()
    }

    /// How answers are to be written.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Says something beside the answer, on standard error.
    pub(super) fn note(&mut self, text: &str) {
        // Where standard error is closed, nobody can be told so.
        let _ = writeln!(self.err, "{}", printable(text));
    }

    /// Says what went wrong and what to do next, on standard error.
    pub fn complain(&mut self, what: &str, next: Option<&str>) {
        let red = BAD.bold();
        let _ = writeln!(self.err, "{red}error:{red:#} {}", printable(what));
        if let Some(next) = next {
            let _ = writeln!(self.err, "{STRONG}next:{STRONG:#}  {}", printable(next));
        }
    }
}
