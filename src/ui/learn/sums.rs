//! What the figures of the steps show, computed by the floors below.

use ndarray::Array2;

use crate::accel::{Cause, Device, Machine, OpTiming, Tally, fit, time};
use crate::exec::fixed::FixedFormats;
use crate::numeric::{Format, Rounding, Seed, Stream, shift_round};
use crate::program::{NetworkShape, Program, Schedule, compile};
use crate::train::config::{Precision, Preset, RunConfig};
use crate::tt::{Truncation, TtMatrix, TtShape, tt_svd};

/// Inputs of the first layer of preset `paper`.
pub const INPUTS: usize = 896;

/// Bytes of an `outputs` x [`INPUTS`] matrix of 32-bit numbers.
#[must_use]
pub fn dense_bytes(outputs: usize) -> u64 {
    (outputs * INPUTS * 4) as u64
}

/// Bytes of block RAM on a device.
#[must_use]
pub fn block_ram_bytes(device: Device) -> u64 {
    let budget = device.budget();
    budget.block_ram_blocks * budget.block_bits / 8
}

/// The digits of a number in these modes, the first slowest.
#[must_use]
pub fn digits(number: usize, modes: &[usize]) -> Vec<usize> {
    let mut left = number;
    let mut digits: Vec<usize> = modes
        .iter()
        .rev()
        .map(|mode| {
            let digit = left % mode;
            left /= mode;
            digit
        })
        .collect();
    digits.reverse();
    digits
}

/// The modes of rows and of columns of the small matrices shown.
pub const SMALL: [usize; 3] = [2, 2, 2];

/// A train of three cores with ranks 3 and 3 for an 8 x 8 matrix, of values in quarters.
#[must_use]
pub fn small_train() -> TtMatrix {
    let stream = Stream::new(Seed(5), 0, 0, 0);
    let shape = TtShape::new(SMALL, SMALL, [3, 3]);
    let shape = shape.unwrap_or_else(|_| unreachable!("modes and ranks of 2 and 3"));
    let mut drawn = 0;
    let cores: Vec<Vec<f64>> = shape
        .core_shapes()
        .map(|sizes| {
            let draw = |_| {
                drawn += 1;
                f64::from(stream.below(drawn, 9)) / 4.0 - 1.0
            };
            (0..sizes.iter().product::<usize>()).map(draw).collect()
        })
        .collect();
    TtMatrix::from_slices(&shape, &cores).unwrap_or_else(|_| unreachable!("cores of its shape"))
}

/// The small matrix that a core holds for a pair of digits, row by row.
#[must_use]
pub fn small_matrix(train: &TtMatrix, core: usize, [i, j]: [usize; 2]) -> Vec<Vec<f64>> {
    let values = &train.cores()[core];
    let (left, _, _, right) = values.dim();
    let row = |r| (0..right).map(|s| values[[r, i, j, s]]).collect();
    (0..left).map(row).collect()
}

/// The row of values after each core, on the way to the weight at `(i, j)`; the last holds the weight alone.
#[must_use]
pub fn walk(train: &TtMatrix, i: usize, j: usize) -> Vec<Vec<f64>> {
    let shape = train.shape();
    let rows = digits(i, shape.out_modes());
    let columns = digits(j, shape.in_modes());
    let mut values = vec![1.0];
    (0..shape.depth())
        .map(|core| {
            let matrix = small_matrix(train, core, [rows[core], columns[core]]);
            let width = matrix[0].len();
            let entry = |s: usize| values.iter().zip(&matrix).map(|(v, row)| v * row[s]).sum();
            values = (0..width).map(entry).collect();
            values.clone()
        })
        .collect()
}

/// Rows and columns of the picture that is cut.
pub const PICTURE: usize = 16;
/// Highest rank of its bonds.
pub const FULL_RANK: usize = 16;

/// A smooth matrix with an edge in it, values from 0 to 1.
#[must_use]
pub fn picture() -> Array2<f64> {
    let place = |k: usize| (k as f64 + 0.5) / PICTURE as f64 * 2.0 - 1.0;
    Array2::from_shape_fn((PICTURE, PICTURE), |(i, j)| {
        let (y, x) = (place(i), place(j));
        let hill = 1.0 / (1.0 + 6.0 * ((x - 0.2) * (x - 0.2) + (y + 0.1) * (y + 0.1)));
        let ring = if (0.55..0.85).contains(&(x * x + y * y).sqrt()) {
            0.45
        } else {
            0.0
        };
        (hill + ring).min(1.0)
    })
}

