//! The tensors of a checkpoint by their names, for whoever reads one as a file.

use serde::Serialize;

use super::checkpoint::{bad, open};
use super::error::TrainError;
use super::safetensors::{Dtype, SafeTensors};

/// The tensors of a checkpoint.
pub struct Tensors<'a>(SafeTensors<'a>);

/// A tensor's place in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// Its name, such as `fc1.G1`.
    pub name: String,
    /// Its type, such as `F32`.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// A tensor's values, row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorValues {
    /// 32-bit floating point.
    F32(Vec<f32>),
    /// 16-bit unsigned integers.
    U16(Vec<u16>),
}

impl<'a> Tensors<'a> {
    /// The tensors of a file.
    ///
    /// # Errors
    /// If it is no safetensors file.
    pub fn open(file: &'a [u8]) -> Result<Self, TrainError> {
        Ok(Self(open(file)?))
    }

    /// All of them, in the file's order.
    #[must_use]
    pub fn list(&self) -> Vec<TensorInfo> {
        let info = |(name, dtype, shape): (&str, &str, &[usize])| TensorInfo {
            name: name.into(),
            dtype: dtype.into(),
            shape: shape.into(),
        };
        self.0.tensors().map(info).collect()
    }

    /// The values of one.
    ///
    /// # Errors
    /// If there is none of this name, or its type is not one that checkpoints have.
    pub fn values(&self, name: &str) -> Result<TensorValues, TrainError> {
        let found = self.0.tensors().find(|(other, ..)| *other == name);
        let (_, dtype, shape) = found.ok_or_else(|| {
            let known: Vec<&str> = self.0.tensors().map(|(name, ..)| name).collect();
            bad(format!(
                "there is no tensor {name}; known are {}",
                known.join(", ")
            ))
        })?;
        let bytes = |dtype| self.0.tensor(name, dtype, shape).map_err(bad);
        if dtype == Dtype::U16.name() {
            let bytes = bytes(Dtype::U16)?.chunks_exact(2);
            let values = bytes.map(|b| u16::from_le_bytes([b[0], b[1]]));
            return Ok(TensorValues::U16(values.collect()));
        }
        let bytes = bytes(Dtype::F32)?.chunks_exact(4);
        let values = bytes.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok(TensorValues::F32(values.collect()))
    }
}
