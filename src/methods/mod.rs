//! The neighbouring methods: other ways to hold a layer's matrix `W` in little memory, as layers that
//! are trained beside the tensor train.
//!
//! A [`Method`] is a way of holding `W`: dense, tensor train, block-circulant, block-pruned, `SmartDeal`.
//! It has a few numbers to choose ([`Knob`]), and makes an [`Operator`] for a layer: the matrix in its own
//! form, with forward and backward pass, constraint, memory and operation counts. A [`Network`] runs
//! operators in a row, or as the gates of a recurrent cell, and knows no method by name. Everything above
//! finds methods in [`ALL`]; one more method is one module and one line there.
//!
//! Weights are trained in `f32`. With a [`Grid`](quantise::Grid) of some bits the forward pass sees weights and activations
//! rounded to fixed point, and gradients go straight through the rounding (Courbariaux et al., 2015).

mod admm;
mod cell;
pub mod circulant;
pub mod crossbar;
mod dense;
pub mod fft;
mod knob;
mod matmul;
mod network;
mod operator;
mod pruned;
pub mod quantise;
mod smartdeal;
mod squash;
mod tensor_train;
#[cfg(test)]
mod tests;
mod work;

pub use admm::AdmmConfig;
pub use cell::{Cell, CellKind};
pub use knob::{Knob, KnobError, Knobs};
pub use matmul::{Explicit, Matrix, Multiplier};
pub use network::{Network, NetworkSpec};
pub use operator::{LayerSpec, Method, Moment, Operator, Published, Recipe, Tensor};
pub use squash::Squash;
pub use work::{Storage, Unit, Work};

/// All methods, in the order in which they are shown.
pub static ALL: [&dyn Method; 5] = [
    &dense::Dense,
    &tensor_train::TensorTrain,
    &circulant::Circulant,
    &pruned::BlockPruned,
    &smartdeal::SmartDeal,
];

/// A method by its name.
#[must_use]
pub fn method(name: &str) -> Option<&'static dyn Method> {
    ALL.into_iter().find(|method| method.name() == name)
}
