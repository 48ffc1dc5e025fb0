//! The machine drawn as blocks: elements with their stages and buffers, memories, and ports as thick
//! as they are busy. One of them is looked at closely.

use yew::prelude::*;

use super::timed::{Report, Timed};
use crate::accel::fit::Place;
use crate::accel::{Cause, Element, MemoryUse, OpTiming, Stage, StepTiming, TRACKS, Track};
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{self, cells, columns, row};

/// The elements, in the order they are shown.
pub const ELEMENTS: [Element; 5] = [
    Element::Input,
    Element::Last,
    Element::Middle,
    Element::Outer,
    Element::Elementwise,
];

/// Memories that stand on the plan, by the beginning of their names.
const MEMORIES: [(&str, &str); 4] = [
    ("activations", "Activations and gradients"),
    ("weights", "Weights"),
    ("accumulators", "Accumulators"),
    ("optimiser", "Optimiser's state"),
];

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Element(Element),
    Memory(usize),
}

/// An element's name.
pub fn element_name(element: Element) -> &'static str {
    match element {
        Element::Input => "input",
        Element::Last => "PE1",
        Element::Middle => "PE2",
        Element::Outer => "PE3",
        Element::Elementwise => "elementwise",
    }
}

fn element_says(element: Element) -> &'static str {
    match element {
        Element::Input => {
            "Brings the pixels of a sample from outside into the memory of activations."
        }
        Element::Last => {
            "Contracts the innermost index: the lanes of each row are multiplied by weights and summed, row by row of the result."
        }
        Element::Middle => {
            "Contracts other indices: the lanes run along an index that stays, so every lane sums its own result."
        }
        Element::Outer => {
            "Multiplies an activation by a gradient for every entry of the gradient's sum over the batch; nothing is summed within a sample."
        }
        Element::Elementwise => {
            "Everything that is no product: biases, ReLU, softmax and cross-entropy, sums over the batch, rounding, and the optimiser's update."
        }
    }
}

fn memory_says(memory: usize) -> &'static str {
    match memory {
        0 => {
            "Holds what a sample needs from its pixels to its gradients, spread over the banks; places are used again once their values are dead."
        }
        1 => "Hold the cores in the order in which each element reads them, one beat to a word.",
        2 => "Hold exact sums over the batch until it ends.",
        _ => "Holds the master copy of every parameter and the two moments of the optimiser.",
    }
}

/// Share of the step in which an element works: its array, or its only stage.
pub fn busy(timing: &StepTiming, element: Element) -> f32 {
    let stage = if element == Element::Input {
        Stage::Load
    } else {
        Stage::Compute
    };
    share(timing, Track::new(element, stage))
}

fn share(timing: &StepTiming, track: Track) -> f32 {
    let tally = timing.tallies()[track.index()];
    tally.of(Cause::Busy) as f32 / tally.total().max(1) as f32
}

/// Properties of [`Floorplan`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run on the machine.
    pub report: Report,
    /// Whether it trains.
    pub running: bool,
}

/// The plan and what is looked at.
#[component]
pub fn Floorplan(props: &Props) -> Html {
    let Props { report, running } = props;
    let chosen = use_state_eq(|| Part::Element(Element::Middle));
    let timed = &report.now;
    let part = |part: Part, name: &str, body: Html| {
        let (click, press) = (chosen.clone(), chosen.clone());
        let onclick = Callback::from(move |_: MouseEvent| click.set(part));
        let onkeydown = Callback::from(move |event: KeyboardEvent| {
            if matches!(event.key().as_str(), "Enter" | " ") {
                event.prevent_default();
                press.set(part);
            }
        });
        let pressed = *chosen == part;
        html! {
            <g class={classes!("part", pressed.then_some("chosen"))} role="button" tabindex="0"
                aria-pressed={if pressed { "true" } else { "false" }} {onclick} {onkeydown}><title>{ name.to_string() }</title>{ body }</g>
        }
    };
    html! {
        <section class="card plan" aria-labelledby="plan-title">
            <div class="head">
                <h2 id="plan-title">{ "Floorplan" }</h2>
                <span class="legend"><i class="key bar"></i>{ "busy" }<i class="key move"></i>{ "port" }</span>
                <Provenance learn={Step::PingPong} kind={Kind::Modelled} align="end" text="Modelled: a bar is the share of the step's cycles in which a stage has a beat; a port is as thick as its stages are busy. Shares follow the ranks that are alive." />
            </div>
            <div class="halves">
                <svg class={classes!("floor", running.then_some("live"))} viewBox="0 0 600 316" role="group" aria-label="Elements and memories of the machine; choose one to look at it closely">
                    { ports(&timed.timing) }
                    { for ELEMENTS.iter().enumerate().map(|(k, &element)| {
                        let label = format!("{}, busy {} %", element_name(element), format::percent(busy(&timed.timing, element)));
                        part(Part::Element(element), &label, block(timed, element, Y[k], H[k]))
                    }) }
                    { for MEMORIES.iter().enumerate().map(|(k, (prefix, name))| {
                        let blocks: u64 = memories(timed, prefix).map(|m| m.blocks).sum();
                        part(Part::Memory(k), &format!("{name}, {blocks} blocks"), store(k, name, blocks, timed))
                    }) }
                </svg>
                <div class="detail" role="region" aria-label="What is chosen" aria-live="polite" tabindex="0">{ detail(*chosen, timed) }</div>
            </div>
        </section>
    }
}

