//! What somebody seems to have meant.

/// The nearest of `names`, if it is near enough to be meant.
pub fn nearest<'n>(typed: &str, names: &[&'n str]) -> Option<&'n str> {
    // Nothing so long is near, and the distance costs time that grows with the square.
    if typed.len() > 64 {
        return None;
    }
    let folded = typed.to_lowercase().replace('-', "_");
    let distance = |name: &str| strsim::damerau_levenshtein(&folded, &name.replace('-', "_"));
    // Whoever begins a name as only one begins, means that one.
    let begins = |name: &&&str| folded.len() >= 3 && name.replace('-', "_").starts_with(&folded);
    let mut beginning = names.iter().filter(begins);
    if let (Some(only), None) = (beginning.next(), beginning.next()) {
        return Some(only);
    }
    let nearest = names.iter().min_by_key(|name| distance(name))?;
    let allowed = (nearest.len().min(typed.len()) + 1) / 3;
    (distance(nearest) <= allowed.min(3)).then_some(nearest)
}
