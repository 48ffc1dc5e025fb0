//! The curves as CSV: a line per step; the epoch's figures stand on the line of its last step.

use std::fmt::Write;

use super::format;
use super::model::Curves;
use crate::train::metrics::EpochMetrics;

const HEAD: &str = "step,epoch,batch_loss,batch_accuracy,rate,train_loss,train_accuracy,test_loss,test_accuracy,core_entries,parameter_bits,memory_reduction,training_bytes,samples_per_second,ranks,checksum";
/// Columns of an epoch.
const EPOCH_COLUMNS: usize = 11;

/// The curves as text. Where steps were thinned, an epoch has a line of its own.
#[must_use]
pub fn write(curves: &Curves) -> String {
    let mut text = format!("{HEAD}\n");
    let mut epochs = curves.epochs.iter().peekable();
    for step in &curves.steps {
        while let Some(epoch) = epochs.next_if(|e| e.step < step.step) {
            alone(&mut text, epoch);
        }
        let (s, e, loss, accuracy) = (step.step, step.epoch, step.loss, step.accuracy);
        let _ = write!(text, "{s},{e},{loss},{accuracy},{}", step.rate);
        match epochs.next_if(|e| e.step == step.step) {
            Some(epoch) => columns(&mut text, epoch),
            None => text.push_str(&",".repeat(EPOCH_COLUMNS)),
        }
        text.push('\n');
    }
    for epoch in epochs {
        alone(&mut text, epoch);
    }
    text
}

fn alone(text: &mut String, epoch: &EpochMetrics) {
    let _ = write!(text, "{},{},,,", epoch.step, epoch.epoch);
    columns(text, epoch);
    text.push('\n');
}

fn columns(text: &mut String, e: &EpochMetrics) {
    let ranks: Vec<_> = e.ranks.iter().map(|layer| format::list(layer)).collect();
    let _ = write!(
        text,
        ",{},{},{},{},{},{},{:.2},{},{:.1},{},{}",
        e.train_loss,
        e.train_accuracy,
        e.test_loss,
        e.test_accuracy,
        e.core_entries,
        e.parameter_bits,
        e.memory_reduction,
        e.training_bytes,
        e.samples_per_second,
        ranks.join(" | "),
        e.checksum,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::metrics::StepMetrics;

    fn epoch(epoch: u32, step: u64) -> EpochMetrics {
        EpochMetrics {
            epoch,
            step,
            train_loss: 0.5,
            train_accuracy: 0.8,
            test_loss: 0.6,
            test_accuracy: 0.75,
            ranks: vec![vec![16, 9, 15], vec![16]],
            core_entries: 11_750,
            parameter_bits: 51_224,
            dense_bits: 14_959_104,
            memory_reduction: 292.03,
            training_bytes: 100_000,
            samples_per_second: 9_000.0,
            checksum: "0123456789abcdef".into(),
            confusion: vec![],
        }
    }

    fn step(step: u64) -> StepMetrics {
        StepMetrics {
            epoch: 1,
            step,
            loss: 1.0,
            accuracy: 0.5,
            rate: 0.02,
            pruned: vec![],
        }
    }

    #[test]
    fn every_line_has_every_column_and_no_epoch_is_lost() {
        let steps = [1, 2, 5].map(step).to_vec();
        let epochs = vec![epoch(1, 2), epoch(2, 4), epoch(3, 6)];
        let text = write(&Curves { steps, epochs });
        let lines: Vec<_> = text.lines().collect();
        let columns = HEAD.split(',').count();
        assert!(
            lines.iter().all(|line| line.split(',').count() == columns),
            "{text}"
        );
        assert_eq!(text.matches("0123456789abcdef").count(), 3);
        assert!(lines[2].starts_with("2,1,1,0.5,0.02,0.5,"));
        assert!(lines[3].starts_with("4,2,,,,0.5,"));
        assert!(lines[5].starts_with("6,3,,,,0.5,"));
    }
}
