//! Standard Webhooks, version 1: an HMAC over identifier, time and body.

use std::fmt::Write as _;

use base64::Engine as _;
use http::HeaderMap;
use jiff::Timestamp;

use super::compare::same;
use super::hmac_sha256;
use super::secret::{BASE64, Secret};

/// Header of the identifier, the same over all attempts.
pub const HEADER_ID: &str = "webhook-id";
/// Header of the attempt's time, in seconds since 1970.
pub const HEADER_TIMESTAMP: &str = "webhook-timestamp";
/// Header of the signatures, separated by spaces.
pub const HEADER_SIGNATURE: &str = "webhook-signature";

/// How far the sender's clock may be off, either way: what the reference libraries allow. A captured request is good
/// for replay no longer than this.
pub const TOLERANCE_S: i64 = 300;

/// The value of `webhook-signature`: one signature per secret, so that a receiver which knows either the old or the
/// new secret of a rotation finds its own.
///
/// ```
/// use gancho::signing::{secret::Secret, standard};
/// let secret = Secret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
/// let at = jiff::Timestamp::from_second(1_649_367_553).unwrap();
/// let body = br#"{"email":"test@example.com","username":"test_user"}"#;
/// assert_eq!(
///     standard::sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", at, body, &[secret]),
///     "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
/// );
/// ```
#[must_use]
pub fn sign(id: &str, at: Timestamp, body: &[u8], secrets: &[Secret]) -> String {
    let at = at.as_second().to_string();
    let mut value = String::new();
    for secret in secrets {
        let separator = if value.is_empty() { "" } else { " " };
        let _ = write!(value, "{separator}v1,{}", BASE64.encode(mac(id, &at, body, secret)));
    }
    value
}

/// The dots cannot be shifted into another reading: an identifier has no dot, and the time is digits.
fn mac(id: &str, at: &str, body: &[u8], secret: &Secret) -> [u8; 32] {
    hmac_sha256(secret.key(), &[id.as_bytes(), b".", at.as_bytes(), b".", body])
}

/// Why a request is not proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header is missing or unreadable.
    #[error("the header `{0}` is missing or unreadable")]
    Header(&'static str),
    /// Signed too long ago: perhaps a replay.
    #[error("signed more than {TOLERANCE_S} s ago")]
    TooOld,
    /// Signed in the future.
    #[error("signed more than {TOLERANCE_S} s ahead of this clock")]
    TooNew,
    /// No signature is ours.
    #[error("no signature matches")]
    NoMatch,
}

