//! Rust's values as JavaScript's, by way of JSON, so that an `f32` keeps its short form.

use js_sys::JSON;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsError, JsValue};

use crate::json;

#[wasm_bindgen]
extern "C" {
    /// A run's configuration.
    #[wasm_bindgen(typescript_type = "RunConfig")]
    pub type RunObject;
    /// A network.
    #[wasm_bindgen(typescript_type = "NetworkConfig")]
    pub type NetworkObject;
    /// The name of a preset.
    #[wasm_bindgen(typescript_type = "PresetName")]
    pub type PresetName;
    /// The name of a precision.
    #[wasm_bindgen(typescript_type = "Precision")]
    pub type PrecisionName;
    /// What one call of `advance` did.
    #[wasm_bindgen(typescript_type = "Progress")]
    pub type ProgressObject;
    /// The state of a run.
    #[wasm_bindgen(typescript_type = "Snapshot")]
    pub type SnapshotObject;
    /// The tensors of a checkpoint.
    #[wasm_bindgen(typescript_type = "TensorInfo[]")]
    pub type TensorsObject;
    /// The values of a tensor.
    #[wasm_bindgen(typescript_type = "Float32Array | Uint16Array")]
    pub type ValuesObject;
    /// The ranks of every bond.
    #[wasm_bindgen(typescript_type = "number[][]")]
    pub type RanksObject;
    /// Files with their names.
    #[wasm_bindgen(typescript_type = "Record<string, Uint8Array>")]
    pub type FilesObject;
    /// The operations of a plan.
    #[wasm_bindgen(typescript_type = "PlannedOperation[]")]
    pub type OperationsObject;
    /// The layers of a plan.
    #[wasm_bindgen(typescript_type = "PlannedLayer[]")]
    pub type LayersObject;
    /// The total of a plan.
    #[wasm_bindgen(typescript_type = "PlanTotal")]
    pub type TotalObject;
    /// Options of a simulator.
    #[wasm_bindgen(typescript_type = "SimulatorOptions")]
    pub type OptionsObject;
    /// The operations of a simulation.
    #[wasm_bindgen(typescript_type = "SimulatedOperation[]")]
    pub type SimulatedObject;
    /// The total of a simulation.
    #[wasm_bindgen(typescript_type = "SimulationTotal")]
    pub type SimulationObject;
    /// The published count.
    #[wasm_bindgen(typescript_type = "PublishedCount | undefined")]
    pub type PublishedObject;
    /// The name of a trace's format.
    #[wasm_bindgen(typescript_type = "TraceFormat")]
    pub type TraceName;
    /// A machine.
    #[wasm_bindgen(typescript_type = "Machine")]
    pub type MachineObject;
    /// The name of a machine.
    #[wasm_bindgen(typescript_type = "MachineName")]
    pub type MachineName;
}

/// An error with this message.
#[expect(clippy::needless_pass_by_value, reason = "handed to `map_err`")]
pub fn error(fault: impl ToString) -> JsError {
    JsError::new(&fault.to_string())
}

/// A value that a script gave, as text.
fn text(of: &JsValue) -> Result<String, JsError> {
    let text = JSON::stringify(of).ok().and_then(|text| text.as_string());
    text.ok_or_else(|| JsError::new("this is no plain object; one that JSON can hold is accepted"))
}

/// A value that a script gave.
pub fn read<T: DeserializeOwned>(of: &impl AsRef<JsValue>) -> Result<T, JsError> {
    json::read(text(of.as_ref())?.as_bytes()).map_err(error)
}

/// A value that a script gave, field by field.
pub fn parse(of: &impl AsRef<JsValue>) -> Result<serde_json::Value, JsError> {
    serde_json::from_str(&text(of.as_ref())?).map_err(error)
}

/// A value for a script; numbers that are not finite become null.
pub fn write<T: JsCast>(value: &impl Serialize) -> T {
    JSON::parse(&json::write(value))
        .unwrap_or(JsValue::UNDEFINED)
        .unchecked_into()
}
