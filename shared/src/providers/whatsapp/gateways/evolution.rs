//! Evolution API: one event a request, Baileys' message in `data`, the gateway's own key beside it.

use super::Dialect;
use super::baileys;
use super::envelope::{Envelope, one_or_many};
use super::jid::Jid;
use crate::providers::whatsapp::incoming::{Found, Taking};
use crate::providers::whatsapp::line::Stated;
use crate::providers::whatsapp::reading::{Ignored, RequestError};

pub(super) fn split(body: &[u8], taking: &mut Taking<'_>) -> Result<(), RequestError> {
    let outer = Envelope::of(body)?;
    let event = outer.event_name();
    let of_event = match event.as_str() {
        // What was sent through the gateway comes as `send.message`, and may come once more as the other.
        "messages.upsert" | "send.message" => baileys::message,
        "messages.update" => baileys::status,
        _ => return taking.put(Found::Ignored(Ignored::OtherEvent)),
    };
    // The instance's own address.
    let own = outer.sender().and_then(|sender| Jid::parse(&sender));
    let stated = Stated { number: own.as_ref().and_then(Jid::number).cloned(), phone_number_id: None };
    let data = outer.data.ok_or_else(|| RequestError::shape("data", "an object"))?;
    one_or_many(data)?.into_iter().try_for_each(|raw| taking.put(of_event(Dialect::Evolution, raw, stated.clone())))
}
