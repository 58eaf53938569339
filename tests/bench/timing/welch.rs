//! Whether two lots of times differ in more than chance: Welch's t, as dudect takes it (Reparaz, Balasch, Verbauwhede:
//! "Dude, is my code constant time?", 2017), on all times and on those below a number of thresholds. What is slow was
//! mostly slow for reasons of the machine's, and would drown the difference.

/// Above this, chance is no explanation: dudect's own.
pub(crate) const CERTAIN: f64 = 10.0;
/// Above this, look again with more samples.
pub(crate) const DOUBTFUL: f64 = 4.5;
/// The thresholds below which times are kept: the fastest half, three quarters, seven eighths … of all.
const CROPS: u32 = 10;

/// What a comparison of two lots came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Difference {
    /// Welch's t, where it is farthest from zero: the first lot's mean less the second's, in standard errors.
    pub(crate) t: f64,
    /// That difference of means at the threshold that sees the least, in the samples' unit.
    pub(crate) by: f64,
    /// The smallest difference that would have been [`DOUBTFUL`] there.
    pub(crate) visible: f64,
}

/// Compares two lots of times.
pub(crate) fn compare(first: &[f64], second: &[f64]) -> Difference {
    let mut all: Vec<f64> = [first, second].concat();
    all.sort_unstable_by(f64::total_cmp);
    let thresholds = (1..=CROPS).map(|n| all[kept(all.len(), n) - 1]).chain([f64::INFINITY]);
    let mut found = Difference { t: 0.0, by: 0.0, visible: f64::INFINITY };
    for threshold in thresholds {
        let [a, b] = [first, second].map(|lot| Moments::of(lot.iter().copied().filter(|time| *time <= threshold)));
        let Some((t, by, error)) = t_of(&a, &b) else { continue };
        if DOUBTFUL * error < found.visible {
            found = Difference { by, visible: DOUBTFUL * error, ..found };
        }
        if t.abs() > found.t.abs() {
            found.t = t;
        }
    }
    found
}

/// How many of `n` are the fastest, but for one in two to the power `crop`.
fn kept(n: usize, crop: u32) -> usize {
    (n - (n >> crop)).max(1)
}

struct Moments {
    n: f64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

impl Moments {
    /// In one pass (Welford), which loses no digits where the mean is large.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        values.fold(Self { n: 0.0, mean: 0.0, squares: 0.0 }, |so_far, value| {
            let n = so_far.n + 1.0;
            let away = value - so_far.mean;
            let mean = so_far.mean + away / n;
            Self { n, mean, squares: away.mul_add(value - mean, so_far.squares) }
        })
    }
}

/// t, the difference of the means, and its standard error; nothing where there is no spread to tell it by.
fn t_of(a: &Moments, b: &Moments) -> Option<(f64, f64, f64)> {
    if a.n < 2.0 || b.n < 2.0 {
        return None;
    }
    let error = (a.squares / (a.n - 1.0) / a.n + b.squares / (b.n - 1.0) / b.n).sqrt();
    let by = a.mean - b.mean;
    (error > 0.0).then(|| (by / error, by, error))
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    /// Times as a busy machine gives them: a narrow hill, and one in fifty far out.
    fn times(seed: u64, n: usize, more: f64) -> Vec<f64> {
        let mut chance = StdRng::seed_from_u64(seed);
        (0..n)
            .map(|_| {
                let hill: f64 = (0..8).map(|_| chance.random_range(0.0..1.0)).sum();
                let far = if chance.random_range(0..50) == 0 { chance.random_range(0.0..5_000.0) } else { 0.0 };
                100.0 + hill + more + far
            })
            .collect()
    }

    #[test]
    fn t_is_what_the_formula_gives() {
        let [a, b] = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]].map(|lot| Moments::of(lot.into_iter()));
        let (t, by, error) = t_of(&a, &b).unwrap();
        // Means 2 and 4, variances 1 and 4.
        assert!((error - (5.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((by + 2.0).abs() < 1e-12 && (t + 2.0 / (5.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn two_lots_of_one_kind_do_not_differ() {
        for seed in 0..20 {
            let found = compare(&times(seed, 20_000, 0.0), &times(seed + 1000, 20_000, 0.0));
            assert!(found.t.abs() < DOUBTFUL, "{seed}: {found:?}");
        }
    }

    #[test]
    fn a_small_difference_is_found_under_times_that_are_far_out() {
        let (fast, slow) = (times(1, 20_000, 0.0), times(2, 20_000, 0.2));
        let found = compare(&fast, &slow);
        assert!(found.t < -CERTAIN && found.by < 0.0, "{found:?}");
        assert!(found.visible < 0.2, "{found:?}");
        let [a, b] = [&fast, &slow].map(|lot| Moments::of(lot.iter().copied()));
        assert!(t_of(&a, &b).unwrap().0.abs() < DOUBTFUL, "uncropped it is not");
    }

    #[test]
    fn times_without_spread_are_told_apart_by_nothing() {
        assert_eq!(compare(&[5.0; 10], &[5.0; 10]).t, 0.0);
    }
}
