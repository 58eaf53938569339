//! WhatsApp's nouns: numbers and their connections, kinds of messages, and which of them a subscription wants.

mod connection;
mod filter;
mod message_type;
mod number;

pub use connection::Connection;
pub use filter::{MessageFilter, MessageTraits};
pub use message_type::{Direction, MessageType, Word};
pub use number::{NotANumber, WhatsappNumber};
