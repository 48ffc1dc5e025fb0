//! How long transfers take on a line, by its speed, its delay and the window.
//!
//! With `b` milliseconds a byte (ten bits), a delay `d` each way, requests of `r` and answers of `a`
//! bytes on the line, and a window of `w` frames:
//!
//! - one exchange takes `T = (r + a) b + 2 d`;
//! - the line alone could take another every `m = max(r, a) b`;
//! - `n` exchanges take `T + (n - 1) m` if `w m >= T`: the line is never idle;
//! - otherwise the window's frames go, and the host waits for answers: `T (1 + (n - 1) div w) + ((n - 1) mod w) m`.
//!
//! The board's own time is not in it. Frames are counted with their longest stuffing
//! ([`encoded_bytes`]), at most 0.4 % too much for long ones.

use std::collections::VecDeque;

use super::frame::encoded_bytes;

/// A line and the window of frames on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkTime {
    /// Bits per second, ten for a byte; 0 for a line that takes no time.
    pub baud: u32,
    /// Milliseconds from the last bit sent to the byte's arrival, each way.
    pub delay: f64,
    /// Frames in flight; 1 is stop-and-wait.
    pub window: usize,
}

/// Milliseconds that bytes take on a line; none at a speed of 0.
#[must_use]
pub fn line_time(bytes: usize, baud: u32) -> f64 {
    if baud == 0 {
        return 0.0;
    }
    bytes as f64 * 10_000.0 / f64::from(baud)
}

impl LinkTime {
    /// Bytes on the line, in one direction, of frames with these payloads.
    #[must_use]
    pub fn bytes_on_line(payloads: impl IntoIterator<Item = usize>) -> usize {
        payloads.into_iter().map(encoded_bytes).sum()
    }

    /// Milliseconds from sending one request to its answer, by the lengths of their payloads.
    #[must_use]
    pub fn single(&self, request: usize, answer: usize) -> f64 {
        let bytes = encoded_bytes(request) + encoded_bytes(answer);
        line_time(bytes, self.baud) + 2.0 * self.delay
    }

    /// Milliseconds that `count` equal exchanges take, by the formula above.
    #[must_use]
    pub fn bulk(&self, count: usize, request: usize, answer: usize) -> f64 {
        let Some(further) = count.checked_sub(1) else {
            return 0.0;
        };
        let single = self.single(request, answer);
        let longer = encoded_bytes(request).max(encoded_bytes(answer));
        let line = line_time(longer, self.baud);
        let window = self.window.max(1);
        if window as f64 * line >= single {
            return single + further as f64 * line;
        }
        single * (1 + further / window) as f64 + (further % window) as f64 * line
    }

    /// Milliseconds that exchanges of any sizes take: payloads of request and answer, in order.
    #[must_use]
    pub fn milliseconds(&self, exchanges: impl IntoIterator<Item = (usize, usize)>) -> f64 {
        let window = self.window.max(1);
        // Times at which the lines are free, and of the latest answers, oldest first.
        let (mut there, mut back) = (0.0_f64, 0.0_f64);
        let mut answers = VecDeque::with_capacity(window);
        let mut last = 0.0;
        for (request, answer) in exchanges {
            if answers.len() == window {
                there = there.max(answers.pop_front().unwrap_or(0.0));
            }
            there += line_time(encoded_bytes(request), self.baud);
            back = back.max(there + self.delay) + line_time(encoded_bytes(answer), self.baud);
            last = back + self.delay;
            answers.push_back(last);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_and_the_recurrence_agree() {
        for baud in [9600, 115_200, 1_000_000, 3_000_000] {
            for delay in [0.0, 1.0, 16.0] {
                for window in [1, 2, 8] {
                    for (request, answer) in [(1024, 0), (10, 1024), (100, 100), (0, 24)] {
                        for count in [0, 1, 2, 7, 8, 9, 65] {
                            let time = LinkTime {
                                baud,
                                delay,
                                window,
                            };
                            let formula = time.bulk(count, request, answer);
                            let exact = time.milliseconds(vec![(request, answer); count]);
                            assert!(
                                (formula - exact).abs() <= 1e-9 * exact,
                                "{time:?} {count} x {request}/{answer}: {formula} {exact}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_byte_is_ten_bits() {
        // 115,200 baud: 11,520 bytes a second.
        assert!((line_time(11_520, 115_200) - 1000.0).abs() < 1e-9);
        assert!(line_time(5, 0).abs() < 1e-9);
        // A header, a checksum, a code byte and a delimiter: 16 bytes around an empty payload.
        assert_eq!(LinkTime::bytes_on_line([0, 0]), 32);
    }
}
