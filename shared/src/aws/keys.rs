//! Every key of every table. A key written anywhere else is a mistake.
//!
//! An event, what came of it, its deliveries and their attempts share the event's partition: the timeline is one
//! query. Bodies of events with a subject lie in the subject's partition: a lead's events are one query, too.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::counters::{Counted, Grain};
use crate::data_subjects::Thread;
use crate::model::event::Event;
use crate::model::event_type::EventType;
use crate::model::ids::{ConnectionId, DeliveryId, EventId, SourceId, SubscriptionId, TenantId};
use crate::model::moysklad::{AccountId, Dirty, EntityKind, EntityRef};
use crate::model::row::{RowKey, WorkRow};
use crate::model::whatsapp::WhatsappNumber;
use crate::work::Hold;

/// How many partitions a tenant's day is spread over in a list index.
pub const LIST_SHARDS: u8 = 4;

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The partition.
    pub pk: String,
    /// The place in it.
    pub sk: String,
}

impl Key {
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

// --- the events table ---

fn event_partition(event: &EventId) -> String {
    format!("EVENT#{}", event.parent())
}

/// Where everything of an event is.
#[must_use]
pub fn timeline(event: &EventId) -> String {
    event_partition(event)
}

/// A row of work.
#[must_use]
pub fn row(key: &RowKey) -> Key {
    match key {
        RowKey::Event(id) => Key::new(event_partition(id), "EVENT"),
        RowKey::Delivery(id) => match id.event() {
            Some(event) => Key::new(event_partition(&event), format!("DELIVERY#{id}")),
            None => Key::new(format!("DELIVERY#{id}"), "LOST"),
        },
        RowKey::Poll(source) => Key::new(format!("POLL#{source}"), "JOB"),
        RowKey::DataSubject(job) => Key::new(format!("DATA_SUBJECT#{job}"), "JOB"),
        RowKey::Drain(tenant, account) => Key::new(format!("DRAIN#{tenant}#{account}"), "JOB"),
        RowKey::Reconciliation(tenant, account, kind) => {
            Key::new(format!("RECONCILIATION#{tenant}#{account}#{kind}"), "JOB")
        }
        RowKey::Resync(tenant, account) => Key::new(format!("RESYNC#{tenant}#{account}"), "JOB"),
    }
}

/// The row of work a key of the due index names; none for what is no work.
#[must_use]
pub fn named(pk: &str, sk: &str) -> Option<RowKey> {
    let (kind, id) = pk.split_once('#')?;
    match (kind, sk) {
        ("EVENT", "EVENT") => id.parse().ok().map(RowKey::Event),
        ("EVENT", delivery) => {
            let id: DeliveryId = delivery.strip_prefix("DELIVERY#")?.parse().ok()?;
            id.event().map(|_| RowKey::Delivery(id))
        }
        ("POLL", "JOB") => id.parse().ok().map(RowKey::Poll),
        ("DATA_SUBJECT", "JOB") => id.parse().ok().map(RowKey::DataSubject),
        ("DRAIN", "JOB") => of_account(id).map(|(tenant, account)| RowKey::Drain(tenant, account)),
        ("RECONCILIATION", "JOB") => {
            let (of, entity) = id.rsplit_once('#')?;
            let (tenant, account) = of_account(of)?;
            Some(RowKey::Reconciliation(tenant, account, entity.parse().ok()?))
        }
        ("RESYNC", "JOB") => of_account(id).map(|(tenant, account)| RowKey::Resync(tenant, account)),
        _ => None,
    }
}

fn of_account(text: &str) -> Option<(TenantId, AccountId)> {
    let (tenant, account) = text.split_once('#')?;
    Some((tenant.parse().ok()?, account.parse().ok()?))
}

/// The partition of a subject's bodies.
#[must_use]
pub fn subject(source: &SourceId, subject: &str) -> String {
    format!("SUBJECT#{source}#{subject}")
}

/// The place of an event in its subject's partition: by the provider's time.
#[must_use]
pub fn subject_place(occurred_at: Timestamp, event: &EventId) -> String {
    format!("{}#{event}", sortable(occurred_at))
}

/// An event's body: with its subject's, by the provider's time, or else with the event.
#[must_use]
pub fn body(event: &Event) -> Key {
    match &event.subject {
        Some(of) => Key::new(subject(&event.source, of), subject_place(event.occurred_at, &event.id)),
        None => body_beside(&event.id),
    }
}

/// The body of an event without a subject, where it does not fit into the event's row.
#[must_use]
pub fn body_beside(event: &EventId) -> Key {
    Key::new(event_partition(event), "BODY")
}

/// Whether a body, or a variant of one, lies there.
#[must_use]
pub fn is_body(key: &Key) -> bool {
    key.pk.starts_with("SUBJECT#") || (key.pk.starts_with("EVENT#") && key.sk.starts_with("BODY"))
}

/// What a partition's rows are about, in both tables that may hold a person; nothing for partitions that hold nobody.
#[must_use]
pub fn thread(pk: &str) -> Option<Thread> {
    let (kind, rest) = pk.split_once('#')?;
    match kind {
        "SUBJECT" | "LEAD" => {
            let (source, lead) = rest.split_once('#')?;
            Some(Thread::Lead(source.parse().ok()?, lead.to_owned()))
        }
        "EVENT" => rest.parse().ok().map(Thread::Event),
        _ => None,
    }
}

/// A variant of an event's body, by its digest.
#[must_use]
pub fn variant(event: &Event, digest: &str) -> Key {
    let body = body(event);
    Key::new(body.pk, format!("{}{VARIANT_MARK}{digest}", body.sk))
}

/// What stands in the place of a variant, and of no first body.
pub const VARIANT_MARK: &str = "#VARIANT#";
/// The start of the places of what an event led to, as it goes out.
pub const OUT_PLACE: &str = "OUT#";
/// The start of the places of an event's deliveries and their attempts.
pub const DELIVERY_PLACE: &str = "DELIVERY#";

/// The delivery whose attempt is at this place; none where no attempt is.
#[must_use]
pub fn attempted(place: &str) -> Option<DeliveryId> {
    let (delivery, _) = place.strip_prefix(DELIVERY_PLACE)?.split_once("#ATTEMPT#")?;
    delivery.parse().ok()
}

/// What the work of an event came to, as it goes out.
#[must_use]
pub fn announcement(id: &EventId) -> Key {
    Key::new(event_partition(id), format!("OUT#{id}"))
}

/// Which batch an event was gathered in for a subscription.
#[must_use]
pub fn gathered(event: &EventId, subscription: &SubscriptionId) -> Key {
    Key::new(event_partition(event), format!("GATHERED#{event}#{subscription}"))
}

/// An attempt of a delivery.
#[must_use]
pub fn attempt(delivery: &DeliveryId, n: u32) -> Key {
    let delivery = row(&RowKey::Delivery(delivery.clone()));
    Key::new(delivery.pk, format!("{}#ATTEMPT#{n:06}", delivery.sk))
}

/// The start of the attempts of a delivery.
#[must_use]
pub fn attempts(delivery: &DeliveryId) -> Key {
    let delivery = row(&RowKey::Delivery(delivery.clone()));
    Key::new(delivery.pk, format!("{}#ATTEMPT#", delivery.sk))
}

/// The partition and place of a row in its list; none for what is not listed.
#[must_use]
pub fn list<R: WorkRow>(row: &R) -> Option<Key> {
    let kind = R::LIST?;
    let shard = list_shard(&row.key().to_string());
    let at = row.listed_at();
    Some(Key::new(list_partition(kind, row.tenant(), at, shard), list_place(at, &row.key())))
}

/// One partition of a list: a kind's rows of a tenant on a day (UTC).
#[must_use]
pub fn list_partition(kind: &str, tenant: &TenantId, at: Timestamp, shard: u8) -> String {
    format!("{kind}#{tenant}#{}#{shard}", at.strftime("%Y%m%d"))
}

/// The place of a row in a list.
#[must_use]
pub fn list_place(at: Timestamp, key: &RowKey) -> String {
    format!("{}#{key}", sortable(at))
}

/// The partition of a tenant's failed rows of a kind.
#[must_use]
pub fn failed_partition(kind: &str, tenant: &TenantId) -> String {
    format!("{kind}#{tenant}")
}

fn list_shard(key: &str) -> u8 {
    Sha256::digest(key.as_bytes())[0] % LIST_SHARDS
}

/// A time as text of one width, so that texts sort as times do.
#[must_use]
pub fn sortable(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

// --- the directory table ---

/// The card of a credential, by the hash of the credential.
#[must_use]
pub fn card(hash: &str) -> Key {
    Key::new(format!("CARD#{hash}"), "CARD")
}

/// A tenant.
#[must_use]
pub fn tenant(tenant: &TenantId) -> Key {
    Key::new(format!("TENANT#{tenant}"), "TENANT")
}

/// One of a tenant's keys: its public part.
#[must_use]
pub fn api_key(tenant: &TenantId, key: &str) -> Key {
    Key::new(format!("TENANT#{tenant}"), format!("KEY#{key}"))
}

/// A source.
#[must_use]
pub fn source(source: &SourceId) -> Key {
    Key::new(format!("SOURCE#{source}"), "SOURCE")
}

/// A source's name in its tenant's partition: what is a tenant's is found in one strong query.
#[must_use]
pub fn tenant_source(tenant: &TenantId, source: &SourceId) -> Key {
    Key::new(format!("TENANT#{tenant}"), format!("SOURCE#{source}"))
}

/// A connection, in its tenant's partition: another tenant's cannot be asked for.
#[must_use]
pub fn connection(tenant: &TenantId, connection: &ConnectionId) -> Key {
    Key::new(format!("TENANT#{tenant}"), format!("CONNECTION#{connection}"))
}

/// The claim on a number by a connection: two connections cannot hold one line, whoever's they are. A number has no
/// place in a key, so its digest stands there.
#[must_use]
pub fn number_claim(number: &WhatsappNumber) -> Key {
    let digest = hex::encode(Sha256::digest(number.with_ninth_digit().as_bytes()));
    Key::new(format!("NUMBER#{digest}"), "CLAIM")
}

/// A MoySklad account, in its tenant's partition: another tenant's cannot be asked for.
#[must_use]
pub fn moysklad_account(tenant: &TenantId, account: AccountId) -> Key {
    Key::new(format!("TENANT#{tenant}"), format!("{MOYSKLAD_PLACE}{account}"))
}

/// The claim on a MoySklad account: it is kept in step for one tenant.
#[must_use]
pub fn moysklad_claim(account: AccountId) -> Key {
    Key::new(format!("MOYSKLAD#{account}"), "CLAIM")
}

/// What sorts a tenant's keys together.
pub const KEY_PLACE: &str = "KEY#";
/// What sorts a tenant's sources together.
pub const SOURCE_PLACE: &str = "SOURCE#";
/// What sorts a tenant's connections together.
pub const CONNECTION_PLACE: &str = "CONNECTION#";
/// What sorts a tenant's MoySklad accounts together.
pub const MOYSKLAD_PLACE: &str = "MOYSKLAD#";

/// The partition of the index `kind` that lists every tenant.
pub const TENANTS: &str = "TENANT";
/// The partition of the index `kind` that lists every source.
pub const SOURCES: &str = "SOURCE";
/// The partition of the index `kind` that lists every connection.
pub const CONNECTIONS: &str = "CONNECTION";
/// The partition of the index `kind` that lists every MoySklad account.
pub const MOYSKLAD_ACCOUNTS: &str = "MOYSKLAD";

/// The place of a MoySklad account in the index `kind`: by when it was made.
#[must_use]
pub fn moysklad_listed(made_at: Timestamp, account: AccountId) -> String {
    format!("{}#{account}", sortable(made_at))
}

/// A subscription, in its tenant's partition: another tenant's cannot be asked for.
#[must_use]
pub fn subscription(tenant: &TenantId, subscription: &SubscriptionId) -> Key {
    Key::new(subscriptions(tenant), format!("SUBSCRIPTION#{subscription}"))
}

/// The partition of a tenant's subscriptions.
#[must_use]
pub fn subscriptions(tenant: &TenantId) -> String {
    format!("SUBSCRIPTIONS#{tenant}")
}

/// A claim on one URL and event, of one WhatsApp connection where it is scoped to one, by a subscription: two
/// subscriptions cannot hold one.
#[must_use]
pub fn subscription_claim(tenant: &TenantId, url: &str, connection: Option<&ConnectionId>, event: &str) -> Key {
    let digest = hex::encode(&Sha256::digest(url.as_bytes())[..16]);
    let scope = connection.map_or_else(String::new, |connection| format!("{connection}#"));
    Key::new(subscriptions(tenant), format!("UNIQUE#{digest}#{scope}{event}"))
}

/// A switch, by what it switches.
#[must_use]
pub fn switch(what: &str) -> Key {
    Key::new(SWITCHES, what)
}

/// The partition of the switches.
pub const SWITCHES: &str = "SWITCHES";

// --- the signals table ---

/// The list of what work may be waiting behind.
pub const HOLDS: &str = "HOLDS";

/// A hold that work waits behind.
#[must_use]
pub fn hold(hold: &Hold) -> Key {
    Key::new(HOLDS, hold.as_str())
}

/// The next free time of an upstream.
#[must_use]
pub fn slot(name: &str) -> Key {
    Key::new(format!("SLOT#{name}"), "SLOT")
}

/// The breaker of an upstream or an endpoint.
#[must_use]
pub fn breaker(name: &str) -> Key {
    Key::new(format!("BREAKER#{name}"), "BREAKER")
}

/// The batch a subscription's events are gathered in.
#[must_use]
pub fn open_batch(subscription: &SubscriptionId) -> Key {
    Key::new(format!("BATCH#{subscription}"), "BATCH")
}

/// The row that lets one sweep run at a time.
#[must_use]
pub fn sweep_lease() -> Key {
    Key::new("SWEEP", "LEASE")
}

/// How many partitions the totals are spread over: every batch of deliveries writes to one.
pub const TOTAL_SHARDS: u8 = 8;

/// The counters of a slot of time, in a partition of its tenant's and of an hour or a day: a window is whole partitions,
/// but for the first.
#[must_use]
pub fn slot_counters(counted: &Counted, grain: Grain, slot: Timestamp) -> Key {
    let place = format!("{}#{}#{}", counter_place(slot), counted.subscription, counted.event_type);
    Key::new(slot_partition(&counted.tenant, grain, slot), place)
}

/// The partition of a tenant's counters at this time.
#[must_use]
pub fn slot_partition(tenant: &TenantId, grain: Grain, at: Timestamp) -> String {
    match grain {
        Grain::FiveMinutes => format!("COUNTS#5M#{tenant}#{}", at.strftime("%Y%m%dT%H")),
        Grain::Hour => format!("COUNTS#1H#{tenant}#{}", at.strftime("%Y%m%d")),
    }
}

/// The start of the places of the counters of a slot.
#[must_use]
pub fn counter_place(slot: Timestamp) -> String {
    slot.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

/// What a place of counters says: when their slot began, to whom, and of what.
#[must_use]
pub fn counted_at(place: &str) -> Option<(Timestamp, SubscriptionId, EventType)> {
    let mut parts = place.split('#');
    let (slot, subscription, event_type) = (parts.next()?, parts.next()?, parts.next()?);
    let slot = format!("{}:00Z", slot.strip_suffix('Z')?);
    Some((slot.parse().ok()?, subscription.parse().ok()?, event_type.parse().ok()?))
}

/// All that was ever counted of a tenant and an event type.
#[must_use]
pub fn total_counters(tenant: &TenantId, event_type: EventType) -> Key {
    let place = format!("{tenant}#{event_type}");
    let shard = Sha256::digest(place.as_bytes())[0] % TOTAL_SHARDS;
    Key::new(total_partition(shard), place)
}

/// A partition of totals.
#[must_use]
pub fn total_partition(shard: u8) -> String {
    format!("COUNTS#TOTAL#{shard}")
}

/// Whose totals are at this place, and of what.
#[must_use]
pub fn totalled(place: &str) -> Option<(TenantId, EventType)> {
    let (tenant, event_type) = place.split_once('#')?;
    Some((tenant.parse().ok()?, event_type.parse().ok()?))
}

/// All that ever came in from a provider.
#[must_use]
pub fn arrival_counters(provider: &str) -> Key {
    Key::new(ARRIVALS, provider)
}

/// The partition of what came in.
pub const ARRIVALS: &str = "COUNTS#ARRIVALS";

/// The totals of an hour ago.
#[must_use]
pub fn counters_mark() -> Key {
    Key::new("COUNTS#MARK", "MARK")
}

// --- the parties table ---

/// The partition of everything looked up for a lead.
#[must_use]
pub fn lead(source: &SourceId, lead: &str) -> String {
    format!("LEAD#{source}#{lead}")
}

/// What was looked up for a lead with this contact data.
#[must_use]
pub fn enrichment(source: &SourceId, lead_id: &str, contact: &str) -> Key {
    Key::new(lead(source, lead_id), format!("CONTACT#{contact}"))
}

// --- the sync table ---

/// The partition of what is to be carried to a MoySklad account, in the order of its line.
#[must_use]
pub fn dirty_rows(tenant: &TenantId, target: AccountId) -> String {
    format!("DIRTY#{tenant}#{target}")
}

/// An entity that is to be carried to an account.
#[must_use]
pub fn dirty(tenant: &TenantId, target: AccountId, origin: EntityRef) -> Key {
    let EntityRef { account, kind, id } = origin;
    Key::new(dirty_rows(tenant, target), format!("{}#{account}#{id}", place_in_line(kind)))
}

/// The key of a row that was read.
#[must_use]
pub fn dirty_row(row: &Dirty) -> Key {
    dirty(&row.tenant, row.target, row.origin)
}

/// Where a kind stands in an account's line: orders first, then what others refer to. It is part of keys: a new kind
/// goes in between, and none that is there moves.
const fn place_in_line(kind: EntityKind) -> u8 {
    match kind {
        EntityKind::CustomerOrder => 15,
        EntityKind::Demand => 20,
        EntityKind::RetailDemand => 25,
        EntityKind::ProductFolder => 50,
        EntityKind::Product => 55,
        EntityKind::Service => 60,
        EntityKind::Variant => 65,
        EntityKind::Bundle => 70,
    }
}

/// What stands for an entity in another account.
#[must_use]
pub fn mapping(tenant: &TenantId, origin: EntityRef, target: AccountId) -> Key {
    Key::new(format!("MAPPING#{tenant}#{target}"), origin.to_string())
}

/// For what an entity stands.
#[must_use]
pub fn stands_for(tenant: &TenantId, counterpart: EntityRef) -> Key {
    let EntityRef { account, kind, id } = counterpart;
    Key::new(format!("STANDS_FOR#{tenant}#{account}"), format!("{kind}#{id}"))
}

/// The partition of what the guards remember of an account.
#[must_use]
pub fn guards(tenant: &TenantId, account: AccountId) -> String {
    format!("GUARD#{tenant}#{account}")
}

/// What sorts the loop guards of an account together.
pub const LOOP_PLACE: &str = "LOOP#";

/// What we have written into an entity.
#[must_use]
pub fn written(tenant: &TenantId, entity: EntityRef) -> Key {
    Key::new(guards(tenant, entity.account), format!("WRITTEN#{}#{}", entity.kind, entity.id))
}

/// How often an entity has changed.
#[must_use]
pub fn loop_guard(tenant: &TenantId, entity: EntityRef) -> Key {
    Key::new(guards(tenant, entity.account), format!("{LOOP_PLACE}{}#{}", entity.kind, entity.id))
}

/// What was done for an account in an hour.
#[must_use]
pub fn tally(tenant: &TenantId, account: AccountId, hour: Timestamp) -> Key {
    Key::new(format!("TALLY#{tenant}#{account}"), sortable(hour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_work_is_named_by_its_key() {
        let event = EventId::derive(&["x"]);
        let sub: SubscriptionId = "sub_1".parse().unwrap();
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let account: AccountId = "9171a53c-1b2c-4f7d-9c1a-000000000001".parse().unwrap();
        for key in [
            RowKey::Event(event.clone()),
            RowKey::Delivery(DeliveryId::derive(&event, at, &sub)),
            RowKey::Delivery(DeliveryId::derive(&event.child(1), at, &sub)),
            RowKey::Poll(SourceId::default_c2s()),
            RowKey::DataSubject("job_1".parse().unwrap()),
            RowKey::Drain(TenantId::default_tenant(), account),
            RowKey::Reconciliation(TenantId::default_tenant(), account, EntityKind::Product),
            RowKey::Resync(TenantId::default_tenant(), account),
        ] {
            let Key { pk, sk } = row(&key);
            assert_eq!(named(&pk, &sk), Some(key));
        }
        assert_eq!(named("EVENT#evt_1", "BODY"), None);
    }

    #[test]
    fn the_deliveries_of_an_event_and_of_what_it_led_to_are_in_its_timeline() {
        let event = EventId::derive(&["x"]);
        let sub: SubscriptionId = "sub_1".parse().unwrap();
        let delivery = DeliveryId::derive(&event.child(2), Timestamp::UNIX_EPOCH, &sub);
        assert_eq!(row(&RowKey::Delivery(delivery)).pk, timeline(&event));
    }

    #[test]
    fn counters_are_found_by_tenant_and_time_and_say_what_they_count() {
        let counted = Counted {
            tenant: "ten_1".parse().unwrap(),
            subscription: "sub_1".parse().unwrap(),
            event_type: EventType::InvoiceSent,
        };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-01-20T10:17:31Z");
        let keys = Grain::ALL.map(|grain| slot_counters(&counted, grain, grain.slot(now)));
        let shown = keys.clone().map(|key| format!("{} {}", key.pk, key.sk)).join("\n");
        insta::assert_snapshot!(shown, @r"
        COUNTS#5M#ten_1#20260120T10 2026-01-20T10:15Z#sub_1#invoice.sent
        COUNTS#1H#ten_1#20260120 2026-01-20T10:00Z#sub_1#invoice.sent
        ");
        assert_eq!(
            counted_at(&keys[0].sk),
            Some((at("2026-01-20T10:15:00Z"), counted.subscription, counted.event_type))
        );
        let total = total_counters(&counted.tenant, counted.event_type);
        assert_eq!(totalled(&total.sk), Some((counted.tenant, counted.event_type)));
    }

    #[test]
    fn what_is_to_be_carried_is_sorted_as_its_line_is() {
        let (tenant, account) = (TenantId::default_tenant(), AccountId::new(uuid::Uuid::from_u128(1)));
        let row = |kind: EntityKind| {
            let id = crate::model::moysklad::EntityId::new(uuid::Uuid::from_u128(2));
            let origin = EntityRef { account, kind, id };
            Dirty::new(tenant.clone(), account, origin, crate::model::moysklad::Groups::all(), Timestamp::UNIX_EPOCH)
        };
        let mut line = EntityKind::ALL.map(row);
        line.sort_by_key(Dirty::place);
        let places = line.map(|row| dirty_row(&row).sk);
        assert!(places.is_sorted(), "{places:?}");
        assert!(places.iter().all(|place| place.len() == places[0].len()));
    }

    #[test]
    fn times_of_any_precision_have_one_width() {
        let whole = sortable(Timestamp::from_second(1_700_000_000).unwrap());
        let part = sortable(Timestamp::from_microsecond(1_700_000_000_000_001).unwrap());
        assert_eq!(whole.len(), part.len());
        assert!(whole < part);
        insta::assert_snapshot!(whole, @"2023-11-14T22:13:20.000000Z");
    }
}
