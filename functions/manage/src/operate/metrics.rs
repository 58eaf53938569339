//! `/metrics`: all that was ever counted, as Prometheus reads it.

use std::collections::BTreeMap;

use axum::extract::State as Extract;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use gancho::counters::{Arrivals, ArrivalsByProvider, BOUNDS_MS, Counts, Total};
use gancho::lambda::http::Problem;
use gancho::model::event::Provider;
use prometheus::TextEncoder;
use prometheus::proto::{Bucket, Counter, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use super::Backing;
use crate::state::Shared;

/// What Prometheus asks for: the text format, in UTF-8.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All that was ever counted, as Prometheus reads it.
#[utoipa::path(get, path = "/metrics", operation_id = "read_metrics", tag = "running", security(("admin_token" = [])),
    responses((status = 200, description = "In the text format.", body = String, content_type = "text/plain")),
)]
pub(super) async fn read<S: Backing>(Extract(state): Extract<Shared<S>>) -> Result<impl IntoResponse, Problem> {
    let (totals, arrivals) = tokio::try_join!(state.store.totals(), state.store.arrivals())?;
    let text = text(&totals, &arrivals).map_err(|error| {
        tracing::error!(%error, "the counters could not be written as text");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
    })?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}

/// The counters as text. Labels are few: tenants are the operator's to make, the rest is from closed lists, so the
/// answer is bounded by tenants times event types.
fn text(totals: &[Total], arrivals: &ArrivalsByProvider) -> Result<String, prometheus::Error> {
    let mut all = Counts::default();
    for total in totals {
        all.merge(&total.counts);
    }
    let families: Vec<MetricFamily> = [
        family(
            "webhook_deliveries_total",
            "Deliveries that ended, by the status they ended in.",
            MetricType::COUNTER,
            deliveries(totals),
        ),
        family(
            "webhook_delivery_duration_seconds",
            "How long attempts took, from connecting to the answer or to giving up.",
            MetricType::HISTOGRAM,
            vec![durations(&all)],
        ),
        family(
            "webhook_retries_total",
            "Attempts after which another was to follow, by what was wrong.",
            MetricType::COUNTER,
            retries(&all),
        ),
        family(
            "webhook_delivery_http_status",
            "Answers to attempts, by their HTTP status; a status that is no standard's by its class.",
            MetricType::COUNTER,
            by_word("code", &all.codes),
        ),
        family(
            "webhook_events_received_total",
            "Events that came in, by what became of them at the door.",
            MetricType::COUNTER,
            received(arrivals),
        ),
        family(
            "webhook_events_refused_total",
            "Events that were rejected, by reason, of providers whose reasons are told apart.",
            MetricType::COUNTER,
            refused(arrivals),
        ),
    ]
    .into_iter()
    // A family without a metric is none: there is nothing to say of it yet.
    .filter(|family| !family.get_metric().is_empty())
    .collect();
    TextEncoder::new().encode_to_string(&families)
}

fn deliveries(totals: &[Total]) -> Vec<Metric> {
    let mut totals: Vec<&Total> = totals.iter().collect();
    totals.sort_by(|a, b| (&a.tenant, a.event_type).cmp(&(&b.tenant, b.event_type)));
    let mut metrics = Vec::with_capacity(totals.len() * 3);
    for Total { tenant, event_type, counts } in totals {
        let by_status = [("delivered", counts.delivered), ("failed", counts.failed), ("exhausted", counts.exhausted)];
        for (status, count) in by_status {
            let labels = [("status", status), ("event", event_type.as_str()), ("tenant", tenant.as_str())];
            metrics.push(counter(&labels, count));
        }
    }
    metrics
}

/// Of every provider, also of one that has sent nothing yet: a rate of what is not there is not 0.
fn received(arrivals: &ArrivalsByProvider) -> Vec<Metric> {
    let mut all: ArrivalsByProvider =
        Provider::ALL.iter().map(|provider| (provider.name(), Arrivals::default())).collect();
    all.extend(arrivals.clone());
    let of = |(provider, arrivals): (&'static str, Arrivals)| {
        let results =
            [("received", arrivals.received), ("duplicate", arrivals.duplicate), ("rejected", arrivals.rejected)];
        results.map(|(result, count)| counter(&[("provider", provider), ("result", result)], count))
    };
    all.into_iter().flat_map(of).collect()
}

