//! What a run came to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::load::Published;
use crate::receiver::{Arrival, Mailbox};
use crate::scenario::{Load, Scenario};

/// Microseconds to a quarter of an hour, to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 900_000_000, 3).expect("bounds that are bounds")
}

/// Of a histogram, in milliseconds.
#[derive(Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl From<&Histogram<u64>> for Latency {
    fn from(of: &Histogram<u64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of minutes")]
        let ms = |micros: u64| micros as f64 / 1000.0;
        let at = |quantile| ms(of.value_at_quantile(quantile));
        Self { p50: at(0.50), p95: at(0.95), p99: at(0.99), max: ms(of.max()) }
    }
}

/// Processor time that a run took, in milliseconds for each webhook.
#[derive(Serialize)]
pub(crate) struct ProcessorMs {
    /// Of the functions' processes.
    pub(crate) functions: f64,
    /// Of the one that delivers, which is among them.
    pub(crate) deliver: f64,
    /// Of the local cloud.
    pub(crate) cloud: f64,
}

/// The numbers of a run.
#[derive(Serialize)]
pub(crate) struct Outcome {
    pub(crate) scenario: Scenario,
    /// Processes that delivered.
    pub(crate) workers_seen: usize,
    /// Webhooks a minute that were asked for; none where all were waiting.
    pub(crate) offered_per_minute: Option<f64>,
    /// Webhooks a minute that were received for the first time, while they were offered or until the last.
    pub(crate) received_per_minute: f64,
    /// Events that the platform did not say it has taken.
    pub(crate) not_taken: usize,
    /// Webhooks that are due for those it has taken.
    pub(crate) due: usize,
    /// Webhooks of those that the receiver answered with 2xx.
    pub(crate) delivered: usize,
    /// Webhooks that the platform's own list says are delivered.
    pub(crate) recorded: usize,
    /// Requests for what had not been accepted yet, beyond each webhook's first.
    pub(crate) retries: usize,
    /// Requests for what had been accepted already.
    pub(crate) duplicates: usize,
    /// Requests that were not signed for their subscription, or of no event that was published.
    pub(crate) refused: usize,
    /// From when a request was due to its answer.
    pub(crate) publish_ms: Latency,
    /// From when an event was due to its first receipt.
    pub(crate) receipt_ms: Latency,
    /// From when an event was due to the receipt that was accepted.
    pub(crate) accepted_ms: Latency,
    pub(crate) processor_ms: ProcessorMs,
}

/// What is known of one webhook.
struct Webhook {
    first: Instant,
    accepted: Option<Instant>,
}

/// All of a run's arrivals.
#[derive(Default)]
struct Sorted {
    /// By subscription and event.
    webhooks: BTreeMap<(usize, usize), Webhook>,
    retries: usize,
    duplicates: usize,
    refused: usize,
}

impl Sorted {
    fn of(mailboxes: &[Mailbox], n_events: usize) -> Self {
        let mut sorted = Self::default();
        for (subscription, mailbox) in mailboxes.iter().enumerate() {
            sorted.refused += mailbox.refused;
            for arrival in &mailbox.arrivals {
                sorted.add(subscription, arrival, n_events);
            }
        }
        sorted
    }

    fn add(&mut self, subscription: usize, arrival: &Arrival, n_events: usize) {
        if arrival.event >= n_events {
            self.refused += 1;
            return;
        }
        let accepted = arrival.accepted.then_some(arrival.at);
        match self.webhooks.get_mut(&(subscription, arrival.event)) {
            None => {
                self.webhooks.insert((subscription, arrival.event), Webhook { first: arrival.at, accepted });
            }
            Some(Webhook { accepted: Some(_), .. }) => self.duplicates += 1,
            Some(webhook) => {
                self.retries += 1;
                webhook.accepted = accepted;
            }
        }
    }
}

/// What a run was, beside what was published and what came of it.
pub(crate) struct Circumstances {
    pub(crate) scenario: Scenario,
    pub(crate) offered_per_second: f64,
    pub(crate) recorded: usize,
    pub(crate) workers: BTreeSet<u32>,
    pub(crate) functions: Duration,
    pub(crate) deliver: Duration,
    pub(crate) cloud: Duration,
}

impl Outcome {
    /// Reckons.
    pub(crate) fn of(run: Circumstances, published: &Published, mailboxes: &[Mailbox]) -> Self {
        let sorted = Sorted::of(mailboxes, published.due.len());
        let (mut receipt, mut accepted, mut delivered) = (histogram(), histogram(), 0);
        for ((_, event), webhook) in &sorted.webhooks {
            let since = |at: Instant| {
                u64::try_from(at.saturating_duration_since(published.due[*event]).as_micros()).unwrap_or(u64::MAX)
            };
            receipt.saturating_record(since(webhook.first));
            if let Some(at) = webhook.accepted {
                accepted.saturating_record(since(at));
                delivered += usize::from(published.taken[*event]);
            }
        }
        let taken = published.taken.iter().filter(|taken| **taken).count();
        #[expect(clippy::cast_precision_loss, reason = "thousands of webhooks")]
        let each = |total: Duration| total.as_secs_f64() * 1000.0 / sorted.webhooks.len().max(1) as f64;
        let offered = run.scenario.load == Load::Offered;
        Self {
            scenario: run.scenario,
            workers_seen: run.workers.len(),
            offered_per_minute: offered.then_some(run.offered_per_second * 60.0),
            received_per_minute: per_minute(&sorted, published, run.scenario.load),
            not_taken: published.taken.len() - taken,
            due: taken * mailboxes.len(),
            delivered,
            recorded: run.recorded,
            retries: sorted.retries,
            duplicates: sorted.duplicates,
            refused: sorted.refused,
            publish_ms: Latency::from(&published.answered),
            receipt_ms: Latency::from(&receipt),
            accepted_ms: Latency::from(&accepted),
            processor_ms: ProcessorMs {
                functions: each(run.functions),
                deliver: each(run.deliver),
                cloud: each(run.cloud),
            },
        }
    }

