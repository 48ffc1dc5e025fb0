//! Modes and ranks of a tensor-train matrix, and every size that follows from them.

use serde::{Deserialize, Serialize};

use super::error::ShapeError;

/// Largest size accepted of the dense matrix, of all cores together and of any partial result.
///
/// It keeps every product of modes and ranks well inside 32-bit sizes, which a browser has.
pub const MAX_ENTRIES: usize = 1 << 26;

/// The shape of a tensor-train matrix with `d >= 1` cores; with `d = 1` it is a dense matrix.
///
/// Core `k` (from 0 in code, from 1 in formulas) has shape (`r_{k-1}`, `m_k`, `n_k`, `r_k`),
/// where `m` are the output modes, `n` the input modes and `r_0 = r_d = 1`. A value of this
/// type is always valid, also when it was read through serde.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Lists", into = "Lists")]
pub struct TtShape {
    in_modes: Vec<usize>,
    out_modes: Vec<usize>,
    ranks: Vec<usize>,
}

/// The unchecked lists as they stand in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    in_modes: Vec<usize>,
    out_modes: Vec<usize>,
    ranks: Vec<usize>,
}

impl TryFrom<Lists> for TtShape {
    type Error = ShapeError;

    fn try_from(lists: Lists) -> Result<Self, ShapeError> {
        Self::new(lists.in_modes, lists.out_modes, lists.ranks)
    }
}

impl From<TtShape> for Lists {
    fn from(shape: TtShape) -> Self {
        Self {
            in_modes: shape.in_modes,
            out_modes: shape.out_modes,
            ranks: shape.ranks,
        }
    }
}

impl TtShape {
    /// A shape from `d` input modes, `d` output modes and the `d - 1` ranks between the cores.
    ///
    /// # Errors
    /// When the lists do not fit together, an element is 0, or the dense matrix, the cores or a
    /// partial result of a contraction would exceed [`MAX_ENTRIES`].
    pub fn new(
        in_modes: impl Into<Vec<usize>>,
        out_modes: impl Into<Vec<usize>>,
        ranks: impl Into<Vec<usize>>,
    ) -> Result<Self, ShapeError> {
        let shape = Self {
            in_modes: in_modes.into(),
            out_modes: out_modes.into(),
            ranks: ranks.into(),
        };
        shape.check_lists()?;
        shape.check_sizes()?;
        Ok(shape)
    }

    /// The shape of a dense matrix: one core, no bond.
    ///
    /// # Errors
    /// When a size is 0 or the matrix would exceed [`MAX_ENTRIES`].
    pub fn dense(inputs: usize, outputs: usize) -> Result<Self, ShapeError> {
        Self::new([inputs], [outputs], [])
    }

