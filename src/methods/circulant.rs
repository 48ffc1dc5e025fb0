//! The block-circulant matrix: `W` in k x k blocks, each of which is given by its first column, and is
//! multiplied through the Fourier transform (Ding et al., "`CirCNN`", MICRO 2017; Liao et al., "Energy-efficient,
//! high-performance, highly-compressed deep neural network design using block-circulant matrices", ICCAD 2017).
//!
//! Row a and column b of block (i, j) hold `w_ij[(a - b) mod k]`, so with F the transform of k points
//!
//! ```text
//! y_i        = F^-1( sum over j of F(w_ij) o F(x_j) )
//! dL / dw_ij = F^-1( F(dy_i) o conj F(x_j) )
//! dL / dx_j  = F^-1( sum over i of conj F(w_ij) o F(dy_i) ).
//! ```
//!
//! A layer whose sides are no multiples of k has zeros behind its inputs, and outputs that nobody reads. The
//! gradient of a value is a sum over the k entries that it stands for, about k times that of a dense entry:
//! a rate that suits a dense layer must be divided by k, unless the optimiser scales by itself as Adam does.

mod fixed;
#[cfg(test)]
mod tests;

pub use fixed::FixedCirculant;

use super::fft::{self, Fft};
use super::knob::{Accepted, Knob, Knobs};
use super::matmul::{Matrix, Multiplier};
use super::operator::{LayerSpec, Method, Operator, Published, Recipe, Tensor};
use super::quantise;
use super::work::{Storage, Unit, Work};
use crate::numeric::Stream;
use std::array::from_fn;

/// `W` as circulant blocks.
#[derive(Debug)]
pub struct Circulant;

static KNOBS: [Knob; 1] = [Knob {
    name: "block",
    title: "side of a circulant block",
    default: 8.0,
    accepted: Accepted::PowerOfTwo(2, 128),
}];

impl Method for Circulant {
    fn name(&self) -> &'static str {
        "circulant"
    }

    fn title(&self) -> &'static str {
        "Block-circulant"
    }

    fn knobs(&self) -> &'static [Knob] {
        &KNOBS
    }

    fn settings(&self) -> &'static [f32] {
        &[8.0, 4.0, 16.0, 32.0, 64.0]
    }

    fn recipe(&self, recurrent: bool) -> Recipe {
        if recurrent {
            return Recipe {
                rate: 8e-3,
                cosine: true,
                batch: 32,
            };
        }
        Recipe::plain(2e-3)
    }

    fn published(&self) -> &'static [Published] {
        &[Published {
            claim: "3.5 TOPS and 3.69 TOPS/W in equivalent dense operations, 108x to 116x less memory",
            holds_for: "block-circulant networks on an FPGA; models and data are not known here",
            source: "block-circulant networks with FFT, ICCAD 2017",
        }]
    }

    fn layer(&self, spec: &LayerSpec, knobs: &Knobs, stream: Stream) -> Box<dyn Operator> {
        let blocks = Blocks::new(spec.inputs(), spec.outputs(), knobs.whole("block"));
        let tensor = Tensor::normal("w", blocks.shape(), spec.deviation, stream);
        Box::new(BlockCirculant::new(blocks, spec.bits, tensor))
    }

    fn nearest(&self, spec: &LayerSpec, knobs: &Knobs, weights: &[f32]) -> Box<dyn Operator> {
        let blocks = Blocks::new(spec.inputs(), spec.outputs(), knobs.whole("block"));
        let tensor = Tensor::new("w", blocks.shape(), blocks.project(weights));
        Box::new(BlockCirculant::new(blocks, spec.bits, tensor))
    }
}

/// How a matrix divides into circulant blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Columns of the matrix.
    pub inputs: usize,
    /// Rows of the matrix.
    pub outputs: usize,
    /// Side of a block, `k`: a power of two.
    pub side: usize,
}

