//! The tables and queues of the template, in the words of the services' own calls.

use std::time::Duration;

use gancho_tests::cloudformation::resources;
use serde_json::{Value, json};

/// What `CreateTable` is told of each table.
pub(super) fn tables(template: &Value) -> Vec<Value> {
    let described = resources(template, "AWS::DynamoDB::Table").into_iter().map(|(name, properties)| {
        let mut table = json!({"TableName": name});
        for told in ["AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"] {
            if let Some(value) = properties.get(told) {
                table[told] = value.clone();
            }
        }
        table
    });
    described.collect()
}

/// The queues: name, and for how long a message that was taken is not seen.
pub(super) fn queues(template: &Value) -> Vec<(String, Duration)> {
    let seconds = |value: &Value| match value["Ref"].as_str() {
        Some(parameter) => template["Parameters"][parameter]["Default"].as_u64(),
        None => value.as_u64(),
    };
    let all = resources(template, "AWS::SQS::Queue").into_iter();
    // 30 s where nothing is said: SQS's own default.
    all.map(|(name, queue)| (name, Duration::from_secs(seconds(&queue["VisibilityTimeout"]).unwrap_or(30)))).collect()
}
