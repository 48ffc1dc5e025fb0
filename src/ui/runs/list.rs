//! The kept runs in a dialog.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, HtmlInputElement};
use yew::prelude::*;

use super::kept::{Kept, MOST_LETTERS, title};
use super::shelf::{self, Keeping, Lying, Storage};
use crate::ui::dialog::Modal;
use crate::ui::format;
use crate::ui::model::{Model, Origin, Overlay};
use crate::ui::parts;
use crate::ui::session::Session;

/// Most runs beside the present one.
const MOST_OVERLAYS: usize = 6;

/// Properties of [`Runs`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
}

/// What the list knows.
#[derive(Clone, Default)]
struct State {
    list: Vec<Kept>,
    storage: Option<Storage>,
}

/// What was done, and what can be taken back.
#[derive(Clone, Default)]
struct Said {
    fault: bool,
    text: String,
    gone: Vec<Lying>,
}

/// Everything an action needs.
#[derive(Clone)]
struct Desk {
    session: Session,
    state: UseStateSetter<State>,
    said: UseStateSetter<Said>,
}

impl Desk {
    fn say(&self, text: String) {
        self.said.set(Said {
            text,
            ..Said::default()
        });
    }

    fn complain(&self, text: String) {
        self.said.set(Said {
            fault: true,
            text,
            gone: vec![],
        });
    }

    /// Reads the list anew; overlays of runs that are gone go with them, and take new names.
    async fn refresh(&self) {
        let list = shelf::list().await;
        let shown = self.session.model().overlays;
        let still: Vec<Overlay> = shown
            .iter()
            .filter_map(|overlay| list.iter().find(|kept| kept.key == overlay.key))
            .map(Kept::overlay)
            .collect();
        if still[..] != shown[..] {
            self.session.change(|m| m.overlays = still.into());
        }
        let storage = shelf::storage().await;
        self.state.set(State { list, storage });
    }

    /// Does something and says how it went.
    fn act(&self, doing: impl Future<Output = Result<String, String>> + 'static) {
        let desk = self.clone();
        spawn_local(async move {
            match doing.await {
                Ok(text) => desk.say(text),
                Err(text) => desk.complain(text),
            }
            desk.refresh().await;
        });
    }

    fn remove(&self, list: Vec<Kept>) {
        let desk = self.clone();
        spawn_local(async move {
            let gone = shelf::remove(&list).await;
            let text = match &list[..] {
                [one] => format!("“{}” is deleted.", one.name),
                _ => format!("{} runs are deleted.", list.len()),
            };
            desk.said.set(Said {
                fault: false,
                text,
                gone,
            });
            desk.refresh().await;
        });
    }
}

/// The dialog. It is there while it is open.
#[component]
pub fn Runs(props: &Props) -> Html {
    let Props { session, model } = props;
    let state = use_state(State::default);
    let said = use_state(Said::default);
    let desk = Desk {
        session: session.clone(),
        state: state.setter(),
        said: said.setter(),
    };
    {
        let desk = desk.clone();
        use_effect_with((), move |()| {
            spawn_local(async move { desk.refresh().await });
        });
    }
    html! {
        <Modal session={session.clone()} class="modal runs" title="Runs kept in this browser">
            <Keep desk={desk.clone()} title={title(&model.view.config)} live={model.view.origin == Origin::Live} />
            <p class={classes!("said", said.fault.then_some("fault"))} role="status">
                { &said.text }
                if !said.gone.is_empty() {
                    { undo(&desk, &said.gone) }
                }
            </p>
            if state.list.is_empty() {
                <p class="soft">{ "Nothing is kept yet. Keep a run to compare others with it, to come back to it, or to carry it elsewhere as one file; it stays in this browser and is sent nowhere." }</p>
            } else {
                { parts::scroll("kept", "Kept runs", table(&desk, model, &state.list)) }
            }
            { storage(&desk, &state) }
        </Modal>
    }
}

fn undo(desk: &Desk, gone: &[Lying]) -> Html {
    let onclick = {
        let (desk, gone) = (desk.clone(), gone.to_vec());
        Callback::from(move |_: MouseEvent| {
            let gone = gone.clone();
            desk.act(async move {
                for lying in &gone {
                    shelf::put(lying).await?;
                }
                Ok("Back again.".into())
            });
        })
    };
    html! { <>{ " " }<button type="button" class="link" {onclick}>{ "Undo" }</button></> }
}

