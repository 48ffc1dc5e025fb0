//! The course of a run's ranks: which step worked with which.

use std::ops::Range;

use crate::train::metrics::{Snapshot, StepMetrics};

/// The ranks of every bond of every layer.
pub type Ranks = Vec<Vec<usize>>;

/// The ranks of a run from the first step that is known to the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Steps before the first that is known.
    pub from: u64,
    /// Where ranks changed: the first step (counted from 0) that worked with them, and they. The first
    /// entry stands for the start.
    pub changes: Vec<(u64, Ranks)>,
}

/// The ranks of a snapshot.
#[must_use]
pub fn ranks(snapshot: &Snapshot) -> Ranks {
    let of = |layer: &crate::train::metrics::LayerSnapshot| {
        layer.bonds.iter().map(|bond| bond.alive.len()).collect()
    };
    snapshot.layers.iter().map(of).collect()
}

impl Course {
    /// The course of a run whose ranks were `present` after `taken` steps, with the steps known of it.
    /// Steps may be missing in between as long as no index died in them.
    #[must_use]
    pub fn new(steps: &[StepMetrics], present: Ranks, taken: u64) -> Self {
        let mut first = present;
        for step in steps.iter().filter(|step| step.step <= taken) {
            add(&mut first, step, true);
        }
        let from = steps.first().map_or(taken, |step| step.step - 1);
        let mut changes = vec![(from, first)];
        for step in steps.iter().filter(|step| !step.pruned.is_empty()) {
            let mut next = changes[changes.len() - 1].1.clone();
            add(&mut next, step, false);
            // A step works with the ranks that the one before left.
            changes.push((step.step, next));
        }
        Self { from, changes }
    }

    /// The ranks after the last step known.
    #[must_use]
    pub fn present(&self) -> &Ranks {
        &self.changes[self.changes.len() - 1].1
    }

    /// The ranks of some steps, and how many steps in a row had them. Steps before the first known are
    /// counted to it, steps to come to the last.
    #[must_use]
    pub fn within(&self, steps: Range<u64>) -> Vec<(&Ranks, u64)> {
        let starts = self.changes.iter().map(|change| change.0);
        let ends = starts.skip(1).chain([u64::MAX]);
        let mut first = true;
        self.changes
            .iter()
            .zip(ends)
            .filter_map(|((start, ranks), end)| {
                let start = if std::mem::take(&mut first) {
                    0
                } else {
                    *start
                };
                let (start, end) = (start.max(steps.start), end.min(steps.end));
                (start < end).then(|| (ranks, end - start))
            })
            .collect()
    }
}

/// Counts the indices that died in a step: back to life, or off.
fn add(ranks: &mut Ranks, step: &StepMetrics, back: bool) {
    for pruned in &step.pruned {
        let rank = ranks
            .get_mut(pruned.layer)
            .and_then(|layer| layer.get_mut(pruned.bond));
        if let Some(rank) = rank {
            *rank = if back {
                *rank + pruned.indices.len()
            } else {
                rank.saturating_sub(pruned.indices.len()).max(1)
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::metrics::Pruned;

    fn step(step: u64, dead: &[u16]) -> StepMetrics {
        let pruned = Pruned {
            layer: 0,
            bond: 1,
            indices: dead.to_vec(),
        };
        StepMetrics {
            epoch: 1,
            step,
            loss: 1.0,
            accuracy: 0.5,
            rate: 0.02,
            pruned: if dead.is_empty() {
                vec![]
            } else {
                vec![pruned]
            },
        }
    }

    #[test]
    fn a_death_shortens_the_step_after_it() {
        let steps = [step(1, &[]), step(2, &[3, 4]), step(3, &[]), step(5, &[0])];
        // The snapshot was taken before the last of them.
        let course = Course::new(&steps, vec![vec![6, 4]], 3);
        assert_eq!(course.from, 0);
        assert_eq!(course.present(), &vec![vec![6, 3]]);
        let [full, less, least] = [6, 4, 3].map(|rank| vec![vec![6, rank]]);
        assert_eq!(
            course.within(0..10),
            [(&full, 2), (&less, 3), (&least, 5)],
            "steps 1 and 2, 3 to 5, and from 6 on"
        );
        assert_eq!(course.within(2..3), [(&less, 1)]);
    }

    #[test]
    fn a_run_without_steps_stays_as_it_is() {
        let course = Course::new(&[], vec![vec![6]], 40);
        assert_eq!(course.within(0..94), [(&vec![vec![6]], 94)]);
    }
}
