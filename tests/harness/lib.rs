//! What the flows stand on: the stack under test, its API, the sandbox's control, the cloud beneath.

#![expect(clippy::expect_used, clippy::panic, reason = "what goes wrong in a harness fails its test, with a reason")]

pub mod api;
pub mod cloud;
pub mod cloud_storage;
pub mod cloudformation;
pub mod described;
pub mod flow;
pub mod lead;
pub mod moysklad;
pub mod processes;
pub mod receivers;
#[path = "../sandbox/mod.rs"]
pub mod sandbox;
pub mod schemathesis;
pub mod servers;
pub mod stack;
pub mod stage;
pub mod traffic;
pub mod waiting;
pub mod whatsapp;
