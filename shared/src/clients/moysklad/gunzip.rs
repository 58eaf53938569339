//! Unpacking, up to a bound: a thousandth of its size on the wire is all that an answer shows of itself.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// What was packed; nothing if it is not gzip, breaks off, or is more than `most` bytes.
pub(super) fn gunzip(packed: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    let bound = u64::try_from(most).ok()?.checked_add(1)?;
    MultiGzDecoder::new(packed).take(bound).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() <= most).then_some(unpacked)
}

#[cfg(test)]
pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(plain, flate2::Compression::best()).read_to_end(&mut packed).unwrap();
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_and_what_was_not_does_not() {
        assert_eq!(gunzip(&gzip(b"{}"), 2).as_deref(), Some(&b"{}"[..]));
        assert_eq!(gunzip(b"{}", 2), None);
        let whole = gzip(&[7; 5_000]);
        assert_eq!(gunzip(&whole[..whole.len() - 9], 5_000), None, "it breaks off");
    }

    #[test]
    fn a_bomb_goes_off_at_the_bound() {
        let bomb = gzip(&vec![0; 30_000_000]);
        assert!(bomb.len() < 40_000);
        assert_eq!(gunzip(&bomb, 1_000_000), None);
    }
}
