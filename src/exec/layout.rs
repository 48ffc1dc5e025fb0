//! A contraction as a matrix product: which indices become rows, columns and terms, and where their
//! elements lie.

use crate::kernels::{Scatter, is_direct};
use crate::program::{Axis, BufferId, OpKind, Program, View};
use std::ops::Range;

/// Offsets of a contraction's elements, for a whole batch; fewer samples use their beginning.
#[derive(Clone, Debug)]
pub(super) struct Contraction {
    /// Operand whose free indices are the rows.
    pub left: BufferId,
    /// Operand whose free indices are the columns.
    pub right: BufferId,
    /// Result.
    pub out: BufferId,
    /// Whether the rows run over the samples too.
    pub sample_rows: bool,
    /// Rows (per sample, if they run over samples).
    rows: usize,
    /// Terms (per sample, if they run over samples).
    terms: usize,
    /// Whether the terms run over the samples: a sum over the batch.
    sample_terms: bool,
    left_rows: Vec<u32>,
    left_terms: Vec<u32>,
    right_terms: Vec<u32>,
    right_cols: Vec<u32>,
    out_rows: Vec<u32>,
    /// Offset of each column in the result.
    pub out_cols: Vec<u32>,
    /// Length of the runs of consecutive offsets that `out_cols` falls into.
    out_run: usize,
}

impl Contraction {
    /// The offsets of a contraction within one sample, or nothing for another kind of operation.
    pub fn of(program: &Program, kind: &OpKind) -> Option<Self> {
        let OpKind::Contract { a, b, out, .. } = kind else {
            return None;
        };
        let (a_samples, b_samples) = (program.per_sample(a.buffer), program.per_sample(b.buffer));
        let swap = match (a_samples, b_samples) {
            // Both operands vary: columns should lie together, and the left one, which may be copied, be
            // the smaller.
            (true, true) => {
                let along = |of: &View, with: &View| {
                    let last = of.axes.last();
                    last.is_some_and(|last| with.axes.iter().all(|axis| axis.label != last.label))
                };
                let len = |view: &View| program.buffer(view.buffer).len;
                match (along(a, b), along(b, a)) {
                    (true, false) => true,
                    (false, true) => false,
                    _ => len(a) > len(b),
                }
            }
            // The result's innermost index should run along the columns.
            (false, false) => out
                .axes
                .last()
                .is_some_and(|axis| a.axes.iter().any(|other| other.label == axis.label)),
            // Samples are rows.
            (_, b_samples) => b_samples,
        };
        let (left, right) = if swap { (b, a) } else { (a, b) };
        let common = |of: &View, with: &View| -> Vec<Axis> {
            let shared = |axis: &&Axis| with.axes.iter().any(|other| other.label == axis.label);
            of.axes.iter().filter(shared).copied().collect()
        };
        // Terms as they lie in the left operand, which is then read in long runs; columns as they lie in
        // the result, unless they are the samples', which are more than the result's elements.
        let terms = common(left, right);
        let cols = if program.per_sample(right.buffer) {
            common(right, out)
        } else {
            common(out, right)
        };
        // Of each row, so many elements are read and so many stored.
        let rows = if count(&terms) > count(&cols) {
            common(left, out)
        } else {
            common(out, left)
        };
        let sample_rows = program.per_sample(left.buffer) && !program.per_sample(right.buffer);
        let sample_terms = a_samples && b_samples;
        Some(Self {
            left: left.buffer,
            right: right.buffer,
            out: out.buffer,
            sample_rows,
            sample_terms,
            rows: count(&rows),
            terms: count(&terms),
            left_rows: offsets(left, &rows),
            left_terms: offsets(left, &terms),
            right_terms: offsets(right, &terms),
            right_cols: offsets(right, &cols),
            out_rows: offsets(out, &rows),
            out_cols: offsets(out, &cols),
            out_run: 1,
        })
    }

