//! One step on board and simulator, compared word for word.

use std::rc::Rc;

use yew::prelude::*;

use super::words;
use crate::link::run::{Comparison, MOST_SHOWN};
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{cells, column, columns, scroll, sheet, table};

/// Properties of [`VerifyPanel`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The last comparison.
    pub comparison: Option<Rc<Comparison>>,
    /// Whether a board is there to be asked.
    pub open: bool,
    /// Whether a comparison is under way.
    pub busy: bool,
    /// Widths in bits of the master copies of cores and of biases.
    pub master: [u8; 2],
    /// It was asked for.
    pub onverify: Callback<()>,
}

/// What the table of tensors is called by screen readers.
const TENSORS: &str = "Words compared in each tensor, as a table";

/// The panel.
#[component]
pub fn VerifyPanel(props: &Props) -> Html {
    let Props {
        comparison,
        open,
        busy,
        master,
        onverify,
    } = props;
    html! {
        <section class="card fill verify" aria-labelledby="verify-title">
            <div class="head">
                <h2 id="verify-title">{ "Verify" }</h2>
                if let Some(comparison) = comparison.as_deref().filter(|c| c.differences > 0) {
                    { sheet("By tensor", TENSORS, tensors(comparison)) }
                }
                <button type="button" class="quiet" id="board-verify" disabled={!open} onclick={onverify.reform(|_: MouseEvent| ())}
                    title="Takes one step on the simulator and on the board and compares every word of both memories">
                    { if *busy { "Comparing…" } else { "Compare every word" } }
                </button>
                <Provenance learn={Step::Board} kind={Kind::Measured} align="end" text="Measured: the same step, with the same images and the same order, on the simulator in this page and on the board; then every parameter, master copy, moment, variance and shift is read back and compared bit for bit." />
            </div>
            { match comparison {
                Some(comparison) => compared(comparison, *master),
                None => html! { <p class="empty">{ if *open {
                    "One step here and there, then every word of the board against the simulator's."
                } else {
                    "With a board connected, every word of it can be held against the simulator's."
                } }</p> },
            } }
        </section>
    }
}

fn compared(comparison: &Comparison, master: [u8; 2]) -> Html {
    let equal = comparison.differences == 0;
    html! {
        <>
            <p id="board-outcome" class={classes!("outcome", if equal { "equal" } else { "fault" })}>{ words::outcome(comparison) }</p>
            <dl class="sums">
                <div title="Checksum of all parameters on the board"><dt>{ "board" }</dt><dd class="num">{ &comparison.board }</dd></div>
                <div title="Checksum of all parameters in the simulator"><dt>{ "simulator" }</dt><dd class="num">{ &comparison.simulator }</dd></div>
            </dl>
            if equal {
                { scroll("scroll", TENSORS, tensors(comparison)) }
            } else {
                { differences(comparison, master) }
            }
        </>
    }
}

fn differences(comparison: &Comparison, master: [u8; 2]) -> Html {
    let shown = comparison.shown.len() as u64;
    html! {
        <div class="scroll" tabindex="0" role="region" aria-label="Words that differ, as a table">
            <table class="plain words" id="board-differences">
                <caption class={classes!((shown == comparison.differences).then_some("hidden"))}>
                    { format!("Words that differ: the first {} of {}", shown.min(MOST_SHOWN as u64), format::count(comparison.differences)) }
                </caption>
                <thead><tr>{ column("Tensor") }<th scope="col" title="One number for each axis, from 0; of a core (r, m, n, r')">{ "Index" }</th>{ column("Board") }{ column("Simulator") }</tr></thead>
                <tbody>{ for comparison.shown.iter().map(|difference| {
                    let bits = words::master_bits(&difference.tensor, master[0], master[1]);
                    html! {
                        <tr>
                            <th scope="row">{ &difference.tensor }</th>
                            <td>{ words::index(difference) }</td>
                            <td class="differs">{ words::word(difference.board, bits) }</td>
                            <td>{ words::word(difference.simulator, bits) }</td>
                        </tr>
                    }
                }) }</tbody>
            </table>
        </div>
    }
}

/// Words compared and words that differ in each tensor.
fn tensors(comparison: &Comparison) -> Html {
    let rows = comparison.tensors.iter().map(|(name, words, differ)| {
        let texts = [format::count(*words), format::count(*differ)];
        html! { <tr class={(*differ > 0).then_some("over")}>{ cells(name, &texts) }</tr> }
    });
    table(
        Some("plain"),
        Some("board-tensors"),
        "Words compared and words that differ in each tensor",
        columns(&["Tensor", "Words", "Differ"]),
        rows.collect(),
    )
}