    /// The same modes with other ranks.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_ranks(&self, ranks: impl Into<Vec<usize>>) -> Result<Self, ShapeError> {
        Self::new(self.in_modes.clone(), self.out_modes.clone(), ranks)
    }

    /// The number of cores, `d`.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.in_modes.len()
    }

    /// Input modes `n_1..n_d`.
    #[must_use]
    pub fn in_modes(&self) -> &[usize] {
        &self.in_modes
    }

    /// Output modes `m_1..m_d`.
    #[must_use]
    pub fn out_modes(&self) -> &[usize] {
        &self.out_modes
    }

    /// The ranks `r_1..r_{d-1}` of the inner bonds.
    #[must_use]
    pub fn ranks(&self) -> &[usize] {
        &self.ranks
    }

    /// The rank of bond `bond`, counted from 0 (the open end before the first core, 1) to `d`
    /// (the open end after the last, 1).
    ///
    /// # Panics
    /// If `bond` exceeds [`Self::depth`].
    #[must_use]
    pub fn bond_rank(&self, bond: usize) -> usize {
        assert!(
            bond <= self.depth(),
            "bond {bond} of a train of {} cores",
            self.depth()
        );
        if bond == 0 || bond == self.depth() {
            1
        } else {
            self.ranks[bond - 1]
        }
    }

    /// The number of columns of the matrix, N = `n_1...n_d`.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.in_modes.iter().product()
    }

    /// The number of rows of the matrix, M = `m_1...m_d`.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.out_modes.iter().product()
    }

    /// The shape (r, m, n, r') of core `core`, counted from 0.
    ///
    /// # Panics
    /// If `core` is not below [`Self::depth`].
    #[must_use]
    pub fn core_shape(&self, core: usize) -> [usize; 4] {
        assert!(
            core < self.depth(),
            "core {core} of a train of {} cores",
            self.depth()
        );
        [
            self.bond_rank(core),
            self.out_modes[core],
            self.in_modes[core],
            self.bond_rank(core + 1),
        ]
    }

    /// The shapes of all cores, in order.
    pub fn core_shapes(&self) -> impl Iterator<Item = [usize; 4]> + '_ {
        (0..self.depth()).map(|core| self.core_shape(core))
    }

    /// The number of entries of all cores together: the sum of r m n r'.
    #[must_use]
    pub fn core_entries(&self) -> usize {
        self.core_shapes()
            .map(|shape| shape.iter().product::<usize>())
            .sum()
    }

    /// The number of entries of the dense matrix, M N.
    #[must_use]
    pub fn dense_entries(&self) -> usize {
        self.inputs() * self.outputs()
    }

    /// The largest rank of each inner bond that can add anything to the matrix: the smaller side
    /// of the unfolding there, min(`m_1 n_1...m_k n_k`, `m_{k+1} n_{k+1}...m_d n_d`).
    #[must_use]
    pub fn max_ranks(&self) -> Vec<usize> {
        let dense = self.dense_entries();
        let mut left = 1;
        (0..self.depth() - 1)
            .map(|k| {
                left *= self.out_modes[k] * self.in_modes[k];
                left.min(dense / left)
            })
            .collect()
    }

    fn check_lists(&self) -> Result<(), ShapeError> {
        let (inputs, outputs) = (self.in_modes.len(), self.out_modes.len());
        if inputs != outputs {
            return Err(ShapeError::ModeCounts { inputs, outputs });
        }
        if inputs == 0 {
            return Err(ShapeError::NoModes);
        }
        for (side, modes) in [("input", &self.in_modes), ("output", &self.out_modes)] {
            if let Some(position) = modes.iter().position(|&mode| mode == 0) {
                return Err(ShapeError::ZeroMode { side, position });
            }
        }
        if self.ranks.len() != inputs - 1 {
            return Err(ShapeError::RankCount {
                given: self.ranks.len(),
                expected: inputs - 1,
            });
        }
        match self.ranks.iter().position(|&rank| rank == 0) {
            Some(position) => Err(ShapeError::ZeroRank { position }),
            None => Ok(()),
        }
    }

    /// Bounds everything that is ever allocated for this shape: the dense matrix, the cores, the
    /// products of leading cores, and the partial results of a sweep over one vector.
    fn check_sizes(&self) -> Result<(), ShapeError> {
        let (m, n) = (&self.out_modes, &self.in_modes);
        bounded_product(m.iter().chain(n).copied(), "the dense matrix")?;
        let mut cores = 0_usize;
        for shape in self.core_shapes() {
            // Each term is at most 2^26, and the sum is checked after each: no overflow.
            cores += bounded_product(shape, "a core")?;
            if cores > MAX_ENTRIES {
                return Err(ShapeError::TooLarge {
                    what: "the cores together",
                });
            }
        }
        // Only products of modes remain, all inside the dense bound, times one rank each.
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let (mut left_in, mut left_out) = (1, 1);
        for bond in 1..self.depth() {
            left_in *= n[bond - 1];
            left_out *= m[bond - 1];
            let (right_in, right_out) = (inputs / left_in, outputs / left_out);
            let rank = self.bond_rank(bond);
            for (a, b) in [(left_in, left_out), (right_in, right_out)] {
                bounded_product([a, b, rank], "a product of neighbouring cores")?;
            }
            for (a, b) in [(left_in, right_out), (left_out, right_in)] {
                bounded_product([a, b, rank], "a partial result for one sample")?;
            }
        }
        Ok(())
    }
}

