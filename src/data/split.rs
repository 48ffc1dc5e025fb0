//! Subsets and hold-outs that keep the share of every class, chosen by position alone: the same set
//! gives the same choice everywhere, without a random number.

use super::Dataset;
use crate::numeric::sort_by_key;

/// `count` of the set's images, each class by its share, evenly spaced within the class and in the
/// set's own order. A `count` above the set's size gives the whole set.
#[must_use]
pub fn subset(set: &Dataset, count: usize) -> Dataset {
    set.select(&stratified(set, count))
}

/// Parts the set into (rest, held out): `count` images by [`subset`]'s choice are held out.
#[must_use]
pub fn hold_out(set: &Dataset, count: usize) -> (Dataset, Dataset) {
    part(set, &stratified(set, count))
}

/// Parts the set into (training, test): the last seventh of every class is for testing, at least one
/// image of each class that has two.
///
/// A seventh is the share of 10,000 test images in MNIST's 70,000.
#[must_use]
pub fn last_seventh(set: &Dataset) -> (Dataset, Dataset) {
    let mut chosen: Vec<usize> = Vec::new();
    for members in by_class(set) {
        let count = match members.len() {
            0 | 1 => 0,
            len => (len / 7).max(1),
        };
        chosen.extend(&members[members.len() - count..]);
    }
    sort_by_key(&mut chosen, |&place| [place as u64, 0]);
    part(set, &chosen)
}

/// (what is not at `chosen`, what is), `chosen` ascending.
fn part(set: &Dataset, chosen: &[usize]) -> (Dataset, Dataset) {
    let rest: Vec<usize> = (0..set.len())
        .filter(|index| chosen.binary_search(index).is_err())
        .collect();
    (set.select(&rest), set.select(chosen))
}

/// Positions of `count` images, ascending; each class gives its share.
fn stratified(set: &Dataset, count: usize) -> Vec<usize> {
    let classes = by_class(set);
    let sizes: Vec<usize> = classes.iter().map(Vec::len).collect();
    let mut chosen = Vec::with_capacity(count.min(set.len()));
    for (members, share) in classes.iter().zip(shares(&sizes, count)) {
        // The middle of each of `share` equal stretches.
        chosen.extend((0..share).map(|k| members[(2 * k + 1) * members.len() / (2 * share)]));
    }
    sort_by_key(&mut chosen, |&place| [place as u64, 0]);
    chosen
}

/// Positions of the images of each class, ascending.
fn by_class(set: &Dataset) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); set.classes];
    for (index, &label) in set.labels.iter().enumerate() {
        members[usize::from(label)].push(index);
    }
    members
}

/// `count` shared out in proportion to `sizes`: whole parts first, then one each to the largest
/// remainders, lower classes first among equals.
fn shares(sizes: &[usize], count: usize) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    let count = count.min(total);
    if total == 0 {
        return vec![0; sizes.len()];
    }
    // In u64: sizes and counts stay below 2^18 in a set, but wasm32 would overflow at 2^16 each.
    let scaled = |size: usize| size as u64 * count as u64;
    let whole = |size: usize| usize::try_from(scaled(size) / total as u64).unwrap_or(size);
    let mut parts: Vec<usize> = sizes.iter().map(|&size| whole(size)).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    sort_by_key(&mut order, |&class| {
        [u64::MAX - scaled(sizes[class]) % total as u64, 0]
    });
    let missing = count - parts.iter().sum::<usize>();
    for &class in order.iter().take(missing) {
        parts[class] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One-pixel images that carry their own position.
    fn set(labels: &[u8]) -> Dataset {
        Dataset {
            images: (0..=255).cycle().take(labels.len()).collect(),
            labels: labels.into(),
            height: 1,
            width: 1,
            classes: 3,
        }
    }

    #[test]
    fn a_subset_keeps_the_shares_and_spreads_over_the_set() {
        let labels: Vec<u8> = (0..120).map(|i| [0, 0, 0, 1, 1, 2][i % 6]).collect();
        let few = subset(&set(&labels), 12);
        assert_eq!(few.class_counts(), [6, 4, 2]);
        // Class 2 sits at 5, 11, ..: twenty of them, of which the middles of two halves are the
        // fifth and the fifteenth counted from zero.
        let twos: Vec<u8> = (0..few.len())
            .filter(|&i| few.labels[i] == 2)
            .map(|i| few.image(i)[0])
            .collect();
        assert_eq!(twos, [35, 95]);
    }

    #[test]
    fn uneven_shares_go_to_the_largest_remainders() {
        // 7 * (5, 4, 1) / 10 = 3.5, 2.8, 0.7: one more for the second, one for the third.
        assert_eq!(shares(&[5, 4, 1], 7), [3, 3, 1]);
        assert_eq!(shares(&[2, 2, 2], 1), [1, 0, 0]);
        assert_eq!(shares(&[2, 0, 1], 9), [2, 0, 1]);
        assert_eq!(shares(&[0, 0], 3), [0, 0]);
    }

    #[test]
    fn a_hold_out_parts_the_set_without_loss() {
        let labels: Vec<u8> = (0..90).map(|i| [0, 1, 2][i % 3]).collect();
        let whole = set(&labels);
        let (rest, held) = hold_out(&whole, 30);
        assert_eq!(held.class_counts(), [10, 10, 10]);
        let mut pixels: Vec<u8> = rest
            .images
            .iter()
            .chain(held.images.iter())
            .copied()
            .collect();
        pixels.sort_unstable();
        assert_eq!(pixels, (0..90).collect::<Vec<u8>>());
        assert_eq!(hold_out(&whole, 1000).0.len(), 0);
        assert_eq!(hold_out(&whole, 0).1.len(), 0);
    }

    #[test]
    fn the_last_seventh_of_every_class_is_for_testing() {
        let labels: Vec<u8> = (0..28).map(|i| u8::from(i >= 14)).chain([2]).collect();
        let (train, test) = last_seventh(&set(&labels));
        assert_eq!(train.class_counts(), [12, 12, 1]);
        assert_eq!(test.class_counts(), [2, 2, 0]);
        assert_eq!(&test.images[..], [12, 13, 26, 27]);
    }
}
