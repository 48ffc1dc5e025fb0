//! Products with inputs that are always zero: left out, since they change no sum.
//!
//! Images are widened by zero columns so that their pixels factor into modes. A row, column or term of a
//! contraction that holds such zeros alone need not be computed, nor what only multiplies them later.

use super::layout::Contraction;
use crate::program::{BufferId, OpKind, Part, Program};

/// Zero columns at both ends of every row of the images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Margin {
    /// Columns at each end.
    pub columns: usize,
    /// Columns of a row, with both ends.
    pub width: usize,
}

impl Margin {
    /// Whether images of so many inputs can have it.
    #[must_use]
    pub fn fits(self, inputs: usize) -> bool {
        self.width > 0 && inputs.is_multiple_of(self.width) && 2 * self.columns <= self.width
    }

    /// Whether an input is one of the zeros.
    #[must_use]
    pub fn holds(self, input: usize) -> bool {
        let column = input % self.width.max(1);
        self.columns > 0 && (column < self.columns || column + self.columns >= self.width)
    }
}

/// The contractions of a Program, in its order, without products that `margin` makes zero. Where
/// `unread` says so, results that nothing reads but such products are left out too.
pub(super) fn contractions(
    program: &Program,
    margin: Margin,
    unread: bool,
) -> Vec<Option<Contraction>> {
    let ops = program.ops.iter();
    let mut plans: Vec<Option<Contraction>> =
        ops.map(|op| Contraction::of(program, &op.kind)).collect();
    if margin.columns > 0 {
        let zero = leave_out_zeros(program, &mut plans, margin);
        if unread {
            leave_out_unread(program, &mut plans, &zero);
        }
    }
    for plan in plans.iter_mut().flatten() {
        plan.repeat(program);
    }
    plans
}

/// Leaves out what is zero; returns which elements of each buffer are, none for most.
fn leave_out_zeros(
    program: &Program,
    plans: &mut [Option<Contraction>],
    margin: Margin,
) -> Vec<Vec<bool>> {
    let mut zero = vec![Vec::new(); program.buffers.len()];
    let input = program.input();
    zero[input.0] = (0..program.buffer(input).len)
        .map(|at| margin.holds(at))
        .collect();
    // What a bias is added to in place must be written first, zeros too.
    let biased = |id: BufferId| {
        let mut ops = program.ops.iter();
        ops.any(|op| matches!(op.kind, OpKind::Bias { y, .. } if y == id))
    };
    for (op, plan) in program.ops.iter().zip(plans) {
        if let (Part::Sample, Some(plan)) = (op.part, plan) {
            let whole = biased(plan.out);
            plan.leave_out(&zero[plan.left.0], &zero[plan.right.0], whole);
            zero[plan.out.0] = plan.missing(program.buffer(plan.out).len);
        }
    }
    zero
}

/// Leaves out results that no product reads which is made. What something else reads, or nothing does,
/// is made whole.
fn leave_out_unread(program: &Program, plans: &mut [Option<Contraction>], zero: &[Vec<bool>]) {
    let mut read: Vec<Vec<bool>> = zero.iter().map(|_| Vec::new()).collect();
    let mut whole = vec![true; program.buffers.len()];
    for op in &program.ops {
        for id in op.reads() {
            whole[id.0] = false;
        }
    }
    for (op, plan) in program.ops.iter().zip(plans).rev() {
        match plan {
            Some(plan) if op.part == Part::Sample => {
                if !whole[plan.out.0] {
                    plan.keep(&read[plan.out.0]);
                }
                let lens = [plan.left, plan.right].map(|id| program.buffer(id).len);
                let (left, right) = (plan.left.0, plan.right.0);
                read[left].resize(lens[0], false);
                read[right].resize(lens[1], false);
                plan.left_reads(&mut read[left]);
                plan.right_reads(&mut read[right]);
            }
            _ => {
                for id in op.reads() {
                    whole[id.0] = true;
                }
            }
        }
    }
}
