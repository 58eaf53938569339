//! WhatsApp, by two doors: Meta's [`cloud`] API, and [`gateways`] that are linked devices. Whichever it came by, a
//! message ends in one normal form, and what is kept of it is the event alone, cleaned, with the connection it
//! belongs to.

mod bounded;
pub mod cloud;
mod fields;
pub mod gateways;
mod incoming;
mod line;
mod normal;
pub mod reading;
mod signature;
mod stored;
mod time;
pub mod translate;

pub use signature::{Forged, HmacKey, NotAKey};

/// Most events in one request, messages and statuses together: Meta's batches hold no more.
pub const MAX_EVENTS: usize = 1_000;
