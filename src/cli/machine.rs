//! Options that describe a machine and what stands beside its figures, shared by `simulate` and
//! `explore`, and the network that is timed.

use std::path::{Path, PathBuf};

use clap::Args;

use super::options::{RunOptions, of_a_program};
use crate::accel::compare::{DEFAULT_EFFICIENCY, RASPBERRY_PI_3B};
use crate::accel::energy::{EnergyTable, TABLES};
use crate::accel::machine::PRESETS;
use crate::accel::{Device, Machine};
use crate::report::simulation::{self, Cost};
use crate::report::{self, plan};
use crate::train::config::RunConfig;
use crate::train::{Model, Trainer};

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
    /// All of it.
    pub fn cost(&self) -> Cost {
        Cost {
            table: self.table(),
            fpga_factor: self.fpga_factor,
            cpu_efficiency: self.cpu_efficiency,
            board_watts: self.board_watts(),
        }
    }

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
    simulation::share(number(text))
}

fn watts(text: &str) -> Result<f64, String> {
    simulation::watts(number(text))
}

/// A speed in samples per second.
pub fn speed(text: &str) -> Result<f64, String> {
    simulation::speed(number(text))
}

/// A number; one that is none is within no bounds.
fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

fn table(text: &str) -> Result<&'static str, String> {
    Ok(simulation::table(text)?.name)
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
    report::machine::read(&json).map_err(|error| format!("{text} is no machine: {error}"))
}

/// An array such as `16x8`.
pub fn array(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once('x').and_then(|(lanes, rows)| {
        let number = |text: &str| text.trim().parse().ok();
        Some((number(lanes)?, number(rows)?))
    });
    numbers
        .and_then(|(lanes, rows)| report::machine::array(lanes, rows).ok())
        .ok_or_else(|| "write lanes x rows, each 1 to 256, such as 16x8".into())
}

/// A device by its name.
pub fn device(text: &str) -> Result<Device, String> {
    simulation::device(text)
}

/// The configuration and the network to be timed: of a checkpoint at its ranks, or freshly drawn.
pub fn network(
    run: &RunOptions,
    checkpoint: Option<&PathBuf>,
) -> Result<(RunConfig, Model), String> {
    let Some(path) = checkpoint else {
        let config = run.config()?;
        let model = plan::fresh(&config).map_err(|error| error.to_string())?;
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

    #[test]
    fn arrays() {
        assert_eq!(array("16x8"), Ok((16, 8)));
        for text in ["", "16", "0x8", "16x", "16x999", "ax8"] {
            assert!(array(text).is_err(), "{text}");
        }
    }
}
