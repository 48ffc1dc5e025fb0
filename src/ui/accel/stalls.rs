//! Where every cycle went: by track of the machine, or by operation.

use yew::prelude::*;

use super::timed::Report;
use crate::accel::timing::CAUSES;
use crate::accel::{Cause, OpTiming, StepTiming, TRACKS, Tally};
use crate::program::Part;
use crate::ui::fields::Segments;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{self, columns, sheet, table};

/// Properties of [`Stalls`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run on the machine.
    pub report: Report,
}

/// A bar: a name, how often it counts, and its cycles by cause.
struct Row {
    name: String,
    times: u64,
    tally: Tally,
}

/// Where an operation's cycles went, as its array saw them (or its only stage).
pub fn tally(op: &OpTiming) -> Tally {
    let mut tracks = op.tracks();
    let first = tracks.next();
    tracks
        .next()
        .or(first)
        .map_or(Tally::default(), |(_, tally)| *tally)
}

fn by_track(timing: &StepTiming) -> Vec<Row> {
    let tallies = timing.tallies();
    let rows = TRACKS.into_iter().zip(tallies);
    rows.map(|(track, tally)| Row {
        name: track.name().into(),
        times: 1,
        tally,
    })
    .collect()
}

fn by_operation(timing: &StepTiming) -> Vec<Row> {
    let parts = timing.parts().into_iter();
    let rows = parts.flat_map(|(ops, times)| {
        ops.iter().map(move |op| Row {
            name: op.name.clone(),
            times: if op.part == Part::Sample { times } else { 1 },
            tally: tally(op),
        })
    });
    rows.filter(|row| row.tally.total() > 0).collect()
}

/// The panel.
#[component]
pub fn Stalls(props: &Props) -> Html {
    let by = use_state_eq(|| 0);
    let timing = &props.report.now.timing;
    let rows = if *by == 0 {
        by_track(timing)
    } else {
        by_operation(timing)
    };
    // Bars of operations are as long as their cycles in the step; all tracks last a whole step.
    let longest = rows.iter().map(|row| row.tally.total() * row.times).max();
    let longest = longest.unwrap_or(1).max(1) as f64;
    let set = by.setter();
    html! {
        <section class="card fill stalls" aria-labelledby="stalls-title">
            <div class="head">
                <h2 id="stalls-title">{ "Where the cycles went" }</h2>
                <Segments name="Stalls by" options={vec![("track", "One row for each stage of each element"), ("operation", "One row for each operation, as its array saw it")]}
                    chosen={Some(*by)} onchoose={Callback::from(move |k| set.set(k))} />
                { listed(&rows) }
                <Provenance learn={Step::PingPong} kind={Kind::Modelled} align="end" text="Modelled: every cycle of every track has one cause, so the shares sum to the step exactly. An operation's bar is what its array saw, as long as its cycles in the step." />
            </div>
            <p class="causes-row" aria-hidden="true">{ for CAUSES.into_iter().map(|cause| html! { <span><i class={class(cause)}></i>{ cause.name() }</span> }) }</p>
            <ul class="bars" aria-hidden="true" key={*by}>
                { for rows.iter().map(|row| bar(row, longest)) }
            </ul>
        </section>
    }
}

fn class(cause: Cause) -> String {
    ["swatch ", cause.name()].concat()
}

fn bar(row: &Row, longest: f64) -> Html {
    let total = row.tally.total();
    let width = total as f64 * row.times as f64 / longest * 100.0;
    let busy = row.tally.of(Cause::Busy) as f32 / total.max(1) as f32;
    html! {
        <li>
            <span class="name">{ &row.name }</span>
            <span class="rail-bar"><span class="stack" style={format!("width:{width:.2}%")}>
                { for CAUSES.into_iter().filter(|&cause| row.tally.of(cause) > 0).map(|cause| html! {
                    <i class={class(cause)} style={format!("flex-grow:{}", row.tally.of(cause))}></i>
                }) }
            </span></span>
            <span class="num">{ format!("{} %", format::percent(busy)) }</span>
        </li>
    }
}

fn listed(rows: &[Row]) -> Html {
    let shown = rows.iter().map(|row| {
        let causes = CAUSES.into_iter().map(|cause| row.tally.of(cause));
        let sums = causes.chain([row.tally.total()]).map(format::count);
        let texts: Vec<String> = sums.chain([row.times.to_string()]).collect();
        parts::row(&row.name, &texts)
    });
    let causes = CAUSES.map(Cause::name);
    let columns = columns(&[&["Row"][..], &causes, &["sum", "runs"]].concat());
    let table = table(
        None,
        Some("stalls-table"),
        "Cycles by cause",
        columns,
        shown.collect(),
    );
    sheet("Table", "Cycles by cause as a table", table)
}
