//! The bodies that register and change a webhook. `max_retries` counts attempts here, the first among them, as it did
//! in the API these clients had before.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::address::AllowList;
use crate::manage::json_fields::{BodyError, JsonFields};
use crate::manage::source_settings::phone_number;
use crate::manage::subscription_body::{Manner, NewSubscription};
use crate::manage::subscription_fields::{self as field, Rhythm};
use crate::manage::subscription_patch::{MannerPatch, SubscriptionPatch, stay};
use crate::model::event_type::{EventPattern, EventType};
use crate::model::ids::ConnectionId;
use crate::model::retry_policy::{MAX_RETRIES, RetryKind};
use crate::model::subscription::Subscription;
use crate::model::whatsapp::WhatsappNumber;

/// How many attempts can be asked for: one, and as many more as a subscription has retries.
const ATTEMPTS: RangeInclusive<u32> = 1..=MAX_RETRIES + 1;
/// Attempts of the exponential rhythm, unless asked otherwise.
const DEFAULT_ATTEMPTS: u32 = 3;

/// What a webhook may hear of, by its name here.
const EVENTS: [(&str, EventType); 2] = [("message", EventType::WhatsappMessage), ("status", EventType::WhatsappStatus)];

/// A webhook that is asked for, and acceptable if its number is the tenant's.
pub struct NewWebhook {
    /// Which number.
    pub number: WhatsappNumber,
    url: String,
    events: Vec<EventPattern>,
    max_retries: Option<u32>,
    active: bool,
    manner: Manner,
}

impl NewWebhook {
    /// Reads the body of `POST /api/webhooks/register`.
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
        // Every field is read before the first is needed, so that all errors are found.
        let number = phone_number(fields);
        if fields.is_missing("webhook_url") {
            fields.refuse("webhook_url", "missing", "where to send is needed");
        }
        let url = field::url(fields, "webhook_url", allowed);
        let events = match fields.is_missing("events") {
            true => Some(vec![EventPattern::Exactly(EventType::WhatsappMessage)]),
            false => events(fields),
        };
        let max_retries = retries(fields);
        let active = fields.boolean("is_active").unwrap_or(true);
        let manner = Manner::take(fields);
        Some(Self { number: number?, url: url?, events: events?, max_retries, active, manner: manner? })
    }

    /// The subscription to the connection of the number.
    #[must_use]
    pub fn of(self, connection: ConnectionId) -> NewSubscription {
        let default = default_retries(self.manner.rhythm());
        let max_retries = self.max_retries.or(default);
        NewSubscription { active: self.active, ..self.manner.of(self.url, self.events, Some(connection), max_retries) }
    }
}

/// A change of a webhook, acceptable if the number it names is the tenant's.
pub struct WebhookPatch {
    /// Which number from now on.
    pub number: Option<WhatsappNumber>,
    patch: SubscriptionPatch,
}

impl WebhookPatch {
    /// Reads the body of `PATCH /api/webhooks/{id}`.
    ///
    /// # Errors
    /// It is not JSON; or not acceptable, with every reason.
    pub fn parse(body: &[u8], allowed: &AllowList) -> Result<Self, BodyError> {
        let mut fields = JsonFields::read(body)?;
        stay(&mut fields, &["webhook_url", "events", "is_active"]);
        let number = if fields.has("phone_number") { phone_number(&mut fields) } else { None };
        let patch = SubscriptionPatch {
            url: field::url(&mut fields, "webhook_url", allowed),
            events: events(&mut fields),
            connection: None,
            max_retries: retries(&mut fields),
            active: fields.boolean("is_active"),
            manner: MannerPatch::take(&mut fields),
        };
        fields.refuse_rest();
        fields.finish(Some(Self { number, patch }))
    }

    /// The change it is of the subscription as it was, to the connection of the number that it names.
    #[must_use]
    pub fn of(self, before: &Subscription, connection: Option<ConnectionId>) -> SubscriptionPatch {
        let Self { mut patch, .. } = self;
        patch.connection = connection.map(Some);
        let another = patch.manner.retry.filter(|rhythm| !rhythm.is(before.retry.kind));
        patch.max_retries = patch.max_retries.or(another.and_then(default_retries));
        patch
    }
}

/// What `max_retries` of a subscription is here.
#[must_use]
pub(super) const fn attempts(max_retries: u32) -> u32 {
    max_retries.saturating_add(1)
}

/// What a subscription hears of, by its names here.
pub(super) fn heard(subscription: &Subscription) -> Vec<&'static str> {
    EVENTS.iter().filter(|(_, event)| subscription.hears(*event)).map(|(name, _)| *name).collect()
}

fn default_retries(rhythm: Rhythm) -> Option<u32> {
    match rhythm.kind(None) {
        RetryKind::Exponential { .. } => Some(DEFAULT_ATTEMPTS - 1),
        // Asked for by name, it is meant to its end.
        RetryKind::Standard => None,
    }
}

