//! Secrets Manager, as far as a secret is read.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;

use super::Answer;

#[derive(Debug, Default)]
pub(super) struct Secrets(HashMap<String, String>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    secret_id: String,
    version_stage: Option<String>,
}

impl Secrets {
    pub(super) fn put(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), text.to_owned());
    }

    pub(super) fn call(&self, operation: &str, body: &[u8]) -> Answer {
        let asked = match serde_json::from_slice::<Asked>(body) {
            Ok(asked) if operation == "GetSecretValue" => asked,
            Ok(_) => return Answer::refused("InvalidRequestException", "not played"),
            Err(error) => return Answer::refused("InvalidParameterException", &error.to_string()),
        };
        // None was ever rotated: there is the current text and no other.
        let current = asked.version_stage.is_none_or(|stage| stage == "AWSCURRENT");
        match self.0.get(&asked.secret_id).filter(|_| current) {
            Some(text) => Answer::ok(&json!({"ARN": asked.secret_id, "Name": asked.secret_id, "SecretString": text})),
            None => Answer::refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        }
    }
}
