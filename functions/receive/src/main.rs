//! The function `receive`.

// One thread: a function of this size has a third of a processor, and a second thread would only be woken and put to
// sleep, a tenth of its time or more (docs/performance.md).
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    receive::run().await
}
