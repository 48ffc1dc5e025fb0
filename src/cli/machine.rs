//! Options that describe a machine and what stands beside its figures, shared by `simulate` and
//! `explore`, and the network that is timed.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::options::{RunOptions, of_a_program};
use crate::accel::compare::{DEFAULT_EFFICIENCY, RASPBERRY_PI_3B};
use crate::accel::energy::{EnergyTable, TABLES};
use crate::accel::machine::PRESETS;
use crate::accel::{Device, Machine};
use crate::train::config::RunConfig;
use crate::train::{Model, Trainer};
use crate::tt::TtShape;

/// What stands beside the cycles: the processor's efficiency, the board's power, the energy table.
#[derive(Args, Clone, Debug)]
pub struct CostOptions {
    /// Share of the embedded processor's peak that training is assumed to reach there
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = DEFAULT_EFFICIENCY)]
    pub cpu_efficiency: f64,
    /// Power of the accelerator's board in watts [default: what the published ratios imply]
    #[arg(long, value_name = "WATTS", value_parser = watts)]
    pub board_watts: Option<f64>,
    /// Energy per event: horowitz-45nm or accelergy-40nm
    #[arg(long, value_name = "TABLE", value_parser = table, default_value = TABLES[0].name)]
    pub energy_table: &'static str,
    /// Multiply the energy of what happens on chip by 14, FPGA over standard cells (Kuon and Rose, 2007)
    #[arg(long)]
    pub fpga_factor: bool,
}

impl CostOptions {
    /// The table.
    pub fn table(&self) -> EnergyTable {
        EnergyTable::named(self.energy_table).unwrap_or(TABLES[0])
    }

    /// The board's power.
    pub fn board_watts(&self) -> f64 {
        self.board_watts
            .unwrap_or_else(|| RASPBERRY_PI_3B.implied_board_watts())
    }
}

fn share(text: &str) -> Result<f64, String> {
    within(text, 1.0).ok_or_else(|| "choose a share of the peak above 0 and up to 1".into())
}

fn watts(text: &str) -> Result<f64, String> {
    within(text, 1000.0).ok_or_else(|| "choose above 0 and up to 1000 W".into())
}

/// A speed in samples per second.
pub fn speed(text: &str) -> Result<f64, String> {
    within(text, 1e12).ok_or_else(|| "choose samples per second above 0".into())
}

/// A number above 0 and up to `most`.
fn within(text: &str, most: f64) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number > 0.0 && number <= most).then_some(number)
}

fn table(text: &str) -> Result<&'static str, String> {
    let names = TABLES.map(|table| table.name);
    names
        .into_iter()
        .find(|name| *name == text)
        .ok_or_else(|| format!("known tables are {}", names.join(" and ")))
}

/// A machine by its preset's name, or from a JSON file.
pub fn machine(text: &str) -> Result<Machine, String> {
    if let Some(machine) = Machine::preset(text) {
        return Ok(machine);
    }
    let path = Path::new(text);
    let json = std::fs::read_to_string(path).map_err(|error| {
        let presets = PRESETS.join(", ");
        format!("{text} is no preset ({presets}) and no file that can be read: {error}")
    })?;
    read(&json).map_err(|error| format!("{text} is no machine: {error}"))
}

/// A machine from JSON.
fn read(json: &str) -> Result<Machine, String> {
    let machine: Machine = match serde_json::from_str(json) {
        Ok(machine) => machine,
        Err(error) => {
            // serde names what was accepted, but not the field; find it.
            let Ok(value) = serde_json::from_str::<Value>(json) else {
                return Err(error.to_string());
            };
            let base = serde_json::to_value(Machine::published()).unwrap_or_default();
            return Err(fault(&value, &base, &[]).unwrap_or_else(|| error.to_string()));
        }
    };
    machine.validate().map_err(|error| error.to_string())?;
    Ok(machine)
}

/// The first field of a machine that cannot be read, with what is accepted: each is put into a sound
/// machine by itself. `path` leads to the object that is looked at.
fn fault(found: &Value, sound: &Value, path: &[&str]) -> Option<String> {
    let (Some(fields), Some(known)) = (found.as_object(), sound.as_object()) else {
        return None;
    };
    for (name, value) in fields {
        let path = [path, &[name]].concat();
        let mut whole = serde_json::to_value(Machine::published()).ok()?;
        let mut place = &mut whole;
        for name in &path {
            place = place.as_object_mut()?.entry(*name).or_insert(Value::Null);
        }
        place.clone_from(value);
        if let Err(error) = serde_json::from_value::<Machine>(whole) {
            // A memory's fields depend on its kind, so that it is judged as a whole.
            let inner = known
                .get(name)
                .filter(|_| path != ["memory"])
                .and_then(|known| fault(value, known, &path));
            return Some(inner.unwrap_or_else(|| format!("{}: {}", path.join("."), plain(&error))));
        }
    }
    let missing = known.keys().find(|name| !fields.contains_key(*name))?;
    let path = [path, &[missing]].concat();
    Some(format!("{}: the field is missing", path.join(".")))
}

