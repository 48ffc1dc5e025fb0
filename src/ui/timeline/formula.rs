//! The lengths of an operation's phases as formulas with its own numbers. P1 is lanes, P2 rows.

use super::words::loops;
use crate::accel::machine::{Machine, OuterProduct, Transposer};
use crate::accel::timing::{Element, OpTiming, Phase, Stage};

/// The beats of a phase: how they come about and how many they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formula {
    /// Which stage.
    pub stage: Stage,
    /// In symbols, such as `P2 ⌈C/P1⌉ B`.
    pub symbols: &'static str,
    /// The same in numbers.
    pub numbers: String,
    /// Beats.
    pub beats: u64,
}

/// Formulas of a tile of an operation; none for the sum of an odd shape.
#[must_use]
pub fn formulas(op: &OpTiming, machine: &Machine) -> Vec<Formula> {
    let (p1, p2) = (machine.lanes, machine.rows);
    if let Some(sizes) = loops(&op.shape) {
        return contraction(op, machine, sizes);
    }
    let sizes: Vec<usize> = op
        .shape
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    let one = |symbols, numbers, beats: usize| {
        let stage = if op.element == Element::Input {
            Stage::Load
        } else {
            Stage::Compute
        };
        vec![Formula {
            stage,
            symbols,
            numbers,
            beats: beats as u64,
        }]
    };
    match (op.element, &sizes[..]) {
        (Element::Outer, &[outer, line]) => match machine.outer {
            OuterProduct::Line => one(
                "outer ⌈line/P1⌉",
                format!("{outer}·⌈{line}/{p1}⌉"),
                outer * line.div_ceil(p1),
            ),
            OuterProduct::Array => one(
                "⌈outer line/(P1 P2)⌉",
                format!("⌈{outer}·{line}/({p1}·{p2})⌉"),
                (outer * line).div_ceil(p1 * p2),
            ),
        },
        (Element::Input, &[values]) => {
            let width = machine.ports.width.min(p1);
            one(
                "⌈values/width⌉",
                format!("⌈{values}/{width}⌉"),
                values.div_ceil(width),
            )
        }
        (Element::Elementwise, &[values]) => {
            let lanes = machine.elementwise.lanes;
            one(
                "⌈values/lanes⌉",
                format!("⌈{values}/{lanes}⌉"),
                values.div_ceil(lanes),
            )
        }
        (Element::Elementwise, &[values, passes]) => {
            let lanes = machine.elementwise.lanes;
            one(
                "passes ⌈values/lanes⌉",
                format!("{passes}·⌈{values}/{lanes}⌉"),
                passes * values.div_ceil(lanes),
            )
        }
        _ => vec![],
    }
}

fn contraction(op: &OpTiming, machine: &Machine, [_, b, c, d]: [usize; 4]) -> Vec<Formula> {
    let (p1, p2) = (machine.lanes, machine.rows);
    let last = op.element == Element::Last;
    let mut found = Vec::with_capacity(3);
    let mut add = |stage, symbols, numbers, beats: usize| {
        found.push(Formula {
            stage,
            symbols,
            numbers,
            beats: beats as u64,
        });
    };
    if last {
        let groups = c.div_ceil(p1);
        add(
            Stage::Load,
            "P2 ⌈C/P1⌉ B",
            format!("{p2}·⌈{c}/{p1}⌉·{b}"),
            p2 * groups * b,
        );
        add(
            Stage::Compute,
            "D ⌈C/P1⌉ B",
            format!("{d}·⌈{c}/{p1}⌉·{b}"),
            d * groups * b,
        );
    } else {
        add(Stage::Load, "B", b.to_string(), b);
        add(
            Stage::Compute,
            "⌈D/P2⌉ B",
            format!("⌈{d}/{p2}⌉·{b}"),
            d.div_ceil(p2) * b,
        );
    }
    if !op.transposed {
        add(Stage::Store, "D", d.to_string(), d);
        return found;
    }
    let (coupling, rows) = if last {
        (&machine.last, p2)
    } else {
        (&machine.middle, p1)
    };
    let squares = d.div_ceil(p1);
    match (coupling.transposer, last) {
        (Transposer::Single, true) => add(
            Stage::Store,
            "⌈D/P1⌉ (P1 + P2)",
            format!("⌈{d}/{p1}⌉·({p1} + {p2})"),
            squares * (p1 + rows),
        ),
        (Transposer::Single, false) => add(
            Stage::Store,
            "⌈D/P1⌉ 2 P1",
            format!("⌈{d}/{p1}⌉·2·{p1}"),
            squares * 2 * p1,
        ),
        (Transposer::Double, true) => add(
            Stage::Store,
            "⌈D/P1⌉ max(P1, P2)",
            format!("⌈{d}/{p1}⌉·max({p1}, {p2})"),
            squares * p1.max(rows),
        ),
        (Transposer::Double, false) => add(
            Stage::Store,
            "⌈D/P1⌉ P1",
            format!("⌈{d}/{p1}⌉·{p1}"),
            squares * p1,
        ),
    }
    found
}

/// A phase's cycles without the pipeline: a formula's beats, and what conflicts add to them.
#[must_use]
pub fn moving(phase: &Phase) -> u64 {
    phase.end - phase.start - u64::from(phase.drain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::timeline::sample::{machines, step_on};

    /// Every phase of every tile of whole training steps has as many beats as its formula says.
    #[test]
    fn formulas_give_the_engines_lengths() {
        let mut checked = 0;
        for machine in machines() {
            let step = step_on(&machine);
            for (ops, _) in step.parts() {
                for op in ops {
                    for tile in 0..op.tiles {
                        for formula in formulas(op, &machine) {
                            let phase = op.phase(formula.stage, tile).expect("a phase");
                            if phase.conflict == 0 {
                                assert_eq!(moving(phase), formula.beats, "{} {formula:?}", op.name);
                                checked += 1;
                            } else {
                                assert!(moving(phase) > formula.beats, "{} {formula:?}", op.name);
                            }
                        }
                    }
                    let stages = if op.staged() { 3 } else { 1 };
                    assert_eq!(formulas(op, &machine).len(), stages, "{}", op.shape);
                }
            }
        }
        assert!(checked > 1_000, "{checked}");
    }
}
