//! In which order resources can be made, and circles that no order breaks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diagnostic::{Finding, Report, Span};
use crate::template::scope::Edge;

/// What comes before what.
pub(crate) struct Order {
    /// Positions of the ids that were given, in an order in which each comes after what it needs.
    pub(crate) positions: Vec<usize>,
    /// What each id needs directly.
    pub(crate) needs: HashMap<String, BTreeSet<String>>,
}

/// Orders `ids`, keeping their own order where nothing speaks against it. Circles are reported, and then left as they are.
/// Each of `wishes` is obeyed unless that closes a circle.
pub(crate) fn order(ids: &[&str], edges: &[Edge], wishes: &[Edge], report: &Report) -> Order {
    let at: HashMap<&str, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let ends = |edge: &Edge| Some((*at.get(edge.from.as_str())?, *at.get(edge.to.as_str())?));
    let mut needs: Vec<BTreeMap<usize, Span>> = vec![BTreeMap::new(); ids.len()];
    for edge in edges {
        if let Some((from, to)) = ends(edge) {
            needs[from].entry(to).or_insert(edge.span);
        }
    }
    for wish in wishes {
        if let Some((from, to)) = ends(wish)
            && !reaches(&needs, to, from)
        {
            needs[from].entry(to).or_insert(wish.span);
        }
    }
    let (positions, stuck) = settle(&needs);
    if !stuck.is_empty() {
        report_circles(ids, &needs, &stuck, report);
    }
    let named = |at: usize| {
        let names = needs[at].keys().map(|&to| ids[to].to_owned());
        (ids[at].to_owned(), names.collect())
    };
    Order {
        positions,
        needs: (0..ids.len()).map(named).collect(),
    }
}

/// Whether `from` is `to`, or needs it, directly or not.
fn reaches(needs: &[BTreeMap<usize, Span>], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            open.extend(needs[at].keys());
        }
    }
    false
}

/// Takes out, again and again, what needs nothing that is left; what is left in the end is in a circle, or needs one.
fn settle(needs: &[BTreeMap<usize, Span>]) -> (Vec<usize>, Vec<usize>) {
    let mut missing: Vec<usize> = needs.iter().map(BTreeMap::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (from, targets) in needs.iter().enumerate() {
        for &to in targets.keys() {
            needed_by[to].push(from);
        }
    }
    let mut ready: BTreeSet<usize> = (0..needs.len()).filter(|&at| missing[at] == 0).collect();
    let mut positions = Vec::with_capacity(needs.len());
    while let Some(at) = ready.pop_first() {
        positions.push(at);
        for &from in &needed_by[at] {
            missing[from] -= 1;
            if missing[from] == 0 {
                ready.insert(from);
            }
        }
    }
    let stuck = (0..needs.len()).filter(|&at| missing[at] > 0).collect();
    (positions, stuck)
}

/// One finding for each circle that is met when walking from each stuck resource along what it needs.
fn report_circles(ids: &[&str], needs: &[BTreeMap<usize, Span>], stuck: &[usize], report: &Report) {
    let mut done: BTreeSet<usize> = BTreeSet::new();
    for &start in stuck {
        let mut path: Vec<usize> = Vec::new();
        let mut at = start;
        let circle = loop {
            if done.contains(&at) {
                break None;
            }
            if let Some(begin) = path.iter().position(|&seen| seen == at) {
                break Some(path[begin..].to_vec());
            }
            path.push(at);
            // Something stuck always needs something stuck.
            match needs[at].keys().find(|to| stuck.contains(to)) {
                Some(&next) => at = next,
                None => break None,
            }
        };
        done.extend(path);
        if let Some(circle) = circle {
            report.add(circular(ids, needs, &circle));
        }
    }
}

fn circular(ids: &[&str], needs: &[BTreeMap<usize, Span>], circle: &[usize]) -> Finding {
    let first = circle.iter().position(|at| Some(at) == circle.iter().min());
    let mut circle = circle.to_vec();
    circle.rotate_left(first.unwrap_or(0));
    let next = circle.get(1).unwrap_or(&circle[0]);
    let span = needs[circle[0]].get(next).copied().unwrap_or_default();
    let mut names: Vec<&str> = circle.iter().map(|&at| ids[at]).collect();
    names.push(names[0]);
    let finding = Finding::error(
        span,
        format!("a circle of dependencies: {}", names.join(" → ")),
    );
    match circle.len() {
        1 => finding.why("it needs itself before it can be made"),
        _ => finding
            .why("each needs the next before it can be made")
            .help("give one of them a fixed name and use that name in place of the reference"),
    }
}