impl Blocks {
    /// Blocks of `side` rows and columns, rounded up to a power of two; but no more than either side of the
    /// matrix rounded up likewise, as a larger block would be mostly outside.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, side: usize) -> Self {
        let sides = [inputs, outputs, side].map(usize::next_power_of_two);
        Self {
            inputs,
            outputs,
            side: sides[0].min(sides[1]).min(sides[2]),
        }
    }

    /// Block rows `p`.
    #[must_use]
    pub fn rows(self) -> usize {
        self.outputs.div_ceil(self.side)
    }

    /// Block columns `q`.
    #[must_use]
    pub fn columns(self) -> usize {
        self.inputs.div_ceil(self.side)
    }

    /// Sides of the values: p x q x k.
    #[must_use]
    pub fn shape(self) -> Vec<usize> {
        vec![self.rows(), self.columns(), self.side]
    }

    /// How many values there are, `p q k`.
    #[must_use]
    pub fn len(self) -> usize {
        self.rows() * self.columns() * self.side
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The number of the value that stands at row `row` and column `column` of the matrix.
    #[must_use]
    pub fn value_at(self, row: usize, column: usize) -> usize {
        let k = self.side;
        let block = row / k * self.columns() + column / k;
        block * k + (k + row % k - column % k) % k
    }

    /// The matrix (outputs x inputs, row-major) of these values.
    #[must_use]
    pub fn expand<T: Copy>(self, values: &[T]) -> Vec<T> {
        let row = |row| (0..self.inputs).map(move |column| values[self.value_at(row, column)]);
        (0..self.outputs).flat_map(row).collect()
    }

    /// The values of the block-circulant matrix nearest to `matrix` (outputs x inputs, row-major) in the
    /// Euclidean norm: the mean along each wrapped diagonal of each block. What a padded block has outside
    /// the matrix does not exist and has no say; a diagonal that lies outside as a whole is 0.
    #[must_use]
    pub fn project(self, matrix: &[f32]) -> Vec<f32> {
        let mut sums = vec![(0.0_f64, 0_u32); self.len()];
        for (row, entries) in matrix.chunks_exact(self.inputs).enumerate() {
            for (column, &entry) in entries.iter().enumerate() {
                let (sum, count) = &mut sums[self.value_at(row, column)];
                *sum += f64::from(entry);
                *count += 1;
            }
        }
        let mean = |(sum, count): (f64, u32)| (sum / f64::from(count.max(1))) as f32;
        sums.into_iter().map(mean).collect()
    }

    /// Operations of a sample's forward pass: `q` transforms of inputs and `p` of sums, and in each of
    /// `k / 2 + 1` bins `p q` complex multiply-accumulates of four multiplications and four additions. (The
    /// published formula: the two real bins are counted as complex.)
    #[must_use]
    pub fn work(self) -> Work {
        let units = self.units().into_iter();
        units.fold(Work::default(), |sum, unit| sum + unit.work)
    }

    /// The same by unit: transforms of the inputs, products of spectra, transforms of the outputs.
    fn units(self) -> Vec<Unit> {
        let [p, q, k] = [self.rows(), self.columns(), self.side].map(|side| side as u64);
        let unit = |name, multiplies, adds, together| Unit {
            name,
            work: Work {
                multiplies,
                adds,
                shifts: 0,
            },
            together,
        };
        if k == 1 {
            return vec![unit("products", p * q, p * q, p)];
        }
        let transforms = |name, count: u64| {
            // The blocks' transforms are alike, so that each lane takes one.
            unit(
                name,
                count * fft::multiplies(k),
                count * fft::adds(k),
                count,
            )
        };
        let products = 4 * p * q * (k / 2 + 1);
        vec![
            transforms("FFT", q),
            unit("products", products, products, p),
            transforms("inverse FFT", p),
        ]
    }
}

/// A block-circulant `W`.
///
/// In a bin all blocks are a complex matrix of p x q, and so the real matrix `[re, -im; im, re]` of 2 p x 2 q,
/// whose transpose is that of the conjugate transpose: the same product serves both passes. Bins 0 and k / 2
/// are real and have p x q. Bins stand one after the other in the order of their rows.
#[derive(Clone, Debug)]
struct BlockCirculant {
    blocks: Blocks,
    bits: Option<u8>,
    tensor: Tensor,
    /// Values as the forward pass sees them.
    seen: Vec<f32>,
    fft: Fft,
    /// The bins' real matrices, over k, as the transforms there and back together multiply by k.
    matrices: Vec<f32>,
    /// The sums of `dy x^T` in each bin: as large as `matrices`.
    slopes: Vec<f32>,
    /// Spectra of inputs, k x q x samples, and of outputs, k x p x samples.
    x: Vec<f32>,
    y: Vec<f32>,
    multiplier: Multiplier,
}

/// Samples that are turned from rows into columns together: a line of the cache holds as many.
const TURNED: usize = 16;

impl BlockCirculant {
    fn new(blocks: Blocks, bits: Option<u8>, tensor: Tensor) -> Self {
        let pairs = blocks.rows() * blocks.columns();
        let fft = Fft::new(blocks.side);
        let parts: usize = fft.bins().map(|(_, parts)| parts * parts * pairs).sum();
        let mut matrix = Self {
            blocks,
            bits,
            tensor,
            seen: Vec::new(),
            fft,
            matrices: vec![0.0; parts],
            slopes: vec![0.0; parts],
            x: Vec::new(),
            y: Vec::new(),
            multiplier: Multiplier::default(),
        };
        matrix.refresh();
        matrix
    }

