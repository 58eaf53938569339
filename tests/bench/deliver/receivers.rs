//! Receivers: a port for each, over TLS. They answer 204, at once or after a while, and remember what they were sent.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// Receivers, gone when this is dropped.
pub(crate) struct Receivers {
    pub(crate) ports: Vec<u16>,
    received: Arc<Mutex<HashMap<String, u32>>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Receivers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Receivers {
    /// So many, of which the first `slow` take so long.
    pub(crate) async fn open(n: usize, slow: usize, takes: Duration, tls: Arc<ServerConfig>) -> Result<Self> {
        let (received, tls) = (Arc::<Mutex<HashMap<String, u32>>>::default(), TlsAcceptor::from(tls));
        let (mut ports, mut tasks) = (Vec::new(), Vec::new());
        for place in 0..n {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("a port for each receiver")?;
            ports.push(listener.local_addr()?.port());
            let takes = if place < slow { takes } else { Duration::ZERO };
            tasks.push(tokio::spawn(accept(listener, tls.clone(), takes, Arc::clone(&received))));
        }
        Ok(Self { ports, received, tasks })
    }

    /// How many webhooks came, and how many of them more than once.
    pub(crate) fn received(&self) -> (usize, usize) {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        (received.len(), received.values().filter(|times| **times > 1).count())
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, takes: Duration, received: Arc<Mutex<HashMap<String, u32>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream, tls.clone(), takes, Arc::clone(&received)));
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, takes: Duration, received: Arc<Mutex<HashMap<String, u32>>>) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let answering = service_fn(move |request| answer(request, takes, Arc::clone(&received)));
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answering);
    // Whoever hangs up has had what it wanted.
    let _ = connection.await;
}

async fn answer(
    request: Request<Incoming>,
    takes: Duration,
    received: Arc<Mutex<HashMap<String, u32>>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let id = request.headers().get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let port = request.uri().path().to_owned();
    let whole = request.into_body().collect().await.is_ok();
    if !takes.is_zero() {
        tokio::time::sleep(takes).await;
    }
    let mut response = Response::new(Empty::new());
    *response.status_mut() = if whole && !id.is_empty() {
        *received.lock().unwrap_or_else(PoisonError::into_inner).entry(format!("{port} {id}")).or_default() += 1;
        StatusCode::NO_CONTENT
    } else {
        StatusCode::BAD_REQUEST
    };
    Ok(response)
}