/// A matrix as a train of at most some rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// The matrix that the train stands for.
    pub matrix: Array2<f64>,
    /// Ranks of its bonds.
    pub ranks: Vec<usize>,
    /// Numbers in its cores.
    pub numbers: usize,
    /// Frobenius norm of the difference over that of the matrix.
    pub error: f64,
}

/// The picture in modes 4 4 x 4 4, cut to a rank.
#[must_use]
pub fn cut(rank: usize) -> Option<Cut> {
    let picture = picture();
    let cut = tt_svd(
        &picture,
        &[4, 4],
        &[4, 4],
        &Truncation::ranks([rank.max(1)]),
    )
    .ok()?;
    let matrix = cut.matrix.reconstruct();
    let norm = |m: &Array2<f64>| m.iter().map(|v| v * v).sum::<f64>().sqrt();
    Some(Cut {
        error: norm(&(&matrix - &picture)) / norm(&picture),
        ranks: cut.matrix.shape().ranks().to_vec(),
        numbers: cut.matrix.shape().core_entries(),
        matrix,
    })
}

fn network(preset: Preset) -> NetworkShape {
    let config = RunConfig::preset(preset, Precision::Fixed);
    let layers = config.shapes().unwrap_or_default();
    NetworkShape {
        exponents: vec![0; layers.len()],
        layers,
        classes: 10,
    }
}

/// A training step of preset `paper`.
#[must_use]
pub fn step(schedule: Schedule, batch: usize) -> Program {
    compile(&network(Preset::Paper), schedule, batch)
}

/// Multiply-accumulates of a step per sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// The schedule.
    pub schedule: Schedule,
    /// Forward.
    pub forward: f64,
    /// In all.
    pub training: f64,
    /// The order in which the first layer is contracted.
    pub order: String,
}

/// The schedules of preset `paper` by what they cost at a batch, and the forward pass of its dense twin.
#[must_use]
pub fn costs(batch: usize) -> ([Cost; 2], f64) {
    let cost = |schedule| {
        let program = step(schedule, batch);
        let first = |op: &&crate::program::Op| {
            op.layer == 0 && op.pass == crate::program::Pass::Forward && op.macs() > 0
        };
        // `fc1.x*G1G2.forward`: what is contracted stands in the middle.
        let names: Vec<String> = program
            .ops
            .iter()
            .filter(first)
            .filter_map(|op| Some(op.name.split('.').nth(1)?.replace('*', "·")))
            .collect();
        let order = names.join(", ");
        Cost {
            schedule,
            forward: program.forward_macs(),
            training: program.training_macs(),
            order,
        }
    };
    let dense = network(Preset::Paper)
        .layers
        .iter()
        .map(TtShape::dense_entries)
        .sum::<usize>();
    (
        [cost(Schedule::Chain), cost(Schedule::Planned)],
        dense as f64,
    )
}

/// A value on a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stored {
    /// The integer kept.
    pub integer: i32,
    /// The value it stands for.
    pub value: f64,
    /// Whether the value was beyond the grid's end.
    pub saturated: bool,
}

/// Stores a value on [-1, 1) at `bits` bits, to the nearest point.
#[must_use]
pub fn store(value: f64, bits: u8) -> Stored {
    let format = Format::unit(bits);
    // Sixteen bits more than are kept.
    let fine = (value / f64::from(format.step()) * 65_536.0).round() as i64;
    let whole = shift_round(fine, 16, Rounding::Nearest, 0);
    let integer = format.saturate(whole);
    Stored {
        integer,
        value: f64::from(integer) * f64::from(format.step()),
        saturated: whole != i64::from(integer),
    }
}

/// Exact sums of products of random 4- and 8-bit integers, as a contraction over 16 terms makes them.
#[must_use]
pub fn accumulators() -> Vec<i64> {
    let stream = Stream::new(Seed(11), 0, 0, 0);
    let draw = |k: u32, bits: u32| i64::from(stream.below(k, 1 << bits)) - (1 << (bits - 1));
    let sum = |n: u32| {
        (0..16)
            .map(|t| draw(2 * (16 * n + t), 4) * draw(2 * (16 * n + t) + 1, 8))
            .sum()
    };
    (0..64).map(sum).collect()
}

/// Sums shifted and stored at 8 bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Shifted {
    /// What is stored.
    pub stored: Vec<i32>,
    /// How many saturated.
    pub saturated: usize,
    /// How many different values are left.
    pub distinct: usize,
    /// Largest magnitude as a share of full scale, before saturation.
    pub peak: f64,
}

