//! Steps of an optimiser, and values on a grid.
#![expect(
    clippy::inline_always,
    reason = "loops must be compiled with their caller's target features"
)]

use super::super::vectorised;
use super::reals::{REALS, Reals, each, each_alone, rest};
use crate::numeric::Stream;

/// A grid of `2 full` points on [-1, 1), and how values between two of them are rounded.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Points above zero and zero.
    pub full: f32,
    /// What is added before the fraction of a step is dropped, unless a stream draws it.
    pub addend: f32,
    /// Draws of what is added, by an element's place.
    pub random: Option<Stream>,
}

impl Steps {
    /// Whole steps of `values` from `first` on, at least `least`; not a number stays so.
    #[inline(always)]
    fn whole(&self, values: Reals, least: f32, first: u32) -> Reals {
        // Adding 1.5 * 2^23 leaves no bit after the point, so that this rounds to the nearest integer with
        // the exactly rounded sum alone: baseline x86-64 has no vectors of `floor`.
        let point = Reals::splat(12_582_912.0);
        let addend = match self.random {
            Some(stream) => Reals::units(stream, first),
            None => Reals::splat(self.addend),
        };
        let steps = values.mul(Reals::splat(self.full)).add(addend);
        let steps = steps.clamp(Reals::splat(least), Reals::splat(self.full - 1.0));
        let nearest = steps.add(point).sub(point);
        nearest.sub(nearest.above(steps))
    }

    /// Writes the whole steps of `values`, clipped to the symmetric range, without draws.
    ///
    /// # Panics
    /// If there are fewer values than `out`.
    #[inline(never)] // so that it is compiled for speed, as this floor is
    pub fn integers(&self, out: &mut [i16], values: &[f32]) {
        let values = &values[..out.len()];
        vectorised(
            #[inline(always)]
            || {
                let ((whole, end), (values, values_end)) =
                    (out.as_chunks_mut(), values.as_chunks());
                let integers = |values: &[f32; REALS], out: &mut [i16; REALS]| {
                    self.whole(Reals::load(values), 1.0 - self.full, 0)
                        .integers(out);
                };
                for (out, values) in whole.iter_mut().zip(values) {
                    integers(values, out);
                }
                let mut last = [0; REALS];
                integers(&rest(values_end), &mut last);
                end.copy_from_slice(&last[..end.len()]);
            },
        );
    }

    /// Puts values on the grid.
    pub fn place(&self, values: &mut [f32]) {
        let unit = Reals::splat(1.0 / self.full);
        vectorised(
            #[inline(always)]
            || each_alone(values, |value| self.whole(value, -self.full, 0).mul(unit)),
        );
    }

    /// Subtracts `changes` from values and puts them on the grid.
    ///
    /// # Panics
    /// If there are fewer changes than values.
    #[inline(never)] // as above
    pub fn subtract(&self, values: &mut [f32], changes: &[f32]) {
        // Multiplying by the inverse of a power of two is exact.
        let unit = 1.0 / self.full;
        vectorised(
            #[inline(always)]
            || {
                let mut first = 0;
                each(values, changes, |value, change| {
                    let steps = self.whole(value.sub(change), -self.full, first);
                    first += REALS as u32;
                    steps.mul(Reals::splat(unit))
                });
            },
        );
    }
}

/// Adam's constants at one step (Kingma and Ba, 2015).
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Decay of both moments.
    pub betas: [f32; 2],
    /// Bias corrections `1 - beta^t` of both.
    pub corrections: [f32; 2],
    /// Learning rate.
    pub rate: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
}

impl Adam {
    /// Turns a gradient into the change to be subtracted, and updates both moments.
    #[inline(never)] // as above
    pub fn change(&self, gradient: &mut [f32], first: &mut [f32], second: &mut [f32]) {
        let one = |gradient: &mut _, first: &mut _, second: &mut _| {
            let splat = Reals::splat;
            let g = Reals::load(gradient);
            let decayed = |moment: &mut [f32; REALS], beta: f32, value: Reals| {
                let old = splat(beta).mul(Reals::load(moment));
                let new = old.add(splat(1.0 - beta).mul(value));
                new.store(moment);
                new
            };
            let mean = decayed(first, self.betas[0], g);
            let square = decayed(second, self.betas[1], g.mul(g));
            let mean = mean.div(splat(self.corrections[0]));
            let root = square.div(splat(self.corrections[1])).sqrt();
            let change = splat(self.rate).mul(mean);
            change.div(root.add(splat(self.epsilon))).store(gradient);
        };
        vectorised(
            #[inline(always)]
            || {
                let (gradients, gradient_end) = gradient.as_chunks_mut();
                let (firsts, first_end) = first.as_chunks_mut();
                let (seconds, second_end) = second.as_chunks_mut();
                for ((gradient, first), second) in gradients.iter_mut().zip(firsts).zip(seconds) {
                    one(gradient, first, second);
                }
                let ends = [gradient_end, first_end, second_end];
                let mut filled = ends.each_ref().map(|end| rest(end));
                let [gradient, first, second] = &mut filled;
                one(gradient, first, second);
                for (end, filled) in ends.into_iter().zip(filled) {
                    end.copy_from_slice(&filled[..end.len()]);
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bits, numbers};
    use super::*;

    #[test]
    fn adam_gives_the_bits_of_its_definition() {
        let adam = Adam {
            betas: [0.9, 0.999],
            corrections: [0.271, 0.002_997],
            rate: 3e-3,
            epsilon: 1e-8,
        };
        for len in [0, 1, 7, 8, 9, 31, 64] {
            let (mut gradient, mut first) = (numbers(2, len), numbers(3, len));
            let mut second: Vec<f32> = numbers(4, len).iter().map(|v| v * v).collect();
            let mut wanted = Vec::new();
            for ((g, m), v) in gradient.iter().zip(&first).zip(&second) {
                let m = 0.9 * m + (1.0 - 0.9) * g;
                let v = 0.999 * v + (1.0 - 0.999) * (g * g);
                wanted.push([3e-3 * (m / 0.271) / ((v / 0.002_997).sqrt() + 1e-8), m, v]);
            }
            adam.change(&mut gradient, &mut first, &mut second);
            for (at, wanted) in wanted.iter().enumerate() {
                let found = [gradient[at], first[at], second[at]];
                assert_eq!(bits(&found), bits(wanted), "element {at} of {len}");
            }
        }
    }
}
