//! SDK errors, told apart once: will the same call go through later, or never?

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::error::SdkError;

use crate::work::StoreError;

/// Codes of calls that go through later. Everything else the service says about a call it will say again.
const PASSING: [&str; 9] = [
    "InternalServerError",
    "InternalFailure",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
];

/// A failed call as the rooms know it. The text names code and call, and nothing of what was sent.
pub(super) fn store_error<E, R>(call: &'static str, error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("unknown");
            let text = format!("{call}: {code}");
            if PASSING.contains(&code) || code == "unknown" {
                StoreError::Unavailable(text)
            } else {
                StoreError::Refused(text)
            }
        }
        SdkError::ConstructionFailure(_) => StoreError::Refused(format!("{call}: could not be built")),
        SdkError::TimeoutError(_) => StoreError::Unavailable(format!("{call}: timed out")),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            StoreError::Unavailable(format!("{call}: timed out"))
        }
        SdkError::DispatchFailure(_) => StoreError::Unavailable(format!("{call}: no connection")),
        _ => StoreError::Unavailable(format!("{call}: no readable answer")),
    }
}
