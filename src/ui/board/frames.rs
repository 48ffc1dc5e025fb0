//! The log of frames: a bounded table that follows the newest, with what went over the line in all.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, FileList, HtmlElement, HtmlInputElement};
use yew::prelude::*;

use super::passed;
use crate::link::command::Command;
use crate::link::log::Passed;
use crate::link::session::Statistics;
use crate::ui::board_state::Frames as Log;
use crate::ui::drop;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{cell, column};
use crate::ui::session::Session;

/// Height of a row in pixels, as in the style sheet.
const ROW: usize = 19;
/// Rows that are in the page; more than any panel shows at once.
const DRAWN: usize = 32;
/// Rows drawn above the first that is seen.
const ABOVE: usize = 6;

/// Properties of [`Frames`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The newest frames, oldest first.
    pub frames: Log,
    /// What went over the line.
    pub statistics: Statistics,
    /// Whether there is a log to save.
    pub any: bool,
}

/// The panel.
#[component]
pub fn Frames(props: &Props) -> Html {
    let Props {
        session,
        frames,
        statistics,
        any,
    } = props;
    let quiet = use_state_eq(|| true);
    // Frames as they were when the list was stopped.
    let held = use_state(|| None::<Rc<[Passed]>>);
    let top = use_state_eq(|| 0_usize);
    let over = use_state_eq(|| false);
    let list = use_node_ref();
    let follows = held.is_none();
    let live = frames.list();
    let wanted = |frame: &&Passed| !*quiet || !passed::heartbeat(frame);
    let shown: Vec<&Passed> = match &*held {
        Some(held) => held.iter().filter(wanted).collect(),
        None => live.iter().filter(wanted).collect(),
    };
    {
        let list = list.clone();
        use_effect(move || {
            if follows && let Some(list) = list.cast::<HtmlElement>() {
                list.set_scroll_top(list.scroll_height());
            }
        });
    }
    let onscroll = {
        let (top, held, frames) = (top.clone(), held.clone(), frames.clone());
        Callback::from(move |event: Event| {
            let Some(list) = event.target_dyn_into::<HtmlElement>() else {
                return;
            };
            let below = list.scroll_height() - list.client_height() - list.scroll_top();
            top.set(usize::try_from(list.scroll_top()).unwrap_or(0) / ROW);
            if below <= 2 {
                if held.is_some() {
                    held.set(None);
                }
            } else if held.is_none() {
                held.set(Some(kept(&frames)));
            }
        })
    };
    let stop = {
        let (held, frames) = (held.clone(), frames.clone());
        Callback::from(move |_: MouseEvent| {
            held.set(if held.is_some() {
                None
            } else {
                Some(kept(&frames))
            });
        })
    };
    let hide = {
        let quiet = quiet.clone();
        Callback::from(move |_: Event| quiet.set(!*quiet))
    };
    let copy = {
        let (session, frames, held, quiet) =
            (session.clone(), frames.clone(), held.clone(), *quiet);
        Callback::from(move |_: MouseEvent| {
            let rows = (*held).clone().unwrap_or_else(|| kept(&frames));
            let wanted = rows.iter().filter(|f| !quiet || !passed::heartbeat(f));
            copy(&session, &passed::text(wanted));
        })
    };
    let save = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.save_log())
    };
    let [ondragover, ondragleave, ondrop] = {
        let session = session.clone();
        drop::handlers(&over, move |files, _| open(&session, files))
    };
    let first = if follows {
        shown.len().saturating_sub(DRAWN)
    } else {
        let most = shown.len().saturating_sub(DRAWN);
        top.saturating_sub(ABOVE).min(most)
    };
    let last = (first + DRAWN).min(shown.len());
    let gap = |rows: usize| format!("height:{}px", rows * ROW);
    html! {
        <section class={classes!("card", "fill", "frames", over.then_some("over"))} aria-labelledby="frames-title" {ondragover} {ondragleave} {ondrop}>
            <div class="head">
                <h2 id="frames-title">{ "Frames" }</h2>
                <label class="check"><input type="checkbox" id="board-quiet" checked={*quiet} onchange={hide} />{ "hide heartbeats" }</label>
                <span class="actions">
                    <button type="button" class="link stop" id="board-log-stop" onclick={stop} title="Hold the list still, or follow the newest frame">{ if follows { "Hold" } else { "Follow" } }</button>
                    <button type="button" class="link" id="board-log-copy" onclick={copy} disabled={shown.is_empty()} title="Copy the frames of the list, with their whole payloads">{ "Copy" }</button>
                    <button type="button" class="link" id="board-log-save" onclick={save} disabled={!any} title="Download the session's log, which can be opened again as a board">{ "Save" }</button>
                    <Opener session={session.clone()} />
                </span>
                <Provenance learn={Step::Board} kind={Kind::Counted} align="end" text="Counted: every frame of this session in the order it passed at the page's end; the newest 2,000 are listed, the log's file has more." />
            </div>
            <div class="log-frame"><div class="log" ref={list} {onscroll} tabindex="0" role="region" aria-label="Frames that passed, newest last">
                <table class="plain" id="board-frames" aria-rowcount={(shown.len() + 1).to_string()}>
                    <caption class="hidden">{ "Frames that passed" }</caption>
                    <thead><tr>
                        { column("Seconds") }<th scope="col" class="way"><span class="hidden">{ "From" }</span></th>
                        { for ["Command", "Status", "Seq.", "Bytes", "Payload"].map(column) }
                    </tr></thead>
                    <tbody>
                        <tr class="gap" aria-hidden="true" style={gap(first)}><td colspan="7"></td></tr>
                        { for shown[first..last].iter().map(|frame| row(frame)) }
                        <tr class="gap" aria-hidden="true" style={gap(shown.len() - last)}><td colspan="7"></td></tr>
                    </tbody>
                </table>
                if shown.is_empty() {
                    <p class="empty">{ if *any { "Only heartbeats so far." } else { "Every frame that passes is listed here. A saved log can be dropped here, or opened: its board answers as it was recorded." } }</p>
                }
            </div></div>
            { totals(statistics, passed::payload_share(live.iter())) }
        </section>
    }
}

