//! Values that must be read back, stored so that the table alone does not give them away.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use super::hmac_sha256;
use crate::model::ids::TenantId;
use crate::model::sealed::Sealed;

/// Length of a nonce. With 24 random bytes, chance alone keeps them apart.
pub const NONCE_BYTES: usize = 24;
/// Shortest text of one stack secret: what the template generates is twice as long.
const MIN_SECRET_CHARS: usize = 32;
/// First part of the text form. A new form gets a new one.
const FORM: &str = "s1";

/// The keys of the whole stack, newest first. Sealing takes the newest, opening whichever is named.
#[derive(Clone)]
pub struct StackKeys {
    newest: StackKey,
    older: Vec<StackKey>,
}

/// One stack secret, taken apart into keys for its uses, so that no key serves two.
#[derive(Clone)]
struct StackKey {
    id: String,
    sealing: [u8; 32],
    person: [u8; 32],
}

impl fmt::Debug for StackKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StackKeys(…)")
    }
}

/// The stack secret is missing or too short to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the stack secret is one or more texts of at least {MIN_SECRET_CHARS} characters, the newest first, separated by commas"
)]
pub struct StackKeyError;

/// Why a sealed value stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not the form `seal` makes.
    #[error("not a sealed value")]
    Form,
    /// Sealed with a key that is no longer there.
    #[error("sealed with a key this stack does not have")]
    UnknownKey,
    /// Changed since, or sealed for another tenant or row.
    #[error("sealed for another row, or altered")]
    Altered,
}

impl StackKeys {
    /// Derives the keys from the stack secret's text: one secret, or several separated by commas, the newest first.
    ///
    /// # Errors
    /// There is none, or one is too short.
    pub fn parse(text: &str) -> Result<Self, StackKeyError> {
        let mut keys = text.split(',').map(str::trim).map(|one| {
            if one.chars().count() < MIN_SECRET_CHARS { Err(StackKeyError) } else { Ok(StackKey::derive(one)) }
        });
        let newest = keys.next().ok_or(StackKeyError)??;
        Ok(Self { newest, older: keys.collect::<Result<_, _>>()? })
    }

    /// Seals a value for one row of one tenant. It opens nowhere else, so a value copied to another row is of no use.
    #[must_use]
    pub fn seal(&self, plain: &[u8], tenant: &TenantId, row: &str, nonce: [u8; NONCE_BYTES]) -> Sealed {
        let bound_to = associated(tenant, row);
        let payload = Payload { msg: plain, aad: bound_to.as_bytes() };
        #[expect(clippy::expect_used, reason = "fails for messages above 256 GB only")]
        let closed = self.newest.cipher().encrypt(&XNonce::from(nonce), payload).expect("a short message");
        let (id, nonce, closed) = (&self.newest.id, URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(closed));
        Sealed::from_text(format!("{FORM}.{id}.{nonce}.{closed}"))
    }

    /// Opens what was sealed for this row of this tenant.
    ///
    /// # Errors
    /// The key is gone, or the value was altered or moved.
    pub fn open(&self, sealed: &Sealed, tenant: &TenantId, row: &str) -> Result<Vec<u8>, OpenError> {
        let (id, nonce, closed) = parts(sealed).ok_or(OpenError::Form)?;
        let key = self.all().find(|key| key.id == id).ok_or(OpenError::UnknownKey)?;
        let bound_to = associated(tenant, row);
        let payload = Payload { msg: &closed, aad: bound_to.as_bytes() };
        key.cipher().decrypt(&XNonce::from(nonce), payload).map_err(|_| OpenError::Altered)
    }

    /// As `open`, for a value that is text.
    ///
    /// # Errors
    /// As `open`; and if it is no text.
    pub fn open_text(&self, sealed: &Sealed, tenant: &TenantId, row: &str) -> Result<String, OpenError> {
        String::from_utf8(self.open(sealed, tenant, row)?).map_err(|_| OpenError::Form)
    }

    /// Whether the value should be sealed anew, so that an older key can be taken away.
    #[must_use]
    pub fn is_stale(&self, sealed: &Sealed) -> bool {
        parts(sealed).is_none_or(|(id, _, _)| id != self.newest.id)
    }

    /// What stands for a person's phone number, e-mail address or CPF in keys. Without the key it cannot be found by
    /// trying all numbers.
    #[must_use]
    pub fn person_hash(&self, personal: &[u8]) -> String {
        self.newest.person_hash(personal)
    }

    /// What the person's data may stand under: one hash per key, the newest first.
    #[must_use]
    pub fn person_hashes(&self, personal: &[u8]) -> Vec<String> {
        self.all().map(|key| key.person_hash(personal)).collect()
    }

    fn all(&self) -> impl Iterator<Item = &StackKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

impl StackKey {
    fn derive(secret: &str) -> Self {
        let labelled = |label: &str| hmac_sha256(secret.as_bytes(), &[label.as_bytes()]);
        Self {
            id: hex::encode(&labelled("gancho.stack-key.id.1")[..4]),
            sealing: labelled("gancho.stack-key.seal.1"),
            person: labelled("gancho.stack-key.person.1"),
        }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.sealing))
    }

    fn person_hash(&self, personal: &[u8]) -> String {
        hex::encode(hmac_sha256(&self.person, &[personal]))
    }
}

