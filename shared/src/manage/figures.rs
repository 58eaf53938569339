//! Counts as people read them: rates, percentiles, series.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::json_fields::BodyError;
use super::query_fields::QueryFields;
use crate::counters::{Counts, Percentile, Slot, Window};
use crate::model::event_type::EventType;

/// Errors that are named.
const TOP_ERRORS: usize = 10;

/// How far the figures can be trusted, as it stands in every answer.
pub const ACCURACY: &str = "Percentiles are interpolated in a histogram: the true one is no further away than percentile_error_ms; null there \
     means any amount above. Counters are good to a crash of ours; the list of deliveries is exact.";

/// What is told of some deliveries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Figures {
    /// Attempts made.
    pub attempts: u64,
    /// Deliveries that ended delivered.
    pub delivered: u64,
    /// Deliveries that ended with an answer that is not retried.
    pub failed: u64,
    /// Deliveries that used up their tries.
    pub exhausted: u64,
    /// Attempts after which another was to follow.
    pub retries: u64,
    /// The part of the ended deliveries that were delivered.
    pub success_rate: Option<f64>,
    /// Half of the attempts took no longer.
    pub p50_ms: Option<f64>,
    /// All but a twentieth took no longer.
    pub p95_ms: Option<f64>,
    /// All but a hundredth took no longer.
    pub p99_ms: Option<f64>,
    /// How wrong these may be.
    pub percentile_error_ms: PercentileErrors,
}

/// How far a percentile may be from the true one: the width of its bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PercentileErrors {
    /// Of the median.
    pub p50: Option<u64>,
    /// Of the 95th.
    pub p95: Option<u64>,
    /// Of the 99th.
    pub p99: Option<u64>,
}

impl Figures {
    /// The figures of these counts.
    #[must_use]
    pub fn of(counts: &Counts) -> Self {
        let [p50, p95, p99] = [50, 95, 99].map(|percent| counts.durations.percentile(percent));
        let ms = |percentile: Option<Percentile>| percentile.map(|p| tenth(p.ms));
        let error = |percentile: Option<Percentile>| percentile.and_then(|p| p.error_ms);
        Self {
            attempts: counts.attempts,
            delivered: counts.delivered,
            failed: counts.failed,
            exhausted: counts.exhausted,
            retries: counts.retries.values().sum(),
            success_rate: counts.success_rate().map(|rate| (rate * 10_000.0).round() / 10_000.0),
            p50_ms: ms(p50),
            p95_ms: ms(p95),
            p99_ms: ms(p99),
            percentile_error_ms: PercentileErrors { p50: error(p50), p95: error(p95), p99: error(p99) },
        }
    }
}

fn tenth(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}

/// The figures of an event type.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EventFigures {
    /// Which.
    pub event: EventType,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The figures of a slot of time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Point {
    /// When it began.
    pub at: Timestamp,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What was wrong with attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TopError {
    /// As it is called on an attempt.
    pub error: String,
    /// How often.
    pub count: u64,
}

/// The window of a query; a day unless it says another.
///
/// # Errors
/// The query is not acceptable, with every reason.
pub fn window_of(query: Option<&str>) -> Result<Window, BodyError> {
    let mut fields = QueryFields::read(query);
    let window = window(&mut fields);
    fields.finish(window)
}

/// Takes the window; a day unless it is said.
pub(super) fn window(fields: &mut QueryFields) -> Window {
    let names = Window::ALL.map(Window::name).join(", ");
    let window = fields.parsed("window", "invalid_value", &format!("this must be one of {names}"));
    window.unwrap_or(Window::Day)
}

/// What tenants and the operator are told alike.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WindowFigures {
    /// Its name.
    pub window: &'static str,
    /// When it began: at a whole slot of the series.
    pub since: Timestamp,
    /// When it ended: now.
    pub as_of: Timestamp,
    /// Seconds from one point of the series to the next.
    pub step_s: i64,
    /// Whether all that was counted is in; otherwise there was more than is read for one answer.
    pub complete: bool,
    /// How far the figures can be trusted.
    pub accuracy: &'static str,
    /// All together.
    pub totals: Figures,
    /// By event type, those with attempts.
    pub by_event: Vec<EventFigures>,
    /// By time, oldest first, every slot of the window.
    pub series: Vec<Point>,
    /// What was wrong most often.
    pub top_errors: Vec<TopError>,
}

/// Slots being added up.
#[derive(Debug, Default)]
pub(super) struct Sums {
    totals: Counts,
    by_event: BTreeMap<EventType, Counts>,
    by_time: BTreeMap<Timestamp, Counts>,
}

impl Sums {
    pub(super) fn add(&mut self, slot: &Slot) {
        self.totals.merge(&slot.counts);
        self.by_event.entry(slot.event_type).or_default().merge(&slot.counts);
        self.by_time.entry(slot.at).or_default().merge(&slot.counts);
    }

    pub(super) fn told(self, window: Window, now: Timestamp, complete: bool) -> WindowFigures {
        let nothing = Counts::default();
        let point = |at| Point { at, figures: Figures::of(self.by_time.get(&at).unwrap_or(&nothing)) };
        WindowFigures {
            window: window.name(),
            since: window.since(now),
            as_of: now,
            step_s: window.grain().length().as_secs(),
            complete,
            accuracy: ACCURACY,
            totals: Figures::of(&self.totals),
            by_event: self
                .by_event
                .iter()
                .map(|(event, counts)| EventFigures { event: *event, figures: Figures::of(counts) })
                .collect(),
            series: window.slots(now).map(point).collect(),
            top_errors: top_errors(&self.totals),
        }
    }
}

fn top_errors(counts: &Counts) -> Vec<TopError> {
    let mut errors: Vec<TopError> =
        counts.errors().into_iter().map(|(error, count)| TopError { error, count }).collect();
    errors.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.error.cmp(&b.error)));
    errors.truncate(TOP_ERRORS);
    errors
}
