//! Durations in buckets with fixed bounds, and percentiles read out of them.

/// The upper bounds of the buckets, milliseconds, each within its bucket. One more bucket holds what took longer.
///
/// Rows that were counted with these bounds are added to rows of weeks ago and of other versions: they never change.
pub const BOUNDS_MS: [u64; 16] =
    [5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000, 15_000, 30_000];

/// How many buckets there are.
pub const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// How many durations fell into which bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
}

/// A percentile as far as the buckets know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentile {
    /// Interpolated within its bucket, milliseconds; the lower bound where the bucket has no upper one.
    pub ms: f64,
    /// The true value is no further away than this; none where it may be any amount above.
    pub error_ms: Option<u64>,
}

impl Histogram {
    /// Counts a duration.
    pub fn note(&mut self, ms: u64) {
        let slot = &mut self.buckets[bucket_of(ms)];
        *slot = slot.saturating_add(1);
    }

    /// Adds to a bucket; a bucket there is not is passed over.
    pub fn add(&mut self, bucket: usize, n: u64) {
        if let Some(slot) = self.buckets.get_mut(bucket) {
            *slot = slot.saturating_add(n);
        }
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, n) in other.buckets.iter().enumerate() {
            self.add(bucket, *n);
        }
    }

    /// The buckets, shortest first.
    #[must_use]
    pub const fn buckets(&self) -> &[u64; BUCKETS] {
        &self.buckets
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The duration that `percent` of all did not exceed (nearest rank, 1 to 100); none where nothing was counted.
    ///
    /// It lies in the bucket of the true one, so it is wrong by no more than the width of that bucket.
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<Percentile> {
        let rank = self.count().checked_mul(u64::from(percent.clamp(1, 100)))?.div_ceil(100);
        let mut before = 0;
        for (bucket, n) in self.buckets.iter().enumerate() {
            if rank > before && rank <= before + n {
                return Some(within(bucket, rank - before, *n));
            }
            before += n;
        }
        None
    }
}

/// The place of a rank among the `n` of a bucket, as if they lay evenly.
fn within(bucket: usize, rank: u64, n: u64) -> Percentile {
    let lower = lower_bound(bucket);
    let Some(upper) = BOUNDS_MS.get(bucket) else {
        #[expect(clippy::cast_precision_loss, reason = "a bound of the list")]
        return Percentile { ms: lower as f64, error_ms: None };
    };
    let width = upper - lower;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let ms = lower as f64 + width as f64 * (rank as f64 / n as f64);
    Percentile { ms, error_ms: Some(width) }
}

fn lower_bound(bucket: usize) -> u64 {
    bucket.checked_sub(1).and_then(|before| BOUNDS_MS.get(before)).copied().unwrap_or_default()
}

fn bucket_of(ms: u64) -> usize {
    BOUNDS_MS.partition_point(|bound| *bound < ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(durations: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for ms in durations {
            histogram.note(*ms);
        }
        histogram
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        for (bucket, bound) in BOUNDS_MS.into_iter().enumerate() {
            assert_eq!((bucket_of(bound), bucket_of(bound + 1)), (bucket, bucket + 1));
        }
        assert_eq!((bucket_of(0), bucket_of(u64::MAX)), (0, BUCKETS - 1));
    }

    #[test]
    fn a_percentile_is_interpolated_and_says_how_wrong_it_may_be() {
        let histogram = of(&[30, 35, 40, 45, 600]);
        assert_eq!(histogram.percentile(50), Some(Percentile { ms: 43.75, error_ms: Some(25) }));
        assert_eq!(histogram.percentile(99), Some(Percentile { ms: 750.0, error_ms: Some(250) }));
        assert_eq!(of(&[30_001]).percentile(50), Some(Percentile { ms: 30_000.0, error_ms: None }));
        assert_eq!(of(&[]).percentile(50), None);
    }

    proptest! {
        #[test]
        fn a_percentile_lies_in_the_bucket_of_the_true_one(
            mut durations in prop::collection::vec(0_u64..40_000, 1..200),
            percent in 1_u8..=100,
        ) {
            let told = of(&durations).percentile(percent).unwrap();
            durations.sort_unstable();
            let rank = (durations.len() * usize::from(percent)).div_ceil(100);
            let truth = durations[rank - 1];
            let bucket = bucket_of(truth);
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let (lower, truth) = (lower_bound(bucket) as f64, truth as f64);
            prop_assert!(told.ms >= lower);
            match (told.error_ms, BOUNDS_MS.get(bucket)) {
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                (Some(error), Some(upper)) => {
                    prop_assert!(told.ms <= *upper as f64);
                    prop_assert!((told.ms - truth).abs() <= error as f64);
                }
                (error, upper) => prop_assert!(error.is_none() && upper.is_none() && truth >= told.ms),
            }
        }

        #[test]
        fn a_higher_percentile_is_no_lower(durations in prop::collection::vec(0_u64..40_000, 1..100)) {
            let histogram = of(&durations);
            let told: Vec<f64> = (1..=100).map(|percent| histogram.percentile(percent).unwrap().ms).collect();
            prop_assert!(told.is_sorted());
        }
    }
}
