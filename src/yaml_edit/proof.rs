//! The proof that two texts differ in the values of some scalars and in nothing else.
//!
//! Comparing what parsers read does not prove it: that misses comments swallowed or added and quotes
//! dropped. So the tokens are found again in both texts, from their places and not from the spans an
//! editor claims; everything around them must be the same bytes; then the events must be equal, and what
//! an unrelated parser reads.

use std::fmt;

use super::edit::{Change, Edit, Span, spans, spans_of};
use super::near::{self, Asked};
use super::place::{Place, resolve_all, shortened};
use super::reading::{self, Reading};
use super::refusal::Refusal;
use super::scalar;
use super::scan::{Kind, Scan, Style};

/// The most differences that are listed.
const MOST: usize = 20;

/// What differs though it should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotProved {
    /// Never empty. At most twenty, in the order of the text.
    pub differences: Vec<Difference>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its line in the text after, counted from 1, where there is one.
    pub line: Option<usize>,
    /// What differs.
    pub what: String,
}

impl fmt::Display for NotProved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for Difference { line, what } in &self.differences {
            f.write_str(between)?;
            match line {
                Some(line) => write!(f, "line {line}: {what}")?,
                None => f.write_str(what)?,
            }
            between = "; ";
        }
        Ok(())
    }
}

impl std::error::Error for NotProved {}

impl NotProved {
    fn because(what: impl Into<String>) -> Self {
        Self { differences: vec![Difference { line: None, what: what.into() }] }
    }

    fn on(line: usize, what: impl Into<String>) -> Self {
        Self { differences: vec![Difference { line: Some(line), what: what.into() }] }
    }
}

/// Proves that `after` is `before` with exactly these edits, and nothing else.
pub fn prove(before: &[u8], after: &[u8], edits: &[Edit]) -> Result<(), NotProved> {
    let scan = Scan::read(before)
        .map_err(|refusal| NotProved::because(format!("the text before: {refusal}")))?;
    let spans = located(&scan, edits, "before")?;
    let mut asked: Vec<Asked<'_>> = spans.into_iter().zip(edits).collect();
    asked.sort_unstable_by_key(|(span, _)| span.start);
    if near::proves(&scan, after, &asked) {
        return Ok(());
    }
    prove_whole((&scan, &read(&scan)?), after, edits)
}

/// As [`prove`], by reading all of both texts; all of the text before has been read already.
pub(super) fn prove_whole(
    (before, reading): (&Scan<'_>, &Reading),
    after: &[u8],
    edits: &[Edit],
) -> Result<(), NotProved> {
    let after = Scan::read(after)
        .map_err(|refusal| NotProved::because(format!("the text after: {refusal}")))?;
    let old = located(before, edits, "before")?;
    let new = located(&after, edits, "after")?;
    let targets = old.into_iter().zip(new).zip(edits).collect();
    exactly((before, reading), &after, targets)
}

/// As [`prove`], for two small texts whose nodes to be edited are known by number.
pub(super) fn prove_nodes(
    before: &Scan<'_>,
    after: &Scan<'_>,
    edits: &[(usize, &Edit)],
) -> Result<(), NotProved> {
    if before.nodes.len() != after.nodes.len() {
        return Err(NotProved::because("the values are built differently"));
    }
    let nodes: Vec<usize> = edits.iter().map(|(node, _)| *node).collect();
    let found = |scan: &Scan<'_>| -> Result<Vec<Span>, Refusal> {
        spans_of(scan, &nodes).into_iter().collect()
    };
    let unclear = |refusal: Refusal| NotProved::because(refusal.to_string());
    let (old, new) = (found(before).map_err(unclear)?, found(after).map_err(unclear)?);
    let targets = old.into_iter().zip(new).zip(edits.iter().map(|(_, edit)| *edit)).collect();
    exactly((before, &read(before)?), after, targets)
}

fn located(scan: &Scan<'_>, edits: &[Edit], which: &str) -> Result<Vec<Span>, NotProved> {
    spans(scan, edits.iter().map(|edit| &edit.place))
        .map_err(|refusal| NotProved::because(format!("the text {which}: {refusal}")))
}

