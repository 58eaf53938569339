//! WhatsApp's nouns: numbers, kinds of messages, and which of them a subscription wants.

mod filter;
mod message_type;
mod number;

pub use filter::{MessageFilter, MessageTraits};
pub use message_type::{Direction, MessageType, Word};
pub use number::{NotANumber, WhatsappNumber};