fn refused(arrivals: &ArrivalsByProvider) -> Vec<Metric> {
    let of = |(provider, arrivals): (&&'static str, &Arrivals)| {
        let reasons = arrivals.reasons.iter();
        reasons.map(|(why, n)| counter(&[("provider", provider), ("reason", why)], *n)).collect::<Vec<_>>()
    };
    arrivals.iter().flat_map(of).collect()
}

/// What an attempt that is made again can have suffered, told also where nothing has: a rate of what is not there is
/// not 0.
const REASONS: [&str; 12] = [
    "address_refused",
    "connect",
    "dns",
    "http_3xx",
    "http_408",
    "http_425",
    "http_429",
    "http_5xx",
    "http_other",
    "reset",
    "timeout",
    "tls",
];

fn retries(counts: &Counts) -> Vec<Metric> {
    let mut words: BTreeMap<String, u64> = REASONS.iter().map(|reason| ((*reason).to_owned(), 0)).collect();
    words.extend(counts.retries.clone());
    by_word("reason", &words)
}

fn by_word(label: &str, words: &BTreeMap<String, u64>) -> Vec<Metric> {
    words.iter().map(|(word, count)| counter(&[(label, word)], *count)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "the format knows floats only; counters stay far below 2^52")]
fn counter(labels: &[(&str, &str)], count: u64) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    let mut metric = Metric::from_label(labels.iter().map(pair).collect());
    let mut counter = Counter::default();
    counter.set_value(count as f64);
    metric.set_counter(counter);
    metric
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds, far below 2^52")]
fn durations(counts: &Counts) -> Metric {
    let mut below = 0;
    // The bucket without a bound is the count of all: the encoder writes it.
    let buckets = BOUNDS_MS.iter().zip(counts.durations.buckets()).map(|(bound, n)| {
        below += n;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound as f64 / 1_000.0);
        bucket.set_cumulative_count(below);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(counts.durations.count());
    histogram.set_sample_sum(counts.duration_ms as f64 / 1_000.0);
    let mut metric = Metric::default();
    metric.set_histogram(histogram);
    metric
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use gancho::address::ip::Reason;
    use gancho::counters::{Tally, Tried};
    use gancho::delivery::judge::{Judgement, Why, judge};
    use gancho::delivery::send::{Answer, Sent, TransportFailure};
    use gancho::model::delivery::DeliveryStatus::{self, Delivered, Exhausted, Failed, Retrying};
    use gancho::model::event_type::EventType;
    use gancho::model::retry_policy::RetryPolicy;
    use jiff::Timestamp;
    use prometheus_parse::{HistogramCount, Sample, Scrape, Value};

    use super::*;

    type Try = (DeliveryStatus, Result<u16, &'static str>, u64);

    fn totals() -> Vec<Total> {
        let mut tally = Tally::default();
        let tries: [(&str, EventType, Try); 6] = [
            ("ten_b", EventType::LeadEnriched, (Delivered, Ok(204), 12)),
            ("ten_a", EventType::InvoiceSent, (Delivered, Ok(200), 80)),
            ("ten_a", EventType::InvoiceSent, (Retrying, Ok(503), 300)),
            ("ten_a", EventType::InvoiceSent, (Exhausted, Err("timeout"), 30_002)),
            ("ten_a", EventType::LeadEnriched, (Failed, Ok(404), 3)),
            ("ten_a", EventType::LeadEnriched, (Delivered, Ok(200), 5)),
        ];
        for (tenant, event_type, (status, answer, ms)) in tries {
            tally.note(&Tried {
                tenant: &tenant.parse().unwrap(),
                subscription: &"sub_1".parse().unwrap(),
                event_type,
                status,
                http_status: answer.ok(),
                why: answer.err().or(answer.ok().filter(|code| *code >= 500).map(|_| "http_5xx")),
                duration_ms: Some(ms),
            });
        }
        let totals = tally.totals().into_iter();
        totals.map(|((tenant, event_type), counts)| Total { tenant, event_type, counts }).rev().collect()
    }

    fn arrivals() -> ArrivalsByProvider {
        let reasons = [("number_foreign".to_owned(), 1)].into();
        let cloud = Arrivals { received: 4, duplicate: 0, rejected: 1, reasons };
        [("c2s", Arrivals { received: 7, duplicate: 2, rejected: 1, ..Arrivals::default() }), ("whatsapp_cloud", cloud)]
            .into()
    }

    #[test]
    fn counters_are_written_as_prometheus_reads_them() {
        insta::assert_snapshot!(text(&totals(), &arrivals()).unwrap());
    }

    #[test]
    fn another_parser_reads_what_was_counted() {
        let text = text(&totals(), &arrivals()).unwrap();
        let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
        let value = |name: &str, labels: &[(&str, &str)]| {
            let is = |sample: &&Sample| {
                sample.metric == name && labels.iter().all(|(name, value)| sample.labels.get(name) == Some(value))
            };
            let found: Vec<&Sample> = scrape.samples.iter().filter(is).collect();
            assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
            found[0].value.clone()
        };
        let of_a = |status, event| [("tenant", "ten_a"), ("status", status), ("event", event)];
        for (name, labels, count) in [
            ("webhook_deliveries_total", &of_a("delivered", "invoice.sent")[..], 1.0),
            ("webhook_deliveries_total", &of_a("exhausted", "invoice.sent"), 1.0),
            ("webhook_deliveries_total", &of_a("failed", "lead.enriched"), 1.0),
            ("webhook_retries_total", &[("reason", "http_5xx")], 1.0),
            ("webhook_delivery_http_status", &[("code", "200")], 2.0),
            ("webhook_events_received_total", &[("provider", "c2s"), ("result", "duplicate")], 2.0),
        ] {
            assert_eq!(value(name, labels), Value::Counter(count), "{name} {labels:?}");
        }
        let Value::Histogram(buckets) = value("webhook_delivery_duration_seconds", &[]) else { panic!("no histogram") };
        let read: Vec<(f64, f64)> =
            buckets.iter().map(|HistogramCount { less_than, count }| (*less_than, *count)).collect();
        assert_eq!(read.len(), BOUNDS_MS.len() + 1);
        assert_eq!((read[0], read[5], read[read.len() - 1]), ((0.005, 2.0), (0.1, 4.0), (f64::INFINITY, 6.0)));
        let sum = text.lines().find_map(|line| line.strip_prefix("webhook_delivery_duration_seconds_sum "));
        assert_eq!(sum, Some("30.402"));
    }

    #[test]
    fn before_anything_was_counted_there_are_zeros() {
        let text = text(&[], &ArrivalsByProvider::new()).unwrap();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(samples.iter().all(|line| line.ends_with(" 0")), "{text}");
        for name in
            ["webhook_delivery_duration_seconds_count", "webhook_retries_total", "webhook_events_received_total"]
        {
            assert!(samples.iter().any(|line| line.starts_with(name)), "{name}");
        }
    }

    #[test]
    fn every_reason_to_try_again_is_told_from_the_start() {
        let failures = [
            TransportFailure::AddressRefused(Reason::Private),
            TransportFailure::Dns,
            TransportFailure::Connect,
            TransportFailure::Tls,
            TransportFailure::Timeout,
            TransportFailure::Reset,
        ];
        let codes = (100..=999).map(|code| Answer::Status { code, retry_after: None, head: Default::default() });
        let answers = codes.chain(failures.map(Answer::Failed));
        let why = |answer| {
            let sent = Sent { at: Timestamp::UNIX_EPOCH, duration: Duration::ZERO, answer };
            match judge(&sent, RetryPolicy::default(), 1, Timestamp::UNIX_EPOCH, 0.5) {
                Judgement::Retry { why, .. } => Some(Why::label(why)),
                _ => None,
            }
        };
        assert_eq!(answers.filter_map(why).collect::<BTreeSet<_>>(), BTreeSet::from(REASONS));
    }
}
