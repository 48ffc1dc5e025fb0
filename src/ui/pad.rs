//! A pad to draw on, and the network's answer. The pointer draws; on the keyboard, arrows move a
//! cursor and the space bar draws; a test image can be laid on it instead.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlCanvasElement};
use yew::prelude::*;

use super::canvas::{Canvas, Paint, Surface, rgb};
use super::format;
use super::model::Model;
use super::session::Session;
use crate::worker::message::Answer;

/// Reach of the brush in cells.
const REACH: f64 = 1.35;

/// Properties of [`PadCard`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
}

/// What is drawn, shared between the paint and the handlers.
pub struct Sheet {
    columns: usize,
    rows: usize,
    cells: Vec<u8>,
    cursor: Option<(usize, usize)>,
    last: Option<(f64, f64)>,
}

impl Sheet {
    /// A blank sheet.
    pub fn new((rows, columns): (usize, usize)) -> Self {
        Self {
            columns,
            rows,
            cells: vec![0; rows * columns],
            cursor: None,
            last: None,
        }
    }

    /// Its cells, row by row.
    pub fn cells(&self) -> &[u8] {
        &self.cells
    }

    /// Wipes it.
    pub fn clear(&mut self) {
        self.cells.fill(0);
    }

    /// Lays a picture of its size on it.
    pub fn lay(&mut self, picture: &[u8]) {
        if picture.len() == self.cells.len() {
            self.cells.copy_from_slice(picture);
        }
    }

    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| *cell == 0)
    }

    /// A soft dab around a point in cells.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "cells of a small picture"
    )]
    fn dab(&mut self, x: f64, y: f64) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                let distance = (column as f64 + 0.5 - x).hypot(row as f64 + 0.5 - y);
                let ink = ((REACH + 0.5 - distance) * 255.0).clamp(0.0, 255.0) as u8;
                let cell = &mut self.cells[row * self.columns + column];
                *cell = (*cell).max(ink);
            }
        }
    }

    /// A stroke from the last point to this one.
    fn stroke(&mut self, to: (f64, f64)) {
        let from = self.last.unwrap_or(to);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut at = 0.0;
        while at <= length {
            let share = if length > 0.0 { at / length } else { 1.0 };
            self.dab(
                from.0 + (to.0 - from.0) * share,
                from.1 + (to.1 - from.1) * share,
            );
            at += 0.5;
        }
        self.dab(to.0, to.1);
        self.last = Some(to);
    }

    /// Draws it.
    #[allow(clippy::cast_precision_loss, reason = "cells of a small picture")]
    pub fn paint(&self, surface: &Surface) -> bool {
        let (w, h) = (
            surface.width / self.columns as f64,
            surface.height / self.rows as f64,
        );
        let ink = rgb(&surface.palette.ink);
        let ground = rgb(&surface.palette.panel);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let value = f64::from(self.cells[row * self.columns + column]) / 255.0;
                if value > 0.0 {
                    let [red, green, blue] =
                        [0, 1, 2].map(|c| ground[c] + (ink[c] - ground[c]) * value);
                    surface
                        .ctx
                        .set_fill_style_str(&format!("rgb({red:.0} {green:.0} {blue:.0})"));
                    surface
                        .ctx
                        .fill_rect(column as f64 * w, row as f64 * h, w + 0.5, h + 0.5);
                }
            }
        }
        if let Some((column, row)) = self.cursor {
            surface.ctx.set_stroke_style_str(&surface.palette.amber);
            surface.ctx.set_line_width(2.0);
            surface.ctx.stroke_rect(
                column as f64 * w - 1.0,
                row as f64 * h - 1.0,
                w + 2.0,
                h + 2.0,
            );
        }
        false
    }
}

/// What pointer and keyboard do to a sheet.
pub struct Handlers {
    /// The pointer moves.
    pub draw: Callback<PointerEvent>,
    /// It is lifted.
    pub lift: Callback<PointerEvent>,
    /// A key is pressed.
    pub onkeydown: Callback<KeyboardEvent>,
    /// The keyboard goes elsewhere.
    pub onblur: Callback<FocusEvent>,
}

