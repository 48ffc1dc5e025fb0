//! The search for the contraction order with the fewest multiply-accumulates.
//!
//! The cost of a tree is a sum over its nodes, and a node's cost depends only on the two sets of
//! tensors it joins. So the best tree over a set is the best split of the set into two, each
//! planned alone: dynamic programming over subsets finds the optimum over all pairwise orders.
//! What does not hold the input is contracted once per batch; every operand that needs a gradient
//! costs the same products again.

use super::tree::{Leaves, Tree, contraction_macs};
use crate::tt::TtShape;

/// The tree with the fewest multiply-accumulates of a whole training step on `batch` samples:
/// forward, core gradients, and the input gradient if `input_gradient`.
///
/// The layer may have at most 12 cores (the search visits `3^(d+1)` splits); deeper layers get the
/// right-to-left order.
#[must_use]
pub fn plan(shape: &TtShape, batch: usize, input_gradient: bool) -> Tree {
    let tensors = shape.depth() + 1;
    if tensors > 13 {
        return Tree::right_to_left(shape.depth());
    }
    let full = (1_u32 << tensors) - 1;
    // best[set] = (cost per batch, left part of the split); single tensors cost nothing.
    let mut best: Vec<(u64, u32)> = vec![(0, 0); full as usize + 1];
    let open: Vec<_> = (0..=full).map(|set| Leaves(set).open(shape)).collect();
    for set in 1..=full {
        if set.count_ones() < 2 {
            continue;
        }
        let times = if Leaves(set).has_input() {
            batch as u64
        } else {
            1
        };
        let mut found = (u64::MAX, 0);
        // Walk the subsets that hold the lowest tensor, so that each split comes once.
        let lowest = set & set.wrapping_neg();
        let mut part = (set - 1) & set;
        while part > 0 {
            if part & lowest != 0 {
                let rest = set & !part;
                let products = contraction_macs(&open[part as usize], &open[rest as usize]);
                let gradients = 2 - u64::from(part == 1 && !input_gradient);
                let cost = products
                    .saturating_mul(times * (1 + gradients))
                    .saturating_add(best[part as usize].0)
                    .saturating_add(best[rest as usize].0);
                if cost < found.0 {
                    found = (cost, part);
                }
            }
            part = (part - 1) & set;
        }
        best[set as usize] = found;
    }
    tree_of(full, &best)
}

/// Reads the tree off the table of best splits; the side that holds the input stands left.
fn tree_of(set: u32, best: &[(u64, u32)]) -> Tree {
    if set.is_power_of_two() {
        return Tree::Leaf(set.trailing_zeros() as usize);
    }
    let part = best[set as usize].1;
    Tree::node(tree_of(part, best), tree_of(set & !part, best))
}
