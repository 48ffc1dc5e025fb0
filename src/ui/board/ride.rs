//! One line: how the board stands, where it is in the run, and the ranks and memory of what it trains.

use std::rc::Rc;

use yew::prelude::*;

use super::words;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::model::View;
use crate::ui::session::Session;
use crate::worker::message::board::{BoardView, Connection};

/// Properties of [`Ride`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The board.
    pub view: Rc<BoardView>,
    /// The run.
    pub run: View,
    /// Whether it trains.
    pub training: bool,
}

/// The line.
#[component]
pub fn Ride(props: &Props) -> Html {
    let Props {
        session,
        view,
        run,
        training,
    } = props;
    let standing = words::standing(view, *training);
    let off = view.connection == Connection::Off;
    let start = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            let board = session.model().board;
            session.connect_virtual(board.board, board.line);
        })
    };
    html! {
        <section class={classes!("card", "chip", "ride", (standing.class == "failed").then_some("failed"))} aria-labelledby="ride-title">
            <h2 id="ride-title" class="hidden">{ "On the board" }</h2>
            <span class={classes!("state", standing.class)}>{ standing.word }</span>
            if off {
                <span class="says">{ "Connect a board, train on it, and compare it word for word with the simulator. The virtual board speaks the same bytes as a real one." }</span>
                <button type="button" class="quiet start" onclick={start}>{ "Use the virtual board" }</button>
            } else {
                <span class={classes!("says", (standing.class == "failed").then_some("fault"))} id="board-says" title={standing.says.clone()}>{ &standing.says }</span>
                if standing.class != "failed" {
                    <progress class={classes!(standing.progress.is_none().then_some("none"))} max="1" value={standing.progress.unwrap_or(0.0).to_string()} aria-label={standing.word}></progress>
                <span class="num wide" title="Steps taken on the board, and those whose orders are there, as it last told">{ format!("step {}", format::count(view.state.step)) }</span>
                    { ranks(run) }
                }
            }
        </section>
    }
}

/// Ranks that are alive, and the parameters' memory.
fn ranks(run: &View) -> Html {
    let Some(snapshot) = &run.snapshot else {
        return Html::default();
    };
    let layers: Vec<String> = snapshot
        .layers
        .iter()
        .enumerate()
        .filter(|(_, layer)| !layer.bonds.is_empty())
        .map(|(k, layer)| {
            let alive: Vec<String> = layer
                .bonds
                .iter()
                .map(|bond| bond.alive.len().to_string())
                .collect();
            format!("fc{} {}", k + 1, alive.join(" "))
        })
        .collect();
    let bits = snapshot.memory.stages.last().map(|stage| stage.bits);
    html! {
        <>
            <span class="num ranks" title="Ranks of the bonds that are alive">{ layers.join(" · ") }</span>
            <span class="num wide">{ bits.map(format::bits) }</span>
            <Provenance learn={Step::Board} kind={Kind::Counted} align="end" text="Counted: steps as the board last told; ranks of the bonds that are alive; bits of weights and biases of their cores, as on the Train tab." />
        </>
    }
}
