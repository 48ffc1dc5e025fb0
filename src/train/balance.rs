//! Balancing the cores of a layer: the same weights, better placed in the cores' range.
//!
//! A tensor train's weights do not change when a slice left of a bond is multiplied by `s` and the
//! slice right of it divided by `s`, nor when a core is multiplied by a power of two that the layer's
//! scale `2^-exponent` takes back. Training and pruning use these freedoms up: some slices shrink to
//! the lowest bits while others stand at the end of the range. Balancing gives the two slices of
//! every bond index the same root mean square, then every core of a layer the same, near 0.4 of full
//! scale, with the layer's exponent following.

use super::model::{Layer, Parameter};
use crate::numeric::{Rounding, Stream};

/// Root mean square that balanced cores have, up to the power of two of the layer.
const LEVEL: f32 = 0.4;
/// Largest factor of one balancing.
const LIMIT: f32 = 4.0;

/// Root mean square of the values.
fn rms<'a>(values: impl Iterator<Item = &'a f32>) -> f32 {
    let (mut sum, mut count) = (0.0_f32, 0_u32);
    for value in values {
        sum += value * value;
        count += 1;
    }
    (sum / count.max(1) as f32).sqrt()
}

/// Indices of the entries with index `r` along the last axis of size `rank`.
fn left_slice(len: usize, rank: usize, r: usize) -> impl Iterator<Item = usize> {
    (r..len).step_by(rank)
}

/// Multiplies entries of a parameter, its moments in keeping, without rounding.
fn scale(parameter: &mut Parameter, entries: impl Iterator<Item = usize>, factor: f32) {
    for index in entries {
        parameter.master[index] *= factor;
        // The gradient with respect to a value `factor` times as large is that much smaller.
        parameter.moments.first[index] /= factor;
        if let Some(second) = parameter.moments.second.get_mut(index) {
            *second /= factor * factor;
        }
    }
}

/// Balances a fixed-point layer; `stream(core)` rounds the scaled master copies.
pub(super) fn balance(layer: &mut Layer, stream: impl Fn(usize) -> Stream) {
    let depth = layer.shape.depth();
    for bond in 0..depth - 1 {
        let rank = layer.shape.ranks()[bond];
        let (before, after) = layer.parameters.split_at_mut(bond + 1);
        let (left, right) = (&mut before[bond], &mut after[0]);
        let width = right.master.len() / rank;
        for r in 0..rank {
            let a = rms(left_slice(left.master.len(), rank, r).map(|i| &left.master[i]));
            let b = rms(right.master[r * width..(r + 1) * width].iter());
            if a > 0.0 && b > 0.0 {
                let factor = (b / a).sqrt().clamp(1.0 / LIMIT, LIMIT);
                let len = left.master.len();
                scale(left, left_slice(len, rank, r), factor);
                scale(right, r * width..(r + 1) * width, 1.0 / factor);
            }
        }
    }
    let levels: Vec<f32> = layer.parameters[..depth].iter().map(|core| rms(core.master.iter())).collect();
    if levels.iter().any(|&level| level <= 0.0) {
        return;
    }
    // All cores to LEVEL; what that does to the product goes to the exponent by whole powers of two,
    // and the rest evenly to the cores.
    let mut product: f32 = levels.iter().map(|level| level / LEVEL).product();
    let mut exponent = 0;
    while product > std::f32::consts::SQRT_2 {
        product *= 0.5;
        exponent += 1;
    }
    while product < std::f32::consts::FRAC_1_SQRT_2 {
        product *= 2.0;
        exponent -= 1;
    }
    layer.exponent -= exponent;
    let rest = root(product, depth);
    for (core, level) in levels.into_iter().enumerate() {
        let parameter = &mut layer.parameters[core];
        let len = parameter.master.len();
        scale(parameter, 0..len, rest * LEVEL / level);
        if let Some(grid) = parameter.grid {
            let rounding = stream(core);
            let grid = super::model::Grid { rounding: Rounding::Stochastic, ..grid };
            for (index, value) in parameter.master.iter_mut().enumerate() {
                *value = grid.round(*value, rounding, index);
            }
        }
    }
}

/// The `degree`-th root of a number near 1, by Newton's steps in exactly rounded operations.
fn root(value: f32, degree: usize) -> f32 {
    let (value, n) = (f64::from(value), degree as f64);
    let mut x = 1.0_f64;
    for _ in 0..20 {
        let power: f64 = (1..degree).map(|_| x).product();
        x = ((n - 1.0) * x + value / power) / n;
    }
    x as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_roots() {
        for degree in 1..8 {
            for value in [0.71_f32, 1.0, 1.4] {
                assert!((root(value, degree).powi(degree as i32) - value).abs() < 1e-5);
            }
        }
    }
}
