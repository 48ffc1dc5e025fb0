//! A run's state as a file.

use js_sys::{Float32Array, Uint16Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsError};

use super::data::{Data, check_side};
use super::object::{self, RanksObject, RunObject, TensorsObject, ValuesObject, error};
use super::plan::Plan;
use super::trainer::{Trainer, answer};
use crate::train::config::RunConfig;
use crate::train::{self, Model, TensorValues, Tensors};

/// A checkpoint: a safetensors file with the run's configuration in its metadata.
#[wasm_bindgen]
pub struct Checkpoint {
    file: Vec<u8>,
    config: RunConfig,
    model: Model,
}

/// A layer's weights as numbers.
#[wasm_bindgen]
pub struct Matrix {
    /// Outputs.
    #[wasm_bindgen(readonly)]
    pub rows: usize,
    /// Inputs.
    #[wasm_bindgen(readonly)]
    pub columns: usize,
    values: Vec<f64>,
}

#[wasm_bindgen]
impl Matrix {
    /// Its entries, row by row.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        self.values.clone()
    }
}

impl Checkpoint {
    /// A layer of the network, from 1.
    fn layer(&self, layer: usize) -> Result<usize, JsError> {
        let layers = self.model.layers.len();
        if (1..=layers).contains(&layer) {
            return Ok(layer - 1);
        }
        Err(JsError::new(&format!(
            "there is no layer {layer}; 1 to {layers} are accepted"
        )))
    }
}

#[wasm_bindgen]
impl Checkpoint {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is no checkpoint, or a network of another method than tensor trains.
    #[wasm_bindgen(constructor)]
    pub fn new(file: Vec<u8>) -> Result<Self, JsError> {
        let (config, model) = train::Trainer::peek_model(&file).map_err(error)?;
        Ok(Self {
            file,
            config,
            model,
        })
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.file.clone()
    }

    /// The configuration of its run.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn config(&self) -> RunObject {
        object::write(&self.config)
    }

    /// Ranks of every layer's bonds.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn ranks(&self) -> RanksObject {
        object::write(&self.model.ranks())
    }

    /// Layers of the network.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn layers(&self) -> usize {
        self.model.layers.len()
    }

    /// Its tensors, as the file names them.
    ///
    /// # Errors
    /// Never, since the file was read before.
    pub fn tensors(&self) -> Result<TensorsObject, JsError> {
        let tensors = Tensors::open(&self.file).map_err(error)?;
        Ok(object::write(&tensors.list()))
    }

    /// The values of a tensor, row by row.
    ///
    /// # Errors
    /// If there is no such tensor.
    pub fn tensor(&self, name: &str) -> Result<ValuesObject, JsError> {
        let tensors = Tensors::open(&self.file).map_err(error)?;
        Ok(match tensors.values(name).map_err(error)? {
            TensorValues::F32(values) => Float32Array::from(&values[..]).unchecked_into(),
            TensorValues::U16(values) => Uint16Array::from(&values[..]).unchecked_into(),
        })
    }

    /// The weight matrix of a layer, from 1, as the network uses it: cores at their width, contracted, at their scale.
    ///
    /// # Errors
    /// If there is no such layer.
    pub fn matrix(&self, layer: usize) -> Result<Matrix, JsError> {
        let layer = self.layer(layer)?;
        let dense = self.model.matrix(&self.config, layer).map_err(error)?;
        let (rows, columns) = dense.dim();
        Ok(Matrix {
            rows,
            columns,
            values: dense.into_raw_vec_and_offset().0,
        })
    }

    /// The biases of a layer, from 1.
    ///
    /// # Errors
    /// If there is no such layer.
    pub fn bias(&self, layer: usize) -> Result<Vec<f32>, JsError> {
        let layer = &self.model.layers[self.layer(layer)?];
        let last = layer.parameters.last();
        Ok(last.map_or_else(Vec::new, |bias| bias.master.clone()))
    }

    /// Class probabilities for an image of this size.
    ///
    /// # Errors
    /// If images of this size do not fit the network.
    pub fn predict(&self, image: &[u8], height: usize, width: usize) -> Result<Vec<f32>, JsError> {
        check_side(height, width)?;
        let mut run = train::Trainer::answering(&self.file, height, width).map_err(error)?;
        answer(&mut run, image)
    }

    /// The run, on the data it was made with: it goes on to the same bits as one never stopped.
    ///
    /// # Errors
    /// If the data are of another size.
    pub fn resume(&self, data: &Data) -> Result<Trainer, JsError> {
        Trainer::resume(&self.file, data)
    }

    /// The plan of a step at its ranks.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan::of(self.config.clone(), self.model.clone())
    }
}
