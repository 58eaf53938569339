//! What every piece of work has in common: its name, its queue, and the times that say who may touch it when.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{DeliveryId, EventId, JobId, SourceId, TenantId};
use super::moysklad::{AccountId, EntityKind};

/// The queues bells are rung on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Queue {
    /// Leads to look up, and the housekeeping of their sources.
    Lead,
    /// Events to fan out to subscriptions.
    Dispatch,
    /// Deliveries to send.
    Delivery,
    /// Deliveries to endpoints that answer slowly, apart so that they hold nobody else up.
    DeliverySlow,
    /// What MoySklad has told, and the accounts that are to be kept in step.
    Sync,
}

impl Queue {
    /// Every queue.
    pub const ALL: [Self; 5] = [Self::Lead, Self::Dispatch, Self::Delivery, Self::DeliverySlow, Self::Sync];

    /// The name used in logs, in paths and on rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Dispatch => "dispatch",
            Self::Delivery => "delivery",
            Self::DeliverySlow => "delivery-slow",
            Self::Sync => "sync",
        }
    }
}

impl FromStr for Queue {
    type Err = UnknownQueue;

    fn from_str(text: &str) -> Result<Self, UnknownQueue> {
        Self::ALL.into_iter().find(|queue| queue.name() == text).ok_or(UnknownQueue)
    }
}

/// There is no queue of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no queue of that name")]
pub struct UnknownQueue;

/// The full name of a piece of work. Its text form is what a bell carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RowKey {
    /// An event that came in.
    Event(EventId),
    /// An event on its way to a subscription.
    Delivery(DeliveryId),
    /// The poll for what a source's webhooks missed.
    Poll(SourceId),
    /// The erasure, or the report, of a person's data.
    DataSubject(JobId),
    /// A MoySklad account that is to be written: whoever has claimed it is the only one to write there.
    Drain(TenantId, AccountId),
    /// The poll for what a MoySklad account's webhooks missed of a kind.
    Reconciliation(TenantId, AccountId, EntityKind),
    /// The walk that looks at all that a MoySklad account should have.
    Resync(TenantId, AccountId),
}

/// The text names no piece of work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("names no piece of work")]
pub struct RowKeyError;

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(id) => write!(f, "event/{id}"),
            Self::Delivery(id) => write!(f, "delivery/{id}"),
            Self::Poll(id) => write!(f, "poll/{id}"),
            Self::DataSubject(id) => write!(f, "data-subject/{id}"),
            Self::Drain(tenant, account) => write!(f, "drain/{tenant}/{account}"),
            Self::Reconciliation(tenant, account, kind) => write!(f, "reconciliation/{tenant}/{account}/{kind}"),
            Self::Resync(tenant, account) => write!(f, "resync/{tenant}/{account}"),
        }
    }
}

impl FromStr for RowKey {
    type Err = RowKeyError;

    fn from_str(text: &str) -> Result<Self, RowKeyError> {
        let (kind, id) = text.split_once('/').ok_or(RowKeyError)?;
        match kind {
            "event" => id.parse().map(Self::Event).map_err(|_| RowKeyError),
            "delivery" => {
                let id: DeliveryId = id.parse().map_err(|_| RowKeyError)?;
                id.event().ok_or(RowKeyError)?;
                Ok(Self::Delivery(id))
            }
            "poll" => id.parse().map(Self::Poll).map_err(|_| RowKeyError),
            "data-subject" => id.parse().map(Self::DataSubject).map_err(|_| RowKeyError),
            "drain" => of_account(id).map(|(tenant, account)| Self::Drain(tenant, account)),
            "reconciliation" => {
                let (of, entity) = id.rsplit_once('/').ok_or(RowKeyError)?;
                let (tenant, account) = of_account(of)?;
                entity.parse().map(|entity| Self::Reconciliation(tenant, account, entity)).map_err(|_| RowKeyError)
            }
            "resync" => of_account(id).map(|(tenant, account)| Self::Resync(tenant, account)),
            _ => Err(RowKeyError),
        }
    }
}

