//! The body that changes a subscription: what is not named stays, null takes away what can be absent.

use jiff::Timestamp;

use super::json_fields::{BodyError, JsonFields};
use super::subscription_body::default_retries;
use super::subscription_fields as field;
use super::subscription_fields::Rhythm;
use crate::address::AllowList;
use crate::model::custom_header::CustomHeader;
use crate::model::event_type::EventPattern;
use crate::model::field_error::FieldError;
use crate::model::ids::ConnectionId;
use crate::model::retry_policy::RetryPolicy;
use crate::model::sealed::Sealed;
use crate::model::subscription::{BatchRule, DEFAULT_TIMEOUT_S, SignatureStyle, Subscription, SubscriptionState};
use crate::model::whatsapp::MessageFilter;
use crate::signing::seal::{NONCE_BYTES, StackKeys};

/// An acceptable change. The outer `None` is "not named", the inner one "taken away".
#[derive(Clone, Default)]
pub struct SubscriptionPatch {
    pub(super) url: Option<String>,
    pub(super) events: Option<Vec<EventPattern>>,
    pub(super) connection: Option<Option<ConnectionId>>,
    pub(super) max_retries: Option<u32>,
    pub(super) active: Option<bool>,
    pub(super) manner: MannerPatch,
}

/// A change of how it is sent: what every body that changes a subscription may say, whatever it calls the rest.
#[derive(Clone, Default)]
pub(super) struct MannerPatch {
    filter: Option<Option<MessageFilter>>,
    description: Option<Option<String>>,
    headers: Option<Vec<CustomHeader<Option<String>>>>,
    pub(super) retry: Option<Rhythm>,
    rate_limit_per_s: Option<Option<u32>>,
    timeout_s: Option<u32>,
    signature: Option<SignatureStyle>,
    batch: Option<Option<BatchRule>>,
}

impl MannerPatch {
    pub(super) fn take(fields: &mut JsonFields) -> Self {
        if fields.has("secret") {
            fields.take("secret");
            fields.refuse(
                "secret",
                "not_changeable",
                "a secret is changed by `rotate-secret`, so that both sign for a while",
            );
        }
        let named = |fields: &JsonFields, path: &str| fields.has(path).then_some(());
        let (filter, description, headers) =
            (named(fields, "filter"), named(fields, "description"), named(fields, "headers"));
        let (rate_limit, timeout, batch) =
            (named(fields, "rate_limit_per_s"), named(fields, "timeout_s"), named(fields, "batch"));
        Self {
            filter: filter.map(|()| field::filter(fields)),
            description: description.map(|()| field::description(fields)),
            headers: headers.map(|()| field::headers(fields).unwrap_or_default()),
            retry: field::retry(fields),
            rate_limit_per_s: rate_limit.map(|()| field::rate_limit(fields)),
            timeout_s: timeout.map(|()| field::timeout(fields).unwrap_or(DEFAULT_TIMEOUT_S)),
            signature: field::signature(fields),
            batch: batch.map(|()| field::batch(fields)),
        }
    }
}

impl SubscriptionPatch {
    /// Reads the body of `PATCH …/subscriptions/{id}`.
    ///
    /// # Errors
    /// It is not JSON; or not acceptable, with every reason.
    pub fn parse(body: &[u8], allowed: &AllowList) -> Result<Self, BodyError> {
        let mut fields = JsonFields::read(body)?;
        stay(&mut fields, &["url", "active"]);
        let connection = fields.has("connection_id").then_some(());
        let made = Self {
            url: field::url(&mut fields, "url", allowed),
            events: field::events(&mut fields),
            connection: connection.map(|()| field::connection(&mut fields)),
            max_retries: field::max_retries(&mut fields),
            active: fields.boolean("active"),
            manner: MannerPatch::take(&mut fields),
        };
        fields.refuse_rest();
        fields.finish(Some(made))
    }

    /// The connection it is to be scoped to from now on. Whether it is the tenant's, who applies this has to ask.
    #[must_use]
    pub fn connection(&self) -> Option<&ConnectionId> {
        self.connection.as_ref()?.as_ref()
    }

