//! Gancho's domain. The rooms, in the order an event meets them.

pub mod model;

pub mod providers;

pub mod enrichment;