fn row(frame: &Passed) -> Html {
    let (status, meaning) = passed::status(frame).unwrap_or_default();
    let (arrow, from) = if frame.sent {
        ("→", "host")
    } else {
        ("←", "board")
    };
    html! {
        <tr class={classes!(if frame.sent { "sent" } else { "came" }, frame.repeated.then_some("again"), passed::refused(frame).then_some("over"))}>
            { cell(&passed::time(frame)) }
            <td class="way" title={if frame.sent { "From the page to the board" } else { "From the board to the page" }}><span aria-hidden="true">{ arrow }</span><span class="hidden">{ from }</span></td>
            <td class="name">{ Command::name(frame.kind) }{ if frame.repeated { " again" } else { "" } }</td>
            <td title={meaning}>{ status }</td>
            { cell(&frame.sequence.to_string()) }
            { cell(&format::count(passed::length(frame) as u64)) }
            <td class="bytes">{ passed::first(frame) }</td>
        </tr>
    }
}

/// The list as it is now.
fn kept(frames: &Log) -> Rc<[Passed]> {
    frames.list().iter().cloned().collect()
}

fn totals(statistics: &Statistics, payload: Option<f64>) -> Html {
    let Statistics {
        sent,
        received,
        frames,
        repeated,
        answers,
        damaged,
        ..
    } = *statistics;
    let parts = [
        (
            format!("{} frames", format::count(frames)),
            "Counted: frames sent for the first time",
        ),
        (
            format!("{} answers", format::count(answers)),
            "Counted: answers received whole",
        ),
        (
            format!("{} repeated", format::count(repeated)),
            "Counted: frames sent again, because no answer came in time or one was missing",
        ),
        (
            format!("{} damaged", format::count(damaged)),
            "Counted: stretches between delimiters that were no frames",
        ),
        (
            format!("→ {}", format::bytes(sent)),
            "Counted: bytes to the board, with everything around the payload",
        ),
        (
            format!("← {}", format::bytes(received)),
            "Counted: bytes from the board, with everything around the payload",
        ),
        (
            payload.map_or("payload –".into(), |share| {
                format!("payload {:.1} %", share * 100.0)
            }),
            "Counted over the frames listed: bytes of payloads sent for the first time ÷ all bytes on the line",
        ),
    ];
    html! {
        <ul class="totals num" id="board-totals">{ for parts.into_iter().map(|(text, title)| html! { <li {title}>{ text }</li> }) }</ul>
    }
}

fn copy(session: &Session, text: &str) {
    let (session, text) = (session.clone(), text.to_string());
    spawn_local(async move {
        let clipboard = gloo::utils::window().navigator().clipboard();
        match JsFuture::from(clipboard.write_text(&text)).await {
            Ok(_) => session.tell(false, "The frames of the list were copied."),
            Err(_) => session.tell(
                true,
                "The browser keeps the clipboard closed: save the log as a file.",
            ),
        }
    });
}

fn open(session: &Session, files: Option<FileList>) {
    if let Some(file) = files.and_then(|files| files.get(0)) {
        let blob: Blob = file.unchecked_into();
        session.open_log(blob);
    }
}

/// Properties of [`Opener`].
#[derive(Properties, PartialEq)]
struct OpenerProps {
    session: Session,
}

/// A button that lets a log be chosen.
#[component]
fn Opener(props: &OpenerProps) -> Html {
    let picker = use_node_ref();
    let pick = {
        let picker = picker.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(input) = picker.cast::<HtmlInputElement>() {
                input.click();
            }
        })
    };
    let onchange = {
        let session = props.session.clone();
        Callback::from(move |event: Event| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                open(&session, input.files());
                input.set_value("");
            }
        })
    };
    html! {
        <>
            <button type="button" class="link" id="board-log-open" onclick={pick} title="Open a saved log: its board answers as it was recorded">{ "Open…" }</button>
            <input ref={picker} type="file" hidden={true} {onchange} tabindex="-1" aria-label="A saved log" />
        </>
    }
}
