//! The function `receive`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    receive::run().await
}
