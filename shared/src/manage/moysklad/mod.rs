//! MoySklad's accounts, as an operator sets them up, watches them and stops them.

pub mod account_body;
pub mod accounts;
pub mod book;
pub mod desk;
mod doorbell;
pub mod emergency;
pub mod health;
pub mod hooks;
pub mod loops;
pub mod resync;
pub mod rows;
pub mod selection;
pub mod stats;
pub mod webhooks;

#[cfg(test)]
mod tests;
