//! Mouse, wheel and fingers on the rows and on the mini-map.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, PointerEvent, WheelEvent};

use super::desk::Desk;
use super::layout::Row;
use super::state::State;
use super::window::Window;
use crate::accel::timing::TRACKS;

/// Pixels that a press may wander and still be a click.
const CLICK: f64 = 4.0;

/// What is going on.
#[derive(Default)]
struct Hands {
    /// Fingers and buttons that are down: identity and place.
    down: Vec<(i32, f64)>,
    /// Where the first went down, and the cycle there.
    origin: Option<(f64, f64)>,
    /// Whether it moved further than a click, or a second finger came.
    moved: bool,
}

/// Listens on both canvases; ends when dropped.
pub fn listen(desk: &Rc<Desk>) -> Vec<EventListener> {
    let mut listeners = vec![];
    if let Some(rows) = desk.node.cast::<Element>() {
        let hands = Rc::new(RefCell::new(Hands::default()));
        for name in ["pointerdown", "pointermove", "pointerup", "pointercancel"] {
            let (desk, hands, element) = (desk.clone(), hands.clone(), rows.clone());
            listeners.push(EventListener::new(&rows, name, move |event| {
                let Some(event) = event.dyn_ref::<PointerEvent>() else {
                    return;
                };
                let hands = &mut hands.borrow_mut();
                match name {
                    "pointerdown" => press(&desk, hands, event, &element),
                    "pointermove" => drag(&desk, hands, event),
                    _ => release(&desk, hands, event, name == "pointerup"),
                }
            }));
        }
        let left = desk.clone();
        listeners.push(EventListener::new(&rows, "pointerleave", move |_| {
            left.act(|state| state.pointer = None);
        }));
        let twice = desk.clone();
        listeners.push(EventListener::new(&rows, "dblclick", move |_| {
            twice.go(|state| {
                let slice = state.slice().map(|slice| slice.start..slice.end);
                let range = slice.or(state.selection.clone());
                range.map_or(state.goal(), |range| Window::around(&range))
            });
        }));
        let turned = desk.clone();
        let options = EventListenerOptions::enable_prevent_default();
        let on_wheel = move |event: &Event| wheel(&turned, event);
        listeners.push(EventListener::new_with_options(
            &rows, "wheel", options, on_wheel,
        ));
    }
    if let Some(map) = desk.map_node.cast::<Element>() {
        // How far from the window's middle it is held, as a share of the whole.
        let held = Rc::new(RefCell::new(None::<f64>));
        for name in ["pointerdown", "pointermove", "pointerup", "pointercancel"] {
            let (desk, held, element) = (desk.clone(), held.clone(), map.clone());
            listeners.push(EventListener::new(&map, name, move |event| {
                if let Some(event) = event.dyn_ref::<PointerEvent>() {
                    move_window(&desk, &mut held.borrow_mut(), event, &element);
                }
            }));
        }
    }
    listeners
}

fn x(event: &PointerEvent) -> f64 {
    f64::from(event.offset_x())
}

fn touches(event: &PointerEvent) -> bool {
    event.pointer_type() == "touch"
}

fn press(desk: &Desk, hands: &mut Hands, event: &PointerEvent, element: &Element) {
    if event.button() != 0 {
        return;
    }
    let _ = element.set_pointer_capture(event.pointer_id());
    let at = x(event);
    hands.down.push((event.pointer_id(), at));
    hands.moved = hands.down.len() > 1;
    let share = desk.layout().share(at);
    let cycle = desk.with(|state| state.window.at(share));
    hands.origin = Some((at, cycle));
}

