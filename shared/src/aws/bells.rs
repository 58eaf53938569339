//! The bells on SQS.

use std::collections::HashMap;

use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use super::failure::store_error;
use super::store::Store;
use crate::model::row::Queue;
use crate::work::{Bells, Delay, Ring, StoreError, Unrung};

/// Entries SQS takes in one call.
const BATCH: usize = 10;
/// Calls under way at a time.
const PARALLEL: usize = 8;

impl Bells for Store {
    async fn ring(&self, rings: &[Ring], now: Timestamp) -> Vec<Unrung> {
        let mut by_queue: HashMap<Queue, Vec<(&Ring, u16)>> = HashMap::new();
        for ring in rings {
            if let Delay::Seconds(delay) = ring.delay(now) {
                by_queue.entry(ring.queue).or_default().push((ring, delay));
            }
        }
        let mut calls = Vec::new();
        for (queue, rings) in &by_queue {
            for chunk in rings.chunks(BATCH) {
                calls.push(self.ring_batch(*queue, chunk));
            }
        }
        stream::iter(calls).buffer_unordered(PARALLEL).concat().await
    }

    async fn waiting(&self, queue: Queue) -> Result<u64, StoreError> {
        let url = self.queue_url(queue)?;
        let out = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .send()
            .await
            .map_err(|error| store_error("GetQueueAttributes", &error))?;
        let count = out.attributes().and_then(|all| all.get(&QueueAttributeName::ApproximateNumberOfMessages));
        Ok(count.and_then(|n| n.parse().ok()).unwrap_or_default())
    }
}

impl Store {
    pub(super) fn queue_url(&self, queue: Queue) -> Result<&str, StoreError> {
        self.queues.url(queue).ok_or_else(|| {
            StoreError::Refused(format!("this function was given no address of the {} queue", queue.name()))
        })
    }

    /// Rings up to ten bells. A 200 may hold failures of single entries.
    async fn ring_batch(&self, queue: Queue, rings: &[(&Ring, u16)]) -> Vec<Unrung> {
        match self.send_batch(queue, rings).await {
            Ok(failed) => failed
                .into_iter()
                .filter_map(|(n, why)| Some(Unrung { row: rings.get(n)?.0.bell.row.clone(), why }))
                .collect(),
            Err(error) => {
                rings.iter().map(|(ring, _)| Unrung { row: ring.bell.row.clone(), why: error.to_string() }).collect()
            }
        }
    }

    async fn send_batch(&self, queue: Queue, rings: &[(&Ring, u16)]) -> Result<Vec<(usize, String)>, StoreError> {
        let url = self.queue_url(queue)?;
        let mut entries = Vec::with_capacity(rings.len());
        for (n, (ring, delay)) in rings.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .message_body(ring.bell.write())
                .delay_seconds(i32::from(*delay))
                .message_group_id(ring.tenant.as_str())
                .build()
                .map_err(|error| StoreError::Refused(error.to_string()))?;
            entries.push(entry);
        }
        let out = self
            .sqs
            .send_message_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| store_error("SendMessageBatch", &error))?;
        Ok(out
            .failed()
            .iter()
            .map(|failed| (failed.id().parse().unwrap_or(usize::MAX), failed.code().to_owned()))
            .collect())
    }
}
