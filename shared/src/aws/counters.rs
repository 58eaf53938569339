//! Counters in DynamoDB: a row is added to with one update, so that workers need not know of each other.

use futures::future::try_join_all;
use jiff::Timestamp;

use super::expression::Update;
use super::failure::store_error;
use super::items::{EXPIRES_AT, Item, PK, SK, from_item, n, number, s, seconds, text, to_item};
use super::keys::{self, Key};
use super::store::Store;
use crate::counters::{
    Arrivals, ArrivalsByProvider, BUCKETS, Counters, Counts, Grain, Mark, Marks, Slot, Slots, Tally, Total, Window,
};
use crate::model::event::Provider;
use crate::model::ids::TenantId;
use crate::work::StoreError;

const ATTEMPTED: &str = "n";
const DELIVERED: &str = "d";
const FAILED: &str = "f";
const EXHAUSTED: &str = "x";
const DURATION: &str = "ms";
/// What stands before a word or number in a name: short, since an item is billed by its size, names included.
const CODE: &str = "s";
const RETRY: &str = "r_";
const SILENCE: &str = "e_";
const REASON: &str = "why_";
const BUCKET: &str = "b";

const RECEIVED: &str = "received";
const DUPLICATE: &str = "duplicate";
const REJECTED: &str = "rejected";

/// Updates under way at a time.
const PARALLEL: usize = 10;

impl Counters for Store {
    async fn count(&self, tally: &Tally, now: Timestamp) -> Result<(), StoreError> {
        let mut adds: Vec<(Key, &Counts, Option<Timestamp>)> = Vec::new();
        for grain in Grain::ALL {
            let slot = grain.slot(now);
            let expires_at = slot.saturating_add(grain.kept_for()).unwrap_or(Timestamp::MAX);
            adds.extend(
                tally.iter().map(|(of, counts)| (keys::slot_counters(of, grain, slot), counts, Some(expires_at))),
            );
        }
        let totals = tally.totals();
        for ((tenant, event_type), counts) in &totals {
            adds.push((keys::total_counters(tenant, *event_type), counts, None));
        }
        for some in adds.chunks(PARALLEL) {
            try_join_all(some.iter().map(|(key, counts, expires_at)| self.add(key, counts, *expires_at))).await?;
        }
        Ok(())
    }

    async fn slots(
        &self,
        tenant: &TenantId,
        window: Window,
        now: Timestamp,
        limit: usize,
    ) -> Result<Slots, StoreError> {
        let since = keys::counter_place(window.since(now));
        let mut partitions: Vec<String> =
            window.slots(now).map(|slot| keys::slot_partition(tenant, window.grain(), slot)).collect();
        partitions.dedup();
        let each = limit.div_ceil(partitions.len().max(1));
        let read = try_join_all(partitions.into_iter().map(|partition| self.counter_items(partition, &since, each)));
        let mut slots = Slots { slots: Vec::new(), complete: true };
        for (items, complete) in read.await? {
            slots.complete &= complete;
            slots.slots.extend(items.iter().filter_map(slot));
        }
        Ok(slots)
    }

    async fn totals(&self) -> Result<Vec<Total>, StoreError> {
        let shards = (0..keys::TOTAL_SHARDS).map(keys::total_partition);
        let read = try_join_all(shards.map(|shard| self.counter_items(shard, "", usize::MAX))).await?;
        Ok(read.iter().flat_map(|(items, _)| items).filter_map(total).collect())
    }

    async fn count_arrivals(&self, arrivals: &ArrivalsByProvider) -> Result<(), StoreError> {
        let writes = arrivals.iter().map(|(provider, arrivals)| {
            let counts = named_arrivals(arrivals).into_iter();
            let update = counts.fold(Update::default(), |update, (name, count)| update.add(&name, n(count)));
            self.update(&self.tables.signals, keys::arrival_counters(provider), update)
        });
        try_join_all(writes).await.map(|_| ())
    }

    async fn arrivals(&self) -> Result<ArrivalsByProvider, StoreError> {
        let (items, _) = self.counter_items(keys::ARRIVALS.to_owned(), "", usize::MAX).await?;
        Ok(items.iter().filter_map(arrived).collect())
    }
}

impl Store {
    async fn add(&self, key: &Key, counts: &Counts, expires_at: Option<Timestamp>) -> Result<(), StoreError> {
        let mut update = Update::default();
        for (name, count) in named(counts) {
            update = update.add(&name, n(count));
        }
        if let Some(at) = expires_at {
            update = update.set(EXPIRES_AT, seconds(at));
        }
        self.update(&self.tables.signals, key.clone(), update).await.map(|_| ())
    }

    /// The items of a partition from a place on, the last first, at most about so many, and whether these are all.
    async fn counter_items(
        &self,
        partition: String,
        from: &str,
        limit: usize,
    ) -> Result<(Vec<Item>, bool), StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let mut query = self
                .db
                .query()
                .table_name(&self.tables.signals)
                .key_condition_expression("#pk = :pk AND #sk >= :from")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":pk", s(&partition))
                // A place is never empty, and neither may a value be that is compared with one.
                .expression_attribute_values(":from", s(if from.is_empty() { " " } else { from }))
                .scan_index_forward(false)
                .set_exclusive_start_key(start);
            if limit < usize::MAX {
                query = query.limit(i32::try_from(limit.saturating_sub(items.len()).max(1)).unwrap_or(i32::MAX));
            }
            let page = query.send().await.map_err(|error| store_error("Query", &error))?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok((items, true));
            }
            if items.len() >= limit {
                return Ok((items, false));
            }
        }
    }
}

