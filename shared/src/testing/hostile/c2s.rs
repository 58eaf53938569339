//! C2S's leads, in every shape.

use super::caller;
use crate::model::event::Provider;
use crate::providers::c2s::payload::{MAX_EVENT_BYTES, MAX_EVENTS, parse_body, parse_event};
use crate::providers::c2s::translate::lead_received;
use crate::providers::c2s::verify::incoming;

/// Longest sentence about what is wrong: it names a place and a kind of thing.
const LONGEST_DETAIL: usize = 300;

pub(super) fn play(body: &[u8]) {
    let caller = caller(Provider::C2s);
    let taken = incoming(&caller, &[], body);
    let Ok(events) = parse_body(body) else {
        assert!(taken.is_err(), "what cannot be read is not taken");
        return;
    };
    let taken = taken.expect("what can be read is looked at event by event");
    assert!((1..=MAX_EVENTS).contains(&events.len()));
    assert_eq!(events.len(), taken.len(), "each event has its answer");
    for (index, (event, taken)) in events.into_iter().zip(taken).enumerate() {
        let event = match event {
            Ok(event) => event,
            Err(rejection) => {
                assert_eq!(rejection.index, index);
                assert!(rejection.detail.len() <= LONGEST_DETAIL, "{}", rejection.detail);
                assert!(taken.is_err());
                continue;
            }
        };
        let taken = taken.expect("what is read is taken");
        assert!(event.raw.len() <= MAX_EVENT_BYTES);
        assert_eq!(parse_event(&event.raw).as_ref(), Ok(&event), "what is stored is read back the same");
        assert_eq!((taken.tenant(), taken.source()), (&caller.tenant, &caller.source));
        assert_eq!(taken.id().as_str().parse().as_ref(), Ok(taken.id()));
        assert_eq!(taken.occurred_at(), event.updated_at);
        let told = lead_received(&event, &caller.source);
        assert!(told.to_string().len() <= MAX_EVENT_BYTES, "what is told is no larger than what is taken");
        let contact = &event.contact;
        let national = contact.phones.iter().all(|phone| phone.national().bytes().all(|b| b.is_ascii_digit()));
        assert!(national, "a number in normal form is digits");
    }
}
