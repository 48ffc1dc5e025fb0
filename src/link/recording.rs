//! A recorded log as a board: it answers what was asked in the recording as it was answered then.

use std::collections::HashMap;

use super::answer::Status;
use super::command::Command;
use super::device::{Device, Reply, Wire};
use super::frame::ANSWER;
use super::log::Passed;

/// The answers to one command, in order.
#[derive(Clone, Debug, Default)]
struct Answers {
    given: Vec<(Status, Vec<u8>)>,
    next: usize,
}

/// The board of a recorded log. A command with the same payload as one in the log is answered with the
/// status and payload recorded: the k-th time with the k-th answer, and with the last from then on.
/// Any other is refused.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    answers: HashMap<(u8, Vec<u8>), Answers>,
}

/// Whether a status is that of a command that reached the board, rather than of a frame that did not.
fn carried_out(status: Status) -> bool {
    !matches!(
        status,
        Status::Missing | Status::NoSession | Status::OtherVersion
    )
}

impl Recording {
    /// The board of these frames; requests without an answer among them are left out.
    #[must_use]
    pub fn new(frames: &[Passed]) -> Self {
        let mut asked = HashMap::new();
        let mut recording = Self::default();
        for frame in frames {
            let number = (frame.session, frame.sequence);
            let Some(payload) = frame.bytes() else {
                continue;
            };
            if frame.sent {
                asked.insert(number, (frame.kind, payload));
                continue;
            }
            let Some(status) = Status::of(frame.status) else {
                continue;
            };
            // The answer to a frame answered before is the first one again.
            if frame.repeated || !carried_out(status) {
                continue;
            }
            match asked.remove(&number) {
                Some(request) if request.0 == frame.kind & !ANSWER => {
                    let answers = recording.answers.entry(request).or_default();
                    answers.given.push((status, payload));
                }
                _ => {}
            }
        }
        recording
    }

    /// Commands that it can answer, told apart by their payloads.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether it can answer none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

impl Device for Recording {
    fn execute(
        &mut self,
        command: &Command<'_>,
        _wire: Wire,
        _now: f64,
        reply: &mut Reply<'_>,
    ) -> Status {
        let kind = command.kind();
        let Some(answers) = self.answers.get_mut(&(kind, command.payload())) else {
            reply.explain(&format!(
                "this board is a recorded log, and this {} is not in it: only what was asked then can be asked again",
                Command::name(kind)
            ));
            return Status::BadState;
        };
        let last = answers.given.len() - 1;
        let (status, payload) = &answers.given[answers.next.min(last)];
        answers.next = (answers.next + 1).min(last);
        reply.put(payload);
        *status
    }

    fn restart(&mut self) {
        for answers in self.answers.values_mut() {
            answers.next = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::command::{Address, Space};
    use super::super::frame::{Header, MAX_PAYLOAD};
    use super::super::log::{self, Log};
    use super::*;

    /// A byte of memory, and a count of statuses.
    #[derive(Default)]
    struct Small {
        byte: u8,
        asked: u8,
    }

    impl Device for Small {
        fn execute(
            &mut self,
            command: &Command<'_>,
            _wire: Wire,
            _now: f64,
            reply: &mut Reply<'_>,
        ) -> Status {
            match command {
                &Command::Write(_, &[byte]) => self.byte = byte,
                Command::Read(..) => {
                    reply.put(&[self.byte]);
                }
                Command::Status(_) => {
                    self.asked += 1;
                    reply.put(&[self.asked; 24]);
                }
                _ => {
                    reply.explain("no");
                    return Status::Unsupported;
                }
            }
            Status::Ok
        }
    }

    fn ask(device: &mut impl Device, command: &Command<'_>) -> (Status, Vec<u8>) {
        let mut buffer = [0; MAX_PAYLOAD];
        let mut reply = Reply::new(&mut buffer);
        let status = device.execute(command, Wire::default(), 0.0, &mut reply);
        (status, reply.bytes().to_vec())
    }

    const AT: Address = Address {
        space: Space::Images,
        index: 0,
        offset: 0,
    };

    #[test]
    fn a_recorded_board_answers_as_the_board_did() {
        let commands = [
            Command::Status(0),
            Command::Read(AT, 1),
            Command::Write(AT, &[7]),
            Command::Read(AT, 1),
            Command::Run(5),
            Command::Status(0),
            Command::Status(0),
            Command::Write(AT, &[9]),
            Command::Read(AT, 1),
        ];
        let (mut board, mut log) = (Small::default(), Log::default());
        let mut given = vec![];
        for (number, command) in commands.iter().enumerate() {
            let request = Header {
                kind: command.kind(),
                session: 3,
                // Sequence numbers begin anew on the way.
                sequence: 65_533_u16.wrapping_add(number as u16),
                ..Header::default()
            };
            let at = number as f64;
            log.passed(at, true, &request, &command.payload(), false);
            log.passed(at, true, &request, &command.payload(), true);
            let (status, payload) = ask(&mut board, command);
            let answer = |status: Status| Header {
                kind: request.kind | ANSWER,
                status: status as u8,
                ..request
            };
            log.passed(at, false, &answer(Status::Missing), &[], false);
            log.passed(at, false, &answer(status), &payload, false);
            log.passed(at, false, &answer(status), &payload, true);
            given.push((status, payload));
        }
        let frames = log::read(&log.save()).unwrap();
        let mut recorded = Recording::new(&frames);
        assert_eq!(recorded.len(), 5);
        for _ in 0..2 {
            for (command, answer) in commands.iter().zip(&given) {
                assert_eq!(&ask(&mut recorded, command), answer);
            }
            // What is asked once more than in the recording is answered as the last time.
            assert_eq!(ask(&mut recorded, &Command::Status(0)), given[6]);
            recorded.restart();
        }
        let (status, said) = ask(&mut recorded, &Command::Run(6));
        assert_eq!(status, Status::BadState);
        assert!(
            String::from_utf8(said)
                .unwrap()
                .contains("this run is not in it")
        );
    }

    #[test]
    fn a_log_without_answers_is_a_board_that_refuses() {
        let mut log = Log::default();
        let header = Header {
            kind: 8,
            ..Header::default()
        };
        log.passed(0.0, true, &header, &[], false);
        let mut recorded = Recording::new(&log.take_new(9).0);
        assert!(recorded.is_empty());
        assert_eq!(ask(&mut recorded, &Command::Pause).0, Status::BadState);
    }
}
