//! The methods in a table: what is measured, counted and modelled of each, what is published of it, and its
//! button.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::marks;
use super::model::{Happening, Live, Measure, Model, State, View};
use super::standing::{Candidate, Origin, Shown};
use crate::compare::Cost;
use crate::methods::Published;
use crate::ui::fields::Segments;
use crate::ui::format;
use crate::ui::parts;

const VIEWS: [(View, &str, &str); 3] = [
    (
        View::Chosen,
        "As set",
        "each method at the setting of its slider",
    ),
    (
        View::EqualMemory,
        "Equal memory",
        "each method's most accurate run within a budget",
    ),
    (
        View::EqualAccuracy,
        "Equal accuracy",
        "each method's smallest run that is accurate enough",
    ),
];

/// The card.
pub fn card(model: &Model, on: &Callback<Happening>) -> Html {
    let options: Vec<_> = VIEWS
        .iter()
        .map(|(_, name, meaning)| (*name, *meaning))
        .collect();
    let chosen = VIEWS.iter().position(|(view, ..)| *view == model.view);
    let onchoose = on.reform(|k: usize| Happening::View(VIEWS[k].0));
    let columns = html! {
        <thead>
            <tr>
                { parts::column("Method") }
                { parts::column("Setting") }
                { column("Test accuracy", "measured") }
                { column("Memory", "counted") }
                { column("Multiplies", "counted") }
                { column("Cycles", "modelled") }
                { column("Energy", "modelled") }
                { column("By its authors, for their models and data", "published") }
                <th scope="col"><span class="hidden">{ "Train" }</span></th>
            </tr>
        </thead>
    };
    let rows = model.visible().map(|(line, _)| row(model, line, on));
    let table = parts::table(
        Some("methods"),
        Some("methods-table"),
        "Methods side by side",
        columns,
        html! { <>{ for rows }</> },
    );
    html! {
        <section class="card" aria-labelledby="methods-title">
            <div class="head">
                <h2 id="methods-title">{ "Side by side" }</h2>
                { limit(model, on) }
                <Segments name="Runs" {options} {chosen} {onchoose} />
            </div>
            { parts::scroll("wide-table", "Methods side by side", table) }
            { foot(model) }
        </section>
    }
}

fn column(name: &'static str, kind: &'static str) -> Html {
    html! { <th scope="col">{ name }<span class={classes!("tag", kind)}>{ kind }</span></th> }
}

/// What the equal views hold equal.
fn limit(model: &Model, on: &Callback<Happening>) -> Html {
    // Budgets from 16 kbit to 16 Mbit in steps of a tenth of a power of two; 51.2 kbit is one of them.
    let (name, text, at, most) = match model.view {
        View::Chosen => return html! {},
        View::EqualMemory => {
            let at = ((model.budget / 12_800.0).log2() * 10.0).round();
            let kbit = format!("{} kbit", format::significant(model.budget / 1e3));
            ("At most", kbit, at, 100)
        }
        View::EqualAccuracy => {
            let at = ((model.floor - 0.7) * 200.0).round();
            (
                "At least",
                format!("{} %", format::percent(model.floor as f32)),
                at,
                44,
            )
        }
    };
    let view = model.view;
    let oninput = on.reform(move |event: InputEvent| {
        let input = event.target_dyn_into::<HtmlInputElement>();
        let at = input.map_or(0.0, |input| input.value_as_number());
        match view {
            View::EqualMemory => Happening::Budget(12_800.0 * (at / 10.0).exp2()),
            _ => Happening::Floor(0.7 + at / 200.0),
        }
    });
    html! {
        <label class="limit">
            <span>{ name }</span>
            <input type="range" min="0" max={most.to_string()} value={at.to_string()} {oninput} aria-valuetext={text.clone()} />
            <span class="num">{ text }</span>
        </label>
    }
}

fn row(model: &Model, line: usize, on: &Callback<Happening>) -> Html {
    let held = &model.lines[line];
    let Shown { candidate, cost } = model.shown(line);
    let setting = candidate.as_ref().map_or(held.setting(), |one| one.setting);
    let own = model.live(line);
    let choose = on.reform(move |_: MouseEvent| Happening::Choose(line));
    let contender = &held.contender;
    // Where any run may stand for a method, its name tells which network it is.
    let small = match (&candidate, model.view) {
        (Some(one), View::EqualMemory | View::EqualAccuracy) => one.label.clone(),
        _ => contender.after().into(),
    };
    let missing = match (model.view, &candidate) {
        (View::EqualMemory, None) => Some("no run this small"),
        (View::EqualAccuracy, None) => Some("no run as accurate"),
        _ => None,
    };
    html! {
        <tr key={line} class={classes!((model.chosen == line).then_some("chosen"))}>
            <th scope="row">
                <button type="button" class="pick" onclick={choose} aria-pressed={if model.chosen == line { "true" } else { "false" }}
                    title="Show its hardware below">
                    { marks::key(held) }<span>{ contender.title() }</span><small>{ small }</small>
                </button>
            </th>
            if let Some(missing) = missing {
                <td colspan="6" class="missing">{ missing }</td>
            } else {
                <td>{ marks::setting(held, setting) }</td>
                <td class="accuracy">{ accuracy(candidate.as_ref(), own, model.view) }</td>
                { for Measure::ALL.iter().map(|measure| amount(model.view, *measure, (cost.as_ref(), candidate.as_ref()))) }
            }
            <td class="published">{ for contender.published().iter().map(published) }</td>
            <td>
                if model.view == View::Chosen {
                    { button(line, own, on) }
                }
            </td>
        </tr>
    }
}

