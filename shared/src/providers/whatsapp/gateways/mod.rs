//! Gateways that are linked devices of a telephone: Baileys and those like it. Each speaks a dialect of its own, some
//! sign, none documents all it sends.

mod baileys;
mod content;
mod envelope;
mod evolution;
mod gowa;
mod jid;
mod left_out;
mod payload;
pub mod proof;
mod status;
pub(super) mod translate;
pub mod verify;
mod wa_message;
mod wppconnect;
mod wuzapi;

pub use crate::model::whatsapp::Dialect;
