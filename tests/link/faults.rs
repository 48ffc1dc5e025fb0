//! A million frames through each kind of fault: nothing wrong is accepted, nothing is lost, nothing is done
//! twice, and every loss is recovered from in time.

use std::collections::VecDeque;

use railyard::link::command::Command;
use railyard::link::frame::{ANSWER, MAX_ENCODED};
use railyard::link::line::{Faults, LineSettings};
use railyard::link::responder::WINDOW;
use railyard::link::session::{Limits, LinkError, Session, Ticket};
use railyard::link::time::line_time;
use railyard::numeric::{Seed, Stream};

use crate::memory::{Bench, Memory, at, crc};

const FRAMES: u64 = 1_000_000;
const BAUD: u32 = 1_000_000;
/// Bytes of the board's memory that are used, so that commands meet often.
const PLACES: usize = 4096;

const LIMITS: Limits = Limits {
    answer: 250.0,
    heartbeat: 200.0,
    silence: 800.0,
    baud: BAUD,
};

/// A time limit: of an answer, with the longest frames in a full window.
fn limit() -> f64 {
    LIMITS.answer + line_time(WINDOW * MAX_ENCODED, BAUD)
}

/// What is asked.
#[derive(Clone)]
enum Ask {
    Write(usize, Vec<u8>),
    Read(usize, usize),
    Checksum(usize, usize),
}

/// A request that is kept until it and all before it are answered.
struct Request {
    ask: Ask,
    expected: Vec<u8>,
    /// Its ticket, while it waits in the present session.
    ticket: Option<Ticket>,
    /// Whether it was answered ever.
    answered: bool,
}

/// The latest two transmissions of a sequence number.
#[derive(Clone, Copy, Default)]
struct Sent {
    before: f64,
    last: f64,
}

/// A host that asks random things and knows every answer before.
struct Host {
    bench: Bench<Memory>,
    random: Stream,
    draws: u32,
    /// The memory after all requests, and after those that are answered with all before them.
    mirror: Vec<u8>,
    settled: Vec<u8>,
    requests: VecDeque<Request>,
    /// Writes that bring a board that lost its memory back to what is settled.
    restoring: Vec<Ticket>,
    /// By sequence number.
    sent: Vec<Sent>,
    /// Longest time from the sending of a frame that was lost to its request's answer.
    slowest: f64,
    asked: u64,
    answered: u64,
    session: u16,
    /// Frames in both directions, of which some were sent again, in sessions that are over.
    frames: u64,
    repeated: u64,
    /// When the board's power failed, until it is known again.
    failed: Option<f64>,
    failures: u64,
}

impl Host {
    fn new(faults: Faults, seed: u32) -> Self {
        let line = LineSettings {
            baud: BAUD,
            delay: 1.0,
            faults,
            seed,
        };
        Self {
            bench: Bench::new(Memory::default(), line, LIMITS),
            random: Stream::new(Seed(seed), 1, 0, 0),
            draws: 0,
            mirror: vec![0; PLACES],
            settled: vec![0; PLACES],
            requests: VecDeque::new(),
            restoring: vec![],
            sent: vec![Sent::default(); 1 << 16],
            slowest: 0.0,
            asked: 0,
            answered: 0,
            session: 1,
            frames: 0,
            repeated: 0,
            failed: None,
            failures: 0,
        }
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.draws = self.draws.wrapping_add(1);
        self.random.below(self.draws, bound)
    }

    /// A new request with the answer that it must have.
    fn ask(&mut self) {
        // One in 64 is long.
        let most = if self.below(64) == 0 { 1000 } else { 24 };
        let len = 1 + self.below(most) as usize;
        let place = self.below((PLACES - len) as u32) as usize;
        let (ask, expected) = match self.below(3) {
            0 => {
                let data: Vec<u8> = (0..len).map(|_| self.below(256) as u8).collect();
                self.mirror[place..place + len].copy_from_slice(&data);
                (Ask::Write(place, data), vec![])
            }
            1 => {
                let expected = self.mirror[place..place + len].to_vec();
                (Ask::Read(place, len), expected)
            }
            _ => {
                let sum = crc(&self.mirror[place..place + len]);
                (Ask::Checksum(place, len), sum.to_le_bytes().to_vec())
            }
        };
        self.asked += 1;
        self.requests.push_back(Request {
            ticket: Some(submit(&mut self.bench.session, &ask)),
            ask,
            expected,
            answered: false,
        });
    }

    /// Takes the answers that have come; each must be right.
    fn take(&mut self) {
        let session = &mut self.bench.session;
        self.restoring.retain(|&ticket| {
            let answer = session.answer(ticket);
            assert!(matches!(answer, None | Some(Ok(_))), "{answer:?}");
            answer.is_none()
        });
        for request in &mut self.requests {
            let answer = request.ticket.and_then(|ticket| session.answer(ticket));
            if let Some(answer) = answer {
                assert_eq!(answer.as_ref(), Ok(&request.expected));
                self.answered += u64::from(!request.answered);
                (request.ticket, request.answered) = (None, true);
            }
        }
        while self.requests.front().is_some_and(|r| r.ticket.is_none()) {
            if let Some(Ask::Write(place, data)) = self.requests.pop_front().map(|r| r.ask) {
                self.settled[place..place + data.len()].copy_from_slice(&data);
            }
        }
    }

    /// Looks at the frames that passed, and measures each recovery.
    fn measure(&mut self) {
        for passed in self.bench.session.log().take_new(usize::MAX).0 {
            let sent = &mut self.sent[usize::from(passed.sequence)];
            if passed.sent {
                sent.before = if passed.repeated {
                    sent.last
                } else {
                    passed.at
                };
                sent.last = passed.at;
            } else if !passed.repeated && passed.kind != ANSWER {
                self.slowest = self.slowest.max(passed.at - sent.before);
            }
        }
    }

