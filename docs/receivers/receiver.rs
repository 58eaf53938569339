//! Receives webhooks: verifies each, keeps its events once, answers. Needs axum, serde_json, standardwebhooks and tokio.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, io};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use standardwebhooks::Webhook;

const MAX_BYTES: usize = 4 * 1024 * 1024;

struct Receiver {
    webhook: Webhook,
    inbox: PathBuf,
}

/// Keeps an event where its work finds it. A copy finds it there and changes nothing.
fn keep(inbox: &Path, event: &Value) -> io::Result<()> {
    static N_DRAFTS: AtomicU64 = AtomicU64::new(0);
    let allowed = |id: &&str| id.len() <= 200 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    let id = event["id"].as_str().filter(allowed).ok_or(io::ErrorKind::InvalidData)?;
    let draft = inbox.join(format!(".{id}.{}", N_DRAFTS.fetch_add(1, Ordering::Relaxed)));
    fs::write(&draft, event.to_string())?;
    // Whole or not at all, and never over another.
    let kept = fs::hard_link(&draft, inbox.join(format!("{id}.json")));
    fs::remove_file(&draft)?;
    kept.or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
}

/// `body` are the bytes as they came: parsed and printed again they are other bytes.
async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if receiver.webhook.verify(&body, &headers).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let kept = tokio::task::block_in_place(|| {
        let told: Value = serde_json::from_slice(&body)?;
        match told["events"].as_array() {
            Some(events) if told["type"] == "batch" => events.iter().try_for_each(|event| keep(&receiver.inbox, event)),
            _ => keep(&receiver.inbox, &told),
        }
    });
    // Whatever could not be kept will come again after a 503.
    kept.map_or(StatusCode::SERVICE_UNAVAILABLE, |()| StatusCode::NO_CONTENT)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = env::var("WEBHOOK_SECRET")?;
    // After `whsec_` comes base64; any other secret stands for its own bytes.
    let webhook =
        if secret.starts_with("whsec_") { Webhook::new(&secret)? } else { Webhook::from_bytes(secret.into_bytes())? };
    let inbox = PathBuf::from(env::var("INBOX").unwrap_or_else(|_| "inbox".to_owned()));
    fs::create_dir_all(&inbox)?;
    let app = Router::new()
        .fallback(post(receive))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .with_state(Arc::new(Receiver { webhook, inbox }));
    let port = env::var("PORT").map_or(Ok(4650), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
