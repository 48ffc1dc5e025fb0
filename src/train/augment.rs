//! Random changes of training images that keep what they show.

use super::config::Augment;

impl Augment {
    /// The image, or its changed copy in `moved`, as 32 random bits decide.
    pub(super) fn apply<'a>(self, image: &'a [u8], width: usize, random: u32, moved: &'a mut Vec<u8>) -> &'a [u8] {
        let flip = matches!(self, Self::Flip | Self::FlipShift) && random & 1 == 1;
        let offset = |bits: u32| ((bits & 0xfff) * 3 >> 12) as isize - 1;
        let (down, right) = match self {
            Self::Shift | Self::FlipShift => (offset(random >> 4), offset(random >> 16)),
            Self::None | Self::Flip => (0, 0),
        };
        if !flip && down == 0 && right == 0 {
            return image;
        }
        let height = image.len() / width;
        moved.clear();
        for row in 0..height as isize {
            for col in 0..width as isize {
                let (from_row, from_col) = (row - down, col - right);
                let inside = (0..height as isize).contains(&from_row) && (0..width as isize).contains(&from_col);
                let from_col = if flip { width as isize - 1 - from_col } else { from_col };
                moved.push(if inside { image[from_row as usize * width + from_col as usize] } else { 0 });
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_mirrored_and_moved() {
        let image = [1, 2, 3, 4, 5, 6];
        let mut moved = Vec::new();
        assert_eq!(Augment::Flip.apply(&image, 3, 1, &mut moved), [3, 2, 1, 6, 5, 4]);
        assert_eq!(Augment::Flip.apply(&image, 3, 0, &mut moved), image);
        // Row and column offsets of 0xfff and 0xfff are one down and one right.
        assert_eq!(Augment::Shift.apply(&image, 3, u32::MAX, &mut moved), [0, 0, 0, 0, 1, 2]);
        // Offsets of 0 are one up and one left.
        assert_eq!(Augment::Shift.apply(&image, 3, 0, &mut moved), [5, 6, 0, 0, 0, 0]);
    }
}
