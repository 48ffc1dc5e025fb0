//! Small images that a network can learn.

use railyard::data::Dataset;
use railyard::numeric::{Seed, Stream};

/// Images of 8 x 8 whose class is the quadrant that is lit, under noise.
pub fn quadrants(count: usize, salt: u32) -> Dataset {
    let stream = Stream::new(Seed(99), 0, salt, 0);
    let mut images = Vec::new();
    let mut labels = Vec::new();
    for sample in 0..count {
        let class = sample % 4;
        for row in 0..8 {
            for col in 0..8 {
                let lit = (row / 4) * 2 + col / 4 == class;
                let noise = stream.below((sample * 64 + row * 8 + col) as u32, 120) as u8;
                images.push(noise + if lit { 100 } else { 0 });
            }
        }
        labels.push(class as u8);
    }
    Dataset {
        images: images.into(),
        labels: labels.into(),
        height: 8,
        width: 8,
        classes: 4,
    }
}
