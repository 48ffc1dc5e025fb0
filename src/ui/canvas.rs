//! A canvas that draws in animation frames, sharp at any device pixel ratio, and only on change.
//!
//! A component hands over a [`Paint`]; a new one (by identity), a new theme or a new size asks for
//! one frame. A paint that returns `true` is still moving and gets the next frame too.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ResizeObserver};
use yew::prelude::*;

use super::theme::Theme;

/// The colours of the present theme, from the style sheet.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// Ground of a panel.
    pub panel: String,
    /// Text and outlines.
    pub ink: String,
    /// Secondary text.
    pub soft: String,
    /// Hairlines.
    pub line: String,
    /// Alive, computing, training.
    pub amber: String,
    /// Data in motion, test.
    pub teal: String,
    /// The outer product.
    pub green: String,
    /// Text on a bar of one of these.
    pub on: String,
    /// Thresholds and faults.
    pub rose: String,
    /// Dead, idle.
    pub dead: String,
    /// Font for numbers, with size.
    pub number_font: String,
}

impl Palette {
    /// Reads them where an element stands.
    pub fn read(element: &HtmlCanvasElement) -> Self {
        let style = gloo::utils::window()
            .get_computed_style(element)
            .ok()
            .flatten();
        let get = |name: &str| {
            style
                .as_ref()
                .and_then(|s| s.get_property_value(name).ok())
                .map(|v| v.trim().to_string())
                .unwrap_or_default()
        };
        Self {
            panel: get("--panel"),
            ink: get("--ink"),
            soft: get("--soft"),
            line: get("--line"),
            amber: get("--amber"),
            teal: get("--teal"),
            green: get("--green"),
            on: get("--on-amber"),
            rose: get("--rose"),
            dead: get("--dead"),
            number_font: format!("11px {}", get("--num")),
        }
    }
}

/// A colour's red, green and blue, of `#rrggbb` or `#rgb`.
pub fn rgb(colour: &str) -> [f64; 3] {
    let hex = colour.trim_start_matches('#');
    let digit = |k: usize| {
        hex.get(k..=k)
            .and_then(|d| u8::from_str_radix(d, 16).ok())
            .map_or(0.0, f64::from)
    };
    if hex.len() == 3 {
        [digit(0) * 17.0, digit(1) * 17.0, digit(2) * 17.0]
    } else {
        [0, 2, 4].map(|k| digit(k) * 16.0 + digit(k + 1))
    }
}

/// Where a paint draws: a cleared context in CSS pixels.
pub struct Surface<'a> {
    /// The context.
    pub ctx: &'a CanvasRenderingContext2d,
    /// Width in CSS pixels.
    pub width: f64,
    /// Height in CSS pixels.
    pub height: f64,
    /// Device pixels per CSS pixel.
    pub ratio: f64,
    /// The theme's colours.
    pub palette: &'a Palette,
    /// Time of the frame in milliseconds.
    pub now: f64,
}

impl Surface<'_> {
    /// Text with its alignment, in a colour.
    pub fn text(&self, text: &str, x: f64, y: f64, align: &str, colour: &str) {
        self.ctx.set_text_align(align);
        self.ctx.set_fill_style_str(colour);
        let _ = self.ctx.fill_text(text, x, y);
    }

    /// A straight line.
    pub fn line(&self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        self.ctx.set_stroke_style_str(colour);
        self.ctx.set_line_width(width);
        self.ctx.begin_path();
        self.ctx.move_to(from.0, from.1);
        self.ctx.line_to(to.0, to.1);
        self.ctx.stroke();
    }

    /// Dashes for the lines that follow; none for solid ones.
    pub fn dash(&self, dashes: &[f64]) {
        let list: js_sys::Array = dashes.iter().map(|d| JsValue::from_f64(*d)).collect();
        let _ = self.ctx.set_line_dash(&list);
    }

    /// A coordinate moved to the middle of a device pixel, for sharp hairlines.
    pub fn sharp(&self, at: f64) -> f64 {
        ((at * self.ratio).floor() + 0.5) / self.ratio
    }
}

/// A drawing, compared by identity. Returns whether it is still moving.
#[derive(Clone)]
pub struct Paint(pub Rc<dyn Fn(&Surface) -> bool>);

impl PartialEq for Paint {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Paint {
    /// A drawing.
    pub fn new(paint: impl Fn(&Surface) -> bool + 'static) -> Self {
        Self(Rc::new(paint))
    }
}

/// What an animation frame calls.
type Frame = Closure<dyn FnMut(f64)>;

/// Draws a paint on a canvas in animation frames.
struct Painter {
    canvas: HtmlCanvasElement,
    paint: RefCell<Paint>,
    palette: RefCell<Option<Palette>>,
    waiting: Cell<Option<i32>>,
    frame: RefCell<Option<Frame>>,
}

impl Painter {
    fn new(canvas: HtmlCanvasElement, paint: Paint) -> Rc<Self> {
        let painter = Rc::new(Self {
            canvas,
            paint: RefCell::new(paint),
            palette: RefCell::default(),
            waiting: Cell::new(None),
            frame: RefCell::default(),
        });
        let weak = Rc::downgrade(&painter);
        *painter.frame.borrow_mut() = Some(Closure::new(move |now| {
            if let Some(painter) = weak.upgrade() {
                painter.waiting.set(None);
                painter.draw(now);
            }
        }));
        painter
    }

