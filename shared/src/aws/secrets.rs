//! Secrets, read once per cold start.

use aws_sdk_secretsmanager::Client;

use super::connect::AwsConfig;

/// A secret that could not be read. Names the secret, never its value.
#[derive(Debug, thiserror::Error)]
#[error("the secret {name} could not be read: {why}")]
pub struct SecretError {
    /// Its name or ARN.
    pub name: String,
    /// What the service said: a code.
    pub why: String,
}

/// The secrets store.
#[derive(Debug, Clone)]
pub struct Secrets(Client);

impl Secrets {
    /// A reader of secrets.
    #[must_use]
    pub fn new(aws: &AwsConfig) -> Self {
        Self(Client::new(aws))
    }

    /// The current text of a secret.
    ///
    /// # Errors
    /// When it is not there, not ours to read, or the service does not answer.
    pub async fn read(&self, name: &str) -> Result<String, SecretError> {
        let out = self.0.get_secret_value().secret_id(name).send().await.map_err(|error| SecretError {
            name: name.to_owned(),
            why: super::failure::store_error("GetSecretValue", &error).to_string(),
        })?;
        out.secret_string.ok_or_else(|| SecretError { name: name.to_owned(), why: "it holds no text".into() })
    }

    /// The text a secret had before its last rotation, if it had one.
    ///
    /// # Errors
    /// When it is not ours to read, or the service does not answer.
    pub async fn read_previous(&self, name: &str) -> Result<Option<String>, SecretError> {
        match self.0.get_secret_value().secret_id(name).version_stage("AWSPREVIOUS").send().await {
            Ok(out) => Ok(out.secret_string),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(SecretError {
                name: name.to_owned(),
                why: super::failure::store_error("GetSecretValue", &error).to_string(),
            }),
        }
    }
}