/// Stores [`accumulators`] with a shift.
#[must_use]
pub fn shifted(shift: i32) -> Shifted {
    let format = Format::unit(8);
    let whole: Vec<i64> = accumulators()
        .iter()
        .map(|&a| shift_round(a, shift, Rounding::Nearest, 0))
        .collect();
    let stored: Vec<i32> = whole.iter().map(|&w| format.saturate(w)).collect();
    let saturated = whole
        .iter()
        .zip(&stored)
        .filter(|(w, s)| **w != i64::from(**s))
        .count();
    let mut distinct = stored.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let peak =
        whole.iter().map(|w| w.unsigned_abs()).max().unwrap_or(0) as f64 / f64::from(format.max());
    Shifted {
        stored,
        saturated,
        distinct: distinct.len(),
        peak,
    }
}

/// Bits dropped in [`drift`].
pub const DROPPED: i32 = 8;

/// A value that is changed by `change` 256ths of a step again and again, each time rounded to a whole step:
/// where it stands, in steps, after each of `times` changes.
#[must_use]
pub fn drift(rounding: Rounding, change: i64, times: u32, seed: u32) -> Vec<f64> {
    let stream = Stream::new(Seed(seed), 0, 0, 1);
    let mut value = 0_i64;
    (0..times)
        .map(|k| {
            value = shift_round(
                (value << DROPPED) + change,
                DROPPED,
                rounding,
                stream.bits(k),
            );
            value as f64
        })
        .collect()
}

/// The formats of the paper.
#[must_use]
pub fn formats() -> FixedFormats {
    RunConfig::preset(Preset::Paper, Precision::Fixed).fixed_formats()
}

/// What a schedule needs on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The schedule.
    pub schedule: Schedule,
    /// Name and bytes of the largest gradient held.
    pub largest: (String, u64),
    /// Blocks of block RAM in use and available.
    pub blocks: (u64, u64),
    /// What does not fit, in a sentence.
    pub overflow: Option<String>,
}

/// What a training step of preset `paper` needs on a device, by schedule.
#[must_use]
pub fn needs(device: Device) -> Vec<Need> {
    let machine = Machine {
        device,
        ..Machine::streamlined()
    };
    let need = |schedule| {
        let program = step(schedule, 64);
        let fit = fit(&program, &machine, formats()).ok()?;
        let gradients = program
            .layers
            .iter()
            .flat_map(|layer| layer.core_gradients.clone());
        let dense = program.buffers.iter().filter(|b| b.name.ends_with(".dW"));
        let largest = gradients
            .map(|id| program.buffer(id))
            .chain(dense)
            .max_by_key(|buffer| buffer.len)?;
        Some(Need {
            schedule,
            largest: (largest.name.clone(), largest.len as u64 * 2),
            blocks: (fit.blocks_used, fit.blocks_available),
            overflow: fit.overflow,
        })
    };
    [Schedule::Paper, Schedule::Chain, Schedule::Planned]
        .into_iter()
        .filter_map(need)
        .collect()
}

/// An operation of preset `paper` on the published array, with or without ping-pong.
#[must_use]
pub fn tiles(overlap: bool, rows: usize) -> Option<OpTiming> {
    let machine = if overlap {
        Machine::overlapped()
    } else {
        Machine::published()
    };
    let machine = machine.with_array(16, rows);
    let program = step(Schedule::Chain, 64);
    let step = time(&program, &machine, formats()).ok()?;
    // The first contraction on the element that reduces over the last index: it has no overlap as published.
    step.sample
        .into_iter()
        .find(|op| op.element == crate::accel::Element::Last)
}

/// Shares of the cycles of the array's compute track, by cause; the first is what it works.
#[must_use]
pub fn shares(op: &OpTiming) -> Vec<(Cause, f64)> {
    let tally: &Tally = &op.tallies[1];
    let total = tally.total().max(1) as f64;
    let share = |cause: &Cause| (*cause, tally.of(*cause) as f64 / total);
    crate::accel::timing::CAUSES
        .iter()
        .map(share)
        .filter(|(_, share)| *share > 0.0)
        .collect()
}

/// Energy of a training step of preset `paper` per sample in joules: multiplications, additions, memory on
/// chip, rest; at these widths of cores, activations and gradients.
#[must_use]
pub fn energies(bits: [u8; 3]) -> Option<[f64; 4]> {
    let [core, activation, gradient] = bits;
    let formats = FixedFormats {
        core,
        activation,
        gradient,
        ..formats()
    };
    let program = step(Schedule::Planned, 64);
    let timing = time(&program, &Machine::streamlined(), formats).ok()?;
    let energy = crate::accel::energy(
        &timing,
        &program,
        formats,
        crate::accel::energy::TABLES[0],
        false,
    );
    Some([energy.multiply, energy.add, energy.sram, energy.static_].map(|joules| joules / 64.0))
}