#[derive(Properties)]
struct KeepProps {
    desk: Desk,
    title: String,
    live: bool,
}

impl PartialEq for KeepProps {
    fn eq(&self, other: &Self) -> bool {
        self.title == other.title && self.live == other.live
    }
}

/// Keeps the run on display, or takes a file in.
#[component]
fn Keep(props: &KeepProps) -> Html {
    let KeepProps { desk, title, live } = props;
    let (name, file) = (use_node_ref(), use_node_ref());
    let onsubmit = {
        let (desk, name) = (desk.clone(), name.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let Some(input) = name.cast::<HtmlInputElement>() else {
                return;
            };
            let (session, text) = (desk.session.clone(), input.value());
            input.set_value("");
            desk.act(async move {
                match shelf::keep(&session, &text).await? {
                    Keeping::Kept(kept) => Ok(format!(
                        "“{}” is kept, as it stands at step {}.",
                        kept.name,
                        format::count(kept.step)
                    )),
                    Keeping::Already(kept) => {
                        Err(format!("This run is kept already: “{}”.", kept.name))
                    }
                }
            });
        })
    };
    let choose = {
        let file = file.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(input) = file.cast::<HtmlInputElement>() {
                input.click();
            }
        })
    };
    let onchange = {
        let desk = desk.clone();
        Callback::from(move |event: Event| {
            let Some(input) = event.target_dyn_into::<HtmlInputElement>() else {
                return;
            };
            let Some(file) = input.files().and_then(|files| files.get(0)) else {
                return;
            };
            let name = file.name();
            let blob: Blob = file.unchecked_into();
            input.set_value("");
            desk.act(async move {
                let kept = shelf::import(&blob, &name).await?;
                Ok(format!("“{}” is taken in.", kept.name))
            });
        })
    };
    html! {
        <form class="keep" {onsubmit}>
            <label for="run-name">{ "Name" }</label>
            <input id="run-name" ref={name} type="text" autocomplete="off" maxlength={MOST_LETTERS.to_string()} placeholder={title.clone()} />
            <button type="submit" id="keep-run" class="go" disabled={!live}>{ "Keep this run" }</button>
            <button type="button" id="import-run" onclick={choose}>{ "Import…" }</button>
            <input ref={file} type="file" hidden={true} accept=".safetensors" {onchange} tabindex="-1" aria-label="A run's file" />
        </form>
    }
}

fn table(desk: &Desk, model: &Model, list: &[Kept]) -> Html {
    let columns = parts::columns(&[
        "Beside", "Name", "Test", "Memory", "Step", "Kept", "Size", "",
    ]);
    let rows = list.iter().map(|kept| row(desk, model, kept)).collect();
    parts::table(None, None, "Runs kept in this browser", columns, rows)
}

fn row(desk: &Desk, model: &Model, kept: &Kept) -> Html {
    let at = model.overlays.iter().position(|o| o.key == kept.key);
    let onbeside = {
        let (desk, kept) = (desk.clone(), kept.clone());
        Callback::from(move |_: Event| beside(&desk, &kept))
    };
    let onname = {
        let (desk, kept) = (desk.clone(), kept.clone());
        Callback::from(move |event: Event| {
            let Some(input) = event.target_dyn_into::<HtmlInputElement>() else {
                return;
            };
            let (kept, text) = (kept.clone(), input.value());
            desk.act(async move {
                let kept = shelf::rename(&kept, &text).await?;
                Ok(format!("It is called “{}” now.", kept.name))
            });
        })
    };
    let onopen = {
        let (desk, kept) = (desk.clone(), kept.clone());
        Callback::from(move |_: MouseEvent| {
            let (session, kept) = (desk.session.clone(), kept.clone());
            desk.act(async move { shelf::open(&session, &kept).await });
        })
    };
    let onexport = {
        let (desk, kept) = (desk.clone(), kept.clone());
        Callback::from(move |_: MouseEvent| {
            let kept = kept.clone();
            desk.act(async move {
                shelf::export(&kept).await?;
                let own = kept.own.is_some();
                let data = if own {
                    " Your own data are not in the file; keep them beside it."
                } else {
                    ""
                };
                Ok(format!("“{}” is exported.{data}", kept.name))
            });
        })
    };
    let ondelete = {
        let (desk, kept) = (desk.clone(), kept.clone());
        Callback::from(move |_: MouseEvent| desk.remove(vec![kept.clone()]))
    };
    let button = |name: &'static str, onclick: Callback<MouseEvent>| {
        html! { <button type="button" class="link" {onclick} aria-label={format!("{name} {}", kept.name)}>{ name }</button> }
    };
    html! {
        <tr key={kept.key.clone()}>
            <td class="beside"><label><input type="checkbox" checked={at.is_some()} onchange={onbeside} aria-label={format!("Show {} in the chart", kept.name)} />
                { at.map(|k| html! { <b class={format!("overlay-{}", k % MOST_OVERLAYS)}>{ Overlay::letter(k) }</b> }) }</label></td>
            <th scope="row"><input type="text" value={kept.name.clone()} maxlength={MOST_LETTERS.to_string()} onchange={onname} aria-label={format!("Name of {}", kept.name)} title={title(&kept.config)} /></th>
            <td>{ kept.accuracy() }</td>
            <td>{ kept.memory() }</td>
            <td>{ format::count(kept.step) }</td>
            <td>{ date(kept.when) }</td>
            <td title={data(kept)}>{ format::bytes(kept.bytes as u64) }{ (kept.own == Some(false)).then_some("*") }</td>
            <td class="acts">{ button("Open", onopen) }{ button("Export", onexport) }{ button("Delete", ondelete) }</td>
        </tr>
    }
}

