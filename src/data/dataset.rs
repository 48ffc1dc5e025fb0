//! A labelled set of grey images in memory.

use std::sync::Arc;

/// Labelled grey images, all of one size, held as 8-bit pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Pixels, image after image, row-major, 0 = background.
    pub images: Arc<[u8]>,
    /// One label per image, below `classes`.
    pub labels: Arc<[u8]>,
    /// Rows per image.
    pub height: usize,
    /// Columns per image.
    pub width: usize,
    /// Number of classes (at most 256).
    pub classes: usize,
}

impl Dataset {
    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Pixels of one image, row-major.
    ///
    /// # Panics
    /// If `index` is not below [`Self::len`].
    #[must_use]
    pub fn image(&self, index: usize) -> &[u8] {
        let size = self.height * self.width;
        &self.images[index * size..(index + 1) * size]
    }
}
