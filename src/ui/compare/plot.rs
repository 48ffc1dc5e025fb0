//! Axes of the tab's drawings: values to places, and round values to write beside them.

/// An axis from one end to the other, linear or logarithmic, over so many units of the drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// A linear axis; an empty span is widened.
    #[must_use]
    pub fn linear(low: f64, high: f64, (from, to): (f64, f64)) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            low,
            high,
            log: false,
            from,
            to,
        }
    }

    /// A logarithmic axis that covers some values with a margin; values must be positive.
    #[must_use]
    pub fn covering(values: impl Iterator<Item = f64> + Clone, (from, to): (f64, f64)) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(0.0, f64::max);
        let (low, high) = if low <= high {
            (low, high)
        } else {
            (1.0, 10.0)
        };
        let (low, high) = (
            low.max(1e-12).log10() - 0.12,
            high.max(1e-12).log10() + 0.12,
        );
        Self {
            low,
            high,
            log: true,
            from,
            to,
        }
    }

    /// Where a value stands.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        let value = if self.log {
            value.max(1e-12).log10()
        } else {
            value
        };
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round values on it, at most about so many.
    #[must_use]
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        if self.log {
            let decades = self.high - self.low;
            let steps: &[f64] = if decades > 2.5 {
                &[1.0]
            } else {
                &[1.0, 2.0, 5.0]
            };
            let first = self.low.floor() as i32;
            let all = (first..=self.high.ceil() as i32)
                .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)));
            let inside = |value: &f64| (self.low..=self.high).contains(&value.log10());
            return all.filter(inside).collect();
        }
        let span = self.high - self.low;
        let rough = span / most.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * power);
        let step = step
            .into_iter()
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(power);
        let first = (self.low / step - 1e-9).ceil();
        let count = ((self.high / step + 1e-9).floor() - first).max(-1.0) as usize + 1;
        (0..count).map(|k| (first + k as f64) * step).collect()
    }
}

/// Places for labels that want these: in order, at least so far apart, none moved further than needed.
#[must_use]
pub fn apart(wanted: &[f64], least: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut places = wanted.to_vec();
    let mut floor = low;
    for &k in &order {
        places[k] = places[k].max(floor);
        floor = places[k] + least;
    }
    let mut ceiling = high;
    for &k in order.iter().rev() {
        places[k] = places[k].min(ceiling);
        ceiling = places[k] - least;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_stand_at_ends() {
        let axis = Axis::linear(0.7, 0.9, (200.0, 10.0));
        assert!((axis.at(0.7) - 200.0).abs() < 1e-9);
        assert!((axis.at(0.9) - 10.0).abs() < 1e-9);
        let ticks = axis.ticks(4);
        assert_eq!(ticks.len(), 5, "{ticks:?}");
        let axis = Axis::covering([1e3, 1e6].into_iter(), (0.0, 100.0));
        assert!(axis.at(1e3) > 0.0 && axis.at(1e6) < 100.0);
        assert_eq!(axis.ticks(5), [1e3, 1e4, 1e5, 1e6]);
    }

    #[test]
    fn nothing_to_draw_is_an_axis_too() {
        let axis = Axis::covering(std::iter::empty(), (0.0, 100.0));
        assert!(axis.at(5.0).is_finite() && !axis.ticks(5).is_empty());
        assert!(Axis::linear(1.0, 1.0, (0.0, 10.0)).at(1.0).is_finite());
    }

    #[test]
    fn labels_keep_their_order_and_their_distance() {
        let places = apart(&[10.0, 12.0, 90.0, 11.0], 8.0, 0.0, 100.0);
        assert_eq!(places, [10.0, 26.0, 90.0, 18.0]);
        let places = apart(&[99.0, 98.0], 8.0, 0.0, 100.0);
        assert!((places[0] - 100.0).abs() < 1e-9 && (places[1] - 92.0).abs() < 1e-9);
    }
}
