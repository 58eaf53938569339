//! A delivery's attempt, in stages that are types: a `Message` is what is said, an `Endpoint` to whom; both make a
//! `Prepared`, a `Sender` turns that into `Sent`, and `judge` says what follows. Nothing can be recorded that was not
//! sent, nor sent that was not signed.

pub mod courier;
pub mod health;
pub mod judge;
pub mod message;
pub mod prepare;
pub mod retry_after;
pub mod send;
