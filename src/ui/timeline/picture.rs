//! Scene to canvas: bars as one block of pixels, then lines and texts over it.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::Clamped;
use web_sys::{HtmlCanvasElement, ImageData};

use super::desk::Desk;
use super::layout::{AXIS, Layout};
use super::raster::{Ink, Inks, Raster};
use super::scene::{FILLS, Fill, Scene, Tone, overview};
use super::svg::Colours;
use crate::accel::Timeline;
use crate::ui::canvas::{Paint, Palette, Surface, rgb};

/// All tones.
const TONES: [Tone; 3] = [Tone::Ink, Tone::Soft, Tone::On];

/// The rows.
pub fn rows(desk: &Rc<Desk>) -> Paint {
    let desk = desk.clone();
    let raster = RefCell::new(Raster::default());
    Paint::new(move |surface| {
        let moving = desk.advance(surface.now);
        if moving {
            desk.map.request();
        }
        let layout = Layout::new(surface.width, surface.height);
        let scene = desk.with(|state| Scene::new(state, &layout, surface.ratio));
        let mut raster = raster.borrow_mut();
        clear(&mut raster, surface);
        raster.draw(&scene.bars, surface.ratio, &inks(surface.palette));
        put(&raster, surface);
        over(&scene, &layout, surface);
        moving
    })
}

/// Lines and texts.
fn over(scene: &Scene, layout: &Layout, surface: &Surface) {
    let (ctx, palette) = (surface.ctx, surface.palette);
    for &(x, width) in &scene.washes {
        ctx.set_global_alpha(0.08);
        ctx.set_fill_style_str(&palette.ink);
        ctx.fill_rect(x, AXIS, width, layout.foot - AXIS);
        ctx.set_global_alpha(1.0);
    }
    for line in &scene.outlines {
        let colour = tone(line.tone, palette);
        let x = surface.sharp(line.x);
        if line.width > 0.0 {
            ctx.set_stroke_style_str(colour);
            ctx.set_line_width(1.5);
            ctx.stroke_rect(x, surface.sharp(line.y), line.width, line.height);
        } else {
            let width = if line.tone == Tone::Soft { 0.75 } else { 1.0 };
            surface.line((x, line.y), (x, line.y + line.height), colour, width);
        }
    }
    ctx.set_font(&palette.number_font);
    ctx.set_text_align("left");
    for wanted in TONES {
        ctx.set_fill_style_str(tone(wanted, palette));
        for label in scene.labels.iter().filter(|label| label.tone == wanted) {
            let _ = ctx.fill_text(&label.text, label.x, label.y);
        }
    }
}

/// The mini-map: the whole, drawn once, under the window.
pub fn map(desk: &Rc<Desk>) -> Paint {
    let desk = desk.clone();
    let kept: RefCell<Option<(Rc<Timeline>, String, Raster)>> = RefCell::default();
    Paint::new(move |surface| {
        let palette = surface.palette;
        let (wide, high) = (surface.width, surface.height);
        let mut kept = kept.borrow_mut();
        let size = pixels(surface);
        let fresh = kept.as_ref().is_some_and(|(timeline, ground, raster)| {
            desk.with(|state| Rc::ptr_eq(&state.timeline, timeline))
                && *ground == palette.panel
                && (raster.width, raster.height) == size
        });
        if !fresh {
            let mut raster = Raster::default();
            clear(&mut raster, surface);
            let bars = desk.with(|state| overview(state, wide, high, surface.ratio));
            raster.draw(&bars, surface.ratio, &inks(palette));
            let timeline = desk.with(|state| state.timeline.clone());
            *kept = Some((timeline, palette.panel.clone(), raster));
        }
        if let Some((.., raster)) = &*kept {
            put(raster, surface);
        }
        let (from, upto) = desk.with(|state| {
            let all = (state.timeline.cycles() as f64).max(1.0);
            let window = state.window;
            (
                window.start / all * wide,
                (window.start + window.span) / all * wide,
            )
        });
        let ctx = surface.ctx;
        ctx.set_fill_style_str(&palette.panel);
        ctx.set_global_alpha(0.72);
        ctx.fill_rect(0.0, 0.0, from, high);
        ctx.fill_rect(upto, 0.0, wide - upto, high);
        ctx.set_global_alpha(1.0);
        ctx.set_stroke_style_str(&palette.ink);
        ctx.set_line_width(1.5);
        // A window of a few cycles of billions must still be found.
        let width = (upto - from).max(3.0) - 1.5;
        let x = (from + 0.75).min(wide - width - 0.75);
        ctx.stroke_rect(x, 0.75, width, high - 1.5);
        false
    })
}

fn pixels(surface: &Surface) -> (usize, usize) {
    let pixels = |length: f64| (length * surface.ratio).round().max(0.0) as usize;
    (pixels(surface.width), pixels(surface.height))
}

fn clear(raster: &mut Raster, surface: &Surface) {
    let (width, height) = pixels(surface);
    raster.clear(width, height, colour(&surface.palette.panel));
}

fn put(raster: &Raster, surface: &Surface) {
    let bytes = Clamped(&raster.bytes[..]);
    if let Ok(image) = ImageData::new_with_u8_clamped_array(bytes, raster.width as u32) {
        let _ = surface.ctx.put_image_data(&image, 0.0, 0.0);
    }
}

fn colour(text: &str) -> [u8; 4] {
    let [red, green, blue] = rgb(text).map(|part| part as u8);
    [red, green, blue, 255]
}

/// A colour between two.
fn mixed(from: [u8; 4], to: [u8; 4], share: f64) -> [u8; 4] {
    std::array::from_fn(|k| {
        (f64::from(from[k]) * (1.0 - share) + f64::from(to[k]) * share).round() as u8
    })
}

fn tone(tone: Tone, palette: &Palette) -> &str {
    match tone {
        Tone::Ink => &palette.ink,
        Tone::Soft => &palette.soft,
        Tone::On => &palette.on,
    }
}

/// The theme's colours of all fills.
fn inks(palette: &Palette) -> Inks {
    let panel = colour(&palette.panel);
    let [amber, teal, green, soft, ink, line, dead] = [
        &palette.amber,
        &palette.teal,
        &palette.green,
        &palette.soft,
        &palette.ink,
        &palette.line,
        &palette.dead,
    ]
    .map(|text| colour(text));
    FILLS.map(|fill| {
        let front = match fill {
            Fill::Compute | Fill::ComputeBound => amber,
            Fill::Move | Fill::LoadBound | Fill::StoreBound => teal,
            Fill::Outer => green,
            Fill::FillDrain => soft,
            Fill::Conflict => ink,
            Fill::Idle => dead,
            Fill::Span => mixed(panel, line, 0.75),
            Fill::Held => mixed(panel, teal, 0.5),
            Fill::Grid => line,
            Fill::Ground => panel,
        };
        Ink {
            front,
            back: mixed(panel, front, 0.15),
        }
    })
}

/// The colours of an SVG file, as the canvas has them.
pub fn colours(canvas: &HtmlCanvasElement) -> Colours {
    let palette = Palette::read(canvas);
    let css = |[red, green, blue, _]: [u8; 4]| format!("#{red:02x}{green:02x}{blue:02x}");
    let inks = inks(&palette);
    Colours {
        front: inks.iter().map(|ink| css(ink.front)).collect(),
        back: inks.iter().map(|ink| css(ink.back)).collect(),
        tones: TONES.map(|which| tone(which, &palette).to_string()),
        ground: palette.panel,
    }
}
