//! The fixed-point transform once more, as the tests' reference: by recursion over even and odd points,
//! every bin by its own formula, with nothing in place.

use std::f64::consts::TAU;

/// Real and imaginary part of a word.
pub type Complex = (i64, i64);

pub fn most(bits: u8) -> i64 {
    (1 << (bits - 1)) - 1
}

fn halves_up(value: f64, bits: u8) -> i64 {
    ((value + 0.5).floor() as i64).clamp(-most(bits), most(bits))
}

fn twiddle(bin: usize, length: usize, bits: u8) -> Complex {
    let angle = TAU * bin as f64 / length as f64;
    let part = |value: f64| halves_up(value.abs() * (most(bits) + 1) as f64, bits);
    // Sizes are rounded, then signed: -i has no cosine, whatever pi is in floating point.
    let signed = |value: f64| part(value) * value.signum() as i64;
    (signed(angle.cos()), -signed(angle.sin()))
}

/// A product by `exp(-2 pi i bin / length)` in units of one, exact for quarters of a turn.
fn turn(bin: usize, length: usize, bits: u8, x: Complex) -> Complex {
    let one = most(bits) + 1;
    match (4 * bin % length, 4 * bin / length) {
        (0, 0) => (x.0 * one, x.1 * one),
        (0, 1) => (x.1 * one, -x.0 * one),
        (0, 2) => (-x.0 * one, -x.1 * one),
        _ => {
            let w = twiddle(bin, length, bits);
            (w.0 * x.0 - w.1 * x.1, w.0 * x.1 + w.1 * x.0)
        }
    }
}

/// `sum / 2^shift` over the reals; a sum has less bits than a double, so this is exact.
fn kept(sum: Complex, shift: u32, bits: u8) -> Complex {
    let scale = (2.0_f64).powi(shift as i32);
    (
        halves_up(sum.0 as f64 / scale, bits),
        halves_up(sum.1 as f64 / scale, bits),
    )
}

/// Bins 0 to L / 2 by the recursion over even and odd points, every bin by its own formula.
pub fn spectrum(x: &[i64], shifts: &[u8], bits: u8) -> Vec<Complex> {
    let Some((&shift, before)) = shifts.split_last() else {
        return vec![(x[0], 0)];
    };
    let part = |from: usize| {
        let points: Vec<i64> = x.iter().skip(from).step_by(2).copied().collect();
        spectrum(&points, before, bits)
    };
    let (even, odd, half) = (part(0), part(1), x.len() / 2);
    let bin = |of: &[Complex], b: usize| {
        let b = b % half;
        if 2 * b <= half {
            of[b]
        } else {
            (of[half - b].0, -of[half - b].1)
        }
    };
    let each = |b: usize| {
        let (e, o) = (bin(&even, b), turn(b, x.len(), bits, bin(&odd, b)));
        let one = most(bits) + 1;
        let sum = (e.0 * one + o.0, e.1 * one + o.1);
        kept(sum, u32::from(bits) - 1 + u32::from(shift), bits)
    };
    (0..=half).map(each).collect()
}

/// The signal of bins 0 to L / 2, by the recursion.
pub fn signal(spectrum: &[Complex], length: usize, shifts: &[u8], bits: u8) -> Vec<i64> {
    let Some((&shift, after)) = shifts.split_first() else {
        return vec![spectrum[0].0];
    };
    let half = length / 2;
    let shift = u32::from(shift);
    let other = |b: usize| (spectrum[half - b].0, -spectrum[half - b].1);
    let even = |b: usize| {
        let (x, y) = (spectrum[b], other(b));
        kept((x.0 + y.0, x.1 + y.1), shift, bits)
    };
    let odd = |b: usize| {
        let (x, y) = (spectrum[b], other(b));
        // The conjugate of the conjugate's product turns the other way.
        let (re, im) = turn(b, length, bits, (x.0 - y.0, -(x.1 - y.1)));
        kept((re, -im), u32::from(bits) - 1 + shift, bits)
    };
    let parts: [Vec<Complex>; 2] = [
        (0..=half / 2).map(even).collect(),
        (0..=half / 2).map(odd).collect(),
    ];
    let parts = parts.map(|part| signal(&part, half, after, bits));
    (0..length).map(|t| parts[t % 2][t / 2]).collect()
}