#[cfg(test)]
mod tests {
    use super::super::step::{Step, Words};
    use super::*;

    #[test]
    fn a_walk_along_the_train_ends_at_the_weight() {
        let train = small_train();
        let dense = train.reconstruct();
        for i in 0..8 {
            for j in 0..8 {
                let walked = walk(&train, i, j);
                assert_eq!(walked.len(), 3);
                assert!((walked[2][0] - dense[[i, j]]).abs() < 1e-12);
            }
        }
        assert_eq!(digits(5, &SMALL), [1, 0, 1]);
        assert_eq!(digits(511, &[4, 4, 2, 16]), [3, 3, 1, 15]);
    }

    #[test]
    fn a_lower_rank_has_fewer_numbers_and_a_larger_error() {
        let cuts: Vec<Cut> = (1..=FULL_RANK).filter_map(cut).collect();
        assert_eq!(cuts.len(), FULL_RANK);
        for pair in cuts.windows(2) {
            assert!(pair[0].error + 1e-12 >= pair[1].error);
            assert!(pair[0].numbers <= pair[1].numbers);
        }
        assert!(cuts[15].error < 1e-9, "full rank is exact");
        assert!(cuts[0].error > 0.1, "and rank 1 is seen");
    }

    #[test]
    fn the_words_count_as_the_program_does() {
        let words = super::super::words::of;
        let has = |step, text: &str| {
            let words: Words = words(step);
            let all = [
                words.text.join(" "),
                words.answer.into(),
                words.question.into(),
            ]
            .join(" ");
            assert!(all.contains(text), "{text}: {all}");
        };
        let shape = &network(Preset::Paper).layers[0];
        assert_eq!(
            (shape.dense_entries(), dense_bytes(512)),
            (458_752, 1_835_008)
        );
        has(Step::Numbers, "458,752");
        has(Step::Modes, "4 4 2 16");
        assert_eq!(shape.out_modes(), [4, 4, 2, 16]);
        let need = needs(Device::Zu3eg);
        assert_eq!(need[0].largest.1, 917_504, "{:?}", need[0]);
        has(Step::Gradient, "917,504");
        assert!(need[1].largest.1 < 20_000, "{:?}", need[1]);
        assert!(
            need[0].overflow.is_some() && need[2].overflow.is_none(),
            "{need:?}"
        );
    }

    #[test]
    fn the_planner_needs_less_than_half() {
        let ([chain, planned], _) = costs(64);
        assert!(
            planned.training < 0.5 * chain.training,
            "{chain:?} {planned:?}"
        );
        let ([_, one], _) = costs(1);
        assert_ne!(one.order, planned.order, "another batch, another order");
    }

    #[test]
    fn the_grid_has_sixteen_points_and_ends() {
        assert_eq!(
            store(0.3, 4),
            Stored {
                integer: 2,
                value: 0.25,
                saturated: false
            }
        );
        assert_eq!(
            store(1.2, 4),
            Stored {
                integer: 7,
                value: 0.875,
                saturated: true
            }
        );
        assert_eq!(store(-1.0, 4).integer, -8);
        assert!(!store(-1.0, 4).saturated);
    }

    #[test]
    fn shifts_saturate_below_and_starve_above() {
        assert!(shifted(0).saturated > 20);
        assert_eq!(shifted(5).saturated, 0);
        assert!(shifted(10).distinct < shifted(5).distinct / 2);
    }

    #[test]
    fn only_stochastic_rounding_follows_small_changes() {
        let end = |rounding| *drift(rounding, 60, 400, 3).last().expect("changes");
        let exact = 400.0 * 60.0 / 256.0;
        assert!(
            end(Rounding::Truncate).abs() < 1e-9,
            "every change is dropped"
        );
        assert!(end(Rounding::Nearest).abs() < 1e-9);
        assert!((end(Rounding::Stochastic) - exact).abs() < 0.25 * exact);
    }

    #[test]
    fn overlap_shortens_and_the_shares_are_all_cycles() {
        let (without, with) = (
            tiles(false, 8).expect("timed"),
            tiles(true, 8).expect("timed"),
        );
        assert!(with.cycles < without.cycles);
        for op in [&without, &with] {
            let sum: f64 = shares(op).iter().map(|(_, share)| share).sum();
            assert!((sum - 1.0).abs() < 1e-9);
            assert!(op.tiles >= 4);
        }
    }

    #[test]
    fn energy_of_products_follows_the_widths() {
        let (narrow, wide) = (
            energies([4, 8, 16]).expect("timed"),
            energies([8, 8, 16]).expect("timed"),
        );
        assert!(narrow[0] < wide[0] && narrow.iter().all(|joules| *joules > 0.0));
    }
}
