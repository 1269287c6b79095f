//! Several scalars of one text changed, and nothing else.

use super::near;
use super::place::{Place, describe, resolve_all, shortened};
use super::proof;
use super::reading::Reading;
use super::refusal::Refusal;
use super::scalar;
use super::scan::{Kind, Scan, Style};

/// One scalar's change, with the old value it expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where the scalar stands.
    pub place: Place,
    /// The value it must hold now: whoever decided on this edit saw that one.
    pub expect: String,
    /// The value it gets.
    pub value: String,
}

/// A text after its edits, proved to hold them and no other change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The whole text.
    pub text: Vec<u8>,
    /// What changed, in the order of the text; an edit to the value that stands there changes nothing.
    pub changes: Vec<Change>,
}

/// One scalar that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it stands.
    pub place: Place,
    /// Its line, counted from 1, in the text before.
    pub line: usize,
    /// The value before.
    pub before: String,
    /// The value now.
    pub after: String,
}

/// A scalar's token in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) node: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) style: Style,
}

/// Changes scalars and nothing else, proves that, and gives the new text.
///
/// Each token keeps its style, except that a plain one is quoted where some YAML reader would not take
/// the plain text for this string.
pub fn edit(text: &[u8], edits: &[Edit]) -> Result<Edited, Refusal> {
    let scan = Scan::read(text)?;
    let spans = spans(&scan, edits.iter().map(|edit| &edit.place))?;
    let mut order: Vec<(Span, &Edit)> = spans.into_iter().zip(edits).collect();
    order.sort_unstable_by_key(|(span, _)| span.start);
    let mut after = Vec::with_capacity(text.len() + 64 * edits.len());
    let mut changes = Vec::with_capacity(edits.len());
    let mut copied = 0;
    for (index, (span, edit)) in order.iter().enumerate() {
        if index > 0 && order[index - 1].0.node == span.node {
            let why = "two edits of one request want it";
            let hint = "ask for one value only";
            let at = scan.position(span.node);
            return Err(Refusal::new(edit.place.to_string(), why, hint).at(at));
        }
        after.extend_from_slice(&text[copied..span.start]);
        copied = span.end;
        match token(&scan, span, edit)? {
            Some(token) => {
                after.extend_from_slice(token.as_bytes());
                changes.push(Change {
                    place: edit.place.clone(),
                    line: scan.nodes[span.node].line,
                    before: edit.expect.clone(),
                    after: edit.value.clone(),
                });
            }
            None => after.extend_from_slice(&text[span.start..span.end]),
        }
    }
    after.extend_from_slice(&text[copied..]);
    if !near::proves(&scan, &after, &order) {
        let reading = Reading::of(&scan).map_err(|unread| unread.refusal())?;
        proof::prove_whole((&scan, &reading), &after, edits).map_err(|not_proved| {
            let why = format!("the edit could not be proved exact: {not_proved}");
            let hint = "edit it by hand; if this is ordinary YAML, please report it as a bug";
            Refusal::new("the file", why, hint)
        })?;
    }
    Ok(Edited { text: after, changes })
}

/// The new token, or nothing where the value stands there already.
fn token(scan: &Scan<'_>, span: &Span, edit: &Edit) -> Result<Option<String>, Refusal> {
    let node = &scan.nodes[span.node];
    if node.value != edit.expect {
        let why = format!("`{}` was expected here", shortened(&edit.expect));
        let hint = "the file changed meanwhile: look again";
        return Err(Refusal::new(describe(scan, span.node), why, hint).at(scan.position(span.node)));
    }
    if edit.value == edit.expect {
        return Ok(None);
    }
    scalar::write(scan.rewritten(span.style), &edit.value).map(|(_, token)| Some(token)).map_err(
        |_| {
            let why = format!("`{}` cannot be written in single quotes", shortened(&edit.value));
            let hint = "put the value in double quotes, or choose one without control characters";
            Refusal::new(describe(scan, span.node), why, hint).at(scan.position(span.node))
        },
    )
}

/// Finds the tokens of places, each read again and found to say what the parser saw.
pub(super) fn spans<'p>(
    scan: &Scan<'_>,
    places: impl IntoIterator<Item = &'p Place>,
) -> Result<Vec<Span>, Refusal> {
    let nodes: Result<Vec<usize>, Refusal> = resolve_all(scan, places).into_iter().collect();
    spans_of(scan, &nodes?).into_iter().collect()
}

/// The tokens of nodes, in the order given.
pub(super) fn spans_of(scan: &Scan<'_>, nodes: &[usize]) -> Vec<Result<Span, Refusal>> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_unstable_by_key(|index| nodes[*index]);
    let starts = scan.offsets(order.iter().map(|index| nodes[*index]));
    let mut spans: Vec<(usize, Result<Span, Refusal>)> = order
        .into_iter()
        .zip(starts)
        .map(|(index, start)| (index, span(scan, nodes[index], start)))
        .collect();
    spans.sort_unstable_by_key(|(index, _)| *index);
    spans.into_iter().map(|(_, span)| span).collect()
}

fn span(scan: &Scan<'_>, node: usize, start: usize) -> Result<Span, Refusal> {
    let found = &scan.nodes[node];
    let end = match found.kind {
        Kind::Scalar(style) => scalar::token_end(scan.text, start, style, &found.value)
            .map(|end| Span { node, start, end, style }),
        Kind::Mapping | Kind::Sequence | Kind::Alias(_) => None,
    };
    end.ok_or_else(|| {
        let why = "two readings of its text disagree";
        let hint = "rewrite the value on one line, plain or in quotes";
        Refusal::new(describe(scan, node), why, hint).at(scan.position(node))
    })
}
