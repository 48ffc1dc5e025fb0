//! The dialog in which a set is made.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::timers::callback::Interval;
use js_sys::{Array, Uint8Array};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, HtmlInputElement};
use yew::prelude::*;

use super::camera::Camera;
use super::set::{MOST_CLASSES, MOST_LETTERS, SIDE, Set};
use crate::ui::canvas::{Canvas, Paint};
use crate::ui::datasets::{Files, OWN};
use crate::ui::dialog::{self, Modal};
use crate::ui::format;
use crate::ui::pad::{Handlers, Sheet};
use crate::ui::session::Session;
use crate::worker::message::Source;

/// Milliseconds between two looks through the camera.
const LOOK_MILLISECONDS: u32 = 80;

thread_local! {
    /// What was gathered, so that the dialog can be closed and opened again.
    static GATHERED: RefCell<Set> = RefCell::new(Set::default());
}

/// Properties of [`Gather`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
}

/// How the camera stands.
#[derive(Default)]
enum Looking {
    #[default]
    Off,
    /// On, with the clock by which it is looked through; the clock holds the camera.
    On(#[expect(dead_code, reason = "held until it is put off")] Interval),
    /// The dialog is gone: a camera that is only now allowed goes off at once.
    Gone,
}

/// What the handlers share.
#[derive(Clone)]
struct Desk {
    session: Session,
    sheet: Rc<RefCell<Sheet>>,
    looking: Rc<RefCell<Looking>>,
    /// Counts changes, so that what changed is drawn.
    changes: UseStateSetter<u32>,
    count: Rc<RefCell<u32>>,
    said: UseStateSetter<String>,
}

impl Desk {
    fn changed(&self) {
        *self.count.borrow_mut() += 1;
        self.changes.set(*self.count.borrow());
    }

    fn change(&self, change: impl FnOnce(&mut Set)) {
        GATHERED.with_borrow_mut(change);
        self.changed();
    }

    /// Adds what is on the sheet to a class.
    fn add(&self, k: usize) {
        let cells = self.sheet.borrow().cells().to_vec();
        let added = GATHERED.with_borrow_mut(|set| {
            let name = set.name(k);
            set.add(k, &cells)
                .map(|()| format!("“{name}” has {}.", pictures(set.classes[k].pictures.len())))
        });
        match added {
            Ok(text) => {
                self.said.set(text);
                if !self.looks() {
                    self.sheet.borrow_mut().clear();
                }
            }
            Err(text) => self.said.set(text),
        }
        self.changed();
    }

    /// Whether the camera is on.
    fn looks(&self) -> bool {
        matches!(*self.looking.borrow(), Looking::On(_))
    }

    /// Puts the camera on, or off.
    fn camera(&self) {
        if self.looks() {
            self.looking.take();
            self.sheet.borrow_mut().clear();
            self.said.set("The camera is off.".into());
            self.changed();
            return;
        }
        let desk = self.clone();
        spawn_local(async move {
            match Camera::on().await {
                Ok(_) if matches!(*desk.looking.borrow(), Looking::Gone) => return,
                Ok(camera) => {
                    let looker = desk.clone();
                    let interval = Interval::new(LOOK_MILLISECONDS, move || {
                        if let Some(seen) = camera.look() {
                            looker.sheet.borrow_mut().lay(&seen);
                            looker.changed();
                        }
                    });
                    desk.looking.replace(Looking::On(interval));
                    desk.said
                        .set("The camera is on; what it sees stays on this machine.".into());
                }
                Err(text) => desk.said.set(text),
            }
            desk.changed();
        });
    }

    /// Hands the set over as the visitor's own data.
    fn hand_over(&self) -> Option<()> {
        let (classes, pixels, labels) = GATHERED.with_borrow(Set::data);
        let said = format!(
            "{} in {} classes, made here.",
            pictures(labels.len()),
            classes.len()
        );
        let blob = |bytes: &[u8]| {
            Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(bytes))).ok()
        };
        let files = Files {
            name: OWN.into(),
            source: Source::Pictures {
                classes,
                height: SIDE as u32,
                width: SIDE as u32,
                said,
            },
            blobs: vec![blob(&pixels)?, blob(&labels)?],
            classes: vec![],
        };
        self.session.load_made(files);
        Some(())
    }
}

fn pictures(count: usize) -> String {
    match count {
        1 => "1 picture".into(),
        _ => format!("{} pictures", format::count(count as u64)),
    }
}

