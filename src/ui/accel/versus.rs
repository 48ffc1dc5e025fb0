//! The machine against a processor, and against another machine kept as B.

use yew::prelude::*;

use super::figures::utilisation;
use super::setup::{Accel, Costs};
use super::timed::{Report, Timed};
use crate::accel::StepTiming;
use crate::accel::compare::Comparison;
use crate::ui::draft::parse_number;
use crate::ui::fields::TextField;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{self, cells, column, columns, row};
use crate::ui::session::Session;

/// Properties of [`Processor`] and [`Versus`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The settings.
    pub accel: Accel,
    /// The run on the machine.
    pub report: Report,
}

/// The machine against the embedded processor.
#[component]
pub fn Processor(props: &Props) -> Html {
    let Props {
        session,
        accel,
        report,
    } = props;
    let costs = &accel.costs;
    let against = report.now.against(costs);
    let fault = |name: &str, field: &str| {
        let told = against
            .as_ref()
            .err()
            .and_then(|e| e.strip_prefix(name).map(String::from));
        accel.fault_of(field).or(told)
    };
    let edit = |field: &'static str, set: fn(&mut Costs, f64)| {
        let session = session.clone();
        Callback::from(move |text: String| {
            session.edit_accel(|accel| {
                accel.read(field, &text, |accel, text| {
                    set(&mut accel.costs, f64::from(parse_number(text, "1.5")?));
                    Ok(())
                });
            });
        })
    };
    html! {
        <section class="card processor" aria-labelledby="cpu-title">
            <div class="head">
                <h2 id="cpu-title">{ "Against an embedded CPU" }</h2>
                <Provenance learn={Step::Board} kind={Kind::Modelled} align="end" text="Modelled: the same multiply-accumulates at the assumed share of the processor's peak, over the machine's time; energy is the processor's power under load over the board's." />
            </div>
            { match &against {
                Ok(ratios) => against_table(ratios),
                Err(_) => html! { <p class="empty">{ "Correct the marked assumption." }</p> },
            } }
            <div class="two-fields">
                <TextField field="accel.efficiency" label="share, %" hint="Share of its peak that the processor is assumed to reach, in percent"
                    value={(costs.efficiency * 100.0).to_string()} fault={fault("efficiency: ", "accel.efficiency").map(AttrValue::from)}
                    onedit={edit("accel.efficiency", |costs, v| costs.efficiency = v / 100.0)} />
                <TextField field="accel.board" label="board, W" hint="Power of the accelerator's board that is assumed"
                    value={costs.board_watts.to_string()} fault={fault("board power: ", "accel.board").map(AttrValue::from)}
                    onedit={edit("accel.board", |costs, v| costs.board_watts = v)} />
            </div>
            <p class="source">{ format!("{}, {} W under load.", crate::accel::compare::RASPBERRY_PI_3B.name, crate::accel::compare::RASPBERRY_PI_3B.loaded_watts) }</p>
        </section>
    }
}

fn against_table(ratios: &Comparison) -> Html {
    let percent = |share: f64| [&format::percent(share as f32), " %"].concat();
    let seconds = |seconds: f64| [format::si(seconds, "s"), "–".into()];
    let rows = [
        (
            "speed over the CPU",
            [ratios.speed_ratio, ratios.published_speed_ratio].map(format::factor),
        ),
        (
            "energy of the CPU over it",
            [ratios.energy_ratio, ratios.published_energy_ratio].map(format::factor),
        ),
        ("its time per sample", seconds(ratios.accelerator_seconds)),
        ("the CPU's", seconds(ratios.processor_seconds)),
        (
            "share of the CPU's peak",
            [ratios.efficiency, ratios.implied_efficiency].map(percent),
        ),
    ];
    let head = html! {
        <thead><tr><td></td>{ column("this machine") }<th scope="col"><Provenance learn={Step::Board} kind={Kind::Published} align="end" text="Published: the paper's accelerator against the same processor. The share below it is modelled: the one at which this machine would be as much faster as published." /></th></tr></thead>
    };
    let rows = rows.iter().map(|(name, texts)| row(name, texts)).collect();
    parts::table(
        Some("plain"),
        None,
        "Speed and energy against the processor",
        head,
        rows,
    )
}

/// A figure of both machines.
struct Line {
    name: String,
    values: [Option<f64>; 2],
    show: fn(f64) -> String,
}

