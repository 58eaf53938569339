//! Gancho's domain. The rooms, in the order an event meets them.

pub mod model;
pub mod signing;
pub mod work;

#[cfg(feature = "testing")]
pub mod testing;