impl Handlers {
    /// Those of a sheet; `changed` is told whether something was drawn, or only the cursor moved.
    pub fn of(sheet: Rc<RefCell<Sheet>>, changed: impl Fn(bool) + Clone + 'static) -> Self {
        let draw = {
            let (sheet, changed) = (sheet.clone(), changed.clone());
            Callback::from(move |event: PointerEvent| {
                let at = position(&event, &sheet.borrow());
                if event.buttons() & 1 == 1
                    && let Some(at) = at
                {
                    event.prevent_default();
                    if event.type_() == "pointerdown"
                        && let Some(target) =
                            event.target().and_then(|t| t.dyn_into::<Element>().ok())
                    {
                        let _ = target.set_pointer_capture(event.pointer_id());
                    }
                    sheet.borrow_mut().stroke(at);
                    changed(true);
                }
            })
        };
        let lift = {
            let sheet = sheet.clone();
            Callback::from(move |_: PointerEvent| sheet.borrow_mut().last = None)
        };
        let onkeydown = {
            let (sheet, changed) = (sheet.clone(), changed.clone());
            Callback::from(move |event: KeyboardEvent| {
                let pressed = press(&mut sheet.borrow_mut(), &event.key());
                if let Some(drawn) = pressed {
                    event.prevent_default();
                    changed(drawn);
                }
            })
        };
        let onblur = Callback::from(move |_: FocusEvent| {
            sheet.borrow_mut().cursor = None;
            changed(false);
        });
        Self {
            draw,
            lift,
            onkeydown,
            onblur,
        }
    }
}

/// The pad and the answer.
#[component]
pub fn PadCard(props: &Props) -> Html {
    let Props { session, model } = props;
    let size = model.view.size;
    let sheet = use_memo(size, |size| Rc::new(RefCell::new(Sheet::new(*size))));
    let strokes = use_state_eq(|| 0_u32);
    let asked = use_mut_ref(|| 0_u32);
    {
        let (sheet, strokes) = (sheet.clone(), strokes.clone());
        let pad = model.pad.clone();
        use_effect_with(model.pad.laid, move |_| {
            if let Some(image) = pad.image {
                sheet.borrow_mut().lay(&image.pixels);
                strokes.set(*strokes + 1);
            }
        });
    }
    let paint = use_memo((size, *strokes), |_| {
        let sheet = sheet.clone();
        Paint::new(move |surface| sheet.borrow().paint(surface))
    });
    let changed = {
        let (session, sheet, strokes) = (session.clone(), sheet.clone(), strokes.clone());
        move || {
            let cells = (!sheet.borrow().is_blank()).then(|| sheet.borrow().cells.clone());
            session.draw(cells);
            strokes.set(*strokes + 1);
        }
    };
    let Handlers {
        draw,
        lift,
        onkeydown,
        onblur,
    } = {
        let (changed, strokes) = (changed.clone(), strokes.clone());
        Handlers::of((*sheet).clone(), move |drawn| {
            if drawn {
                changed();
            } else {
                strokes.set(*strokes + 1);
            }
        })
    };
    let clear = {
        let (sheet, changed) = (sheet.clone(), changed.clone());
        Callback::from(move |_: MouseEvent| {
            sheet.borrow_mut().clear();
            changed();
        })
    };
    let next = {
        let (session, samples) = (session.clone(), model.view.samples.clone());
        Callback::from(move |_: MouseEvent| {
            let k = *asked.borrow() as usize;
            *asked.borrow_mut() += 1;
            if let Some(image) = samples.get(k % samples.len().max(1)) {
                session.lay(image.clone());
            }
        })
    };
    html! {
        <section class="card fill" aria-labelledby="pad-title">
            <div class="head">
                <h2 id="pad-title">{ "Try it" }</h2>
                <span class="actions">
                    <button type="button" class="link" onclick={next} disabled={model.view.samples.is_empty()}>{ "Test image" }</button>
                    <button type="button" class="link" onclick={clear}>{ "Clear" }</button>
                </span>
            </div>
            <p class="says" id="pad-says" aria-live="polite">{ says(model, sheet.borrow().is_blank()) }</p>
            <div class="pad">
                <Canvas class="sheet-canvas" paint={(*paint).clone()} role="application" focusable={true}
                    label="Drawing pad. Arrow keys move, space draws; or choose a test image beside."
                    described_by="pad-says"
                    onpointerdown={draw.clone()} onpointermove={draw} onpointerup={lift.clone()} onpointerleave={lift}
                    {onkeydown} {onblur} />
                { answer(model) }
            </div>
        </section>
    }
}

