//! The doorbells: one folder per provider, the same files inside.

pub mod c2s;