    /// The subscription after the change. A header whose value is the mask keeps the value it has.
    ///
    /// # Errors
    /// The mask stands for a header that is not there, or nothing would ever be sent any more.
    pub fn apply(
        self,
        before: Subscription,
        keys: &StackKeys,
        mut nonce: impl FnMut() -> [u8; NONCE_BYTES],
        now: Timestamp,
    ) -> Result<Subscription, BodyError> {
        let manner = self.manner;
        let connection = self.connection.unwrap_or(before.connection);
        let events = self.events.unwrap_or(before.events);
        if let Some(error) = field::scope_error(connection.as_ref(), &events) {
            return Err(BodyError::Fields(vec![error]));
        }
        let headers = match manner.headers {
            Some(headers) => {
                let seal = |plain: &str| keys.seal(plain.as_bytes(), &before.tenant, before.id.as_str(), nonce());
                sealed(headers, &before.headers, seal)?
            }
            None => before.headers,
        };
        let retry = match manner.retry {
            // Another rhythm has another length, unless one is asked for.
            Some(rhythm) if !rhythm.is(before.retry.kind) => {
                let kind = rhythm.kind(connection.as_ref());
                RetryPolicy { kind, max_retries: default_retries(kind) }
            }
            _ => before.retry,
        };
        Ok(Subscription {
            url: self.url.unwrap_or(before.url),
            events,
            connection,
            filter: manner.filter.unwrap_or(before.filter),
            description: manner.description.unwrap_or(before.description),
            headers,
            retry: RetryPolicy { max_retries: self.max_retries.unwrap_or(retry.max_retries), ..retry },
            rate_limit_per_s: manner.rate_limit_per_s.unwrap_or(before.rate_limit_per_s),
            timeout_s: manner.timeout_s.unwrap_or(before.timeout_s),
            signature: manner.signature.unwrap_or(before.signature),
            batch: manner.batch.unwrap_or(before.batch),
            state: self.active.map_or(before.state, SubscriptionState::set_by_tenant),
            updated_at: now,
            ..before
        })
    }
}

/// Refuses that these be taken away.
pub(super) fn stay(fields: &mut JsonFields, needed: &[&str]) {
    for needed in needed {
        if fields.has(needed) && fields.is_missing(needed) {
            fields.refuse(*needed, "missing", "this cannot be taken away");
        }
    }
}

