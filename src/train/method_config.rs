//! The part of a run's configuration that says how matrices are held where not as tensor trains run as a
//! Program. What is built without the feature `methods` has `no_methods.rs` in its place.

use serde::{Deserialize, Serialize};

use super::config::{Precision, PriorKind, RunConfig, wrong};
use super::error::ConfigError;
use crate::methods::{self, AdmmConfig, Cell, Knobs, Method};
use crate::tt::TtShape;

/// How layers' matrices are held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodConfig {
    /// Name of one of [`methods::ALL`].
    pub name: String,
    /// Its numbers, by name; those left out are at their defaults.
    pub knobs: Vec<(String, f32)>,
    /// Whether matrices are trained toward their form first, by the alternating direction method of
    /// multipliers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admm: Option<AdmmConfig>,
}

impl Default for MethodConfig {
    /// The dense baseline.
    fn default() -> Self {
        Self::plain("dense")
    }
}

impl MethodConfig {
    /// A method with its numbers at their defaults.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.into(),
            knobs: Vec::new(),
            admm: None,
        }
    }

    /// The method's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The method with its numbers.
    ///
    /// # Errors
    /// If there is no such method, or a number is not accepted.
    pub fn find(&self) -> Result<(&'static dyn Method, Knobs), ConfigError> {
        let Some(method) = methods::method(&self.name) else {
            let names: Vec<_> = methods::ALL.iter().map(|method| method.name()).collect();
            let message = format!("`{}` is none; there are {}", self.name, names.join(", "));
            return Err(wrong("method.name", message));
        };
        let given = self
            .knobs
            .iter()
            .map(|&(ref name, value)| (&name[..], value));
        let knobs = Knobs::new(method.knobs(), given);
        let knobs =
            knobs.map_err(|error| wrong(format!("method.knobs.{}", error.knob), error.message));
        if let Some((field, message)) = self.admm.as_ref().and_then(AdmmConfig::fault) {
            return Err(wrong(format!("method.admm.{field}"), message));
        }
        Ok((method, knobs?))
    }
}

/// Whether a run's method is one, and what is chosen beside it fits it.
pub(super) fn check_method(config: &RunConfig) -> Result<(), ConfigError> {
    let Some(method) = &config.method else {
        if config.network.cell.is_some() {
            let message = "a recurrent cell needs a method, such as dense, that holds its matrices";
            return Err(wrong("network.cell", message));
        }
        return Ok(());
    };
    method.find()?;
    if matches!(config.precision, Precision::Bf16 | Precision::F16) {
        let message = "a method's layers are trained in `float` or in `fixed`, nothing else";
        return Err(wrong("precision", message));
    }
    if config.prior.kind != PriorKind::None {
        let message = "ranks shrink without a method only; choose `none`";
        return Err(wrong("prior.kind", message));
    }
    Ok(())
}

/// Whether layers make up a recurrent cell and the layer after it.
pub(super) fn check_cell(cell: Cell, shapes: &[TtShape]) -> Result<(), ConfigError> {
    let layers = cell.layers();
    if shapes.len() != layers + 1 {
        let message = format!(
            "{} layers; this cell has {layers}, and one more gives the logits",
            shapes.len()
        );
        return Err(wrong("network.layers", message));
    }
    let (hidden, inputs) = (shapes[layers].inputs(), shapes[0].inputs());
    for (index, (shape, outputs)) in shapes.iter().zip(cell.outputs(hidden)).enumerate() {
        let field = format!("network.layers.{index}");
        if shape.outputs() != outputs {
            let message = format!(
                "{} outputs; with {hidden} hidden values (the last layer's inputs) {outputs} are needed",
                shape.outputs()
            );
            return Err(wrong(format!("{field}.out_modes"), message));
        }
        if shape.inputs() <= hidden || shape.inputs() != inputs {
            let message = format!(
                "{} inputs; all layers of the cell take a row of the image and {hidden} hidden values",
                shape.inputs()
            );
            return Err(wrong(format!("{field}.in_modes"), message));
        }
    }
    Ok(())
}
