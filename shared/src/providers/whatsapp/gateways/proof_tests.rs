use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_749_416_383).unwrap()
}

fn key() -> HmacKey {
    HmacKey::parse("a-gateways-secret").unwrap()
}

fn made(header: &Value, claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let mac = hmac_sha256(secret.as_bytes(), &[signed.as_bytes()]);
    format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn claims(iat: i64, exp: i64) -> Value {
    json!({"iat": now().as_second() + iat, "exp": now().as_second() + exp, "app": "evolution", "action": "webhook"})
}

fn checked(value: &str) -> Result<(), Forged> {
    Proof::Token.check(&key(), Some(value), b"any body", now())
}

#[test]
fn a_gateways_token_is_taken_while_it_lasts() {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    assert_eq!(checked(&made(&header, &claims(0, 600), "a-gateways-secret")), Ok(()));
    assert_eq!(checked(&made(&header, &claims(-660, -59), "a-gateways-secret")), Ok(()), "clocks differ");
    assert_eq!(checked(&made(&header, &claims(-660, -60), "a-gateways-secret")), Err(Forged), "it is over");
    assert_eq!(checked(&made(&header, &claims(61, 600), "a-gateways-secret")), Err(Forged), "it has not begun");
    assert_eq!(checked(&made(&header, &claims(0, 600), "another-gateways")), Err(Forged));
}

#[test]
fn a_token_that_asks_for_another_check_or_is_for_something_else_is_refused() {
    for header in [json!({"alg": "none"}), json!({"alg": "HS512"}), json!({"alg": "hs256"}), json!({}), json!([])] {
        assert_eq!(checked(&made(&header, &claims(0, 600), "a-gateways-secret")), Err(Forged), "{header}");
    }
    let header = json!({"alg": "HS256"});
    for (name, value) in
        [("app", json!("other")), ("action", json!("login")), ("exp", Value::Null), ("exp", json!("x"))]
    {
        let mut claims = claims(0, 600);
        claims[name] = value;
        assert_eq!(checked(&made(&header, &claims, "a-gateways-secret")), Err(Forged), "{name}");
    }
    let unsigned = made(&header, &claims(0, 600), "a-gateways-secret");
    let unsigned = &unsigned[..=unsigned.rfind('.').unwrap()];
    for value in ["", "Bearer", "Bearer ", "Bearer a.b.c", "Basic abc", unsigned] {
        assert_eq!(checked(value), Err(Forged), "{value}");
    }
    assert_eq!(Proof::Token.check(&key(), None, b"", now()), Err(Forged));
}

/// The token of RFC 7515, appendix A.1, says who made it and nothing of a webhook: a right signature is not enough.
#[test]
fn another_token_with_a_right_signature_is_refused() {
    let jwk = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let key = URL_SAFE_NO_PAD.decode(jwk).unwrap();
    let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let mac = URL_SAFE_NO_PAD.encode(hmac_sha256(&key, &[signed.as_bytes()]));
    assert_eq!(mac, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_eq!(checked(&format!("Bearer {signed}.{mac}")), Err(Forged));
}

#[test]
fn each_dialect_proves_itself_by_its_own_header() {
    let headers = Dialect::ALL.map(|dialect| (dialect.name(), Proof::of(dialect).map(Proof::header)));
    insta::assert_debug_snapshot!(headers, @r#"
    [
        (
            "baileys",
            Some(
                "x-hub-signature-256",
            ),
        ),
        (
            "evolution",
            Some(
                "authorization",
            ),
        ),
        (
            "wppconnect",
            None,
        ),
        (
            "wuzapi",
            Some(
                "x-hmac-signature",
            ),
        ),
        (
            "gowa",
            Some(
                "x-hub-signature-256",
            ),
        ),
    ]
    "#);
    let mac = hex::encode(hmac_sha256(b"a-gateways-secret", &[b"body"]));
    let wuzapi = Proof::of(Dialect::Wuzapi).unwrap();
    assert_eq!(wuzapi.check(&key(), Some(&mac), b"body", now()), Ok(()));
    assert_eq!(wuzapi.check(&key(), Some(&mac), b"Body", now()), Err(Forged));
}

proptest! {
    #[test]
    fn no_token_makes_it_panic(value in "(Bearer )?[A-Za-z0-9_.-]{0,80}") {
        prop_assert_eq!(checked(&value), Err(Forged));
    }
}
