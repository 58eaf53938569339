//! Clients with time-outs. The SDK has no attempt or operation time-out of its own.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// What every client is made from.
pub use aws_config::SdkConfig as AwsConfig;

/// How long a call to AWS may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// To connect.
    pub connect: Duration,
    /// For one try.
    pub attempt: Duration,
    /// For all tries of one call.
    pub operation: Duration,
    /// Tries of one call.
    pub attempts: u32,
}

impl Budget {
    /// For a caller that hangs up after 1500 ms (MoySklad): two tries, then an honest 503.
    pub const DOORBELL: Self = Self {
        connect: Duration::from_millis(250),
        attempt: Duration::from_millis(350),
        operation: Duration::from_millis(900),
        attempts: 2,
    };

    /// For workers and for people.
    pub const WORKER: Self = Self {
        connect: Duration::from_secs(1),
        attempt: Duration::from_secs(3),
        operation: Duration::from_secs(8),
        attempts: 3,
    };

    /// This budget times `factor`: a laptop that plays the whole cloud on two cores is slower than the cloud.
    #[must_use]
    pub fn stretched(self, factor: u32) -> Self {
        let factor = factor.max(1);
        Self {
            connect: self.connect * factor,
            attempt: self.attempt * factor,
            operation: self.operation * factor,
            attempts: self.attempts,
        }
    }
}

/// Reads region, credentials and endpoint from the environment, as every AWS tool does.
pub async fn connect(budget: Budget) -> AwsConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(budget.connect)
        .operation_attempt_timeout(budget.attempt)
        .operation_timeout(budget.operation)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(budget.attempts)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_secs(1));
    aws_config::from_env().http_client(http).timeout_config(timeouts).retry_config(retries).load().await
}
