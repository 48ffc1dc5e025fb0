//! What `railyard simulate` prints for people.

use std::fmt::Write as _;

use crate::accel::energy::Span;
use crate::accel::fit::Place;
use crate::accel::published::Count;
use crate::accel::timing::{CAUSES, Cause, Stage, TRACKS, Tally};
use crate::accel::traffic::traffic;
use crate::numeric::grouped;
use crate::report::simulation::{Published, Simulation};
use crate::report::{self, tick::Ticked};

/// All tables of a simulation. Writing to a string cannot fail, so that results of `write!` are dropped.
pub fn simulation(found: &Simulation) -> String {
    let mut out = String::new();
    heading(&mut out, found);
    operations(&mut out, found);
    totals(&mut out, found);
    if let Some(ticked) = &found.ticked {
        engines(&mut out, ticked);
    }
    tracks(&mut out, found);
    fit(&mut out, found);
    energy(&mut out, found);
    comparison(&mut out, found);
    if let Some(counted) = &found.published {
        published(&mut out, found, counted);
    }
    out
}

fn heading(out: &mut String, found: &Simulation) {
    let (machine, bits) = (&found.step.machine, found.formats);
    let ranks: Vec<String> = found
        .ranks
        .iter()
        .map(|layer| {
            let ranks: Vec<String> = layer.iter().map(usize::to_string).collect();
            ranks.join(",")
        })
        .collect();
    let _ = writeln!(
        out,
        "machine {}: {} x {} multipliers at {} MHz on {}\nranks {}; widths in bits: cores {}, activations {}, gradients {}; batch {}\n",
        machine.name,
        machine.lanes,
        machine.rows,
        machine.clock_mhz,
        found.fit.device.name,
        ranks.join(" / "),
        bits.core,
        bits.activation,
        bits.gradient,
        found.step.batch
    );
}

fn engines(out: &mut String, ticked: &Ticked) {
    let _ = writeln!(
        out,
        "tick engine: {} cycles at {:.1} million cycles per second (measured)\n  against the event engine: {} boundaries, {} differences\n  against the fixed-point executor: {} memory words after {} operations, {} differences\n",
        grouped(ticked.cycles),
        ticked.cycles_per_second / 1e6,
        grouped(ticked.boundaries),
        ticked.boundary_differences,
        grouped(ticked.words),
        grouped(ticked.operations),
        ticked.word_differences,
    );
}

fn operations(out: &mut String, found: &Simulation) {
    let _ = writeln!(
        out,
        "operations, each run once: tiles, MACs and bytes counted, cycles and shares modelled\n{:<26} {:<7} {:<12} {:>6} {:>11} {:>9} {:>10} {:>10}  {:<31} shares of the compute stage in %",
        "operation", "part", "element", "tiles", "MACs", "cycles", "B weights", "B others", "shape"
    );
    for (ops, _) in found.step.parts() {
        for op in ops {
            let moved = traffic(&found.program, op, &found.step.machine, found.formats);
            let last = op.tracks().find(|(track, _)| track.stage != Stage::Load);
            let tally = last.or_else(|| op.tracks().next()).map(|(_, tally)| *tally);
            let name = op.tracks().next().map_or("", |(track, _)| track.name());
            let element = name.split('.').next().unwrap_or_default();
            let _ = writeln!(
                out,
                "{:<26} {:<7} {:<12} {:>6} {:>11} {:>9} {:>10} {:>10}  {:<31} {}",
                op.name,
                report::part(op.part),
                element,
                op.tiles,
                grouped(op.counters.macs),
                grouped(op.cycles),
                grouped(moved.weights.div_ceil(8)),
                grouped((moved.total() - moved.weights).div_ceil(8)),
                op.shape,
                shares(&tally.unwrap_or_default())
            );
        }
    }
}

/// The shares above zero.
fn shares(tally: &Tally) -> String {
    let all = tally.total().max(1) as f64;
    let share = |cause: &Cause| {
        let share = 100.0 * tally.of(*cause) as f64 / all;
        format!("{} {share:.1}", cause.name())
    };
    let found: Vec<String> = CAUSES
        .iter()
        .filter(|cause| tally.of(**cause) > 0)
        .map(share)
        .collect();
    found.join(", ")
}

