//! The connection and its settings, where the Train tab has those of the run.

use yew::prelude::*;

use super::choices::{CHECKS, Choices, Field, SPEEDS};
use super::state::{BoardState, Port};
use super::words;
use crate::ui::accel::DEVICES;
use crate::ui::fields::{Choice, Segments, TextField};
use crate::ui::format;
use crate::ui::session::Session;
use crate::worker::message::board::{Connection, Place};

/// Properties of [`BoardRail`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The board.
    pub board: BoardState,
}

/// The rail.
#[component]
pub fn BoardRail(props: &Props) -> Html {
    let Props { session, board } = props;
    html! {
        <>
            { connection(session, board) }
            { place(session, board) }
            { virtual_board(session, board) }
            { faults(session, board) }
        </>
    }
}

fn act(session: &Session, act: impl Fn(&Session) + 'static) -> Callback<MouseEvent> {
    let session = session.clone();
    Callback::from(move |_: MouseEvent| act(&session))
}

fn choosing<T: Copy + 'static>(
    session: &Session,
    options: &'static [T],
    set: fn(&mut Choices, T),
) -> Callback<usize> {
    let session = session.clone();
    Callback::from(move |k: usize| {
        if let Some(&option) = options.get(k) {
            session.edit_board(|choices| set(choices, option));
        }
    })
}

fn speeds() -> Vec<AttrValue> {
    let shown = |speed| AttrValue::from(format::count(u64::from(speed)));
    SPEEDS.into_iter().map(shown).collect()
}

fn connection(session: &Session, board: &BoardState) -> Html {
    let off = matches!(board.view.connection, Connection::Off);
    let standing = words::standing(&board.view);
    let missing = match &board.port {
        Port::Missing(why) => Some(*why),
        _ => None,
    };
    let baud = board.choices.baud;
    let onbaud = {
        let session = session.clone();
        Callback::from(move |event: Event| {
            let select = event.target_dyn_into::<web_sys::HtmlSelectElement>();
            let k = select.and_then(|s| usize::try_from(s.selected_index()).ok());
            if let Some(&baud) = k.and_then(|k| SPEEDS.get(k)) {
                session.edit_board(|choices| choices.baud = baud);
            }
        })
    };
    html! {
        <section class="card connect" aria-labelledby="connect-title">
            <h2 id="connect-title">{ "Connection" }</h2>
            <div class="ways">
                <button type="button" class="quiet wide" id="board-virtual" onclick={act(session, Session::use_virtual)}
                    title="A board in this page: the fixed-point executor and the cycle model behind the same bytes">{ "Use the virtual board" }</button>
                <button type="button" class="quiet" id="board-connect" disabled={missing.is_some()} aria-describedby={missing.map(|_| "board-missing")}
                    onclick={act(session, move |s| s.connect_port(baud))} title="Pick a serial port of this computer">{ "Connect a port…" }</button>
                <button type="button" class="quiet" id="board-reconnect" disabled={missing.is_some()}
                    onclick={act(session, move |s| s.reconnect_port(baud))} title="Open the port that was picked last, without asking">{ "Reconnect" }</button>
            </div>
            if let Some(why) = missing {
                <p class="source" id="board-missing">{ why }</p>
            }
            <div class="one-field">
                <div class="field">
                    <label for="board-baud" title="Bits per second of a serial port; both ends must agree">{ "port speed, bit/s" }</label>
                    <select id="board-baud" disabled={missing.is_some()} onchange={onbaud}>
                        { for speeds().into_iter().zip(SPEEDS).map(|(shown, speed)| html! { <option selected={speed == baud}>{ shown }</option> }) }
                    </select>
                </div>
            </div>
            <div class="now">
                <span class={classes!("state", standing.class)} id="board-state">{ standing.word }</span>
                <button type="button" class="link" id="board-disconnect" disabled={off} onclick={act(session, Session::disconnect)}>{ "Disconnect" }</button>
            </div>
            if board.port == Port::Dismissed { { help() } }
        </section>
    }
}

/// What to look at when no port was picked.
fn help() -> Html {
    let items = [
        (
            "Nothing in the list?",
            "Use a cable that carries data; many only charge.",
        ),
        ("Power", "The board is on, and its USB bridge is lit."),
        (
            "Driver",
            "Bridges by FTDI, Silicon Labs or WCH may need theirs on Windows and macOS.",
        ),
        (
            "Rights",
            "On Linux, be in the dialout group (uucp on Arch), then log in again.",
        ),
        (
            "Taken",
            "One program holds a port at a time: close terminals and other tabs.",
        ),
    ];
    html! {
        <div class="help" id="board-help">
            <p>{ "No port was picked." }</p>
            <dl>{ for items.into_iter().map(|(name, text)| html! { <div><dt>{ name }</dt><dd>{ text }</dd></div> }) }</dl>
        </div>
    }
}

