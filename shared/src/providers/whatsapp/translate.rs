//! What a tenant is told: the normal form, from what is kept.

use serde_json::Value;

use super::stored::{Stored, VERSION};

/// The `data` of `whatsapp.message` or `whatsapp.status`.
///
/// # Errors
/// When what is kept cannot be read any more. The text says nothing of it.
pub fn announced(kept: &[u8]) -> Result<Value, String> {
    let stored: Stored = serde_json::from_slice(kept)
        .map_err(|error| format!("cannot be read at line {}, column {}", error.line(), error.column()))?;
    if stored.v != VERSION {
        return Err(format!("version {} of the stored form is not known", stored.v));
    }
    let read = stored.read().map_err(|code| code.as_str().to_owned())?;
    serde_json::to_value(read.normal).map_err(|_| "it has no form in JSON".to_owned())
}