fn totals(out: &mut String, found: &Simulation) {
    let (step, counters) = (&found.step, found.step.counters());
    let each = step.cycles() as f64 / step.batch as f64;
    let _ = writeln!(
        out,
        "\nmodelled: {} cycles per sample, {} once per batch, {} per step of {} samples ({each:.1} per sample with its share)",
        grouped(step.sample_cycles()),
        grouped(step.batch_cycles()),
        grouped(step.cycles()),
        step.batch
    );
    let _ = writeln!(
        out,
        "modelled: {:.3} ms per sample, {:.3} ms per step, {:.0} samples per second",
        1e3 * step.seconds() / step.batch as f64,
        1e3 * step.seconds(),
        step.batch as f64 / step.seconds()
    );
    let _ = writeln!(
        out,
        "counted per step: {} MACs, {} values read, {} read again, {} written, {} of optimiser state",
        grouped(counters.macs),
        grouped(counters.reads),
        grouped(counters.rereads),
        grouped(counters.writes),
        grouped(counters.state)
    );
    let roof = &found.roofline;
    let _ = writeln!(
        out,
        "modelled: {:.1} of {} MACs per cycle; {:.1} MACs per byte of activations and gradients, array the limit from {:.1}",
        roof.whole.macs_per_cycle, roof.peak_macs_per_cycle, roof.whole.macs_per_byte, roof.ridge
    );
}

fn tracks(out: &mut String, found: &Simulation) {
    let _ = write!(out, "\n{:<14}", "% of the step");
    for cause in CAUSES {
        let _ = write!(out, " {:>13}", cause.name());
    }
    let all = found.step.cycles().max(1) as f64;
    for (track, tally) in TRACKS.iter().zip(found.step.tallies()) {
        let _ = write!(out, "\n{:<14}", track.name());
        for cause in CAUSES {
            let _ = write!(out, " {:>13.2}", 100.0 * tally.of(cause) as f64 / all);
        }
    }
    let _ = writeln!(out, "  (modelled)");
}

fn fit(out: &mut String, found: &Simulation) {
    let fit = &found.fit;
    let _ = writeln!(
        out,
        "\n{:<28} {:>6} {:>8} {:>10} {:>7}  buffers (first word)",
        "memory (modelled)", "banks", "words", "bits/word", "blocks"
    );
    for memory in &fit.memories {
        let mut buffers: Vec<String> = memory
            .buffers
            .iter()
            .take(4)
            .map(|buffer| format!("{} ({})", buffer.name, buffer.address))
            .collect();
        if memory.buffers.len() > 4 {
            buffers.push(format!("and {} more", memory.buffers.len() - 4));
        }
        let blocks = match memory.place {
            Place::BlockRam => memory.blocks.to_string(),
            Place::Logic => "logic".into(),
            Place::External => "outside".into(),
        };
        let _ = writeln!(
            out,
            "{:<28} {:>6} {:>8} {:>10} {blocks:>7}  {}",
            memory.name,
            memory.banks,
            memory.words,
            memory.word_bits,
            buffers.join(", ")
        );
    }
    let _ = writeln!(
        out,
        "block RAM {} of {}, multipliers {} of {}, look-up tables about {} of {} (estimate)",
        fit.blocks_used,
        fit.blocks_available,
        fit.multipliers_used,
        fit.multipliers_available,
        grouped(fit.luts_estimated),
        grouped(fit.luts_available)
    );
    if fit.approximate {
        let _ = writeln!(
            out,
            "external memory is approximate: a constant latency and bandwidth, without rows and refresh"
        );
    }
    let verdict = fit
        .overflow
        .as_ref()
        .map_or("fits".into(), |why| format!("does not fit: {why}"));
    let _ = writeln!(out, "{} ({}): {verdict}", fit.device.name, fit.device.board);
}

