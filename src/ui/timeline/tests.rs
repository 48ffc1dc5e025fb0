//! The picture of an epoch, without a browser.

use std::time::Instant;

use super::keys::Command;
use super::layout::{Layout, Row};
use super::raster::Raster;
use super::scene::{Bar, FILLS, Fill, Scene};
use super::state::State;
use super::window::Window;
use super::{details, sample, search, svg, table};
use crate::accel::timing::{CAUSES, Cause, TRACKS};
use crate::program::Part;

const SIZE: (f64, f64) = (1150.0, 800.0);

fn state() -> State {
    State::new(sample::epoch())
}

fn scene(state: &State) -> (Scene, Layout) {
    let layout = Layout::new(SIZE.0, SIZE.1);
    (Scene::new(state, &layout, 1.0), layout)
}

fn covered(bars: &[Bar], layout: &Layout, track: usize, fill: Fill) -> f64 {
    let place = layout
        .rows
        .iter()
        .find(|place| place.row == Row::Track(track));
    let place = place.expect("a row");
    let inside = |bar: &&Bar| {
        bar.fill == fill
            && bar.x >= layout.left
            && bar.y >= place.top - 0.5
            && bar.y + bar.height <= place.top + place.height + 0.5
    };
    bars.iter()
        .filter(inside)
        .map(|bar| bar.width * bar.height)
        .sum::<f64>()
        / (place.height * layout.width)
}

#[test]
fn the_area_of_each_cause_is_its_share() {
    let mut state = state();
    for span in [3.7e9, 4.1e7, 3.3e5, 40_000.0, 1_000.0] {
        state.window = Window { start: 1.2e9, span }.within(state.timeline.cycles());
        let (scene, layout) = scene(&state);
        for (index, track) in TRACKS.into_iter().enumerate() {
            let tally = state.timeline.tally(track, state.window.range());
            for cause in CAUSES.into_iter().filter(|cause| *cause != Cause::Idle) {
                let share = tally.of(cause) as f64 / tally.total() as f64;
                let area = covered(&scene.bars, &layout, index, Fill::of(track, cause));
                // Heights are whole pixels of a row of about twenty.
                assert!(
                    (share - area).abs() < 0.03,
                    "{track:?} {cause:?} {span}: {share} {area}"
                );
            }
        }
    }
}

#[test]
fn bars_lie_within_the_picture() {
    let mut state = state();
    state.select(1_000..2_000);
    for _ in 0..50 {
        let (scene, layout) = scene(&state);
        for bar in &scene.bars {
            let right = layout.left + layout.width + 1e-6;
            assert!(bar.x >= 0.0 && bar.x + bar.width <= right + 1.0, "{bar:?}");
            assert!(bar.width >= 0.0 && bar.y + bar.height <= SIZE.1, "{bar:?}");
        }
        state.follow(Command::ZoomIn, 0.0, true);
    }
    assert!((state.window.span - 1.0).abs() < 1e-9, "down to one cycle");
}

#[test]
fn a_pan_by_whole_pixels_moves_the_columns_only() {
    let mut state = state();
    state.window = Window {
        start: 1e9,
        span: 1e6,
    };
    let pixels = |state: &State| {
        let (scene, layout) = scene(state);
        let mut raster = Raster::default();
        raster.clear(SIZE.0 as usize, SIZE.1 as usize, [0; 4]);
        let inks = std::array::from_fn::<_, { FILLS.len() }, _>(|k| super::raster::Ink {
            front: [k as u8 + 1; 4],
            back: [k as u8 + 1; 4],
        });
        // Labels' grounds and the axis are laid out anew.
        let bars: Vec<Bar> = scene
            .bars
            .into_iter()
            .filter(|bar| {
                !matches!(
                    bar.fill,
                    Fill::Ground | Fill::Grid | Fill::Span | Fill::Held
                )
            })
            .collect();
        raster.draw(&bars, 1.0, &inks);
        (raster, layout.left as usize)
    };
    let (before, left) = pixels(&state);
    let scale = state.window.span / (SIZE.0 - left as f64);
    state.window.start += 10.0 * scale;
    let (after, _) = pixels(&state);
    let (mut same, mut all) = (0_u32, 0_u32);
    for y in 0..before.height {
        for x in left..before.width - 11 {
            let at = |raster: &Raster, x: usize| raster.bytes[4 * (y * raster.width + x)];
            all += 1;
            same += u32::from(at(&before, x + 10) == at(&after, x));
        }
    }
    assert!(f64::from(same) > 0.999 * f64::from(all), "{same} of {all}");
}

#[test]
fn single_cycles_have_notches_and_slices_names() {
    let mut state = state();
    let op = search::search(&state, "fc1", 1).remove(0);
    let range = search::locate(&state, &op).expect("it is there");
    state.window = Window {
        start: range.start as f64,
        span: 60.0,
    };
    let (scene, _) = scene(&state);
    assert!(
        scene
            .labels
            .iter()
            .any(|label| label.text.contains(&op.name))
    );
    let grounds = scene.bars.iter().filter(|bar| bar.fill == Fill::Ground);
    assert!(grounds.count() > 9 * 60);
}

