//! Ranges of numbers, and which of them a number is in.
//!
//! Runs of ranges, each sorted by where they begin and never changed. A new one is a run by itself; two runs of one
//! length are merged, so there are few, and what a range costs grows with the logarithm of their number. A run is looked
//! through as a tree: its middle is the root of both halves, and knows the largest end in them.

/// A number so that larger ones are larger, whatever their sign.
pub(super) type Rank = u64;

pub(super) fn rank(number: f64) -> Rank {
    // Minus zero equals zero.
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

/// With both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Range {
    pub(super) from: Rank,
    pub(super) to: Rank,
}

#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// The longest first.
    runs: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    /// Each range with whose it is.
    sorted: Vec<(Range, u64)>,
    /// The largest end below each one as a root.
    ends: Vec<Rank>,
}

impl Ranges {
    pub(super) fn insert(&mut self, range: Range, id: u64) {
        let mut sorted = vec![(range, id)];
        while self
            .runs
            .last()
            .is_some_and(|run| run.sorted.len() <= sorted.len())
        {
            sorted.extend(self.runs.pop().into_iter().flat_map(|run| run.sorted));
        }
        sorted.sort_unstable();
        self.runs.push(Run::new(sorted));
    }

    /// Whose ranges hold the number.
    pub(super) fn holding(&self, number: Rank, found: &mut Vec<u64>) {
        for run in &self.runs {
            run.holding(&(0..run.sorted.len()), number, found);
        }
    }
}

impl Run {
    fn new(sorted: Vec<(Range, u64)>) -> Self {
        let ends = vec![0; sorted.len()];
        let mut run = Self { sorted, ends };
        run.find_ends(0, run.sorted.len());
        run
    }

    fn find_ends(&mut self, first: usize, last: usize) -> Rank {
        if first == last {
            return Rank::MIN;
        }
        let middle = first.midpoint(last);
        let below = self
            .find_ends(first, middle)
            .max(self.find_ends(middle + 1, last));
        self.ends[middle] = below.max(self.sorted[middle].0.to);
        self.ends[middle]
    }

    fn holding(&self, part: &std::ops::Range<usize>, number: Rank, found: &mut Vec<u64>) {
        let middle = part.start.midpoint(part.end);
        if part.is_empty() || self.ends[middle] < number {
            return;
        }
        self.holding(&(part.start..middle), number, found);
        let (range, id) = self.sorted[middle];
        if range.from > number {
            return;
        }
        if range.to >= number {
            found.push(id);
        }
        self.holding(&(middle + 1..part.end), number, found);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranks_are_in_the_order_of_their_numbers(a in any::<f64>(), b in any::<f64>()) {
            prop_assert_eq!(Some(rank(a).cmp(&rank(b))), a.partial_cmp(&b));
        }

        #[test]
        fn a_number_is_in_the_ranges_that_hold_it(ranges in prop::collection::vec((0..50_u64, 0..20_u64), 0..200)) {
            let mut all = Ranges::default();
            let ranges: Vec<Range> = ranges.into_iter().map(|(from, more)| Range { from, to: from + more }).collect();
            for (id, range) in (0..).zip(&ranges) {
                all.insert(*range, id);
            }
            for number in 0..75 {
                let mut found = Vec::new();
                all.holding(number, &mut found);
                found.sort_unstable();
                let expected = (0..).zip(&ranges).filter(|(_, range)| (range.from..=range.to).contains(&number));
                prop_assert_eq!(found, expected.map(|(id, _)| id).collect::<Vec<u64>>());
            }
        }
    }
}
