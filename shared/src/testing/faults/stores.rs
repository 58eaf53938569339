//! The stores' traits, by way of their faults.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::faulty::{Faulty, Trouble as _, by_way_of_faults};
use super::script::{Fault, Kind};
use crate::delivery::courier::{Couriers, SubscriptionGone};
use crate::delivery::health::{Health, Healths};
use crate::dispatch::{Batches, Begun, Joined, Outbox, Room, Subscribers};
use crate::enrichment::look_up::{LookUp, LookUps};
use crate::enrichment::workflow::{LeadBody, Leads};
use crate::intake::{Inbox, Recorded};
use crate::limits::{Breaker, Breakers, Slot, Slots};
use crate::model::contact::LeadId;
use crate::model::delivery::{Attempt, Delivery};
use crate::model::event::{Announcement, Event, RawBody};
use crate::model::ids::{DeliveryId, EventId, SourceId, SubscriptionId, TenantId};
use crate::model::moysklad::{Account, AccountId, Dirty, EntityRef, Mapping, Tally};
use crate::model::row::{Queue, RowKey, WorkRow};
use crate::model::subscription::{DisabledReason, Subscription};
use crate::sync::guards::{LoopGuard, Written as WrittenInto};
use crate::sync::plan::Mark;
use crate::sync::store::{Accounts, DirtyRows, Drains, GuardRows, Mappings, Notices, Tallies};
use crate::testing::MemoryStore;
use crate::work::{
    Bells, Claim, ClaimOutcome, DueIndex, DueRow, Fence, Hold, Known, Next, Record, Ring, Rows, StoreError, Unrung,
    Written, home_shard,
};

/// Where a row is due, at home: what changes `due_at` changes this.
fn home(key: &RowKey) -> String {
    format!("index {}", home_shard(key))
}

/// Where a row is due behind a hold, if it is put there.
fn parked<P>(record: &Record<P>, key: &RowKey) -> String {
    match &record.next {
        Next::Park { hold, .. } => format!("index {}", hold.shard(key)),
        _ => home(key),
    }
}

by_way_of_faults! { Rows;
    Read read<R: WorkRow>(key: &RowKey) -> Result<Option<R>, StoreError>, on [key];
    Write insert<R: WorkRow>(row: &R) -> Result<bool, StoreError>, on [row.key(), home(&row.key())];
    Write claim<R: WorkRow>(claim: &Claim) -> Result<ClaimOutcome<R>, StoreError>, on [claim.key];
    Write record<R: WorkRow; P: Serialize>(fence: &Fence, record: &Record<P>) -> Result<bool, StoreError>,
        on [fence.key, home(&fence.key), parked(record, &fence.key)];
    Write record_if<R: WorkRow; P: Serialize>(fence: &Fence, record: &Record<P>, known: Known)
        -> Result<Written, StoreError>, on [fence.key, home(&fence.key), parked(record, &fence.key)];
    Write begin_turn<R: WorkRow>(key: &RowKey, status: &'static str, now: Timestamp) -> Result<Option<R>, StoreError>,
        on [key, home(key)];
}

impl<T: DueIndex> DueIndex for Faulty<T> {
    async fn due(&self, shard: &str, by: Timestamp, limit: usize) -> Result<Vec<DueRow>, StoreError> {
        let act = || async {
            match self.outside.stale_index(shard, by, limit) {
                Some(stale) => Ok(stale),
                None => self.inner.due(shard, by, limit).await,
            }
        };
        self.call("due", Kind::Read, || vec![format!("index {shard}")], act).await
    }

    async fn postpone(&self, row: &DueRow, to: Timestamp) -> Result<Option<Ring>, StoreError> {
        let on = || vec![row.key.to_string(), home(&row.key)];
        self.call("postpone", Kind::Write, on, || self.inner.postpone(row, to)).await
    }

    async fn unpark(&self, row: &DueRow, now: Timestamp) -> Result<Option<Ring>, StoreError> {
        let on = || vec![row.key.to_string(), home(&row.key)];
        self.call("unpark", Kind::Write, on, || self.inner.unpark(row, now)).await
    }

    async fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.call("holds", Kind::Read, || vec!["holds".to_owned()], || self.inner.holds()).await
    }

    async fn held(&self, holds: &[Hold], now: Timestamp) -> Result<Vec<Hold>, StoreError> {
        self.call("held", Kind::Read, Vec::new, || self.inner.held(holds, now)).await
    }

    async fn forget_hold(&self, hold: &Hold, noted_before: Timestamp) -> Result<(), StoreError> {
        let act = || self.inner.forget_hold(hold, noted_before);
        self.call("forget_hold", Kind::Write, || vec!["holds".to_owned()], act).await
    }
}