/// The dialog. It is there while it is open.
#[component]
pub fn Gather(props: &Props) -> Html {
    let session = &props.session;
    let changes = use_state_eq(|| 0_u32);
    let said = use_state(String::new);
    let sheet = use_memo((), |()| Rc::new(RefCell::new(Sheet::new((SIDE, SIDE)))));
    let looking = use_memo((), |()| Rc::new(RefCell::new(Looking::default())));
    let count = use_memo((), |()| Rc::new(RefCell::new(0)));
    let desk = Desk {
        session: session.clone(),
        sheet: (*sheet).clone(),
        looking: (*looking).clone(),
        changes: changes.setter(),
        count: (*count).clone(),
        said: said.setter(),
    };
    {
        let looking = (*looking).clone();
        // The camera goes off with the dialog.
        use_effect_with((), move |()| move || drop(looking.replace(Looking::Gone)));
    }
    let hand_over = {
        let desk = desk.clone();
        Callback::from(move |_: MouseEvent| {
            if desk.hand_over().is_some() {
                dialog::close();
            }
        })
    };
    let call = |act: fn(&Desk)| {
        let desk = desk.clone();
        Callback::from(move |_: MouseEvent| act(&desk))
    };
    let lacks = GATHERED.with_borrow(Set::lacks);
    let classes = GATHERED.with_borrow(|set| set.classes.len());
    let on = desk.looks();
    html! {
        <Modal session={session.clone()} class="modal gather" title="Make a set of your own">
            <p class="soft">{ "Draw a picture or look at something through the camera, then add it to its class. A dozen of each class is a beginning; the last seventh is for testing. Nothing leaves this machine." }</p>
            <div class="gather-desk">
                <div class="gather-pad">
                    { pad(&desk, *changes, on) }
                    <div class="row">
                        <button type="button" class="quiet" onclick={call(|desk| { desk.sheet.borrow_mut().clear(); desk.changed(); })} disabled={on}>{ "Clear" }</button>
                        <button type="button" class="quiet" id="camera" aria-pressed={if on { "true" } else { "false" }} onclick={call(Desk::camera)}>{ "Camera" }</button>
                    </div>
                </div>
                <div class="gather-classes">
                    { for (0..classes).map(|k| class(&desk, k, classes)) }
                    <button type="button" class="quiet" id="add-class" onclick={call(|desk| desk.change(Set::grow))} disabled={classes == MOST_CLASSES}>{ "Add a class" }</button>
                </div>
            </div>
            <p class="said" role="status">{ &*said }</p>
            <p class="row">
                <button type="button" class="go" id="use-set" onclick={hand_over} disabled={lacks.is_some()}>{ "Use this set" }</button>
                <span class="soft">{ lacks }</span>
            </p>
        </Modal>
    }
}

fn pad(desk: &Desk, changes: u32, on: bool) -> Html {
    let paint = {
        let sheet = desk.sheet.clone();
        // Made anew with every change, so that it is drawn.
        let _ = changes;
        Paint::new(move |surface| sheet.borrow().paint(surface))
    };
    let Handlers {
        draw,
        lift,
        onkeydown,
        onblur,
    } = {
        let desk = desk.clone();
        Handlers::of(desk.sheet.clone(), move |_| desk.changed())
    };
    let onkeydown = {
        let desk = desk.clone();
        Callback::from(
            move |event: KeyboardEvent| match event.key().parse::<usize>() {
                Ok(k) if (1..=9).contains(&k) => desk.add(k - 1),
                _ => onkeydown.emit(event),
            },
        )
    };
    // What the camera shows is not drawn on.
    let draw = if on { Callback::noop() } else { draw };
    html! {
        <Canvas class="sheet-canvas" {paint} role="application" focusable={true}
            label="Picture to be added. Arrow keys move, space draws, a digit adds it to the class of that number; how many pictures each class has stands beside."
            onpointerdown={draw.clone()} onpointermove={draw} onpointerup={lift.clone()} onpointerleave={lift}
            {onkeydown} {onblur} />
    }
}

fn class(desk: &Desk, k: usize, classes: usize) -> Html {
    let (name, typed, there) = GATHERED.with_borrow(|set| {
        let class = &set.classes[k];
        (set.name(k), class.name.clone(), class.pictures.len())
    });
    let oninput = {
        let desk = desk.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                desk.change(|set| set.rename(k, &input.value()));
            }
        })
    };
    let call = |act: fn(&Desk, usize)| {
        let desk = desk.clone();
        Callback::from(move |_: MouseEvent| act(&desk, k))
    };
    html! {
        <div class="gather-class" key={k} role="group" aria-label={name.clone()}>
            <input type="text" value={typed} {oninput} placeholder={format!("class {}", k + 1)} maxlength={MOST_LETTERS.to_string()} aria-label={format!("Name of class {}", k + 1)} />
            <span class="num">{ pictures(there) }</span>
            <button type="button" class="quiet" onclick={call(Desk::add)} aria-label={format!("Add the picture to {name}")}>{ "Add" }</button>
            <button type="button" class="link" disabled={there == 0} aria-label={format!("Undo: take the last picture of {name} back")}
                onclick={call(|desk, k| { let back = GATHERED.with_borrow_mut(|set| set.take_back(k)); if let Some(back) = back { desk.sheet.borrow_mut().lay(&back); } desk.changed(); })}>{ "Undo" }</button>
            <button type="button" class="link" disabled={classes <= 2} aria-label={format!("Remove {name} with its pictures")}
                onclick={call(|desk, k| desk.change(|set| drop(set.remove(k))))}>{ "Remove" }</button>
        </div>
    }
}
