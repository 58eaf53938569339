//! The spellings of time that strangers use.

use jiff::Timestamp;
use serde_json::json;

use crate::manage::query_fields::QueryFields;
use crate::model::moysklad::{moscow_text, parse_moscow_time};
use crate::providers::c2s::payload::parse_event;

pub(super) fn play(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let by_jiff = text.parse::<Timestamp>().ok();

    let lead = json!({"id": "lead-1", "attributes": {"updated_at": text}}).to_string();
    if let Ok(event) = parse_event(lead.as_bytes()) {
        if let Some(theirs) = by_jiff {
            assert_eq!(event.updated_at, theirs, "two readers, two instants: {text}");
        }
        let again = json!({"id": "lead-1", "attributes": {"updated_at": event.updated_at.to_string()}}).to_string();
        let again = parse_event(again.as_bytes()).expect("what we write is read back");
        assert_eq!(again.updated_at, event.updated_at);
    }

    if let Some(at) = parse_moscow_time(text) {
        let written = moscow_text(at);
        let again = parse_moscow_time(&written).expect("what we write is read back");
        assert_eq!(moscow_text(again), written);
        assert!(at.duration_since(again).abs() < jiff::SignedDuration::from_secs(1));
    }

    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("since", text).finish();
    let mut fields = QueryFields::read(Some(&query));
    let since = fields.time("since");
    assert_eq!(fields.finish(()).is_ok(), since.is_some() || text.is_empty(), "a time, or told that it is none");
    if let Some(theirs) = by_jiff.filter(|_| !text.contains(' ')) {
        assert_eq!(since, Some(theirs));
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "2025-01-20T10:00:00Z",
        "2025-01-20t07:00:00.000-03:00",
        "2025-01-20 07:00:00 -0300",
        "2025-01-20 10:00:00,5 UTC",
        "2016-12-31T23:59:60Z",
        "2026-03-02 12:30:16.123",
        "2026-03-02 12:30:16",
        "9999-12-31T23:59:59-23:59",
        "-009999-01-02T01:59:59Z",
        "2025-01-20T10:00:00+05:30[Asia/Kolkata]",
        "1749416383",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
