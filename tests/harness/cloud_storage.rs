//! Queues, tables and secrets of the local cloud, taken away, given back and changed: what an operator's mistake does.

use serde_json::{Map, Value, json};

use crate::cloud::Cloud;
use crate::stack::Stack;

/// A queue that was deleted with what was in it.
#[must_use = "it stays deleted until it is given back"]
pub struct LostQueue {
    url: String,
    name: String,
    attributes: Value,
}

/// A table that was deleted with what was in it.
#[must_use = "it stays deleted until it is given back"]
pub struct LostTable {
    definition: Value,
}

/// What a queue is made with; all else that is asked of it is counted or given by the cloud.
const OF_A_QUEUE: [&str; 5] =
    ["VisibilityTimeout", "MessageRetentionPeriod", "MaximumMessageSize", "SqsManagedSseEnabled", "RedrivePolicy"];

impl Cloud {
    /// Deletes a queue.
    ///
    /// # Panics
    /// When there is none.
    pub async fn lose_queue(&self, url: &str) -> LostQueue {
        let asked = json!({"QueueUrl": url, "AttributeNames": ["All"]});
        let found = self.call("sqs", "AmazonSQS.GetQueueAttributes", &asked).await;
        let kept =
            OF_A_QUEUE.iter().filter_map(|name| Some(((*name).to_owned(), found["Attributes"].get(name)?.clone())));
        let attributes = Value::Object(kept.collect::<Map<_, _>>());
        self.call("sqs", "AmazonSQS.DeleteQueue", &json!({"QueueUrl": url})).await;
        let name = url.rsplit('/').next().expect("a name").to_owned();
        LostQueue { url: url.to_owned(), name, attributes }
    }

    /// Makes the queue again, empty, at the address it had.
    ///
    /// # Panics
    /// When it is at another.
    pub async fn give_back_queue(&self, lost: LostQueue) {
        let order = json!({"QueueName": lost.name, "Attributes": lost.attributes});
        let made = self.call("sqs", "AmazonSQS.CreateQueue", &order).await;
        assert_eq!(made["QueueUrl"], lost.url, "{made}");
    }

    /// Deletes a table, protected or not.
    pub async fn lose_table(&self, table: &str) -> LostTable {
        let name = &Stack::get().tables[table];
        let described = self.call("dynamodb", "DynamoDB_20120810.DescribeTable", &json!({"TableName": name})).await;
        let table = &described["Table"];
        let mut definition = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": table["AttributeDefinitions"], "KeySchema": table["KeySchema"],
        });
        let indexes = table["GlobalSecondaryIndexes"].as_array().cloned().unwrap_or_default();
        if !indexes.is_empty() {
            let of = |index: &Value| json!({"IndexName": index["IndexName"], "KeySchema": index["KeySchema"], "Projection": index["Projection"]});
            definition["GlobalSecondaryIndexes"] = indexes.iter().map(of).collect();
        }
        let unprotected = json!({"TableName": name, "DeletionProtectionEnabled": false});
        self.call("dynamodb", "DynamoDB_20120810.UpdateTable", &unprotected).await;
        self.call("dynamodb", "DynamoDB_20120810.DeleteTable", &json!({"TableName": name})).await;
        LostTable { definition }
    }

    /// Makes the table again, empty.
    pub async fn give_back_table(&self, lost: LostTable) {
        self.call("dynamodb", "DynamoDB_20120810.CreateTable", &lost.definition).await;
    }

    /// What a secret of the stack holds.
    ///
    /// # Panics
    /// When it holds no text.
    pub async fn secret(&self, which: &str) -> String {
        let asked = json!({"SecretId": Stack::get().secrets[which]});
        let found = self.call("secretsmanager", "secretsmanager.GetSecretValue", &asked).await;
        found["SecretString"].as_str().expect("a text").to_owned()
    }

    /// Changes a secret of the stack.
    pub async fn put_secret(&self, which: &str, text: &str) {
        let order = json!({"SecretId": Stack::get().secrets[which], "SecretString": text});
        self.call("secretsmanager", "secretsmanager.PutSecretValue", &order).await;
    }
}
