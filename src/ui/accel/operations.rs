//! The step's operations as a table, and as files.

use yew::prelude::*;

use super::floorplan::element_name;
use super::listing;
use super::timed::Timed;
use crate::ui::export;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;

/// Properties of [`Operations`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The step on the machine.
    pub timed: Timed,
}

/// The table.
#[component]
pub fn Operations(props: &Props) -> Html {
    let timed = &props.timed;
    let timing = &timed.timing;
    let save = |kind: &'static str, write: fn(&Timed) -> String| {
        let timed = timed.clone();
        Callback::from(move |_: MouseEvent| export::save_operations(kind, &write(&timed)))
    };
    let parts = timing.parts().into_iter();
    let rows = parts.flat_map(|(ops, runs)| ops.iter().map(move |op| (op, runs)));
    html! {
        <section class="card operations" aria-labelledby="operations-title">
            <div class="head">
                <h2 id="operations-title">{ "Operations of a step" }</h2>
                <span class="actions">
                    <button type="button" class="link" id="save-operations-csv" aria-label="Operations as CSV" onclick={save("csv", listing::csv)}>{ "CSV" }</button>
                    <button type="button" class="link" id="save-operations-json" aria-label="Operations as JSON" onclick={save("json", listing::json)}>{ "JSON" }</button>
                </span>
                <Provenance kind={Kind::Modelled} align="end" text="Multiply-accumulates, tiles and loops are counted from the Program; cycles are modelled." />
            </div>
            <div class="scroll" tabindex="0" role="region" aria-label="Operations of a step">
                <table class="plain" id="operations-table">
                    <caption class="hidden">{ "Operations of a step" }</caption>
                    <thead><tr>
                        <th scope="col">{ "Operation" }</th><th scope="col">{ "Part" }</th><th scope="col">{ "Element" }</th><th scope="col">{ "Loops" }</th><th scope="col">{ "Tiles" }</th>
                        <th scope="col">{ "MACs" }</th><th scope="col">{ "Cycles" }</th><th scope="col">{ "Runs" }</th><th scope="col">{ "Of the step" }</th>
                    </tr></thead>
                    <tbody>{ for rows.map(|(op, runs)| html! {
                        <tr>
                            <th scope="row">{ &op.name }</th><td>{ listing::part(op.part) }</td><td>{ element_name(op.element) }</td><td>{ &op.shape }</td><td>{ op.tiles }</td>
                            <td>{ format::count(op.counters.macs) }</td><td>{ format::count(op.cycles) }</td><td>{ runs }</td>
                            <td>{ format!("{} %", format::percent((op.cycles * runs) as f32 / timing.cycles().max(1) as f32)) }</td>
                        </tr>
                    }) }</tbody>
                </table>
            </div>
        </section>
    }
}
