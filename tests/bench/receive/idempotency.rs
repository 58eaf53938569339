//! The table that the peers' idempotency libraries keep their records in.

use serde_json::{Value, json};

pub(crate) const TABLE: &str = "IdempotencyTable";

/// As the libraries' documentation has it: <https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/>.
pub(crate) fn table() -> Value {
    json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    })
}
