//! What secrets and names are made with.

use crate::signing::seal::StackKeys;

/// The stack's keys, and chance: it comes in as an argument, so that a test can say what it is.
pub struct Chance<'a> {
    /// What seals and opens.
    pub keys: &'a StackKeys,
    /// Fills a buffer with chance, new at every call.
    pub fill: &'a (dyn Fn(&mut [u8]) + Send + Sync),
}

impl Chance<'_> {
    /// Fresh bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }
}

impl std::fmt::Debug for Chance<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chance(…)")
    }
}
