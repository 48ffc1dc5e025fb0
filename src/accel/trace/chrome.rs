//! Chrome trace events: JSON with one thread per track, one for steps, samples and operations each,
//! and a counter per buffer. Idle cycles have no slice, so slices of a track never overlap.

use std::fmt::Write;

use serde::Serialize;

use super::super::timeline::Level;
use super::super::timing::TRACKS;
use super::window::{BUFFERS, Window};
use crate::json;

/// The process of the elements.
const MACHINE: u32 = 1;
/// The process of steps, samples and operations.
const TRAINING: u32 = 2;

/// The whole file.
pub fn write(window: &Window) -> String {
    let mut out = Events::new(window);
    let machine = format!("accelerator {}", window.machine.name);
    out.metadata(MACHINE, 0, "process_name", "name", &json::write(&machine));
    out.metadata(MACHINE, 0, "process_sort_index", "sort_index", "2");
    out.metadata(TRAINING, 0, "process_name", "name", "\"training\"");
    out.metadata(TRAINING, 0, "process_sort_index", "sort_index", "1");
    let levels = [
        (Level::Step, "steps"),
        (Level::Sample, "samples"),
        (Level::Op, "operations"),
    ];
    for (index, (level, name)) in levels.into_iter().enumerate() {
        let thread = 101 + index as u32;
        out.thread(TRAINING, thread, name);
        for span in window.spans(level) {
            out.slice(TRAINING, thread, span.start, span.end);
            let _ = write!(
                out.0,
                "\"name\":{},\"args\":{{\"step\":{}",
                json::write(&window.title(level, &span)),
                span.step
            );
            if let Some(sample) = span.sample {
                let _ = write!(out.0, ",\"sample\":{sample}");
            }
            if let Some(op) = span.op {
                let _ = write!(
                    out.0,
                    ",\"shape\":{},\"tiles\":{}",
                    json::write(&op.shape),
                    op.tiles
                );
            }
            out.0.push_str("}}");
        }
    }
    for (index, track) in TRACKS.into_iter().enumerate() {
        let thread = 1 + index as u32;
        out.thread(MACHINE, thread, track.name());
        // Names are made once per operation, not once per slice.
        let (mut known, mut name, mut shape) = (None, String::new(), String::new());
        for piece in window.work(track) {
            if known != Some(std::ptr::from_ref(piece.op)) {
                known = Some(std::ptr::from_ref(piece.op));
                (name, shape) = (json::write(&piece.op.name), json::write(&piece.op.shape));
            }
            out.slice(MACHINE, thread, piece.start, piece.end);
            let cause = piece.cause.name();
            let open = name.strip_suffix('"').unwrap_or(&name);
            let _ = write!(
                out.0,
                "\"name\":{open} {cause}\",\"cat\":\"{cause}\",\"args\":{{"
            );
            if let Some(tile) = piece.tile {
                let _ = write!(out.0, "\"tile\":{tile},");
            }
            let _ = write!(out.0, "\"cause\":\"{cause}\",\"shape\":{shape}}}}}");
        }
    }
    for (element, buffer, name) in BUFFERS {
        for (cycle, tiles) in window.fills(element, buffer) {
            let _ = write!(
                out.event(),
                "{{\"ph\":\"C\",\"pid\":{MACHINE},\"tid\":0,\"ts\":{cycle},\"name\":\"{name}\",\
                 \"args\":{{\"tiles\":{tiles}}}}}"
            );
        }
    }
    out.end()
}

/// What the file says about itself.
#[derive(Serialize)]
struct About<'a> {
    clock_mhz: f64,
    cycles: u64,
    first_cycle: u64,
    machine: &'a str,
    time: &'static str,
}

struct Events(String);

impl Events {
    fn new(window: &Window) -> Self {
        let about = json::write(&About {
            clock_mhz: window.machine.clock_mhz,
            cycles: window.range.end - window.range.start,
            first_cycle: window.range.start,
            machine: &window.machine.name,
            time: "1 us is 1 cycle of the accelerator",
        });
        // Old versions of Perfetto would take a `displayTimeUnit` as the unit of all times.
        Self(format!("{{\"otherData\":{about},\"traceEvents\":["))
    }

    /// Where the next event goes.
    fn event(&mut self) -> &mut String {
        if !self.0.ends_with('[') {
            self.0.push(',');
        }
        self.0.push('\n');
        &mut self.0
    }

    fn metadata(&mut self, process: u32, thread: u32, what: &str, key: &str, value: &str) {
        let _ = write!(
            self.event(),
            "{{\"ph\":\"M\",\"pid\":{process},\"tid\":{thread},\"name\":\"{what}\",\
             \"args\":{{\"{key}\":{value}}}}}"
        );
    }

    fn thread(&mut self, process: u32, thread: u32, name: &str) {
        self.metadata(process, thread, "thread_name", "name", &json::write(name));
        self.metadata(
            process,
            thread,
            "thread_sort_index",
            "sort_index",
            &thread.to_string(),
        );
    }

    /// The start of a slice; its name and arguments follow.
    fn slice(&mut self, process: u32, thread: u32, start: u64, end: u64) {
        let _ = write!(
            self.event(),
            "{{\"ph\":\"X\",\"pid\":{process},\"tid\":{thread},\"ts\":{start},\"dur\":{},",
            end - start
        );
    }

    fn end(mut self) -> String {
        self.0.push_str("\n]}\n");
        self.0
    }
}
