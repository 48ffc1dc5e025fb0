//! Bars as pixels: solid colours and hatches, in a buffer that is put on the canvas as a whole. Tens
//! of thousands of bars cost what their pixels cost.

use super::scene::{Bar, FILLS, Fill};

/// Colours of a fill: of its strokes and of what lies between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    /// Strokes, or all of it.
    pub front: [u8; 4],
    /// Between strokes.
    pub back: [u8; 4],
}

/// The colours of all fills in the order of [`FILLS`].
pub type Inks = [Ink; FILLS.len()];

/// Pixels, row by row, red, green, blue, alpha.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raster {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The pixels.
    pub bytes: Vec<u8>,
}

/// Whether a fill is hatched.
#[must_use]
pub fn hatched(fill: Fill) -> bool {
    matches!(
        fill,
        Fill::LoadBound | Fill::ComputeBound | Fill::StoreBound | Fill::FillDrain | Fill::Conflict
    )
}

/// Whether a stroke of a hatch covers a place, in CSS pixels.
fn stroke(fill: Fill, x: usize, y: usize) -> bool {
    match fill {
        Fill::LoadBound => (x + y) % 6 < 2,
        Fill::StoreBound => (x + 6 * y - y) % 6 < 2,
        Fill::ComputeBound => y.is_multiple_of(4),
        Fill::FillDrain => x.is_multiple_of(3) && y % 4 == 1 + 2 * (x / 3 % 2) % 4,
        Fill::Conflict => (x + y).is_multiple_of(5) || (x + 5 * y - y).is_multiple_of(5),
        _ => true,
    }
}

impl Raster {
    /// Takes a size and covers everything in one colour.
    pub fn clear(&mut self, width: usize, height: usize, ground: [u8; 4]) {
        (self.width, self.height) = (width, height);
        let bytes = 4 * width * height;
        self.bytes.resize(bytes, 0);
        let row = 4 * width;
        for pixel in self.bytes[..row].chunks_exact_mut(4) {
            pixel.copy_from_slice(&ground);
        }
        // Twice as many rows each time.
        let mut done = row;
        while done < bytes && done > 0 {
            let next = done.min(bytes - done);
            self.bytes.copy_within(..next, done);
            done += next;
        }
    }

    /// Draws bars given in CSS pixels, `ratio` device pixels each.
    pub fn draw(&mut self, bars: &[Bar], ratio: f64, inks: &Inks) {
        for bar in bars {
            self.bar(bar, ratio, inks[bar.fill as usize]);
        }
    }

    fn bar(&mut self, bar: &Bar, ratio: f64, ink: Ink) {
        // A bar begins and ends on whole pixels; it is one wide at least.
        let edge = |at: f64, most: usize| ((at * ratio).round().max(0.0) as usize).min(most);
        let (left, top) = (edge(bar.x, self.width), edge(bar.y, self.height));
        let right = edge(bar.x + bar.width, self.width)
            .max(left + 1)
            .min(self.width);
        let foot = edge(bar.y + bar.height, self.height)
            .max(top + 1)
            .min(self.height);
        if left >= right {
            return;
        }
        let solid = !hatched(bar.fill);
        let unit = ratio.round().max(1.0) as usize;
        for y in top..foot {
            let start = 4 * (y * self.width + left);
            let row = &mut self.bytes[start..start + 4 * (right - left)];
            if solid {
                for pixel in row.chunks_exact_mut(4) {
                    pixel.copy_from_slice(&ink.front);
                }
            } else {
                for (x, pixel) in (left..).zip(row.chunks_exact_mut(4)) {
                    let covered = stroke(bar.fill, x / unit, y / unit);
                    pixel.copy_from_slice(if covered { &ink.front } else { &ink.back });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INK: Ink = Ink {
        front: [1, 2, 3, 255],
        back: [9, 9, 9, 255],
    };

    fn pixels(fill: Fill) -> Vec<u8> {
        let mut raster = Raster::default();
        raster.clear(24, 24, [0; 4]);
        let bar = Bar {
            x: 0.0,
            y: 0.0,
            width: 24.0,
            height: 24.0,
            fill,
        };
        raster.draw(&[bar], 1.0, &[INK; FILLS.len()]);
        raster.bytes.chunks(4).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn every_stall_has_a_hatch_of_its_own() {
        let hatches: Vec<_> = FILLS.into_iter().filter(|fill| hatched(*fill)).collect();
        assert_eq!(hatches.len(), 5);
        for (k, fill) in hatches.iter().enumerate() {
            let drawn = pixels(*fill);
            assert!(drawn.contains(&1) && drawn.contains(&9), "{fill:?}");
            for other in &hatches[..k] {
                assert_ne!(drawn, pixels(*other), "{fill:?} and {other:?}");
            }
        }
        assert!(pixels(Fill::Compute).iter().all(|red| *red == 1));
    }

    #[test]
    fn bars_beyond_the_edges_are_cut() {
        let mut raster = Raster::default();
        raster.clear(5, 3, [7; 4]);
        assert_eq!(raster.bytes, vec![7; 60]);
        let bar = |x: f64, width: f64| Bar {
            x,
            y: -4.0,
            width,
            height: 90.0,
            fill: Fill::Move,
        };
        raster.draw(&[bar(-3.0, 5.0), bar(90.0, 5.0)], 1.0, &[INK; FILLS.len()]);
        let reds: Vec<_> = raster.bytes.chunks(4).map(|pixel| pixel[0]).collect();
        assert_eq!(reds, [1, 1, 7, 7, 7].repeat(3));
    }
}
