//! Puts environments after those they depend on.

/// The order of `after.len()` things, where `after[i]` are those that come before `i`.
///
/// Of what may come next, the first listed does, so a list that is in order stays as it is. The
/// error is a cycle: each comes after the next, and the last after the first.
pub(super) fn topological(after: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut order: Vec<usize> = Vec::with_capacity(after.len());
    let mut placed = vec![false; after.len()];
    while order.len() < after.len() {
        let ready = |&i: &usize| !placed[i] && after[i].iter().all(|&before| placed[before]);
        match (0..after.len()).find(ready) {
            Some(next) => {
                placed[next] = true;
                order.push(next);
            }
            None => return Err(cycle(after, &placed)),
        }
    }
    Ok(order)
}

/// Walks back from any unplaced thing until one comes up again.
fn cycle(after: &[Vec<usize>], placed: &[bool]) -> Vec<usize> {
    let mut way: Vec<usize> = Vec::new();
    let mut at = placed.iter().position(|done| !done);
    while let Some(here) = at {
        if let Some(start) = way.iter().position(|&seen| seen == here) {
            return way.split_off(start);
        }
        way.push(here);
        // Each unplaced thing waits for another unplaced one; otherwise it would have been ready.
        at = after[here].iter().copied().find(|&before| !placed[before]);
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_order_stays_and_what_is_not_moves() {
        assert_eq!(topological(&[vec![], vec![0], vec![0]]), Ok(vec![0, 1, 2]));
        assert_eq!(topological(&[vec![2], vec![0], vec![]]), Ok(vec![2, 0, 1]));
        assert_eq!(topological(&[]), Ok(vec![]));
    }

    #[test]
    fn a_cycle_is_told_without_what_only_leads_to_it() {
        assert_eq!(topological(&[vec![1], vec![2], vec![1]]), Err(vec![1, 2]));
        assert_eq!(topological(&[vec![0]]), Err(vec![0]));
    }
}