    /// Multiplies bin by bin.
    fn each_bin(&mut self, mut product: impl FnMut(&mut Multiplier, Bin)) {
        let [p, q] = [self.blocks.rows(), self.blocks.columns()];
        let k = self.blocks.side;
        let (wide_x, wide_y) = (self.x.len() / k, self.y.len() / k);
        let mut from = 0;
        for (row, parts) in self.fft.bins() {
            let matrix = from..from + parts * parts * p * q;
            from = matrix.end;
            let bin = Bin {
                x: &mut self.x[row * wide_x..(row + parts) * wide_x],
                y: &mut self.y[row * wide_y..(row + parts) * wide_y],
                matrix: Matrix::of_rows(&self.matrices[matrix.clone()], parts * q),
                slopes: &mut self.slopes[matrix],
            };
            product(&mut self.multiplier, bin);
        }
    }
}

/// What belongs to a bin: parts x blocks x samples of `x` and `y`, and the matrix between.
struct Bin<'a> {
    x: &'a mut [f32],
    y: &'a mut [f32],
    matrix: Matrix<'a>,
    slopes: &'a mut [f32],
}

/// The spectra of `samples` samples of `width` values each in `spectra` (points x blocks x samples).
fn transform(fft: &Fft, values: &[f32], (samples, width): (usize, usize), spectra: &mut Vec<f32>) {
    let k = fft.points();
    let blocks = width.div_ceil(k);
    spectra.clear();
    spectra.resize(k * blocks * samples, 0.0);
    let place = |column: usize| (fft.row_of(column % k) * blocks + column / k) * samples;
    let whole = samples - samples % TURNED;
    for first in (0..whole).step_by(TURNED) {
        let rows: [&[f32]; TURNED] = from_fn(|at| &values[(first + at) * width..][..width]);
        for column in 0..width {
            let slots = &mut spectra[place(column) + first..][..TURNED];
            slots.copy_from_slice(&rows.map(|row| row[column]));
        }
    }
    for sample in whole..samples {
        for (column, &value) in values[sample * width..][..width].iter().enumerate() {
            spectra[place(column) + sample] = value;
        }
    }
    fft.forward(spectra);
}

/// The other way, from `spectra` to `values`.
fn untransform(fft: &Fft, spectra: &mut [f32], samples: usize, values: &mut [f32]) {
    fft.inverse(spectra);
    let k = fft.points();
    let width = values.len() / samples.max(1);
    let blocks = width.div_ceil(k);
    let place = |column: usize| (fft.row_of(column % k) * blocks + column / k) * samples;
    let (whole, rest) = values.split_at_mut((samples - samples % TURNED) * width);
    for (group, rows) in whole.chunks_exact_mut(TURNED * width).enumerate() {
        for column in 0..width {
            let from = &spectra[place(column) + group * TURNED..][..TURNED];
            for (row, value) in from.iter().enumerate() {
                rows[row * width + column] = *value;
            }
        }
    }
    let first = samples - samples % TURNED;
    for (sample, row) in (first..).zip(rest.chunks_exact_mut(width)) {
        for (column, slot) in row.iter_mut().enumerate() {
            *slot = spectra[place(column) + sample];
        }
    }
}

impl Operator for BlockCirculant {
    fn sides(&self) -> (usize, usize) {
        (self.blocks.inputs, self.blocks.outputs)
    }

    fn forward(&mut self, x: &[f32], y: &mut [f32]) {
        let samples = x.len() / self.blocks.inputs;
        if samples == 0 {
            return;
        }
        transform(&self.fft, x, (samples, self.blocks.inputs), &mut self.x);
        let padded = self.blocks.rows() * self.blocks.side;
        self.y.resize(padded * samples, 0.0);
        self.each_bin(|multiplier, bin| {
            let x = Matrix::of_rows(bin.x, samples);
            multiplier.product(bin.matrix, x, bin.y, false);
        });
        untransform(&self.fft, &mut self.y, samples, y);
    }

    fn backward(&mut self, x: &[f32], dy: &[f32], dx: Option<&mut [f32]>) {
        let samples = x.len() / self.blocks.inputs;
        if samples == 0 {
            return;
        }
        transform(&self.fft, x, (samples, self.blocks.inputs), &mut self.x);
        transform(&self.fft, dy, (samples, self.blocks.outputs), &mut self.y);
        let wanted = dx.is_some();
        self.each_bin(|multiplier, bin| {
            let dy = Matrix::of_rows(bin.y, samples);
            let x = Matrix::of_rows(bin.x, samples).transposed();
            multiplier.product(dy, x, bin.slopes, true);
            if wanted {
                // The inputs' spectrum has done its part, and makes room for its gradient.
                multiplier.product(bin.matrix.transposed(), dy, bin.x, false);
            }
        });
        if let Some(dx) = dx {
            untransform(&self.fft, &mut self.x, samples, dx);
        }
    }

