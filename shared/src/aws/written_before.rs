//! What earlier versions wrote is still read: rows of every kind and bells, as the local cloud held them, kept in
//! `shared/tests/written/<date>/`. A deployment meets the rows of the version before it, and a rollback those of the one
//! after it. `python3 local/gancho.py keep-rows` keeps a stack's rows of today beside the others.

mod kept;

use std::collections::BTreeSet;
use std::fs;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::kept::{kept, rows};
use super::items::{ERASED, Item, PK, SK, from_item, n, text, time, to_item};
use super::keys;
use super::{counters, inbox, outbox};
use crate::auth::Card;
use crate::counters::Mark;
use crate::delivery::health::Health;
use crate::enrichment::look_up::LookUp;
use crate::limits::Breaker;
use crate::model::api_key::ApiKey;
use crate::model::delivery::{Attempt, Delivery};
use crate::model::event::Event;
use crate::model::ids::{ConnectionId, DeliveryId, EventId, SourceId, SubscriptionId, TenantId};
use crate::model::job::{DataSubjectJob, Poll};
use crate::model::moysklad::{Account, Dirty, DrainJob, EntityRef, Mapping, ReconciliationJob, ResyncJob, Tally};
use crate::model::row::RowKey;
use crate::model::source::Source;
use crate::model::subscription::Subscription;
use crate::model::switch::Switch;
use crate::model::tenant::Tenant;
use crate::model::whatsapp::Connection;
use crate::sync::guards::{LoopGuard, Written};
use crate::work::Bell;

/// What is read of an item: written again as it would be, or the attributes that were read one by one.
enum Read {
    Whole(Item),
    Parts(&'static [&'static str]),
    /// Nothing, as it should be: what it said was erased.
    Erased,
}

/// Attributes that the rules of work and the indexes own, or that say nothing of the row itself.
const BESIDE: [&str; 15] = [
    "pk",
    "sk",
    "due_at",
    "due_shard",
    "lease_until",
    "list_pk",
    "list_sk",
    "failed_pk",
    "failed_sk",
    "kind_pk",
    "kind_sk",
    "expires_at",
    "noted_at",
    "put",
    "erased",
];

type Reader = fn(&Item) -> Result<Read, String>;

fn whole<T: DeserializeOwned + Serialize>(item: &Item) -> Result<Read, String> {
    let read: T = from_item(item.clone()).map_err(|error| error.to_string())?;
    to_item(&read).map(Read::Whole).map_err(|error| error.to_string())
}

/// The attribute says which one is meant.
fn names<T: DeserializeOwned>(item: &Item, name: &str) -> Result<(), String> {
    let value = item.get(name).ok_or_else(|| format!("{name} is missing"))?;
    let named: Result<T, serde_dynamo::Error> = serde_dynamo::from_attribute_value(value.clone());
    named.map(|_| ()).map_err(|error| format!("{name}: {error}"))
}

fn is_time(item: &Item, name: &str) -> Result<(), String> {
    time(item, name).map(|_| ()).ok_or_else(|| format!("{name} is no time"))
}

fn body(item: &Item) -> Result<Read, String> {
    if item.contains_key(ERASED) && !item.contains_key(inbox::BODY) {
        return Ok(Read::Erased);
    }
    let body = inbox::read_body(item).map_err(|error| error.to_string())?;
    if body.bytes.is_empty() {
        return Err("an empty body".to_owned());
    }
    names::<EventId>(item, "event")?;
    is_time(item, "received_at")?;
    Ok(Read::Parts(&["event", "body", "headers", "received_at", "digest"]))
}

