//! Images that a network can learn.

use railyard::data::Dataset;
use railyard::numeric::{Seed, Stream};

/// Noise of 28 x 28 with a bright band that tells the class, of ten.
pub fn bands(count: usize, salt: u32) -> Dataset {
    let stream = Stream::new(Seed(7), 0, salt, 0);
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for sample in 0..count {
        let class = sample % 10;
        for place in 0..784 {
            let lit = (place / 28) / 3 == class;
            let noise = stream.below((sample * 784 + place) as u32, 100) as u8;
            images.push(noise + if lit { 150 } else { 0 });
        }
        labels.push(class as u8);
    }
    Dataset {
        images: images.into(),
        labels: labels.into(),
        height: 28,
        width: 28,
        classes: 10,
    }
}