    fn gather(&mut self) {
        // Of the four products of parts, dy conj(x) has re re + im im and im re - re im.
        let q = self.blocks.columns();
        let pairs = self.blocks.rows() * q;
        let mut spectra = vec![0.0; pairs * self.blocks.side];
        let mut slopes = &self.slopes[..];
        for (row, parts) in self.fft.bins() {
            let (bin, rest) = slopes.split_at(parts * parts * pairs);
            slopes = rest;
            let slots = &mut spectra[row * pairs..(row + parts) * pairs];
            if parts == 1 {
                slots.copy_from_slice(bin);
                continue;
            }
            let (of_re, of_im) = bin.split_at(2 * pairs);
            let (re, im) = slots.split_at_mut(pairs);
            let rows = of_re.chunks_exact(2 * q).zip(of_im.chunks_exact(2 * q));
            let slots = re.chunks_exact_mut(q).zip(im.chunks_exact_mut(q));
            for ((of_re, of_im), (re, im)) in rows.zip(slots) {
                for j in 0..q {
                    re[j] = of_re[j] + of_im[q + j];
                    im[j] = of_im[j] - of_re[q + j];
                }
            }
        }
        self.slopes.fill(0.0);
        self.fft.inverse(&mut spectra);
        let k = self.blocks.side;
        let scale = 1.0 / k as f32;
        for t in 0..k {
            let from = &spectra[self.fft.row_of(t) * pairs..][..pairs];
            let slots = self.tensor.gradient[t..].iter_mut().step_by(k);
            for (slot, value) in slots.zip(from) {
                *slot += value * scale;
            }
        }
    }

    fn tensors(&self) -> &[Tensor] {
        std::slice::from_ref(&self.tensor)
    }

    fn tensors_mut(&mut self) -> &mut [Tensor] {
        std::slice::from_mut(&mut self.tensor)
    }

    fn refresh(&mut self) {
        quantise::seen(&self.tensor.values, self.bits, &mut self.seen);
        let spectra = spectra(&self.fft, &self.seen, 1.0 / self.blocks.side as f32);
        let q = self.blocks.columns();
        let pairs = self.blocks.rows() * q;
        let mut matrices = &mut self.matrices[..];
        for (row, parts) in self.fft.bins() {
            let (bin, rest) = matrices.split_at_mut(parts * parts * pairs);
            matrices = rest;
            let spectrum = &spectra[row * pairs..(row + parts) * pairs];
            if parts == 1 {
                bin.copy_from_slice(spectrum);
                continue;
            }
            let (re, im) = spectrum.split_at(pairs);
            let (top, bottom) = bin.split_at_mut(2 * pairs);
            let rows = top
                .chunks_exact_mut(2 * q)
                .zip(bottom.chunks_exact_mut(2 * q));
            let parts = re.chunks_exact(q).zip(im.chunks_exact(q));
            for ((top, bottom), (re, im)) in rows.zip(parts) {
                top[..q].copy_from_slice(re);
                bottom[q..].copy_from_slice(re);
                bottom[..q].copy_from_slice(im);
                for (slot, im) in top[q..].iter_mut().zip(im) {
                    *slot = -im;
                }
            }
        }
    }

    fn weights(&self) -> Vec<f32> {
        self.blocks.expand(&self.seen)
    }

    fn storage(&self) -> Storage {
        let values = self.blocks.len() as u64;
        Storage {
            values,
            value_bits: values * u64::from(self.bits.unwrap_or(32)),
            side_bits: 0,
        }
    }

    fn work(&self) -> Work {
        self.blocks.work()
    }

    fn units(&self) -> Vec<Unit> {
        self.blocks.units()
    }

    fn boxed(&self) -> Box<dyn Operator> {
        Box::new(self.clone())
    }
}

/// The spectra of all blocks, times `scale`: in each row those of the blocks, row by row.
fn spectra(fft: &Fft, values: &[f32], scale: f32) -> Vec<f32> {
    let k = fft.points();
    let pairs = values.len() / k;
    let mut spectra = vec![0.0; values.len()];
    for t in 0..k {
        let row = &mut spectra[fft.row_of(t) * pairs..][..pairs];
        for (slot, value) in row.iter_mut().zip(values[t..].iter().step_by(k)) {
            *slot = value * scale;
        }
    }
    fft.forward(&mut spectra);
    spectra
}