    fn passed(&self) -> u64 {
        let statistics = self.bench.session.statistics();
        self.frames + statistics.frames + statistics.repeated + statistics.answers
    }

    /// The board was reset: another session, the memory as far as it is settled, and everything after it
    /// again.
    fn begin_again(&mut self) {
        self.frames = self.passed();
        self.repeated += self.bench.session.statistics().repeated;
        self.session += 1;
        let session = &mut self.bench.session;
        *session = Session::new(self.session, LIMITS);
        let block = 1000;
        let blocks = self.settled.chunks(block).enumerate();
        self.restoring = blocks
            .map(|(i, data)| session.submit(&Command::Write(at(i * block), data)))
            .collect();
        for request in &mut self.requests {
            request.ticket = Some(submit(session, &request.ask));
        }
        self.bench.turn();
    }

    /// Passes so many frames; the power fails once in `failure` events.
    fn run(mut self, frames: u64, failure: Option<u32>) -> Self {
        self.bench.turn();
        loop {
            if let Some(fault) = self.bench.session.fault() {
                assert_eq!(*fault, LinkError::Reset);
                assert!(failure.is_some());
                // Every request has this typed error, or the answer that came before it.
                for request in &self.requests {
                    if let Some(answer) = request.ticket.and_then(|t| self.bench.session.answer(t))
                    {
                        assert!(
                            answer == Err(LinkError::Reset)
                                || answer.as_ref() == Ok(&request.expected)
                        );
                    }
                }
                self.begin_again();
            }
            self.take();
            self.measure();
            if self.bench.session.capabilities().is_some() {
                while self.passed() < frames && self.requests.len() < WINDOW {
                    self.ask();
                }
                if self.requests.is_empty() && self.failed.is_none() {
                    break;
                }
            }
            self.fail(failure);
            assert!(self.bench.step());
        }
        assert_eq!(self.answered, self.asked);
        assert_eq!(self.bench.wired.device().bytes[..PLACES], self.mirror);
        assert!(self.slowest <= 2.0 * limit(), "{} ms", self.slowest);
        self.repeated += self.bench.session.statistics().repeated;
        println!(
            "{} frames, {} sent again, {} resets; slowest recovery {:.1} ms of {:.1}",
            self.passed(),
            self.repeated,
            self.failures,
            self.slowest,
            2.0 * limit()
        );
        self
    }

    /// Lets the power fail now and then, and measures how long it takes to be talking again.
    fn fail(&mut self, failure: Option<u32>) {
        let talking = self.bench.session.capabilities();
        if let Some(failed) = self.failed {
            let boot = self.bench.wired.device().boot;
            if talking.is_some_and(|board| board.boot == boot) {
                let time = self.bench.now - failed;
                assert!(time <= 2.0 * limit(), "{time} ms to another session");
                self.slowest = self.slowest.max(time);
                self.failed = None;
            }
        } else if let Some(share) = failure
            && talking.is_some()
            && self.below(share) == 0
        {
            self.bench.wired.restart();
            self.failed = Some(self.bench.now);
            self.failures += 1;
        }
    }
}

fn submit(session: &mut Session, ask: &Ask) -> Ticket {
    session.submit(&match *ask {
        Ask::Write(place, ref data) => Command::Write(at(place), data),
        Ask::Read(place, len) => Command::Read(at(place), len as u16),
        Ask::Checksum(place, len) => Command::Checksum(at(place), len as u32),
    })
}

/// A million frames on a line with faults, but without failures: every frame is carried out once.
fn a_million(faults: Faults, seed: u32) -> Host {
    let mut host = Host::new(faults, seed).run(FRAMES, None);
    let frames = host.bench.session.statistics().frames;
    assert_eq!(host.bench.wired.device().executed, frames);
    host
}

/// The faults were there: so many frames at least were sent again.
fn repeated(host: &Host, least: u64) {
    assert!(host.repeated >= least, "{}", host.repeated);
}

#[test]
fn damaged_frames() {
    let faults = Faults {
        corrupt: 0.01,
        ..Faults::default()
    };
    repeated(&a_million(faults, 1), 9_000);
}

#[test]
fn lost_frames() {
    let faults = Faults {
        drop: 0.01,
        ..Faults::default()
    };
    repeated(&a_million(faults, 2), 9_000);
}

#[test]
fn doubled_frames() {
    let faults = Faults {
        duplicate: 0.05,
        ..Faults::default()
    };
    let host = a_million(faults, 3);
    assert!(host.bench.wired.wire().repeated > 10_000);
}

#[test]
fn frames_out_of_order() {
    let faults = Faults {
        reorder: 0.05,
        ..Faults::default()
    };
    repeated(&a_million(faults, 4), 1_000);
}

#[test]
fn garbage_between_frames() {
    let faults = Faults {
        garbage: 0.05,
        ..Faults::default()
    };
    let host = a_million(faults, 5);
    assert!(host.bench.wired.wire().damaged > 10_000);
}

#[test]
fn power_failures() {
    let host = Host::new(Faults::default(), 6).run(FRAMES, Some(2000));
    assert!(host.failures > 300, "{}", host.failures);
}

#[test]
fn everything_at_once() {
    let faults = Faults {
        corrupt: 0.01,
        drop: 0.01,
        duplicate: 0.01,
        reorder: 0.01,
        garbage: 0.01,
        ..Faults::default()
    };
    let host = Host::new(faults, 7).run(FRAMES / 4, Some(2000));
    assert!(host.failures > 50 && host.repeated > 5_000);
}
