//! What must change where. Pure: everything it looks at is handed in, and nothing it says is done here.

mod decide;
mod essence;
mod fields;
mod matching;
mod meta;
mod parts;
mod references;
mod spread;
mod sync_id;

pub use decide::{Blocked, Counterpart, Facts, Reason, Step, decide};
pub use essence::{essence, fingerprint};
pub use matching::Search;
pub use meta::{entity_of, id_of, to_entity};
pub use references::References;
pub use spread::{Mark, spread};
pub use sync_id::sync_id;

#[cfg(test)]
mod tests;