/// A tenant's identifier has no `|`, so no two pairs share a text.
fn associated(tenant: &TenantId, row: &str) -> String {
    format!("{tenant}|{row}")
}

fn parts(sealed: &Sealed) -> Option<(&str, [u8; NONCE_BYTES], Vec<u8>)> {
    let mut parts = sealed.as_str().split('.');
    let (form, id, nonce, closed) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if form != FORM || parts.next().is_some() {
        return None;
    }
    let nonce = URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?;
    Some((id, nonce, URL_SAFE_NO_PAD.decode(closed).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: &str = "oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo";
    const NEW: &str = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";

    fn keys(text: &str) -> StackKeys {
        StackKeys::parse(text).unwrap()
    }

    fn tenant(text: &str) -> TenantId {
        text.parse().unwrap()
    }

    /// What is stored must be readable by later versions: if this changes, stored secrets are lost.
    #[test]
    fn the_stored_form_is_stable() {
        let sealed = keys(NEW).seal(b"a value", &tenant("ten_a"), "sub_1", [9; NONCE_BYTES]);
        insta::assert_snapshot!(sealed.as_str(), @"s1.6ef7ed65.CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ.2zD6ExV91DXlmx3EldcISylruALSfqA");
        insta::assert_snapshot!(keys(NEW).person_hash(b"+5511987654321"), @"6cb7582f1541d68f6559eea9d5057829e114addcaa3d4cc9e7dd574e6bce3825");
    }

    #[test]
    fn a_value_opens_for_its_own_row_and_tenant_only() {
        let keys = keys(NEW);
        let sealed = keys.seal(b"a value", &tenant("ten_a"), "sub_1", [9; NONCE_BYTES]);
        assert_eq!(keys.open(&sealed, &tenant("ten_a"), "sub_1").unwrap(), b"a value");
        assert_eq!(keys.open(&sealed, &tenant("ten_b"), "sub_1"), Err(OpenError::Altered));
        assert_eq!(keys.open(&sealed, &tenant("ten_a"), "sub_2"), Err(OpenError::Altered));
    }

    #[test]
    fn a_rotation_opens_the_old_and_seals_with_the_new() {
        let (old, both, new) = (keys(OLD), keys(&format!("{NEW},{OLD}")), keys(NEW));
        let before = old.seal(b"a value", &tenant("ten_a"), "sub_1", [9; NONCE_BYTES]);
        assert_eq!(both.open(&before, &tenant("ten_a"), "sub_1").unwrap(), b"a value");
        assert!(both.is_stale(&before));
        let after = both.seal(b"a value", &tenant("ten_a"), "sub_1", [9; NONCE_BYTES]);
        assert!(!both.is_stale(&after));
        assert_eq!(new.open(&after, &tenant("ten_a"), "sub_1").unwrap(), b"a value");
        assert_eq!(new.open(&before, &tenant("ten_a"), "sub_1"), Err(OpenError::UnknownKey));
    }

    #[test]
    fn a_person_is_still_found_after_a_rotation() {
        let both = keys(&format!("{NEW},{OLD}"));
        assert_eq!(both.person_hashes(b"x"), [keys(NEW).person_hash(b"x"), keys(OLD).person_hash(b"x")]);
        assert_eq!(both.person_hash(b"x"), keys(NEW).person_hash(b"x"));
    }

    #[test]
    fn a_missing_or_short_secret_is_refused_and_none_is_shown() {
        for bad in ["", "short", ",", &format!("{NEW},"), &format!("{NEW},short")] {
            assert!(StackKeys::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", keys(NEW)), "StackKeys(…)");
    }

    #[test]
    fn what_was_never_sealed_is_refused() {
        for bad in ["", "plain", "s1.a.b", "s1.a.b.c.d", "s2.00000000.AAAA.AAAA", "s1.00000000.AAAA.AAAA"] {
            assert_eq!(keys(NEW).open(&Sealed::from_text(bad), &tenant("ten_a"), "x"), Err(OpenError::Form), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_an_altered_letter_does_not(
            plain in prop::collection::vec(any::<u8>(), 0..200),
            nonce: [u8; NONCE_BYTES],
            position: prop::sample::Index,
        ) {
            let keys = keys(NEW);
            let sealed = keys.seal(&plain, &tenant("ten_a"), "sub_1", nonce);
            prop_assert_eq!(keys.open(&sealed, &tenant("ten_a"), "sub_1").unwrap(), plain);
            let mut text = sealed.as_str().as_bytes().to_vec();
            let letter = &mut text[position.index(sealed.as_str().len())];
            *letter = if *letter == b'A' { b'B' } else { b'A' };
            let altered = Sealed::from_text(String::from_utf8(text).unwrap());
            prop_assert!(keys.open(&altered, &tenant("ten_a"), "sub_1").is_err());
        }
    }
}
