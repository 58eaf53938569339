//! SDK errors, told apart once: will the same call go through later, or never?

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::error::SdkError;

use crate::work::StoreError;

/// Codes of calls that go through later. Everything else the service says about a call it will say again.
///
/// A table or queue that is missing, and a right that is, are the house's trouble and no fault of the call: it goes
/// through as soon as somebody has put that right, so whoever asked is to come again.
const PASSING: [&str; 16] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "AccessDeniedException",
    "ExpiredTokenException",
    "InternalFailure",
    "InternalServerError",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "QueueDoesNotExist",
    "RequestLimitExceeded",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "UnrecognizedClientException",
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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;

    use super::*;

    fn said(code: &str) -> StoreError {
        let error = PutItemError::generic(ErrorMetadata::builder().code(code).build());
        store_error("PutItem", &SdkError::service_error(error, ()))
    }

    #[test]
    fn what_is_missing_or_not_allowed_goes_through_when_that_is_put_right() {
        for code in ["ResourceNotFoundException", "AccessDeniedException", "QueueDoesNotExist", "ThrottlingException"] {
            assert_eq!(said(code), StoreError::Unavailable(format!("PutItem: {code}")));
        }
    }

    #[test]
    fn what_is_wrong_with_the_call_is_refused_again() {
        assert_eq!(said("ValidationException"), StoreError::Refused("PutItem: ValidationException".to_owned()));
    }
}
