//! What Lambda is to a function: the Runtime API on a port of its own for each process, one invocation at a time, and a
//! clock beside it.
//!
//! The protocol is AWS's: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

mod desk;
pub mod envelope;
pub mod function;
pub mod spent;
mod worker;

pub use self::worker::{Answer, Program, Worker, run_for};
