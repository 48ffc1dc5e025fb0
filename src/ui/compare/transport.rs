//! Train, Stop, Clear; how far all of it is, and what there is to say.

use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::model::{Data, Happening, Live, Model};

/// The transport, where the page has its own in other tabs.
pub fn transport(model: &Model, narrow: bool, on: &Callback<Happening>) -> Html {
    let call = |happening: Happening| on.reform(move |_: MouseEvent| happening.clone());
    let busy = model.busy();
    let runs = || model.lines.iter().flat_map(|line| &line.live);
    let (under_way, over) = (
        runs().filter(|run| run.under_way()).count(),
        runs().filter(|run| !run.under_way()).count(),
    );
    let share = model.progress().unwrap_or(0.0);
    let all = model
        .visible()
        .all(|(line, _)| model.live(line).is_some_and(Live::under_way));
    let says = match (&model.data, busy) {
        (Data::Fetching(..), true) => "fetching the images".into(),
        (_, true) => format!("{under_way} training, {:.0} %", share * 100.0),
        (_, false) if over > 0 => format!("{over} trained here"),
        _ => "stored runs".into(),
    };
    html! {
        <section class="transport" aria-label="Transport">
            <div class="progress" aria-hidden="true"><i style={format!("width:{:.2}%", share * 100.0)}></i></div>
            <div class="buttons">
                <button type="button" id="compare-train" class={classes!("go", busy.then_some("running"))} onclick={call(Happening::TrainAll)} disabled={all}>{ "Train all" }</button>
                <button type="button" id="compare-stop" onclick={call(Happening::StopAll)} disabled={!busy}>{ "Stop" }</button>
                <button type="button" id="compare-clear" onclick={call(Happening::Clear)} disabled={over + under_way == 0}>{ "Clear" }</button>
                if narrow {
                    <button type="button" id="compare-settings" onclick={Callback::from(|_: MouseEvent| open_sheet())}>{ "Settings" }</button>
                }
            </div>
            <div class="counters num"><span>{ says }</span></div>
        </section>
    }
}

/// The sheet is the page's; the rail stands in it where the window is narrow.
fn open_sheet() {
    let sheet = gloo::utils::document().query_selector("dialog.settings");
    if let Some(sheet) = sheet
        .ok()
        .flatten()
        .and_then(|sheet| sheet.dyn_into::<HtmlDialogElement>().ok())
    {
        let _ = sheet.show_modal();
    }
}
