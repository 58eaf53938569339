//! WhatsApp's nouns: numbers and their connections, kinds of messages, which of them a
//! subscription wants, and what a doorbell goes by.

mod connection;
mod dialect;
mod filter;
mod message_type;
mod number;
mod setup;

pub use connection::Connection;
pub use dialect::{Dialect, UnknownDialect};
pub use filter::{MAX_TYPES, MessageFilter, MessageTraits};
pub use message_type::{Direction, MessageType, Word};
pub use number::{NotANumber, WhatsappNumber};
pub use setup::{Line, Sender, Setup};
