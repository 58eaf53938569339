//! The doors: HTTP/1.1 with and without TLS, kept alive, in front of the three services.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::{Answer, Service, Shared, answered_at, held};

/// Lets in whoever comes, until it is dropped.
pub(super) async fn open(listener: TcpListener, tls: Option<Arc<ServerConfig>>, shared: Arc<Shared>) {
    let tls = tls.map(TlsAcceptor::from);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, perhaps: those that are open end some time.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let answering = service_fn(move |request| answer(request, Arc::clone(&shared)));
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answering);
    // Whoever hangs up has had what it wanted.
    let _ = connection.await;
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Infallible> {
    let arrived = Instant::now();
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let content_type = head.headers.get(CONTENT_TYPE).cloned();
    let Ok(body) = body.collect().await.map(|body| body.to_bytes()) else {
        return Ok(response(StatusCode::BAD_REQUEST, content_type, Vec::new()));
    };
    let Some((service, operation)) = called(target) else {
        let unknown = Answer::refused("UnknownOperationException", target);
        return Ok(response(StatusCode::BAD_REQUEST, content_type, unknown.body));
    };
    let answer = match service {
        Service::DynamoDb => shared.tables.call(operation, &body),
        Service::Sqs => held(&shared.queues).call(operation, &body, arrived),
        Service::SecretsManager => held(&shared.secrets).call(operation, &body),
    };
    let bytes = (body.len(), answer.body.len());
    held(&shared.counts).add(operation, answer.status != 200, bytes, answer.used);
    let latency = shared.latency(service);
    if !latency.is_zero() {
        tokio::time::sleep_until(answered_at(arrived, latency)).await;
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(response(status, content_type, answer.body))
}

/// Which service is called for what.
fn called(target: &str) -> Option<(Service, &str)> {
    let (service, operation) = target.split_once('.')?;
    let service = match service {
        "DynamoDB_20120810" => Service::DynamoDb,
        "AmazonSQS" => Service::Sqs,
        "secretsmanager" => Service::SecretsManager,
        _ => return None,
    };
    Some((service, operation))
}

fn response(status: StatusCode, content_type: Option<HeaderValue>, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/x-amz-json-1.0"));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