/// What is kept of a run's data.
fn data(kept: &Kept) -> &'static str {
    match kept.own {
        None => "Curves and checkpoint; the data come with the page",
        Some(true) => "Curves, checkpoint and your own data",
        Some(false) => {
            "Curves and checkpoint; your own data are not with them, so choose them again to train on"
        }
    }
}

fn date(when: f64) -> String {
    let date = js_sys::Date::new(&when.into());
    let two = |number: u32| format!("{number:02}");
    format!(
        "{}-{}-{} {}:{}",
        date.get_full_year(),
        two(date.get_month() + 1),
        two(date.get_date()),
        two(date.get_hours()),
        two(date.get_minutes())
    )
}

/// Shows a run in the chart, or no longer.
fn beside(desk: &Desk, kept: &Kept) {
    let mut shown = desk.session.model().overlays.to_vec();
    let before = shown.len();
    shown.retain(|overlay| overlay.key != kept.key);
    if shown.len() == before {
        if before == MOST_OVERLAYS {
            desk.complain(format!(
                "The chart shows at most {MOST_OVERLAYS} kept runs; take another out first."
            ));
            desk.session.redraw();
            return;
        }
        if kept.epochs.is_empty() {
            desk.complain(format!(
                "“{}” has no epoch to show: its file carried no curves, or it was kept before its first epoch ended.",
                kept.name
            ));
            desk.session.redraw();
            return;
        }
        shown.push(kept.overlay());
    }
    desk.session.change(|m| m.overlays = shown.into());
}

fn storage(desk: &Desk, state: &State) -> Html {
    let bytes: f64 = state.list.iter().map(|kept| kept.bytes).sum();
    let count = state.list.len();
    let runs = match count {
        0 => "No run is kept.".into(),
        1 => format!("The run takes {}.", format::bytes(bytes as u64)),
        _ => format!("{count} runs take {}.", format::bytes(bytes as u64)),
    };
    let browser = state.storage.map(|storage| {
        format!(
            " With the page and its data the browser holds {} of the {} it may.",
            format::bytes(storage.used as u64),
            format::bytes(storage.most as u64)
        )
    });
    let lasting = state.storage.is_some_and(|storage| storage.lasting);
    let onpersist = {
        let desk = desk.clone();
        Callback::from(move |_: MouseEvent| {
            desk.act(async {
                if shelf::persist().await {
                    Ok("The browser keeps them until you delete them.".into())
                } else {
                    Err("The browser did not promise it: it may clear what is kept when the disk is nearly full. Export what matters.".into())
                }
            });
        })
    };
    let onall = {
        let (desk, list) = (desk.clone(), state.list.clone());
        Callback::from(move |_: MouseEvent| desk.remove(list.clone()))
    };
    html! {
        <p class="storage soft">{ runs }{ browser }{ " " }
            if lasting {
                { "It keeps them until you delete them. " }
            } else if count > 0 && state.storage.is_some() {
                <button type="button" class="link" id="persist-runs" onclick={onpersist} title="Asks the browser not to clear them by itself when the disk is nearly full">{ "Keep for good" }</button>{ " " }
            }
            if count > 0 {
                <button type="button" class="link" id="delete-runs" onclick={onall}>{ "Delete all" }</button>
            }
        </p>
    }
}
