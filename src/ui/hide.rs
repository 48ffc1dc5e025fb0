//! Controls that a lesson's link may hide, so that a class sees only those it is about.

/// Names in links, and what they are called on the page.
pub const PARTS: [(&str, &str); 10] = [
    ("tabs", "the other tabs"),
    ("data", "the data"),
    ("network", "the network"),
    ("precision", "the precision"),
    ("ranks", "the ranks"),
    ("training", "the training settings"),
    ("more", "the rarer settings"),
    ("files", "saving and loading"),
    ("pad", "the drawing pad"),
    ("accelerator", "the accelerator's line"),
];

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden(u16);

impl Hidden {
    /// The set that a link names, its names joined by commas; names nobody knows are left out.
    #[must_use]
    pub fn read(names: &str) -> Self {
        let mut set = Self::default();
        for name in names.split(',').take(64) {
            if let Some(k) = PARTS.iter().position(|(known, _)| *known == name) {
                set.0 |= 1 << k;
            }
        }
        set
    }

    /// The set with one more, or without it.
    #[must_use]
    pub fn with(self, part: usize, hidden: bool) -> Self {
        let bit = 1 << part.min(PARTS.len() - 1);
        Self(if hidden { self.0 | bit } else { self.0 & !bit })
    }

    /// Whether a part is in it.
    #[must_use]
    pub fn has(self, part: usize) -> bool {
        self.0 >> part.min(15) & 1 == 1
    }

    /// How many are hidden.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The names, joined.
    #[must_use]
    pub fn names(self, between: &str) -> String {
        let names = (0..PARTS.len())
            .filter(|k| self.has(*k))
            .map(|k| PARTS[k].0);
        names.collect::<Vec<_>>().join(between)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_comes_back_and_strange_names_are_left_out() {
        for bits in 0..1_u16 << PARTS.len() {
            let set = Hidden(bits);
            assert_eq!(Hidden::read(&set.names(",")), set);
            assert_eq!(set.count(), bits.count_ones());
        }
        assert_eq!(Hidden::read("data,kitchen,,pad").names(","), "data,pad");
        assert_eq!(
            Hidden::default().with(1, true).with(1, false),
            Hidden::default()
        );
    }
}
