//! The package for other pages and for scripts: the trainer, the plan, the simulator and checkpoints as
//! JavaScript classes with TypeScript types (wasm32 only; `make package` builds it).
//!
//! Classes hold the library's own values; what they take and return beside numbers and bytes are plain
//! objects, the same that the command line prints with `--json`. `types.d.ts` describes them, and
//! `tests/package` holds that file to what the package returns. Whatever is wrong is thrown as an `Error`
//! whose message says what was found and what is accepted.

mod checkpoint;
mod data;
mod object;
mod plan;
mod simulator;
mod trainer;

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::train::config::{Precision, Preset, RunConfig};
use crate::train::propose;
use object::{NetworkObject, PrecisionName, PresetName, RunObject};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("types.d.ts");

/// So that a defect of the package is told with its place, should there be one.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// The version of the package.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// A network by name with the recipe that suits a precision, to be changed as you like.
///
/// # Errors
/// If there is no such preset or precision.
#[wasm_bindgen]
pub fn preset(name: &PresetName, precision: &PrecisionName) -> Result<RunObject, JsError> {
    let preset: Preset = object::read(name)?;
    let precision: Precision = object::read(precision)?;
    Ok(object::write(&RunConfig::preset(preset, precision)))
}

/// A network for images of `height` x `width` in `classes` classes: columns padded where that gives smaller
/// modes, modes as even as can be, ranks of at most 16.
///
/// # Errors
/// If a side is not 1 to 64, or there are not 2 to 256 classes.
#[wasm_bindgen]
pub fn propose(height: usize, width: usize, classes: usize) -> Result<NetworkObject, JsError> {
    data::check_side(height, width)?;
    if !(2..=256).contains(&classes) {
        return Err(JsError::new(&format!(
            "{classes} classes; 2 to 256 are accepted"
        )));
    }
    Ok(object::write(&propose::propose(height, width, classes)))
}
