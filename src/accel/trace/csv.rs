//! Tables: one row per slice, idle ones too, so that a track's rows cover the range; or, for a long
//! range, one row per track and cause with its cycles and their share.

use std::fmt::Write;

use super::super::timing::{CAUSES, Cause, TRACKS};
use super::window::Window;

/// The table of slices, or of sums.
pub fn write(window: &Window, sums: bool) -> String {
    if sums {
        return write_sums(window);
    }
    let mut out = String::from("track,start,end,cycles,cause,tile,operation,shape\n");
    for track in TRACKS {
        for piece in window.pieces(track) {
            let _ = write!(
                out,
                "{},{},{},{},{},",
                track.name(),
                piece.start,
                piece.end,
                piece.end - piece.start,
                piece.cause.name()
            );
            if let Some(tile) = piece.tile {
                let _ = write!(out, "{tile}");
            }
            out.push(',');
            if piece.cause == Cause::Idle {
                out.push(',');
            } else {
                quoted(&mut out, &piece.op.name);
                out.push(',');
                quoted(&mut out, &piece.op.shape);
            }
            out.push('\n');
        }
    }
    out
}

fn write_sums(window: &Window) -> String {
    let mut out = String::from("track,start,end,cause,cycles,share\n");
    let range = &window.range;
    for track in TRACKS {
        let tally = window.timeline.tally(track, range.clone());
        for cause in CAUSES {
            let cycles = tally.of(cause);
            let _ = writeln!(
                out,
                "{},{},{},{},{cycles},{:.6}",
                track.name(),
                range.start,
                range.end,
                cause.name(),
                cycles as f64 / (range.end - range.start) as f64
            );
        }
    }
    out
}

/// A field, in quotation marks if it needs them.
fn quoted(out: &mut String, text: &str) {
    if text.contains(['"', ',', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn fields_are_quoted_where_needed() {
        let field = |text: &str| {
            let mut out = String::new();
            quoted(&mut out, text);
            out
        };
        assert_eq!(field("A 1 B 2"), "A 1 B 2");
        assert_eq!(field("512 values, 3 passes"), "\"512 values, 3 passes\"");
        assert_eq!(field("a \"b\""), "\"a \"\"b\"\"\"");
    }
}
