//! Train or Pause, Step, Stop, Reset; progress and counters. Nothing here ever moves.

use yew::prelude::*;

use super::format;
use super::model::{Model, Origin, Phase};
use super::session::Session;

/// Properties of [`Transport`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
    /// Opens the settings, where they are in a sheet.
    #[prop_or_default]
    pub onsettings: Option<Callback<MouseEvent>>,
}

/// The transport.
#[component]
pub fn Transport(props: &Props) -> Html {
    let Props {
        session,
        model,
        onsettings,
    } = props;
    let call = |act: fn(&Session)| {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| act(&session))
    };
    let running = model.phase == Phase::Running;
    let preparing = model.phase == Phase::Preparing;
    let (name, act): (&str, fn(&Session)) = match model.phase {
        Phase::Running => ("Pause", Session::pause),
        Phase::Preparing => ("Cancel", Session::cancel),
        _ => ("Train", Session::train),
    };
    let live = model.view.origin == Origin::Live;
    let can_stop = live && matches!(model.phase, Phase::Running | Phase::Paused);
    html! {
        <section class="transport" aria-label="Transport">
            { progress(model) }
            <div class="buttons">
                <button type="button" id="train" class={classes!("go", running.then_some("running"))} onclick={call(act)}>{ name }</button>
                <button type="button" id="step" onclick={call(Session::step)} disabled={running || preparing}>{ "Step" }</button>
                <button type="button" id="stop" onclick={call(Session::stop)} disabled={!can_stop}>{ "Stop" }</button>
                <button type="button" id="reset" onclick={call(Session::reset)} disabled={preparing}>{ "Reset" }</button>
                if let Some(onclick) = onsettings {
                    <button type="button" id="settings" {onclick}>{ "Settings" }</button>
                }
            </div>
            { counters(model) }
        </section>
    }
}

#[allow(clippy::cast_precision_loss, reason = "a bar's width")]
fn progress(model: &Model) -> Html {
    let view = &model.view;
    let total = view.total_steps();
    let share = if total == 0 {
        0.0
    } else {
        view.position.step as f64 / total as f64
    };
    html! {
        <div class={classes!("progress", (view.origin == Origin::Example).then_some("recorded"))} aria-hidden="true">
            <i style={format!("width:{:.2}%", share.clamp(0.0, 1.0) * 100.0)}></i>
        </div>
    }
}

fn counters(model: &Model) -> Html {
    let view = &model.view;
    let left = match model.phase {
        Phase::Running if model.evaluating.is_some() => "testing".into(),
        Phase::Running | Phase::Paused => {
            model.seconds_left().map_or("–:–– left".into(), |s| {
                format!("{} left", format::clock(s))
            })
        }
        Phase::Finished => "finished".into(),
        Phase::Stopped => "stopped".into(),
        Phase::Example => "recorded".into(),
        _ => "–:–– left".into(),
    };
    html! {
        <div class="counters num">
            <span>{ format!("epoch {} / {}", view.position.epoch, view.config.epochs) }</span>
            <span>{ format!("step {}", format::count(view.position.step)) }</span>
            <span>{ left }</span>
        </div>
    }
}
