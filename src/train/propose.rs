//! A network for images of any size and any number of classes.

use super::config::{LayerConfig, NetworkConfig};

/// Hidden values between the two layers, as modes.
const HIDDEN: [usize; 4] = [4, 4, 4, 8];
/// Largest rank of a bond.
const RANK: usize = 16;
/// Most zero columns added on each side so that a width has small factors.
const MOST_PADDING: usize = 4;
/// Modes larger than this make large cores; padding is preferred.
const LARGE_MODE: usize = 16;

/// Prime factors, largest first.
fn factors(mut number: usize) -> Vec<usize> {
    let mut found = vec![];
    let mut prime = 2;
    while prime * prime <= number {
        while number.is_multiple_of(prime) {
            found.push(prime);
            number /= prime;
        }
        prime += 1;
    }
    if number > 1 {
        found.push(number);
    }
    found.reverse();
    found
}

/// `count` modes as even as can be whose product is `number`, smallest first.
fn modes(number: usize, count: usize) -> Vec<usize> {
    let mut modes = vec![1; count];
    for factor in factors(number) {
        // The largest factor to the smallest mode.
        if let Some(least) = modes.iter_mut().min() {
            *least *= factor;
        }
        modes.sort_unstable();
    }
    modes
}

/// Bonds are no wider than what stands on either side can use.
fn ranks(inputs: &[usize], outputs: &[usize]) -> Vec<usize> {
    let sizes: Vec<usize> = inputs.iter().zip(outputs).map(|(n, m)| n * m).collect();
    (1..sizes.len())
        .map(|bond| {
            let left: usize = sizes[..bond].iter().product();
            let right: usize = sizes[bond..].iter().product();
            RANK.min(left).min(right)
        })
        .collect()
}

/// A network of two layers for images of `height` x `width` in `classes` classes: columns are padded where that
/// gives smaller modes, modes are as even as can be, ranks at most 16.
#[must_use]
#[inline(never)]
pub fn propose(height: usize, width: usize, classes: usize) -> NetworkConfig {
    let largest = |padding: usize| {
        let modes = modes(height * (width + 2 * padding), HIDDEN.len());
        modes.iter().copied().max().unwrap_or(1)
    };
    let pad_columns = (0..=MOST_PADDING)
        .min_by_key(|padding| (largest(*padding).max(LARGE_MODE), *padding))
        .unwrap_or(0);
    let inputs = modes(height * (width + 2 * pad_columns), HIDDEN.len());
    let hidden = [16, 32];
    // Logits beyond the classes are not used.
    let side = (2..=16).find(|side| side * side >= classes).unwrap_or(16);
    let outputs = [side, side];
    NetworkConfig {
        pad_columns,
        layers: vec![
            LayerConfig {
                ranks: ranks(&inputs, &HIDDEN),
                in_modes: inputs,
                out_modes: HIDDEN.into(),
            },
            LayerConfig {
                in_modes: hidden.into(),
                out_modes: outputs.into(),
                ranks: ranks(&hidden, &outputs),
            },
        ],
        cell: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::train::config::{Precision, Preset, RunConfig};

    #[test]
    fn modes_are_even() {
        assert_eq!(modes(784, 4), [4, 4, 7, 7]);
        assert_eq!(modes(13, 4), [1, 1, 1, 13]);
        assert_eq!(modes(1, 4), [1, 1, 1, 1]);
        // 29 x 29 would be two modes of 29; 29 x 31 no better; 29 x 33 = 3 x 11 x 29 neither.
        assert!(propose(29, 29, 10).pad_columns <= MOST_PADDING);
        assert_eq!(propose(28, 28, 10).pad_columns, 0);
    }

    proptest! {
        #[test]
        fn every_size_gets_a_network_that_is_accepted(height in 1_usize..=64, width in 1_usize..=64, classes in 2_usize..=256) {
            let network = propose(height, width, classes);
            let product = |modes: &[usize]| modes.iter().product::<usize>();
            prop_assert_eq!(product(&network.layers[0].in_modes), height * (width + 2 * network.pad_columns));
            prop_assert!(product(&network.layers[1].out_modes) >= classes);
            for precision in [Precision::Float, Precision::Fixed] {
                let mut config = RunConfig::preset(Preset::Paper, precision);
                config.network = network.clone();
                let sound = config.validate();
                prop_assert!(sound.is_ok(), "{:?}", sound);
            }
        }
    }
}
