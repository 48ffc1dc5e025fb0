//! The tab put together: model, worker, data and what is drawn of them.

use std::cell::Cell;
use std::rc::Rc;

use gloo::events::EventListener;
use js_sys::{Array, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::Element;
use yew::prelude::*;

use super::exploration::{Exploration, Shared};
use super::model::{Happening, Model, STORED, Source, State};
use super::{curves, drawings, methods, scatter, setup, table, transport};
use crate::compare::message::{Event, PROTOCOL, Request};
use crate::compare::{Comparison, Task};
use crate::json;
use crate::ui::client::{Client, Protocol, Report, Sense};
use crate::ui::datasets;
use crate::ui::fetch::{bytes, fetch};
use crate::ui::link;
use crate::ui::theme::{NARROW, media_matches};

/// Start the tab in the elements that the page lends it.
pub fn start() {
    console_error_panic_hook::set_once();
    let lent = Reflect::get(&gloo::utils::window(), &"railyardStage".into());
    let lent: Vec<Element> = lent
        .ok()
        .and_then(|lent| lent.dyn_into::<Array>().ok())
        .map(|lent| lent.iter().filter_map(|one| one.dyn_into().ok()).collect())
        .unwrap_or_default();
    let Ok([rail, panel, foot]) = <[Element; 3]>::try_from(lent) else {
        return;
    };
    // Yew numbers the roots of its events from 1 in every program, and the page's has that number; so the
    // first of this program is one that nobody sees.
    if let Ok(nowhere) = gloo::utils::document().create_element("div") {
        yew::Renderer::<Nothing>::with_root(nowhere).render();
    }
    yew::Renderer::<App>::with_root_and_props(panel, Places { rail, foot }).render();
}

#[component]
fn Nothing() -> Html {
    html! {}
}

/// What is said to the worker of the tab, and by it.
struct Comparing;

impl Protocol for Comparing {
    type Request = Request;
    type Event = Event;

    fn sense(event: Event) -> Sense<Event> {
        match event {
            Event::Ready { protocol: PROTOCOL } => Sense::Ready(event),
            Event::Panic { message } => Sense::LastWords(message),
            event => Sense::News(event),
        }
    }
}

/// Elements beside the tab's own.
#[derive(Clone, Properties, PartialEq)]
struct Places {
    rail: Element,
    foot: Element,
}

struct App {
    model: Rc<Model>,
    client: Option<Client<Comparing>>,
    /// The images that are being fetched.
    fetching: Rc<Cell<Option<Source>>>,
    /// What of the link is the tab's.
    part: String,
    _linked: EventListener,
    /// Drawings have other proportions where the window is narrow.
    _resized: EventListener,
}

impl App {
    /// The worker, started if there is none; nothing where none starts, which is then said.
    fn worker(&mut self, ctx: &Context<Self>) -> Option<&Client<Comparing>> {
        if self.client.is_none() {
            let link = ctx.link().clone();
            let client = Client::start(Rc::new(move |report| {
                link.send_message(match report {
                    Report::Event(event, _) => Happening::Heard(*event),
                    Report::Died(said) => Happening::Died(said),
                });
            }));
            match client {
                Ok(client) => self.client = Some(client),
                Err(message) => ctx.link().send_message(Happening::Died(message)),
            }
        }
        self.client.as_ref()
    }

    fn ask(&mut self, ctx: &Context<Self>, requests: Vec<Request>) {
        if requests.is_empty() {
            return;
        }
        if let Some(worker) = self.worker(ctx) {
            for request in requests {
                worker.send(request, vec![]);
            }
        }
    }

    /// Stands as the address says, where that is news.
    fn read_link(&mut self, ctx: &Context<Self>) {
        let hash = gloo::utils::window().location().hash().unwrap_or_default();
        let part = link::part(&hash).compare;
        if part == self.part {
            return;
        }
        self.part = part.into();
        match setup::read(part) {
            Ok(happenings) => {
                for happening in happenings {
                    let requests = Rc::make_mut(&mut self.model).update(happening);
                    self.ask(ctx, requests);
                }
            }
            Err(error) => {
                ctx.link().send_message(Happening::Wrong(error.to_string()));
            }
        }
    }

    /// Tells the page what of its address is the tab's.
    fn write_link(&mut self) {
        let part = setup::write(&self.model);
        if part == self.part {
            return;
        }
        let window = gloo::utils::window();
        let _ = Reflect::set(&window, &"railyardCompare".into(), &part.as_str().into());
        if let Ok(event) = web_sys::Event::new("railyard-compare") {
            let _ = window.dispatch_event(&event);
        }
        self.part = part;
    }

    /// Fetches the images and hands them to the worker.
    fn fetch(&mut self, ctx: &Context<Self>) {
        let source = self.model.source;
        let Some(address) = datasets::address(source.name()) else {
            return;
        };
        if self.fetching.get() == Some(source) {
            return;
        }
        self.fetching.set(Some(source));
        let (link, fetching) = (ctx.link().clone(), self.fetching.clone());
        let heard = link.clone();
        link.send_message(Happening::Received(source, 0, None));
        spawn_local(async move {
            let progress = move |received, total| {
                heard.send_message(Happening::Received(source, received, total));
            };
            let found = match fetch(&address, None, progress).await {
                Ok(blob) => bytes(&blob).await,
                Err(error) => Err(error),
            };
            if fetching.get() == Some(source) {
                fetching.set(None);
            }
            match found {
                Ok(file) => link.send_message(Incoming::File(source, file)),
                Err(error) => {
                    let text = datasets::not_fetched(source.name(), &error);
                    link.send_message(Happening::NoData(source, text));
                }
            }
        });
    }
}

/// What reaches the component: happenings, and files, which go to the worker unread.
enum Incoming {
    Happening(Happening),
    File(Source, js_sys::Uint8Array),
    Resized,
    /// The page's address may be another.
    Linked,
}

impl From<Happening> for Incoming {
    fn from(happening: Happening) -> Self {
        Self::Happening(happening)
    }
}

impl Component for App {
    type Message = Incoming;
    type Properties = Places;

    fn create(ctx: &Context<Self>) -> Self {
        for name in STORED {
            let link = ctx.link().clone();
            spawn_local(async move {
                if let Some(comparison) = stored(name).await {
                    link.send_message(Happening::Stored(comparison));
                }
            });
        }
        let link = ctx.link().clone();
        link.send_message(Incoming::Linked);
        Self {
            part: String::new(),
            _linked: EventListener::new(&gloo::utils::window(), "hashchange", move |_| {
                link.send_message(Incoming::Linked);
            }),
            model: Rc::default(),
            client: None,
            fetching: Rc::default(),
            _resized: {
                let link = ctx.link().clone();
                EventListener::new(&gloo::utils::window(), "resize", move |_| {
                    link.send_message(Incoming::Resized);
                })
            },
        }
    }

    fn update(&mut self, ctx: &Context<Self>, message: Incoming) -> bool {
        match message {
            Incoming::Resized => return true,
            Incoming::Linked => self.read_link(ctx),
            Incoming::File(source, file) => {
                // Other images may have been chosen meanwhile.
                if source == self.model.source
                    && let Some(worker) = self.worker(ctx)
                {
                    let name = source.name().into();
                    worker.send(Request::Load { name }, vec![file]);
                    return false;
                }
            }
            Incoming::Happening(happening) => {
                if let Happening::Died(_) = happening {
                    self.client = None;
                }
                let said = matches!(happening, Happening::Heard(_) | Happening::Received(..));
                let requests = Rc::make_mut(&mut self.model).update(happening);
                self.ask(ctx, requests);
                if !said {
                    self.write_link();
                }
            }
        }
        if self.model.wants_data() {
            self.fetch(ctx);
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let model = &self.model;
        let on = ctx.link().callback(Incoming::Happening);
        let narrow = media_matches(NARROW);
        let Places { rail, foot } = ctx.props();
        html! {
            <>
                { create_portal(methods::rail(model, &on), rail.clone()) }
                { create_portal(transport::transport(model, narrow, &on), foot.clone()) }
                { strip(model, &on) }
                <div class="even">
                    { scatter::card(model, narrow, &on) }
                    { curves::card(model, narrow) }
                </div>
                { table::card(model, &on) }
                if model.task == Task::Rows {
                    <Exploration model={Shared(model.clone())} on={on.clone()} />
                }
                { drawings::cards(model, narrow) }
            </>
        }
    }
}

/// One line over the results.
fn strip(model: &Model, on: &Callback<Happening>) -> Html {
    let state = |state: &State| matches!(state, State::Training(..) | State::Waiting);
    let training = model
        .lines
        .iter()
        .flat_map(|line| &line.live)
        .any(|run| state(&run.state));
    let (class, word) = if training {
        ("running", "Training")
    } else {
        ("example", "Comparison")
    };
    html! {
        <section class="strip" aria-label="State of the comparison">
            <span class={classes!("state", class)}>{ word }</span>
            if let Some((fault, text)) = &model.notice {
                <span class={classes!("says", "notice", fault.then_some("fault"))} title={text.clone()}>
                    <span>{ text }</span>
                    <button type="button" class="link" aria-label="Dismiss this message" onclick={on.reform(|_: MouseEvent| Happening::Dismiss)}>{ "×" }</button>
                </span>
            } else {
                <span class="says">{ "Why a tensor train, and not pruning, circulant blocks or powers of two? Train them all on the same images." }</span>
            }
        </section>
    }
}

/// A stored comparison, if it is there and can be read.
async fn stored(name: &str) -> Option<Comparison> {
    let address = format!("assets/compare/{name}.json");
    let blob = fetch(&address, None, |_, _| {}).await.ok()?;
    let file = bytes(&blob).await.ok()?;
    match json::read(&file.to_vec()) {
        Ok(comparison) => Some(comparison),
        Err(error) => {
            // The tab goes on without it; whoever serves the page should know.
            web_sys::console::warn_1(&format!("{address}: {error}").into());
            None
        }
    }
}