#[test]
fn walking_visits_every_slice_of_work() {
    let mut state = state();
    state.track = 2;
    state.window = Window {
        start: 0.0,
        span: 1e6,
    };
    let track = state.focused();
    let range = 0..400_000;
    let slices = state.timeline.slices(track, range, 100_000).expect("few");
    let starts: Vec<u64> = slices
        .iter()
        .filter(|s| s.cause != Cause::Idle)
        .map(|s| s.start)
        .collect();
    state.pick(track, starts[0]);
    for &start in &starts[1..200] {
        state.follow(Command::Next, 0.0, true);
        assert_eq!(state.slice().map(|slice| slice.start), Some(start));
        assert!(state.window.range().contains(&start));
    }
    for &start in starts[..199].iter().rev() {
        state.follow(Command::Previous, 0.0, true);
        assert_eq!(state.slice().map(|slice| slice.start), Some(start));
    }
}

#[test]
fn details_say_what_a_slice_is() {
    let program = sample::program();
    let mut state = state();
    for track in TRACKS {
        let cycle = state.timeline.next_work(track, 0, true).expect("work");
        state.pick(track, cycle);
        let details = details::details(&state, Some(&program)).expect("a slice");
        let fact = |name: &str| {
            let found = details.facts.iter().find(|(term, _)| *term == name);
            found.map(|(_, text)| text.as_str()).unwrap_or_default()
        };
        assert!(fact("track").starts_with(track.name()));
        assert!(fact("writes").contains('('), "{details:?}");
        assert!(details.spoken.contains(track.name()));
    }
}

#[test]
fn the_table_lists_slices_when_they_are_few() {
    let mut state = state();
    let whole = table::seen(&state);
    assert_eq!(whole.rows.len(), TRACKS.len());
    assert!(table::csv(&state).starts_with("track,busy,load-bound"));
    state.window = Window {
        start: 5e8,
        span: 300.0,
    };
    let few = table::seen(&state);
    assert_eq!(few.head[1], "Operation");
    assert!(!few.rows.is_empty() && few.rows.iter().all(|row| row.len() == few.head.len()));
}

#[test]
fn a_shorter_step_keeps_its_place() {
    let mut state = state();
    let start = state.timeline.step_start(450);
    let length = state.timeline.step_start(451) - start;
    state.window = Window {
        start: start as f64 + 0.25 * length as f64,
        span: 0.5 * length as f64,
    };
    let machine = crate::accel::Machine::streamlined();
    let step = std::rc::Rc::new(sample::step_on(&machine));
    let shorter = std::rc::Rc::new(crate::accel::Timeline::new(&[(step, 900)]));
    state.replace(shorter.clone());
    let place = shorter.place(state.window.at(0.5) as u64).expect("a place");
    assert_eq!(place.step, 450);
    state.replace(std::rc::Rc::default());
    assert_eq!(state.window.range(), 0..1);
    assert!(
        Scene::new(&state, &Layout::new(SIZE.0, SIZE.1), 1.0)
            .bars
            .is_empty()
    );
}

#[test]
fn search_finds_operations_in_the_sample_that_is_seen() {
    let mut state = state();
    let start = state.timeline.step_start(7);
    state.window = Window {
        start: start as f64 + 2.5e6,
        span: 10.0,
    };
    let hits = search::search(&state, "FC1", 100);
    assert!(hits.len() > 4);
    let hit = hits
        .iter()
        .find(|hit| hit.part == Part::Sample)
        .expect("one of a sample");
    let range = search::locate(&state, hit).expect("it is there");
    let (here, there) = (
        state.timeline.place(start + 2_500_000),
        state.timeline.place(range.start),
    );
    let (here, there) = (here.expect("seen"), there.expect("found"));
    assert_eq!((here.step, here.sample), (there.step, there.sample));
    assert!(search::search(&state, "  ", 100).is_empty());
}

#[test]
fn an_svg_file_holds_every_bar_and_label() {
    let mut state = state();
    state.window = Window {
        start: 0.0,
        span: 2_000.0,
    };
    let (scene, layout) = scene(&state);
    let colours = svg::Colours {
        front: vec!["#111".into(); FILLS.len()],
        back: vec!["#eee".into(); FILLS.len()],
        ground: "#fff".into(),
        tones: std::array::from_fn(|_| "#000".into()),
    };
    let text = svg::write(&scene, &layout, SIZE.1, "a < b", &colours);
    assert_eq!(text.matches("<text ").count(), scene.labels.len());
    assert!(text.matches("<rect ").count() > scene.bars.len());
    assert!(text.contains("<title>a &lt; b</title>"));
}

/// What a frame costs without the browser; printed, since machines differ.
#[test]
fn a_frame_of_an_epoch_is_cheap() {
    let mut state = state();
    let mut worst: f64 = 0.0;
    for _ in 0..45 {
        let start = Instant::now();
        let (scene, _) = scene(&state);
        let spent = start.elapsed().as_secs_f64() * 1e3;
        worst = worst.max(spent);
        println!(
            "span {:>12.0}: {:.2} ms, {} bars, {} labels",
            state.window.span,
            spent,
            scene.bars.len(),
            scene.labels.len()
        );
        state.follow(Command::ZoomIn, 0.0, true);
    }
    // Far above what it takes anywhere, far below what a scan of the cycles would take.
    assert!(worst < 1_000.0, "{worst} ms");
}
