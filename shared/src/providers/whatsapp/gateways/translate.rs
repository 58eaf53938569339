//! From an event as a gateway sent it to the normal form, by its dialect.

use super::{Dialect, gowa, wa_message, wppconnect, wuzapi};
use crate::model::whatsapp::Line;
use crate::providers::whatsapp::normal::Read;
use crate::providers::whatsapp::reading::RefusalCode;
use crate::providers::whatsapp::stored::Stored;

pub(in crate::providers::whatsapp) fn read(
    dialect: Dialect,
    stored: &Stored,
    line: &Line,
) -> Result<Read, RefusalCode> {
    match dialect {
        Dialect::Baileys | Dialect::Evolution => wa_message::read(stored, line),
        Dialect::Wppconnect => wppconnect::read(stored, line),
        Dialect::Wuzapi => wuzapi::read(stored, line),
        Dialect::Gowa => gowa::read(stored, line),
    }
}