fn place(session: &Session, board: &BoardState) -> Html {
    let there = board.view.place != Place::Page;
    let check = board.choices.check;
    let set = |to: Place| {
        let session = session.clone();
        Callback::from(move |_: Event| session.place(to))
    };
    let oncheck = {
        let session = session.clone();
        Callback::from(move |event: Event| {
            let select = event.target_dyn_into::<web_sys::HtmlSelectElement>();
            let k = select.and_then(|s| usize::try_from(s.selected_index()).ok());
            if let Some(&check) = k.and_then(|k| CHECKS.get(k)) {
                session.edit_board(|choices| choices.check = check);
                if there {
                    session.place(Place::Board { check });
                }
            }
        })
    };
    html! {
        <section class="card" aria-labelledby="place-title">
            <h2 id="place-title">{ "Train" }</h2>
            <div class="segments" role="radiogroup" aria-label="Train">
                <span>
                    <input type="radio" id="board-place-page" name="board-place" checked={!there} onchange={set(Place::Page)} />
                    <label for="board-place-page" title="The run goes on in this page's worker">{ "in this page" }</label>
                </span>
                <span>
                    <input type="radio" id="board-place-board" name="board-place" checked={there} onchange={set(board.choices.place())} />
                    <label for="board-place-board" title="Train, Pause and Step act on the board">{ "on the board" }</label>
                </span>
            </div>
            <div class="one-field">
                <div class="field wider">
                    <label for="board-check" title="Every step: the simulator takes it too and all words are compared. Otherwise the parameters are read back after so many steps">{ "check" }</label>
                    <select id="board-check" onchange={oncheck}>
                        { for CHECKS.into_iter().map(|steps| html! {
                            <option selected={steps == check}>{ match steps { 1 => "every step, beside the simulator".into(), steps => format!("every {steps} steps") } }</option>
                        }) }
                    </select>
                </div>
            </div>
        </section>
    }
}

const PACED: [bool; 2] = [true, false];
/// Speeds of a simulated line; 0 for one that takes no time.
const LINES: [u32; 4] = [115_200, 1_000_000, 3_000_000, 0];

fn virtual_board(session: &Session, board: &BoardState) -> Html {
    let choices = &board.choices;
    let live = board.destination_is_virtual();
    let mut lines = speeds();
    lines.push("no limit".into());
    html! {
        <section class="card" aria-labelledby="virtual-title">
            <h2 id="virtual-title">{ "Virtual board" }</h2>
            <div class="one-field">
                <Choice field="board.device" label="device" chosen={DEVICES.iter().position(|(device, _)| *device == choices.board.device)}
                    onchoose={choosing(session, &DEVICES, |c, (device, _)| c.board.device = device)}
                    options={DEVICES.map(|(_, name)| AttrValue::from(name)).to_vec()} />
                <Choice field="board.paced" label="as fast as" chosen={PACED.iter().position(|p| *p == choices.board.paced)}
                    onchoose={choosing(session, &PACED, |c, paced| c.board.paced = paced)}
                    options={vec!["its cycles".into(), "it can".into()]} />
                <Choice field="line.baud" label="line, bit/s" chosen={LINES.iter().position(|l| *l == choices.line.baud)}
                    onchoose={choosing(session, &LINES, |c, baud| c.line.baud = baud)} options={lines} />
                { number(session, choices, Field::Delay) }
            </div>
            <div class="row">
                <button type="button" class="quiet" id="board-cable" disabled={!live} onclick={act(session, Session::toggle_cable)}
                    title="The virtual board's cable: nothing passes while it is out">{ if board.plugged { "Pull the cable" } else { "Plug it in" } }</button>
                <button type="button" class="quiet" id="board-upset" disabled={!live} onclick={act(session, Session::upset)}
                    title="Flips one bit of one core's master copy in the virtual board, as a particle might">{ "Flip one bit" }</button>
            </div>
        </section>
    }
}

fn number(session: &Session, choices: &Choices, field: Field) -> Html {
    let session = session.clone();
    let onedit =
        Callback::from(move |text: String| session.edit_board(|choices| choices.edit(field, &text)));
    let (label, hint) = field.label();
    html! {
        <TextField key={field.name()} field={field.name()} {label} {hint} value={choices.text(field)}
            fault={choices.fault_of(field).map(|fault| AttrValue::from(fault.to_string()))} {onedit} />
    }
}

fn faults(session: &Session, board: &BoardState) -> Html {
    html! {
        <details class="card more">
            <summary><h2>{ "What goes wrong on its line" }</h2></summary>
            <div class="one-field">{ for Field::FAULTS.into_iter().map(|field| number(session, &board.choices, field)) }</div>
        </details>
    }
}