fn sealed(
    headers: Vec<CustomHeader<Option<String>>>,
    before: &[CustomHeader<Sealed>],
    mut seal: impl FnMut(&str) -> Sealed,
) -> Result<Vec<CustomHeader<Sealed>>, BodyError> {
    let one = |CustomHeader { name, value }: CustomHeader<Option<String>>| {
        let kept = || before.iter().find(|header| header.name == name).map(|header| header.value.clone());
        match value.map(|value| seal(&value)).or_else(kept) {
            Some(value) => Ok(CustomHeader { name, value }),
            None => {
                let path = format!("headers.{}", name.as_str());
                Err(BodyError::Fields(vec![FieldError::new(path, "header_not_allowed", "there is no value yet")]))
            }
        }
    };
    headers.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::subscription_body::NewSubscription;
    use crate::model::ids::TenantId;
    use crate::model::retry_policy::RetryKind;
    use crate::model::subscription::DisabledReason;
    use serde_json::{Value, json};

    fn keys() -> StackKeys {
        StackKeys::parse(&"k".repeat(64)).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn before() -> Subscription {
        let body = json!({
            "url": "https://example.com/hook", "event": "*", "description": "the shop", "rate_limit_per_s": 5,
            "headers": {"X-Team": "billing", "X-Key": "abc"}, "batch": {"max_events": 10, "max_wait_s": 5},
        });
        let new = NewSubscription::parse(body.to_string().as_bytes(), &AllowList::default()).unwrap();
        new.seal("sub_1".parse().unwrap(), TenantId::default_tenant(), &keys(), [7; 32], || [1; NONCE_BYTES], at(0)).0
    }

    fn changed(subscription: Subscription, patch: &Value) -> Result<Subscription, BodyError> {
        SubscriptionPatch::parse(patch.to_string().as_bytes(), &AllowList::default())?.apply(
            subscription,
            &keys(),
            || [2; NONCE_BYTES],
            at(9),
        )
    }

    #[test]
    fn what_is_not_named_stays() {
        let after = changed(before(), &json!({})).unwrap();
        assert_eq!(after, Subscription { updated_at: at(9), ..before() });
    }

    #[test]
    fn null_takes_away_what_can_be_absent() {
        let nothing = json!({"description": null, "rate_limit_per_s": null, "batch": null, "headers": null});
        let after = changed(before(), &nothing).unwrap();
        assert_eq!((after.description, after.rate_limit_per_s, after.batch), (None, None, None));
        assert!(after.headers.is_empty());
        for needed in ["url", "active", "events"] {
            assert!(changed(before(), &json!({needed: null})).is_err(), "{needed}");
        }
    }

    #[test]
    fn a_masked_header_keeps_its_value_and_the_others_go() {
        let after = changed(before(), &json!({"headers": {"x-key": "•••", "X-New": "1"}})).unwrap();
        let names: Vec<&str> = after.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["x-key", "x-new"]);
        assert_eq!(after.headers[0].value, before().headers[0].value);
        assert!(changed(before(), &json!({"headers": {"X-Unknown": "•••"}})).is_err());
    }

    #[test]
    fn switching_on_forgets_why_it_was_off() {
        let off = Subscription { state: SubscriptionState::disabled(at(1), DisabledReason::Gone), ..before() };
        assert_eq!(changed(off.clone(), &json!({"description": "x"})).unwrap().state, off.state);
        assert_eq!(changed(off, &json!({"active": true})).unwrap().state, SubscriptionState::set_by_tenant(true));
    }

    #[test]
    fn another_rhythm_brings_its_own_length() {
        let standard = changed(before(), &json!({"retry": "standard"})).unwrap();
        assert_eq!(standard.retry, RetryPolicy { kind: RetryKind::Standard, max_retries: 9 });
        let short = changed(standard, &json!({"retry": "standard", "max_retries": 2})).unwrap();
        assert_eq!(short.retry.max_retries, 2);
        assert_eq!(changed(short, &json!({"timeout_s": 5})).unwrap().retry.max_retries, 2);
    }

    #[test]
    fn the_rhythm_it_has_begins_where_it_began() {
        let kind = RetryKind::Exponential { base_s: 5 };
        let slow = Subscription { retry: RetryPolicy { kind, max_retries: 2 }, ..before() };
        let same = changed(slow.clone(), &json!({"retry": "exponential"})).unwrap();
        assert_eq!(same.retry, slow.retry);
    }

    #[test]
    fn scope_and_filter_are_changed_and_lifted() {
        let of_one = json!({"connection_id": "con_1", "events": ["whatsapp.*"], "filter": {"groups": false}});
        let narrow = changed(before(), &of_one).unwrap();
        assert_eq!(narrow.connection, "con_1".parse().ok());
        assert!(!narrow.filter.as_ref().unwrap().groups);
        assert_eq!(changed(narrow.clone(), &json!({"filter": {}})).unwrap().filter, Some(MessageFilter::default()));
        let wide = changed(narrow.clone(), &json!({"connection_id": null, "filter": null})).unwrap();
        assert_eq!((wide.connection, wide.filter), (None, None));
        let Err(BodyError::Fields(errors)) = changed(narrow, &json!({"events": ["lead.*"]})) else { panic!() };
        assert_eq!((errors[0].path.as_str(), errors[0].code), ("events", "contradictory"));
    }

    #[test]
    fn the_same_rules_hold_as_for_a_new_one_and_a_secret_is_rotated() {
        for bad in [json!({"url": "https://127.0.0.1/"}), json!({"timeout_s": 31}), json!({"secret": "a new secret"})] {
            assert!(changed(before(), &bad).is_err(), "{bad}");
        }
    }
}
