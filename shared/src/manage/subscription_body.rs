//! The body that asks for a new subscription.

use std::fmt;

use jiff::Timestamp;

use super::json_fields::{BodyError, JsonFields};
use super::subscription_fields as field;
use super::subscription_fields::Rhythm;
use crate::address::AllowList;
use crate::backoff::schedule_len;
use crate::model::custom_header::CustomHeader;
use crate::model::event_type::EventPattern;
use crate::model::field_error::FieldError;
use crate::model::ids::{ConnectionId, SubscriptionId, TenantId};
use crate::model::retry_policy::{DEFAULT_RETRIES, RetryKind, RetryPolicy};
use crate::model::subscription::{
    BatchRule, DEFAULT_TIMEOUT_S, SignatureStyle, SigningSecrets, Subscription, SubscriptionState,
};
use crate::model::whatsapp::MessageFilter;
use crate::signing::seal::{NONCE_BYTES, StackKeys};
use crate::signing::secret::Secret;

/// A subscription that is asked for, and acceptable.
#[derive(Clone, PartialEq)]
pub struct NewSubscription {
    /// Where to send.
    pub url: String,
    /// What to send: a set, in one order, so that two wishes can be compared.
    pub events: Vec<EventPattern>,
    /// The secret, where one was given.
    pub secret: Option<Secret>,
    /// The only WhatsApp connection whose events are wanted. Whether it is the tenant's, who writes it has to ask.
    pub connection: Option<ConnectionId>,
    /// Which WhatsApp messages.
    pub filter: Option<MessageFilter>,
    /// What it is for.
    pub description: Option<String>,
    /// Headers to add, in the clear.
    pub headers: Vec<CustomHeader<String>>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// Most deliveries a second.
    pub rate_limit_per_s: Option<u32>,
    /// How long one attempt may take.
    pub timeout_s: u32,
    /// Which signatures to send.
    pub signature: SignatureStyle,
    /// Whether events are gathered.
    pub batch: Option<BatchRule>,
    /// Whether events match it at once.
    pub active: bool,
}

impl NewSubscription {
    /// Reads the body of `POST …/subscriptions`.
    ///
    /// # Errors
    /// It is not JSON; or not acceptable, with every reason.
    pub fn parse(body: &[u8], allowed: &AllowList) -> Result<Self, BodyError> {
        let mut fields = JsonFields::read(body)?;
        let made = Self::take(&mut fields, allowed);
        fields.refuse_rest();
        fields.finish(made)
    }

    fn take(fields: &mut JsonFields, allowed: &AllowList) -> Option<Self> {
        if fields.is_missing("url") {
            fields.refuse("url", "missing", "where to send is needed");
        }
        if !fields.has("event") && !fields.has("events") {
            fields.refuse("events", "missing", "what to send is needed: `event` or `events`");
        }
        // Every field is read before the first is needed, so that all errors are found.
        let url = field::url(fields, "url", allowed);
        let events = field::events(fields);
        let connection = field::connection(fields);
        let max_retries = field::max_retries(fields);
        let active = fields.boolean("active").unwrap_or(true);
        if let Some(FieldError { path, code, detail }) =
            events.as_ref().and_then(|events| field::scope_error(connection.as_ref(), events))
        {
            fields.refuse(path, code, detail);
        }
        let manner = Manner::take(fields);
        Some(Self { active, ..manner?.of(url?, events?, connection, max_retries) })
    }

