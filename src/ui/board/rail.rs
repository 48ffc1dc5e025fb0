//! The connection and its settings, where the Train tab has those of the run.

use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlSelectElement};
use yew::prelude::*;

use super::help::help;
use super::line::{CHECKS, Field, LINES};
use super::words;
use crate::link::line::LineSettings;
use crate::link::virtual_board::VirtualSettings;
use crate::ui::accel::DEVICES;
use crate::ui::board_state::{BoardState, Other, PortState, SPEEDS};
use crate::ui::fields::{Choice, TextField};
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
    /// Whether the run on display trains.
    pub training: bool,
}

/// The rail.
#[component]
pub fn BoardRail(props: &Props) -> Html {
    let Props {
        session,
        board,
        training,
    } = props;
    html! {
        <>
            { connection(session, board, *training) }
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

/// Leaves the board. The button is off then, and the focus goes to the first way to connect.
fn leave(session: &Session) {
    session.disconnect();
    let first = gloo::utils::document().get_element_by_id("board-virtual");
    if let Some(button) = first.and_then(|b| b.dyn_into::<HtmlElement>().ok()) {
        let _ = button.focus();
    }
}

/// The option that a selection's change chose.
fn chosen<T: Copy>(event: &Event, options: &[T]) -> Option<T> {
    let select = event.target_dyn_into::<HtmlSelectElement>()?;
    let k = usize::try_from(select.selected_index()).ok()?;
    options.get(k).copied()
}

/// Speeds as they are shown; a line without one has no limit.
fn speeds(speeds: &[u32]) -> Vec<AttrValue> {
    let shown = |speed: &u32| match speed {
        0 => "no limit".into(),
        speed => format::count(u64::from(*speed)).into(),
    };
    speeds.iter().map(shown).collect()
}

fn connection(session: &Session, board: &BoardState, training: bool) -> Html {
    let off = board.view.connection == Connection::Off;
    let standing = words::standing(&board.view, training);
    let missing = match &board.port {
        PortState::Missing(why) => Some(why.sentence()),
        _ => None,
    };
    let busy = matches!(board.port, PortState::Picking | PortState::Opening);
    let baud = board.baud;
    let onbaud = {
        let session = session.clone();
        Callback::from(move |event: Event| {
            if let Some(baud) = chosen(&event, &SPEEDS) {
                session.edit_board(|board| board.baud = baud);
            }
        })
    };
    let (device, line) = (board.board, board.line);
    html! {
        <section class="card connect" aria-labelledby="connect-title">
            <h2 id="connect-title">{ "Connection" }</h2>
            <div class="ways">
                <button type="button" class="quiet wide" id="board-virtual" onclick={act(session, move |s| s.connect_virtual(device, line))}
                    title="A board in this page: the fixed-point executor and the cycle model behind the same bytes">{ "Use the virtual board" }</button>
                <button type="button" class="quiet" id="board-connect" disabled={missing.is_some() || busy} aria-describedby={missing.map(|_| "board-missing")}
                    onclick={act(session, move |s| s.connect_port(baud))} title="Pick a serial port of this computer">{ "Connect a port…" }</button>
                <button type="button" class="quiet" id="board-reconnect" disabled={missing.is_some() || busy || !board.known_port}
                    onclick={act(session, move |s| s.reconnect_port(baud))} title="Open the port that was used last, without asking">{ "Reconnect" }</button>
            </div>
            if let Some(why) = missing {
                <p class="source" id="board-missing">{ why }</p>
            } else {
                <div class="one-field">
                    <div class="field">
                        <label for="board-baud" title="Bits per second of a serial port; both ends must agree">{ "port speed, bit/s" }</label>
                        <select id="board-baud" onchange={onbaud}>
                            { for speeds(&SPEEDS).into_iter().zip(SPEEDS).map(|(shown, speed)| html! { <option selected={speed == baud}>{ shown }</option> }) }
                        </select>
                    </div>
                </div>
            }
            <div class="now">
                <span class={classes!("state", standing.class)} id="board-state">{ standing.word }</span>
                <button type="button" class="link" id="board-disconnect" disabled={off} onclick={act(session, leave)}>{ "Disconnect" }</button>
            </div>
            { help(&board.port) }
        </section>
    }
}

fn place(session: &Session, board: &BoardState) -> Html {
    let there = board.view.place != Place::Page;
    let check = board.check;
    let set = |to: Place| {
        let session = session.clone();
        Callback::from(move |_: Event| session.place(to))
    };
    let oncheck = {
        let session = session.clone();
        Callback::from(move |event: Event| {
            if let Some(check) = chosen(&event, &CHECKS) {
                session.edit_board(|board| board.check = check);
                if there {
                    session.place(Place::Board { check });
                }
            }
        })
    };
    html! {
        <section class="card" aria-labelledby="place-title">
            <h2 id="place-title">{ "Train" }</h2>
            <div class="segments" role="radiogroup" aria-labelledby="place-title">
                <span>
                    <input type="radio" id="board-place-page" name="board-place" checked={!there} onchange={set(Place::Page)} />
                    <label for="board-place-page" title="The run goes on in this page's worker">{ "in this page" }</label>
                </span>
                <span>
                    <input type="radio" id="board-place-board" name="board-place" checked={there} disabled={!there && !board.open()} onchange={set(Place::Board { check })} />
                    <label for="board-place-board" title="Train, Pause and Step act on the board">{ "on the board" }</label>
                </span>
            </div>
            <div class="one-field">
                <div class="field wider">
                    <label for="board-check" title="Every step: the simulator takes it too, and the checksums of all master words are compared. Otherwise all words are read back after so many steps">{ "check" }</label>
                    <select id="board-check" onchange={oncheck}>
                        { for CHECKS.into_iter().map(|steps| html! {
                            <option selected={steps == check}>{ match steps { 1 => "every step".into(), steps => format!("every {steps} steps") } }</option>
                        }) }
                    </select>
                </div>
            </div>
        </section>
    }
}

const PACED: [bool; 2] = [true, false];

fn virtual_board(session: &Session, board: &BoardState) -> Html {
    let connected = board.other == Other::Virtual && board.view.connection != Connection::Off;
    let settings = board.board;
    let set = |change: fn(VirtualSettings, usize) -> VirtualSettings| {
        let session = session.clone();
        Callback::from(move |k: usize| {
            session.edit_board(|board| board.board = change(board.board, k));
        })
    };
    let onspeed = {
        let (session, line) = (session.clone(), board.line);
        Callback::from(move |k: usize| {
            if let Some(&baud) = LINES.get(k) {
                session.set_line(LineSettings { baud, ..line });
            }
        })
    };
    let plugged = board.plugged;
    html! {
        <section class="card" aria-labelledby="virtual-title">
            <h2 id="virtual-title">{ "Virtual board" }</h2>
            <div class="one-field">
                <Choice field="board.device" label="device" chosen={DEVICES.iter().position(|(device, _)| *device == settings.device)}
                    onchoose={set(|s, k| DEVICES.get(k).map_or(s, |(device, _)| VirtualSettings { device: *device, ..s }))}
                    options={DEVICES.map(|(_, name)| AttrValue::from(name)).to_vec()} />
                <Choice field="board.paced" label="as fast as" chosen={PACED.iter().position(|p| *p == settings.paced)}
                    onchoose={set(|s, k| VirtualSettings { paced: k == 0, ..s })} options={vec!["its cycles".into(), "it can".into()]} />
                <Choice field="line.baud" label="line, bit/s" chosen={LINES.iter().position(|l| *l == board.line.baud)} onchoose={onspeed} options={speeds(&LINES)} />
                <Number session={session.clone()} line={board.line} field={Field::Delay} />
            </div>
            <div class="row">
                <button type="button" class="quiet" id="board-cable" disabled={!connected} onclick={act(session, move |s| s.plug(!plugged))}
                    title="The virtual board's cable: nothing passes while it is out">{ if plugged { "Pull the cable" } else { "Plug it in" } }</button>
                <button type="button" class="quiet" id="board-upset" disabled={!connected} onclick={act(session, Session::upset)}
                    title="Flips one bit of one core's master copy in the virtual board, as a particle might">{ "Flip one bit" }</button>
            </div>
        </section>
    }
}

fn faults(session: &Session, board: &BoardState) -> Html {
    html! {
        <details class="card more">
            <summary><h2>{ "What goes wrong on its line" }</h2></summary>
            <div class="one-field">{ for Field::FAULTS.into_iter().map(|field| html! {
                <Number key={field.name()} session={session.clone()} line={board.line} {field} />
            }) }</div>
        </details>
    }
}

#[derive(Properties, PartialEq)]
struct NumberProps {
    session: Session,
    line: LineSettings,
    field: Field,
}

/// A number of the virtual board's line.
#[component]
fn Number(props: &NumberProps) -> Html {
    let NumberProps {
        session,
        line,
        field,
    } = props;
    let fault = use_state_eq(|| None::<AttrValue>);
    let onedit = {
        let (session, line, field, fault) = (session.clone(), *line, *field, fault.clone());
        Callback::from(move |text: String| match field.set(line, &text) {
            Ok(line) => {
                fault.set(None);
                session.set_line(line);
            }
            Err(message) => fault.set(Some(message.into())),
        })
    };
    let (label, hint) = field.label();
    html! { <TextField field={field.name()} {label} {hint} value={field.text(*line)} fault={(*fault).clone()} {onedit} /> }
}