    /// Webhooks that one of both ends knows nothing good of.
    pub(crate) fn lost(&self) -> usize {
        self.due.saturating_sub(self.delivered.min(self.recorded))
    }
}

/// Where webhooks were offered: those that came while they were. Where they waited: from the first to the last.
fn per_minute(sorted: &Sorted, published: &Published, load: Load) -> f64 {
    let firsts = || sorted.webhooks.values().map(|webhook| webhook.first);
    let (Some(start), Some(end)) = (firsts().min(), firsts().max()) else { return 0.0 };
    let (n, took) = match load {
        Load::Offered => {
            let start = published.due.iter().min().copied().unwrap_or(start);
            (firsts().filter(|first| *first <= published.until).count(), published.until - start)
        }
        Load::Waiting => (firsts().count() - 1, end - start),
    };
    #[expect(clippy::cast_precision_loss, reason = "thousands of webhooks")]
    let n = n as f64;
    n * 60.0 / took.as_secs_f64().max(f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use gancho_tests::waiting::until;
    use standardwebhooks::Webhook;

    use super::*;
    use crate::receiver::Receiver;

    const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    /// An outcome of two events, both taken, of which these arrivals came; `recorded` say they are delivered.
    fn outcome(arrivals: &[(usize, bool)], recorded: usize) -> Outcome {
        let start = Instant::now();
        let arrivals = arrivals.iter().zip(1..).map(|((event, accepted), n)| Arrival {
            event: *event,
            at: start + Duration::from_millis(100 * n),
            accepted: *accepted,
        });
        let mailbox = Mailbox::with(SECRET, arrivals.collect());
        let until = start + Duration::from_secs(60);
        let published = Published { due: vec![start; 2], taken: vec![true; 2], until, answered: histogram() };
        let run = Circumstances {
            scenario: crate::scenario::Scenario::WARM_UP,
            offered_per_second: 1.0,
            recorded,
            workers: BTreeSet::new(),
            functions: Duration::ZERO,
            deliver: Duration::ZERO,
            cloud: Duration::ZERO,
        };
        Outcome::of(run, &published, &[mailbox])
    }

    #[test]
    fn what_was_refused_first_is_a_retry_and_what_was_accepted_already_a_duplicate() {
        let all = outcome(&[(0, false), (1, true), (0, true), (1, true)], 2);
        assert_eq!((all.due, all.delivered, all.retries, all.duplicates, all.lost()), (2, 2, 1, 1, 0));
        assert_eq!((all.receipt_ms.max.round(), all.accepted_ms.max.round()), (200.0, 300.0));
        assert!((all.received_per_minute - 2.0).abs() < 0.01, "{}", all.received_per_minute);
    }

    #[test]
    fn a_webhook_is_lost_if_either_end_does_not_know_it() {
        assert_eq!(outcome(&[(0, true), (1, false)], 2).lost(), 1, "the receiver never accepted it");
        assert_eq!(outcome(&[(0, true), (1, true)], 1).lost(), 1, "the platform does not say it is delivered");
        assert_eq!(outcome(&[], 0).lost(), 2);
    }

    #[test]
    fn an_event_that_was_never_published_is_no_webhook() {
        let with_a_stranger = outcome(&[(0, true), (1, true), (2, true)], 2);
        assert_eq!((with_a_stranger.delivered, with_a_stranger.refused), (2, 1));
    }

    #[tokio::test]
    async fn a_receiver_counts_what_is_signed_for_it_and_nothing_else() {
        // Plain http, but reqwest wants to know.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let receiver = Receiver::listen(0).await;
        receiver.open("one", SECRET, 0.0, 1);
        let (body, at) = (br#"{"data":{"payment_id":"pay_7"}}"#, jiff::Timestamp::now().as_second());
        let webhook = Webhook::new(SECRET).expect("a secret");
        let signature = webhook.sign("evt_1", at, body).expect("signed");
        for signature in [signature.as_str(), "v1,AAAA"] {
            let request = reqwest::Client::new()
                .post(receiver.address("one"))
                .header("webhook-id", "evt_1")
                .header("webhook-timestamp", at)
                .header("webhook-signature", signature);
            request.body(body.to_vec()).send().await.expect("an answer");
        }
        until("the genuine one", async || (receiver.n_accepted(&["one".to_owned()]) == 1).then_some(())).await;
        let mailbox = receiver.close("one");
        assert_eq!((mailbox.arrivals[0].event, mailbox.refused), (7, 1));
    }
}