    /// Leaves out terms whose products are all zero, given the elements of both operands that are (none,
    /// if empty); unless the result must be `whole`, rows and columns too.
    pub fn leave_out(&mut self, left: &[bool], right: &[bool], whole: bool) {
        let zeros = |of: &[bool], at: u32, others: &[u32]| {
            !of.is_empty() && others.iter().all(|other| of[(at + other) as usize])
        };
        if !whole {
            let rows = keep(&self.left_rows, |at| !zeros(left, at, &self.left_terms));
            let cols = keep(&self.right_cols, |at| !zeros(right, at, &self.right_terms));
            self.keep_rows(&rows);
            self.keep_cols(&cols);
        }
        let left_terms = keep(&self.left_terms, |at| !zeros(left, at, &self.left_rows));
        let right_terms = keep(&self.right_terms, |at| !zeros(right, at, &self.right_cols));
        let terms: Vec<bool> = left_terms
            .iter()
            .zip(&right_terms)
            .map(|(left, right)| *left && *right)
            .collect();
        retain(&mut self.left_terms, &terms);
        retain(&mut self.right_terms, &terms);
        self.terms = self.left_terms.len();
    }

    /// Leaves out rows and columns of which no element of the result is wanted (all are, if empty).
    pub fn keep(&mut self, wanted: &[bool]) {
        let any = |at: u32, others: &[u32]| {
            wanted.is_empty() || others.iter().any(|other| wanted[(at + other) as usize])
        };
        let rows = keep(&self.out_rows, |at| any(at, &self.out_cols));
        let cols = keep(&self.out_cols, |at| any(at, &self.out_rows));
        self.keep_rows(&rows);
        self.keep_cols(&cols);
    }

    fn keep_rows(&mut self, rows: &[bool]) {
        retain(&mut self.left_rows, rows);
        retain(&mut self.out_rows, rows);
        self.rows = self.left_rows.len();
    }

    /// Keeps some columns; all of them where the rest would no longer be written straight to their places,
    /// which saves more than they cost.
    fn keep_cols(&mut self, cols: &[bool]) {
        let mut kept = self.out_cols.clone();
        retain(&mut kept, cols);
        if is_direct(&self.out_cols) && !is_direct(&kept) {
            return;
        }
        self.out_cols = kept;
        retain(&mut self.right_cols, cols);
    }

    /// Whether the product on `samples` samples makes all of `len` elements.
    pub fn fills(&self, len: usize, samples: usize) -> bool {
        self.row_count(samples) * self.out_cols.len() == len
    }

    /// Which of the result's `len` elements are not made; empty if all are.
    pub fn missing(&self, len: usize) -> Vec<bool> {
        if self.fills(len, 1) {
            return Vec::new();
        }
        let mut missing = vec![true; len];
        mark(&mut missing, &self.out_rows, &self.out_cols, false);
        missing
    }

    /// Marks the elements of the left operand that are read.
    pub fn left_reads(&self, read: &mut [bool]) {
        mark(read, &self.left_rows, &self.left_terms, true);
    }

    /// Marks the elements of the right operand that are read.
    pub fn right_reads(&self, read: &mut [bool]) {
        mark(read, &self.right_terms, &self.right_cols, true);
    }

    /// Repeats the offsets for all samples of the batch, last of all.
    pub fn repeat(&mut self, program: &Program) {
        let repeat = |offsets: &mut Vec<u32>, buffer: BufferId, wanted: bool| {
            if wanted {
                *offsets = over_samples(offsets, program.buffer(buffer).len, program.batch);
            }
        };
        repeat(&mut self.left_rows, self.left, self.sample_rows);
        repeat(&mut self.left_terms, self.left, self.sample_terms);
        repeat(&mut self.right_terms, self.right, self.sample_terms);
        repeat(&mut self.out_rows, self.out, self.sample_rows);
        self.out_run = run_length(&self.out_cols);
    }

    /// Rows of one sample (all rows, if they do not run over samples).
    pub fn rows_per_sample(&self) -> usize {
        self.rows
    }

    /// Rows of the product on `samples` samples.
    pub fn row_count(&self, samples: usize) -> usize {
        self.rows * if self.sample_rows { samples } else { 1 }
    }

