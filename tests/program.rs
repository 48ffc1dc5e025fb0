//! Counts of the paper's network, each recomputed from its formula.

use railyard::program::{NetworkShape, Program, Schedule, Tree, compile};
use railyard::tt::TtShape;

/// The paper's network: 896 -> 512 -> 16.
fn paper(schedule: Schedule) -> Program {
    let fc1 = TtShape::new(vec![7, 4, 2, 16], vec![4, 4, 2, 16], vec![16, 16, 16]).unwrap();
    let fc2 = TtShape::new(vec![32, 16], vec![1, 16], vec![16]).unwrap();
    compile(
        &NetworkShape {
            layers: vec![fc1, fc2],
            exponents: vec![5, 4],
            classes: 10,
        },
        schedule,
        64,
    )
}

fn forward(program: &Program, layer: usize) -> f64 {
    program.counts()[layer].forward.amortised(64)
}

fn training(program: &Program, layer: usize) -> f64 {
    let counts = program.counts()[layer];
    counts.forward.amortised(64) + counts.backward.amortised(64)
}

#[track_caller]
fn same(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 0.5,
        "{found} instead of {expected}"
    );
}

#[test]
fn the_published_order_costs_what_its_sweeps_cost() {
    let program = paper(Schedule::Paper);
    // 56*16*256 + 448*32*32 + 224*64*64 + 128*4*112.
    same(forward(&program, 0), 1_662_976.0);
    same(forward(&program, 1), 139_264.0);
    let counts = program.counts();
    // Core gradients from dW: 20,545,536 for fc1 and 262,144 for fc2, once per batch.
    assert_eq!(counts[0].backward.per_batch, 20_545_536);
    assert_eq!(counts[1].backward.per_batch, 262_144);
    // dW itself, and for fc2 the input gradient.
    assert_eq!(counts[0].backward.per_sample, 458_752);
    assert_eq!(counts[1].backward.per_sample, 8_192 + 139_264);
}

#[test]
fn the_chain_costs_three_sweeps_without_the_first_input_gradient() {
    let program = paper(Schedule::Chain);
    same(training(&program, 0), 4_759_552.0);
    same(training(&program, 1), 417_792.0);
}

#[test]
fn the_planner_reaches_the_known_optimum() {
    let program = paper(Schedule::Planned);
    assert_eq!(program.trees[0].to_string(), "(x(G1G2))(G3G4)");
    assert_eq!(program.trees[1].to_string(), "x(G1G2)");
    same(forward(&program, 0), 497_408.0);
    same(forward(&program, 1), 10_240.0);
    same(training(&program, 0), 1_262_848.0);
    same(training(&program, 1), 30_720.0);
}

#[test]
fn a_tree_names_its_order() {
    assert_eq!(Tree::left_to_right(3).to_string(), "((xG1)G2)G3");
    assert_eq!(Tree::right_to_left(3).to_string(), "((xG3)G2)G1");
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    for schedule in [Schedule::Paper, Schedule::Chain, Schedule::Planned] {
        let program = paper(schedule);
        let mut names: Vec<&str> = program.ops.iter().map(|op| op.name.as_str()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{schedule:?}");
    }
}

/// Layers of modes 1.
fn units(cores: usize, classes: usize) -> NetworkShape {
    let shape = TtShape::new(vec![1; cores], vec![1; cores], vec![1; cores - 1]).unwrap();
    NetworkShape {
        layers: vec![shape],
        exponents: vec![0],
        classes,
    }
}

#[test]
fn long_trains_compile() {
    // The planner searches up to 12 cores; 31 fill the word that holds a set of a layer's tensors.
    for cores in [12, 13, 31] {
        for schedule in [Schedule::Paper, Schedule::Chain, Schedule::Planned] {
            assert_eq!(
                compile(&units(cores, 1), schedule, 2).layers[0].cores.len(),
                cores
            );
        }
    }
}

#[test]
#[should_panic(expected = "at most 31 cores")]
fn longer_trains_are_refused() {
    let _ = compile(&units(32, 1), Schedule::Chain, 2);
}

#[test]
#[should_panic(expected = "classes are 1 to 256 of the outputs")]
fn more_classes_than_outputs_are_refused() {
    let _ = compile(&units(1, 2), Schedule::Chain, 2);
}

#[test]
#[should_panic(expected = "the one before puts out")]
fn layers_that_do_not_fit_are_refused() {
    let layers = vec![TtShape::dense(4, 3).unwrap(), TtShape::dense(2, 2).unwrap()];
    let _ = compile(
        &NetworkShape {
            layers,
            exponents: vec![0, 0],
            classes: 2,
        },
        Schedule::Chain,
        2,
    );
}
