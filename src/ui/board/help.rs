//! What to look at when no board is found at a port.

use yew::prelude::*;

use crate::ui::board_state::PortState;

/// Where to look first.
const ITEMS: [(&str, &str); 5] = [
    (
        "Cable",
        "Use one that carries data: many only charge, and then no port is listed.",
    ),
    (
        "Power",
        "The board is switched on and its USB bridge is lit.",
    ),
    (
        "Driver",
        "Bridges by FTDI, Silicon Labs and WCH may need theirs on Windows and macOS.",
    ),
    (
        "Rights",
        "On Linux, be in the group dialout (uucp on Arch) and log in again.",
    ),
    (
        "In use",
        "A port belongs to one program at a time: close terminals and other tabs.",
    ),
];

/// The list, when no port was chosen or the one chosen is gone.
pub fn help(port: &PortState) -> Html {
    let says = match port {
        PortState::Dismissed => "No port was picked.",
        PortState::Gone(message) => message,
        _ => return Html::default(),
    };
    html! {
        <div class="help" id="board-help">
            <p>{ says }</p>
            <dl>{ for ITEMS.into_iter().map(|(name, text)| html! { <div><dt>{ name }</dt><dd>{ text }</dd></div> }) }</dl>
        </div>
    }
}