fn drag(desk: &Desk, hands: &mut Hands, event: &PointerEvent) {
    let (layout, at) = (desk.layout(), x(event));
    let touch = touches(event);
    let share = layout.share(at);
    let held = hands
        .down
        .iter()
        .position(|(id, _)| *id == event.pointer_id());
    let Some(held) = held else {
        // Over the rows without a button.
        let inside = at >= layout.left && !touch;
        desk.act(|state| state.pointer = inside.then(|| state.window.at(share)));
        return;
    };
    let Some((from, cycle)) = hands.origin else {
        return;
    };
    hands.moved |= (at - from).abs() > CLICK;
    let before = hands.down[held].1;
    hands.down[held].1 = at;
    if !hands.moved {
        return;
    }
    if let [(_, first), (_, second)] = hands.down[..] {
        // Both fingers keep their cycles.
        let other = if held == 0 { second } else { first };
        let (old, new) = (
            (before - other).abs().max(12.0),
            (at - other).abs().max(12.0),
        );
        let middle = layout.share(f64::midpoint(at, other));
        let shift = (before - at) / 2.0 / layout.width;
        desk.act(|state| {
            let to = state.window.zoomed(old / new, middle).panned(shift);
            state.go(to, 0.0, true);
        });
    } else if touch {
        let shift = (before - at) / layout.width;
        desk.act(|state| state.go(state.window.panned(shift), 0.0, true));
    } else {
        desk.act(|state| {
            let here = state.window.at(share);
            state.pointer = Some(here);
            let (low, high) = (cycle.min(here), cycle.max(here));
            state.select(low.floor() as u64..high.ceil() as u64);
        });
    }
}

fn release(desk: &Desk, hands: &mut Hands, event: &PointerEvent, up: bool) {
    let count = hands.down.len();
    hands.down.retain(|(id, _)| *id != event.pointer_id());
    if up && count == 1 && !hands.moved {
        click(desk, x(event), f64::from(event.offset_y()));
    }
}

/// A slice is selected, a step, sample or operation becomes the selected range.
fn click(desk: &Desk, x: f64, y: f64) {
    let layout = desk.layout();
    let share = layout.share(x);
    desk.act(|state| {
        let cycle = state.window.at(share) as u64;
        match layout.row_at(y) {
            Some(Row::Track(track)) if x >= layout.left => state.pick(TRACKS[track], cycle),
            Some(Row::Track(track)) => state.track = track,
            Some(Row::Spans(level)) if x >= layout.left => {
                let spans = state.timeline.spans(level, cycle..cycle + 1, 1);
                let range = spans.and_then(|spans| spans.first().map(|s| s.start..s.end));
                if let Some(range) = range {
                    state.select(range);
                }
            }
            _ => state.picked = None,
        }
    });
}

fn wheel(desk: &Desk, event: &Event) {
    let Some(event) = event.dyn_ref::<WheelEvent>() else {
        return;
    };
    // Lines and pages in pixels.
    let unit = match event.delta_mode() {
        1 => 16.0,
        2 => 400.0,
        _ => 1.0,
    };
    let (dx, dy) = (event.delta_x() * unit, event.delta_y() * unit);
    let layout = desk.layout();
    let share = layout.share(f64::from(event.offset_x()));
    // Turns of a wheel are animated, the many small ones of a touch pad are smooth by themselves.
    let animated = dx.abs().max(dy.abs()) >= 40.0;
    let to: Box<dyn FnOnce(&State) -> Window> = if event.ctrl_key() {
        let factor = (dy * 0.0045).clamp(-1.5, 1.5).exp();
        Box::new(move |state| state.goal().zoomed(factor, share))
    } else if event.shift_key() || dx.abs() > dy.abs() {
        let by = if dx.abs() > dy.abs() { dx } else { dy };
        let shift = by / layout.width;
        Box::new(move |state| state.goal().panned(shift))
    } else {
        return;
    };
    event.prevent_default();
    if animated {
        desk.go(to);
    } else {
        desk.act(|state| {
            let to = to(state);
            state.go(to, 0.0, true);
        });
    }
}

/// The mini-map's window is dragged; a press beside it brings it there.
fn move_window(desk: &Desk, held: &mut Option<f64>, event: &PointerEvent, map: &Element) {
    let at = x(event) / f64::from(map.client_width().max(1));
    match &*event.type_() {
        "pointerdown" if event.button() == 0 => {
            let _ = map.set_pointer_capture(event.pointer_id());
            let (middle, half) = desk.with(|state| {
                let all = (state.timeline.cycles() as f64).max(1.0);
                (state.window.at(0.5) / all, state.window.span / 2.0 / all)
            });
            let inside = (at - middle).abs() <= half;
            *held = Some(if inside { at - middle } else { 0.0 });
        }
        "pointermove" => {}
        _ => {
            *held = None;
            return;
        }
    }
    if let Some(offset) = *held {
        desk.act(|state| {
            let all = state.timeline.cycles() as f64;
            let span = state.window.span;
            let start = (at - offset) * all - span / 2.0;
            state.go(Window { start, span }, 0.0, true);
        });
    }
}