#[allow(clippy::cast_precision_loss, reason = "cells of a small picture")]
fn position(event: &PointerEvent, sheet: &Sheet) -> Option<(f64, f64)> {
    let canvas = event.target()?.dyn_into::<HtmlCanvasElement>().ok()?;
    let (w, h) = (
        f64::from(canvas.client_width()),
        f64::from(canvas.client_height()),
    );
    let (x, y) = (f64::from(event.offset_x()), f64::from(event.offset_y()));
    (w > 0.0 && h > 0.0).then(|| (x / w * sheet.columns as f64, y / h * sheet.rows as f64))
}

/// Act on a key: whether it drew; none where the key means nothing here.
#[allow(clippy::cast_precision_loss, reason = "cells of a small picture")]
fn press(sheet: &mut Sheet, key: &str) -> Option<bool> {
    let (column, row) = sheet.cursor.unwrap_or((sheet.columns / 2, sheet.rows / 2));
    sheet.cursor = Some(match key {
        "ArrowLeft" => (column.saturating_sub(1), row),
        "ArrowRight" => ((column + 1).min(sheet.columns - 1), row),
        "ArrowUp" => (column, row.saturating_sub(1)),
        "ArrowDown" => (column, (row + 1).min(sheet.rows - 1)),
        " " | "Enter" => {
            sheet.cursor = Some((column, row));
            sheet.dab(column as f64 + 0.5, row as f64 + 0.5);
            return Some(true);
        }
        _ => return None,
    });
    Some(false)
}

fn says(model: &Model, blank: bool) -> String {
    let (pad, view) = (&model.pad, &model.view);
    let best = Answer::of(&pad.probabilities);
    let said = || {
        format!(
            "{}, {} %",
            view.class(best.class),
            format::percent(best.probability)
        )
    };
    match &pad.image {
        Some(image) if !pad.network && !pad.probabilities.is_empty() => {
            format!("{}: recorded answer {}", view.class(image.label), said())
        }
        _ if !pad.network => "Train first: drawings are answered by your network.".into(),
        _ if blank => "Draw, or lay a test image here.".into(),
        _ if pad.probabilities.is_empty() => "…".into(),
        Some(image) => format!("{}: answered {}", view.class(image.label), said()),
        None => said(),
    }
}

fn answer(model: &Model) -> Html {
    let (view, probabilities) = (&model.view, &model.pad.probabilities);
    let best = Answer::of(probabilities);
    let classes = view.classes.len().max(probabilities.len()).min(10);
    html! {
        <ul class="answer">
            { for (0_u8..).take(classes).map(|class| {
                let share = probabilities.get(usize::from(class)).copied();
                let top = share.is_some() && class == best.class;
                html! {
                    <li key={class} class={top.then_some("top")}>
                        <span class="name">{ view.class(class) }</span>
                        <span class="track" aria-hidden="true"><i style={format!("width:{:.1}%", share.unwrap_or(0.0) * 100.0)}></i></span>
                        <span class="num">{ share.map(|s| format!("{:.0}", s * 100.0)) }</span>
                    </li>
                }
            }) }
        </ul>
    }
}
