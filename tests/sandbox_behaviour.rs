//! The sandbox behaves as the third parties do.
