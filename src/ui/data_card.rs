//! The data: a known set or the visitor's own files, with its progress and what went wrong.

use wasm_bindgen::JsCast;
use web_sys::{Blob, FileList, HtmlInputElement};
use yew::prelude::*;

use super::datasets::{KNOWN, OWN};
use super::drop;
use super::fields::Choice;
use super::format;
use super::later;
use super::model::{DataState, Dialog, Model};
use super::session::Session;

/// Properties of [`DataCard`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
}

/// The card. Files may be dropped anywhere on it.
#[component]
pub fn DataCard(props: &Props) -> Html {
    let Props { session, model } = props;
    let over = use_state_eq(|| false);
    let picker = use_node_ref();
    let name = &model.draft.config.data;
    let mut options: Vec<AttrValue> = KNOWN.iter().map(|(_, shown)| (*shown).into()).collect();
    let mut chosen = KNOWN.iter().position(|(known, _)| known == name);
    if chosen.is_none() {
        chosen = Some(options.len());
        options.push("Your own files".into());
    }
    let onchoose = {
        let session = session.clone();
        Callback::from(move |k: usize| {
            let name = KNOWN.get(k).map_or(OWN, |(name, _)| name);
            session.edit(|draft| draft.config.data = name.into());
        })
    };
    let [ondragover, ondragleave, ondrop] = {
        let session = session.clone();
        drop::handlers(&over, move |files, folders| {
            if folders.length() > 0 {
                session.load_dropped(folders);
            } else {
                take(&session, files);
            }
        })
    };
    let onchange = {
        let session = session.clone();
        Callback::from(move |event: Event| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                take(&session, input.files());
                input.set_value("");
            }
        })
    };
    let pick = {
        let picker = picker.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(input) = picker.cast::<HtmlInputElement>() {
                input.click();
            }
        })
    };
    let folder = use_node_ref();
    let onfolder = {
        let session = session.clone();
        Callback::from(move |event: Event| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                take_folder(&session, input.files());
                input.set_value("");
            }
        })
    };
    let pick_folder = {
        let folder = folder.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(input) = folder.cast::<HtmlInputElement>() {
                input.click();
            }
        })
    };
    let make = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.open_dialog(Dialog::Gather))
    };
    html! {
        <section class={classes!("card", "data", over.then_some("over"))} aria-labelledby="data-title" {ondragover} {ondragleave} {ondrop}>
            <h2 id="data-title">{ "Data" }</h2>
            <div class="data-row">
                <Choice field="data" label="Data set" class="bare" {options} {chosen} {onchoose} />
                <button type="button" class="quiet" onclick={pick} title="A CSV table with a label and numbers in each row; or IDX files, plain or gzipped: images and labels, two or four. They stay on this machine: nothing leaves the page, as the network panel of your browser shows.">{ "Files…" }</button>
                <input ref={picker} type="file" multiple={true} hidden={true} accept=".csv,.tsv,.txt,.gz,.idx,.idx1-ubyte,.idx3-ubyte,*/*" {onchange} tabindex="-1" aria-label="Own data files" />
                <button type="button" class="quiet" onclick={pick_folder} title="A folder of pictures with a sub-folder for each class. They stay on this machine.">{ "Folder…" }</button>
                <input ref={folder} type="file" webkitdirectory={true} hidden={true} onchange={onfolder} tabindex="-1" aria-label="Folder of pictures" />
            </div>
            <div class="data-state">{ state(session, model) }</div>
            <button type="button" class="link" id="make-set" onclick={make} onpointerenter={Callback::from(|_: PointerEvent| later::expect())}>{ "Draw or photograph a set…" }</button>
        </section>
    }
}

fn take(session: &Session, files: Option<FileList>) {
    let Some(files) = files else { return };
    let files: Vec<(String, Blob)> = (0..files.length())
        .filter_map(|k| files.get(k))
        .map(|file| (file.name(), file.unchecked_into()))
        .collect();
    if !files.is_empty() {
        session.load_own(files);
    }
}

fn take_folder(session: &Session, files: Option<FileList>) {
    let Some(files) = files else { return };
    let files: Vec<(String, Blob)> = (0..files.length())
        .filter_map(|k| files.get(k))
        .map(|file| {
            let path = js_sys::Reflect::get(&file, &"webkitRelativePath".into());
            let path = path.ok().and_then(|path| path.as_string());
            (path.unwrap_or_default(), file.unchecked_into())
        })
        .collect();
    if !files.is_empty() {
        session.load_pictures(files);
    }
}

#[allow(clippy::cast_precision_loss, reason = "a bar's width")]
fn state(session: &Session, model: &Model) -> Html {
    match &model.data {
        DataState::Fetching {
            received, total, ..
        } => {
            let cancel = {
                let session = session.clone();
                Callback::from(move |_: MouseEvent| session.cancel())
            };
            let amount = total.map_or(format::bytes(*received), |total| {
                format!("{} of {}", format::bytes(*received), format::bytes(total))
            });
            html! {
                <div class="fetch">
                    <progress max="1" value={total.map(|total| (*received as f64 / total.max(1) as f64).to_string())} aria-label="Fetching the data set"></progress>
                    <span class="num">{ amount }</span>
                    <button type="button" class="link" onclick={cancel}>{ "Cancel" }</button>
                </div>
            }
        }
        DataState::Decoding { done, total } => {
            let cancel = {
                let session = session.clone();
                Callback::from(move |_: MouseEvent| session.stop_decoding())
            };
            html! {
                <div class="fetch">
                    <progress max={total.to_string()} value={done.to_string()} aria-label="Decoding the pictures"></progress>
                    <span class="num">{ format!("{} of {}", format::count(*done as u64), format::count(*total as u64)) }</span>
                    <button type="button" class="link" onclick={cancel}>{ "Cancel" }</button>
                </div>
            }
        }
        DataState::Reading { .. } => html! { <p class="soft">{ "Reading…" }</p> },
        DataState::Failed { message, .. } => {
            html! { <p class="fault" role="alert">{ message }</p> }
        }
        DataState::Loaded(data) if data.name == model.draft.config.data => html! {
            <>
                <p class="soft num">{ format!("{} + {} images, {} classes", format::count(data.train as u64), format::count(data.test as u64), data.classes.len()) }</p>
                if data.name == OWN {
                    { names(session, &data.classes) }
                }
            </>
        },
        _ => html! { <p class="soft">{ about(&model.draft.config.data) }</p> },
    }
}

/// The names of the classes, to be changed.
fn names(session: &Session, classes: &[String]) -> Html {
    let onchange = {
        let (session, count) = (session.clone(), classes.len());
        Callback::from(move |event: Event| {
            let Some(input) = event.target_dyn_into::<HtmlInputElement>() else {
                return;
            };
            let text = input.value();
            let names: Vec<String> = text.split(',').map(|name| name.trim().into()).collect();
            if names.len() == count && names.iter().all(|name| !name.is_empty()) {
                session.name_classes(names);
            } else {
                let found = names.len();
                session.tell(
                    true,
                    &format!("{found} names for {count} classes: write {count} names with commas between, none of them empty."),
                );
            }
        })
    };
    html! {
        <label class="names"><span>{ "classes" }</span><input type="text" id="class-names" value={classes.join(", ")} {onchange} title="What the classes are called, in the order of their labels" /></label>
    }
}

fn about(name: &str) -> &'static str {
    match name {
        "fashion-mnist-subset" => "6,000 + 1,000 images, with the page",
        "fashion-mnist" | "mnist" => "60,000 + 10,000 images, fetched on Train",
        _ => "Choose a folder, or drop a CSV table or IDX files",
    }
}
