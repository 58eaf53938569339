//! MoySklad: a warehouse. It signs nothing and says only that something changed: which entity, of which account, and
//! at best which fields. So the address is the secret, the account must be the source's, and what changed is asked for.

pub mod payload;
pub mod translate;
pub mod verify;
