//! The nouns. They know neither clock nor randomness: both come in as arguments.

pub mod contact;
pub mod ids;
pub mod person;