impl<T: Bells> Bells for Faulty<T> {
    async fn ring(&self, rings: &[Ring], now: Timestamp) -> Vec<Unrung> {
        if rings.is_empty() {
            return Vec::new();
        }
        let none = |fault: Fault| {
            let why = format!("{fault:?}");
            rings.iter().map(|ring| Unrung { row: ring.bell.row.clone(), why: why.clone() }).collect()
        };
        self.call_for(("ring", Kind::Write), Vec::new, || self.inner.ring(rings, now), none).await
    }

    async fn waiting(&self, queue: Queue) -> Result<u64, StoreError> {
        self.call("waiting", Kind::Read, Vec::new, || self.inner.waiting(queue)).await
    }
}

impl Inbox for Faulty<MemoryStore> {
    async fn record_event(&self, event: &Event, body: &RawBody) -> Result<Recorded, StoreError> {
        let shelves = || vec![event.key().to_string(), home(&event.key()), "bodies".to_owned()];
        let act = || self.inner.record_event(event, body);
        let is_new = !self.inner.lock()?.bodies.contains_key(&event.id);
        let failed = |fault| {
            if fault == Fault::Half && is_new {
                self.inner.forget_body(&event.id);
            }
            Err(StoreError::lost("record_event", Kind::Both))
        };
        self.call_for(("record_event", Kind::Both), shelves, act, failed).await
    }
}

by_way_of_faults! { Leads;
    Read bodies_of(event: &Event) -> Result<Vec<RawBody>, StoreError>, on ["bodies"];
    Read bodies_of_lead(source: &SourceId, lead: &str) -> Result<Vec<LeadBody>, StoreError>, on ["bodies"];
}

impl LookUps for Faulty<MemoryStore> {
    async fn begin(&self, row: &LookUp) -> Result<Option<LookUp>, StoreError> {
        self.call("begin", Kind::Write, || vec!["look-up".to_owned()], || self.inner.begin(row)).await
    }

    async fn find(&self, source: &SourceId, lead: &LeadId, contact: &str) -> Result<Option<LookUp>, StoreError> {
        let act = || self.inner.find(source, lead, contact);
        self.call("find", Kind::Read, || vec!["look-up".to_owned()], act).await
    }

    async fn save(&self, row: &mut LookUp) -> Result<bool, StoreError> {
        let given = row.clone();
        let act = || async {
            let mut sent = given.clone();
            self.inner.save(&mut sent).await
        };
        let saved = self.call("save", Kind::Write, || vec!["look-up".to_owned()], act).await;
        row.version += 1;
        saved
    }
}

by_way_of_faults! { Slots;
    Write take_slot(name: &str, spacing: SignedDuration, now: Timestamp) -> Result<Slot, StoreError>, on [name];
}

by_way_of_faults! { Breakers;
    Read breaker(name: &str) -> Result<Breaker, StoreError>, on [format!("breaker {name}")];
    Write set_breaker(name: &str, seen: &Breaker, to: &Breaker) -> Result<bool, StoreError>,
        on [format!("breaker {name}")];
}

by_way_of_faults! { Healths;
    Read health(id: &SubscriptionId) -> Result<Health, StoreError>, on [format!("health {id}")];
    Write set_health(id: &SubscriptionId, seen: &Health, to: &Health) -> Result<bool, StoreError>,
        on [format!("health {id}")];
}

by_way_of_faults! { Subscribers;
    Read subscribers(tenant: &TenantId) -> Result<Vec<Subscription>, StoreError>, on ["subscriptions"];
    Read slow(ids: &[SubscriptionId]) -> Result<HashSet<SubscriptionId>, StoreError>, on [];
}

by_way_of_faults! { Outbox;
    Write announce(announcement: &Announcement, now: Timestamp) -> Result<(), StoreError>,
        on [format!("said {}", announcement.id)];
}

by_way_of_faults! { Couriers;
    Read subscription_of(tenant: &TenantId, id: &SubscriptionId)
        -> Result<Result<Subscription, SubscriptionGone>, StoreError>, on ["subscriptions"];
    Read announcement(id: &EventId) -> Result<Option<Announcement>, StoreError>, on [format!("said {id}"), "bodies"];
    Write put_attempt(id: &DeliveryId, attempt: &Attempt, expires_at: Timestamp) -> Result<(), StoreError>,
        on [format!("attempts {id}")];
    Write disable(tenant: &TenantId, id: &SubscriptionId, reason: DisabledReason, now: Timestamp)
        -> Result<bool, StoreError>, on ["subscriptions"];
}

