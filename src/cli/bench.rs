//! `railyard bench`: how fast this machine trains.

use clap::Args;

use super::emit;
use super::options::{RunOptions, of_a_program};
use super::train::clock;
use crate::json;
use crate::numeric::grouped;
use crate::train::config::Precision;
use crate::train::speed::{Measurement, measure};

/// Options of `railyard bench`.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    #[command(flatten)]
    run: RunOptions,
    /// Threads that share each batch
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Wall time for each precision, over all repeats
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=600_000))]
    milliseconds: u32,
    /// Stretches of that time that are measured one by one; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repeats: u16,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Measures the configuration on images of noise; without a precision, in floating and in fixed point,
/// by turns.
pub fn run(args: &BenchArgs) -> Result<(), String> {
    let options = |precision| RunOptions {
        precision: Some(precision),
        ..args.run.clone()
    };
    let configs = if args.run.precision.is_some() || args.run.config.is_some() {
        vec![of_a_program(args.run.config()?)?]
    } else {
        vec![
            options(Precision::Float).config()?,
            options(Precision::Fixed).config()?,
        ]
    };
    let how = Measurement {
        milliseconds: f64::from(args.milliseconds),
        repeats: usize::from(args.repeats),
        threads: usize::from(args.threads),
    };
    let speeds = measure(&configs, how, || clock() * 1000.0).map_err(|error| error.to_string())?;
    for speed in &speeds {
        let line = if args.json {
            json::write(speed)
        } else {
            let samples = |value: f64| grouped(value.round() as u64);
            format!(
                "{:<6} {}, batch {}: {} samples/s ({} to {}), {:.2} GMAC/s",
                speed.executor,
                speed.network,
                speed.batch,
                samples(speed.samples_per_second),
                samples(speed.slowest),
                samples(speed.fastest),
                speed.macs_per_second / 1e9
            )
        };
        emit(&(line + "\n"))?;
    }
    Ok(())
}