/// Tops and heights of the elements, in the order of [`ELEMENTS`].
const Y: [f64; 5] = [8.0, 52.0, 128.0, 204.0, 262.0];
const H: [f64; 5] = [32.0, 64.0, 64.0, 46.0, 46.0];
/// Left edge and width of the elements.
const X: f64 = 168.0;
const W: f64 = 264.0;

/// Memories of a kind.
fn memories<'a>(timed: &'a Timed, prefix: &'static str) -> impl Iterator<Item = &'a MemoryUse> {
    let all = timed.fit().map_or(&[][..], |fit| &fit.memories);
    all.iter().filter(move |memory| {
        memory.name.starts_with(prefix)
            || (prefix == "weights"
                && (memory.name.contains(" weights") || memory.name == "biases"))
            || (prefix == "activations" && memory.name == "input")
    })
}

fn ports(timing: &StepTiming) -> Html {
    let line = |from: f64, to: f64, y: f64, share: f32, back: bool| {
        let width = 1.0 + 7.0 * f64::from(share);
        html! { <line class={if back { "port back" } else { "port" }} x1={from.to_string()} x2={to.to_string()} y1={y.to_string()} y2={y.to_string()} stroke-width={format!("{width:.1}")} /> }
    };
    let (left, right) = (132.0, 468.0);
    let at = |k: usize, part: f64| Y[k] + H[k] * part;
    let of = |element, stage| share(timing, Track::new(element, stage));
    html! {
        <g aria-hidden="true">
            { line(left, X, at(0, 0.5), of(Element::Input, Stage::Load), true) }
            { for [(1, Element::Last), (2, Element::Middle)].into_iter().map(|(k, element)| html! { <>
                { line(left, X, at(k, 0.34), of(element, Stage::Load), false) }
                { line(left, X, at(k, 0.7), of(element, Stage::Store), true) }
                { line(X + W, right, at(k, 0.5), of(element, Stage::Compute), false) }
            </> }) }
            { for [(3, Element::Outer), (4, Element::Elementwise)].into_iter().map(|(k, element)| html! { <>
                { line(left, X, at(k, 0.5), of(element, Stage::Compute), false) }
                { line(X + W, right, at(k, 0.5), of(element, Stage::Compute), true) }
            </> }) }
        </g>
    }
}

/// An element: its name, a cell for each stage, and the tiles that its buffers hold.
fn block(timed: &Timed, element: Element, y: f64, height: f64) -> Html {
    let timing = &timed.timing;
    let stages: Vec<Track> = TRACKS
        .into_iter()
        .filter(|track| track.element == element)
        .collect();
    let buffers = match element {
        Element::Last => Some(timing.machine.last),
        Element::Middle => Some(timing.machine.middle),
        _ => None,
    };
    let (left, room) = (X + 88.0, W - 94.0);
    let pitch = room / stages.len() as f64;
    html! {
        <>
            <rect class="body" x={X.to_string()} y={y.to_string()} width={W.to_string()} height={height.to_string()} rx="6" />
            <text class="name" x={(X + 10.0).to_string()} y={(y + height / 2.0 + 4.0).to_string()}>{ element_name(element) }</text>
            { for stages.iter().enumerate().map(|(k, &track)| {
                let part = share(timing, track);
                let x = left + k as f64 * pitch;
                let width = pitch - if buffers.is_some() { 14.0 } else { 2.0 };
                let full = height - 12.0;
                let filled = full * f64::from(part);
                html! {
                    <>
                        <rect class="cell" x={x.to_string()} y={(y + 6.0).to_string()} width={width.to_string()} height={full.to_string()} />
                        <rect class={classes!("fill", if track.stage == Stage::Compute { "work" } else { "move" }, (element == Element::Outer).then_some("outer"))}
                            x={x.to_string()} y={format!("{:.1}", y + 6.0 + full - filled)} width={width.to_string()} height={format!("{filled:.1}")} />
                        <text class="num" x={(x + width / 2.0).to_string()} y={(y + height / 2.0 + 4.0).to_string()} text-anchor="middle">{ format!("{:.0}%", part * 100.0) }</text>
                    </>
                }
            }) }
            if let Some(coupling) = buffers {
                { for [coupling.input_buffers, coupling.output_buffers].into_iter().enumerate().map(|(k, tiles)| {
                    let tiles = tiles.min(6);
                    let pitch_y = (height - 12.0) / tiles as f64;
                    (0..tiles).map(|tile| html! {
                        <rect class="tile" x={(left + (k + 1) as f64 * pitch - 11.0).to_string()} y={format!("{:.1}", y + 6.0 + tile as f64 * pitch_y)} width="8" height={format!("{:.1}", pitch_y - 2.0)} />
                    }).collect::<Html>()
                }) }
            }
        </>
    }
}

