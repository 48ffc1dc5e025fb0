//! Matrices on crossbars of resistive memory, block-circulant ones among them, after `ReBoc` (Wang et al.,
//! "`ReBoc`: Accelerating block-circulant neural networks in `ReRAM`", DATE 2020).
//!
//! A cell of a crossbar holds a few bits as a conductance. Rows are driven by one bit of the inputs at a time,
//! every column's current is the sum over the driven rows, and a converter makes a number of it; numbers of
//! the bits of inputs and weights are shifted and added. [`Counts`] says what a matrix takes under each of
//! the paper's steps ([`Scheme`]); [`Array`] computes the products as crossbars do.
//!
//! The abstract names its techniques and leaves their details open, so all of the following is our reading
//! (ours):
//!
//! - Columns. All inputs, padded to q blocks of k, run down the rows, R to a crossbar. A weight column is what
//!   an output needs: of block row i, cell (j, b) holds `w_ij[-b mod k]`, the k values of each block once. It
//!   gives output 0 of the block. Driven by inputs rotated by t within their blocks it gives output t, so a
//!   block's outputs take k reads with one column.
//! - Horizontal weight slicing: the `ceil(b / c)` cells of a weight stand in adjacent columns. Without it
//!   every slice of the weights has crossbars of its own, most of whose columns are empty.
//! - Intra-crossbar duplication: columns that are free hold copies rotated by k / D, 2 k / D, ...; D, a power of
//!   two, is the same in all crossbars. So D outputs of a block come with a read, and k / D reads are left.
//! - Input slice reusing: from one read to the next the inputs are rotated by one, which a shift register does
//!   without fetching them again.
//! - Input tile sharing: the crossbars of all block rows stand in a tile around one register of inputs.
//!
//! Signed weights are stored with an offset, as `w + 2^(b-1)`, so that b bits are b bits of cells; the offset
//! times the sum of the inputs is subtracted as a number (Shafiee et al., "ISAAC", ISCA 2016).
//! Signed inputs are in two's complement, and what the highest bit reads is subtracted.

mod counts;
mod simulation;

pub use counts::{Counts, Energies, Energy};
pub use simulation::{Array, Product};

use serde::{Deserialize, Serialize};

use super::circulant::Blocks;
use super::knob::KnobError;
use super::operator::Published;

/// What `ReBoc`'s authors state.
pub const PUBLISHED: Published = Published {
    claim: "96x and 8.86x the power efficiency of the best FPGA and ASIC for such networks; 4.1x faster and 2.6x less energy than ReRAM accelerators",
    holds_for: "block-circulant networks on crossbars of ReRAM; models and data are not known here",
    source: "Wang et al., ReBoc, DATE 2020",
};

/// Crossbars and what they compute with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// Rows of a crossbar, 2 to 1,024.
    pub rows: usize,
    /// Columns of a crossbar, from the cells of a weight to 1,024.
    pub columns: usize,
    /// Bits of a cell, 1 to 6.
    pub cell_bits: u8,
    /// Bits of a weight, 2 to 16.
    pub weight_bits: u8,
    /// Bits of an input, 1 to 16.
    pub input_bits: u8,
    /// Whether inputs are signed; those after a `ReLU` are not.
    pub signed_inputs: bool,
    /// Bits of a converter, 1 to 24; none for `ceil(log2 R) + c - 1`, where what is greater is clipped.
    pub converter_bits: Option<u8>,
    /// Standard deviation of a cell's conductance when it is written, in steps between two levels, 0 to 4.
    pub noise: f32,
    /// Seed of that noise.
    pub seed: u32,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            rows: 128,
            columns: 128,
            cell_bits: 2,
            weight_bits: 8,
            input_bits: 8,
            signed_inputs: false,
            converter_bits: None,
            noise: 0.0,
            seed: 1,
        }
    }
}

impl Device {
    /// Whether such a device can be.
    ///
    /// # Errors
    /// The first number outside of its range, and the range.
    pub fn validate(&self) -> Result<(), KnobError> {
        let whole = |knob: &str, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(KnobError {
                knob: knob.into(),
                message: format!(
                    "{value} is not accepted; choose a whole number from {least} to {most}"
                ),
            })
        };
        whole("rows", self.rows, 2, 1024)?;
        whole("cell_bits", self.cell_bits.into(), 1, 6)?;
        whole("weight_bits", self.weight_bits.into(), 2, 16)?;
        whole("columns", self.columns, self.slices(), 1024)?;
        whole("input_bits", self.input_bits.into(), 1, 16)?;
        if let Some(bits) = self.converter_bits {
            whole("converter_bits", bits.into(), 1, 24)?;
        }
        if (0.0..=4.0).contains(&self.noise) {
            return Ok(());
        }
        Err(KnobError {
            knob: "noise".into(),
            message: format!(
                "{} is not accepted; choose a number from 0 to 4",
                self.noise
            ),
        })
    }

    /// Cells of a weight, `ceil(b / c)`.
    #[must_use]
    pub fn slices(&self) -> usize {
        self.weight_bits.div_ceil(self.cell_bits.max(1)).into()
    }

    /// Bits of the converters.
    #[must_use]
    pub fn resolution(&self) -> u8 {
        let published = self.rows.next_power_of_two().ilog2() as u8 + self.cell_bits - 1;
        self.converter_bits.unwrap_or(published)
    }

    /// Bits of a converter that clips nothing: all rows driven, all cells full.
    #[must_use]
    pub fn wide(&self) -> u8 {
        let most = self.rows * ((1 << self.cell_bits) - 1);
        most.ilog2() as u8 + 1
    }
}

