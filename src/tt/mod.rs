//! Tensor-train matrices: shapes, cores, decomposition, rounding and scale.
//!
//! A weight matrix `W` of M x N, with M = `m_1...m_d` and N = `n_1...n_d`, is held as a train
//! of cores `G_k` of shape (`r_{k-1}`, `m_k`, `n_k`, `r_k`) with `r_0 = r_d = 1`:
//!
//! `W[(i_1..i_d),(j_1..j_d)] = G_1[:, i_1, j_1, :] ... G_d[:, i_d, j_d, :]`
//!
//! Index groups are row-major, mode 1 slowest. This is the matrix form of the tensor train of
//! I. V. Oseledets, "Tensor-Train Decomposition", SIAM J. Sci. Comput. 33(5), 2011; the layer
//! `y = W x + b` built on it is that of A. Novikov et al., "Tensorizing Neural Networks", NIPS
//! 2015.
//!
//! The algebra here works in `f64` and is the reference for the executors. Training holds its
//! cores as flat slices in (r, m, n, r') order: [`TtMatrix::from_slices`] and
//! [`TtMatrix::to_f32`] convert, [`remove_bond_indices`] prunes such slices of any element type.
//!
//! | module | holds |
//! | --- | --- |
//! | `shape` | modes, ranks and the sizes that follow from them |
//! | `matrix` | cores, reconstruction, product with a vector, norm |
//! | `svd` | decomposition of a dense matrix |
//! | `rounding` | lower ranks for a train that already exists |
//! | `truncation` | how much a decomposition or a rounding may drop |
//! | `bond` | removing chosen indices from a bond |
//! | `init` | standard deviations and power-of-two scale of fresh cores |

mod bond;
mod error;
mod init;
mod jacobi;
mod linalg;
mod matrix;
#[cfg(test)]
mod reference;
mod rounding;
mod shape;
mod svd;
mod truncation;

pub use bond::remove_bond_indices;
pub use error::{ShapeError, TtError};
pub use init::{core_std, scale_exponent};
pub use matrix::TtMatrix;
pub use rounding::round;
pub use shape::{MAX_ENTRIES, TtShape};
pub use svd::tt_svd;
pub use truncation::{Truncated, Truncation};
