//! `/api/v1/admin/dlq`

use axum::Json;
use axum::extract::State as Extract;
use gancho::lambda::http::Problem;
use gancho::manage::dead_letters::{self, Depth, Depths, Redriven};
use gancho::manage::page::Page;
use gancho::model::row::Queue;
use serde::Serialize;
use utoipa::ToSchema;

use super::Backing;
use super::answer::listed_whole;
use crate::body::Named;
use crate::state::Shared;

/// How full a queue is, about.
#[derive(Serialize, ToSchema)]
#[schema(as = Depth)]
struct DepthView {
    /// Messages waiting.
    waiting: u64,
    /// Messages a worker has.
    in_flight: u64,
    /// Messages whose delay is not over.
    delayed: u64,
}

impl From<Depth> for DepthView {
    fn from(Depth { waiting, in_flight, delayed }: Depth) -> Self {
        Self { waiting, in_flight, delayed }
    }
}

/// A queue and its dead letters.
#[derive(Serialize, ToSchema)]
#[schema(as = Depths)]
pub(super) struct DepthsView {
    queue: Queue,
    main: DepthView,
    dead_letters: Option<DepthView>,
}

impl From<Depths> for DepthsView {
    fn from(Depths { queue, main, dead }: Depths) -> Self {
        Self { queue, main: main.into(), dead_letters: dead.map(DepthView::from) }
    }
}

/// What a redrive did.
#[derive(Serialize, ToSchema)]
#[schema(as = Redriven)]
pub(super) struct RedrivenView {
    queue: Queue,
    /// Messages sent again.
    moved: usize,
    /// Messages that cannot be read: they stay where they are.
    unreadable: usize,
    /// Messages that could not be sent; they are dead letters again in a moment.
    unsent: usize,
    /// Whether it stopped before the queue was empty.
    more: bool,
}

/// The depths of all queues. SQS counts approximately.
pub(super) async fn all<S: Backing>(store: &S) -> Result<Vec<Depths>, Problem> {
    let (lead, dispatch, delivery, slow, sync) = tokio::try_join!(
        store.depths(Queue::Lead),
        store.depths(Queue::Dispatch),
        store.depths(Queue::Delivery),
        store.depths(Queue::DeliverySlow),
        store.depths(Queue::Sync),
    )?;
    Ok(vec![lead, dispatch, delivery, slow, sync])
}

/// How full the queues and their dead letters are, as SQS estimates it.
#[utoipa::path(get, path = "/dlq", operation_id = "read_depths", tag = "running", security(("admin_token" = [])),
    responses((status = 200, description = "All of them.", body = Page<DepthsView>)),
)]
pub(super) async fn depths<S: Backing>(Extract(state): Extract<Shared<S>>) -> Result<Json<Page<DepthsView>>, Problem> {
    Ok(listed_whole(all(&state.store).await?))
}

/// Sends a queue's dead letters again.
#[utoipa::path(post, path = "/dlq/{queue}/redrive", operation_id = "redrive", tag = "running", security(("admin_token" = [])),
    params(("queue" = Queue, Path, description = "The queue.")),
    responses((status = 200, description = "What it did.", body = RedrivenView)),
)]
pub(super) async fn redrive<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(queue): Named<Queue>,
) -> Result<Json<RedrivenView>, Problem> {
    let done = dead_letters::redrive(&state.store, queue).await?;
    tracing::warn!(
        queue = queue.name(),
        moved = done.moved,
        unreadable = done.unreadable,
        "dead letters were sent again"
    );
    let Redriven { moved, unreadable, unsent, more } = done;
    Ok(Json(RedrivenView { queue, moved, unreadable, unsent, more }))
}