/// The steps from dense crossbars to `ReBoc`'s mapping; each has those before it, from the second on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// The expanded matrix, a weight's cells in adjacent columns: the accelerators that know no blocks.
    Dense,
    /// Each block's values once; each slice of the weights in crossbars of its own.
    Circulant,
    /// Horizontal weight slicing.
    Slicing,
    /// Intra-crossbar duplication.
    Duplication,
    /// Input slice reusing.
    Reuse,
    /// Input tile sharing.
    Sharing,
}

impl Scheme {
    /// All steps in order.
    pub const ALL: [Self; 6] = [
        Self::Dense,
        Self::Circulant,
        Self::Slicing,
        Self::Duplication,
        Self::Reuse,
        Self::Sharing,
    ];

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Circulant => "circulant",
            Self::Slicing => "+ horizontal weight slicing",
            Self::Duplication => "+ intra-crossbar duplication",
            Self::Reuse => "+ input slice reusing",
            Self::Sharing => "+ input tile sharing",
        }
    }
}

/// Where a matrix stands on crossbars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Side of a block; 1 of a dense matrix.
    pub side: usize,
    /// Rows in use, over all crossbars that stand below each other.
    pub rows: usize,
    /// Block rows: weight columns without copies.
    pub block_rows: usize,
    /// Crossbars below each other.
    pub down: usize,
    /// Crossbars beside each other, those of separate slices among them.
    pub across: usize,
    /// Copies of each weight column, `D`.
    pub copies: usize,
    /// Reads one after the other for each bit of the inputs, `k / D`.
    pub turns: usize,
}

impl Layout {
    /// The layout of a block-circulant matrix under a scheme.
    #[must_use]
    pub fn new(device: &Device, scheme: Scheme, blocks: Blocks) -> Self {
        let blocks = match scheme {
            Scheme::Dense => Blocks::new(blocks.inputs, blocks.outputs, 1),
            _ => blocks,
        };
        let (k, block_rows) = (blocks.side, blocks.rows());
        let rows = blocks.columns() * k;
        let slices = device.slices();
        // A device that is not valid may have no room for a weight.
        let room = (device.columns / slices.max(1)).max(1);
        let (across, copies) = if scheme == Scheme::Circulant {
            (block_rows.div_ceil(device.columns.max(1)) * slices, 1)
        } else {
            let across = block_rows.div_ceil(room);
            let most = (room / block_rows.div_ceil(across)).min(k);
            let copies = if scheme >= Scheme::Duplication {
                1 << most.ilog2()
            } else {
                1
            };
            (across, copies)
        };
        Self {
            side: k,
            rows,
            block_rows,
            down: rows.div_ceil(device.rows.max(1)),
            across,
            copies,
            turns: k / copies,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_out_of_range_is_refused_with_what_is_accepted() {
        let device = Device::default();
        assert_eq!(device.validate(), Ok(()));
        let refused = |device: Device| device.validate().expect_err("refused").to_string();
        let columns = Device {
            columns: 3,
            ..device.clone()
        };
        assert_eq!(
            refused(columns),
            "columns: 3 is not accepted; choose a whole number from 4 to 1024"
        );
        let noise = Device {
            noise: f32::NAN,
            ..device.clone()
        };
        assert!(refused(noise).starts_with("noise: NaN"));
        let cells = Device {
            cell_bits: 0,
            ..device
        };
        assert!(refused(cells).starts_with("cell_bits: 0"));
    }

    #[test]
    fn the_published_converter_clips_half_a_bit_early() {
        // 128 rows of cells up to 3: 384, which takes 9 bits; ceil(log2 128) + 2 - 1 = 8.
        let device = Device::default();
        assert_eq!((device.resolution(), device.wide()), (8, 9));
        assert_eq!(device.slices(), 4);
    }

    #[test]
    fn copies_fill_the_free_columns() {
        // 512 outputs in blocks of 64: 8 block rows of 4 cells, 32 of 128 columns, so 4 copies.
        let blocks = Blocks::new(896, 512, 64);
        let layout = |scheme| Layout::new(&Device::default(), scheme, blocks);
        let before = layout(Scheme::Slicing);
        assert_eq!(
            (before.down, before.across, before.copies, before.turns),
            (7, 1, 1, 64)
        );
        let after = layout(Scheme::Duplication);
        assert_eq!(
            (after.down, after.across, after.copies, after.turns),
            (7, 1, 4, 16)
        );
        // One slice to a crossbar without slicing, 16 crossbars of columns when dense.
        assert_eq!(layout(Scheme::Circulant).across, 4);
        assert_eq!(layout(Scheme::Dense).across, 16);
    }
}
