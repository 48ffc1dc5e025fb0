//! The step's operations as a table, and as files.

use yew::prelude::*;

use super::floorplan::element_name;
use super::listing;
use super::timed::Timed;
use crate::report::part;
use crate::ui::export;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{columns, row, scroll, table};

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
    let rows = rows.map(|(op, runs)| {
        let share = (op.cycles * runs) as f32 / timing.cycles().max(1) as f32;
        let texts = [
            part(op.part).to_string(),
            element_name(op.element).to_string(),
            op.shape.clone(),
            op.tiles.to_string(),
            format::count(op.counters.macs),
            format::count(op.cycles),
            runs.to_string(),
            [&format::percent(share), " %"].concat(),
        ];
        row(&op.name, &texts)
    });
    let listed = table(
        Some("plain"),
        Some("operations-table"),
        "Operations of a step",
        columns(&[
            "Operation",
            "Part",
            "Element",
            "Loops",
            "Tiles",
            "MACs",
            "Cycles",
            "Runs",
            "Of the step",
        ]),
        rows.collect(),
    );
    html! {
        <section class="card operations" aria-labelledby="operations-title">
            <div class="head">
                <h2 id="operations-title">{ "Operations of a step" }</h2>
                <span class="actions">
                    <button type="button" class="link" id="save-operations-csv" aria-label="Operations as CSV" onclick={save("csv", listing::csv)}>{ "CSV" }</button>
                    <button type="button" class="link" id="save-operations-json" aria-label="Operations as JSON" onclick={save("json", listing::json)}>{ "JSON" }</button>
                </span>
                <Provenance learn={Step::Order} kind={Kind::Modelled} align="end" text="Multiply-accumulates, tiles and loops are counted from the Program; cycles are modelled." />
            </div>
            { scroll("scroll", "The list of operations", listed) }
        </section>
    }
}