    fn request(&self) {
        if self.waiting.get().is_none()
            && let Some(frame) = &*self.frame.borrow()
        {
            let id = gloo::utils::window().request_animation_frame(frame.as_ref().unchecked_ref());
            self.waiting.set(id.ok());
        }
    }

    #[allow(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "pixels of a screen"
    )]
    fn draw(&self, now: f64) {
        let ratio = gloo::utils::window().device_pixel_ratio().max(1.0);
        let (width, height) = (
            f64::from(self.canvas.client_width()),
            f64::from(self.canvas.client_height()),
        );
        let (w, h) = (
            (width * ratio).round() as u32,
            (height * ratio).round() as u32,
        );
        if w == 0 || h == 0 {
            return;
        }
        if (self.canvas.width(), self.canvas.height()) != (w, h) {
            self.canvas.set_width(w);
            self.canvas.set_height(h);
        }
        let context = self.canvas.get_context("2d").ok().flatten();
        let Some(ctx) = context.and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok()) else {
            return;
        };
        let palette = self
            .palette
            .borrow_mut()
            .get_or_insert_with(|| Palette::read(&self.canvas))
            .clone();
        let _ = ctx.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0);
        ctx.clear_rect(0.0, 0.0, width, height);
        ctx.set_text_baseline("alphabetic");
        let paint = self.paint.borrow().clone();
        if (paint.0)(&Surface {
            ctx: &ctx,
            width,
            height,
            ratio,
            palette: &palette,
            now,
        }) {
            self.request();
        }
    }
}

/// Asks for a frame of a [`Canvas`] from outside of what Yew renders.
#[derive(Clone, Default)]
pub struct Redraw(Rc<RefCell<Option<Rc<Painter>>>>);

impl PartialEq for Redraw {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Redraw {
    /// Asks for one frame; nothing while the canvas is not there.
    pub fn request(&self) {
        if let Some(painter) = &*self.0.borrow() {
            painter.request();
        }
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        if let Some(id) = self.waiting.get() {
            let _ = gloo::utils::window().cancel_animation_frame(id);
        }
    }
}

/// Properties of [`Canvas`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What to draw.
    pub paint: Paint,
    /// The element, for those who need it.
    #[prop_or_default]
    pub node: Option<NodeRef>,
    /// How to ask for a frame.
    #[prop_or_default]
    pub redraw: Option<Redraw>,
    /// Its name.
    pub label: AttrValue,
    /// Identity of the element that describes it.
    #[prop_or_default]
    pub described_by: Option<AttrValue>,
    /// `img`, or what it is when it can be operated.
    #[prop_or(AttrValue::Static("img"))]
    pub role: AttrValue,
    /// Style class.
    #[prop_or_default]
    pub class: Classes,
    /// Whether it takes the keyboard.
    #[prop_or_default]
    pub focusable: bool,
    /// The pointer moved over it, with a button or without.
    #[prop_or_default]
    pub onpointermove: Callback<PointerEvent>,
    /// A button went down.
    #[prop_or_default]
    pub onpointerdown: Callback<PointerEvent>,
    /// A button came up.
    #[prop_or_default]
    pub onpointerup: Callback<PointerEvent>,
    /// The pointer left it.
    #[prop_or_default]
    pub onpointerleave: Callback<PointerEvent>,
    /// A key went down.
    #[prop_or_default]
    pub onkeydown: Callback<KeyboardEvent>,
    /// It lost the keyboard.
    #[prop_or_default]
    pub onblur: Callback<FocusEvent>,
}

/// A canvas.
#[component]
pub fn Canvas(props: &Props) -> Html {
    let own = use_node_ref();
    let node = props.node.clone().unwrap_or(own);
    let own = use_memo((), |()| Redraw::default());
    let painter = props.redraw.as_ref().unwrap_or(&own).0.clone();
    let theme = use_context::<Theme>().unwrap_or_default();
    {
        let (node, painter, paint) = (node.clone(), painter.clone(), props.paint.clone());
        use_effect_with((), move |()| {
            let mut observer = None;
            if let Some(canvas) = node.cast::<HtmlCanvasElement>() {
                let created = Painter::new(canvas.clone(), paint);
                painter.replace(Some(created.clone()));
                let resized = Closure::<dyn FnMut()>::new(move || created.request());
                if let Ok(watcher) = ResizeObserver::new(resized.as_ref().unchecked_ref()) {
                    watcher.observe(&canvas);
                    observer = Some((watcher, resized));
                }
            }
            move || {
                if let Some((watcher, _)) = &observer {
                    watcher.disconnect();
                }
                drop(observer);
                painter.take();
            }
        });
    }
    {
        let painter = painter.clone();
        use_effect_with((props.paint.clone(), theme), move |(paint, _)| {
            if let Some(painter) = &*painter.borrow() {
                painter.paint.replace(paint.clone());
                painter.palette.take();
                painter.request();
            }
        });
    }
    html! {
        <canvas
            ref={node}
            class={props.class.clone()}
            role={props.role.clone()}
            aria-label={props.label.clone()}
            aria-describedby={props.described_by.clone()}
            tabindex={props.focusable.then_some("0")}
            onpointermove={props.onpointermove.clone()}
            onpointerdown={props.onpointerdown.clone()}
            onpointerup={props.onpointerup.clone()}
            onpointerleave={props.onpointerleave.clone()}
            onkeydown={props.onkeydown.clone()}
            onblur={props.onblur.clone()}
        />
    }
}
