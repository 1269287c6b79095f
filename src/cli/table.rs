//! Columns that stand under one another.

use std::fmt;

use anstyle::Style;

use super::output::FAINT;
use super::words::one_line;

/// What stands between two columns.
const GAP: &str = "  ";

/// One cell: a text on one line, and how it looks.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A plain cell; what is not there at all is shown as `-`.
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        let text = one_line(text.as_ref());
        Self { text: if text.is_empty() { "-".to_owned() } else { text }, style: Style::new() }
    }

    pub(super) fn or_none<T: AsRef<str>>(text: Option<T>) -> Self {
        Self::new(text.as_ref().map_or("", AsRef::as_ref))
    }

    pub(super) fn styled(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// A table of `N` columns under their headings.
pub(super) struct Table<const N: usize> {
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(|heading| Cell::new(heading).styled(FAINT))] }
    }

    pub(super) fn row(&mut self, cells: [Cell; N]) {
        self.rows.push(cells);
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        for row in &self.rows {
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                let Cell { text, style } = cell;
                write!(f, "{style}{text}{style:#}")?;
                // Nothing is written behind the last column, which may be wider than the terminal.
                if column + 1 < N {
                    write!(f, "{:1$}{GAP}", "", width - cell.width())?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another() {
        let mut table = Table::new(["NAME", "STATE", "WHY"]);
        table.row([Cell::new("shop"), Cell::new("held"), Cell::new("too\nslow")]);
        table.row([Cell::new("größe"), Cell::or_none(None::<&str>), Cell::new("")]);
        let text = anstream::adapter::strip_str(&table.to_string()).to_string();
        insta::assert_snapshot!(text, @r"
        NAME   STATE  WHY
        shop   held   too slow
        größe  -      -
        ");
    }
}
