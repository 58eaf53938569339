//! Faults, exhaustively: every outward call of every verb is numbered, and something goes wrong at each of them. Then
//! what Lambda, the queues and the sweep would do is done, until all is at rest, and what must always hold is looked at.
//!
//! The stores and counterparts in memory are left as they are; what can go wrong lies around them (`Faulty`), because a
//! worker can be stopped between two calls only where its future waits, and theirs never do.

mod clock;
mod counterparts;
mod duel;
mod duel_tests;
mod explore;
mod faulty;
mod house;
mod invariants;
mod lead_tests;
mod queue;
mod script;
mod stores;
mod sync_tests;
