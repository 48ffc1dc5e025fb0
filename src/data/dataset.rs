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

    /// The images at `indices`, in that order, with the number of classes unchanged.
    ///
    /// # Panics
    /// If an index is not below [`Self::len`].
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut images = Vec::with_capacity(indices.len() * self.height * self.width);
        for &index in indices {
            images.extend_from_slice(self.image(index));
        }
        Self {
            images: images.into(),
            labels: indices.iter().map(|&index| self.labels[index]).collect(),
            ..self.clone()
        }
    }

    /// Number of images in each class, `classes` long.
    #[must_use]
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in self.labels.iter() {
            counts[usize::from(label)] += 1;
        }
        counts
    }
}

/// A training and a test set with images of one size and the same classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainTest {
    /// Images to train on.
    pub train: Dataset,
    /// Images to measure on.
    pub test: Dataset,
    /// What each class is called, one name per class.
    pub class_names: Vec<String>,
}
