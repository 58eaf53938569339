//! The Runtime API of one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tokio::sync::mpsc;

/// Most that a function may answer: Lambda's own limit of a buffered response.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;
/// How long an invocation may take, as the template has it of `receive`.
const TIMEOUT: Duration = Duration::from_secs(29);

/// What a process has told the Runtime API.
#[derive(Debug)]
pub(super) enum Told {
    /// It asks for an event: its init is over, or its last invocation.
    Next(Instant),
    /// It has answered an invocation; all of the answer has come.
    Answered {
        /// From handing over the event to the last byte of the answer.
        took: Duration,
        /// When that was.
        at: Instant,
        /// The answer, or what it says of its failure.
        answer: Result<Bytes, Bytes>,
    },
    /// It could not begin.
    CouldNotBegin(Bytes),
}

/// Where events lie until they are asked for.
#[derive(Debug)]
pub(super) struct Desk {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Bytes>>,
    handed: Mutex<HashMap<String, Instant>>,
    tell: mpsc::UnboundedSender<Told>,
}

impl Desk {
    pub(super) fn new(events: mpsc::UnboundedReceiver<Bytes>, tell: mpsc::UnboundedSender<Told>) -> Arc<Self> {
        Arc::new(Self { events: events.into(), handed: Mutex::default(), tell })
    }

    pub(super) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(self)
    }

    fn tell(&self, told: Told) {
        // Whoever listened may have had enough of this process.
        let _ = self.tell.send(told);
    }

    fn handed(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answered(&self, id: &str, body: Body, is_error: bool) -> (StatusCode, &'static str) {
        let whole = to_bytes(body, LARGEST_ANSWER).await;
        let at = Instant::now();
        let Some(handed) = self.handed().remove(id) else {
            return (StatusCode::FORBIDDEN, r#"{"errorType":"InvalidRequestID"}"#);
        };
        let Ok(whole) = whole else {
            let why = Bytes::from_static(b"the answer was cut off, or is larger than an answer may be");
            self.tell(Told::Answered { took: at - handed, at, answer: Err(why) });
            return (StatusCode::PAYLOAD_TOO_LARGE, r#"{"errorType":"RequestEntityTooLarge"}"#);
        };
        self.tell(Told::Answered { took: at - handed, at, answer: if is_error { Err(whole) } else { Ok(whole) } });
        (StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
    }
}

async fn next(State(desk): State<Arc<Desk>>) -> Result<impl IntoResponse, StatusCode> {
    desk.tell(Told::Next(Instant::now()));
    // Nothing is lost where the process goes away while it waits: an event is taken only by a request that is alive.
    let event = desk.events.lock().await.recv().await.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let id = format!("{:032x}", rand::random::<u128>());
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIMEOUT;
    let headers = [
        ("lambda-runtime-aws-request-id", id.clone()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:measured:live".to_owned(),
        ),
        ("lambda-runtime-trace-id", format!("Root=1-{}-{};Sampled=0", &id[..8], &id[8..])),
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
    ];
    desk.handed().insert(id, Instant::now());
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name, value.parse().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?);
    }
    Ok((map, event))
}

async fn response(State(desk): State<Arc<Desk>>, Path(id): Path<String>, body: Body) -> impl IntoResponse {
    desk.answered(&id, body, false).await
}

async fn error(State(desk): State<Arc<Desk>>, Path(id): Path<String>, body: Body) -> impl IntoResponse {
    desk.answered(&id, body, true).await
}

async fn init_error(State(desk): State<Arc<Desk>>, body: Bytes) -> impl IntoResponse {
    desk.tell(Told::CouldNotBegin(body));
    (StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_answer_in_chunks_is_one_answer_and_an_unknown_invocation_has_none() {
        let (events, waiting) = mpsc::unbounded_channel();
        let (tell, mut told) = mpsc::unbounded_channel();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}/2018-06-01/runtime/invocation", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Desk::new(waiting, tell).router()).await });
        events.send(Bytes::from_static(b"{}")).unwrap();
        // Everything is plain http here, but reqwest wants to know.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::new();
        let handed = client.get(format!("{base}/next")).send().await.unwrap();
        assert!(matches!(told.recv().await, Some(Told::Next(_))));
        let id = handed.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
        for name in ["lambda-runtime-deadline-ms", "lambda-runtime-invoked-function-arn", "lambda-runtime-trace-id"] {
            assert!(handed.headers().contains_key(name), "{name}");
        }
        assert_eq!(handed.bytes().await.unwrap(), "{}");

        let answer = |id: &str| {
            let chunks = stream::iter(["{\"a\":", "1}"].map(Ok::<_, std::io::Error>));
            client.post(format!("{base}/{id}/response")).body(reqwest::Body::wrap_stream(chunks)).send()
        };
        assert_eq!(answer("another").await.unwrap().status(), StatusCode::FORBIDDEN);
        assert_eq!(answer(&id).await.unwrap().status(), StatusCode::ACCEPTED);
        let Some(Told::Answered { answer: Ok(whole), .. }) = told.recv().await else { panic!("it was answered") };
        assert_eq!(whole, r#"{"a":1}"#);
        assert_eq!(answer(&id).await.unwrap().status(), StatusCode::FORBIDDEN, "an invocation is answered once");
    }
}
