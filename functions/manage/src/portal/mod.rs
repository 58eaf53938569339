//! The tenant's side.

use axum::Router;
use gancho::aws::Store;

use crate::state::Shared;

/// The routes of the tenant's side.
pub(crate) fn router(state: Shared<Store>) -> Router {
    Router::new().with_state(state)
}
