//! The little Markdown that hoist writes: paragraphs, lists, tables, `code` and **strong**.
//!
//! Everything else stays the text that it is, HTML above all: the templates escape it.

use maud::{Markup, html};

use super::parts::spoken;

/// A piece of a text that stands by itself.
#[derive(Debug, PartialEq, Eq)]
enum Block<'a> {
    Paragraph(Vec<&'a str>),
    List(Vec<&'a str>),
    Table(Vec<Vec<&'a str>>),
}

/// Shows a text as its author meant it.
pub(super) fn markdown(text: &str) -> Markup {
    html! {
        div class="prose" {
            @for block in blocks(text) {
                @match block {
                    Block::Paragraph(lines) => p {
                        @for (at, line) in lines.iter().enumerate() {
                            @if at > 0 { br; }
                            (inline(line))
                        }
                    },
                    Block::List(items) => ul { @for item in items { li { (inline(item)) } } },
                    Block::Table(rows) => table {
                        @for row in rows { tr { @for cell in row { td { (inline(cell)) } } } }
                    },
                }
            }
        }
    }
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    // What a line of the same kind is added to; an empty line ends it.
    let mut open = None;
    for line in text.lines().map(str::trim_end) {
        let next = match (open.take(), line) {
            (before, "") => {
                blocks.extend(before);
                continue;
            }
            (before, line) => match (before, piece(line)) {
                (Some(Block::Paragraph(mut lines)), Block::Paragraph(more)) => {
                    lines.extend(more);
                    Block::Paragraph(lines)
                }
                (Some(Block::List(mut items)), Block::List(more)) => {
                    items.extend(more);
                    Block::List(items)
                }
                (Some(Block::Table(mut rows)), Block::Table(more)) => {
                    rows.extend(more);
                    Block::Table(rows)
                }
                (before, piece) => {
                    blocks.extend(before);
                    piece
                }
            },
        };
        open = Some(next);
    }
    blocks.extend(open);
    blocks
}

/// What a line is by itself.
fn piece(line: &str) -> Block<'_> {
    if let Some(item) = line.strip_prefix("- ") {
        return Block::List(vec![item]);
    }
    let inner = line.strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
    match inner {
        // The line under the headings says nothing to a reader.
        Some(inner) if inner.chars().all(|c| matches!(c, '-' | '|' | ':' | ' ')) => {
            Block::Table(Vec::new())
        }
        Some(inner) => Block::Table(vec![inner.split('|').map(str::trim).collect()]),
        None => Block::Paragraph(vec![line]),
    }
}

/// A line with its code and what is strong in it; nothing between backticks means anything.
fn inline(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return spoken(text);
    }
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (strong(part)) }
        }
    }
}

fn strong(text: &str) -> Markup {
    let parts: Vec<&str> = text.split("**").collect();
    let is_paired = !parts.len().is_multiple_of(2);
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at % 2 == 0 { (part) }
            @else if is_paired { strong { (part) } }
            @else { "**" (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hoist_writes_is_shown_as_it_was_meant() {
        let text = "**shop** in **prod**: `v1` → `v2`\n\n- `a.yaml` `/tag`: `**` → `v2`\n- b\n\n\
                    | image | `ghcr.io/acme/shop` |\n|---|---|\n| tag | `v2` |\n\nAsked for\nby";
        insta::assert_snapshot!(markdown(text).into_string(), @r#"<div class="prose"><p><strong>shop</strong> in <strong>prod</strong>: <code>v1</code> → <code>v2</code></p><ul><li><code>a.yaml</code> <code>/tag</code>: <code>**</code> → <code>v2</code></li><li>b</li></ul><table><tr><td>image</td><td><code>ghcr.io/acme/shop</code></td></tr><tr><td>tag</td><td><code>v2</code></td></tr></table><p>Asked for<br>by</p></div>"#);
    }

    #[test]
    fn html_stays_text() {
        let shown = markdown("<img src=x onerror=alert(1)>\n- <b>\n| <i> |\n[a](javascript:1)");
        let shown = shown.into_string();
        for tag in ["<img", "<b>", "<i>", "<a"] {
            assert!(!shown.contains(tag), "{shown}");
        }
    }
}
