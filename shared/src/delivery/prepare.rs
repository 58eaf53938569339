//! A message, signed for one endpoint and one attempt.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;

use super::message::Message;
use crate::address::{AllowList, EndpointUrl, UrlError};
use crate::model::custom_header::CustomHeader;
use crate::model::sealed::Sealed;
use crate::model::subscription::{SignatureStyle, Subscription};
use crate::signing::seal::{OpenError, StackKeys};
use crate::signing::secret::Secret;
use crate::signing::{compat, standard};

/// What we call ourselves.
const USER_AGENT: &str = concat!("Gancho/", env!("CARGO_PKG_VERSION"));

/// A subscription with its secrets opened and its URL checked anew: it may be older than a rule.
#[derive(Clone)]
pub struct Endpoint {
    url: EndpointUrl,
    secrets: Vec<Secret>,
    headers: HeaderMap,
    signature: SignatureStyle,
    timeout: Duration,
}

/// Why an endpoint cannot be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Theirs: the rules do not allow its URL. The delivery fails.
    #[error("url_not_allowed: {0}")]
    Url(#[from] UrlError),
    /// Ours: what was sealed cannot be read. The delivery waits until somebody mends it.
    #[error("a sealed value of the subscription cannot be read: {0}")]
    Sealed(#[from] OpenError),
}

impl Endpoint {
    /// Opens a subscription for an attempt at `now`.
    ///
    /// # Errors
    /// Its URL is not, or no longer, allowed; or its secrets cannot be opened.
    pub fn open(
        subscription: &Subscription,
        keys: &StackKeys,
        allowed: &AllowList,
        now: Timestamp,
    ) -> Result<Self, EndpointError> {
        let url = EndpointUrl::parse(&subscription.url, allowed)?;
        let open = |sealed: &Sealed| keys.open_text(sealed, &subscription.tenant, subscription.id.as_str());
        let secret = |sealed: &Sealed| Secret::parse(&open(sealed)?).map_err(|_| OpenError::Form);
        let secrets = subscription.secrets.valid(now).map(secret).collect::<Result<_, _>>()?;
        let header = |header: &CustomHeader<Sealed>| {
            let name = HeaderName::try_from(header.name.as_str()).map_err(|_| OpenError::Form)?;
            let mut value = HeaderValue::try_from(open(&header.value)?).map_err(|_| OpenError::Form)?;
            value.set_sensitive(true);
            Ok((name, value))
        };
        let headers = subscription.headers.iter().map(header).collect::<Result<_, OpenError>>()?;
        Ok(Self { url, secrets, headers, signature: subscription.signature, timeout: subscription.timeout() })
    }
}

/// One attempt, ready to go: what a `Sender` sends as it is.
#[derive(Clone)]
pub struct Prepared {
    url: EndpointUrl,
    headers: HeaderMap,
    body: Bytes,
    timeout: Duration,
    at: Timestamp,
}

/// Signs `message` for `endpoint`. Identifier and body are the same at every attempt, time and signature are not.
#[must_use]
pub fn prepare(message: &Message, endpoint: &Endpoint, now: Timestamp) -> Prepared {
    // The subscription's own first: where a name meets one of ours, ours stands.
    let mut headers = endpoint.headers.clone();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(standard::HEADER_ID, text(message.webhook_id()));
    headers.insert(standard::HEADER_TIMESTAMP, now.as_second().into());
    let signatures = standard::sign(message.webhook_id(), now, message.body(), &endpoint.secrets);
    headers.insert(standard::HEADER_SIGNATURE, text(&signatures));
    match (endpoint.signature, endpoint.secrets.first()) {
        (SignatureStyle::Sha256Hex, Some(secret)) => {
            headers.insert(compat::HEADER, text(&compat::sha256_hex(secret, message.body())));
        }
        (SignatureStyle::Standard, _) | (SignatureStyle::Sha256Hex, None) => {}
    }
    Prepared { url: endpoint.url.clone(), headers, body: message.body().clone(), timeout: endpoint.timeout, at: now }
}

/// Identifiers and signatures are printable ASCII by construction.
fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

impl Prepared {
    /// Where to.
    #[must_use]
    pub const fn url(&self) -> &EndpointUrl {
        &self.url
    }

    /// All headers but those of the connection.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The bytes that were signed.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// How long the attempt may take, from connecting to the end of the answer.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The time that was signed.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({:?}, {} bytes)", self.url, self.body.len())
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpoint({:?})", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ip::Reason;
    use crate::model::event::Announcement;
    use crate::model::event_type::{EventPattern, EventType};
    use crate::model::ids::{EventId, TenantId};
    use crate::model::retry_policy::RetryPolicy;
    use crate::model::subscription::{PreviousSecret, SigningSecrets, SubscriptionState};

    fn keys() -> StackKeys {
        StackKeys::parse(&"k".repeat(64)).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn message() -> Message {
        Message::of(&Announcement {
            id: EventId::derive(&["a"]),
            tenant: TenantId::default_tenant(),
            event_type: EventType::PaymentReceived,
            at: at(1_763_800_000),
            data: serde_json::json!({"amount": "1500.00"}),
        })
    }

    fn subscription() -> Subscription {
        let tenant = TenantId::default_tenant();
        let seal = |text: &str| keys().seal(text.as_bytes(), &tenant, "sub_1", [1; 24]);
        let header = |name: &str, value: &str| CustomHeader {
            name: crate::model::custom_header::HeaderName::parse(name).unwrap(),
            value: seal(value),
        };
        Subscription {
            id: "sub_1".parse().unwrap(),
            tenant: tenant.clone(),
            url: "https://example.com/hook".to_owned(),
            events: vec![EventPattern::All],
            connection: None,
            filter: None,
            description: None,
            headers: vec![header("Authorization", "Bearer abc"), header("X-Team", "billing")],
            retry: RetryPolicy::default(),
            rate_limit_per_s: None,
            timeout_s: 10,
            signature: SignatureStyle::Sha256Hex,
            batch: None,
            secrets: SigningSecrets {
                current: seal("the new secret"),
                hint: "cret".to_owned(),
                previous: Some(PreviousSecret { sealed: seal("the old secret"), valid_until: at(1_763_800_100) }),
            },
            state: SubscriptionState::set_by_tenant(true),
            created_at: at(1_763_700_000),
            updated_at: at(1_763_700_000),
        }
    }

    fn prepared(subscription: &Subscription, now: Timestamp) -> Prepared {
        let endpoint = Endpoint::open(subscription, &keys(), &AllowList::default(), now).unwrap();
        prepare(&message(), &endpoint, now)
    }

    fn sorted(prepared: &Prepared) -> Vec<String> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines: Vec<String> = prepared.headers().iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn the_signed_headers() {
        let lines = sorted(&prepared(&subscription(), at(1_763_800_050))).join("\n");
        insta::assert_snapshot!(lines.replace(env!("CARGO_PKG_VERSION"), "<version>"));
    }

    #[test]
    fn both_secrets_sign_until_the_overlap_ends() {
        let (old, new) = (Secret::parse("the old secret").unwrap(), Secret::parse("the new secret").unwrap());
        for (now, old_is_good) in [(at(1_763_800_099), true), (at(1_763_800_100), false)] {
            let prepared = prepared(&subscription(), now);
            let verified = |secret: &Secret| {
                standard::verify_with_timestamp(prepared.headers(), prepared.body(), std::slice::from_ref(secret), now)
            };
            assert!(verified(&new).is_ok());
            assert_eq!(verified(&old).is_ok(), old_is_good);
        }
    }

    #[test]
    fn a_later_attempt_repeats_identifier_and_body_but_not_time_and_signature() {
        let (first, second) =
            (prepared(&subscription(), at(1_763_800_000)), prepared(&subscription(), at(1_763_800_001)));
        assert_eq!(first.body(), second.body());
        assert_eq!(first.headers()[standard::HEADER_ID], second.headers()[standard::HEADER_ID]);
        assert_ne!(first.headers()[standard::HEADER_TIMESTAMP], second.headers()[standard::HEADER_TIMESTAMP]);
        assert_ne!(first.headers()[standard::HEADER_SIGNATURE], second.headers()[standard::HEADER_SIGNATURE]);
    }

    #[test]
    fn the_older_signature_is_sent_only_where_asked_for() {
        let standard = Subscription { signature: SignatureStyle::Standard, ..subscription() };
        assert!(!prepared(&standard, at(0)).headers().contains_key(compat::HEADER));
        assert!(prepared(&subscription(), at(0)).headers().contains_key(compat::HEADER));
    }

    #[test]
    fn a_stored_url_is_checked_again() {
        let inner = Subscription { url: "https://169.254.169.254/".to_owned(), ..subscription() };
        let refused = Endpoint::open(&inner, &keys(), &AllowList::default(), at(0)).err();
        assert_eq!(refused, Some(EndpointError::Url(UrlError::Address(Reason::LinkLocal))));
    }

    #[test]
    fn another_subscriptions_secrets_do_not_open() {
        let moved = Subscription { id: "sub_2".parse().unwrap(), ..subscription() };
        let refused = Endpoint::open(&moved, &keys(), &AllowList::default(), at(0)).err();
        assert_eq!(refused, Some(EndpointError::Sealed(OpenError::Altered)));
    }

    #[test]
    fn debug_shows_neither_secret_nor_header_nor_path() {
        let endpoint = Endpoint::open(&subscription(), &keys(), &AllowList::default(), at(0)).unwrap();
        let prepared = prepare(&message(), &endpoint, at(0));
        let text = format!("{endpoint:?} {prepared:?} {:?} {:?}", subscription(), prepared.headers());
        for hidden in ["secret ", "Bearer", "1500", "billing"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        assert!(!format!("{endpoint:?} {prepared:?}").contains("/hook"));
    }
}
