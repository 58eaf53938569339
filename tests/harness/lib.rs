//! What the flows stand on.