/// A over B.
#[component]
pub fn Versus(props: &Props) -> Html {
    let Props {
        session,
        accel,
        report,
    } = props;
    let act = |change: fn(&mut Accel)| {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.edit_accel(change))
    };
    html! {
        <section class="card fill versus" aria-labelledby="versus-title">
            <div class="head">
                <h2 id="versus-title">{ "A over B" }</h2>
                <span class="actions">
                    <button type="button" class="quiet" id="keep-b" onclick={act(|a| a.other = Some(a.sound.clone()))}>{ "Keep as B" }</button>
                    if accel.other.is_some() {
                        <button type="button" class="quiet" id="swap-b" onclick={act(Accel::swap)}>{ "Swap" }</button>
                        <button type="button" class="quiet" id="forget-b" onclick={act(|a| a.other = None)}>{ "Forget B" }</button>
                    }
                </span>
                <Provenance learn={Step::Board} kind={Kind::Modelled} align="end" text="Modelled: the same training step with the ranks alive now, on the machine, schedule and bits of A (the settings) and of B (those kept). A percentage below zero means that A needs less." />
            </div>
            { match (&accel.other, &report.other) {
                (Some(kept), Some(other)) => {
                    let lines = lines(&report.now, other, &accel.costs);
                    table(&[accel.sound.name(), kept.name()], &lines)
                }
                _ => html! { <p class="empty">{ "Keep the present machine, schedule and bits as B, then change them: the differences stand here, per figure and per operation." }</p> },
            } }
        </section>
    }
}

/// Cycles of each operation in the step, by its name.
fn operations(timing: &StepTiming) -> Vec<(&str, u64)> {
    let parts = timing.parts().into_iter();
    let all = parts.flat_map(|(ops, times)| ops.iter().map(move |op| (op, times)));
    all.map(|(op, times)| (op.name.as_str(), op.cycles * times))
        .collect()
}

fn lines(a: &Timed, b: &Timed, costs: &Costs) -> Vec<Line> {
    let whole: fn(f64) -> String = format::whole;
    let both = |name: &str, of: &dyn Fn(&Timed) -> f64, show| Line {
        name: name.into(),
        values: [Some(of(a)), Some(of(b))],
        show,
    };
    let seconds: fn(f64) -> String = |s| format::si(s, "s");
    let joules: fn(f64) -> String = |s| format::si(s, "J");
    let share: fn(f64) -> String = |s| [&format::percent(s as f32), " %"].concat();
    let mut lines = vec![
        both(
            "cycles per sample",
            &|t| t.timing.sample_cycles() as f64,
            whole,
        ),
        both("cycles per step", &|t| t.timing.cycles() as f64, whole),
        both("time per step", &|t| t.timing.seconds(), seconds),
        both(AT_WORK, &|t| f64::from(utilisation(t)), share),
        both(
            "energy per sample",
            &|t| {
                let energy = t.energy(costs).per_sample;
                f64::midpoint(energy.low, energy.high)
            },
            joules,
        ),
        both(
            "blocks",
            &|t| t.fit().map_or(0.0, |f| f.blocks_used as f64),
            whole,
        ),
        both(
            "multipliers",
            &|t| t.fit().map_or(0.0, |f| f.multipliers_used as f64),
            whole,
        ),
    ];
    let (ours, theirs) = (operations(&a.timing), operations(&b.timing));
    let find = |of: &[(&str, u64)], name: &str| {
        let found = of.iter().find(|(other, _)| *other == name);
        found.map(|&(_, cycles)| cycles as f64)
    };
    let only = theirs
        .iter()
        .filter(|(name, _)| find(&ours, name).is_none());
    lines.extend(ours.iter().chain(only).map(|&(name, _)| Line {
        name: name.into(),
        values: [&ours, &theirs].map(|of| find(of, name)),
        show: whole,
    }));
    lines
}

const AT_WORK: &str = "array at work";
/// Figures that precede the operations.
const FIGURES: usize = 7;

fn table(names: &[String; 2], lines: &[Line]) -> Html {
    let row = |line: &Line| {
        let change = match line.values {
            [Some(a), Some(b)] if (a - b).abs() < 5e-4 * b => "same".into(),
            [Some(a), Some(b)] if b != 0.0 => format!("{:+.1} %", (a / b - 1.0) * 100.0),
            [Some(_), None] => "only A".into(),
            [None, Some(_)] => "only B".into(),
            _ => "–".into(),
        };
        // A busier array is no cost.
        let less = change.starts_with('-') && line.name != AT_WORK;
        let values = line.values.map(|value| value.map_or("–".into(), line.show));
        html! { <tr>{ cells(&line.name, &values) }<td class={less.then_some("less")}>{ change.replace('-', "−") }</td></tr> }
    };
    html! {
        <div class="scroll" tabindex="0" role="region" aria-label="A over B as a table">
            <table class="plain" id="versus-table">
                <caption class="hidden">{ "Figures and operations of A and B" }</caption>
                { columns(&["Figure", &["A: ", &names[0]].concat(), &["B: ", &names[1]].concat(), "A over B"]) }
                <tbody>{ for lines.iter().take(FIGURES).map(row) }</tbody>
                <tbody>
                    <tr class="group"><th scope="rowgroup" colspan="4">{ "Cycles of each operation in a step" }</th></tr>
                    { for lines.iter().skip(FIGURES).map(row) }
                </tbody>
            </table>
        </div>
    }
}
