//! Keys of the timeline, letters by their place on the keyboard.

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Half as wide.
    ZoomIn,
    /// Twice as wide.
    ZoomOut,
    /// Towards earlier cycles.
    Left,
    /// Towards later cycles.
    Right,
    /// The track above.
    Up,
    /// The track below.
    Down,
    /// As wide as what is selected.
    Fit,
    /// The whole timeline.
    Whole,
    /// The next slice of the focused track.
    Next,
    /// The slice before.
    Previous,
    /// Select the slice of the focused track under the pointer or in the middle.
    Pick,
    /// Nothing selected, no markers, no help.
    Clear,
    /// Set a marker.
    Mark,
    /// Show or hide the keys.
    Help,
    /// Into the search field.
    Search,
}

/// All keys with what they do, for the help.
pub const HELP: [(&str, &str); 11] = [
    ("W S + −", "zoom in, out"),
    ("A D ← →", "pan"),
    ("Ctrl + wheel, pinch", "zoom at the pointer"),
    ("Shift + wheel, touch", "pan"),
    ("drag", "select a range and sum over it"),
    ("F · 0", "fit the selection · the whole"),
    ("↑ ↓", "choose the track"),
    (", . · Enter", "slice before, next · slice here"),
    ("M", "set a marker; two give a difference"),
    ("/", "search an operation"),
    ("Esc · ?", "clear · these keys"),
];

/// The command of a key by its place (`code`) and its sign (`key`); none where the browser's own
/// shortcuts are asked for.
#[must_use]
pub fn command(code: &str, key: &str, modified: bool) -> Option<Command> {
    if modified {
        return None;
    }
    Some(match (code, key) {
        ("KeyW", _) | (_, "+" | "=") => Command::ZoomIn,
        ("KeyS", _) | (_, "-") => Command::ZoomOut,
        ("KeyA", _) | (_, "ArrowLeft") => Command::Left,
        ("KeyD", _) | (_, "ArrowRight") => Command::Right,
        (_, "ArrowUp") => Command::Up,
        (_, "ArrowDown") => Command::Down,
        ("KeyF", _) => Command::Fit,
        (_, "0") => Command::Whole,
        (_, ".") => Command::Next,
        (_, ",") => Command::Previous,
        (_, "Enter") => Command::Pick,
        (_, "Escape") => Command::Clear,
        ("KeyM", _) => Command::Mark,
        (_, "?") => Command::Help,
        (_, "/") => Command::Search,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_count_by_place_signs_by_what_they_are() {
        // On a French keyboard the key at W's place writes Z; elsewhere `/` needs Shift.
        assert_eq!(command("KeyW", "z", false), Some(Command::ZoomIn));
        assert_eq!(command("Digit7", "/", false), Some(Command::Search));
        assert_eq!(command("Minus", "?", false), Some(Command::Help));
        assert_eq!(command("KeyS", "s", true), None, "Ctrl+S saves the page");
        assert_eq!(command("KeyQ", "q", false), None);
    }
}