/// Mean and span, and whose run it is.
fn accuracy(candidate: Option<&Candidate>, live: Option<&Live>, view: View) -> Html {
    if let (
        Some(Live {
            state: State::Failed(message),
            ..
        }),
        View::Chosen,
    ) = (live, view)
    {
        return html! { <span class="fault">{ message }</span> };
    }
    let Some(one) = candidate else {
        let text = match live.map(|run| &run.state) {
            Some(State::Training(step, steps)) => {
                format!("training, {} %", 100 * step / (*steps).max(1))
            }
            Some(State::Waiting) => "waiting for the data".into(),
            _ => "not trained".into(),
        };
        return html! { <span class="soft">{ text }</span> };
    };
    let span = (one.accuracy.greatest - one.accuracy.least) / 2.0;
    let (class, whose) = match one.origin {
        Origin::Stored(1) => ("stored", "stored, 1 seed".into()),
        Origin::Stored(seeds) => ("stored", format!("stored, {seeds} seeds")),
        Origin::Live if one.under_way => ("live", format!("here, epoch {}", one.curve.len())),
        Origin::Live if one.curve.len() == 1 => ("live", "here, 1 epoch".into()),
        Origin::Live => ("live", format!("here, {} epochs", one.curve.len())),
    };
    let title = if one.options.is_empty() {
        None
    } else {
        Some(format!(
            "{:.2} to {:.2} %; railyard compare --run \"{}\"",
            one.accuracy.least * 100.0,
            one.accuracy.greatest * 100.0,
            one.options
        ))
    };
    html! {
        <span class={class} {title}>
            <b class="num">{ format!("{:.2} %", one.accuracy.mean * 100.0) }</b>
            if span > 0.0 {
                <span class="num soft">{ format!(" ±{:.2}", span * 100.0) }</span>
            }
            <small>{ whose }</small>
        </span>
    }
}

fn amount(
    view: View,
    measure: Measure,
    (cost, candidate): (Option<&Cost>, Option<&Candidate>),
) -> Html {
    let Some(cost) = cost else {
        return html! { <td class="soft">{ "…" }</td> };
    };
    let value = measure.of(cost);
    let small = match measure {
        // Networks are not the same here, and so are their dense twins.
        Measure::Memory if view != View::Chosen => {
            format!("{} bits", format::count(cost.parameter_bits))
        }
        Measure::Memory if cost.parameter_bits == cost.dense_bits => "baseline".into(),
        Measure::Memory => {
            let times = cost.dense_bits as f64 / value.max(1.0);
            format!("{} less", format::factor(times))
        }
        Measure::Cycles => format!("{} % busy", (cost.inference.utilisation * 100.0).round()),
        Measure::Energy if cost.inference.on_chip => "on chip".into(),
        Measure::Energy => "external".into(),
        Measure::Multiplies => String::new(),
    };
    let title = match measure {
        Measure::Memory => format!("{} bits", format::count(cost.parameter_bits)),
        Measure::Multiplies => format::count(cost.work.multiplies),
        Measure::Cycles => format::count(cost.inference.cycles),
        Measure::Energy => marks::meaning(measure).into(),
    };
    let live = candidate.is_some_and(|one| one.origin == Origin::Live && one.under_way);
    html! {
        <td class={classes!("num", live.then_some("live"))} {title}>{ marks::amount(measure, value) }<small>{ small }</small></td>
    }
}

/// A figure of a paper, with what it holds for.
pub fn published(figure: &Published) -> Html {
    html! { <p>{ figure.claim }<small>{ format!("{}. {}", figure.holds_for, figure.source) }</small></p> }
}

fn button(line: usize, own: Option<&Live>, on: &Callback<Happening>) -> Html {
    let under_way = own.is_some_and(Live::under_way);
    let onclick = on.reform(move |_: MouseEvent| {
        if under_way {
            Happening::Stop(line)
        } else {
            Happening::Train(line)
        }
    });
    let name = match (under_way, own) {
        (true, _) => "Stop",
        (false, Some(_)) => "Again",
        _ => "Train",
    };
    html! { <button type="button" class={classes!("quiet", under_way.then_some("running"))} {onclick}>{ name }</button> }
}

fn foot(model: &Model) -> Html {
    let seeds = model
        .stored
        .iter()
        .find(|one| one.data == model.source.name());
    let machine = seeds.map_or("streamlined", |one| &one.machine);
    html! {
        <p class="soft foot-note">
            { format!("Stored: railyard compare on {}, 10 epochs, mean over seeds ± half their span. Cycles and energy of one forward pass on the array of machine {machine}, simpler than the Accelerator tab's engines; docs/METHODS.md says how.", model.source.name()) }
        </p>
    }
}
