//! The page put together.

use std::rc::Rc;

use gloo::events::EventListener;
use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::accel::{AccelStrip, AccelTab, Controls};
use super::board::{BoardRail, BoardTab};
use super::cars::Cars;
use super::chart::Chart;
use super::confusion::Confusion;
use super::figures::Figures;
use super::gather::Gather;
use super::header::Header;
use super::hooks;
use super::later::{Later, use_later};
use super::learn::{LearnRail, LearnTab, RailProps};
use super::link::Tab;
use super::memory::Memory;
use super::model::{Dialog, Model, Phase};
use super::pad::PadCard;
use super::rail::Rail;
use super::runs::Runs;
use super::samples::Samples;
use super::session::Session;
use super::stage::{self, Place};
use super::strip::Strip;
use super::theme::{NARROW, Theme, reduced_motion, use_media, use_theme};
use super::transport::Transport;

/// Start the page.
pub fn start() {
    console_error_panic_hook::set_once();
    let session = Session::new(reduced_motion() || hooks::testing());
    hooks::install(&session);
    yew::Renderer::<App>::with_props(AppProps {
        session: session.clone(),
    })
    .render();
    session.start();
}

#[derive(Properties, PartialEq)]
struct AppProps {
    session: Session,
}

#[component]
fn App(props: &AppProps) -> Html {
    let session = &props.session;
    let model = use_state(|| session.model());
    let (theme, choice, ontheme) = use_theme();
    let narrow = use_media(NARROW);
    let second = matches!(model.tab, Tab::Accelerator | Tab::Board | Tab::Learn);
    let (later, again) = use_later(second);
    let there = !second || later == Later::There;
    {
        let (session, told, set) = (session.clone(), session.clone(), model.setter());
        use_effect_with((), move |()| {
            session.listen(Rc::new(move |model| set.set(model)));
            let listener = EventListener::new(&gloo::utils::window(), "hashchange", move |_| {
                session.read_address();
            });
            let compare = EventListener::new(&gloo::utils::window(), "railyard-compare", {
                let session = told;
                move |_| session.take_compare()
            });
            move || drop((listener, compare))
        });
    }
    use_effect_with(model.hidden, |hidden| {
        // The style sheet knows what each name hides.
        let root = gloo::utils::document().document_element();
        let _ = root.map(|root| root.set_attribute("data-hide", &hidden.names(" ")));
    });
    let show_all = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.show_all())
    };
    let sheet = use_node_ref();
    let open = {
        let sheet = sheet.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(dialog) = sheet.cast::<HtmlDialogElement>() {
                let _ = dialog.show_modal();
            }
        })
    };
    let close = {
        let sheet = sheet.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(dialog) = sheet.cast::<HtmlDialogElement>() {
                dialog.close();
            }
        })
    };
    let rail = match model.tab {
        _ if !there => html! {},
        Tab::Train => html! { <Rail session={session.clone()} model={(*model).clone()} /> },
        Tab::Accelerator => {
            html! { <Controls session={session.clone()} accel={model.accel.clone()} /> }
        }
        Tab::Board => {
            html! { <BoardRail session={session.clone()} board={model.board.clone()} training={model.phase == Phase::Running} /> }
        }
        Tab::Compare => stage::at(Place::Rail),
        Tab::Learn => {
            html! { <LearnRail session={session.clone()} step={model.learn} read={RailProps::read()} /> }
        }
    };
    let name = match model.tab {
        Tab::Train => "Settings",
        Tab::Accelerator => "Machine",
        Tab::Board => "Board",
        Tab::Compare => "Methods",
        Tab::Learn => "Steps",
    };
    let own = model.tab != Tab::Compare;
    html! {
        <ContextProvider<Theme> context={theme}>
            <Header session={session.clone()} model={(*model).clone()} theme={choice} {ontheme} />
            <div class={classes!("grid", narrow.then_some("narrow"))}>
                if narrow {
                    <dialog class="settings" ref={sheet} aria-label={name}>
                        <div class="dialog-head"><h2>{ name }</h2><button type="button" class="quiet" onclick={close}>{ "Done" }</button></div>
                        { rail }
                    </dialog>
                } else {
                    <aside class="rail" key={name} aria-label={name}>{ rail }</aside>
                }
                <main id="results" tabindex="-1">
                    <div class={classes!("panel", model.tab.name())} key={model.tab.name()} id="panel" role="tabpanel" aria-labelledby={["tab-", model.tab.name()].concat()}>
                        if own {
                            <Strip session={session.clone()} model={(*model).clone()} />
                        }
                        if model.hidden.count() > 0 {
                            <p class="hides">{ format!("This lesson hides {} of the controls. ", model.hidden.count()) }
                                <button type="button" class="link" onclick={show_all}>{ "Show all" }</button></p>
                        }
                        { match model.tab {
                            _ if !there => coming(later, again),
                            Tab::Train => results(session, &model),
                            Tab::Accelerator => html! { <AccelTab session={session.clone()} model={(*model).clone()} report={session.accelerator()} /> },
                            Tab::Board => html! { <BoardTab session={session.clone()} model={(*model).clone()} /> },
                            Tab::Compare => stage::at(Place::Panel),
                            Tab::Learn => html! { <LearnTab session={session.clone()} model={(*model).clone()} /> },
                        } }
                    </div>
                </main>
                if own {
                    <Transport session={session.clone()} model={(*model).clone()} onsettings={narrow.then_some(open)} />
                } else {
                    { stage::at(Place::Foot) }
                }
            </div>
            { match model.dialog {
                Some(Dialog::Runs) => html! { <Runs session={session.clone()} model={(*model).clone()} /> },
                Some(Dialog::Gather) => html! { <Gather session={session.clone()} /> },
                None => html! {},
            } }
            <div class="hidden" role="status" aria-live="polite">{ &model.spoken }</div>
        </ContextProvider<Theme>>
    }
}

/// In place of a tab whose part of the program is not there.
fn coming(later: Later, again: Callback<MouseEvent>) -> Html {
    if later == Later::Failed {
        html! {
            <p class="coming" role="alert">{ "This tab was not fetched: the connection failed. " }
                <button type="button" class="link" onclick={again}>{ "Try again" }</button></p>
        }
    } else {
        html! { <p class="coming">{ "Fetching this tab…" }</p> }
    }
}

fn results(session: &Session, model: &Model) -> Html {
    let view = &model.view;
    html! {
        <>
            <Figures model={model.clone()} />
            <div class="pair">
                <Chart view={view.clone()} overlays={model.overlays.clone()} />
                <Memory view={view.clone()} />
            </div>
            <Cars view={view.clone()} />
            <AccelStrip session={session.clone()} report={session.accelerator()} />
            <div class="triple">
                <Samples session={session.clone()} view={view.clone()} />
                <Confusion view={view.clone()} />
                <PadCard session={session.clone()} model={model.clone()} />
            </div>
        </>
    }
}
