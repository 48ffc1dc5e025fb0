//! A product as crossbars compute it: bit by bit of the inputs, current by current, with converters that
//! clip and cells that are not quite what was written.

use super::{Device, Layout, Scheme};
use crate::methods::circulant::Blocks;
use crate::numeric::{Seed, Stream};

/// A matrix written to crossbars.
///
/// A cell's conductance is its level, 0 to `2^c - 1`, plus normal noise that is drawn once when the cell is
/// written, and is never negative. A read adds the conductances of driven rows exactly: resistance of
/// wires and noise of converters are not modelled (ours).
#[derive(Clone, Debug)]
pub struct Array {
    device: Device,
    blocks: Blocks,
    layout: Layout,
    /// Conductances, rows x columns in use, row by row; a column's slices are neighbours, lowest first, and so
    /// are a block row's copies.
    cells: Vec<f32>,
}

/// A product and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The outputs.
    pub outputs: Vec<i64>,
    /// Conversions.
    pub conversions: u64,
    /// Those of them that were clipped.
    pub clipped: u64,
}

impl Array {
    /// Writes the block-circulant matrix of these values (p x q x k) to crossbars; under [`Scheme::Dense`] all
    /// its entries. A dense matrix is one of blocks with side 1. Values outside of `weight_bits` bits
    /// saturate.
    ///
    /// # Errors
    /// As [`Device::validate`].
    ///
    /// # Panics
    /// If there are fewer values than the blocks have.
    pub fn new(
        device: &Device,
        scheme: Scheme,
        blocks: Blocks,
        values: &[i32],
    ) -> Result<Self, crate::methods::KnobError> {
        device.validate()?;
        if scheme == Scheme::Dense && blocks.side > 1 {
            let dense = Blocks::new(blocks.inputs, blocks.outputs, 1);
            return Self::new(device, scheme, dense, &blocks.expand(values));
        }
        let layout = Layout::new(device, scheme, blocks);
        let (k, across) = (blocks.side, blocks.columns());
        let half = 1_i32 << (device.weight_bits - 1);
        let mask = (1_u32 << device.cell_bits) - 1;
        let stream = Stream::new(Seed(device.seed), 0, 0, 0);
        let slices = device.slices();
        let columns = layout.block_rows * layout.copies;
        let mut cells = Vec::with_capacity(layout.rows * columns * slices);
        for row in 0..layout.rows {
            let (j, b) = (row / k, row % k);
            for column in 0..columns {
                let (i, rotation) = (
                    column / layout.copies,
                    column % layout.copies * layout.turns,
                );
                let value = values[(i * across + j) * k + (k + rotation - b) % k];
                let stored = (value.clamp(-half, half - 1) + half) as u32;
                for slice in 0..slices {
                    let level = (stored >> (slice * usize::from(device.cell_bits))) & mask;
                    let noise = match device.noise {
                        0.0 => 0.0,
                        deviation => deviation * stream.normal(cells.len() as u32),
                    };
                    cells.push((level as f32 + noise).max(0.0));
                }
            }
        }
        Ok(Self {
            device: device.clone(),
            blocks,
            layout,
            cells,
        })
    }