/// What serde says, without names of types.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let Some((found, expected)) = text.split_once("expected ") else {
        return text;
    };
    let expected = match expected {
        "usize" | "u32" => "a whole number of 0 or more",
        "f64" => "a number",
        other if other.starts_with("struct") => "an object with the fields of a preset's",
        other => other,
    };
    format!("{found}expected {expected}")
}

/// An array such as `16x8`.
pub fn array(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once('x').and_then(|(lanes, rows)| {
        let number = |text: &str| text.trim().parse().ok();
        Some((number(lanes)?, number(rows)?))
    });
    match numbers {
        Some((lanes, rows)) if (1..=256).contains(&lanes) && (1..=256).contains(&rows) => {
            Ok((lanes, rows))
        }
        _ => Err("write lanes x rows, each 1 to 256, such as 16x8".into()),
    }
}

/// A device by its name.
pub fn device(text: &str) -> Result<Device, String> {
    let names = Device::ALL.map(Device::name).join(", ");
    Device::named(text).ok_or_else(|| format!("known devices are {names}"))
}

/// The configuration and the network to be timed: of a checkpoint at its ranks, or freshly drawn.
pub fn network(
    run: &RunOptions,
    checkpoint: Option<&PathBuf>,
) -> Result<(RunConfig, Model), String> {
    let Some(path) = checkpoint else {
        let config = of_a_program(run.config()?)?;
        let shapes = config.shapes().map_err(|error| error.to_string())?;
        let outputs = shapes.last().map_or(1, TtShape::outputs);
        let model = Model::new(&config, shapes, outputs.min(10));
        return Ok((config, model));
    };
    let in_file = |error: String| format!("{}: {error}", path.display());
    let bytes = std::fs::read(path).map_err(|error| in_file(error.to_string()))?;
    let (config, model) =
        Trainer::peek_model(&bytes).map_err(|error| in_file(error.to_string()))?;
    Ok((of_a_program(run.change(config)?)?, model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A change of a machine, and words of the sentence that it leads to.
    type Check<'a> = (&'a dyn Fn(&mut Value), &'a [&'a str]);

    fn changed(change: impl FnOnce(&mut Value)) -> String {
        let mut machine = serde_json::to_value(Machine::streamlined()).unwrap();
        change(&mut machine);
        machine.to_string()
    }

    #[test]
    fn a_machine_reads_back() {
        for name in PRESETS {
            let preset = machine(name).unwrap();
            assert_eq!(read(&serde_json::to_string(&preset).unwrap()), Ok(preset));
        }
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let fault = |change: &dyn Fn(&mut Value)| read(&changed(change)).unwrap_err();
        let checks: [Check; 8] = [
            (&|m| m["lanes"] = json!(0), &["lanes", "1 to 256"]),
            (
                &|m| m["lanes"] = json!("many"),
                &["lanes", "a whole number"],
            ),
            (
                &|m| m["last"]["overlap"] = json!("some"),
                &["last.overlap", "`groups`"],
            ),
            (
                &|m| m["middle"]["depth"] = json!(1),
                &["middle.depth", "`input_buffers`"],
            ),
            (&|m| m["pipes"] = json!(1), &["pipes", "`pipeline`"]),
            (&|m| m["device"] = json!("zu9eg"), &["device", "`ecp5-85f`"]),
            (
                &|m| m["memory"] = json!({"kind": "external", "latency": 4}),
                &["memory", "bytes_per_cycle"],
            ),
            (
                &|m| {
                    m["ports"].as_object_mut().unwrap().remove("shared");
                },
                &["ports", "shared"],
            ),
        ];
        for (change, words) in checks {
            let sentence = fault(change);
            for word in words {
                assert!(sentence.contains(word), "{sentence} lacks {word}");
            }
        }
        let mut missing = serde_json::to_value(Machine::published()).unwrap();
        missing.as_object_mut().unwrap().remove("rows");
        let sentence = read(&missing.to_string()).unwrap_err();
        assert!(sentence.starts_with("rows"), "{sentence}");
        assert!(read("{").is_err() && read("[]").is_err());
    }

    #[test]
    fn arrays() {
        assert_eq!(array("16x8"), Ok((16, 8)));
        for text in ["", "16", "0x8", "16x", "16x999", "ax8"] {
            assert!(array(text).is_err(), "{text}");
        }
    }
}
