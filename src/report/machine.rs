//! A machine from JSON, with errors for people.

use serde_json::Value;

use crate::accel::Machine;
use crate::accel::machine::PRESETS;

/// A machine by its preset's name.
///
/// # Errors
/// If there is none of this name, with those there are.
pub fn named(name: &str) -> Result<Machine, String> {
    Machine::preset(name)
        .ok_or_else(|| format!("{name} is no machine; known are {}", PRESETS.join(", ")))
}

/// An array's size, in lanes and rows.
///
/// # Errors
/// If one of them is not 1 to 256.
pub fn array(lanes: usize, rows: usize) -> Result<(usize, usize), String> {
    if (1..=256).contains(&lanes) && (1..=256).contains(&rows) {
        return Ok((lanes, rows));
    }
    Err(format!(
        "an array of {lanes} lanes x {rows} rows; 1 to 256 of each are accepted"
    ))
}

/// A machine from JSON.
///
/// # Errors
/// The first field at fault, with what is accepted.
pub fn read(json: &str) -> Result<Machine, String> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
            let preset = Machine::preset(name).unwrap();
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
}
