//! Gancho's domain. The rooms, in the order an event meets them.

pub mod address;
pub mod backoff;
pub mod delivery;
pub mod model;
pub mod signing;
pub mod work;

pub mod auth;
pub mod intake;
pub mod providers;

pub mod enrichment;
pub mod manage;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws")]
pub mod config;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "clients")]
pub mod clients;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "clients")]
pub mod clients;
