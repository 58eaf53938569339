//! MoySklad: JSON API 1.2 of several accounts at once, each with its own entities, webhooks and limits.
//!
//! A request's way:
//! - `door`: what it must be, whatever it asks; `accounts`: whose it is; `limits`: whether it may
//! - `account`: one account and its lock; `dispatch`: which path and method does what
//! - `write`: creations, updates, deletions; `list`, `query`, `filter`, `matching`, `expand`: what is read
//! - `changes`: what it changed; `outbox`, `delivery`: to whom it is told; `audit`: where it is kept
//!
//! What an account holds:
//! - `books`: all of it; `shelf`: the entities of one kind; `kinds`: which kinds there are, and their fields
//! - `fields`, `prices`, `attributes`, `parts`, `meta`: a field's value, checked; `derived`: what follows from it
//! - `settings`: company settings and metadata; `webhooks`; `author`: who asks
//!
//! And: `errors`, `moscow` (times), `silence` (the header that disables webhooks), `behaviour` and
//! `control` (how a test arranges it).

mod account;
mod accounts;
mod attributes;
mod audit;
mod author;
mod behaviour;
mod books;
mod changes;
mod control;
mod delivery;
mod derived;
mod dispatch;
mod door;
mod errors;
mod expand;
mod fields;
mod filter;
mod kinds;
mod limits;
mod list;
mod matching;
mod meta;
mod moscow;
mod outbox;
mod parts;
mod prices;
mod query;
mod settings;

mod shelf;
mod silence;
mod webhooks;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;

use super::state::Sandbox;

pub(crate) use accounts::Accounts;
pub(crate) use control::router as control;
pub(crate) use door::rate_limited;

pub(crate) fn router() -> Router<Arc<Sandbox>> {
    Router::new().route("/api/remap/1.2/{*path}", any(door::enter))
}