by_way_of_faults! { Batches;
    Read open_batch(subscription: &SubscriptionId) -> Result<Option<DeliveryId>, StoreError>, on ["batches"];
    Write begin_batch(batch: &Delivery, seen: Option<&DeliveryId>) -> Result<Begun, StoreError>,
        on ["batches", batch.key(), home(&batch.key())];
    Write join_batch(batch: &DeliveryId, event: &EventId, bytes: u64, room: Room) -> Result<Joined, StoreError>,
        on [RowKey::Delivery(batch.clone())];
    Write close_batch(batch: &DeliveryId, now: Timestamp) -> Result<Option<Ring>, StoreError>,
        on [RowKey::Delivery(batch.clone())];
    Read gathered_in(event: &EventId, subscription: &SubscriptionId) -> Result<Option<DeliveryId>, StoreError>,
        on ["gathered"];
    Write note_gathered(event: &EventId, subscription: &SubscriptionId, batch: &DeliveryId, now: Timestamp)
        -> Result<(), StoreError>, on ["gathered"];
}

fn drain_of(tenant: &TenantId, account: AccountId) -> RowKey {
    RowKey::Drain(tenant.clone(), account)
}

by_way_of_faults! { Drains;
    Write ask_drain(tenant: &TenantId, account: AccountId, now: Timestamp) -> Result<Ring, StoreError>,
        on [drain_of(tenant, account), home(&drain_of(tenant, account))];
}

by_way_of_faults! { Notices;
    Read notice_of(event: &Event) -> Result<Option<RawBody>, StoreError>, on ["bodies"];
}

by_way_of_faults! { Accounts;
    Read accounts(tenant: &TenantId) -> Result<Vec<Account>, StoreError>, on [];
}

by_way_of_faults! { DirtyRows;
    Write mark(tenant: &TenantId, mark: &Mark, not_before: Timestamp, now: Timestamp) -> Result<Dirty, StoreError>,
        on [format!("dirty {}", mark.target)];
    Read due(tenant: &TenantId, target: AccountId, now: Timestamp, limit: usize) -> Result<Vec<Dirty>, StoreError>,
        on [format!("dirty {target}")];
    Read next_due(tenant: &TenantId, target: AccountId) -> Result<Option<Timestamp>, StoreError>,
        on [format!("dirty {target}")];
    Read n_dirty(tenant: &TenantId, target: AccountId) -> Result<u64, StoreError>, on [format!("dirty {target}")];
    Write finish(row: &Dirty) -> Result<bool, StoreError>, on [format!("dirty {}", row.target)];
    Write put_off(row: &Dirty, not_before: Timestamp, error: &str) -> Result<bool, StoreError>,
        on [format!("dirty {}", row.target)];
    Write set_aside(row: &Dirty, not_before: Timestamp, error: &str) -> Result<bool, StoreError>,
        on [format!("dirty {}", row.target)];
}

by_way_of_faults! { Mappings;
    Read mapping(tenant: &TenantId, origin: EntityRef, target: AccountId) -> Result<Option<Mapping>, StoreError>,
        on ["mappings"];
    Read mapping_of(tenant: &TenantId, counterpart: EntityRef) -> Result<Option<Mapping>, StoreError>, on ["mappings"];
    Write put_mapping(mapping: &Mapping) -> Result<bool, StoreError>, on ["mappings"];
}

by_way_of_faults! { GuardRows;
    Read written(tenant: &TenantId, entity: EntityRef) -> Result<Option<WrittenInto>, StoreError>,
        on [format!("written {entity}")];
    Write put_written(tenant: &TenantId, entity: EntityRef, written: &WrittenInto) -> Result<(), StoreError>,
        on [format!("written {entity}")];
    Read loop_guard(tenant: &TenantId, entity: EntityRef) -> Result<Option<LoopGuard>, StoreError>,
        on [format!("guard {entity}")];
    Write put_loop_guard(guard: &LoopGuard) -> Result<bool, StoreError>, on [format!("guard {}", guard.entity)];
    Read loop_guards(tenant: &TenantId, account: AccountId, limit: usize) -> Result<Vec<LoopGuard>, StoreError>,
        on ["guards"];
}

by_way_of_faults! { Tallies;
    Write tally(tenant: &TenantId, account: AccountId, tally: &Tally, now: Timestamp) -> Result<(), StoreError>, on [];
    Read tallies(tenant: &TenantId, account: AccountId, since: Timestamp) -> Result<Vec<(Timestamp, Tally)>, StoreError>,
        on [];
}
