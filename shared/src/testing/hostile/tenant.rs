//! What a tenant publishes.

use serde_json::Value;

use super::now;
use crate::model::field_error::FieldError;
use crate::providers::tenant::payload::{
    MAX_EVENT_BYTES, MAX_EVENTS, Published, Request, RequestError, Unpublished, parse,
};

/// Errors told of one event: the schema's twenty, and two of ours.
const MOST_ERRORS: usize = 22;

pub(super) fn play(body: &[u8]) {
    match parse(body, now()) {
        Ok(Request::One(event)) => look_at(&event),
        Ok(Request::Many(events)) => {
            assert!((1..=MAX_EVENTS).contains(&events.len()));
            events.iter().for_each(look_at);
        }
        Err(RequestError::Shape(error)) => assert!(is_told(&error)),
        Err(RequestError::Body(_)) => {}
    }
}

fn look_at(event: &Result<Published, Unpublished>) {
    let event = match event {
        Ok(event) => event,
        Err(Unpublished::Wrong(errors)) => {
            assert!((1..=MOST_ERRORS).contains(&errors.len()) && errors.iter().all(is_told));
            return;
        }
        Err(Unpublished::TooLarge | Unpublished::Unreadable) => return,
    };
    assert!(!event.event_type.is_platform(), "nobody speaks in the platform's name");
    assert!(event.data.len() <= MAX_EVENT_BYTES, "what is kept is no larger than what is taken");
    assert_eq!(event.digest.len(), 64);
    assert!(event.id.as_ref().is_none_or(|id| (1..=200).contains(&id.chars().count())));
    let data: Value = serde_json::from_slice(&event.data).expect("what is kept is JSON");
    assert_eq!(data.to_string().as_bytes(), event.data, "what is stored is told as it was stored");
}

fn is_told(error: &FieldError) -> bool {
    !error.code.is_empty() && !error.detail.is_empty()
}
