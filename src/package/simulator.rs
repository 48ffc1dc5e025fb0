//! A training step on a modelled accelerator.

use std::rc::Rc;

use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsError, JsValue};

use super::object::{
    self, MachineName, MachineObject, OptionsObject, PublishedObject, SimulatedObject,
    SimulationObject, TraceName, error,
};
use super::plan::Plan;
use super::trainer::clock;
use crate::accel::Timeline;
use crate::accel::trace::{self, Format};
use crate::report::simulation::{self, Simulation};

/// A training step on a modelled accelerator, cycle by cycle.
#[wasm_bindgen]
pub struct Simulator {
    found: Simulation,
    lines: Vec<Value>,
}

/// A machine by name, to be changed as you like.
///
/// # Errors
/// If there is no such machine.
#[wasm_bindgen]
pub fn machine(name: &MachineName) -> Result<MachineObject, JsError> {
    let name: &JsValue = name.as_ref();
    let name = name.as_string().unwrap_or_default();
    Ok(object::write(
        &crate::report::machine::named(&name).map_err(error)?,
    ))
}

impl Simulator {
    /// The objects of one kind.
    fn of_kind(&self, kind: &str) -> Vec<&Value> {
        let lines = self.lines.iter();
        lines.filter(|line| line["kind"] == kind).collect()
    }
}

#[wasm_bindgen]
impl Simulator {
    /// Times a step of a plan; without options on the machine `published`.
    ///
    /// # Errors
    /// If an option or the machine is not accepted; the field is named.
    #[wasm_bindgen(constructor)]
    pub fn new(plan: &Plan, options: Option<OptionsObject>) -> Result<Self, JsError> {
        let given = match options {
            Some(options) if !AsRef::<JsValue>::as_ref(&options).is_null() => {
                object::parse(&options)?
            }
            _ => Value::Object(serde_json::Map::new()),
        };
        let options = simulation::Options::read(&given).map_err(error)?;
        let found = simulation::simulate(plan.network(), &options, clock).map_err(error)?;
        let lines = simulation::lines(&found);
        Ok(Self { found, lines })
    }

    /// Its operations, each with its cycles, stalls and bytes.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn operations(&self) -> SimulatedObject {
        object::write(&self.of_kind("operation"))
    }

    /// The whole step: cycles, seconds, tracks, fit, energy, comparison.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn total(&self) -> SimulationObject {
        object::write(&self.of_kind("total").first())
    }

    /// The published count beside it, if this is the published network and schedule.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn published(&self) -> PublishedObject {
        match self.of_kind("published").first() {
            Some(published) => object::write(published),
            None => JsValue::UNDEFINED.unchecked_into(),
        }
    }

    /// The step's timeline as a file of another program; `from` and `to` are cycles, the whole step without.
    ///
    /// # Errors
    /// If there is no such format, or the range has more events than a file may hold.
    pub fn trace(
        &self,
        format: &TraceName,
        from: Option<f64>,
        to: Option<f64>,
    ) -> Result<Vec<u8>, JsError> {
        let format: Format = object::read(format)?;
        let timeline = Timeline::new(&[(Rc::new(self.found.step.clone()), 1)]);
        let cycles = timeline.cycles();
        let range = from.map_or(0, |cycle| cycle as u64)..to.map_or(cycles, |cycle| cycle as u64);
        trace::write(&timeline, range, format).map_err(error)
    }
}

/// Names of the machines.
#[wasm_bindgen(js_name = "machineNames")]
#[must_use]
pub fn machine_names() -> Vec<String> {
    let names = crate::accel::machine::PRESETS;
    names.iter().map(|name| (*name).to_string()).collect()
}
