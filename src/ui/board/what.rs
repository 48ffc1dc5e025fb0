//! What the board is, and whether the run on display fits it.

use std::rc::Rc;

use yew::prelude::*;

use super::words;
use crate::link::answer::Capabilities;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{gauge, table};
use crate::worker::message::board::{BoardFit, BoardView, Connection};

/// Properties of [`WhatPanel`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The board.
    pub view: Rc<BoardView>,
}

/// The panel.
#[component]
pub fn WhatPanel(props: &Props) -> Html {
    let view = &props.view;
    let name = view.capabilities.as_ref().map(|board| board.device.clone());
    html! {
        <section class="card fill what" aria-labelledby="what-title">
            <div class="head">
                <h2 id="what-title">{ "The board" }</h2>
                <span class="num" id="board-name">{ name }</span>
                <Provenance learn={Step::Board} kind={Kind::Counted} align="end" text="Counted: array, clock, memories and widths as the board states them when a session opens. What the run needs is counted from its Program's buffers: parameters, activations and the optimiser's state; its images beside." />
            </div>
            { match &view.capabilities {
                Some(board) => html! { <>
                    { facts(board, view) }
                    { view.fit.as_ref().map(fits) }
                </> },
                None => html! { <p class="empty">{ match view.connection {
                    Connection::Opening => "Asked; no answer yet.",
                    _ => "What it is and what fits on it, as soon as it is connected.",
                } }</p> },
            } }
        </section>
    }
}

fn facts(board: &Capabilities, view: &BoardView) -> Html {
    let machine = if board.any_machine {
        "any, written to it"
    } else {
        "its own"
    };
    let rows = [
        (
            "array",
            format!(
                "{} × {} at {} MHz",
                board.array[0],
                board.array[1],
                f64::from(board.clock) / 1e6
            ),
            "Lanes and rows of the array, and its clock",
        ),
        (
            "machine",
            machine.into(),
            "Whether it takes the machine of the Accelerator tab or has its own",
        ),
        (
            "window",
            format!("{} frames, {} orders", board.window, board.orders),
            "Frames that may be in flight, and orders that may wait",
        ),
        (
            "build",
            format!("{} · boot {:08x}", board.build, board.boot),
            "What it was built from, and a number that changes whenever its memory is lost",
        ),
    ];
    html! {
        <dl class="facts">
            { for rows.into_iter().map(|(name, value, title)| html! {
                <div {title}><dt>{ name }</dt><dd class="num">{ value }</dd></div>
            }) }
            <div class="whole" title="Accepted widths in bits, least to most"><dt>{ "bits" }</dt><dd class="num">{ words::widths(board) }</dd></div>
            if view.counters.steps > 0 {
                <div class="whole" title="Counted by the board since it was configured">
                    <dt>{ "counted" }</dt>
                    <dd class="num">{ format!("{} steps · {} cycles · {} saturated", format::count(view.counters.steps), format::short(view.counters.cycles as f64), format::count(view.counters.saturated)) }</dd>
                </div>
            }
        </dl>
    }
}

fn fits(fit: &BoardFit) -> Html {
    let rows = [("memory", fit.memory), ("images", fit.images)];
    let gauges = rows.into_iter().map(|(name, (used, there))| {
        // Images that do not fit are sent again; only memory can refuse a run.
        let over = used > there && name == "memory";
        let title = Some("Counted: bytes the run needs, and bytes there are");
        let text = format!("{} of {}", format::bytes(used), format::bytes(there));
        gauge(name, title, over, used as f64 / there.max(1) as f64, &text)
    });
    html! {
        <>
            { table(Some("plain gauges"), None, "What the run needs and what the board has", Html::default(), gauges.collect()) }
            <p id="board-fit" class={if fit.fits { "fits" } else { "fault" }}>{ match (&fit.reason, fit.fits) {
                (Some(reason), _) => reason.clone(),
                (None, false) => "The run does not fit the board.".into(),
                (None, true) if fit.images.0 > fit.images.1 => "The run fits; images are sent again when they are needed.".into(),
                (None, true) => "The run fits, with all its images.".into(),
            } }</p>
        </>
    }
}
