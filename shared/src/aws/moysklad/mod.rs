//! What keeping MoySklad accounts in step remembers, in DynamoDB: a file a trait.

mod accounts;
pub(super) mod book;
mod dirty_rows;
mod drains;
mod guards;
mod mappings;
mod notices;
mod tallies;