fn of_account(text: &str) -> Result<(TenantId, AccountId), RowKeyError> {
    let (tenant, account) = text.split_once('/').ok_or(RowKeyError)?;
    Ok((tenant.parse().map_err(|_| RowKeyError)?, account.parse().map_err(|_| RowKeyError)?))
}

impl TryFrom<String> for RowKey {
    type Error = RowKeyError;

    fn try_from(text: String) -> Result<Self, RowKeyError> {
        text.parse()
    }
}

impl From<RowKey> for String {
    fn from(key: RowKey) -> Self {
        key.to_string()
    }
}

/// The part of a row that the rules of work read and write. Its attributes are written by those rules only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkState {
    /// Which queue its bell is rung on.
    pub queue: Queue,
    /// Raised by a reprocess or a replay; nothing of an older turn can write.
    pub turn: u32,
    /// Recorded answers: the schedule a tenant sees.
    pub attempts: u32,
    /// Claims since the last record. A row that keeps killing its workers is known by it.
    pub deaths: u32,
    /// When it may run.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub not_before: Timestamp,
    /// Until when it is taken, to the millisecond: the fence every later write of the taker names.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub lease_until: Option<Timestamp>,
    /// When the sweep may ring. Absent once the work has ended.
    #[serde(
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub due_at: Option<Timestamp>,
    /// The partition of the due index it is found in: a home shard, or where it is parked. Absent once the work has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<String>,
    /// When the store may forget it (seconds). Set when the work ends, never before.
    #[serde(with = "jiff::fmt::serde::timestamp::second::optional", default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl WorkState {
    /// The state of a new piece of work: first turn, nothing tried.
    #[must_use]
    pub const fn starting(queue: Queue, not_before: Timestamp, due_at: Timestamp, due_shard: String) -> Self {
        Self {
            queue,
            turn: 1,
            attempts: 0,
            deaths: 0,
            not_before,
            lease_until: None,
            due_at: Some(due_at),
            due_shard: Some(due_shard),
            expires_at: None,
        }
    }

    /// Whether the work has ended.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.due_shard.is_none()
    }
}

/// A row that is work: it can be claimed, recorded and ended by the rules of the `work` room.
pub trait WorkRow: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// The status while a worker has it, as stored.
    const CLAIMED: &'static str;
    /// The list it is found in, by tenant and day; none for housekeeping.
    const LIST: Option<&'static str>;

    /// The row's name.
    fn key(&self) -> RowKey;
    /// Whose it is: the fairness group of its bells.
    fn tenant(&self) -> &TenantId;
    /// The part the rules of work own.
    fn work(&self) -> &WorkState;
    /// Its time in its list. It never changes.
    fn listed_at(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_survives_its_text_form() {
        let event = EventId::derive(&["x"]);
        let delivery = DeliveryId::derive(&event, Timestamp::UNIX_EPOCH, &"sub_1".parse().unwrap());
        let account: AccountId = "9171a53c-1b2c-4f7d-9c1a-000000000001".parse().unwrap();
        for key in [
            RowKey::Event(event),
            RowKey::Delivery(delivery),
            RowKey::Poll(SourceId::default_c2s()),
            RowKey::DataSubject("job_1".parse().unwrap()),
            RowKey::Drain(TenantId::default_tenant(), account),
            RowKey::Reconciliation(TenantId::default_tenant(), account, EntityKind::Product),
            RowKey::Resync(TenantId::default_tenant(), account),
        ] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }

    #[test]
    fn a_key_that_names_nothing_is_refused() {
        for bad in ["", "event", "event/", "event/dlv_1", "delivery/dlv_1", "lead/evt_1", "event/evt_1/2"] {
            assert_eq!(bad.parse::<RowKey>(), Err(RowKeyError), "{bad}");
        }
    }
}
