//! From a notice to dirty rows, and from an account's dirty rows to none.

mod carry;
mod course;
mod drain;
mod take;
mod together;

pub use carry::{Outcome, Trouble};
pub use drain::{Drain, Drained, Listener, Told, drain};
pub use take::{Heard, Teller, news, take_notice};

#[cfg(test)]
mod groups_tests;
#[cfg(test)]
mod guard_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
#[path = "play_for_tests.rs"]
mod play;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod together_tests;
#[cfg(test)]
mod trouble_tests;