    /// The subscription to store, its secrets sealed, and the secret to show this once: the one given, or one made of
    /// `chance`. `nonce` gives new chance at every call.
    #[must_use]
    pub fn seal(
        self,
        id: SubscriptionId,
        tenant: TenantId,
        keys: &StackKeys,
        chance: [u8; 32],
        mut nonce: impl FnMut() -> [u8; NONCE_BYTES],
        now: Timestamp,
    ) -> (Subscription, Secret) {
        let secret = self.secret.unwrap_or_else(|| Secret::generate(chance));
        let mut seal = |plain: &str| keys.seal(plain.as_bytes(), &tenant, id.as_str(), nonce());
        let current = seal(secret.expose());
        let headers =
            self.headers.into_iter().map(|CustomHeader { name, value }| CustomHeader { name, value: seal(&value) });
        let subscription = Subscription {
            url: self.url,
            events: self.events,
            description: self.description,
            headers: headers.collect(),
            retry: self.retry,
            connection: self.connection,
            filter: self.filter,
            rate_limit_per_s: self.rate_limit_per_s,
            timeout_s: self.timeout_s,
            signature: self.signature,
            batch: self.batch,
            secrets: SigningSecrets { current, hint: secret.hint(), previous: None },
            state: SubscriptionState::set_by_tenant(self.active),
            created_at: now,
            updated_at: now,
            id,
            tenant,
        };
        (subscription, secret)
    }
}

/// How it is sent: what every body that asks for a subscription may say, whatever it calls the rest.
pub(super) struct Manner {
    secret: Option<Secret>,
    filter: Option<MessageFilter>,
    description: Option<String>,
    headers: Vec<CustomHeader<String>>,
    retry: Rhythm,
    rate_limit_per_s: Option<u32>,
    timeout_s: u32,
    signature: SignatureStyle,
    batch: Option<BatchRule>,
}

impl Manner {
    pub(super) fn take(fields: &mut JsonFields) -> Option<Self> {
        let secret = field::secret(fields);
        let filter = field::filter(fields);
        let description = field::description(fields);
        let headers = field::headers(fields).unwrap_or_default();
        let retry = field::retry(fields).unwrap_or(Rhythm::Exponential);
        let rate_limit_per_s = field::rate_limit(fields);
        let timeout_s = field::timeout(fields).unwrap_or(DEFAULT_TIMEOUT_S);
        let signature = field::signature(fields).unwrap_or_default();
        let batch = field::batch(fields);
        let headers = headers
            .into_iter()
            .map(|CustomHeader { name, value }| match value {
                Some(value) => Some(CustomHeader { name, value }),
                None => {
                    fields.refused(format!("headers.{}", name.as_str()), "header_not_allowed", "there is no value yet")
                }
            })
            .collect::<Option<_>>();
        Some(Self {
            secret,
            filter,
            description,
            headers: headers?,
            retry,
            rate_limit_per_s,
            timeout_s,
            signature,
            batch,
        })
    }

    pub(super) const fn rhythm(&self) -> Rhythm {
        self.retry
    }

    /// The subscription that is asked for in this manner, switched on.
    pub(super) fn of(
        self,
        url: String,
        events: Vec<EventPattern>,
        connection: Option<ConnectionId>,
        max_retries: Option<u32>,
    ) -> NewSubscription {
        let kind = self.retry.kind(connection.as_ref());
        NewSubscription {
            url,
            events,
            secret: self.secret,
            connection,
            filter: self.filter,
            description: self.description,
            headers: self.headers,
            retry: RetryPolicy { kind, max_retries: max_retries.unwrap_or_else(|| default_retries(kind)) },
            rate_limit_per_s: self.rate_limit_per_s,
            timeout_s: self.timeout_s,
            signature: self.signature,
            batch: self.batch,
            active: true,
        }
    }
}

/// A schedule asked for by name is meant to its end.
pub(super) fn default_retries(kind: RetryKind) -> u32 {
    schedule_len(kind).unwrap_or(DEFAULT_RETRIES)
}