/// A span in microjoules.
fn micro(span: Span) -> String {
    if (span.high - span.low).abs() < 1e-15 {
        format!("{:.3}", 1e6 * span.low)
    } else {
        format!("{:.3} to {:.3}", 1e6 * span.low, 1e6 * span.high)
    }
}

fn energy(out: &mut String, found: &Simulation) {
    let energy = &found.energy;
    let batch = found.step.batch as f64;
    let each = |joules: f64| 1e6 * joules / batch;
    let dram = Span {
        low: energy.dram.low / batch,
        high: energy.dram.high / batch,
    };
    let _ = writeln!(
        out,
        "\nenergy per sample in microjoules (modelled): {}: multiply {:.3}, add {:.3}, SRAM {:.3}, DRAM {}, static {:.3}",
        micro(energy.per_sample),
        each(energy.multiply),
        each(energy.add),
        each(energy.sram),
        micro(dram),
        each(energy.static_)
    );
    let _ = writeln!(
        out,
        "  table {}: {}; factor FPGA over standard cells {} ({}); static power {} W (assumed)",
        energy.table.name,
        energy.table.source,
        energy.factor,
        if energy.factor > 1.0 {
            "Kuon and Rose, 2007, applied to what happens on chip"
        } else {
            "not applied"
        },
        found.fit.device.static_watts
    );
}

fn comparison(out: &mut String, found: &Simulation) {
    let ratio = &found.comparison;
    let _ = writeln!(
        out,
        "\nagainst {} (assumed: {:.1} % of its {:.1} G MAC/s, {} W; board {:.2} W)",
        ratio.processor.name,
        100.0 * ratio.efficiency,
        1e-9 * ratio.processor.macs_per_second,
        ratio.processor.loaded_watts,
        ratio.board_watts
    );
    let _ = writeln!(
        out,
        "  modelled: {:.1} x the speed, {:.1} x less energy; published: {} x and {} x",
        ratio.speed_ratio,
        ratio.energy_ratio,
        ratio.published_speed_ratio,
        ratio.published_energy_ratio
    );
    let _ = writeln!(
        out,
        "  the published speed ratio would ask for an efficiency of {:.2} %",
        100.0 * ratio.implied_efficiency
    );
    if let Some((speed, ratio)) = found.measured {
        let _ = writeln!(
            out,
            "against the measured {speed} samples per second: {ratio:.3} x the speed (modelled)"
        );
    }
}

fn published(out: &mut String, found: &Simulation, counted: &Published) {
    let table = &counted.table;
    let _ = writeln!(
        out,
        "\npublished step, one sample at {} x {}, pipeline depths 0 (published)\n{:<26} {:>11} {:>16} {:>14} {:>15} {:>18}",
        table.lanes,
        table.rows,
        "",
        "MACs",
        "MACs/multiplier",
        "compute beats",
        "full ping-pong",
        "published overlap"
    );
    let mut row = |name: &str, count: &Count| {
        let _ = writeln!(
            out,
            "{name:<26} {:>11} {:>16} {:>14} {:>15} {:>18}",
            grouped(count.macs),
            count.macs_per_multiplier,
            grouped(count.compute_beats),
            grouped(count.ping_pong),
            grouped(count.published_overlap)
        );
    };
    row("13 contractions + 3", &table.whole);
    row("without outer product", &table.without_outer);
    row("outer product on array", &table.outer_on_array);
    let list = |ops: &[(String, u64)]| {
        let each: Vec<String> = ops
            .iter()
            .map(|(name, cycles)| format!("{name} {}", grouped(*cycles)))
            .collect();
        each.join(", ")
    };
    let _ = writeln!(
        out,
        "the trainer's sample is not that step; in cycles on this machine (modelled):\n  published operations {}\n  plus what training needs besides: {}\n  less the gradient of the network's input, which a first layer does not need: {}\n  makes {} cycles per sample",
        grouped(counted.cycles_here),
        list(&counted.added),
        list(&counted.left_out),
        grouped(found.step.sample_cycles())
    );
}
