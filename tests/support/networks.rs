//! Random networks: shapes and ranks by proptest, which shrinks them; numbers by a seeded stream.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use railyard::exec::Margin;
use railyard::numeric::{Seed, Stream};
use railyard::program::{NetworkShape, Schedule};
use railyard::tt::TtShape;

pub const SCHEDULES: [Schedule; 3] = [Schedule::Paper, Schedule::Chain, Schedule::Planned];

/// Settings with a fixed seed, so that a failure is the same failure everywhere.
pub fn config(cases: u32, seed: u64) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    }
}

/// A stream drawn from in order.
pub struct Draws {
    stream: Stream,
    next: u32,
}

impl Draws {
    pub fn new(seed: u32) -> Self {
        Self {
            stream: Stream::new(Seed(seed), 0, 0, 0),
            next: 0,
        }
    }

    fn next(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// A whole number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).unwrap();
        let index = self.next();
        self.stream.below(index, bound) as usize
    }

    /// A pixel.
    pub fn pixel(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// A margin beside images of any width, none in half of all cases.
pub fn margin(draws: &mut Draws, inputs: usize) -> Margin {
    let width = 1 + draws.below(inputs);
    let columns = if draws.below(2) == 0 {
        0
    } else {
        draws.below(width / 2 + 1)
    };
    Margin { columns, width }
}

/// Zeros in the margin of every image of `inputs` pixels.
pub fn clear(margin: Margin, inputs: usize, pixels: &mut [u8]) {
    for image in pixels.chunks_mut(inputs) {
        for (at, pixel) in image.iter_mut().enumerate() {
            if margin.holds(at) {
                *pixel = 0;
            }
        }
    }
}

/// Networks of one to three layers of one to `depth` cores, modes and ranks from 1 to `most`,
/// constant scales from 2^3 to 2^-6, and any number of classes that the outputs allow.
///
/// A layer's input modes are another factorisation of the outputs before it.
pub fn networks(depth: usize, most: usize) -> impl Strategy<Value = NetworkShape> {
    let sizes = move |count: usize| prop::collection::vec(1..=most, count);
    let layer = (1..=depth).prop_flat_map(move |depth| {
        (
            sizes(depth),
            sizes(depth),
            sizes(depth - 1),
            prop::collection::vec(0..depth, 12),
            -3..=6,
        )
    });
    (
        prop::collection::vec(layer, 1..=3),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(drawn, classes)| {
            let (mut layers, mut exponents) = (Vec::<TtShape>::new(), Vec::new());
            for (mut ins, outs, ranks, places, exponent) in drawn {
                if let Some(before) = layers.last() {
                    ins = spread(before.outputs(), ins.len(), &places);
                }
                layers.push(TtShape::new(ins, outs, ranks).unwrap());
                exponents.push(exponent);
            }
            let classes = 1 + classes.index(layers[layers.len() - 1].outputs());
            NetworkShape {
                layers,
                exponents,
                classes,
            }
        })
}

/// `depth` modes with the given product: each prime factor goes to the next of `places`.
fn spread(mut product: usize, depth: usize, places: &[usize]) -> Vec<usize> {
    let mut modes = vec![1; depth];
    let mut places = places.iter().cycle();
    let mut prime = 2;
    while product > 1 {
        if product.is_multiple_of(prime) {
            product /= prime;
            modes[*places.next().unwrap()] *= prime;
        } else {
            prime += 1;
        }
    }
    modes
}
