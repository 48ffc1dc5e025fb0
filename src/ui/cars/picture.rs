//! A core as a picture: unfolded into blocks, one pixel per entry.

use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::train::metrics::{CoreSnapshot, LayerSnapshot};
use crate::ui::canvas::{Palette, rgb};

/// Ranks to the left and right of a core at the start of the run.
pub(super) fn full_ranks(layer: &LayerSnapshot, k: usize) -> (usize, usize) {
    let left = k
        .checked_sub(1)
        .and_then(|k| layer.bonds.get(k))
        .map_or(1, |b| b.initial_rank);
    (left, layer.bonds.get(k).map_or(1, |b| b.initial_rank))
}

pub(super) fn full(layer: &LayerSnapshot, k: usize) -> (usize, usize) {
    let (left, right) = full_ranks(layer, k);
    let [_, m, n, _] = layer.cores[k].shape;
    extents([left, m, n, right], (left, right))
}

/// Blocks in a row of an end core: the divisor of their number that makes its picture about as wide
/// as high.
fn wrap(m: usize, n: usize, blocks: usize) -> usize {
    (1..=blocks)
        .filter(|columns| blocks.is_multiple_of(*columns))
        .min_by_key(|&columns| (columns * n).abs_diff(blocks.div_ceil(columns) * m))
        .unwrap_or(1)
}

/// Columns and rows of cells of a core's picture.
pub(super) fn extents([left, m, n, right]: [usize; 4], full: (usize, usize)) -> (usize, usize) {
    if full.0 > 1 && full.1 > 1 {
        (right * n, left * m)
    } else {
        let blocks = left * right;
        let columns = wrap(m, n, full.0 * full.1);
        (columns.min(blocks) * n, blocks.div_ceil(columns) * m)
    }
}

/// A core's picture, one pixel per entry: amber above zero, teal below, the ground at zero.
pub(super) fn render(
    core: &CoreSnapshot,
    columns: usize,
    rows: usize,
    full: (usize, usize),
    palette: &Palette,
) -> Option<HtmlCanvasElement> {
    let [left, m, n, right] = core.shape;
    let wrapped = !(full.0 > 1 && full.1 > 1);
    let per_row = if wrapped {
        wrap(m, n, full.0 * full.1)
    } else {
        right
    };
    let peak = core
        .values
        .iter()
        .fold(1e-9_f32, |peak, v| peak.max(v.abs()));
    let (ground, above, below) = (rgb(&palette.panel), rgb(&palette.amber), rgb(&palette.teal));
    let mut pixels = vec![0_u8; columns * rows * 4];
    let mut values = core.values.iter();
    for a in 0..left {
        for i in 0..m {
            for j in 0..n {
                for b in 0..right {
                    let Some(value) = values.next() else { continue };
                    let block = a * right + b;
                    let (x, y) = (block % per_row * n + j, block / per_row * m + i);
                    let at = (y * columns + x) * 4;
                    let share = f64::from(value.abs() / peak);
                    let colour = if *value >= 0.0 { above } else { below };
                    if let Some(pixel) = pixels.get_mut(at..at + 4) {
                        for c in 0..3 {
                            #[allow(
                                clippy::cast_possible_truncation,
                                clippy::cast_sign_loss,
                                reason = "a mean of two bytes"
                            )]
                            let mixed = (ground[c] + (colour[c] - ground[c]) * share) as u8;
                            pixel[c] = mixed;
                        }
                        pixel[3] = 255;
                    }
                }
            }
        }
    }
    let (width, height) = (u32::try_from(columns).ok()?, u32::try_from(rows).ok()?);
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&pixels), width, height).ok()?;
    let canvas: HtmlCanvasElement = gloo::utils::document()
        .create_element("canvas")
        .ok()?
        .dyn_into()
        .ok()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let ctx: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    ctx.put_image_data(&data, 0.0, 0.0).ok()?;
    Some(canvas)
}
