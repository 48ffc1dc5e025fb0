//! The paper's claims beside this page's figures, and the way to a board.

use yew::prelude::*;

use super::readout;
use crate::link::line::LineSettings;
use crate::link::virtual_board::VirtualSettings;
use crate::ui::format;
use crate::ui::link::Tab;
use crate::ui::model::{Model, Origin, Phase};
use crate::ui::session::Session;
use crate::worker::message::board::{Connection, Place};

/// Properties of [`Board`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
}

/// Claims and board.
#[component]
pub fn Board(props: &Props) -> Html {
    let Props { session, model } = props;
    let epoch = model.view.last_epoch();
    let none = || "–".to_string();
    let memory = epoch
        .as_ref()
        .map_or_else(none, |e| format::factor(e.memory_reduction));
    let accuracy = epoch
        .as_ref()
        .map_or_else(none, |e| [&format::percent(e.test_accuracy), " %"].concat());
    let against = session
        .accelerator()
        .and_then(|report| report.now.against(&model.accel.costs).ok());
    let (speed, energy) = against.as_ref().map_or_else(
        || (none(), none()),
        |c| {
            (
                format::factor(c.speed_ratio),
                format::factor(c.energy_ratio),
            )
        },
    );
    let rows = [
        ("parameter memory", "292×", memory, "counted"),
        ("test accuracy", "84.86 % at 292×", accuracy, "measured"),
        (
            "speed against an embedded processor",
            "59×",
            speed,
            "modelled",
        ),
        ("energy against it", "123×", energy, "modelled"),
    ];
    let connected = model.board.view.connection == Connection::Open;
    let connect = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            session.connect_virtual(VirtualSettings::default(), LineSettings::default());
            session.place(Place::Board { check: 1 });
        })
    };
    let step = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.step())
    };
    let see = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.open_tab(Tab::Board))
    };
    let busy = matches!(model.phase, Phase::Running | Phase::Preparing);
    // The recorded example was trained on no board.
    let position = &model.view.position;
    let on_board = model.view.origin == Origin::Live && model.board.view.place != Place::Page;
    let taken = if on_board { position.step } else { 0 };
    let says = match (connected, taken, &position.checksum) {
        (false, ..) => "No board is connected.".to_string(),
        (true, 0, _) => "The virtual board is connected; no step was taken yet.".into(),
        (true, step, Some(sum)) => format!(
            "After step {step} the checksum of all parameters is {sum}, on the board and in the page."
        ),
        (true, step, None) => format!("Step {step}."),
    };
    html! {
        <>
            <table class="claims">
                <caption class="hidden">{ "The paper's figures and this page's" }</caption>
                <thead><tr><th scope="col">{ "figure" }</th><th scope="col">{ "published" }</th><th scope="col">{ "here" }</th><th scope="col">{ "which is" }</th></tr></thead>
                <tbody>{ for rows.into_iter().map(|(name, published, here, kind)| html! {
                    <tr><th scope="row">{ name }</th><td class="num">{ published }</td><td class="num">{ here }</td><td>{ kind }</td></tr>
                }) }</tbody>
            </table>
            <div class="deeds">
                <button type="button" class="quiet" onclick={connect} disabled={connected}>{ "Use the virtual board" }</button>
                <button type="button" class="quiet" onclick={step} disabled={!connected || busy}>{ "Train one step on it" }</button>
                <button type="button" class="quiet" onclick={see}>{ "Open the Board tab" }</button>
            </div>
            { readout(&says) }
        </>
    }
}
