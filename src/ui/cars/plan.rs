//! Where the cars stand.

use super::scene::{Car, size};
use crate::train::metrics::LayerSnapshot;
use crate::ui::canvas::Surface;

/// Where the cars stand: fixed by the network at the start of the run, so that nothing moves when
/// ranks die.
pub(super) struct Plan {
    pub(super) layers: Vec<Row>,
}

pub(super) struct Row {
    pub(super) middle: f64,
    pub(super) label: f64,
    pub(super) slots: Vec<Slot>,
}

pub(super) struct Slot {
    pub(super) x: f64,
    pub(super) width: f64,
    pub(super) cell: f64,
}

/// Least room of a bond, of which sixteen bars still read.
const BOND: f64 = 74.0;
/// Room between two layers.
const BETWEEN: f64 = 44.0;
/// Frame of a car on both sides together.
const FRAME: f64 = 10.0;

impl Plan {
    #[allow(clippy::cast_precision_loss, reason = "positions on a screen")]
    pub(super) fn of(surface: &Surface, cars: &[Vec<Car>], layers: &[LayerSnapshot]) -> Self {
        let all: Vec<&Car> = cars.iter().flatten().collect();
        let bonds: usize = layers.iter().map(|l| l.bonds.len()).sum();
        let gaps = BETWEEN * layers.len().saturating_sub(1) as f64;
        let least = if surface.width < 560.0 { 44.0 } else { BOND };
        let room = surface.width - 12.0 - gaps - least * bonds as f64;
        let high = surface.height - 30.0;
        let cells = fit(&all, room, high, surface.ratio);
        let lowest = cells
            .iter()
            .zip(&all)
            .map(|(cell, car)| cell * size(car.full).0.max(size(car.full).1));
        if layers.len() == 1 || lowest.fold(f64::INFINITY, f64::min) >= 44.0 {
            let taken: f64 = widths(&cells, &all).iter().sum();
            let gap =
                ((surface.width - 12.0 - gaps - taken) / bonds.max(1) as f64).clamp(least, 150.0);
            let whole = taken + gaps + gap * bonds as f64;
            let mut cells = cells.into_iter();
            let mut x = ((surface.width - whole) / 2.0).max(6.0);
            let layers = cars
                .iter()
                .map(|cars| {
                    let own: Vec<f64> = cells.by_ref().take(cars.len()).collect();
                    let row = Row::of(cars, &own, x, gap, (0.0, surface.height));
                    x = row.slots.last().map_or(x, |last| last.x + last.width) + BETWEEN;
                    row
                })
                .collect();
            return Self { layers };
        }
        let line = surface.height / layers.len().max(1) as f64;
        let layers = cars
            .iter()
            .zip(layers)
            .zip(0_u8..)
            .map(|((cars, layer), l)| {
                let all: Vec<&Car> = cars.iter().collect();
                let bonds = layer.bonds.len() as f64;
                let cells = fit(
                    &all,
                    surface.width - 12.0 - least * bonds,
                    line - 34.0,
                    surface.ratio,
                );
                let taken: f64 = widths(&cells, &all).iter().sum();
                let gap = ((surface.width - 12.0 - taken) / bonds.max(1.0)).clamp(least, 130.0);
                let x = ((surface.width - taken - gap * bonds) / 2.0).max(6.0);
                Row::of(cars, &cells, x, gap, (line * f64::from(l), line))
            })
            .collect();
        Self { layers }
    }
}

impl Row {
    fn of(cars: &[Car], cells: &[f64], mut x: f64, gap: f64, (top, line): (f64, f64)) -> Self {
        let slots = cars
            .iter()
            .zip(cells)
            .map(|(car, &cell)| {
                let slot = Slot {
                    x,
                    width: size(car.full).0 * cell + FRAME,
                    cell,
                };
                x += slot.width + gap;
                slot
            })
            .collect();
        Self {
            middle: top + (line - 18.0) / 2.0,
            label: top + line - 4.0,
            slots,
        }
    }
}

fn widths(cells: &[f64], cars: &[&Car]) -> Vec<f64> {
    cells
        .iter()
        .zip(cars)
        .map(|(cell, car)| size(car.full).0 * cell + FRAME)
        .collect()
}

/// Cell sizes with which the cars fit into `room`: as large as the height allows, then the largest
/// cells are made smaller, by whole device pixels, and all of them by a factor if that is not enough.
fn fit(cars: &[&Car], room: f64, high: f64, ratio: f64) -> Vec<f64> {
    let mut cells: Vec<f64> = cars
        .iter()
        .map(|car| {
            let (columns, rows) = size(car.full);
            whole_cell((high / rows).min(high * 1.05 / columns), ratio)
        })
        .collect();
    loop {
        let taken: f64 = widths(&cells, cars).iter().sum();
        if taken <= room {
            return cells;
        }
        let largest = cells.iter().copied().fold(0.0, f64::max);
        if largest * ratio <= 1.0 {
            let frames = FRAME * f64::from(u32::try_from(cars.len()).unwrap_or(1));
            let factor = ((room - frames) / (taken - frames)).clamp(0.05, 1.0);
            return cells.iter().map(|cell| cell * factor).collect();
        }
        // Of equal cells the widest car gives way first.
        let widest = (0..cells.len())
            .filter(|&k| cells[k] >= largest)
            .max_by_key(|&k| cars[k].full.0)
            .unwrap_or(0);
        cells[widest] = ((cells[widest] * ratio).round() - 1.0) / ratio;
    }
}

/// The largest cell not above `cell` that is whole in device pixels; the cell itself below one.
fn whole_cell(cell: f64, ratio: f64) -> f64 {
    let device = (cell * ratio).floor();
    if device >= 1.0 { device / ratio } else { cell }
}