/// The tokens, located in both texts, hold what was asked for, and all else is the same: its bytes, its
/// events, and what an unrelated parser reads.
fn exactly(
    (before, reading): (&Scan<'_>, &Reading),
    after: &Scan<'_>,
    targets: Vec<((Span, Span), &Edit)>,
) -> Result<(), NotProved> {
    for ((old, new), edit) in &targets {
        token_is_exact(before, after, edit, (old, new))?;
    }
    let mut wanted: Vec<(usize, &str)> = targets
        .iter()
        .filter(|(_, edit)| edit.value != edit.expect)
        .map(|((old, _), edit)| (old.node, edit.value.as_str()))
        .collect();
    wanted.sort_unstable();
    let mut pairs: Vec<(Span, Span)> = targets.into_iter().map(|(pair, _)| pair).collect();
    pairs.sort_unstable_by_key(|(old, _)| old.start);
    let pair = Pair { before, after };
    pair.same_bytes_outside(&pairs)?;
    pair.same_events_outside(&pairs)?;
    let places = before.ordinals(wanted.iter().map(|(node, _)| *node));
    let found = differences(reading, &read(after)?)?;
    let exact = found.len() == wanted.len()
        && found.iter().zip(places.iter().zip(&wanted)).all(|(found, (place, (_, value)))| {
            found.ordinals == *place && found.text.as_deref() == Some(*value)
        });
    if exact {
        Ok(())
    } else {
        Err(NotProved::because("a second YAML reader does not read exactly these changes"))
    }
}

/// Proves that `after` is `before` except for the values of some of the allowed places, and tells which.
///
/// This is what a proposal that people may push to is held against: they may write a value in another
/// style, but not make another type of it, and not touch anything else.
///
/// ```
/// use hoist::yaml_edit::{Place, only_changed};
/// let tag = Place { document: 0, pointer: "/tag".to_owned() };
/// let changes = only_changed(b"tag: v1\nn: 1\n", b"tag: v2\nn: 1\n", &[tag.clone()]).unwrap();
/// assert_eq!(changes[0].after, "v2");
/// let refused = only_changed(b"tag: v1\nn: 1\n", b"tag: v2\nn: 2\n", &[tag]).unwrap_err();
/// assert_eq!(refused.to_string(), "line 2: `n: 1` became `n: 2`");
/// ```
pub fn only_changed(
    before: &[u8],
    after: &[u8],
    allowed: &[Place],
) -> Result<Vec<Change>, NotProved> {
    if before == after {
        return Ok(Vec::new());
    }
    let unread = |which: &str, refusal: &dyn fmt::Display| {
        let mut not_proved = NotProved { differences: lines_differ(before, after) };
        let what = format!("the text {which} cannot be compared: {refusal}");
        not_proved.differences.insert(0, Difference { line: None, what });
        not_proved
    };
    let old = Scan::read(before).map_err(|refusal| unread("before", &refusal))?;
    let new = Scan::read(after).map_err(|refusal| unread("after", &refusal))?;
    let pair = Pair { before: &old, after: &new };
    let (places, pairs) = pair.common(allowed);
    pair.same_bytes_outside(&pairs)?;
    pair.same_events_outside(&pairs)?;
    for (_, pair_of) in places.iter().zip(&pairs) {
        pair.same_type(*pair_of)?;
    }
    let allowed = old.ordinals(pairs.iter().map(|(old, _)| old.node));
    let (old_end, new_end) = pair.reach(&pairs);
    let found = differences(&read_first(&old, old_end)?, &read_first(&new, new_end)?)?;
    if found.iter().any(|found| allowed.binary_search(&found.ordinals).is_err()) {
        return Err(NotProved::because("a second YAML reader sees other values changed"));
    }
    Ok(places
        .into_iter()
        .zip(&pairs)
        .filter(|(_, (a, b))| old.text[a.start..a.end] != new.text[b.start..b.end])
        .map(|(place, (a, b))| Change {
            place: place.clone(),
            line: old.nodes[a.node].line,
            before: old.nodes[a.node].value.clone(),
            after: new.nodes[b.node].value.clone(),
        })
        .collect())
}

/// The target holds what was expected, then what was asked for, written as this editor writes it.
fn token_is_exact(
    before: &Scan<'_>,
    after: &Scan<'_>,
    edit: &Edit,
    (old, new): (&Span, &Span),
) -> Result<(), NotProved> {
    let line = after.nodes[new.node].line;
    let held = &before.nodes[old.node].value;
    if *held != edit.expect {
        let what = format!("`{}` stood there, not the expected one", shortened(held));
        return Err(NotProved::on(line, what));
    }
    let found = &after.text[new.start..new.end];
    let expected = expected_token(before, (*old, edit));
    if after.nodes[new.node].value == edit.value && expected.as_deref() == Some(found) {
        return Ok(());
    }
    let what = format!("`{}` stands there, not `{}`", shortened(found), shortened(&edit.value));
    Err(NotProved::on(line, what))
}

/// How the asked value is written, if it can be; one that stands there already stays as it is.
pub(super) fn expected_token(before: &Scan<'_>, (old, edit): Asked<'_>) -> Option<String> {
    if edit.value == edit.expect {
        return before.text.get(old.start..old.end).map(str::to_owned);
    }
    scalar::write(before.rewritten(old.style), &edit.value).ok().map(|(_, token)| token)
}

/// Two texts that are compared.
#[derive(Clone, Copy)]
struct Pair<'p, 't> {
    before: &'p Scan<'t>,
    after: &'p Scan<'t>,
}

impl Pair<'_, '_> {
    /// The allowed places that hold an editable scalar in both, in the order of the text.
    fn common<'a>(&self, allowed: &'a [Place]) -> (Vec<&'a Place>, Vec<(Span, Span)>) {
        let mut both = Vec::new();
        let old = resolve_all(self.before, allowed);
        let new = resolve_all(self.after, allowed);
        for (place, nodes) in allowed.iter().zip(old.into_iter().zip(new)) {
            if let (Ok(old), Ok(new)) = nodes {
                both.push((place, old, new));
            }
        }
        both.sort_unstable_by_key(|(_, old, _)| *old);
        both.dedup_by_key(|(_, old, _)| *old);
        let nodes = |which: fn(&(&Place, usize, usize)) -> usize| -> Vec<usize> {
            both.iter().map(which).collect()
        };
        let old = spans_of(self.before, &nodes(|(_, old, _)| *old));
        let new = spans_of(self.after, &nodes(|(_, _, new)| *new));
        both.iter()
            .zip(old.into_iter().zip(new))
            .filter_map(|((place, _, _), spans)| match spans {
                (Ok(old), Ok(new)) => Some((*place, (old, new))),
                (Err(_), Ok(_) | Err(_)) | (Ok(_), Err(_)) => None,
            })
            .unzip()
    }

    /// Everything before, between and after the tokens is the same bytes.
    fn same_bytes_outside(&self, tokens: &[(Span, Span)]) -> Result<(), NotProved> {
        let (old, new) = (self.before.text, self.after.text);
        let mut at = (0, 0);
        let ends = tokens.iter().map(|(a, b)| ((a.start, b.start), (a.end, b.end)));
        for (starts, ends) in ends.chain([((old.len(), new.len()), (0, 0))]) {
            if old.get(at.0..starts.0) != new.get(at.1..starts.1) || starts.1 < at.1 {
                let mut differences = self.lines_outside(tokens);
                if differences.is_empty() {
                    let what = "text outside the version fields changed".to_owned();
                    differences.push(Difference { line: None, what });
                }
                return Err(NotProved { differences });
            }
            at = ends;
        }
        Ok(())
    }

    /// The differing lines once the values of the tokens are put aside.
    fn lines_outside(&self, tokens: &[(Span, Span)]) -> Vec<Difference> {
        let mut put_back = String::with_capacity(self.after.text.len());
        let mut at = 0;
        let mut sorted = tokens.to_vec();
        sorted.sort_unstable_by_key(|(_, new)| new.start);
        for (old, new) in &sorted {
            put_back.push_str(&self.after.text[at..new.start]);
            put_back.push_str(&self.before.text[old.start..old.end]);
            at = new.end;
        }
        put_back.push_str(&self.after.text[at..]);
        lines_differ(self.before.text.as_bytes(), put_back.as_bytes())
    }

    /// How much of each must be read to see all that can differ, when the bytes around the tokens are the
    /// same.
    fn reach(&self, tokens: &[(Span, Span)]) -> (usize, usize) {
        let (old, new) = (self.before.text, self.after.text);
        let changed = tokens
            .iter()
            .filter(|(a, b)| old[a.start..a.end] != new[b.start..b.end])
            .map(|(a, _)| a.node);
        let end = near::reach(self.before, changed).unwrap_or(old.len());
        (end, (new.len() + end).saturating_sub(old.len()))
    }

    /// Every event but the targets' is the same, and these keep place, tag and anchor.
    fn same_events_outside(&self, tokens: &[(Span, Span)]) -> Result<(), NotProved> {
        let (old, new) = (&self.before.nodes, &self.after.nodes);
        if old.len() != new.len() || self.before.documents != self.after.documents {
            return Err(NotProved::because("the values are built differently"));
        }
        let mut targets = tokens.iter().peekable();
        for (index, (old, new)) in old.iter().zip(new).enumerate() {
            let target = targets.next_if(|(span, _)| span.node == index);
            let same = match target {
                None => old.says_the_same(new),
                Some((_, span)) => {
                    span.node == index
                        && old.tag == new.tag
                        && old.anchor == new.anchor
                        && matches!(new.kind, Kind::Scalar(_))
                }
            };
            if !same {
                let what = format!("`{}` reads differently", shortened(&new.value));
                return Err(NotProved::on(new.line, what));
            }
        }
        Ok(())
    }

    /// A person's edit does not turn a string into what some reader takes for another type.
    fn same_type(&self, (old, new): (Span, Span)) -> Result<(), NotProved> {
        let plain = |scan: &Scan<'_>, span: Span| {
            span.style == Style::Plain && !scalar::stays_plain(&scan.nodes[span.node].value)
        };
        let unsafe_now = plain(self.after, new) && !plain(self.before, old);
        if unsafe_now && scalar::reads_as_other(&self.after.nodes[new.node].value) {
            let node = &self.after.nodes[new.node];
            let what = format!("`{}` is no string without quotes", shortened(&node.value));
            return Err(NotProved::on(node.line, what));
        }
        Ok(())
    }
}

