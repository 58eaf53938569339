//! Our signatures against the reference library of Standard Webhooks and against Svix's, both ways: what we sign they
//! accept, what they sign we accept, under every kind of secret and through a rotation.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gancho::signing::secret::{PREFIX, Secret};
use gancho::signing::standard::{
    HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP, VerifyError, sign, verify_with_timestamp,
};
use jiff::Timestamp;
use proptest::prelude::*;

/// A receiver or sender by both libraries, with one secret.
struct Reference {
    standard: standardwebhooks::Webhook,
    svix: svix::webhooks::Webhook,
}

impl Reference {
    /// As their users make one: `whsec_` texts are read by the library, any other text is handed over as its bytes.
    fn of(secret: &Secret) -> Self {
        let text = secret.expose();
        let (standard, svix) = if text.starts_with(PREFIX) {
            (standardwebhooks::Webhook::new(text), svix::webhooks::Webhook::new(text))
        } else {
            let bytes = || text.as_bytes().to_vec();
            (standardwebhooks::Webhook::from_bytes(bytes()), svix::webhooks::Webhook::from_bytes(bytes()))
        };
        Self { standard: standard.expect("a key"), svix: svix.expect("a key") }
    }

    /// What each says of a request. Both look at the clock themselves.
    fn accept(&self, body: &str, headers: &HeaderMap) -> [bool; 2] {
        let body = body.as_bytes();
        [self.standard.verify(body, headers).is_ok(), self.svix.verify(body, headers).is_ok()]
    }

    fn sign(&self, id: &str, at: Timestamp, body: &str) -> [String; 2] {
        let (at, body) = (at.as_second(), body.as_bytes());
        [self.standard.sign(id, at, body).expect("a signature"), self.svix.sign(id, at, body).expect("a signature")]
    }
}

fn headers(id: &str, at: Timestamp, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HEADER_ID, id.parse().expect("a header"));
    headers.insert(HEADER_TIMESTAMP, at.as_second().into());
    headers.insert(HEADER_SIGNATURE, signature.parse().expect("a header"));
    headers
}

prop_compose! {
    fn base64_secret()(key in prop::collection::vec(any::<u8>(), 8..=64)) -> Secret {
        Secret::parse(&format!("{PREFIX}{}", STANDARD.encode(key))).expect("a secret")
    }
}

prop_compose! {
    fn plain_secret()(text in "\\PC{8,100}".prop_filter("a text that claims to be base64", |t| !t.starts_with(PREFIX))) -> Secret {
        Secret::parse(&text).expect("a secret")
    }
}

fn secrets() -> impl Strategy<Value = Secret> {
    prop_oneof![base64_secret(), plain_secret()]
}

fn instants() -> impl Strategy<Value = Timestamp> {
    (1_000_000_000..4_000_000_000_i64).prop_map(|second| Timestamp::from_second(second).expect("a time"))
}

/// Such as cannot be one letter off and yet the same.
fn altered(body: &str, position: prop::sample::Index) -> String {
    let mut letters: Vec<char> = body.chars().collect();
    let letter = &mut letters[position.index(body.chars().count())];
    *letter = if *letter == 'x' { 'y' } else { 'x' };
    letters.into_iter().collect()
}

proptest! {
    #[test]
    fn what_we_sign_both_libraries_accept_and_nothing_else(
        secret in secrets(), other in secrets(), id in "evt_[0-9a-f]{32}", body in "\\PC{1,200}",
        position: prop::sample::Index,
    ) {
        prop_assume!(secret != other);
        let at = Timestamp::now();
        let signed = headers(&id, at, &sign(&id, at, body.as_bytes(), std::slice::from_ref(&secret)));
        let theirs = Reference::of(&secret);
        prop_assert_eq!(theirs.accept(&body, &signed), [true; 2]);
        prop_assert_eq!(theirs.accept(&altered(&body, position), &signed), [false; 2]);
        prop_assert_eq!(Reference::of(&other).accept(&body, &signed), [false; 2]);
        let mut later = signed.clone();
        later.insert(HEADER_TIMESTAMP, (at.as_second() + 1).into());
        prop_assert_eq!(theirs.accept(&body, &later), [false; 2]);
    }

    #[test]
    fn what_the_libraries_sign_we_accept_and_nothing_else(
        secret in secrets(), other in secrets(), id in "msg_[0-9A-Za-z]{27}", at in instants(), body in "\\PC{1,200}",
        position: prop::sample::Index,
    ) {
        prop_assume!(secret != other);
        for signature in Reference::of(&secret).sign(&id, at, &body) {
            let signed = headers(&id, at, &signature);
            let ours = |body: &str, secret: &Secret| {
                verify_with_timestamp(&signed, body.as_bytes(), std::slice::from_ref(secret), at)
            };
            prop_assert_eq!(ours(&body, &secret), Ok(()));
            prop_assert_eq!(ours(&altered(&body, position), &secret), Err(VerifyError::NoMatch));
            prop_assert_eq!(ours(&body, &other), Err(VerifyError::NoMatch));
        }
    }

    #[test]
    fn during_a_rotation_the_libraries_accept_with_either_secret_and_with_no_third(
        old in secrets(), new in secrets(), third in secrets(), body in "\\PC{1,200}",
    ) {
        prop_assume!(third != old && third != new);
        let at = Timestamp::now();
        let signed = headers("evt_1", at, &sign("evt_1", at, body.as_bytes(), &[new.clone(), old.clone()]));
        for known in [&old, &new] {
            prop_assert_eq!(Reference::of(known).accept(&body, &signed), [true; 2]);
        }
        prop_assert_eq!(Reference::of(&third).accept(&body, &signed), [false; 2]);
    }

    #[test]
    fn during_a_rotation_of_theirs_we_accept_with_either_secret_in_any_order(
        old in secrets(), new in secrets(), at in instants(), body in "\\PC{1,200}", newest_first: bool,
    ) {
        let [of_old, of_new] = [&old, &new].map(|secret| Reference::of(secret).sign("msg_1", at, &body));
        for (of_old, of_new) in of_old.iter().zip(&of_new) {
            let both = if newest_first { format!("{of_new} {of_old}") } else { format!("{of_old} v1a,abc {of_new}") };
            let signed = headers("msg_1", at, &both);
            for known in [&old, &new] {
                prop_assert_eq!(verify_with_timestamp(&signed, body.as_bytes(), std::slice::from_ref(known), at), Ok(()));
            }
        }
    }
}
