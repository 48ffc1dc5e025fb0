//! The machine under the visitor's hands, what is done on it, and what it is compared with.

use serde::{Deserialize, Serialize};

use crate::accel::energy::TABLES;
use crate::accel::machine::PRESETS;
use crate::accel::{EnergyTable, Machine, compare};
use crate::program::Schedule;
use crate::ui::draft::Unread;

/// A machine and what it is to do: one side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The machine.
    pub machine: Machine,
    /// Order of the contractions, or as trained.
    pub schedule: Option<Schedule>,
    /// Bits of cores, activations and gradients, or as trained.
    pub bits: Option<[u8; 3]>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            machine: Machine::streamlined(),
            schedule: None,
            bits: None,
        }
    }
}

impl Setup {
    /// The preset that the machine is, if its device, clock and memory may be any.
    #[must_use]
    pub fn preset(&self) -> Option<usize> {
        PRESETS.iter().position(|name| {
            Machine::preset(name).is_some_and(|preset| {
                let Machine {
                    clock_mhz,
                    memory,
                    device,
                    ..
                } = self.machine;
                self.machine
                    == Machine {
                        clock_mhz,
                        memory,
                        device,
                        ..preset
                    }
            })
        })
    }

    /// Takes over a preset; device, clock and memory stay.
    pub fn choose(&mut self, preset: usize) {
        let Some(machine) = PRESETS.get(preset).and_then(|name| Machine::preset(name)) else {
            return;
        };
        self.machine = Machine {
            clock_mhz: self.machine.clock_mhz,
            memory: self.machine.memory,
            device: self.machine.device,
            ..machine
        };
    }

    /// The machine in a few words.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.preset().map_or("own", |preset| PRESETS[preset]);
        format!("{name} {}×{}", self.machine.lanes, self.machine.rows)
    }
}

/// What energy and the embedded processor are reckoned with.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Place of the energy table in [`TABLES`].
    pub table: usize,
    /// Whether what happens on chip costs as much more as in an FPGA.
    pub fpga: bool,
    /// Share of the processor's peak that it is assumed to reach, above 0 and up to 1.
    pub efficiency: f64,
    /// Power of the accelerator's board in watts.
    pub board_watts: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            table: 0,
            fpga: false,
            efficiency: compare::DEFAULT_EFFICIENCY,
            // The power that the published ratios imply, in the places it is shown with.
            board_watts: (compare::RASPBERRY_PI_3B.implied_board_watts() * 100.0).round() / 100.0,
        }
    }
}

impl Costs {
    /// The energy table.
    #[must_use]
    pub fn table(&self) -> EnergyTable {
        TABLES[self.table.min(TABLES.len() - 1)]
    }
}

/// Which steps the timeline shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The next one.
    Step,
    /// Those of the epoch that is being trained, or was trained last.
    #[default]
    Epoch,
    /// All of the run.
    Run,
}

/// The settings of the Accelerator tab.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accel {
    /// The settings, from the fields that could be read.
    pub draft: Setup,
    /// The last settings that a machine can have: what is shown.
    pub sound: Setup,
    /// Kept as B.
    pub other: Option<Setup>,
    /// Which steps the timeline shows.
    pub scope: Scope,
    /// What energy and processor are reckoned with.
    pub costs: Costs,
    /// What could not be read.
    unread: Unread,
}

impl Accel {
    /// Changes the settings; what is shown follows once they are sound.
    pub fn edit(&mut self, change: impl FnOnce(&mut Setup)) {
        change(&mut self.draft);
        self.settle();
    }

    /// Takes over a field's text by `parse`, or keeps why it could not be read.
    pub fn read(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&mut Self, &str) -> Result<(), String>,
    ) {
        match parse(self, text) {
            Ok(()) => self.unread.remove(field),
            Err(message) => self.unread.insert(field, message),
        }
        self.settle();
    }

    /// Takes over a preset; what could not be read is forgotten.
    pub fn choose(&mut self, preset: usize) {
        self.unread.0.clear();
        self.edit(|setup| setup.choose(preset));
    }

    /// Takes over sound settings, such as a link's.
    pub fn take(&mut self, setup: Setup) {
        self.draft = setup.clone();
        self.sound = setup;
        self.unread.0.clear();
    }

    /// Exchanges A and B.
    pub fn swap(&mut self) {
        if let Some(other) = &mut self.other {
            std::mem::swap(other, &mut self.sound);
            self.draft = self.sound.clone();
            self.unread.0.clear();
        }
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn fault_of(&self, field: &str) -> Option<String> {
        if let Some(message) = self.unread.get(field) {
            return Some(message.into());
        }
        let error = self.draft.machine.validate().err()?;
        (error.field == field).then_some(error.message)
    }

    fn settle(&mut self) {
        if self.unread.0.is_empty() && self.draft.machine.validate().is_ok() {
            self.sound = self.draft.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_known_whatever_device_and_clock() {
        let mut setup = Setup::default();
        for preset in 0..PRESETS.len() {
            setup.machine.clock_mhz = 50.0 + preset as f64;
            setup.choose(preset);
            assert_eq!(setup.preset(), Some(preset));
            assert!(setup.machine.clock_mhz < 60.0, "the clock stays");
        }
        setup.machine.ports.width = 3;
        assert_eq!(setup.preset(), None);
    }

    #[test]
    fn what_is_shown_waits_for_a_sound_machine() {
        let mut accel = Accel::default();
        let lanes = |accel: &mut Accel, text: &str| {
            accel.draft.machine.lanes = text.parse().map_err(|_| "Write a number.".to_string())?;
            Ok(())
        };
        accel.read("lanes", "0", lanes);
        assert!(
            accel
                .fault_of("lanes")
                .expect("no lanes")
                .contains("1 to 256")
        );
        accel.read("lanes", "many", lanes);
        assert_eq!(accel.fault_of("lanes").as_deref(), Some("Write a number."));
        assert_eq!(accel.sound, Setup::default());
        accel.read("lanes", "8", lanes);
        assert_eq!(accel.sound.machine.lanes, 8);
    }
}
