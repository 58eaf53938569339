//! The local cloud beneath the stack, asked in AWS's own JSON: what no API of the platform shows, or may touch.

use jiff::Timestamp;
use reqwest::{Client, Method};
use serde_json::{Map, Value, json};

use crate::api::{answer_of, client};
use crate::stack::Stack;
use crate::waiting::until;

/// AWS, as far as the tests need it.
#[derive(Clone)]
pub struct Cloud {
    http: Client,
}

impl Default for Cloud {
    fn default() -> Self {
        Self { http: client() }
    }
}

impl Cloud {
    pub(crate) async fn call(&self, service: &str, target: &str, body: &Value) -> Value {
        let stack = Stack::get();
        let request = self
            .http
            .post(&stack.endpoint_url)
            .header("x-amz-target", target)
            .header("authorization", authorization(service))
            .header(
                "content-type",
                if ["logs", "secretsmanager"].contains(&service) {
                    "application/x-amz-json-1.1"
                } else {
                    "application/x-amz-json-1.0"
                },
            )
            .body(body.to_string());
        let answer = answer_of(request).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        answer.body
    }

    /// Invokes a function and waits for what it answers.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Value {
        let name = &Stack::get().functions[function];
        self.lambda(Method::POST, &format!("/2015-03-31/functions/{name}:live/invocations"), Some(payload)).await
    }

    /// Lets a function read its queues, or stops it; what is under way goes on.
    pub async fn set_consuming(&self, function: &str, enabled: bool) {
        self.change_mappings(function, &json!({"Enabled": enabled})).await;
    }

    /// Lets so many workers of a function run at a time, or as many as the stack gives it.
    ///
    /// A mapping cannot be told fewer than two, so it is the function's reservation that says one. The local cloud
    /// knows of that only where the function is called without its alias; the code behind both names is the same.
    pub async fn set_workers(&self, function: &str, workers: Option<u32>) {
        let name = &Stack::get().functions[function];
        let path = format!("/2017-10-31/functions/{name}/concurrency");
        let called = if let Some(n) = workers {
            self.lambda(Method::PUT, &path, Some(&json!({"ReservedConcurrentExecutions": n}))).await;
            name.clone()
        } else {
            self.lambda(Method::DELETE, &path, None).await;
            format!("{name}:live")
        };
        self.change_mappings(function, &json!({"FunctionName": called})).await;
    }

    async fn change_mappings(&self, function: &str, change: &Value) {
        let (name, path) = (&Stack::get().functions[function], "/2015-03-31/event-source-mappings");
        let mappings = self.lambda(Method::GET, &format!("{path}/"), None).await;
        let all = mappings["EventSourceMappings"].as_array().cloned().unwrap_or_default();
        let mut found = 0;
        for mapping in all.iter().filter(|m| m["FunctionArn"].as_str().is_some_and(|arn| arn.contains(name))) {
            let id = mapping["UUID"].as_str().expect("its id");
            self.lambda(Method::PUT, &format!("{path}/{id}"), Some(change)).await;
            found += 1;
        }
        assert!(found > 0, "{name} reads no queue: {mappings:#}");
    }

    /// Deploys a function anew with one setting changed, as a deployment of the stack would: a version of its own, and
    /// the alias on it. The version before, to go back to.
    pub async fn deploy_with(&self, function: &str, setting: &str, value: &str) -> String {
        let path = Self::path_of(function);
        let before = self.lambda(Method::GET, &format!("{path}/aliases/live"), None).await;
        let before = before["FunctionVersion"].as_str().expect("its version").to_owned();
        let standing = self.lambda(Method::GET, &format!("{path}/configuration"), None).await;
        let mut variables = standing["Environment"]["Variables"].clone();
        let kept = variables.clone();
        assert!(variables[setting].is_string(), "{function} has no setting {setting}");
        variables[setting] = json!(value);
        for (variables, published) in [(variables, true), (kept, false)] {
            let changed = json!({"Environment": {"Variables": variables}});
            self.lambda(Method::PUT, &format!("{path}/configuration"), Some(&changed)).await;
            if published {
                let made = self.lambda(Method::POST, &format!("{path}/versions"), Some(&json!({}))).await;
                self.point(function, made["Version"].as_str().expect("a version")).await;
            }
        }
        before
    }

    /// Lets the alias that everybody calls mean this version of a function.
    pub async fn point(&self, function: &str, version: &str) {
        let path = format!("{}/aliases/live", Self::path_of(function));
        self.lambda(Method::PUT, &path, Some(&json!({"FunctionVersion": version}))).await;
    }

    fn path_of(function: &str) -> String {
        format!("/2015-03-31/functions/{}", Stack::get().functions[function])
    }

    async fn lambda(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let stack = Stack::get();
        let request = self
            .http
            .request(method, format!("{}{path}", stack.endpoint_url))
            .header("authorization", authorization("lambda"));
        let answer = answer_of(body.iter().fold(request, |request, body| request.json(body))).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        assert!(!answer.headers.contains_key("x-amz-function-error"), "{path}: {}", answer.body);
        answer.body
    }

    /// Lets the sweep run now; what it says it did. One of the schedule that is at it is waited for: it may have passed
    /// what the test is about.
    pub async fn sweep(&self) -> Value {
        until("a sweep of our own", async || {
            let done = self.invoke("sweep", &json!({})).await;
            (done["swept"] == true).then_some(done)
        })
        .await
    }

    /// The log lines of a function since then with this text in them, as JSON where they are.
    pub async fn log_lines(&self, function: &str, containing: &str, since: Timestamp) -> Vec<Value> {
        let group = &Stack::get().log_groups[function];
        let (mut lines, mut from) = (Vec::new(), Value::Null);
        loop {
            let mut body = json!({
                "logGroupName": group,
                "filterPattern": format!("\"{containing}\""),
                "startTime": since.as_millisecond(),
            });
            if !from.is_null() {
                body["nextToken"] = from;
            }
            let page = self.call("logs", "Logs_20140328.FilterLogEvents", &body).await;
            let events = page["events"].as_array().cloned().unwrap_or_default();
            let texts = events.iter().filter_map(|event| event["message"].as_str());
            lines.extend(texts.map(|text| serde_json::from_str(text).unwrap_or_else(|_| json!(text))));
            from = page["nextToken"].clone();
            if from.is_null() {
                return lines;
            }
        }
    }

    /// Sends a message.
    pub async fn send(&self, queue_url: &str, text: &str) {
        self.call("sqs", "AmazonSQS.SendMessage", &json!({"QueueUrl": queue_url, "MessageBody": text})).await;
    }

    /// The texts of what waits in a queue that nobody reads; it stays there.
    pub async fn waiting(&self, queue_url: &str) -> Vec<String> {
        let body = json!({"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
        let found = self.call("sqs", "AmazonSQS.ReceiveMessage", &body).await;
        let messages = found["Messages"].as_array().cloned().unwrap_or_default();
        messages.iter().filter_map(|message| message["Body"].as_str().map(str::to_owned)).collect()
    }

    /// Takes a message with this text out of a queue; whether there was one.
    pub async fn take_out(&self, queue_url: &str, containing: &str) -> bool {
        let body = json!({"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
        let found = self.call("sqs", "AmazonSQS.ReceiveMessage", &body).await;
        let messages = found["Messages"].as_array().cloned().unwrap_or_default();
        let mut taken = false;
        for message in messages.iter().filter(|m| m["Body"].as_str().is_some_and(|text| text.contains(containing))) {
            let body = json!({"QueueUrl": queue_url, "ReceiptHandle": message["ReceiptHandle"]});
            self.call("sqs", "AmazonSQS.DeleteMessage", &body).await;
            taken = true;
        }
        taken
    }

    /// An item, in plain JSON.
    pub async fn item(&self, table: &str, pk: &str, sk: &str) -> Option<Value> {
        let table = &Stack::get().tables[table];
        let body = json!({"TableName": table, "Key": key(pk, sk), "ConsistentRead": true});
        let found = self.call("dynamodb", "DynamoDB_20120810.GetItem", &body).await;
        found.get("Item").map(plain_item)
    }

    /// Every item of a partition, in plain JSON.
    pub async fn partition(&self, table: &str, pk: &str) -> Vec<Value> {
        let body = json!({
            "TableName": Stack::get().tables[table],
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ConsistentRead": true,
        });
        let found = self.call("dynamodb", "DynamoDB_20120810.Query", &body).await;
        found["Items"].as_array().into_iter().flatten().map(plain_item).collect()
    }

    /// Sets one number on an item that is there.
    pub async fn set_number(&self, table: &str, pk: &str, sk: &str, name: &str, number: i64) {
        let body = json!({
            "TableName": Stack::get().tables[table],
            "Key": key(pk, sk),
            "UpdateExpression": "SET #name = :number",
            "ConditionExpression": "attribute_exists(pk) AND attribute_exists(#name)",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":number": {"N": number.to_string()}},
        });
        self.call("dynamodb", "DynamoDB_20120810.UpdateItem", &body).await;
    }

    /// Sets one text on an item that is there.
    pub async fn set_text(&self, table: &str, pk: &str, sk: &str, name: &str, text: &str) {
        let body = json!({
            "TableName": Stack::get().tables[table],
            "Key": key(pk, sk),
            "UpdateExpression": "SET #name = :text",
            "ConditionExpression": "attribute_exists(pk) AND attribute_exists(#name)",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":text": {"S": text}},
        });
        self.call("dynamodb", "DynamoDB_20120810.UpdateItem", &body).await;
    }

    /// Deletes an item, there or not.
    pub async fn delete_item(&self, table: &str, pk: &str, sk: &str) {
        let body = json!({"TableName": Stack::get().tables[table], "Key": key(pk, sk)});
        self.call("dynamodb", "DynamoDB_20120810.DeleteItem", &body).await;
    }
}

/// The local cloud asks who calls and checks no signature.
fn authorization(service: &str) -> String {
    let scope = format!("test/20260101/{}/{service}/aws4_request", Stack::get().region);
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
}

fn key(pk: &str, sk: &str) -> Value {
    json!({"pk": {"S": pk}, "sk": {"S": sk}})
}

fn plain_item(item: &Value) -> Value {
    let attributes = item.as_object().into_iter().flatten();
    Value::Object(attributes.map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>())
}

/// DynamoDB's typed value as the value itself; binary stays base64.
fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else { return Value::Null };
    match kind.as_str() {
        "N" => inner.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null),
        "M" => plain_item(inner),
        "L" => inner.as_array().into_iter().flatten().map(plain).collect(),
        "NULL" => Value::Null,
        _ => inner.clone(),
    }
}
