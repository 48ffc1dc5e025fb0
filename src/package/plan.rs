//! A training step as it is planned.

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use super::object::{self, LayersObject, OperationsObject, RunObject, TotalObject, error};
use crate::report::plan;
use crate::train::Model;
use crate::train::config::RunConfig;

/// A training step: its operations, and what they multiply and hold. All numbers are counted.
#[wasm_bindgen]
pub struct Plan {
    config: RunConfig,
    model: Model,
    found: plan::Plan,
}

impl Plan {
    /// The plan of a step at the model's ranks.
    pub(super) fn of(config: RunConfig, model: Model) -> Self {
        let found = plan::Plan::of(&config, &model);
        Self {
            config,
            model,
            found,
        }
    }

    /// What is planned.
    pub(super) fn network(&self) -> (RunConfig, &Model) {
        (self.config.clone(), &self.model)
    }
}

#[wasm_bindgen]
impl Plan {
    /// The plan of a configuration's first step.
    ///
    /// # Errors
    /// If the configuration is not valid; the field is named.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &RunObject) -> Result<Self, JsError> {
        let config: RunConfig = object::read(config)?;
        let model = plan::fresh(&config).map_err(error)?;
        Ok(Self::of(config, model))
    }

    /// Its operations, in order.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn operations(&self) -> OperationsObject {
        object::write(&self.found.operations)
    }

    /// Its layers, first to last.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn layers(&self) -> LayersObject {
        object::write(&self.found.layers)
    }

    /// All of it: parameters, memory, multiply-accumulates.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn total(&self) -> TotalObject {
        object::write(&self.found.total)
    }
}
