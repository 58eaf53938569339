//! Wires the function.

use lambda_runtime::{LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| Ok::<_, lambda_runtime::Error>(event.payload))).await
}
