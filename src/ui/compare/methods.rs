//! The rail: what networks read, on which images, and each method's one number.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::marks;
use super::model::{Data, Happening, Line, Live, MOST_EPOCHS, Model, Source};
use crate::compare::{HIDDEN, Task};
use crate::methods::CellKind;
use crate::ui::fields::{Segments, TextField};
use crate::ui::format;

const TASKS: [(Task, &str, &str); 2] = [
    (
        Task::Images,
        "Whole images",
        "784-512-10, or 896-512-16 of tensor trains",
    ),
    (
        Task::Rows,
        "Row by row",
        "a recurrent cell that reads 28 rows",
    ),
];
const CELLS: [(CellKind, &str, &str); 2] = [
    (
        CellKind::Lstm,
        "LSTM",
        "with peepholes, four gates in one matrix",
    ),
    (CellKind::Gru, "GRU", "two gates and a candidate"),
];

/// Of [`HIDDEN`].
const SIZES: [(&str, &str); 2] = [
    ("128 hidden", "the quicker to train"),
    ("256 hidden", "3.6 times the multiplications, where dense"),
];

/// The cards of the rail.
pub fn rail(model: &Model, on: &Callback<Happening>) -> Html {
    html! {
        <>
            { task(model, on) }
            { data(model, on) }
            <section class="card">
                <h2>{ "Settings" }</h2>
                { for model.visible().map(|(line, held)| slider(model, line, held, on)) }
            </section>
        </>
    }
}

fn task(model: &Model, on: &Callback<Happening>) -> Html {
    let options: Vec<_> = TASKS
        .iter()
        .map(|(_, name, meaning)| (*name, *meaning))
        .collect();
    let chosen = TASKS.iter().position(|(task, ..)| *task == model.task);
    let onchoose = on.reform(|k: usize| Happening::Read(TASKS[k].0));
    let cells: Vec<_> = CELLS
        .iter()
        .map(|(_, name, meaning)| (*name, *meaning))
        .collect();
    let cell = CELLS.iter().position(|(kind, ..)| *kind == model.cell.kind);
    let oncell = on.reform(|k: usize| Happening::Gates(CELLS[k].0));
    let sizes: Vec<_> = SIZES.to_vec();
    let size = HIDDEN.iter().position(|size| *size == model.cell.hidden);
    let onsize = on.reform(|k: usize| Happening::Hidden(HIDDEN[k]));
    html! {
        <section class="card">
            <h2>{ "Networks read" }</h2>
            <Segments name="Networks read" {options} {chosen} {onchoose} />
            if model.task == Task::Rows {
                <div class="gap"><Segments name="Cell" options={cells} chosen={cell} onchoose={oncell} /></div>
                <div class="gap"><Segments name="Hidden values" options={sizes} chosen={size} onchoose={onsize} /></div>
            }
        </section>
    }
}

fn data(model: &Model, on: &Callback<Happening>) -> Html {
    let options = vec![
        ("Subset", "the images that come with the page"),
        ("All images", "60,000 to train on, 10,000 to test on"),
    ];
    let chosen = Source::ALL
        .iter()
        .position(|source| *source == model.source);
    let onchoose = on.reform(|k: usize| Happening::Images(Source::ALL[k]));
    let number =
        |field: &'static str, label: &'static str, value: u32, make: fn(u32) -> Happening| {
            let on = on.clone();
            let onedit = Callback::from(move |text: String| {
                let whole = text.trim().parse();
                on.emit(whole.map_or_else(
                    |_| Happening::Wrong(format!("{label}: “{text}” is no whole number.")),
                    make,
                ));
            });
            html! { <TextField {field} {label} value={value.to_string()} {onedit} /> }
        };
    let says = match &model.data {
        Data::Absent => "Fetched when something is trained.".into(),
        Data::Fetching(received, Some(total)) => {
            format!("{} of {}", format::bytes(*received), format::bytes(*total))
        }
        Data::Fetching(received, None) => format::bytes(*received),
        Data::Loaded(train, test) => format!(
            "{} to train on, {} to test on",
            format::count(u64::from(*train)),
            format::count(u64::from(*test))
        ),
        Data::Failed => "Not there.".into(),
    };
    html! {
        <section class="card">
            <h2>{ "Fashion-MNIST" }</h2>
            <Segments name="Images" {options} {chosen} {onchoose} />
            <p class="soft data-state">{ says }</p>
            <div class="two-fields" title={format!("1 to {MOST_EPOCHS} epochs")}>
                { number("compare-epochs", "Epochs", model.epochs, Happening::Epochs) }
                { number("compare-seed", "Seed", model.seed, Happening::Seed) }
            </div>
        </section>
    }
}

fn slider(model: &Model, line: usize, held: &Line, on: &Callback<Happening>) -> Html {
    let oninput = on.reform(move |event: InputEvent| {
        let input = event.target_dyn_into::<HtmlInputElement>();
        let at = input.map_or(0.0, |input| input.value_as_number());
        Happening::Set(line, at.max(0.0) as usize)
    });
    let text = marks::setting(held, held.setting());
    let name = format!("{}, {}", held.contender.title(), marks::varied(held));
    let running = model.lines[line].live.iter().any(Live::under_way);
    html! {
        <label class={classes!("slider", running.then_some("running"))} key={line}>
            <span class="name">{ marks::key(held) }{ held.contender.title() }</span>
            <span class="num">{ text.clone() }</span>
            <input type="range" min="0" max={(held.settings.len() - 1).to_string()} step="1" value={held.at.to_string()} {oninput}
                aria-label={name} aria-valuetext={text} />
        </label>
    }
}
