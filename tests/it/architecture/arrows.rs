//! The arrows between rooms as a graph: whether they go in a circle.

use std::collections::BTreeMap;

use super::rules::OUTSIDE_THE_LAYERS;

/// An arrow between two rooms, and the first file it was seen in.
pub type Arrows = BTreeMap<(String, String), String>;

/// Finds a circle of layers among the arrows, if there is one: `[a, b, a]`.
pub fn cycle_among(arrows: &Arrows) -> Option<Vec<String>> {
    let inside = |it: &String| !OUTSIDE_THE_LAYERS.contains(&it.as_str());
    let mut next: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (from, to) in arrows.keys().filter(|(from, to)| inside(from) && inside(to)) {
        next.entry(from).or_default().push(to);
    }
    next.keys().find_map(|start| walk_back_to(start, &mut vec![start], &next))
}

fn walk_back_to<'a>(
    start: &String,
    trail: &mut Vec<&'a String>,
    next: &BTreeMap<&String, Vec<&'a String>>,
) -> Option<Vec<String>> {
    let here = *trail.last()?;
    for to in next.get(here).into_iter().flatten() {
        if *to == start {
            return Some(trail.iter().copied().chain([start]).cloned().collect());
        }
        if !trail.contains(to) {
            trail.push(to);
            if let Some(cycle) = walk_back_to(start, trail, next) {
                return Some(cycle);
            }
            trail.pop();
        }
    }
    None
}
