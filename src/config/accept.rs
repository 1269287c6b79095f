//! Reads `accept`, `moved_tags` and `retags` of a pipeline: which artifacts go.

use crate::domain::accept::{Accept, OnMove, Order};
use crate::domain::pattern::{Named, Pattern};

use super::fields::{Fields, items, parsed};
use super::problem::Notes;
use super::table::Words;
use super::tables::ACCEPT;
use super::tree::{Kind, Node};

pub(super) const ORDERS: Words<Order> =
    Words { built: &[("time", Order::Time), ("semver", Order::Semver)], planned: &[] };

pub(super) const ON_MOVE: Words<OnMove> = Words {
    built: &[("promote", OnMove::Promote), ("ask", OnMove::Ask), ("refuse", OnMove::Refuse)],
    planned: &[],
};

/// How tags and branches are written.
const REFS: &str = "write it as v* or release/*";

/// Reads the keys of a pipeline; none if one of them says what cannot be read.
pub(super) fn accept(pipeline: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Accept> {
    let mut on_move = |key| match pipeline.get(key) {
        Some(node) => ON_MOVE.read(node, notes),
        None => Some(OnMove::default()),
    };
    let (moved_tags, retags) = (on_move("moved_tags"), on_move("retags"));
    let Some(node) = pipeline.get("accept") else {
        return Some(Accept { moved_tags: moved_tags?, retags: retags?, ..Accept::default() });
    };
    let fields = Fields::open(node, &ACCEPT, notes)?;
    let tags = fields.get("tags").map_or(Some(Vec::new()), |node| patterns(node, REFS, notes));
    let semver =
        fields.get("semver").map(|node| parsed(node, "write comparisons, as \">=1.2 <2\"", notes));
    let branches =
        fields.get("branches").map_or(Some(Vec::new()), |node| patterns(node, REFS, notes));
    let newest_by = match fields.get("newest_by") {
        Some(node) => ORDERS.read(node, notes),
        None => Some(Order::default()),
    };
    Some(Accept {
        tags: tags?,
        semver: match semver {
            Some(range) => Some(range?),
            None => None,
        },
        branches: branches?,
        newest_by: newest_by?,
        moved_tags: moved_tags?,
        retags: retags?,
    })
}

/// One pattern, or a list of them that is not empty; none if one cannot be read.
pub(super) fn patterns(node: &Node, hint: &str, notes: &mut Notes<'_>) -> Option<Vec<Pattern>> {
    let Kind::List(_) = &node.kind else { return Some(vec![pattern(node, hint, notes)?]) };
    let items = items(node, notes)?;
    if items.is_empty() {
        let what = format!("{}: no pattern is listed", node.path);
        notes.add(node.place, what, "list one, or remove the key: then everything fits");
        return None;
    }
    let found: Vec<Option<Pattern>> = items.iter().map(|item| pattern(item, hint, notes)).collect();
    found.into_iter().collect()
}

fn pattern(node: &Node, hint: &str, notes: &mut Notes<'_>) -> Option<Pattern> {
    let pattern: Pattern = parsed(node, hint, notes)?;
    if pattern.names_application() == Named::Yes {
        let what = format!("{}: `{{application}}` means nothing here", node.path);
        notes.add(node.place, what, "write `*`: it stands for any text");
        return None;
    }
    Some(pattern)
}
