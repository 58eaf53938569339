//! Who is calling: a tenant, by its key, and nobody else.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use gancho::lambda::http::{Problem, bearer};
use gancho::model::ids::TenantId;

use super::{Backing, Out, Portal};

/// The tenant whose key was presented. Handlers have no other way to a tenant's id.
pub(crate) struct Caller(pub(crate) TenantId);

impl<S: Backing, T: Out> FromRequestParts<Arc<Portal<S, T>>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal<S, T>>) -> Result<Self, Problem> {
        let state = &portal.state;
        let caller = state.door.tenant(bearer(&parts.headers).as_ref(), state.now()).await?;
        state.uses.note(&state.store, &caller, state.now()).await;
        Ok(Self(caller.tenant))
    }
}
