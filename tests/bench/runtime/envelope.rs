//! Envelopes, as API Gateway (HTTP API, payload 2.0) and SQS hand them to a function.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use axum::body::Bytes;
use serde_json::{Value, json};

/// A request as it comes through API Gateway.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path, with a query if it has one.
    pub target: String,
    /// Headers, in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Request {
    /// The event that Lambda hands over.
    #[must_use]
    pub fn envelope(&self, id: u64) -> Bytes {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut headers = json!({
            "host": "api.example.com",
            "content-length": self.body.len().to_string(),
            "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        });
        for (name, value) in &self.headers {
            headers[name] = value.as_str().into();
        }
        let envelope = json!({
            "version": "2.0",
            "routeKey": format!("POST {path}"),
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "api0000000",
                "domainName": "api.example.com",
                "domainPrefix": "api",
                "http": {
                    "method": "POST",
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": "bench",
                },
                "requestId": format!("req-{id:010}"),
                "routeKey": format!("POST {path}"),
                "stage": "$default",
                "time": "20/Jan/2025:10:00:01 +0000",
                "timeEpoch": 1_737_367_201_000_u64,
            },
            "body": self.body,
            "isBase64Encoded": false,
        });
        Bytes::from(envelope.to_string())
    }
}

/// A recorded request of `events/`, by its path there: its body, and its headers but for those with a placeholder.
///
/// # Errors
/// There is no such file, or it is none of those.
pub fn recorded(events: &Path, name: &str) -> Result<(Value, Vec<(String, String)>)> {
    let file = events.join(name);
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let whole: Value = serde_json::from_str(&text)?;
    let headers = whole["request"]["headers"].as_object().context("a request has headers")?;
    let headers = headers
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .filter(|(_, value)| !value.contains("{{"))
        .collect();
    Ok((whole["request"]["body"].clone(), headers))
}

/// A batch of messages as SQS hands it over.
#[must_use]
pub fn batch(queue: &str, bodies: &[String]) -> Bytes {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| {
            json!({
                "messageId": format!("{n:08}-0000-0000-0000-000000000000"),
                "receiptHandle": format!("handle-{n}"),
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1737367201000",
                    "SenderId": "000000000000",
                    "ApproximateFirstReceiveTimestamp": "1737367201001",
                },
                "messageAttributes": {},
                "md5OfBody": "00000000000000000000000000000000",
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{queue}"),
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    Bytes::from(json!({"Records": records}).to_string())
}