/// The product of the factors, where it stays within [`MAX_ENTRIES`].
fn bounded_product(
    factors: impl IntoIterator<Item = usize>,
    what: &'static str,
) -> Result<usize, ShapeError> {
    factors
        .into_iter()
        .try_fold(1_usize, usize::checked_mul)
        .filter(|&product| product <= MAX_ENTRIES)
        .ok_or(ShapeError::TooLarge { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_layer_of_the_paper_has_its_published_counts() {
        let fc1 = TtShape::new([7, 4, 2, 16], [4, 4, 2, 16], [16, 16, 16]).unwrap();
        assert_eq!((fc1.depth(), fc1.inputs(), fc1.outputs()), (4, 896, 512));
        // 4*7*16 + 16*4*4*16 + 16*2*2*16 + 16*16*16 = 448 + 4096 + 1024 + 4096
        assert_eq!(fc1.core_entries(), 9_664);
        assert_eq!(fc1.dense_entries(), 458_752);
        assert_eq!(fc1.core_shape(0), [1, 4, 7, 16]);
        assert_eq!(fc1.core_shape(3), [16, 16, 16, 1]);
        // Left sides 28, 448, 1792; right sides 16384, 1024, 256.
        assert_eq!(fc1.max_ranks(), [28, 448, 256]);
    }

    #[test]
    fn second_layer_of_the_paper_has_its_published_counts() {
        let fc2 = TtShape::new([32, 16], [1, 16], [16]).unwrap();
        // 1*1*32*16 + 16*16*16*1 = 512 + 4096
        assert_eq!(fc2.core_entries(), 4_608);
        assert_eq!((fc2.inputs(), fc2.outputs()), (512, 16));
    }

    #[test]
    fn one_mode_is_a_dense_matrix() {
        let dense = TtShape::dense(784, 512).unwrap();
        assert_eq!(dense.depth(), 1);
        assert_eq!(dense.core_shape(0), [1, 512, 784, 1]);
        assert_eq!(dense.core_entries(), dense.dense_entries());
        assert!(dense.max_ranks().is_empty());
    }

    #[test]
    fn lists_that_do_not_fit_are_named() {
        let new = |n: &[usize], m: &[usize], r: &[usize]| TtShape::new(n, m, r).unwrap_err();
        assert_eq!(new(&[], &[], &[]), ShapeError::NoModes);
        assert_eq!(
            new(&[2], &[2, 2], &[1]),
            ShapeError::ModeCounts {
                inputs: 1,
                outputs: 2
            }
        );
        assert_eq!(
            new(&[2, 2], &[2, 0], &[1]),
            ShapeError::ZeroMode {
                side: "output",
                position: 1
            }
        );
        assert_eq!(
            new(&[2, 2], &[2, 2], &[]),
            ShapeError::RankCount {
                given: 0,
                expected: 1
            }
        );
        assert_eq!(
            new(&[2, 2], &[2, 2], &[0]),
            ShapeError::ZeroRank { position: 0 }
        );
        let message = new(&[2, 2], &[2, 0], &[1]).to_string();
        assert_eq!(
            message,
            "output mode number 2 is 0; every mode must be at least 1"
        );
    }

    #[test]
    fn sizes_that_overflow_or_exceed_the_bound_are_refused() {
        let huge = usize::MAX;
        for (n, m, r) in [
            (vec![huge, huge], vec![1, 1], vec![1]),
            (vec![1 << 13], vec![1 << 14], vec![]),
            (vec![2, 2], vec![2, 2], vec![huge]),
            (vec![1; 4], vec![1; 4], vec![7000, 7000, 7000]),
            // The cores are small (2 * 2^24), the partial result of a sweep is 2^36.
            (vec![4096, 1], vec![1, 4096], vec![4096]),
        ] {
            let error = TtShape::new(n, m, r).unwrap_err();
            assert!(matches!(error, ShapeError::TooLarge { .. }), "{error:?}");
        }
        assert!(TtShape::dense(1 << 13, 1 << 13).is_ok());
    }

    #[test]
    fn a_file_cannot_smuggle_in_a_shape_that_is_not_valid() {
        let good = TtShape::new([7, 4], [2, 3], [5]).unwrap();
        let text = serde_json::to_string(&good).unwrap();
        assert_eq!(text, r#"{"in_modes":[7,4],"out_modes":[2,3],"ranks":[5]}"#);
        assert_eq!(serde_json::from_str::<TtShape>(&text).unwrap(), good);
        let bad = serde_json::from_str::<TtShape>(&text.replace("[5]", "[0]")).unwrap_err();
        assert!(bad.to_string().contains("rank number 1 is 0"), "{bad}");
    }
}