    /// Terms of each sum on `samples` samples.
    pub fn term_count(&self, samples: usize) -> usize {
        self.terms * if self.sample_terms { samples } else { 1 }
    }

    /// The left operand on `samples` samples, terms `from..to`.
    pub fn left_at(&self, samples: usize, from: usize, to: usize) -> Scatter<'_> {
        Scatter {
            rows: &self.left_rows[..self.row_count(samples)],
            cols: &self.left_terms[from..to],
        }
    }

    /// The right operand, terms `from..to`.
    pub fn right_at(&self, from: usize, to: usize) -> Scatter<'_> {
        Scatter {
            rows: &self.right_terms[from..to],
            cols: &self.right_cols,
        }
    }

    /// The runs of consecutive offsets in the result that some columns fall into: where each run
    /// lies among these columns, and the offset of its first.
    pub fn runs(&self, columns: Range<usize>) -> impl Iterator<Item = (Range<usize>, usize)> {
        let mut from = columns.start;
        std::iter::from_fn(move || {
            let at = from;
            from = columns.end.min((at / self.out_run + 1) * self.out_run);
            (at < columns.end).then(|| {
                (
                    at - columns.start..from - columns.start,
                    self.out_cols[at] as usize,
                )
            })
        })
    }

    /// A length by which columns from `first` on fall into runs of consecutive offsets in the result.
    pub fn run_from(&self, first: usize) -> usize {
        let (mut run, mut rest) = (self.out_run, first);
        while rest > 0 {
            (run, rest) = (rest, run % rest);
        }
        run
    }

    /// The result on `samples` samples.
    pub fn out_at(&self, samples: usize) -> Scatter<'_> {
        Scatter {
            rows: &self.out_rows[..self.row_count(samples)],
            cols: &self.out_cols,
        }
    }
}

fn count(axes: &[Axis]) -> usize {
    axes.iter().map(|axis| axis.size).product()
}

/// Offsets within `view` of all values of `axes`, row-major.
fn offsets(view: &View, axes: &[Axis]) -> Vec<u32> {
    let stride_of = |axis: &Axis| -> u32 {
        let after = view
            .axes
            .iter()
            .rev()
            .take_while(|other| other.label != axis.label);
        after.map(|other| other.size as u32).product()
    };
    let mut all = vec![0_u32];
    for axis in axes {
        let stride = stride_of(axis);
        all = all
            .iter()
            .flat_map(|&base| (0..axis.size as u32).map(move |i| base + i * stride))
            .collect();
    }
    all
}

/// Longest length that cuts the columns into runs of consecutive offsets.
fn run_length(cols: &[u32]) -> usize {
    let consecutive = |run: &[u32]| run.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let first = 1 + cols
        .windows(2)
        .take_while(|pair| pair[1] == pair[0] + 1)
        .count();
    if cols.len().is_multiple_of(first) && cols.chunks_exact(first).all(consecutive) {
        first
    } else {
        1
    }
}

/// Which offsets are kept.
fn keep(offsets: &[u32], wanted: impl Fn(u32) -> bool) -> Vec<bool> {
    offsets.iter().map(|&at| wanted(at)).collect()
}

/// Keeps some of the offsets.
fn retain(offsets: &mut Vec<u32>, wanted: &[bool]) {
    let mut wanted = wanted.iter();
    offsets.retain(|_| wanted.next().is_none_or(|wanted| *wanted));
}

/// Sets the elements at all sums of two offsets.
fn mark(elements: &mut [bool], rows: &[u32], cols: &[u32], to: bool) {
    for row in rows {
        for col in cols {
            elements[(row + col) as usize] = to;
        }
    }
}

/// The same offsets in each of `samples` copies that are `len` apart.
fn over_samples(offsets: &[u32], len: usize, samples: usize) -> Vec<u32> {
    (0..samples)
        .flat_map(|sample| {
            offsets
                .iter()
                .map(move |&offset| offset + (sample * len) as u32)
        })
        .collect()
}
