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
        let right_starts = std::slice::from_raw_parts(tile.right_starts, tile.start_count);
        for row in 0..tile.count {
            let left = tile.left.add(*tile.rows.add(row) as usize);
            for column in 0..columns {
                let place = *tile.out_rows.add(row) as usize + column / 4 * tile.out_second;
                let to = tile.out.add(place + column % 4);
                let mut sum = if tile.add { *to } else { T::Acc::default() };
                let vector = tile.right.add(column / 4 * tile.second);
                let right = vector.add(column % 4 * T::GROUP);
                for (&start, &at) in starts.iter().zip(right_starts) {
                    for word in 0..tile.words {
                        let left = left.add(start as usize + word * T::GROUP);
                        sum = add(sum, left, right.add(at as usize + word * tile.step));
                    }
                }
                *to = sum;
            }
        }
    }
}
