//! Rows as they are when they begin, for tests. All data is invented.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::json;

use crate::auth::{SourceCaller, TenantCaller};
use crate::intake::row;
use crate::manage::chance::Chance;
use crate::model::delivery::{Delivery, DeliveryStatus};
use crate::model::event::{Event, Provider};
use crate::model::event_type::EventType;
use crate::model::ids::{DeliveryId, EventId, SourceId, SubscriptionId, TenantId};
use crate::model::retry_policy::RetryPolicy;
use crate::model::row::{Queue, RowKey, WorkState};
use crate::model::source::{Source, SourceToken};
use crate::model::subscription::{DEFAULT_TIMEOUT_S, SignatureStyle, SigningSecrets, Subscription, SubscriptionState};
use crate::model::whatsapp::{self, Connection, Dialect, Line, Setup, WhatsappNumber};
use crate::providers::Incoming;
use crate::providers::c2s::verify::incoming;
use crate::providers::tenant::payload::{Request, parse};
use crate::providers::tenant::verify::{self, Identity};
use crate::signing::seal::{NONCE_BYTES, StackKeys};
use crate::signing::secret::Secret;
use crate::work::{Timing, home_shard};

/// The state of work that may run from `not_before`.
#[must_use]
pub fn work(key: &RowKey, queue: Queue, not_before: Timestamp, timing: &Timing) -> WorkState {
    WorkState::starting(queue, not_before, timing.due_at(not_before), home_shard(key))
}

/// A key to seal with.
///
/// # Panics
/// Never: the text is long enough.
#[must_use]
pub fn stack_keys() -> StackKeys {
    StackKeys::parse(&"k".repeat(64)).expect("long enough")
}

type Fill = Box<dyn Fn(&mut [u8]) + Send + Sync>;

/// Chance that a test says.
pub struct FixedChance {
    keys: StackKeys,
    fill: Fill,
}

impl FixedChance {
    /// Chance that fills so.
    #[must_use]
    pub fn filling(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self { keys: stack_keys(), fill: Box::new(fill) }
    }

    /// As the use cases take it.
    #[must_use]
    pub fn of(&self) -> Chance<'_> {
        Chance { keys: &self.keys, fill: &*self.fill }
    }
}

/// Chance that is always this number.
#[must_use]
pub fn fixed_chance(n: u8) -> FixedChance {
    FixedChance::filling(move |bytes| bytes.fill(n))
}

/// Chance that never repeats itself: the next number each time.
#[must_use]
pub fn counting_chance() -> FixedChance {
    let next = AtomicU64::new(1);
    FixedChance::filling(move |bytes| {
        let n = next.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().zip(n.iter().cycle()).for_each(|(byte, n)| *byte = *n);
    })
}

/// A source of the default tenant's for this provider, with nothing but what it must have.
#[must_use]
pub fn source_of(provider: Provider) -> Source {
    Source {
        id: SourceId::default_c2s(),
        tenant: TenantId::default_tenant(),
        provider,
        name: None,
        enabled: true,
        allowed_cidrs: Vec::new(),
        business_hours: None,
        token: SourceToken::first(String::new()),
        whatsapp: None,
        moysklad: None,
        created_at: Timestamp::UNIX_EPOCH,
        rev: 0,
    }
}

/// The source as an operator has made it: with a number of each of these clients.
///
/// # Panics
/// Never: its numbers are numbers.
#[must_use]
pub fn serving(source: Source, clients: &[TenantId]) -> Source {
    let line = |(n, client): (usize, &TenantId)| Line {
        connection: format!("con_{n}").parse().expect("an identifier"),
        number: WhatsappNumber::parse(&format!("551190000{n:04}")).expect("a number"),
        phone_number_id: None,
        client: Some(client.clone()),
        disabled: false,
    };
    let sender = whatsapp::Sender::Gateway { dialect: Dialect::Baileys, secret: None };
    let setup = Setup { sender, lines: clients.iter().enumerate().map(line).collect(), made_for: None };
    Source { whatsapp: Some(setup), ..source }
}

