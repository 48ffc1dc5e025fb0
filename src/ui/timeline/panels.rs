//! Beside the picture: legend, the selected slice, sums over a range, the table, the keys.

use yew::prelude::*;

use super::details::{Details, length};
use super::keys::HELP;
use super::marks::Fill;
use super::state::State;
use super::table::{Table, clipped, shares, stretch};
use super::words;
use crate::accel::timing::{CAUSES, Cause, TRACKS};
use crate::ui::format;
use crate::ui::parts::{column, columns};

/// Classes of the causes' swatches, in the order of [`CAUSES`].
const SWATCHES: [&str; CAUSES.len()] = [
    "busy",
    "load-bound",
    "compute-bound",
    "store-bound",
    "fill-drain",
    "port-conflict",
    "idle",
];

/// What colours and hatches mean.
pub fn legend() -> Html {
    let entry = |class: &'static str, text: &'static str| {
        html! { <li><i class={classes!("swatch", class)} aria-hidden="true"></i>{ text }</li> }
    };
    html! {
        <ul class="causes" aria-label="Legend">
            { entry("busy", "compute") }
            { entry("move", "load, store") }
            { entry("outer", "outer product") }
            { for CAUSES.iter().zip(SWATCHES).skip(1).map(|(cause, class)| entry(class, cause.name())) }
            { entry("held", "tiles in a buffer") }
        </ul>
    }
}

/// The range that is seen and the markers, in one line.
pub fn readout(state: &State) -> String {
    let range = clipped(state, state.goal().range());
    let clock = clock_mhz(state);
    let mut text = format!(
        "{} · {}",
        stretch(&range),
        length(range.end - range.start, clock)
    );
    match state.markers[..] {
        [a] => {
            text.push_str(" · A ");
            text.push_str(&format::count(a));
        }
        [a, b] => {
            text.push_str(" · B − A ");
            if b < a {
                text.push('−');
            }
            text.push_str(&length(a.abs_diff(b), clock));
        }
        _ => {}
    }
    text
}

fn clock_mhz(state: &State) -> f64 {
    let place = state.timeline.place(0);
    place.map_or(100.0, |place| place.timing.machine.clock_mhz)
}

/// The selected slice, or how to select one.
pub fn slice(details: Option<&Details>) -> Html {
    html! {
        <section class="slice" aria-label="Selected slice">
            if let Some(details) = details {
                <h3 class="num">{ &details.title }</h3>
                <dl>
                    { for details.facts.iter().map(|(term, text)| html! {
                        <><dt>{ *term }</dt><dd class="num">{ text }</dd></>
                    }) }
                </dl>
            } else {
                <h3>{ "No slice selected" }</h3>
                <p class="soft">{ "Click a slice, or press Enter, to see its operation, tile, tensors and formula. Keys: ?" }</p>
            }
        </section>
    }
}

/// Sums over the selected range, or over what is seen.
pub fn sums(state: &State) -> Html {
    let seen = clipped(state, state.goal().range());
    let (range, title) = match &state.selection {
        Some(range) => (range.clone(), "Selected"),
        None => (seen, "In sight"),
    };
    let table = shares(state, &range);
    let samples = state.timeline.samples(range.clone());
    let unit = if samples == 1 { "sample" } else { "samples" };
    let about = format!(
        "{title}: {} · {} {unit}",
        length(range.end - range.start, clock_mhz(state)),
        format::count(samples)
    );
    let bar = |index: usize| {
        let track = TRACKS[index];
        let tally = state.timeline.tally(track, range.clone());
        let parts = CAUSES.iter().zip(SWATCHES).filter_map(|(cause, class)| {
            let cycles = tally.of(*cause);
            let class = match Fill::of(track, *cause) {
                Fill::Move => "move",
                Fill::Outer => "outer",
                _ => class,
            };
            (cycles > 0 && *cause != Cause::Idle).then(|| {
                let share = 100.0 * cycles as f64 / tally.total().max(1) as f64;
                html! { <i class={classes!("swatch", class)} style={format!("width:{share:.2}%")}></i> }
            })
        });
        html! { <span class="shares" aria-hidden="true">{ for parts }</span> }
    };
    html! {
        <section class="sums" aria-label="Sums over a range">
            <h3 class="num">{ about }</h3>
            <div class="scroll" tabindex="0" role="region" aria-label="Shares by cause">
            <table>
                <caption class="hidden">{ &table.caption }</caption>
                <thead><tr>
                    { column("Track") }<td></td>
                    { for table.head.iter().skip(1).copied().map(column) }
                </tr></thead>
                <tbody>
                    { for table.rows.iter().enumerate().map(|(index, row)| html! {
                        <tr class={classes!((index == state.track).then_some("focused"))}>
                            <th scope="row" class="num" title={words::element_does(TRACKS[index].element)}>{ &row[0] }</th>
                            <td>{ bar(index) }</td>
                            { numbers(row) }
                        </tr>
                    }) }
                </tbody>
            </table>
            </div>
        </section>
    }
}

/// A row's cells but for the first, which names it.
fn numbers(row: &[String]) -> Html {
    let cells = row.iter().skip(1);
    cells
        .map(|cell| html! { <td class="num">{ cell }</td> })
        .collect()
}

/// What is seen, as a table.
pub fn table(table: &Table) -> Html {
    html! {
        <details class="table seen">
            <summary>{ "Table of what is seen" }</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="What is seen, as a table">
                <table id="timeline-table">
                    <caption>{ &table.caption }</caption>
                    { columns(&table.head) }
                    <tbody>
                        { for table.rows.iter().map(|row| html! {
                            <tr>
                                <th scope="row" class="num">{ &row[0] }</th>
                                { numbers(row) }
                            </tr>
                        }) }
                    </tbody>
                </table>
            </div>
        </details>
    }
}

/// The keys.
pub fn help(onclose: &Callback<MouseEvent>) -> Html {
    html! {
        <section class="keys" aria-label="Keys">
            <div class="head"><h2>{ "Keys" }</h2><button type="button" class="link" onclick={onclose}>{ "Close" }</button></div>
            <dl>
                { for HELP.iter().map(|(keys, what)| html! { <><dt class="num">{ *keys }</dt><dd>{ *what }</dd></> }) }
            </dl>
        </section>
    }
}