fn retries(fields: &mut JsonFields) -> Option<u32> {
    fields.number("max_retries", &ATTEMPTS).map(|attempts| attempts - 1)
}

fn events(fields: &mut JsonFields) -> Option<Vec<EventPattern>> {
    let Value::Array(names) = fields.take("events")? else {
        return fields.refused("events", "invalid_type", "this must be an array");
    };
    if names.is_empty() || names.len() > EVENTS.len() {
        return fields.refused("events", "out_of_range", "there must be one or both of `message` and `status`");
    }
    let mut patterns = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match EVENTS.iter().find(|(known, _)| name.as_str() == Some(known)) {
            Some((_, event)) => patterns.push(EventPattern::Exactly(*event)),
            None => {
                fields.refuse(format!("events[{index}]"), "unknown_event_type", "this must be `message` or `status`")
            }
        }
    }
    patterns.sort();
    patterns.dedup();
    Some(patterns)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<NewSubscription, BodyError> {
        let read = NewWebhook::parse(body.to_string().as_bytes(), &AllowList::default())?;
        Ok(read.of("con_1".parse().unwrap()))
    }

    fn errors<T>(read: Result<T, BodyError>) -> Vec<String> {
        match read {
            Err(BodyError::Fields(errors)) => {
                errors.into_iter().map(|error| format!("{} {}", error.path, error.code)).collect()
            }
            Err(BodyError::NotJson) => panic!("not JSON"),
            Ok(_) => vec![],
        }
    }

    fn with(field: &str, value: Value) -> Value {
        let mut body = json!({"phone_number": "5511900000001", "webhook_url": "https://example.com/hook"});
        body[field] = value;
        body
    }

    #[test]
    fn the_shortest_body_is_messages_tried_three_times_from_five_seconds_on() {
        let new = parse(&with("events", Value::Null)).unwrap();
        assert_eq!((new.url.as_str(), new.active), ("https://example.com/hook", true));
        assert_eq!(new.events, ["whatsapp.message".parse().unwrap()]);
        assert_eq!((new.retry.kind, new.retry.max_retries), (RetryKind::Exponential { base_s: 5 }, 2));
        assert_eq!(new.connection, "con_1".parse().ok());
    }

    #[test]
    fn max_retries_counts_the_first_attempt_too() {
        for (asked, retries) in [(1, Some(0)), (4, Some(3)), (21, Some(20)), (0, None), (22, None)] {
            let read = parse(&with("max_retries", json!(asked)));
            assert_eq!(read.map(|new| new.retry.max_retries).ok(), retries, "{asked}");
        }
        let mut standard = with("retry", json!("standard"));
        assert_eq!(parse(&standard).unwrap().retry.max_retries, 9, "ten attempts");
        standard["max_retries"] = json!(4);
        assert_eq!(parse(&standard).unwrap().retry.max_retries, 3);
    }

    #[test]
    fn both_kinds_of_events_can_be_asked_for() {
        let new = parse(&with("events", json!(["status", "message"]))).unwrap();
        assert_eq!(new.events, ["whatsapp.message".parse().unwrap(), "whatsapp.status".parse().unwrap()]);
        for (odd, wrong) in [
            (json!([]), "events out_of_range"),
            (json!(["message", "message", "status"]), "events out_of_range"),
            (json!("message"), "events invalid_type"),
            (json!(["message", "invoice.sent"]), "events[1] unknown_event_type"),
        ] {
            assert_eq!(errors(parse(&with("events", odd))), [wrong]);
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_in_the_words_of_the_body() {
        let body = json!({
            "phone_number": "12", "webhook_url": "http://example.com/", "is_active": "yes", "max_retries": 0,
            "headers": {"Host": "x"}, "batch": {"max_events": 101}, "filter": {"groups": 1}, "url": "https://example.com/",
        });
        insta::assert_snapshot!(errors(parse(&body)).join("\n"));
        assert_eq!(errors(parse(&json!({}))), ["phone_number missing", "webhook_url missing"]);
    }

    #[test]
    fn a_webhook_keeps_what_it_needs() {
        let parse = |body: Value| WebhookPatch::parse(body.to_string().as_bytes(), &AllowList::default());
        let read = parse(json!({
            "phone_number": null, "secret": "another one", "webhook_url": null, "events": null,
            "is_active": null, "connection_id": "con_2", "active": false,
        }));
        assert_eq!(
            errors(read),
            [
                "webhook_url missing",
                "events missing",
                "is_active missing",
                "phone_number missing",
                "secret not_changeable",
                "active unknown_field",
                "connection_id unknown_field",
            ]
        );
        assert!(parse(json!({})).is_ok());
    }
}