/// A subscription of the default tenant to one pattern, at a public address.
///
/// # Panics
/// When the identifier or the pattern is none.
#[must_use]
pub fn subscription(id: &str, pattern: &str) -> Subscription {
    let id: SubscriptionId = id.parse().expect("an identifier");
    let tenant = TenantId::default_tenant();
    let secret = Secret::generate([7; 32]);
    let current = stack_keys().seal(secret.expose().as_bytes(), &tenant, id.as_str(), [1; NONCE_BYTES]);
    let at = Timestamp::UNIX_EPOCH;
    Subscription {
        id,
        tenant,
        url: "https://hooks.example.com/in".into(),
        events: vec![pattern.parse().expect("a pattern")],
        connection: None,
        filter: None,
        description: None,
        headers: Vec::new(),
        retry: RetryPolicy::default(),
        rate_limit_per_s: None,
        timeout_s: DEFAULT_TIMEOUT_S,
        signature: SignatureStyle::Standard,
        batch: None,
        secrets: SigningSecrets { current, hint: secret.hint(), previous: None },
        state: SubscriptionState::set_by_tenant(true),
        created_at: at,
        updated_at: at,
    }
}

/// A connection of `tenant`'s with that number.
///
/// # Panics
/// When the identifier or the number is none.
#[must_use]
pub fn connection(id: &str, tenant: &TenantId, number: &str) -> Connection {
    Connection {
        id: id.parse().expect("an identifier"),
        tenant: tenant.clone(),
        source: "src_1".parse().expect("an identifier"),
        provider: Provider::Baileys,
        phone_number: WhatsappNumber::parse(number).expect("a number"),
        phone_number_id: None,
        created_at: Timestamp::UNIX_EPOCH,
    }
}

/// A delivery of `tenant`'s, fanned out at `now`, to the subscription `sub_1`; `name` makes it another delivery.
///
/// # Panics
/// Never: its names are names.
#[must_use]
pub fn delivery(name: &str, tenant: &TenantId, now: Timestamp) -> Delivery {
    let event = EventId::derive(&["sample", name]);
    let subscription: SubscriptionId = "sub_1".parse().expect("an identifier");
    let id = DeliveryId::derive(&event, now, &subscription);
    Delivery {
        work: work(&RowKey::Delivery(id.clone()), Queue::Delivery, now, &Timing::default()),
        id,
        event,
        tenant: tenant.clone(),
        subscription,
        event_type: EventType::InvoiceSent,
        created_at: now,
        status: DeliveryStatus::Pending,
        batch_events: BTreeSet::new(),
        batch_bytes: 0,
        slot_at: None,
        last: None,
    }
}

/// A C2S lead event that came in at `now`, as the inbox makes its row; `name` is its lead, and makes it another event.
///
/// # Panics
/// When the name is no lead's.
#[must_use]
pub fn lead_event(name: &str, now: Timestamp, timing: &Timing) -> Event {
    let caller =
        SourceCaller { source: SourceId::default_c2s(), provider: Provider::C2s, tenant: TenantId::default_tenant() };
    let body = json!({"id": name, "attributes": {"updated_at": "2030-01-20T10:00:00Z"}}).to_string();
    let mut read = incoming(&caller, &[], body.as_bytes()).expect("a lead");
    row(&read.remove(0).expect("a lead"), now, timing)
}

/// What becomes of an event that a tenant published at `now`.
///
/// # Panics
/// When it is no event that can be published.
#[must_use]
pub fn published(tenant: &TenantId, event: serde_json::Value, now: Timestamp) -> Incoming {
    let caller = TenantCaller { tenant: tenant.clone(), key: "key_sample".parse().expect("an identifier") };
    let Ok(Request::One(Ok(event))) = parse(event.to_string().as_bytes(), now) else { panic!("one good event") };
    verify::incoming(&caller, event, Identity { key: None, index: None, chance: [0; 16] }, now)
}
