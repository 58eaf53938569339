//! Bodies as they are stored: raw DEFLATE (RFC 1951), in one of two ways.

use std::io::Read;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};

use crate::work::StoreError;

/// Largest body unpacked, bytes: a packed body is ours, but the bound is cheap.
const MAX_UNPACKED: u64 = 8 * 1024 * 1024;
/// The head of a last block that is stored as it is.
const STORED_LAST: u8 = 1;

/// The bytes as they are, in one stored block, if that takes no more than `room` bytes. A compressor is 300 KB of memory
/// to be cleared, which is more work than all else that is done with a lead: where a write costs the same without, there
/// is none.
pub(super) fn as_it_is(bytes: &[u8], room: usize) -> Option<Vec<u8>> {
    let length = u16::try_from(bytes.len()).ok()?;
    let mut packed = vec![STORED_LAST];
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    if packed.len() + bytes.len() > room {
        return None;
    }
    packed.extend(bytes);
    Some(packed)
}

/// The bytes made small.
pub(super) fn small(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut packed = Vec::new();
    DeflateEncoder::new(bytes, Compression::fast())
        .read_to_end(&mut packed)
        .map_err(|e| StoreError::Refused(e.to_string()))?;
    Ok(packed)
}

/// The bytes, in whichever way they were packed.
pub(super) fn unpacked(packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed)
        .take(MAX_UNPACKED)
        .read_to_end(&mut bytes)
        .map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_either_way_is_unpacked(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            prop_assert_eq!(unpacked(&as_it_is(&bytes, usize::MAX).unwrap()), Ok(bytes.clone()));
            prop_assert_eq!(unpacked(&small(&bytes).unwrap()), Ok(bytes));
        }
    }

    #[test]
    fn what_has_no_room_or_is_longer_than_a_block_is_not_stored_as_it_is() {
        assert_eq!(as_it_is(b"abc", 8).map(|packed| packed.len()), Some(8));
        assert_eq!(as_it_is(b"abc", 7), None);
        assert!(as_it_is(&[0; 65_535], usize::MAX).is_some());
        assert_eq!(as_it_is(&[0; 65_536], usize::MAX), None);
    }
}
