//! Softmax cross-entropy of one sample in floating point.

use super::{SampleOutcome, arg_max};
use crate::numeric::exact;

/// Softmax and cross-entropy of one sample; `gradient` becomes `p - t` for a label with the share of
/// it, of 256, that is spread over all classes, and `p` without a label.
///
/// # Panics
/// If there is no logit, or the label is none of theirs.
pub fn softmax_cross_entropy(
    logits: &[f32],
    target: Option<(u8, u8)>,
    gradient: &mut [f32],
) -> SampleOutcome {
    let answer = arg_max(logits);
    let top = logits[answer];
    let mut total = 0.0_f64;
    for (slot, &logit) in gradient.iter_mut().zip(logits) {
        let weight = exact::exp(f64::from(logit - top));
        total += weight;
        *slot = weight as f32;
    }
    for slot in gradient.iter_mut() {
        *slot /= total as f32;
    }
    let mut loss = 0.0;
    if let Some((label, smoothing)) = target {
        let share = f32::from(smoothing) / 256.0;
        let label = usize::from(label);
        loss = exact::ln(total) - f64::from(logits[label] - top);
        for slot in gradient.iter_mut() {
            *slot -= share / logits.len() as f32;
        }
        gradient[label] -= 1.0 - share;
    }
    SampleOutcome {
        loss,
        answer: answer as u8,
    }
}
