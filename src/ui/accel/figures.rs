//! The large numbers of the Accelerator tab, each with where it comes from.

use yew::prelude::*;

use super::setup::Costs;
use super::timed::{Report, Saving};
use crate::ui::figures::{Kind, Provenance, figure};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::model::{Model, Origin};

/// Properties of [`Figures`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run on the machine.
    pub report: Report,
    /// What energy and processor are reckoned with.
    pub costs: Costs,
    /// Training samples per second of the run on display; 0 before it is measured.
    pub measured: f64,
    /// Whether they were measured here, not where the example was recorded.
    pub here: bool,
}

/// Samples per second of the run on display and whether they were measured in this browser.
pub fn measured(model: &Model) -> (f64, bool) {
    match model.view.origin {
        Origin::Example => (
            model
                .view
                .last_epoch()
                .map_or(0.0, |e| e.samples_per_second),
            false,
        ),
        _ => (model.samples_per_second, true),
    }
}

/// A value and its unit, parted.
pub fn parted(shown: &str) -> (String, String) {
    shown
        .rsplit_once(' ')
        .map_or((shown.into(), String::new()), |(value, unit)| {
            (value.into(), [" ", unit].concat())
        })
}

/// By how much the step got shorter, in words; none if no index died.
pub fn saved(saving: &Saving) -> Option<[String; 2]> {
    let step = saving.step?;
    let part = |from: u64| {
        let less = from.saturating_sub(saving.now);
        format!(
            "{} cycles ({} %)",
            format::count(less),
            format::percent(less as f32 / from.max(1) as f32)
        )
    };
    Some([
        format!("{} shorter than at the start", part(saving.first)),
        format!(
            "{} by the last change, after step {}",
            part(saving.before),
            format::count(step)
        ),
    ])
}

/// Share of the array's multipliers that are at work, over the whole step.
#[must_use]
pub fn utilisation(report: &super::timed::Timed) -> f32 {
    let whole = &report.roofline().whole;
    (whole.macs_per_cycle / report.roofline().peak_macs_per_cycle) as f32
}

/// The numbers.
#[component]
pub fn Figures(props: &Props) -> Html {
    let Props {
        report,
        costs,
        measured,
        here,
    } = props;
    let timing = &report.now.timing;
    let machine = &timing.machine;
    let tag = |kind, text: String, align: &'static str| html! { <Provenance learn={Step::PingPong} {kind} {text} {align} /> };
    let per_sample = timing.seconds() / timing.batch as f64;
    let (time, time_unit) = parted(&format::si(per_sample, "s"));
    let (step, step_unit) = parted(&format::si(timing.seconds(), "s"));
    let energy = report.now.energy(costs);
    let middle = f64::midpoint(energy.per_sample.low, energy.per_sample.high);
    let (joules, joule_unit) = parted(&format::si(middle, "J"));
    let saving = saved(&report.saving);
    let macs = timing.counters().macs;
    html! {
        <section class="figures six" aria-label="One training step on the machine">
            { figure("Cycles per sample", format::count(timing.sample_cycles()), "",
                html! { format!("+ {} per batch", format::count(timing.batch_cycles())) },
                tag(Kind::Modelled, "Modelled: the sum of the cycles of all operations that run once per sample, from the loading of its pixels to its gradients. What runs once per batch stands below.".into(), "start")) }
            { figure("Time per sample", time, &time_unit,
                html! { format!("at {} MHz", machine.clock_mhz) },
                tag(Kind::Modelled, format!("Modelled: {} cycles of a step ÷ {} samples ÷ {} MHz.", format::count(timing.cycles()), timing.batch, machine.clock_mhz), "start")) }
            { figure("Training step", step, &step_unit,
                html! { <span id="saved">{ saving.as_ref().map_or_else(|| format!("{} cycles", format::count(timing.cycles())), |_| {
                    let first = report.saving.first;
                    format!("−{} % since the start", format::percent(first.saturating_sub(timing.cycles()) as f32 / first.max(1) as f32))
                }) }</span> },
                tag(Kind::Modelled, {
                    let cycles = format!("Modelled: {} samples × {} cycles + {} cycles per batch = {} cycles.", timing.batch, format::count(timing.sample_cycles()), format::count(timing.batch_cycles()), format::count(timing.cycles()));
                    match saving {
                        Some([start, last]) => format!("{cycles} {start}; {last}."),
                        None => cycles,
                    }
                }, "start")) }
            { figure("Array at work", format::percent(utilisation(&report.now)), " %",
                html! { format!("{} multipliers", machine.multipliers()) },
                tag(Kind::Modelled, format!("Modelled: {} multiply-accumulates of a step (counted) ÷ ({} multipliers × {} cycles).", format::count(macs), machine.multipliers(), format::count(timing.cycles())), "end")) }
            { figure("Energy per sample", joules, &joule_unit,
                html! { { if costs.fpga { "on chip × 14" } else { "standard cells" } } },
                tag(Kind::Modelled, format!("Modelled: {} to {}, by what DRAM costs; the number shown is the middle. Counts × cost per event, and {} W at rest × time. Table {}: {}.",
                    format::si(energy.per_sample.low, "J"), format::si(energy.per_sample.high, "J"), machine.device.budget().static_watts, energy.table.name, energy.table.source), "end")) }
            { speed(report, costs, *measured, *here) }
        </section>
    }
}

fn speed(report: &Report, costs: &Costs, measured: f64, here: bool) -> Html {
    let ratio = report.now.against(costs).ok();
    let value = ratio
        .as_ref()
        .map_or("–".into(), |r| format::factor(r.speed_ratio));
    let browser = if measured > 0.0 {
        format!(
            "{} {}",
            if here { "browser" } else { "recording" },
            format::factor(crate::accel::compare::against_measured(
                &report.now.timing,
                measured
            ))
        )
    } else {
        "browser not measured".into()
    };
    let text = ratio.map_or_else(
        || "Set the processor's efficiency and the board's power below.".into(),
        |r| {
            format!(
                "Modelled: the step's multiply-accumulates at {} % of the peak of a {}, over the machine's time. Published: {}×. Below, the machine's samples per second over the {} measured {}.",
                format::percent(r.efficiency as f32), r.processor.name, r.published_speed_ratio,
                format::whole(measured), if here { "in this browser" } else { "natively, when the example was recorded" },
            )
        },
    );
    figure(
        "Over a CPU",
        value,
        "",
        html! { browser },
        html! { <Provenance learn={Step::PingPong} kind={Kind::Modelled} align="end" {text} /> },
    )
}