/// A memory: its name and its blocks.
fn store(k: usize, name: &str, blocks: u64, timed: &Timed) -> Html {
    let (x, y, width, height) = match k {
        0 => (8.0, 8.0, 124.0, 300.0),
        1 => (468.0, 52.0, 124.0, 140.0),
        2 => (468.0, 204.0, 124.0, 46.0),
        _ => (468.0, 262.0, 124.0, 46.0),
    };
    let external = k == 0 && timed.fit().is_some_and(|fit| fit.approximate);
    let below = if external {
        "external".to_string()
    } else {
        format!("{blocks} blocks")
    };
    let (first, second) = name
        .split_once(" and ")
        .map_or((name, None), |(a, b)| (a, Some(b)));
    let middle = y + height / 2.0;
    let line = |dy: f64, class: &'static str, text: String| {
        html! { <text {class} x={(x + width / 2.0).to_string()} y={(middle + dy).to_string()} text-anchor="middle">{ text }</text> }
    };
    html! {
        <>
            <rect class={classes!("body", "memory", external.then_some("outside"))} x={x.to_string()} y={y.to_string()} width={width.to_string()} height={height.to_string()} rx="6" />
            { line(if second.is_some() { -12.0 } else { -3.0 }, "name", first.into()) }
            { second.map(|second| line(3.0, "name", ["and ", second].concat())) }
            { line(if second.is_some() { 20.0 } else { 13.0 }, "num", below) }
        </>
    }
}

/// How often an operation's part runs in a step.
fn runs(timing: &StepTiming, element: Element) -> impl Iterator<Item = (&OpTiming, u64)> {
    timing
        .parts()
        .into_iter()
        .flat_map(move |(ops, times)| ops.iter().map(move |op| (op, times)))
        .filter(move |(op, _)| op.element == element)
}

fn detail(part: Part, timed: &Timed) -> Html {
    match part {
        Part::Element(element) => {
            let timing = &timed.timing;
            let total: u64 = runs(timing, element)
                .map(|(op, times)| op.cycles * times)
                .sum();
            let prefix = match element {
                Element::Last => "PE1 ",
                Element::Middle => "PE2 ",
                _ => "none",
            };
            let shown = runs(timing, element).map(|(op, times)| {
                let (cycles, runs) = (format::count(op.cycles), format!("× {times}"));
                row(&op.name, &[op.shape.clone(), cycles, runs])
            });
            html! {
                <>
                    <h3>{ element_name(element) }</h3>
                    <p>{ element_says(element) }</p>
                    <p class="num">{ format!("{} cycles a step, {} %", format::count(total), format::percent(total as f32 / timing.cycles().max(1) as f32)) }</p>
                    { parts::table(None, None, "Operations of the element", columns(&["Operation", "Loops", "Cycles", "Runs"]), shown.collect()) }
                    { holds(memories(timed, prefix).filter(|memory| !memory.name.contains(" weights"))) }
                </>
            }
        }
        Part::Memory(k) => html! {
            <>
                <h3>{ MEMORIES[k].1 }</h3>
                <p>{ memory_says(k) }</p>
                { holds(memories(timed, MEMORIES[k].0)) }
            </>
        },
    }
}

/// What memories hold, buffer by buffer.
fn holds<'a>(memories: impl Iterator<Item = &'a MemoryUse>) -> Html {
    let rows: Vec<Html> = memories
        .flat_map(|memory| {
            let place = match memory.place {
                Place::BlockRam => format!("{} blocks", memory.blocks),
                Place::Logic => "logic".into(),
                Place::External => "external".into(),
            };
            let words = format::count(memory.banks * memory.words);
            let size = format!("{words} × {} bits", memory.word_bits);
            let head = html! { <tr class="group">{ cells(&memory.name, &[size, place]) }</tr> };
            let rest = memory.buffers.iter().map(|buffer| {
                let size = [&format::count(buffer.words), " words"].concat();
                row(
                    &buffer.name,
                    &[size, ["at ", &format::count(buffer.address)].concat()],
                )
            });
            std::iter::once(head).chain(rest).collect::<Vec<_>>()
        })
        .collect();
    if rows.is_empty() {
        return Html::default();
    }
    html! {
        <table>
            <caption>{ "Holds" }</caption>
            { columns(&["Memory, buffer", "Size", "Place"]) }
            <tbody>{ for rows }</tbody>
        </table>
    }
}
