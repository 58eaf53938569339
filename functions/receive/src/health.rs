//! Whether what we stand on is there.

use std::future::Future;
use std::sync::Arc;

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gancho::auth::Cards;
use gancho::aws::Store;
use gancho::model::row::Queue;
use gancho::work::Bells;
use serde::Serialize;
use utoipa::ToSchema;

use crate::handler::{Backing, State};

/// Can be asked whether it is there.
pub(crate) trait Connected: Send + Sync {
    /// Whether the tables answer.
    fn database(&self) -> impl Future<Output = bool> + Send;
    /// Whether the queues answer.
    fn queue(&self) -> impl Future<Output = bool> + Send;
}

impl Connected for Store {
    async fn database(&self) -> bool {
        // A card nobody has: the answer "there is none" is an answer.
        self.card("health").await.inspect_err(|error| tracing::error!(%error, "the tables do not answer")).is_ok()
    }

    async fn queue(&self) -> bool {
        let asked = self.waiting(Queue::Lead).await;
        asked.inspect_err(|error| tracing::error!(%error, "the queues do not answer")).is_ok()
    }
}

/// Looks at everything at once.
pub(crate) async fn look(store: &impl Connected) -> (bool, bool) {
    tokio::join!(store.database(), store.queue())
}

/// Whether something is there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Reach {
    Connected,
    Disconnected,
}

impl From<bool> for Reach {
    fn from(there: bool) -> Self {
        if there { Self::Connected } else { Self::Disconnected }
    }
}

/// How we are.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `healthy` or `unhealthy`.
    status: &'static str,
    /// The tables.
    database: Reach,
    /// The queues.
    queue: Reach,
    /// Which release this is.
    version: &'static str,
}

/// Whether what the platform stands on is there.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "platform", security(()), responses(
    (status = 200, description = "All is there.", body = Health),
    (status = 503, description = "Something is not, and is named.", body = Health),
))]
pub(crate) async fn answer<S: Backing>(extract::State(state): extract::State<Arc<State<S>>>) -> Response {
    let (database, queue) = look(&state.store).await;
    let healthy = database && queue;
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Health {
        status: if healthy { "healthy" } else { "unhealthy" },
        database: database.into(),
        queue: queue.into(),
        version: env!("CARGO_PKG_VERSION"),
    };
    (status, Json(body)).into_response()
}
