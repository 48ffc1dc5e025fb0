//! E-RNN's two phases as a guided run: pick a network that is accurate enough, then its hardware, then train
//! it as the hardware would compute it.

use std::rc::Rc;

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::guide::{self, CELLS, Design};
use super::model::{Happening, Live, Model, State};
use crate::compare::hardware::{Hardware, WIDTHS, fastest, in_hardware};
use crate::methods::CellKind;
use crate::train::config::RunConfig;
use crate::ui::format;
use crate::ui::parts;

/// A model that is told from others by identity: it is a new one whenever something happened.
#[derive(Clone)]
pub struct Shared(pub Rc<Model>);

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Properties of [`Exploration`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The tab.
    pub model: Shared,
    /// What happens.
    pub on: Callback<Happening>,
}

fn name(cell: CellKind) -> &'static str {
    match cell {
        CellKind::Lstm => "LSTM",
        CellKind::Gru => "GRU",
    }
}

/// The card.
#[component]
pub fn Exploration(props: &Props) -> Html {
    let Props {
        model: Shared(model),
        on,
    } = props;
    let bits = use_state_eq(|| 12_u8);
    let designs = guide::designs(model);
    let picked = guide::picked(&designs, model.floor_of_gates);
    let config = picked.map(|at| &designs[at].config);
    let hardware = config.map_or(&[][..], |config| model.hardware(config));
    let fastest = fastest(hardware, *bits);
    let Some(line) = guide::line(model) else {
        return html! {};
    };
    html! {
        <section class="card exploration" aria-labelledby="exploration-title">
            <div class="head"><h2 id="exploration-title">{ "Find a design as E-RNN does" }</h2></div>
            <div class="thirds">
                { phase_one(model, line, &designs, picked, on) }
                { phase_two(config.is_some(), hardware, fastest, &bits) }
                { result(model, line, config, fastest.map(|at| &hardware[at]), on) }
            </div>
        </section>
    }
}

fn phase_one(
    model: &Model,
    line: usize,
    designs: &[Design],
    picked: Option<usize>,
    on: &Callback<Happening>,
) -> Html {
    let oninput = on.reform(|event: InputEvent| {
        let input = event.target_dyn_into::<HtmlInputElement>();
        Happening::FloorOfGates(0.7 + input.map_or(0.0, |input| input.value_as_number()) / 200.0)
    });
    let at = ((model.floor_of_gates - 0.7) * 200.0).round();
    let floor = format!("{} %", format::percent(model.floor_of_gates as f32));
    let missing: Vec<RunConfig> = designs
        .iter()
        .filter(|design| design.run.is_none())
        .map(|design| design.config.clone())
        .collect();
    let count = missing.len();
    let under_way = model.lines[line]
        .live
        .iter()
        .filter(|run| run.under_way())
        .count();
    let train = {
        let on = on.clone();
        Callback::from(move |_: MouseEvent| {
            for config in &missing {
                on.emit(Happening::TrainAs(line, Box::new(config.clone())));
            }
        })
    };
    let blocks: Vec<f32> = designs
        .iter()
        .take(designs.len() / CELLS.len())
        .map(|design| design.block)
        .collect();
    let cell = |(at, design): (usize, &Design)| {
        let (text, small) = match &design.run {
            Some(run) => (
                format!("{:.1} %", run.accuracy.mean * 100.0),
                format::bits(run.cost.parameter_bits),
            ),
            None => ("–".into(), String::new()),
        };
        let class = classes!("num", (picked == Some(at)).then_some("picked"));
        html! { <td {class}>{ text }<small>{ small }</small></td> }
    };
    html! {
        <div>
            <h3>{ "I. Cell and block" }</h3>
            <p class="soft">{ "The smallest network that is as accurate as the floor." }</p>
            <label class="limit"><span>{ "At least" }</span><input type="range" min="0" max="44" value={at.to_string()} {oninput} aria-valuetext={floor.clone()} /><span class="num">{ floor }</span></label>
            <table class="grid-table">
                <caption class="hidden">{ "Accuracy and memory by cell and block size" }</caption>
                <thead><tr><td></td>{ for blocks.iter().map(|block| parts::column(&format!("k = {block}"))) }</tr></thead>
                <tbody>
                    { for CELLS.iter().enumerate().map(|(k, kind)| html! {
                        <tr><th scope="row">{ name(*kind) }</th>{ for designs.iter().enumerate().skip(k * blocks.len()).take(blocks.len()).map(cell) }</tr>
                    }) }
                </tbody>
            </table>
            if under_way > 0 {
                <p class="soft">{ format!("{under_way} training") }</p>
            } else if count > 0 {
                <button type="button" class="quiet" onclick={train}>{ format!("Train the {count} missing") }</button>
            }
        </div>
    }
}

