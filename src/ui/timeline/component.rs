//! The timeline as a component.

use std::rc::Rc;

use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;

use super::desk::Desk;
use super::exports::exports;
use super::keys::{Command, command};
use super::search::{Hit, locate, search};
use super::window::Window;
use super::{panels, picture, pointer, table};
use crate::accel::Timeline;
use crate::program::Program;
use crate::ui::canvas::Canvas;
use crate::ui::frames::now;
use crate::ui::{format, hooks};

/// Operations listed by a search.
const HITS: usize = 12;

/// Properties of [`TimelineView`].
#[derive(Properties)]
pub struct Props {
    /// What is shown. Another one keeps the window at its place.
    pub timeline: Rc<Timeline>,
    /// Names the tensors that operations read and write.
    #[prop_or_default]
    pub program: Option<Rc<Program>>,
    /// The card's title.
    #[prop_or(AttrValue::Static("Timeline"))]
    pub title: AttrValue,
    /// Height of the rows in CSS pixels.
    #[prop_or(452)]
    pub height: u32,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        let program = match (&self.program, &other.program) {
            (Some(one), Some(two)) => Rc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        };
        program
            && Rc::ptr_eq(&self.timeline, &other.timeline)
            && self.title == other.title
            && self.height == other.height
    }
}

/// The timeline.
#[component]
pub fn TimelineView(props: &Props) -> Html {
    let desk = {
        let timeline = props.timeline.clone();
        use_memo((), |()| Desk::new(timeline))
    };
    let desk: Rc<Desk> = (*desk).clone();
    desk.take(&props.timeline);
    let paints = {
        let desk = desk.clone();
        use_memo((), move |()| (picture::rows(&desk), picture::map(&desk)))
    };
    // Counts the times that things came to rest.
    let rested = use_state(|| 0_u32);
    let helping = use_state_eq(|| false);
    let said = use_state_eq(String::new);
    let sought = use_state_eq(String::new);
    let field = use_node_ref();
    {
        let (desk, set) = (desk.clone(), rested.setter());
        let empty = props.timeline.cycles() == 0;
        use_effect_with(empty, move |_| {
            let times = std::cell::Cell::new(0_u32);
            desk.on_rest(Some(Callback::from(move |()| {
                times.set(times.get().wrapping_add(1));
                set.set(times.get());
            })));
            let listeners = pointer::listen(&desk);
            let shown = desk.clone();
            hooks::show_timeline(Some(Rc::new(move || shown.json())));
            move || {
                drop(listeners);
                desk.on_rest(None);
                hooks::show_timeline(None);
            }
        });
    }
    if props.timeline.cycles() == 0 {
        return html! {
            <section class="card timeline" aria-labelledby="timeline-title">
                <div class="head"><h2 id="timeline-title">{ &props.title }</h2></div>
                <p class="empty">{ "No cycles yet: the timeline begins with the first step." }</p>
            </section>
        };
    }
    let follow = {
        let (desk, helping, field) = (desk.clone(), helping.clone(), field.clone());
        Callback::from(move |command: Command| match command {
            Command::Help => helping.set(!*helping),
            Command::Search => {
                if let Some(field) = field.cast::<HtmlElement>() {
                    let _ = field.focus();
                }
            }
            _ => {
                if command == Command::Clear {
                    helping.set(false);
                }
                let still = desk.still();
                desk.act(|state| state.follow(command, now(), still));
            }
        })
    };
    let onkeydown = {
        let follow = follow.clone();
        Callback::from(move |event: KeyboardEvent| {
            // In a field letters are letters; on a button Enter presses it.
            let target = event.target_dyn_into::<HtmlElement>();
            let tag = target.map(|target| target.tag_name()).unwrap_or_default();
            if tag == "INPUT" || tag == "SUMMARY" || tag == "BUTTON" && event.key() == "Enter" {
                return;
            }
            let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
            if let Some(command) = command(&event.code(), &event.key(), modified) {
                event.prevent_default();
                follow.emit(command);
            }
        })
    };
    let details = desk.details(props.program.as_deref());
    let (seen, sums, readout, focused) = desk.with(|state| {
        let readout = panels::readout(state);
        (
            table::seen(state),
            panels::sums(state),
            readout,
            state.focused().name(),
        )
    });
    let button = |name: &'static str, title: &'static str, command: Command| {
        let onclick = follow.reform(move |_: MouseEvent| command);
        html! { <button type="button" class="quiet" {title} aria-label={title} {onclick}>{ name }</button> }
    };
    let close = {
        let helping = helping.clone();
        Callback::from(move |_: MouseEvent| helping.set(false))
    };
    let range = desk.with(|state| table::clipped(state, state.goal().range()));
    let label = format!(
        "{}: {} of {} cycles. Focused track {focused}. W and S zoom, A and D pan, arrows choose the track, question mark lists all keys.",
        props.title,
        format::count(range.end - range.start),
        format::count(props.timeline.cycles()),
    );
    html! {
        <section class="card timeline" aria-labelledby="timeline-title" {onkeydown}>
            <div class="head">
                <h2 id="timeline-title">{ &props.title }</h2>
                <Search desk={Shared(desk.clone())} {field} {sought} />
                <span class="tools">
                    { button("+", "Zoom in (W)", Command::ZoomIn) }
                    { button("−", "Zoom out (S)", Command::ZoomOut) }
                    { button("Fit", "Fit the selection (F)", Command::Fit) }
                    { button("Whole", "The whole timeline (0)", Command::Whole) }
                    { button("?", "Keys (?)", Command::Help) }
                </span>
            </div>
            <Canvas
                class="timeline-map"
                paint={paints.1.clone()}
                node={desk.map_node.clone()}
                redraw={desk.map.clone()}
                label="The whole timeline with the part that is shown; drag to move it."
                described_by="timeline-range"
            />
            <div class="rows" style={format!("height:{}px", props.height)}>
                <Canvas
                    class="timeline-rows"
                    paint={paints.0.clone()}
                    node={desk.node.clone()}
                    redraw={desk.rows.clone()}
                    role="application"
                    {label}
                    described_by="timeline-range timeline-table"
                    focusable={true}
                />
                if *helping {
                    { panels::help(&close) }
                }
            </div>
            <div class="under">
                { panels::legend() }
                <span class="num" id="timeline-range">{ readout }</span>
                <span class="saves">
                    { for exports().into_iter().map(|export| {
                        let (desk, title, save) = (desk.clone(), props.title.clone(), export.save);
                        let said = said.setter();
                        let say = Callback::from(move |text| said.set(text));
                        let onclick = Callback::from(move |_: MouseEvent| save(&desk, &title, &say));
                        html! { <button type="button" class="link" title={export.title} {onclick}>{ export.name }</button> }
                    }) }
                </span>
            </div>
            <p class="said" id="timeline-said" role="status">{ &*said }</p>
            <div class="inspect">
                { panels::slice(details.as_ref()) }
                { sums }
            </div>
            { panels::table(&seen) }
            <div class="hidden" role="status" aria-live="polite">{ details.map(|details| details.spoken) }</div>
        </section>
    }
}

