//! The attempts of a delivery, put together from where they are kept.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::delivery::Attempt;
use crate::model::ids::DeliveryId;
use crate::work::StoreError;

/// Attempts shown of one delivery.
pub const SHOWN: u8 = 20;
/// Bytes of a response shown.
const RESPONSE: usize = 1024;

/// Where attempts are kept whole: those that failed, and those whose response does not fit on the delivery's row.
pub trait Attempts: Send + Sync {
    /// The newest of them, at most `limit`, newest first.
    fn attempts(
        &self,
        delivery: &DeliveryId,
        limit: u8,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Attempt>, StoreError>> + Send;
}

/// The JSON of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptView {
    n: u32,
    at: Timestamp,
    http_status: Option<u16>,
    duration_ms: u64,
    error: Option<String>,
    response: Option<String>,
    next_retry_at: Option<Timestamp>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            n: attempt.n,
            at: attempt.at,
            http_status: attempt.http_status,
            duration_ms: attempt.duration_ms,
            error: attempt.error,
            response: attempt.response,
            next_retry_at: attempt.next_retry_at,
        }
    }
}

/// The attempts to show, newest first: those kept whole, and the newest from the delivery's own row where it is not
/// among them. The newest failure keeps all of its response, the others its beginning.
#[must_use]
pub fn shown(kept: Vec<Attempt>, newest: Option<Attempt>) -> Vec<AttemptView> {
    let mut by_number: BTreeMap<u32, Attempt> = newest.into_iter().map(|attempt| (attempt.n, attempt)).collect();
    by_number.extend(kept.into_iter().map(|attempt| (attempt.n, attempt)));
    let mut attempts: Vec<Attempt> = by_number.into_values().rev().take(SHOWN.into()).collect();
    let newest_failure = attempts.iter().position(|attempt| attempt.error.is_some());
    for (index, attempt) in attempts.iter_mut().enumerate() {
        if Some(index) != newest_failure {
            attempt.response = attempt.response.take().map(|response| head(response, RESPONSE));
        }
    }
    attempts.into_iter().map(AttemptView::from).collect()
}

/// The first bytes of a text, letters kept whole.
fn head(mut text: String, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(n: u32, error: Option<&str>, response: &str) -> Attempt {
        Attempt {
            n,
            at: Timestamp::from_second(1_900_000_000 + i64::from(n)).unwrap(),
            http_status: Some(500),
            duration_ms: 12,
            error: error.map(str::to_owned),
            response: Some(response.to_owned()),
            next_retry_at: None,
        }
    }

    fn numbers(shown: &[AttemptView]) -> Vec<u32> {
        shown.iter().map(|attempt| attempt.n).collect()
    }

    #[test]
    fn an_attempt_kept_whole_stands_before_its_short_form() {
        let shown =
            shown(vec![attempt(1, Some("http_500"), "the whole story")], Some(attempt(1, Some("http_500"), "the")));
        assert_eq!(numbers(&shown), [1]);
        assert_eq!(shown[0].response.as_deref(), Some("the whole story"));
    }

    #[test]
    fn the_newest_success_is_found_on_the_delivery_itself() {
        let kept = vec![attempt(2, Some("http_500"), ""), attempt(1, Some("http_500"), "")];
        assert_eq!(numbers(&shown(kept, Some(attempt(3, None, "ok")))), [3, 2, 1]);
        assert!(shown(Vec::new(), None).is_empty());
    }

    #[test]
    fn twenty_are_shown() {
        let kept = (1..=20).rev().map(|n| attempt(n, Some("http_500"), "")).collect();
        let shown = shown(kept, Some(attempt(21, None, "")));
        assert_eq!((shown.len(), shown[0].n, shown[19].n), (20, 21, 2));
    }

    #[test]
    fn only_the_newest_failure_tells_all_it_was_told() {
        let long = "é".repeat(2_000);
        let kept =
            vec![attempt(3, None, &long), attempt(2, Some("http_500"), &long), attempt(1, Some("http_500"), &long)];
        let lengths: Vec<usize> = shown(kept, None).iter().map(|one| one.response.as_ref().unwrap().len()).collect();
        assert_eq!(lengths, [1024, 4000, 1024]);
    }
}
