//! API Gateway's envelope, up to the request that a router sees.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;

use crate::lambda::http::{Caller, bearer, routed};

pub(super) fn play(envelope: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(envelope) else {
        assert!(routed(envelope).is_err(), "what is no JSON is no envelope");
        return;
    };
    if !is_routable(&value) {
        return;
    }
    let Ok(request) = routed(envelope) else { return };
    assert!(request.uri().path().starts_with('/') || request.uri().path() == "*", "{}", request.uri());
    let caller = Caller::of(&request);
    let stated = value["requestContext"]["http"]["sourceIp"].as_str();
    assert_eq!(caller.address, stated.and_then(|ip| ip.parse().ok()), "no header moves a caller's address");
    let credential = bearer(request.headers());
    assert!(credential.is_none() || request.headers().contains_key("authorization"));
}

/// The library panics where host, path and query make no URL, and where a body is not the base64 it is said to be: the
/// runtime answers 500 then. API Gateway sends none such, having routed by the first and encoded the second.
fn is_routable(envelope: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let header = |name: &str| {
        let headers = envelope["headers"].as_object().into_iter().flatten();
        headers.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| text(value)).next_back()
    };
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%&=/+:".contains(&b));
    let path = text(&envelope["rawPath"]);
    let host = header("host").unwrap_or_else(|| text(&envelope["requestContext"]["domainName"]));
    let parts = [&path, &host, &text(&envelope["rawQueryString"]), &text(&envelope["requestContext"]["stage"])];
    let proto = header("x-forwarded-proto");
    let is_coded = envelope["isBase64Encoded"] == true;
    (!is_coded || STANDARD.decode(text(&envelope["body"])).is_ok())
        && path.starts_with('/')
        && !host.is_empty()
        && proto.is_none_or(|proto| ["http", "https"].contains(&proto.as_str()))
        && parts.iter().all(|part| plain(part) || *part == "$default")
        && Url::parse(&format!("https://{host}{path}")).is_ok_and(|url| url.has_host())
}
