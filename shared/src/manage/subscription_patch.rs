//! The body that changes a subscription: what is not named stays, null takes away what can be absent.

use jiff::Timestamp;

use super::json_fields::{BodyError, JsonFields};
use super::subscription_body::default_retries;
use super::subscription_fields as field;
use crate::address::AllowList;
use crate::model::custom_header::CustomHeader;
use crate::model::event_type::EventPattern;
use crate::model::field_error::FieldError;
use crate::model::retry_policy::{RetryKind, RetryPolicy};
use crate::model::sealed::Sealed;
use crate::model::subscription::{BatchRule, DEFAULT_TIMEOUT_S, SignatureStyle, Subscription, SubscriptionState};
use crate::signing::seal::{NONCE_BYTES, StackKeys};

/// An acceptable change. The outer `None` is "not named", the inner one "taken away".
#[derive(Clone)]
pub struct SubscriptionPatch {
    url: Option<String>,
    events: Option<Vec<EventPattern>>,
    description: Option<Option<String>>,
    headers: Option<Vec<CustomHeader<Option<String>>>>,
    retry: Option<RetryKind>,
    max_retries: Option<u32>,
    rate_limit_per_s: Option<Option<u32>>,
    timeout_s: Option<u32>,
    signature: Option<SignatureStyle>,
    batch: Option<Option<BatchRule>>,
    active: Option<bool>,
}

impl SubscriptionPatch {
    /// Reads the body of `PATCH …/subscriptions/{id}`.
    ///
    /// # Errors
    /// It is not JSON; or not acceptable, with every reason.
    pub fn parse(body: &[u8], allowed: &AllowList) -> Result<Self, BodyError> {
        let mut fields = JsonFields::read(body)?;
        if fields.has("secret") {
            fields.take("secret");
            fields.refuse(
                "secret",
                "not_changeable",
                "a secret is changed by `rotate-secret`, so that both sign for a while",
            );
        }
        for needed in ["url", "active"] {
            if fields.has(needed) && fields.is_missing(needed) {
                fields.refuse(needed, "missing", "this cannot be taken away");
            }
        }
        let named = |fields: &JsonFields, path: &str| fields.has(path).then_some(());
        let (description, headers, rate_limit, timeout, batch) = (
            named(&fields, "description"),
            named(&fields, "headers"),
            named(&fields, "rate_limit_per_s"),
            named(&fields, "timeout_s"),
            named(&fields, "batch"),
        );
        let made = Self {
            url: field::url(&mut fields, allowed),
            events: field::events(&mut fields),
            description: description.map(|()| field::description(&mut fields)),
            headers: headers.map(|()| field::headers(&mut fields).unwrap_or_default()),
            retry: field::retry(&mut fields),
            max_retries: field::max_retries(&mut fields),
            rate_limit_per_s: rate_limit.map(|()| field::rate_limit(&mut fields)),
            timeout_s: timeout.map(|()| field::timeout(&mut fields).unwrap_or(DEFAULT_TIMEOUT_S)),
            signature: field::signature(&mut fields),
            batch: batch.map(|()| field::batch(&mut fields)),
            active: fields.boolean("active"),
        };
        fields.refuse_rest();
        fields.finish(Some(made))
    }

    /// The subscription after the change. A header whose value is the mask keeps the value it has.
    ///
    /// # Errors
    /// The mask stands for a header that is not there.
    pub fn apply(
        self,
        before: Subscription,
        keys: &StackKeys,
        mut nonce: impl FnMut() -> [u8; NONCE_BYTES],
        now: Timestamp,
    ) -> Result<Subscription, BodyError> {
        let headers = match self.headers {
            Some(headers) => {
                let seal = |plain: &str| keys.seal(plain.as_bytes(), &before.tenant, before.id.as_str(), nonce());
                sealed(headers, &before.headers, seal)?
            }
            None => before.headers,
        };
        let retry = match self.retry {
            // Another rhythm has another length, unless one is asked for.
            Some(kind) if kind != before.retry.kind => RetryPolicy { kind, max_retries: default_retries(kind) },
            _ => before.retry,
        };
        Ok(Subscription {
            url: self.url.unwrap_or(before.url),
            events: self.events.unwrap_or(before.events),
            description: self.description.unwrap_or(before.description),
            headers,
            retry: RetryPolicy { max_retries: self.max_retries.unwrap_or(retry.max_retries), ..retry },
            rate_limit_per_s: self.rate_limit_per_s.unwrap_or(before.rate_limit_per_s),
            timeout_s: self.timeout_s.unwrap_or(before.timeout_s),
            signature: self.signature.unwrap_or(before.signature),
            batch: self.batch.unwrap_or(before.batch),
            state: self.active.map_or(before.state, SubscriptionState::set_by_tenant),
            updated_at: now,
            ..before
        })
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
    fn the_same_rules_hold_as_for_a_new_one_and_a_secret_is_rotated() {
        for bad in [json!({"url": "https://127.0.0.1/"}), json!({"timeout_s": 31}), json!({"secret": "a new secret"})] {
            assert!(changed(before(), &bad).is_err(), "{bad}");
        }
    }
}
