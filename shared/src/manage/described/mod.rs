//! What bodies and queries may say, as `/openapi.json` describes it. Nothing is read by these types: the readers tell
//! everything that is wrong at once, which no derived reader does. A test holds each type against its reader.

pub mod client_webhooks;
pub mod moysklad;
pub mod operator;
pub mod published;
pub mod queries;
pub mod subscriptions;
pub mod whatsapp;

#[cfg(test)]
mod tests;
