//! A server that says what it is told to and hangs up: what a mock of HTTP cannot play.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Reads each request, writes `words` whatever they are, and closes. Returns its base address.
pub(super) async fn saying(words: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(words.as_bytes()).await;
            let _ = connection.shutdown().await;
        }
    });
    format!("http://{address}")
}

/// An address nobody listens at.
pub(super) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Short enough for a test to wait for, long enough for a loaded machine to answer within.
pub(super) const SHORT: Duration = Duration::from_millis(700);
/// An answer that comes too late for [`SHORT`].
pub(super) const TOO_LATE: Duration = Duration::from_secs(5);