/// Verifies a request as a receiver does: any signature may match any secret, unknown versions are passed over.
///
/// # Errors
/// The request is not from the holder of a secret, not about this body, or not of this time.
pub fn verify_with_timestamp(
    headers: &HeaderMap,
    unverified_body: &[u8],
    secrets: &[Secret],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let header =
        |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok()).ok_or(VerifyError::Header(name));
    let (id, at, signatures) = (header(HEADER_ID)?, header(HEADER_TIMESTAMP)?, header(HEADER_SIGNATURE)?);
    // A dot would let the border between identifier and time be read in two ways.
    if id.is_empty() || id.contains('.') {
        return Err(VerifyError::Header(HEADER_ID));
    }
    // In one spelling: `+1`, `01` and `1` would be one time, and three texts to sign.
    let at_s: i64 = at.parse().map_err(|_| VerifyError::Header(HEADER_TIMESTAMP))?;
    if at_s.to_string() != at {
        return Err(VerifyError::Header(HEADER_TIMESTAMP));
    }
    let age_s = now.as_second().saturating_sub(at_s);
    if age_s > TOLERANCE_S {
        return Err(VerifyError::TooOld);
    }
    if age_s < -TOLERANCE_S {
        return Err(VerifyError::TooNew);
    }
    let proven = secrets.iter().any(|secret| {
        let expected = BASE64.encode(mac(id, at, unverified_body, secret));
        signatures
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"))
            .any(|given| same(given.as_bytes(), expected.as_bytes()))
    });
    if proven { Ok(()) } else { Err(VerifyError::NoMatch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn secret(text: &str) -> Secret {
        Secret::parse(text).unwrap()
    }

    fn signed(id: &str, when: Timestamp, body: &[u8], secrets: &[Secret]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER_ID, id.parse().unwrap());
        headers.insert(HEADER_TIMESTAMP, when.as_second().into());
        headers.insert(HEADER_SIGNATURE, sign(id, when, body, secrets).parse().unwrap());
        headers
    }

    #[test]
    fn the_signature_is_the_published_one() {
        let secret = secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let value = sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", at(1_649_367_553), body, &[secret]);
        assert_eq!(value, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn either_secret_of_a_rotation_verifies() {
        let (old, new) = (secret("the old secret"), secret("the new secret"));
        let headers = signed("evt_1", at(1000), b"{}", &[new.clone(), old.clone()]);
        for known in [old, new] {
            assert_eq!(verify_with_timestamp(&headers, b"{}", &[known], at(1000)), Ok(()));
        }
        let other = secret("another secret");
        assert_eq!(verify_with_timestamp(&headers, b"{}", &[other], at(1000)), Err(VerifyError::NoMatch));
    }

    #[test]
    fn a_request_is_good_for_five_minutes_either_way() {
        let key = [secret("some secret")];
        let headers = signed("evt_1", at(10_000), b"{}", &key);
        for (now, expected) in
            [(9_699, Err(VerifyError::TooNew)), (9_700, Ok(())), (10_300, Ok(())), (10_301, Err(VerifyError::TooOld))]
        {
            assert_eq!(verify_with_timestamp(&headers, b"{}", &key, at(now)), expected, "{now}");
        }
    }

    #[test]
    fn unknown_versions_are_passed_over_and_never_match() {
        let key = [secret("some secret")];
        let mut headers = signed("evt_1", at(1000), b"{}", &key);
        let good = headers[HEADER_SIGNATURE].to_str().unwrap().to_owned();
        headers.insert(HEADER_SIGNATURE, format!("v1a,abc {good} v2,zzz").parse().unwrap());
        assert_eq!(verify_with_timestamp(&headers, b"{}", &key, at(1000)), Ok(()));
        headers.insert(HEADER_SIGNATURE, good.replacen("v1,", "v2,", 1).parse().unwrap());
        assert_eq!(verify_with_timestamp(&headers, b"{}", &key, at(1000)), Err(VerifyError::NoMatch));
    }

    #[test]
    fn each_header_is_needed_and_an_identifier_has_no_dot() {
        let key = [secret("some secret")];
        for name in [HEADER_ID, HEADER_TIMESTAMP, HEADER_SIGNATURE] {
            let mut headers = signed("evt_1", at(1000), b"{}", &key);
            headers.remove(name);
            assert_eq!(verify_with_timestamp(&headers, b"{}", &key, at(1000)), Err(VerifyError::Header(name)));
        }
        let headers = signed("evt.1", at(1000), b"{}", &key);
        assert_eq!(verify_with_timestamp(&headers, b"{}", &key, at(1000)), Err(VerifyError::Header(HEADER_ID)));
        assert_eq!(
            verify_with_timestamp(&signed("evt_1", at(1000), b"{}", &key), b"{}", &[], at(1000)),
            Err(VerifyError::NoMatch)
        );
    }

    #[test]
    fn a_time_is_read_in_one_spelling_only() {
        let key = [secret("some secret")];
        for odd in ["+1000", "01000", "1000 ", "1e3", "-0"] {
            let mut headers = signed("evt_1", at(1000), b"{}", &key);
            headers.insert(HEADER_TIMESTAMP, odd.parse().unwrap());
            let mac = BASE64.encode(mac("evt_1", odd, b"{}", &key[0]));
            headers.insert(HEADER_SIGNATURE, format!("v1,{mac}").parse().unwrap());
            let refused = Err(VerifyError::Header(HEADER_TIMESTAMP));
            assert_eq!(verify_with_timestamp(&headers, b"{}", &key, at(1000)), refused, "{odd}");
        }
    }

    #[test]
    fn the_signed_headers_of_a_rotation() {
        let secrets = [Secret::generate([1; 32]), Secret::generate([2; 32])];
        let headers = signed("evt_6c90360d92c641a6dadf4cf82c167007", at(1_763_800_000), b"{\"a\":1}", &secrets);
        insta::assert_debug_snapshot!(headers);
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_a_changed_byte_does_not(
            body in prop::collection::vec(any::<u8>(), 1..200),
            chance: [u8; 32],
            position: prop::sample::Index,
            flip in 1..=255u8,
        ) {
            let key = [Secret::generate(chance)];
            let headers = signed("evt_1", at(1000), &body, &key);
            prop_assert_eq!(verify_with_timestamp(&headers, &body, &key, at(1000)), Ok(()));
            let mut changed = body.clone();
            changed[position.index(body.len())] ^= flip;
            prop_assert_eq!(verify_with_timestamp(&headers, &changed, &key, at(1000)), Err(VerifyError::NoMatch));
        }

        #[test]
        fn no_headers_however_odd_make_it_panic_or_pass(id in "\\PC{0,20}", when in "\\PC{0,20}", signature in "\\PC{0,60}") {
            let mut headers = HeaderMap::new();
            for (name, text) in [(HEADER_ID, id), (HEADER_TIMESTAMP, when), (HEADER_SIGNATURE, signature)] {
                if let Ok(value) = text.parse() {
                    headers.insert(name, value);
                }
            }
            let verified = verify_with_timestamp(&headers, b"{}", &[secret("some secret")], at(1000));
            prop_assert!(verified.is_err());
        }

        #[test]
        fn the_reference_library_accepts_ours_and_refuses_a_changed_byte(
            body in "\\PC{1,100}",
            chance: [u8; 32],
            position: prop::sample::Index,
        ) {
            let ours = Secret::generate(chance);
            let theirs = standardwebhooks::Webhook::new(ours.expose()).unwrap();
            let headers = signed("evt_1", Timestamp::now(), body.as_bytes(), &[Secret::generate([7; 32]), ours]);
            prop_assert!(theirs.verify(body.as_bytes(), &headers).is_ok());
            // Still UTF-8, which is all that library takes.
            let mut changed: Vec<char> = body.chars().collect();
            let letter = &mut changed[position.index(body.chars().count())];
            *letter = if *letter == 'x' { 'y' } else { 'x' };
            let changed: String = changed.into_iter().collect();
            prop_assert!(theirs.verify(changed.as_bytes(), &headers).is_err());
        }
    }
}
