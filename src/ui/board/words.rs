//! How things stand, in words.

use crate::link::answer::{Capabilities, Phase, Stop};
use crate::link::run::{Activity, Comparison, Difference};
use crate::ui::format;
use crate::worker::message::board::{BoardView, Connection, Place};

/// How the board stands: a style class of the state's mark, a word or two, a sentence, and how far
/// what is under way has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Class of the mark.
    pub class: &'static str,
    /// The state.
    pub word: &'static str,
    /// More of it.
    pub says: String,
    /// Share of bytes written or read.
    pub progress: Option<f64>,
}

/// How the board stands. `training` says whether the run on display trains: what is read back between
/// its steps is a part of that.
#[must_use]
pub fn standing(view: &BoardView, training: bool) -> Standing {
    let stands = |class, word, says: String| Standing {
        class,
        word,
        says,
        progress: None,
    };
    match &view.connection {
        Connection::Off => stands("example", "No board", String::new()),
        Connection::Opening => stands(
            "preparing",
            "Opening",
            "The board is asked what it is.".into(),
        ),
        Connection::Lost { message } => stands("failed", "Lost", message.clone()),
        Connection::Open => open(view, training),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a bar's width")]
fn open(view: &BoardView, training: bool) -> Standing {
    let refused = view.fit.as_ref().filter(|fit| !fit.fits);
    let moving = |word, done: u64, total: u64| Standing {
        class: "preparing",
        word,
        says: format!("{} of {}", format::bytes(done), format::bytes(total)),
        progress: Some(done as f64 / total.max(1) as f64),
    };
    match view.activity {
        Activity::Uploading { done, total } => moving("Uploading", done, total),
        Activity::Reading { done, total } if training && view.place != Place::Page => Standing {
            class: "running",
            word: "Training",
            says: with_device(view, ""),
            ..moving("", done, total)
        },
        Activity::Reading { done, total } => moving("Reading back", done, total),
        Activity::Training => Standing {
            class: "running",
            word: "Training",
            says: with_device(view, ""),
            progress: None,
        },
        Activity::Idle if view.place != Place::Page && refused.is_some() => Standing {
            class: "failed",
            word: "Refused",
            says: refused
                .and_then(|fit| fit.reason.clone())
                .unwrap_or_else(|| "The run does not fit the board.".into()),
            progress: None,
        },
        Activity::Idle => Standing {
            class: "finished",
            word: "Connected",
            says: rest(view),
            progress: None,
        },
    }
}

/// The device's name and what there is to say of it.
fn with_device(view: &BoardView, says: &str) -> String {
    let name = view.capabilities.as_ref().map_or("", |b| b.device.as_str());
    match (name, says) {
        ("", says) => says.into(),
        (name, "") => name.into(),
        (name, says) => format!("{name} · {says}"),
    }
}

/// Why a board at rest stands still.
fn rest(view: &BoardView) -> String {
    let says = match (view.state.phase, view.state.stop) {
        (Phase::Empty, _) => "nothing is configured on it yet",
        (_, Stop::Fault) => {
            "it reports a fault of its own: disconnect, switch it off and on, and connect again"
        }
        (_, Stop::Rank) => "a rank's variance fell to the threshold",
        (_, Stop::Paused) => "paused",
        (_, Stop::Done) => "",
    };
    with_device(view, says)
}

/// The widths in bits that a board takes: what of, least and most.
#[must_use]
pub fn widths(board: &Capabilities) -> String {
    let names = ["cores", "activations", "gradients", "masters"];
    let shown: Vec<String> = names
        .iter()
        .zip(board.widths)
        .map(|(name, [least, most])| {
            if least == most {
                format!("{name} {least}")
            } else {
                format!("{name} {least}–{most}")
            }
        })
        .collect();
    shown.join(" · ")
}

/// The outcome of a comparison.
#[must_use]
pub fn outcome(comparison: &Comparison) -> String {
    let step = format::count(comparison.step);
    let words = format::count(comparison.words);
    match comparison.differences {
        0 => format!("After step {step}, all {words} words are equal."),
        1 => format!("After step {step}, 1 of {words} words differs."),
        many => format!(
            "After step {step}, {} of {words} words differ.",
            format::count(many)
        ),
    }
}

/// An index of a tensor: `(3, 0, 1, 12)`.
#[must_use]
pub fn index(difference: &Difference) -> String {
    let axes: Vec<String> = difference.index.iter().map(ToString::to_string).collect();
    format!("({})", axes.join(", "))
}

/// Width in bits of a tensor's words, if they are master copies: of a core `fc1.G2` that of cores, of
/// a bias `fc1.b` that of activations. Moments such as `fc1.G2.first` have none.
#[must_use]
pub fn master_bits(tensor: &str, core: u8, bias: u8) -> Option<u8> {
    let (_, name) = tensor.split_once('.')?;
    match name {
        "b" => Some(bias),
        name if name.starts_with('G') && !name.contains('.') => Some(core),
        _ => None,
    }
}

/// A word as it is shown: a whole number with its two's complement of `bits` in hexadecimal, if
/// `bits` are given; any other number in full.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the lowest bits are what is shown"
)]
pub fn word(value: f64, bits: Option<u8>) -> String {
    let whole = value.is_finite() && value.fract() == 0.0 && value.abs() < 2f64.powi(53);
    if !whole {
        return value.to_string().replace('-', "−");
    }
    let shown = format!("{value}").replace('-', "−");
    match bits {
        Some(bits @ 1..=64) => {
            let mask = u64::MAX >> (64 - u32::from(bits));
            let digits = usize::from(bits.div_ceil(4));
            format!("{shown}  0x{:0digits$X}", value as i64 as u64 & mask)
        }
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::answer::State;
    use crate::worker::message::board::BoardFit;

    fn view(connection: Connection, activity: Activity) -> BoardView {
        BoardView {
            connection,
            activity,
            ..BoardView::default()
        }
    }

    #[test]
    fn every_state_has_a_word() {
        let words = [
            view(Connection::Off, Activity::Idle),
            view(Connection::Opening, Activity::Idle),
            view(Connection::Open, Activity::Idle),
            view(
                Connection::Open,
                Activity::Uploading {
                    done: 500,
                    total: 2_000,
                },
            ),
            view(Connection::Open, Activity::Training),
            view(
                Connection::Lost {
                    message: "Silent.".into(),
                },
                Activity::Training,
            ),
        ]
        .map(|view| standing(&view, true));
        assert_eq!(
            words.each_ref().map(|s| s.word),
            [
                "No board",
                "Opening",
                "Connected",
                "Uploading",
                "Training",
                "Lost"
            ]
        );
        assert_eq!(words[3].progress, Some(0.25));
        assert_eq!(words[5].says, "Silent.");
    }

    #[test]
    fn a_run_that_does_not_fit_is_refused_only_where_it_is_to_train_there() {
        let mut view = view(Connection::Open, Activity::Idle);
        view.fit = Some(BoardFit {
            fits: false,
            memory: (2, 1),
            images: (0, 1),
            reason: Some("It needs 2 bytes.".into()),
        });
        assert_eq!(standing(&view, false).word, "Connected");
        view.place = Place::Board { check: 1 };
        assert_eq!(standing(&view, false).says, "It needs 2 bytes.");
    }

    #[test]
    fn reading_back_between_two_steps_is_training() {
        let reading = Activity::Reading { done: 1, total: 2 };
        let mut view = view(Connection::Open, reading);
        assert_eq!(standing(&view, true).word, "Reading back");
        view.place = Place::Board { check: 1 };
        let between = standing(&view, true);
        assert_eq!((between.word, between.progress), ("Training", Some(0.5)));
        assert_eq!(standing(&view, false).word, "Reading back");
    }

    #[test]
    fn a_board_at_fault_says_so() {
        let mut view = view(Connection::Open, Activity::Idle);
        view.state = State {
            phase: Phase::Still,
            stop: Stop::Fault,
            step: 3,
            ordered: 3,
        };
        assert!(
            standing(&view, false)
                .says
                .starts_with("it reports a fault")
        );
    }

    #[test]
    fn outcomes_are_counted_in_words() {
        let comparison = |differences| Comparison {
            step: 1_241,
            words: 14_336,
            differences,
            ..Comparison::default()
        };
        assert_eq!(
            outcome(&comparison(0)),
            "After step 1,241, all 14,336 words are equal."
        );
        assert_eq!(
            outcome(&comparison(1)),
            "After step 1,241, 1 of 14,336 words differs."
        );
        assert_eq!(
            outcome(&comparison(2_000)),
            "After step 1,241, 2,000 of 14,336 words differ."
        );
    }

    #[test]
    fn only_master_copies_have_a_width() {
        let bits = |tensor| master_bits(tensor, 12, 8);
        assert_eq!(bits("fc1.G2"), Some(12));
        assert_eq!(bits("fc2.b"), Some(8));
        for tensor in [
            "fc1.G2.first",
            "fc1.b.second",
            "fc1.bond1.variance",
            "shifts",
        ] {
            assert_eq!(bits(tensor), None, "{tensor}");
        }
    }

    #[test]
    fn master_words_are_shown_in_hexadecimal_too() {
        assert_eq!(word(-23.0, Some(8)), "−23  0xE9");
        assert_eq!(word(23.0, Some(12)), "23  0x017");
        assert_eq!(word(23.0, None), "23");
        assert_eq!(word(0.25, Some(8)), "0.25");
        assert_eq!(word(f64::NAN, Some(8)), "NaN");
    }
}
