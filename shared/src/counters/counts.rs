//! What is counted of attempts, and how counts are added up.

use std::collections::BTreeMap;

use http::StatusCode;

use super::histogram::Histogram;
use crate::model::delivery::DeliveryStatus;
use crate::model::event_type::EventType;
use crate::model::ids::{SubscriptionId, TenantId};

/// An attempt at a delivery, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// To whom.
    pub subscription: &'a SubscriptionId,
    /// What was told.
    pub event_type: EventType,
    /// The status the delivery went to: while it is tried again it is `Retrying`.
    pub status: DeliveryStatus,
    /// The status of the answer; none where none came.
    pub http_status: Option<u16>,
    /// Why it did not count as delivered: one of few stable words.
    pub why: Option<&'static str>,
    /// How long it took; none where nothing was sent.
    pub duration_ms: Option<u64>,
}

/// Counts of attempts. Adding them is in no order, so rows of many workers make one sum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attempts made.
    pub attempts: u64,
    /// Deliveries that ended delivered.
    pub delivered: u64,
    /// Deliveries that ended failed.
    pub failed: u64,
    /// Deliveries that ended exhausted.
    pub exhausted: u64,
    /// Attempts after which another was to follow, by what was wrong.
    pub retries: BTreeMap<String, u64>,
    /// Answers, by their status.
    pub codes: BTreeMap<String, u64>,
    /// Attempts without an answer, by what was wrong.
    pub silences: BTreeMap<String, u64>,
    /// How long what was sent took, all together, milliseconds.
    pub duration_ms: u64,
    /// How long what was sent took.
    pub durations: Histogram,
}

impl Counts {
    /// Counts an attempt.
    pub fn note(&mut self, tried: &Tried<'_>) {
        self.attempts = self.attempts.saturating_add(1);
        match tried.status {
            DeliveryStatus::Delivered => self.delivered = self.delivered.saturating_add(1),
            DeliveryStatus::Failed => self.failed = self.failed.saturating_add(1),
            DeliveryStatus::Exhausted => self.exhausted = self.exhausted.saturating_add(1),
            DeliveryStatus::Retrying => one_more(&mut self.retries, tried.why.unwrap_or("unknown")),
            DeliveryStatus::Pending | DeliveryStatus::Delivering | DeliveryStatus::Cancelled => {}
        }
        match (tried.http_status, tried.why) {
            (Some(code), _) => one_more(&mut self.codes, &code_name(code)),
            (None, Some(why)) => one_more(&mut self.silences, why),
            (None, None) => {}
        }
        if let Some(ms) = tried.duration_ms {
            self.duration_ms = self.duration_ms.saturating_add(ms);
            self.durations.note(ms);
        }
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Self) {
        for (sum, n) in [
            (&mut self.attempts, other.attempts),
            (&mut self.delivered, other.delivered),
            (&mut self.failed, other.failed),
            (&mut self.exhausted, other.exhausted),
            (&mut self.duration_ms, other.duration_ms),
        ] {
            *sum = sum.saturating_add(n);
        }
        merge(&mut self.retries, &other.retries);
        merge(&mut self.codes, &other.codes);
        merge(&mut self.silences, &other.silences);
        self.durations.merge(&other.durations);
    }

    /// Deliveries that ended.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.delivered.saturating_add(self.failed).saturating_add(self.exhausted)
    }

    /// The part of the ended deliveries that were delivered; none where none has ended.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        (self.ended() > 0).then(|| self.delivered as f64 / self.ended() as f64)
    }

    /// What was wrong with attempts, as it is called on them, with how often.
    #[must_use]
    pub fn errors(&self) -> BTreeMap<String, u64> {
        let refused = self.codes.iter().filter(|(code, _)| !code.starts_with('2'));
        let mut errors: BTreeMap<String, u64> = refused.map(|(code, n)| (format!("http_{code}"), *n)).collect();
        merge(&mut errors, &self.silences);
        errors
    }
}

fn one_more(words: &mut BTreeMap<String, u64>, word: &str) {
    match words.get_mut(word) {
        Some(n) => *n = n.saturating_add(1),
        None => drop(words.insert(word.to_owned(), 1)),
    }
}

pub(super) fn merge(words: &mut BTreeMap<String, u64>, other: &BTreeMap<String, u64>) {
    for (word, n) in other {
        let sum = words.entry(word.clone()).or_default();
        *sum = sum.saturating_add(*n);
    }
}

/// Codes that are no standard's and seen every day: those of a well-known proxy's and of a well-known network's.
const HOUSEHOLD: [u16; 9] = [499, 520, 521, 522, 523, 524, 525, 526, 527];