impl fmt::Debug for NewSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSubscription").field("events", &self.events).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::prepare::Endpoint;
    use serde_json::{Value, json};

    fn parse(body: &Value) -> Result<NewSubscription, BodyError> {
        NewSubscription::parse(body.to_string().as_bytes(), &AllowList::default())
    }

    fn errors(body: &Value) -> Vec<(String, &'static str)> {
        match parse(body) {
            Err(BodyError::Fields(errors)) => errors.into_iter().map(|error| (error.path, error.code)).collect(),
            Err(BodyError::NotJson) => panic!("not JSON"),
            Ok(_) => vec![],
        }
    }

    fn with(field: &str, value: Value) -> Value {
        let mut body = json!({"url": "https://example.com/hook", "event": "invoice.sent"});
        body[field] = value;
        body
    }

    #[test]
    fn the_shortest_body_gets_the_defaults() {
        let new = parse(&json!({"url": "https://example.com/hook", "event": "invoice.sent"})).unwrap();
        assert_eq!(new.url, "https://example.com/hook");
        assert_eq!(new.events, ["invoice.sent".parse().unwrap()]);
        assert_eq!((new.retry.max_retries, new.retry.kind), (3, RetryKind::Exponential { base_s: 1 }));
        assert_eq!((new.timeout_s, new.signature, new.active), (10, SignatureStyle::Standard, true));
        assert!(new.secret.is_none() && new.headers.is_empty() && new.batch.is_none());
    }

    #[test]
    fn every_field_is_read() {
        let new = parse(&json!({
            "url": "https://example.com/hook", "events": ["*", "invoice.*", "*"], "secret": "correct horse",
            "description": "the shop", "headers": {"Authorization": "Bearer abc"}, "max_retries": 0,
            "retry": "standard", "rate_limit_per_s": 5, "timeout_s": 30, "signature": "sha256_hex",
            "batch": {"max_events": 100, "max_wait_s": 300}, "active": false,
        }))
        .unwrap();
        assert_eq!(new.events, ["*".parse().unwrap(), "invoice.*".parse().unwrap()]);
        assert_eq!(new.secret, Some(Secret::parse("correct horse").unwrap()));
        assert_eq!(new.headers[0].name.as_str(), "authorization");
        assert_eq!(new.retry, RetryPolicy { kind: RetryKind::Standard, max_retries: 0 });
        assert_eq!(new.batch, Some(BatchRule { max_events: 100, max_wait_s: 300 }));
        assert!(!new.active);
    }

    #[test]
    fn of_one_connection_retries_begin_at_five_seconds() {
        let mut body = json!({"url": "https://example.com/hook", "event": "whatsapp.*", "connection_id": "con_1"});
        let new = parse(&body).unwrap();
        assert_eq!(new.retry, RetryPolicy { kind: RetryKind::Exponential { base_s: 5 }, max_retries: 3 });
        assert_eq!(new.connection, "con_1".parse().ok());
        body["event"] = json!("lead.*");
        assert_eq!(errors(&body), [("events".to_owned(), "contradictory")]);
    }

    #[test]
    fn what_is_wrong_with_a_filter_is_named_by_its_place() {
        for (filter, wrong) in [
            (json!({}), vec![]),
            (json!({"directions": null, "types": [], "groups": null}), vec![]),
            (json!({"directions": ["out", "in"], "types": ["text", "request_welcome"], "groups": false}), vec![]),
            (json!({"directions": []}), vec!["filter.directions out_of_range"]),
            (json!({"directions": ["in", "up"]}), vec!["filter.directions[1] invalid_value"]),
            (json!({"directions": ["in", "in", "in"]}), vec!["filter.directions too_many"]),
            (json!({"types": "text"}), vec!["filter.types invalid_type"]),
            (json!({"types": ["Text", 1]}), vec!["filter.types[0] invalid_value", "filter.types[1] invalid_value"]),
            (json!({"types": vec!["text"; 51]}), vec!["filter.types too_many"]),
            (json!({"groups": "no", "group": true}), vec!["filter.groups invalid_type", "filter.group unknown_field"]),
            (json!("in"), vec!["filter invalid_type"]),
        ] {
            let told: Vec<String> =
                errors(&with("filter", filter.clone())).iter().map(|(path, code)| format!("{path} {code}")).collect();
            assert_eq!(told, wrong, "{filter}");
        }
    }

    #[test]
    fn the_standard_schedule_is_meant_to_its_end() {
        assert_eq!(parse(&with("retry", json!("standard"))).unwrap().retry.max_retries, 9);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let body = json!({
            "url": "http://example.com/", "events": ["invoice.sent", "nope", 3], "secret": "short",
            "headers": {"Host": "x", "X-A": 1, "X-B": "a\r\nb"}, "max_retries": 21, "retry": "often",
            "rate_limit_per_s": 0, "timeout_s": 1.5, "signature": true, "batch": {"max_events": 101}, "active": "yes",
        });
        insta::assert_json_snapshot!(match parse(&body) {
            Err(BodyError::Fields(errors)) => errors,
            other => panic!("{other:?}"),
        });
    }

    #[test]
    fn bounds_hold_on_both_sides() {
        for (field, value, good) in [
            ("max_retries", json!(0), true),
            ("max_retries", json!(20), true),
            ("max_retries", json!(-1), false),
            ("timeout_s", json!(1), true),
            ("timeout_s", json!(31), false),
            ("timeout_s", json!(0), false),
            ("secret", json!("12345678"), true),
            ("secret", json!("1234567"), false),
            ("secret", json!("a".repeat(501)), false),
            ("description", json!("a".repeat(500)), true),
            ("description", json!("a".repeat(501)), false),
            ("events", json!(vec!["*"; MAX + 1]), false),
            ("headers", json!({"X-Big": "a".repeat(2049)}), false),
            ("headers", json!({"X-A": "a".repeat(2048), "X-B": "b".repeat(2048)}), false),
            ("headers", json!({"X-A": "1", "x-a": "2"}), false),
            ("headers", json!({"X-A": "•••"}), false),
            ("batch", json!({"max_events": 1, "max_wait_s": 1}), true),
            ("batch", json!({"max_events": 10, "max_wait_s": 301}), false),
        ] {
            assert_eq!(errors(&with(field, value.clone())).is_empty(), good, "{field}: {value}");
        }
    }

    const MAX: usize = crate::model::subscription::MAX_PATTERNS;

    #[test]
    fn what_is_needed_must_be_there() {
        assert_eq!(errors(&json!({})), [("url".to_owned(), "missing"), ("events".to_owned(), "missing")]);
        assert_eq!(errors(&with("events", json!([]))), []);
        assert_eq!(
            errors(&json!({"url": "https://example.com/", "events": []})),
            [("events".to_owned(), "out_of_range")]
        );
        assert_eq!(errors(&json!([])), [(String::new(), "invalid_type")]);
        assert_eq!(NewSubscription::parse(b"{", &AllowList::default()), Err(BodyError::NotJson));
    }

    #[test]
    fn what_is_sealed_is_what_is_sent_with() {
        let new = parse(&with("headers", json!({"X-Team": "billing"}))).unwrap();
        let (keys, now) = (StackKeys::parse(&"k".repeat(64)).unwrap(), Timestamp::UNIX_EPOCH);
        let mut n_calls = 0;
        let nonce = || {
            n_calls += 1;
            [n_calls; NONCE_BYTES]
        };
        let (stored, shown) =
            new.seal("sub_1".parse().unwrap(), TenantId::default_tenant(), &keys, [7; 32], nonce, now);
        assert_eq!(shown, Secret::generate([7; 32]));
        assert_eq!(stored.secrets.hint, shown.hint());
        assert!(Endpoint::open(&stored, &keys, &AllowList::default(), now).is_ok());
        assert_eq!(n_calls, 2, "no nonce is used twice");
        let kept = serde_json::to_string(&stored).unwrap();
        assert!(!kept.contains("billing") && !kept.contains(shown.expose()));
        assert_eq!(serde_json::from_str::<Subscription>(&kept).unwrap(), stored);
    }
}
