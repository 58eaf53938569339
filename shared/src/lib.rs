//! Gancho's domain. The rooms, in the order an event meets them.

pub mod model;

pub mod address;
pub mod backoff;
pub mod counters;
pub mod limits;
pub mod signing;
pub mod work;

pub mod auth;
pub mod intake;
pub mod providers;
pub mod switches;

pub mod dispatch;
pub mod enrichment;
pub mod sync;

pub mod delivery;

pub mod data_subjects;
pub mod manage;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "clients")]
pub mod clients;
#[cfg(feature = "aws")]
pub mod config;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "testing")]
pub mod testing;
