//! `/api/v1/admin/dlq`

use axum::Json;
use axum::extract::State as Extract;
use gancho::lambda::http::Problem;
use gancho::manage::dead_letters::{self, Depth, Depths};
use gancho::model::row::Queue;
use serde_json::{Value, json};

use super::Backing;
use super::answer::listed_whole;
use crate::body::Named;
use crate::state::Shared;

fn depth(depth: &Depth) -> Value {
    json!({"waiting": depth.waiting, "in_flight": depth.in_flight, "delayed": depth.delayed})
}

pub(super) fn shown(depths: &Depths) -> Value {
    json!({"queue": depths.queue, "main": depth(&depths.main), "dead_letters": depths.dead.as_ref().map(depth)})
}

/// The depths of all queues. SQS counts approximately.
pub(super) async fn all<S: Backing>(store: &S) -> Result<Vec<Depths>, Problem> {
    let [lead, dispatch, delivery, slow] = Queue::ALL.map(|queue| store.depths(queue));
    let (lead, dispatch, delivery, slow) = tokio::try_join!(lead, dispatch, delivery, slow)?;
    Ok(vec![lead, dispatch, delivery, slow])
}

/// `GET /dlq`
pub(super) async fn depths<S: Backing>(Extract(state): Extract<Shared<S>>) -> Result<Json<Value>, Problem> {
    Ok(listed_whole(&all(&state.store).await?, shown))
}

/// `POST /dlq/{queue}/redrive`
pub(super) async fn redrive<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(queue): Named<Queue>,
) -> Result<Json<Value>, Problem> {
    let done = dead_letters::redrive(&state.store, queue).await?;
    tracing::warn!(
        queue = queue.name(),
        moved = done.moved,
        unreadable = done.unreadable,
        "dead letters were sent again"
    );
    Ok(Json(json!({
        "queue": queue,
        "moved": done.moved,
        "unreadable": done.unreadable,
        "unsent": done.unsent,
        "more": done.more,
    })))
}
