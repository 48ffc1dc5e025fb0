//! Removing chosen indices from a bond, on flat cores of any element type.
//!
//! Pruning a rank index r takes slice `[:, :, :, r]` out of the core before the bond and slice
//! `[r, :, :, :]` out of the core after it. Whatever is stored beside the cores in the same
//! layout (master copies, gradients, optimiser moments) shrinks the same way.

/// The two cores beside a bond with only the indices `keep` left on it.
///
/// `left` has shape (r, m, n, R) and `right` (R, m', n', r'), both flat and row-major; the
/// results have shapes (r, m, n, K) and (K, m', n', r') with K = `keep.len()`.
///
/// # Panics
/// If a slice does not have its shape's length, the shapes do not share R, or `keep` is empty,
/// not ascending or out of range.
#[must_use]
pub fn remove_bond_indices<T: Copy>(
    left: &[T],
    left_shape: [usize; 4],
    right: &[T],
    right_shape: [usize; 4],
    keep: &[usize],
) -> (Vec<T>, Vec<T>) {
    let rank = left_shape[3];
    assert_eq!(
        left.len(),
        left_shape.iter().product::<usize>(),
        "entries of the left core"
    );
    assert_eq!(
        right.len(),
        right_shape.iter().product::<usize>(),
        "entries of the right core"
    );
    assert_eq!(rank, right_shape[0], "rank on the two sides of the bond");
    assert!(
        keep.is_sorted_by(|a, b| a < b),
        "indices to keep must ascend: {keep:?}"
    );
    assert!(
        keep.last().is_some_and(|&last| last < rank),
        "keep one or more of {rank}: {keep:?}"
    );
    (
        keep_last_axis(left, rank, keep),
        keep_first_axis(right, rank, keep),
    )
}

/// Entries whose last index is in `keep`, of an array whose last axis has length `rank`.
pub(super) fn keep_last_axis<T: Copy>(core: &[T], rank: usize, keep: &[usize]) -> Vec<T> {
    core.chunks_exact(rank)
        .flat_map(|row| keep.iter().map(|&r| row[r]))
        .collect()
}

/// Entries whose first index is in `keep`, of an array whose first axis has length `rank`.
pub(super) fn keep_first_axis<T: Copy>(core: &[T], rank: usize, keep: &[usize]) -> Vec<T> {
    let slice = core.len() / rank;
    keep.iter()
        .flat_map(|&r| &core[r * slice..(r + 1) * slice])
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_leave_both_cores() {
        // Left (1, 2, 1, 3), right (3, 1, 2, 1); index 1 goes.
        let (left, right) = remove_bond_indices(
            &[0_i8, 1, 2, 10, 11, 12],
            [1, 2, 1, 3],
            &[0, 1, 10, 11, 20, 21],
            [3, 1, 2, 1],
            &[0, 2],
        );
        assert_eq!(left, [0, 2, 10, 12]);
        assert_eq!(right, [0, 1, 20, 21]);
    }

    #[test]
    fn keeping_all_changes_nothing() {
        let left: Vec<u16> = (0..24).collect();
        let right: Vec<u16> = (0..36).collect();
        let all = [0, 1, 2];
        let kept = remove_bond_indices(&left, [2, 2, 2, 3], &right, [3, 3, 2, 2], &all);
        assert_eq!(kept, (left, right));
    }

    #[test]
    #[should_panic(expected = "keep one or more of 3")]
    fn the_last_index_cannot_go() {
        let _ = remove_bond_indices(&[0; 3], [1, 1, 1, 3], &[0; 3], [3, 1, 1, 1], &[]);
    }
}
