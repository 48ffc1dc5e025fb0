//! Tensor-train algebra.
mod error;
mod shape;
pub use error::ShapeError;
pub use shape::TtShape;
