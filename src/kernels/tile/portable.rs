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
        let right_starts = std::slice::from_raw_parts(tile.right_starts, tile.start_count);
        for row in 0..tile.count {
            let (place, group) = if tile.packed {
                let panel = row / tile.most * tile.most;
                let rows = tile.most.min(tile.count - panel);
                (
                    panel * tile.pitch + row % tile.most * T::GROUP,
                    rows * T::GROUP,
                )
            } else {
                (*tile.rows.add(row) as usize, T::GROUP)
            };
            let left = tile.left.add(place);
            for column in 0..columns {
                let place = *tile.out_rows.add(row) as usize + column / 4 * tile.out_second;
                let to = tile.out.add(place + column % 4);
                let mut sum = if tile.add { *to } else { T::Acc::default() };
                let vector = tile.right.add(column / 4 * tile.second);
                let right = vector.add(column % 4 * T::GROUP);
                for (start, &at) in right_starts.iter().enumerate() {
                    let start = if tile.packed {
                        start * tile.words * group
                    } else {
                        *tile.starts.add(start) as usize
                    };
                    for word in 0..tile.words {
                        let left = left.add(start + word * group);
                        sum = add(sum, left, right.add(at as usize + word * tile.step));
                    }
                }
                *to = sum;
            }
        }
    }
}