fn phase_two(
    begun: bool,
    hardware: &[Hardware],
    fastest: Option<usize>,
    bits: &UseStateHandle<u8>,
) -> Html {
    let row = |(at, one): (usize, &Hardware)| {
        let class = classes!(
            (fastest == Some(at)).then_some("picked"),
            (!one.fits()).then_some("over")
        );
        html! {
            <tr key={at} {class}>
                <th scope="row">{ format!("{} x {}", one.array.0, one.array.1) }</th>
                <td class="num">{ format!("{} of {}", one.multipliers.0, one.multipliers.1) }</td>
                <td class="num">{ format::count(one.cycles) }</td>
                <td class="num">{ format::si(one.microseconds * 1e-6, "s") }</td>
                <td class="num">{ format::si(one.microjoules * 1e-6, "J") }</td>
            </tr>
        }
    };
    let chosen = **bits;
    let options = vec![
        ("8 bits", "weights and activations"),
        ("12 bits", "as E-RNN"),
        ("16 bits", "weights and activations"),
    ];
    let onchoose = {
        let bits = bits.clone();
        Callback::from(move |k: usize| bits.set(WIDTHS[k]))
    };
    html! {
        <div>
            <h3>{ "II. Array and widths" }</h3>
            if !begun {
                <p class="soft">{ "Begins once phase I has picked a network." }</p>
            } else if hardware.is_empty() {
                <p class="soft">{ "…" }</p>
            } else {
                <p class="soft">{ "The fastest array whose multipliers and weights fit the device; modelled." }</p>
                <crate::ui::fields::Segments name="Widths" {options} chosen={WIDTHS.iter().position(|w| *w == chosen)} {onchoose} />
                <table class="grid-table">
                    <caption class="hidden">{ "Arrays by what they take and how fast they are" }</caption>
                    { parts::columns(&["Array", "DSP slices", "Cycles", "Time", "Energy"]) }
                    <tbody>{ for hardware.iter().enumerate().filter(|(_, one)| one.bits == chosen).map(row) }</tbody>
                </table>
            }
        </div>
    }
}

fn result(
    model: &Model,
    line: usize,
    config: Option<&RunConfig>,
    hardware: Option<&Hardware>,
    on: &Callback<Happening>,
) -> Html {
    let (Some(config), Some(hardware)) = (config, hardware) else {
        return html! { <div><h3>{ "The design" }</h3><p class="soft">{ "Both phases decide it." }</p></div> };
    };
    let wanted = in_hardware(config, hardware.bits);
    let whole = model.here(wanted.clone());
    let run = model.lines[line]
        .live
        .iter()
        .rev()
        .find(|run| run.config == whole);
    let train = on.reform(move |_: MouseEvent| Happening::TrainAs(line, Box::new(wanted.clone())));
    let cell = config.network.cell.map_or("", |cell| name(cell.kind));
    let hidden = model.cell.hidden;
    let block = model.lines[line].contender.setting(config);
    html! {
        <div>
            <h3>{ "The design" }</h3>
            <p>{ format!("{cell} of {hidden}, blocks of {block}, {} bits, straight-line gates, {} x {} multipliers: {} a sample.", hardware.bits, hardware.array.0, hardware.array.1, format::si(hardware.microseconds * 1e-6, "s")) }</p>
            <p>{ match run {
                None => "What widths and straight lines cost in accuracy only a run tells.".into(),
                Some(Live { points, state, .. }) => {
                    let accuracy = points.last().map_or("–".into(), |point| format!("{:.2} %", point.test_accuracy * 100.0));
                    match state {
                        State::Training(step, steps) => format!("Training, {} %: {accuracy}", 100 * step / (*steps).max(1)),
                        State::Waiting => "Waiting for the data.".into(),
                        State::Ended(true, _) => format!("Trained: {accuracy} on the test images."),
                        State::Ended(false, _) => format!("Stopped at {accuracy}."),
                        State::Failed(message) => message.clone(),
                    }
                }
            } }</p>
            <button type="button" class="quiet" onclick={train} disabled={run.is_some_and(Live::under_way)}>{ if run.is_some() { "Train it again" } else { "Train it" } }</button>
        </div>
    }
}