/// What a status is counted as: itself if it is one that people know, its class otherwise. A receiver that answers
/// nine hundred different ones must not make a row grow.
fn code_name(code: u16) -> String {
    let known = StatusCode::from_u16(code).is_ok_and(|code| code.canonical_reason().is_some());
    if known || HOUSEHOLD.contains(&code) { code.to_string() } else { format!("{}xx", code / 100) }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Words as they are in judgements.
    const WORDS: [&str; 4] = ["timeout", "dns", "http_5xx", "url_not_allowed"];

    fn ids() -> (TenantId, SubscriptionId) {
        ("ten_1".parse().unwrap(), "sub_1".parse().unwrap())
    }

    /// Its status, its answer's, what was wrong, how long it took.
    type Attempt = (DeliveryStatus, Option<u16>, Option<&'static str>, Option<u64>);

    fn counted(attempts: &[Attempt]) -> Counts {
        let (tenant, subscription) = ids();
        let mut counts = Counts::default();
        for &(status, http_status, why, duration_ms) in attempts {
            let event_type = EventType::InvoiceSent;
            let (tenant, subscription) = (&tenant, &subscription);
            counts.note(&Tried { tenant, subscription, event_type, status, http_status, why, duration_ms });
        }
        counts
    }

    prop_compose! {
        fn attempt()(
            status in prop::sample::select(DeliveryStatus::ALL.to_vec()),
            http_status in prop::option::of(100_u16..1000),
            why in prop::option::of(prop::sample::select(WORDS.to_vec())),
            duration_ms in prop::option::of(0_u64..40_000),
        ) -> Attempt {
            (status, http_status, why, duration_ms)
        }
    }

    /// Counts of a few attempts.
    pub(crate) fn some_counts() -> impl Strategy<Value = Counts> {
        prop::collection::vec(attempt(), 0..20).prop_map(|attempts| counted(&attempts))
    }

    fn sum(a: &Counts, b: &Counts) -> Counts {
        let mut sum = a.clone();
        sum.merge(b);
        sum
    }

    proptest! {
        #[test]
        fn adding_is_in_no_order(a in some_counts(), b in some_counts(), c in some_counts()) {
            prop_assert_eq!(sum(&a, &b), sum(&b, &a));
            prop_assert_eq!(sum(&sum(&a, &b), &c), sum(&a, &sum(&b, &c)));
            prop_assert_eq!(sum(&a, &Counts::default()), a);
        }

        #[test]
        fn counts_of_two_batches_are_the_counts_of_both_together(
            a in prop::collection::vec(attempt(), 0..20),
            b in prop::collection::vec(attempt(), 0..20),
        ) {
            let together: Vec<_> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(sum(&counted(&a), &counted(&b)), counted(&together));
        }

        #[test]
        fn no_receiver_makes_a_row_grow(codes in prop::collection::vec(0_u16..=u16::MAX, 0..500)) {
            let attempts: Vec<_> = codes.iter().map(|code| (DeliveryStatus::Failed, Some(*code % 1000), None, None)).collect();
            prop_assert!(counted(&attempts).codes.len() <= 80);
        }
    }

    #[test]
    fn an_attempt_is_counted_by_what_came_of_it() {
        use DeliveryStatus::{Delivered, Exhausted, Failed, Retrying};
        let counts = counted(&[
            (Delivered, Some(200), None, Some(12)),
            (Retrying, Some(503), Some("http_5xx"), Some(40)),
            (Retrying, None, Some("timeout"), Some(10_003)),
            (Exhausted, None, Some("timeout"), Some(10_001)),
            (Failed, Some(404), Some("http_4xx"), Some(7)),
            (Failed, None, Some("url_not_allowed"), None),
        ]);
        assert_eq!((counts.attempts, counts.delivered, counts.failed, counts.exhausted), (6, 1, 2, 1));
        assert_eq!(counts.retries, [("http_5xx".to_owned(), 1), ("timeout".to_owned(), 1)].into());
        assert_eq!((counts.durations.count(), counts.duration_ms), (5, 20_063), "what was not sent took no time");
        let errors = [("http_404", 1), ("http_503", 1), ("timeout", 2), ("url_not_allowed", 1)];
        assert_eq!(counts.errors(), errors.map(|(error, n)| (error.to_owned(), n)).into());
        assert_eq!(counts.success_rate(), Some(0.25));
        assert_eq!(Counts::default().success_rate(), None);
    }

    #[test]
    fn a_status_nobody_knows_is_counted_by_its_class() {
        for (code, name) in
            [(200, "200"), (299, "2xx"), (404, "404"), (499, "499"), (522, "522"), (599, "5xx"), (999, "9xx")]
        {
            assert_eq!(code_name(code), name);
        }
    }
}
