//! Who signed: Standard Webhooks as a receiver checks it, and the proofs that providers bring.

use http::{HeaderMap, HeaderValue};

use super::{NOW_S, SECRET, now};
use crate::providers::whatsapp::HmacKey;
use crate::providers::whatsapp::cloud::challenge::{VerifyToken, answer};
use crate::providers::whatsapp::gateways::Dialect;
use crate::providers::whatsapp::gateways::proof::Proof;
use crate::signing::hmac_sha256;
use crate::signing::secret::Secret;
use crate::signing::standard::{
    HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP, TOLERANCE_S, sign, verify_with_timestamp,
};

/// A request by lines: its identifier, its time, its signatures; the rest is its body.
pub(super) fn standard_webhooks(input: &[u8]) {
    let mut lines = input.splitn(4, |byte| *byte == b'\n');
    let mut header = || HeaderValue::from_bytes(lines.next().unwrap_or_default()).ok();
    let (Some(id), Some(at), Some(signatures)) = (header(), header(), header()) else { return };
    let body = lines.next().unwrap_or_default();
    let secret = Secret::parse(SECRET).expect("a secret");
    let verified = |id: &HeaderValue, at: &HeaderValue, signatures: HeaderValue, body: &[u8]| {
        let headers: HeaderMap =
            [(HEADER_ID, id.clone()), (HEADER_TIMESTAMP, at.clone()), (HEADER_SIGNATURE, signatures)]
                .into_iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), value))
                .collect();
        verify_with_timestamp(&headers, body, std::slice::from_ref(&secret), now()).is_ok()
    };
    let reference = standardwebhooks::Webhook::from_bytes(SECRET.as_bytes().to_vec()).expect("a key");
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    let by_reference = |body: &[u8]| {
        let at_s = text(&at).parse().ok()?;
        reference.sign(&text(&id), at_s, body).ok()
    };

    // Whoever is believed has what the reference library would have signed.
    if verified(&id, &at, signatures.clone(), body) && std::str::from_utf8(body).is_ok() {
        let expected = by_reference(body).expect("what is verified can be signed");
        assert!(text(&signatures).split(' ').any(|one| one == expected), "the reference would not have signed this");
    }
    // What is signed over exactly these texts is believed only where the reference reads them alike.
    let over = hmac_sha256(SECRET.as_bytes(), &[id.as_bytes(), b".", at.as_bytes(), b".", body]);
    let ours = format!("v1,{}", base64(&over));
    let ours_header = HeaderValue::from_str(&ours).expect("base64 is a header");
    if verified(&id, &at, ours_header, body) && std::str::from_utf8(body).is_ok() {
        assert_eq!(by_reference(body).as_ref(), Some(&ours), "one request, two readings");
        let mut altered = body.to_vec();
        altered.push(b'!');
        let header = HeaderValue::from_str(&ours).expect("base64 is a header");
        assert!(!verified(&id, &at, header, &altered), "an altered body is refused");
    }
    // What we sign, a receiver believes, within the tolerance and not outside.
    let Ok(id_text) = id.to_str() else { return };
    if id_text.is_empty() || id_text.contains('.') {
        return;
    }
    for (skew_s, believed) in [(0, true), (TOLERANCE_S, true), (TOLERANCE_S + 1, false), (-TOLERANCE_S - 1, false)] {
        let at = jiff::Timestamp::from_second(NOW_S + skew_s).expect("a time of this century");
        let signed = HeaderValue::from_str(&sign(id_text, at, body, std::slice::from_ref(&secret)));
        let signed = signed.expect("signatures are a header");
        assert_eq!(verified(&id, &at.as_second().into(), signed, body), believed, "{skew_s} s");
    }
}

/// A header, a line's end, and a body or a query: as every provider checks it.
pub(super) fn proofs(input: &[u8]) {
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let (header, body) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let key = HmacKey::parse(SECRET).expect("a key");
    if let Ok(header) = std::str::from_utf8(header) {
        for dialect in Dialect::ALL {
            let Some(proof) = Proof::of(dialect) else { continue };
            if proof.check(&key, Some(header), body, now()).is_ok() {
                assert!(is_made_with_the_key(proof, header, body), "{}: {header}", dialect.name());
                let another = HmacKey::parse("fake-shared-secret-0002").expect("a key");
                assert!(proof.check(&another, Some(header), body, now()).is_err(), "another key is refused");
            }
        }
    }
    if let Ok(query) = std::str::from_utf8(body) {
        let token = VerifyToken::parse(SECRET).expect("a token");
        if let Ok(said) = answer(&token.hash(), query) {
            assert!((1..=128).contains(&said.len()) && said.bytes().all(|b| b.is_ascii_digit()));
            assert!(url::form_urlencoded::parse(body).any(|(_, value)| value == SECRET), "only who knows the token");
        }
    }
}

fn is_made_with_the_key(proof: Proof, header: &str, body: &[u8]) -> bool {
    match proof {
        Proof::Signed { prefix, .. } => {
            let expected = format!("{prefix}{}", hex::encode(hmac_sha256(SECRET.as_bytes(), &[body])));
            header.eq_ignore_ascii_case(&expected)
        }
        Proof::Token => {
            let token = header.split_once(' ').map_or("", |(_, token)| token.trim());
            let (signed, mac) = token.rsplit_once('.').unwrap_or_default();
            mac == base64_url(&hmac_sha256(SECRET.as_bytes(), &[signed.as_bytes()]))
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn signed() -> Vec<Vec<u8>> {
    let secret = Secret::parse(SECRET).expect("a secret");
    let body = br#"{"type":"invoice.sent","data":{}}"#;
    let good = sign("evt_1", now(), body, &[secret]);
    let request =
        |id: &str, at: &str, signatures: &str| [id.as_bytes(), at.as_bytes(), signatures.as_bytes(), body].join(&b'\n');
    let at = NOW_S.to_string();
    vec![
        request("evt_1", &at, &good),
        request("evt_1", &at, &format!("v1a,AAAA v2,x  {good}")),
        request("evt_1", &format!("+{at}"), &good),
        request("evt_1", &format!("0{at}"), &good),
        request("evt.1", &at, &good),
        request("", "", ""),
    ]
}

pub(super) fn proven() -> Vec<Vec<u8>> {
    let body = br#"{"event":"messages.upsert"}"#;
    let mac = hex::encode(hmac_sha256(SECRET.as_bytes(), &[body]));
    let token = |alg: &str, action: &str| {
        let header = base64_url(format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#).as_bytes());
        let claims = format!(r#"{{"iat":{NOW_S},"exp":{},"app":"evolution","action":"{action}"}}"#, NOW_S + 600);
        let signed = format!("{header}.{}", base64_url(claims.as_bytes()));
        format!("Bearer {signed}.{}", base64_url(&hmac_sha256(SECRET.as_bytes(), &[signed.as_bytes()])))
    };
    let query = format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={SECRET}");
    let input = |header: &str, body: &[u8]| [header.as_bytes(), body].join(&b'\n');
    vec![
        input(&format!("sha256={mac}"), body),
        input(&mac, body),
        input(&token("HS256", "webhook"), body),
        input(&token("none", "webhook"), body),
        input(&token("HS256", "admin"), body),
        input("", query.as_bytes()),
    ]
}
