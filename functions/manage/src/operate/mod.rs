//! The operator's side.

use axum::Router;
use gancho::aws::{Secrets, Store};
use gancho::config::OperateSettings;

use crate::state::Shared;

/// The routes of the operator's side.
pub(crate) fn router(state: Shared<Store>, _settings: OperateSettings, _secrets: Secrets) -> Router {
    Router::new().with_state(state)
}