/// What an unrelated parser reads in a text.
fn read(scan: &Scan<'_>) -> Result<Reading, NotProved> {
    read_first(scan, scan.text.len())
}

/// What it reads in the first so many bytes.
fn read_first(scan: &Scan<'_>, bytes: usize) -> Result<Reading, NotProved> {
    Reading::of_first(scan, bytes).map_err(|unread| {
        NotProved::because(format!("a second YAML reader cannot read it: {}", unread.why))
    })
}

/// What it reads differently in the two.
fn differences(old: &Reading, new: &Reading) -> Result<Vec<reading::Difference>, NotProved> {
    old.differences(new)
        .map_err(|why| NotProved::because(format!("to a second YAML reader, {why}")))
}

/// Lists differing lines. Lines that are alike at both ends are set aside first; what is left is told
/// line by line where the numbers agree, and as a whole where they do not.
fn lines_differ(before: &[u8], after: &[u8]) -> Vec<Difference> {
    let old: Vec<&[u8]> = before.split_inclusive(|b| *b == b'\n').collect();
    let new: Vec<&[u8]> = after.split_inclusive(|b| *b == b'\n').collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let old = &old_rest[..old_rest.len() - tail];
    let new = &new_rest[..new_rest.len() - tail];
    let shown = |line: &[u8]| shortened(String::from_utf8_lossy(line).trim());
    let one = |offset: usize, what: String| Difference { line: Some(head + offset + 1), what };
    if old.len() == new.len() {
        let pairs = old.iter().zip(new).enumerate().filter(|(_, (a, b))| a != b);
        return pairs
            .take(MOST)
            .map(|(offset, (a, b))| {
                let (a, b) = (shown(a), shown(b));
                let what = if a == b {
                    format!("white space or the line's end changed at `{b}`")
                } else {
                    format!("`{a}` became `{b}`")
                };
                one(offset, what)
            })
            .collect();
    }
    let gone = old.iter().take(MOST / 2).map(|line| one(0, format!("`{}` is gone", shown(line))));
    let come = new.iter().enumerate().take(MOST / 2);
    gone.chain(come.map(|(n, line)| one(n, format!("`{}` is new", shown(line))))).collect()
}
