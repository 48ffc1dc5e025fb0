//! What each device offers: logic, block RAM and multipliers.

use serde::Serialize;

use super::machine::Device;

/// What a device offers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// The device.
    pub name: &'static str,
    /// A board that carries it.
    pub board: &'static str,
    /// Look-up tables.
    pub luts: u64,
    /// Blocks of block RAM.
    pub block_ram_blocks: u64,
    /// Bits of one block, parity bits included.
    pub block_bits: u64,
    /// Multipliers (DSP slices).
    pub multipliers: u64,
    /// Bits of both inputs of a multiplier, signed.
    pub multiplier_inputs: [u32; 2],
    /// Power of the programmable logic at rest in watts. An assumption of this model, not a measurement:
    /// a processor system, external memory and the board come on top.
    pub static_watts: f64,
    /// Where the numbers come from.
    pub source: &'static str,
}

/// Shapes of a block of 36 kbit: bits per word and words.
const SHAPES_36K: [(u64, u64); 7] = [
    (1, 32_768),
    (2, 16_384),
    (4, 8192),
    (9, 4096),
    (18, 2048),
    (36, 1024),
    (72, 512),
];

/// Shapes of a block of 18 kbit.
const SHAPES_18K: [(u64, u64); 6] = [
    (1, 16_384),
    (2, 8192),
    (4, 4096),
    (9, 2048),
    (18, 1024),
    (36, 512),
];

const ECP5_SOURCE: &str = "ECP5 data sheet FPGA-DS-02012 and the device table of nextpnr-ecp5";

impl Budget {
    /// Shapes that a block can take: bits per word and words.
    #[must_use]
    pub fn block_shapes(&self) -> &'static [(u64, u64)] {
        if self.block_bits == 18 * 1024 {
            &SHAPES_18K
        } else {
            &SHAPES_36K
        }
    }

    /// Blocks of a memory: the fewest over all shapes, side by side for wide words and one after another
    /// for many. All blocks of one memory have one shape.
    #[must_use]
    pub fn blocks(&self, words: u64, word_bits: u64) -> u64 {
        let shapes = self.block_shapes().iter();
        let blocks = shapes.map(|&(bits, depth)| words.div_ceil(depth) * word_bits.div_ceil(bits));
        blocks.min().unwrap_or(0)
    }

    /// Multipliers of one product of signed operands of these widths: tiles of the multiplier's inputs,
    /// the cheaper way round.
    #[must_use]
    pub fn multipliers_per_product(&self, bits: [u32; 2]) -> u64 {
        let [wide, narrow] = self.multiplier_inputs;
        let tiles = |a: u32, b: u32| u64::from(a.div_ceil(wide)) * u64::from(b.div_ceil(narrow));
        tiles(bits[0], bits[1]).min(tiles(bits[1], bits[0]))
    }
}

impl Device {
    /// All devices.
    pub const ALL: [Self; 5] = [
        Self::Zu3eg,
        Self::Zynq7020,
        Self::Ecp5F25,
        Self::Ecp5F45,
        Self::Ecp5F85,
    ];

    /// Its name in files and options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zu3eg => "zu3eg",
            Self::Zynq7020 => "zynq7020",
            Self::Ecp5F25 => "ecp5-25f",
            Self::Ecp5F45 => "ecp5-45f",
            Self::Ecp5F85 => "ecp5-85f",
        }
    }

    /// The device of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.name() == name)
    }

    /// What it offers.
    #[must_use]
    pub const fn budget(self) -> Budget {
        let ecp5 = Budget {
            name: "Lattice ECP5 LFE5U-25F",
            board: "bare device",
            luts: 24_288,
            block_ram_blocks: 56,
            block_bits: 18 * 1024,
            multipliers: 28,
            multiplier_inputs: [18, 18],
            static_watts: 0.10,
            source: ECP5_SOURCE,
        };
        match self {
            Self::Zu3eg => Budget {
                name: "Zynq UltraScale+ ZU3EG",
                board: "Ultra96-V2",
                luts: 70_560,
                block_ram_blocks: 216,
                block_bits: 36 * 1024,
                multipliers: 360,
                multiplier_inputs: [27, 18],
                static_watts: 0.30,
                source: "AMD DS891, Zynq UltraScale+ MPSoC overview",
            },
            Self::Zynq7020 => Budget {
                name: "Zynq 7020",
                board: "PYNQ-Z2",
                luts: 53_200,
                block_ram_blocks: 140,
                block_bits: 36 * 1024,
                multipliers: 220,
                multiplier_inputs: [25, 18],
                static_watts: 0.15,
                source: "AMD DS190, Zynq-7000 overview",
            },
            Self::Ecp5F25 => ecp5,
            Self::Ecp5F45 => Budget {
                name: "Lattice ECP5 LFE5U-45F",
                board: "ULX3S",
                luts: 43_848,
                block_ram_blocks: 108,
                multipliers: 72,
                static_watts: 0.15,
                ..ecp5
            },
            Self::Ecp5F85 => Budget {
                name: "Lattice ECP5 LFE5U-85F",
                board: "ULX3S",
                luts: 83_640,
                block_ram_blocks: 208,
                multipliers: 156,
                static_watts: 0.25,
                ..ecp5
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for device in Device::ALL {
            let json = serde_json::to_value(device).unwrap();
            assert_eq!(json, device.name());
            assert_eq!(Device::named(device.name()), Some(device));
        }
        assert_eq!(Device::named("zu9eg"), None);
    }

    #[test]
    fn every_shape_holds_its_block() {
        for device in Device::ALL {
            let budget = device.budget();
            for &(bits, words) in budget.block_shapes() {
                assert_eq!(budget.blocks(words, bits), 1);
                assert_eq!(budget.blocks(words + 1, bits), 2);
                assert!(bits * words <= budget.block_bits);
            }
            assert_eq!(budget.blocks(0, 8), 0);
        }
    }

    #[test]
    fn blocks_by_hand() {
        let (large, small) = (Device::Zu3eg.budget(), Device::Ecp5F85.budget());
        // 128 bits in 1,000 words: two of 72 bits for each 512 words, or four of 36 x 1,024.
        assert_eq!(large.blocks(1000, 128), 4);
        // 16 bits in 3,000 words: two of 9 x 4,096, or two of 18 x 2,048.
        assert_eq!(large.blocks(3000, 16), 2);
        assert_eq!(small.blocks(3000, 16), 3);
        assert_eq!(small.blocks(20_000, 1), 2);
    }

    #[test]
    fn multipliers_of_a_product() {
        let of = |device: Device, bits| device.budget().multipliers_per_product(bits);
        assert_eq!(of(Device::Zu3eg, [4, 16]), 1);
        assert_eq!(of(Device::Zu3eg, [18, 27]), 1);
        assert_eq!(of(Device::Zynq7020, [18, 27]), 2);
        assert_eq!(of(Device::Ecp5F25, [32, 32]), 4);
        assert_eq!(of(Device::Zu3eg, [32, 32]), 4);
    }
}
