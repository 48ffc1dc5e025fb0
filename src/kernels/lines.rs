//! Numbers that begin on a cache line, so that no vector of them lies across two.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vectors.
const LINE: usize = 64;

/// A slice on the heap that begins on a cache line.
#[derive(Debug)]
pub struct Lines<T> {
    numbers: Vec<T>,
    start: usize,
    len: usize,
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            start: 0,
            len: 0,
        }
    }
}

impl<T: Copy + Default> Lines<T> {
    /// So many zeros.
    #[must_use]
    pub fn zeros(len: usize) -> Self {
        let mut lines = Self::default();
        lines.resize(len);
        lines
    }

    /// Makes room for `len` numbers; what they are is left open.
    pub fn resize(&mut self, len: usize) {
        let room = len + LINE / size_of::<T>();
        if self.numbers.len() < room {
            self.numbers = vec![T::default(); room];
            let start = self.numbers.as_ptr().align_offset(LINE);
            // An alignment that cannot be had costs speed alone.
            self.start = if start + len <= room { start } else { 0 };
        }
        self.len = len;
    }
}

impl<T: Copy + Default> Clone for Lines<T> {
    fn clone(&self) -> Self {
        let mut lines = Self::zeros(self.len);
        lines.copy_from_slice(self);
        lines
    }
}

impl<T> Deref for Lines<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.numbers[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Lines<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_begin_on_a_line_and_keep_their_length() {
        let mut lines = Lines::<i16>::default();
        for len in [0, 1, 100, 7, 5000, 5001] {
            lines.resize(len);
            assert_eq!(lines.len(), len);
            assert!(len == 0 || (lines.as_ptr() as usize).is_multiple_of(LINE));
            lines.fill(3);
            let copy = lines.clone();
            assert!(copy.iter().all(|&value| value == 3) && copy.len() == len);
        }
        assert!(Lines::<f32>::zeros(9).iter().all(|value| *value == 0.0));
    }
}