/// An event's row, and the body in it where one is.
fn event(item: &Item) -> Result<Read, String> {
    if item.contains_key(inbox::BODY) {
        inbox::read_body(item).map_err(|error| error.to_string())?;
    }
    let Read::Whole(mut again) = whole::<Event>(item)? else { unreachable!("it is read whole") };
    for name in [inbox::BODY, "counted", "said"] {
        again.extend(item.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    Ok(Read::Whole(again))
}

/// A dirty row, and the time beside it that is compared and read from nowhere.
fn dirty(item: &Item) -> Result<Read, String> {
    let Read::Whole(mut again) = whole::<Dirty>(item)? else { unreachable!("it is read whole") };
    again.extend(item.get("ready_at").map(|value| ("ready_at".to_owned(), value.clone())));
    Ok(Read::Whole(again))
}

fn announcement(item: &Item) -> Result<Read, String> {
    let read = outbox::read_announcement(item.clone()).map_err(|error| error.to_string())?;
    let Some(read) = read else {
        return if item.contains_key(ERASED) { Ok(Read::Erased) } else { Err("nothing is announced".to_owned()) };
    };
    let mut again = to_item(&read).map_err(|error| error.to_string())?;
    // Its data was read as the JSON that the text is.
    again.extend(item.get("data").map(|value| ("data".to_owned(), value.clone())));
    Ok(Read::Whole(again))
}

fn counts(item: &Item) -> Result<Read, String> {
    let again = counters::named(&counters::counts(item));
    Ok(Read::Whole(again.into_iter().map(|(name, count)| (name, n(count))).collect()))
}

fn arrivals(item: &Item) -> Result<Read, String> {
    let (_, arrivals) = counters::arrived(item).ok_or("of no provider")?;
    let again = counters::named_arrivals(&arrivals);
    Ok(Read::Whole(again.into_iter().map(|(name, count)| (name, n(count))).collect()))
}

/// Every kind of item: its table, how its keys begin, and what reads it.
const KINDS: [(&str, &str, &str, Reader); 42] = [
    ("events", "EVENT#", "EVENT", event),
    ("events", "EVENT#", "OUT#", announcement),
    ("events", "EVENT#", "DELIVERY#*#ATTEMPT#", whole::<Attempt>),
    ("events", "EVENT#", "DELIVERY#", whole::<Delivery>),
    ("events", "EVENT#", "GATHERED#", |item| names::<DeliveryId>(item, "batch").map(|()| Read::Parts(&["batch"]))),
    ("events", "EVENT#", "BODY", body),
    ("events", "SUBJECT#", "", body),
    ("events", "POLL#", "JOB", whole::<Poll>),
    ("events", "DATA_SUBJECT#", "JOB", whole::<DataSubjectJob>),
    ("events", "DRAIN#", "JOB", whole::<DrainJob>),
    ("events", "RECONCILIATION#", "JOB", whole::<ReconciliationJob>),
    ("events", "RESYNC#", "JOB", whole::<ResyncJob>),
    ("directory", "TENANT#", "TENANT", whole::<Tenant>),
    ("directory", "TENANT#", "KEY#", whole::<ApiKey>),
    ("directory", "TENANT#", "SOURCE#", |item| {
        let place = text(item, SK).and_then(|place| place.strip_prefix(keys::SOURCE_PLACE));
        place.and_then(|id| id.parse::<SourceId>().ok()).map(|_| Read::Parts(&[])).ok_or("no source".to_owned())
    }),
    ("directory", "TENANT#", "CONNECTION#", whole::<Connection>),
    ("directory", "TENANT#", "MOYSKLAD#", whole::<Account>),
    ("directory", "SOURCE#", "SOURCE", whole::<Source>),
    ("directory", "NUMBER#", "CLAIM", |item| {
        names::<ConnectionId>(item, "holder")?;
        names::<TenantId>(item, "tenant").map(|()| Read::Parts(&["holder", "tenant"]))
    }),
    ("directory", "MOYSKLAD#", "CLAIM", |item| names::<TenantId>(item, "holder").map(|()| Read::Parts(&["holder"]))),
    ("directory", "SUBSCRIPTIONS#", "SUBSCRIPTION#", whole::<Subscription>),
    ("directory", "SUBSCRIPTIONS#", "UNIQUE#", |item| {
        names::<SubscriptionId>(item, "holder").map(|()| Read::Parts(&["holder"]))
    }),
    ("directory", "CARD#", "CARD", whole::<Card>),
    ("directory", "SWITCHES", "", whole::<Switch>),
    ("signals", "SLOT#", "SLOT", |item| is_time(item, "next_free").map(|()| Read::Parts(&["next_free"]))),
    ("signals", "BREAKER#endpoint:", "BREAKER", whole::<Health>),
    ("signals", "BREAKER#", "BREAKER", whole::<Breaker>),
    ("signals", "BATCH#", "BATCH", |item| names::<DeliveryId>(item, "batch").map(|()| Read::Parts(&["batch"]))),
    ("signals", "HOLDS", "", |item| is_time(item, "noted_at").map(|()| Read::Parts(&["noted_at"]))),
    ("signals", "SWEEP", "LEASE", |_| Ok(Read::Parts(&[]))),
    ("signals", "COUNTS#MARK", "MARK", whole::<Mark>),
    ("signals", "COUNTS#5M#", "", counts),
    ("signals", "COUNTS#1H#", "", counts),
    ("signals", "COUNTS#TOTAL#", "", counts),
    ("signals", "COUNTS#ARRIVALS", "", arrivals),
    ("sync", "DIRTY#", "", dirty),
    ("sync", "MAPPING#", "", whole::<Mapping>),
    ("sync", "STANDS_FOR#", "", |item| names::<EntityRef>(item, "origin").map(|()| Read::Parts(&["origin", "holder"]))),
    ("sync", "GUARD#", "WRITTEN#", whole::<Written>),
    ("sync", "GUARD#", "LOOP#", whole::<LoopGuard>),
    ("sync", "TALLY#", "", whole::<Tally>),
    ("parties", "LEAD#", "CONTACT#", whole::<LookUp>),
];

/// Whether a key begins so; a `*` stands for whatever has no `#`.
fn begins(key: &str, beginning: &str) -> bool {
    match beginning.split_once('*') {
        None => key.starts_with(beginning),
        Some((before, after)) => key
            .strip_prefix(before)
            .and_then(|rest| rest.find('#').map(|at| &rest[at..]))
            .is_some_and(|rest| rest.starts_with(after)),
    }
}

fn kind_of(table: &str, item: &Item) -> Option<usize> {
    let (pk, sk) = (text(item, PK)?, text(item, SK)?);
    KINDS
        .iter()
        .position(|(of, begins_pk, begins_sk, _)| *of == table && begins(pk, begins_pk) && begins(sk, begins_sk))
}

/// What is not read of a row, or not as it stood.
fn lost(table: &str, row: &Item) -> Vec<String> {
    let place = format!("{} | {}", text(row, PK).unwrap_or_default(), text(row, SK).unwrap_or_default());
    let Some(kind) = kind_of(table, row) else { return vec![format!("{table}: {place}: of no kind")] };
    let read = match KINDS[kind].3(row) {
        Ok(read) => read,
        Err(error) => return vec![format!("{table}: {place}: {error}")],
    };
    let own = row.iter().filter(|(name, _)| !BESIDE.contains(&name.as_str()));
    let missing = own.filter(|(name, value)| match &read {
        // A row may have been written with an attribute that says what its absence says.
        Read::Whole(again) => again.get(*name).is_none_or(|now| !same(now, value)),
        Read::Parts(names) => !names.contains(&name.as_str()),
        Read::Erased => false,
    });
    missing.map(|(name, value)| format!("{table}: {place}: {name} {value:?} is not read as it stands")).collect()
}

/// A set is a list to those who read it, in whatever order. A map may say more than it did: what a later version added
/// has its default.
fn same(now: &AttributeValue, before: &AttributeValue) -> bool {
    let of = |value: &AttributeValue| -> Option<BTreeSet<String>> {
        match value {
            AttributeValue::Ss(texts) => Some(texts.iter().cloned().collect()),
            AttributeValue::L(values) => values.iter().map(|value| value.as_s().ok().cloned()).collect(),
            _ => None,
        }
    };
    match (now, before) {
        (AttributeValue::M(now), AttributeValue::M(before)) => {
            before.iter().all(|(name, value)| now.get(name).is_some_and(|now| same(now, value)))
        }
        (AttributeValue::L(now), AttributeValue::L(before)) => {
            now.len() == before.len() && now.iter().zip(before).all(|(now, before)| same(now, before))
        }
        (_, AttributeValue::Ss(_)) => of(now).is_some() && of(now) == of(before),
        _ => now == before,
    }
}

#[test]
fn what_earlier_versions_wrote_is_still_read() {
    let mut troubles = Vec::new();
    for folder in kept() {
        for (table, rows) in rows(&folder) {
            troubles.extend(rows.iter().flat_map(|row| lost(&table, row)));
        }
        let bells = fs::read_to_string(folder.join("bells.txt")).expect("bells");
        for bell in bells.lines() {
            match Bell::read(bell) {
                Ok(read) if read.write() == bell => {}
                Ok(read) => troubles.push(format!("{bell} is read as {}", read.write())),
                Err(error) => troubles.push(format!("{bell}: {error}")),
            }
        }
    }
    assert!(troubles.is_empty(), "{} troubles:\n{}", troubles.len(), troubles.join("\n"));
}

#[test]
fn of_every_kind_of_row_and_bell_one_was_kept() {
    let mut kinds = BTreeSet::new();
    let mut bells = BTreeSet::new();
    for folder in kept() {
        for (table, rows) in rows(&folder) {
            kinds.extend(rows.iter().filter_map(|row| kind_of(&table, row)));
        }
        let text = fs::read_to_string(folder.join("bells.txt")).expect("bells");
        bells.extend(text.lines().filter_map(|bell| Some(kind_of_bell(&Bell::read(bell).ok()?.row))));
    }
    let missing: Vec<_> = (0..KINDS.len()).filter(|kind| !kinds.contains(kind)).map(|kind| &KINDS[kind]).collect();
    let missing: Vec<_> = missing.iter().map(|(table, pk, sk, _)| format!("{table}: {pk} | {sk}")).collect();
    assert!(missing.is_empty(), "none was kept of {missing:#?}");
    assert_eq!(bells.len(), 7, "{bells:?}");
}

/// The compiler asks here for a kind of work that is new, and the test above for a bell of it.
const fn kind_of_bell(row: &RowKey) -> &'static str {
    match row {
        RowKey::Event(_) => "event",
        RowKey::Delivery(_) => "delivery",
        RowKey::Poll(_) => "poll",
        RowKey::DataSubject(_) => "data-subject",
        RowKey::Drain(..) => "drain",
        RowKey::Reconciliation(..) => "reconciliation",
        RowKey::Resync(..) => "resync",
    }
}

#[test]
fn a_row_that_is_read_otherwise_is_told() {
    let folder = kept().pop().expect("one");
    let rows = rows(&folder);
    let subscription =
        rows["directory"].iter().find(|row| text(row, SK).is_some_and(|sk| sk.starts_with("SUBSCRIPTION#")));
    let mut row = subscription.expect("one was kept").clone();
    assert_eq!(lost("directory", &row), [""; 0]);
    row.insert("written_by_nobody".to_owned(), n(1));
    assert_eq!(lost("directory", &row).len(), 1);
    row.remove("written_by_nobody");
    row.remove("url");
    assert_eq!(lost("directory", &row).len(), 1, "it cannot be read at all");
}