/// The counts that are not 0, by the names of their attributes.
pub(super) fn named(counts: &Counts) -> Vec<(String, u64)> {
    let mut named: Vec<(String, u64)> = [
        (ATTEMPTED, counts.attempts),
        (DELIVERED, counts.delivered),
        (FAILED, counts.failed),
        (EXHAUSTED, counts.exhausted),
        (DURATION, counts.duration_ms),
    ]
    .map(|(name, count)| (name.to_owned(), count))
    .into();
    for (prefix, words) in [(CODE, &counts.codes), (RETRY, &counts.retries), (SILENCE, &counts.silences)] {
        named.extend(words.iter().map(|(word, count)| (format!("{prefix}{word}"), *count)));
    }
    let buckets = counts.durations.buckets().iter().enumerate();
    named.extend(buckets.map(|(bucket, count)| (format!("{BUCKET}{bucket:02}"), *count)));
    named.retain(|(_, count)| *count > 0);
    named
}

/// What came in, by the names of its attributes.
pub(super) fn named_arrivals(arrivals: &Arrivals) -> Vec<(String, u64)> {
    let counts = [(RECEIVED, arrivals.received), (DUPLICATE, arrivals.duplicate), (REJECTED, arrivals.rejected)];
    let mut named: Vec<_> = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    named.extend(arrivals.reasons.iter().map(|(why, count)| (format!("{REASON}{why}"), *count)));
    named
}

/// What came in by a provider that there is.
pub(super) fn arrived(item: &Item) -> Option<(&'static str, Arrivals)> {
    let provider: Provider = text(item, SK)?.parse().ok()?;
    let [received, duplicate, rejected] = [RECEIVED, DUPLICATE, REJECTED].map(|name| count(item, name));
    let reason = |name: &String| Some((name.strip_prefix(REASON)?.to_owned(), count(item, name)));
    let reasons = item.keys().filter_map(reason).collect();
    Some((provider.name(), Arrivals { received, duplicate, rejected, reasons }))
}

fn count(item: &Item, name: &str) -> u64 {
    number(item, name).and_then(|count| u64::try_from(count).ok()).unwrap_or_default()
}

pub(super) fn counts(item: &Item) -> Counts {
    let mut counts = Counts {
        attempts: count(item, ATTEMPTED),
        delivered: count(item, DELIVERED),
        failed: count(item, FAILED),
        exhausted: count(item, EXHAUSTED),
        duration_ms: count(item, DURATION),
        ..Counts::default()
    };
    for bucket in 0..BUCKETS {
        counts.durations.add(bucket, count(item, &format!("{BUCKET}{bucket:02}")));
    }
    for name in item.keys() {
        let words = if let Some(word) = name.strip_prefix(RETRY) {
            Some((&mut counts.retries, word))
        } else if let Some(word) = name.strip_prefix(SILENCE) {
            Some((&mut counts.silences, word))
        } else {
            let code = name.strip_prefix(CODE).filter(|code| code.starts_with(|first: char| first.is_ascii_digit()));
            code.map(|code| (&mut counts.codes, code))
        };
        if let Some((words, word)) = words {
            words.insert(word.to_owned(), count(item, name));
        }
    }
    counts
}

fn slot(item: &Item) -> Option<Slot> {
    let (at, subscription, event_type) = keys::counted_at(text(item, SK)?)?;
    Some(Slot { at, subscription, event_type, counts: counts(item) })
}

fn total(item: &Item) -> Option<Total> {
    let (tenant, event_type) = keys::totalled(text(item, SK)?)?;
    Some(Total { tenant, event_type, counts: counts(item) })
}

impl Marks for Store {
    async fn mark(&self) -> Result<Mark, StoreError> {
        let item = self.get(&self.tables.signals, keys::counters_mark()).await?;
        Ok(item.map(from_item).transpose()?.unwrap_or_default())
    }

    async fn set_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        self.put(&self.tables.signals, keys::counters_mark(), to_item(mark)?).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::counters::some_counts;

    proptest! {
        #[test]
        fn what_is_counted_is_read_back(counted in some_counts()) {
            let mut item: Item = named(&counted).into_iter().map(|(name, count)| (name, n(count))).collect();
            item.insert(PK.to_owned(), s("COUNTS#TOTAL#1"));
            item.insert(SK.to_owned(), s("ten_1#invoice.sent"));
            item.insert(EXPIRES_AT.to_owned(), n(1));
            prop_assert_eq!(counts(&item), counted);
        }
    }

    #[test]
    fn an_item_stays_small() {
        let mut counted = Counts { attempts: 1 << 40, delivered: 1 << 40, duration_ms: 1 << 50, ..Counts::default() };
        for word in ["timeout", "http_5xx", "connect", "address_refused"] {
            counted.retries.insert(word.to_owned(), 1 << 30);
            counted.silences.insert(word.to_owned(), 1 << 30);
        }
        for code in ["200", "201", "400", "404", "429", "500", "502", "503", "504"] {
            counted.codes.insert(code.to_owned(), 1 << 40);
        }
        for bucket in 0..BUCKETS {
            counted.durations.add(bucket, 1 << 40);
        }
        // A number takes a byte for two digits, and one or two more.
        let size: usize =
            named(&counted).iter().map(|(name, count)| name.len() + count.to_string().len() / 2 + 2).sum();
        assert!(size < 800, "{size}: with its keys, a busy row is to stay under one write unit");
    }
}