/// The desk as a property, compared by identity.
#[derive(Clone)]
struct Shared(Rc<Desk>);

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(Properties, PartialEq)]
struct SearchProps {
    desk: Shared,
    field: NodeRef,
    sought: UseStateHandle<String>,
}

/// The search field with what it finds.
#[component]
fn Search(props: &SearchProps) -> Html {
    let desk = &props.desk.0;
    let sought = &props.sought;
    let hits = desk.with(|state| search(state, sought, HITS));
    let jump = {
        let (desk, sought) = (desk.clone(), sought.clone());
        Callback::from(move |hit: Hit| {
            let Some(range) = desk.with(|state| locate(state, &hit)) else {
                return;
            };
            desk.act(|state| {
                state.select(range.clone());
                if let Some(place) = state.timeline.place(range.start) {
                    let first = place.op.tracks().next();
                    state.track = first.map_or(state.track, |(track, _)| track.index());
                }
            });
            desk.go(|_| Window::around(&range));
            sought.set(String::new());
            if let Some(rows) = desk.node.cast::<HtmlElement>() {
                let _ = rows.focus();
            }
        })
    };
    let oninput = {
        let sought = sought.clone();
        Callback::from(move |event: InputEvent| {
            sought.set(event.target_unchecked_into::<HtmlInputElement>().value());
        })
    };
    let onkeydown = {
        let (desk, sought, jump) = (desk.clone(), sought.clone(), jump.clone());
        let first = hits.first().cloned();
        Callback::from(move |event: KeyboardEvent| match &*event.key() {
            "Enter" => {
                if let Some(hit) = first.clone() {
                    jump.emit(hit);
                }
            }
            "Escape" => {
                sought.set(String::new());
                if let Some(rows) = desk.node.cast::<HtmlElement>() {
                    let _ = rows.focus();
                }
            }
            _ => {}
        })
    };
    let empty = !sought.trim().is_empty() && hits.is_empty();
    html! {
        <span class="find">
            <input
                ref={props.field.clone()}
                type="search"
                id="timeline-search"
                placeholder="Search operations  /"
                aria-label="Search operations"
                autocomplete="off"
                value={(**sought).clone()}
                {oninput} {onkeydown}
            />
            if !hits.is_empty() || empty {
                <ul class="hits" aria-label="Operations found">
                    { for hits.into_iter().map(|hit| {
                        let text = format!("{} · {} cycles", hit.element, format::count(hit.cycles));
                        let name = hit.name.clone();
                        let onclick = jump.reform(move |_: MouseEvent| hit.clone());
                        html! { <li><button type="button" {onclick}><span class="num">{ name }</span><span class="soft num">{ text }</span></button></li> }
                    }) }
                    if empty {
                        <li class="soft">{ "No operation of this step has that in its name." }</li>
                    }
                </ul>
            }
        </span>
    }
}
