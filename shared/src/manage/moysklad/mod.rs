//! MoySklad's accounts, as an operator sets them up, watches them and stops them.

pub mod account_body;
pub mod book;
pub mod rows;
