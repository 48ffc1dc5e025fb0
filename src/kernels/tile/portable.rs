//! Tiles without vector instructions, in plain loops over panels of four columns a vector.

use super::{Checked, Element};

/// Runs a tile, with a function that adds the products of one word.
///
/// # Safety
/// The tile must be checked.
pub(super) unsafe fn plain<T: Element>(
    tile: &Checked<T>,
    add: impl Fn(T::Acc, *const T, *const T) -> T::Acc,
) {
    let columns = 4 * tile.vectors;
    // SAFETY: the tile is checked: its offsets, lengths and counts fit.
    unsafe {
        let starts = std::slice::from_raw_parts(tile.starts, tile.start_count);
        for row in 0..tile.count {
            let left = tile.left.add(*tile.rows.add(row) as usize);
            for column in 0..columns {
                let to = tile.out.add(row * tile.stride + column);
                let mut sum = if tile.add { *to } else { T::Acc::default() };
                let mut right = tile.right.wrapping_add(column * T::GROUP);
                for &start in starts {
                    for word in 0..tile.words {
                        let left = left.add(start as usize + word * T::GROUP);
                        sum = add(sum, left, right);
                        right = right.wrapping_add(tile.step);
                    }
                }
                *to = sum;
            }
        }
    }
}
