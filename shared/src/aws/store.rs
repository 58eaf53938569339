//! The store: four tables and the queues. Its verbs are in the files beside this one, a file a trait.

use std::sync::Arc;

use aws_sdk_dynamodb::Client as Dynamo;
use aws_sdk_sqs::Client as Sqs;
use jiff::SignedDuration;

use super::connect::AwsConfig;
use super::meter::WriteMeter;
use crate::model::row::Queue;
use crate::work::Timing;

/// The names of the tables a function works on. A name it was not given is empty, and its role would refuse it anyway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// Events with their deliveries and attempts, bodies, housekeeping.
    pub events: String,
    /// Tenants, keys, sources, subscriptions, switches.
    pub directory: String,
    /// Slots, breakers, holds, endpoint health.
    pub signals: String,
    /// Persons, and what was looked up about them.
    pub parties: String,
    /// What stands for what between MoySklad accounts, what is to be carried, and what the guards remember.
    pub sync: String,
}

/// The addresses of the queues a function rings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueUrls {
    /// Leads.
    pub lead: Option<String>,
    /// Events to fan out.
    pub dispatch: Option<String>,
    /// Deliveries.
    pub delivery: Option<String>,
    /// Deliveries to slow endpoints.
    pub delivery_slow: Option<String>,
    /// What MoySklad has told.
    pub sync: Option<String>,
}

impl QueueUrls {
    /// The address of a queue.
    #[must_use]
    pub fn url(&self, queue: Queue) -> Option<&str> {
        match queue {
            Queue::Lead => self.lead.as_deref(),
            Queue::Dispatch => self.dispatch.as_deref(),
            Queue::Delivery => self.delivery.as_deref(),
            Queue::DeliverySlow => self.delivery_slow.as_deref(),
            Queue::Sync => self.sync.as_deref(),
        }
    }
}

/// The tables and queues, behind every trait the verbs ask for.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) db: Dynamo,
    pub(super) sqs: Sqs,
    pub(super) tables: Arc<Tables>,
    pub(super) queues: Arc<QueueUrls>,
    pub(super) dead_letters: Arc<QueueUrls>,
    pub(super) timing: Timing,
    /// How long bodies and announcements are kept from when they are written.
    pub(super) body_kept_for: SignedDuration,
    pub(super) meter: WriteMeter,
}

/// A body's time to be forgotten is set when it is written: as long as its row is kept after its end, and a month more
/// for the row to end in.
const TO_END_IN: SignedDuration = SignedDuration::from_hours(24 * 30);

impl Store {
    /// A store over these tables and queues, whose events are kept that long after their end.
    #[must_use]
    pub fn new(
        aws: &AwsConfig,
        tables: Tables,
        queues: QueueUrls,
        timing: Timing,
        event_kept_for: SignedDuration,
    ) -> Self {
        Self {
            db: Dynamo::new(aws),
            sqs: Sqs::new(aws),
            tables: Arc::new(tables),
            queues: Arc::new(queues),
            dead_letters: Arc::default(),
            timing,
            body_kept_for: event_kept_for + TO_END_IN,
            meter: WriteMeter::default(),
        }
    }

    /// The same store, which also knows where dead letters lie.
    #[must_use]
    pub fn with_dead_letters(mut self, dead_letters: QueueUrls) -> Self {
        self.dead_letters = Arc::new(dead_letters);
        self
    }

    /// Where a queue's dead letters lie.
    #[must_use]
    pub fn dead_letters_of(&self, queue: Queue) -> Option<&str> {
        self.dead_letters.url(queue)
    }

    /// What was written so far.
    #[must_use]
    pub const fn meter(&self) -> &WriteMeter {
        &self.meter
    }

    /// How rows are timed.
    #[must_use]
    pub const fn timing(&self) -> &Timing {
        &self.timing
    }
}
