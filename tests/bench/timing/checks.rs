//! Every place where something an attacker can send is compared with a secret, and two that do it wrongly on purpose.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::FutureExt as _;
use gancho::auth::{Card, CardError, Cards, Credential, Door, Opens};
use gancho::model::event::Provider;
use gancho::model::ids::{SourceId, TenantId};
use gancho::providers::whatsapp::HmacKey;
use gancho::providers::whatsapp::cloud::challenge::{self, VerifyToken};
use gancho::providers::whatsapp::cloud::verify::signed;
use gancho::providers::whatsapp::gateways::Dialect;
use gancho::providers::whatsapp::gateways::proof::Proof;
use gancho::signing::secret::Secret;
use gancho::signing::{compare, hmac_sha256, standard};
use jiff::Timestamp;

use crate::trial::{Check, Presented};

const KEY: &str = "fake-shared-secret-0001";
const BODY: &[u8] = br#"{"object":"whatsapp_business_account","entry":[]}"#;
/// Calls of a bare comparison in one sample.
const MANY: u32 = 32;

/// All of them, the controls first.
pub(crate) fn all(now: Timestamp) -> Vec<Check> {
    vec![
        stops_at_the_first(),
        signature_that_stops_at_the_first(),
        bare(),
        standard_webhooks(now),
        cloud_api(),
        gateway_hmac(now),
        evolution_token(now),
        source_token(now),
        verify_token(),
        admin_token(),
    ]
}

fn check(name: &'static str, calls: u32, presented: Presented, lets_in: impl FnMut(&str) -> bool + 'static) -> Check {
    Check { name, control: false, calls, presented, lets_in: Box::new(lets_in) }
}

/// What none of ours may be.
fn early_exit(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(a, b)| a == b)
}

fn hex_of_body() -> String {
    hex(&hmac_sha256(KEY.as_bytes(), &[BODY]))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Wrong in its first or its last letter.
fn whole(right: String) -> Presented {
    from(right, 0)
}

/// The secret part begins here.
fn from(right: String, first: usize) -> Presented {
    let last = right.len() - 1;
    Presented::of(right, first, last)
}

fn stops_at_the_first() -> Check {
    let known = hex_of_body();
    let presented = whole(known.clone());
    let control = check("control: comparing up to the first wrong byte", MANY, presented, move |given| {
        early_exit(given.as_bytes(), known.as_bytes())
    });
    Check { control: true, ..control }
}

/// The same at the end of a whole check, as it would stand in one.
fn signature_that_stops_at_the_first() -> Check {
    let control = check("control: HMAC of the body, compared like that", 1, whole(hex_of_body()), |given| {
        early_exit(given.as_bytes(), hex_of_body().as_bytes())
    });
    Check { control: true, ..control }
}

fn bare() -> Check {
    let known = hex_of_body();
    let presented = whole(known.clone());
    check("the comparison all of these make", MANY, presented, move |given| {
        compare::same(given.as_bytes(), known.as_bytes())
    })
}

fn standard_webhooks(now: Timestamp) -> Check {
    let secrets = [Secret::generate([7; 32])];
    let right = standard::sign("evt_1", now, BODY, &secrets);
    // The last letter is padding.
    let presented = Presented::of(right.clone(), "v1,".len(), right.len() - 2);
    let mut headers = HeaderMap::new();
    headers.insert(standard::HEADER_ID, "evt_1".parse().expect("a header"));
    headers.insert(standard::HEADER_TIMESTAMP, now.as_second().into());
    check("Standard Webhooks", 1, presented, move |given| {
        headers.insert(standard::HEADER_SIGNATURE, given.parse().expect("a header"));
        standard::verify_with_timestamp(&headers, BODY, &secrets, now).is_ok()
    })
}

fn cloud_api() -> Check {
    let key = HmacKey::parse(KEY).expect("a key");
    let presented = from(format!("sha256={}", hex_of_body()), "sha256=".len());
    check("X-Hub-Signature-256 (Cloud API)", 1, presented, move |given| signed(&key, Some(given), BODY).is_ok())
}

fn gateway_hmac(now: Timestamp) -> Check {
    let key = HmacKey::parse(KEY).expect("a key");
    let proof = Proof::of(Dialect::Wuzapi).expect("it signs");
    check("X-Hmac-Signature (gateway)", 1, whole(hex_of_body()), move |given| {
        proof.check(&key, Some(given), BODY, now).is_ok()
    })
}

fn evolution_token(now: Timestamp) -> Check {
    let key = HmacKey::parse(KEY).expect("a key");
    let proof = Proof::of(Dialect::Evolution).expect("it has a token");
    let (issued, over) = (now.as_second(), now.as_second() + 600);
    let claims = format!(r#"{{"iat":{issued},"exp":{over},"app":"evolution","action":"webhook"}}"#);
    let text = [r#"{"alg":"HS256","typ":"JWT"}"#, &claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let mac = URL_SAFE_NO_PAD.encode(hmac_sha256(KEY.as_bytes(), &[text.as_bytes()]));
    let first = "Bearer ".len() + text.len() + 1;
    let right = format!("Bearer {text}.{mac}");
    // The last letter holds bits that must be zero: another one would be refused before anything is compared.
    let last = right.len() - 2;
    check("JWT (Evolution API)", 1, Presented::of(right, first, last), move |given| {
        proof.check(&key, Some(given), BODY, now).is_ok()
    })
}

/// One card.
struct Drawer(Card);

impl Cards for Drawer {
    async fn card(&self, hash: &str) -> Result<Option<Card>, CardError> {
        Ok((hash == self.0.hash).then(|| self.0.clone()))
    }
}

fn source_token(now: Timestamp) -> Check {
    let token = Credential::generate("tok_", [7; 32]);
    let presented = from(token.expose().to_owned(), "tok_".len());
    let opens =
        Opens::Source { source: SourceId::default_c2s(), provider: Provider::C2s, whatsapp: None, moysklad: None };
    let door = Door::new(Drawer(Card {
        hash: token.hash(),
        tenant: TenantId::default_tenant(),
        opens,
        enabled: true,
        allowed_cidrs: Vec::new(),
        valid_until: None,
    }));
    check("token of a source or tenant (by its hash)", 1, presented, move |given| {
        let given = Credential::presented(given);
        let asked = door.source(given.as_ref(), Provider::C2s, None, now).now_or_never();
        asked.expect("the drawer answers at once").is_ok()
    })
}

fn verify_token() -> Check {
    let known = VerifyToken::generate([7; 16]);
    let (hash, asked) = (known.hash(), "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=");
    let presented = from(format!("{asked}{}", known.expose()), asked.len());
    check("hub.verify_token (Cloud API)", 1, presented, move |given| challenge::answer(&hash, given).is_ok())
}

fn admin_token() -> Check {
    let known = Credential::generate("", [7; 32]);
    let presented = whole(known.expose().to_owned());
    check("the operator's token", 1, presented, move |given| {
        Credential::presented(given).is_some_and(|given| given.is(&known))
    })
}
