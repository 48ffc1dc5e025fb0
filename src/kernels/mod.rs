//! Matrix kernels: products of matrices whose elements lie scattered by row and column offsets, and
//! the requantisation of integer sums.
//!
//! Any contraction of two tensors is a matrix product once the free and the contracted indices of
//! each are gathered into rows and columns; the offsets of an element are then a sum of a row part
//! and a column part, so nothing need be transposed first (Matthews, "High-performance tensor
//! contraction without transposition", SISC 2018). [`gemm`] packs such matrices into panels and
//! multiplies them tile by tile, in `f32` or in 16-bit integers with exact 32-bit sums.

mod elementwise;
mod gemm;
mod kept;
mod lines;
mod pack;
mod requantise;
#[cfg(target_arch = "wasm32")]
mod roofline;
mod rows;
mod tile;
mod vectors;

pub use elementwise::{
    Adam, Steps, add, add_numbers, add_products, add_wide, integers_where_positive, narrow,
    positive, positive_integers, scale, scaled, scaled_bytes, scaled_numbers, subtract,
    where_positive,
};
pub use gemm::{Packs, Scatter, gemm, gemm_into, is_direct};
pub use kept::{Factor, Kept};
pub use lines::Lines;
pub use requantise::{Places, Requantise, SumStats, requantise};
#[cfg(target_arch = "wasm32")]
pub use roofline::{KernelSpeed, kernel_speeds};
pub use tile::{Element, Isa};
pub use vectors::vectorised;

/// Most products of `bits_a` and `bits_b` wide integers whose sum is certain to stay within 30 bits,
/// so that rounding may still be added to it in 32.
#[must_use]
pub fn safe_terms(bits_a: u8, bits_b: u8) -> usize {
    1 << (30 - (u32::from(bits_a) + u32::from(bits_b) - 2).min(30))
}