    /// Where the matrix stands.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The product with one sample's inputs. Inputs outside of `input_bits` bits saturate.
    ///
    /// # Panics
    /// If there are more or fewer inputs than the matrix has columns.
    #[must_use]
    pub fn product(&self, inputs: &[i32]) -> Product {
        assert_eq!(inputs.len(), self.blocks.inputs, "inputs of the matrix");
        let device = &self.device;
        let (k, slices) = (self.blocks.side, device.slices());
        let (least, most) = if device.signed_inputs {
            let half = 1 << (device.input_bits - 1);
            (-half, half - 1)
        } else {
            (0, (1 << device.input_bits) - 1)
        };
        let mut words: Vec<i32> = inputs.iter().map(|x| (*x).clamp(least, most)).collect();
        let sum: i64 = words.iter().map(|x| i64::from(*x)).sum();
        words.resize(self.layout.rows, 0);

        // Every output begins with what the offset of the weights adds too much.
        let offset = 1_i64 << (device.weight_bits - 1);
        let mut outputs = vec![-offset * sum; self.layout.block_rows * k];
        let top = ((1_u32 << device.resolution()) - 1) as f32;
        let columns = self.layout.block_rows * self.layout.copies * slices;
        let mut currents = vec![0.0_f32; columns];
        let (mut conversions, mut clipped) = (0, 0);
        for turn in 0..self.layout.turns {
            for plane in 0..device.input_bits {
                let negative = device.signed_inputs && plane + 1 == device.input_bits;
                let driven = |row: usize| {
                    let word = words[row / k * k + (row % k + turn) % k];
                    word >> plane & 1 == 1
                };
                for first in (0..self.layout.rows).step_by(device.rows) {
                    currents.fill(0.0);
                    for row in first..self.layout.rows.min(first + device.rows) {
                        if driven(row) {
                            let cells = &self.cells[row * columns..][..columns];
                            crate::kernels::add(&mut currents, cells);
                        }
                    }
                    conversions += columns as u64;
                    for (column, currents) in currents.chunks_exact(slices).enumerate() {
                        let (i, copy) = (column / self.layout.copies, column % self.layout.copies);
                        let output = &mut outputs[i * k + copy * self.layout.turns + turn];
                        for (slice, current) in currents.iter().enumerate() {
                            let number = (current + 0.5).floor();
                            clipped += u64::from(number > top);
                            let number = i64::from(number.min(top) as u32);
                            let weight = slice * usize::from(device.cell_bits) + usize::from(plane);
                            *output += if negative { -number } else { number } << weight;
                        }
                    }
                }
            }
        }
        outputs.truncate(self.blocks.outputs);
        Product {
            outputs,
            conversions,
            clipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Counts;
    use super::*;
    use proptest::prelude::*;

    fn drawn(len: usize, least: i32, most: i32, seed: u32) -> Vec<i32> {
        let stream = Stream::new(Seed(seed), 0, 0, 0);
        let span = (most - least) as u32 + 1;
        let draw = |at| least + stream.below(at, span) as i32;
        (0..len as u32).map(draw).collect()
    }

    /// The product with the explicit circulant matrix.
    fn digital(blocks: Blocks, values: &[i32], x: &[i32]) -> Vec<i64> {
        let (k, q) = (blocks.side, blocks.columns());
        let entry = |row: usize, column: usize| {
            let distance = (row % k + k - column % k) % k;
            i64::from(values[(row / k * q + column / k) * k + distance])
        };
        let output = |row: usize| {
            let terms = x.iter().enumerate();
            terms
                .map(|(column, x)| entry(row, column) * i64::from(*x))
                .sum()
        };
        (0..blocks.outputs).map(output).collect()
    }

    fn range(device: &Device) -> (i32, i32) {
        if device.signed_inputs {
            (
                -(1 << (device.input_bits - 1)),
                (1 << (device.input_bits - 1)) - 1,
            )
        } else {
            (0, (1 << device.input_bits) - 1)
        }
    }

    fn devices() -> impl Strategy<Value = Device> {
        let crossbar = (2_usize..40, 16_usize..70, 1_u8..4);
        let words = (2_u8..13, 1_u8..10, any::<bool>());
        (crossbar, words).prop_map(
            |((rows, columns, cell_bits), (weight_bits, input_bits, signed_inputs))| {
                let device = Device {
                    rows,
                    columns,
                    cell_bits,
                    weight_bits,
                    input_bits,
                    signed_inputs,
                    ..Device::default()
                };
                Device {
                    converter_bits: Some(device.wide()),
                    ..device
                }
            },
        )
    }

    proptest! {
        #[test]
        fn ideal_crossbars_give_the_digital_product_exactly(
            device in devices(), scheme in 0_usize..6, (n, m, log) in (1_usize..50, 1_usize..50, 0_u32..6),
            seed in any::<u32>(),
        ) {
            let blocks = Blocks::new(n, m, 1 << log);
            let half = 1 << (device.weight_bits - 1);
            let values = drawn(blocks.len(), -half, half - 1, seed);
            let (least, most) = range(&device);
            let x = drawn(n, least, most, seed ^ 1);
            let scheme = Scheme::ALL[scheme];
            let found = Array::new(&device, scheme, blocks, &values).expect("a device").product(&x);
            prop_assert_eq!(found.outputs, digital(blocks, &values, &x));
            prop_assert_eq!(found.clipped, 0);
            prop_assert_eq!(found.conversions, Counts::new(&device, scheme, blocks).conversions);
        }

        #[test]
        fn without_a_converter_of_its_own_a_device_is_exact_unless_it_says_that_it_clipped(
            device in devices(), (n, m, log) in (1_usize..50, 1_usize..50, 0_u32..6), seed in any::<u32>(),
        ) {
            let device = Device { converter_bits: None, ..device };
            let blocks = Blocks::new(n, m, 1 << log);
            let half = 1 << (device.weight_bits - 1);
            let values = drawn(blocks.len(), -half, half - 1, seed);
            let (least, most) = range(&device);
            let x = drawn(n, least, most, seed ^ 1);
            let array = Array::new(&device, Scheme::Sharing, blocks, &values).expect("a device");
            let found = array.product(&x);
            if found.clipped == 0 {
                prop_assert_eq!(found.outputs, digital(blocks, &values, &x));
            }
        }
    }

    #[test]
    fn full_columns_are_clipped_by_the_published_converter() {
        // 128 weights of 127 are stored as 255, all cells 3; 128 inputs of 1: a current of 384, clipped at 255.
        let device = Device::default();
        let blocks = Blocks::new(128, 1, 1);
        let array = Array::new(&device, Scheme::Dense, blocks, &[127; 128]).expect("a device");
        let found = array.product(&[1; 128]);
        assert_eq!(found.clipped, 4);
        // 255 (1 + 4 + 16 + 64) less the offset, 128 x 128.
        assert_eq!(found.outputs, [255 * 85 - 128 * 128]);
    }

    #[test]
    fn noise_is_of_the_size_that_its_variance_has() {
        // One weight column of one 8-bit cell: no slices to weigh. Weights of 0 are stored at level 2^5,
        // far from 0, so nothing is cut off, and the error of an output is a sum of R normal numbers.
        let device = Device {
            cell_bits: 6,
            weight_bits: 6,
            input_bits: 1,
            converter_bits: Some(20),
            noise: 2.0,
            ..Device::default()
        };
        let blocks = Blocks::new(128, 2000, 1);
        let values = vec![0; blocks.len()];
        let found = Array::new(&device, Scheme::Dense, blocks, &values)
            .expect("a device")
            .product(&[1; 128]);
        let square = |y: &i64| (*y as f64).powi(2);
        let variance = found.outputs.iter().map(square).sum::<f64>() / 2000.0;
        // 128 cells of variance 4, and 1 / 12 by the converter's rounding; a tenth is 3 deviations of 2,000.
        let wanted = 128.0 * 4.0 + 1.0 / 12.0;
        assert!(
            (variance / wanted - 1.0).abs() < 0.1,
            "{variance} and {wanted}"
        );
        let again = Array::new(&device, Scheme::Dense, blocks, &values)
            .expect("a device")
            .product(&[1; 128]);
        assert_eq!(again, found);
    }

    #[test]
    fn what_is_out_of_range_saturates() {
        let device = Device {
            converter_bits: Some(9),
            ..Device::default()
        };
        let blocks = Blocks::new(1, 2, 1);
        let array = Array::new(&device, Scheme::Dense, blocks, &[1000, -1000]).expect("a device");
        assert_eq!(array.product(&[300]).outputs, [127 * 255, -128 * 255]);
        assert_eq!(array.product(&[-5]).outputs, [0, 0]);
    }
}
