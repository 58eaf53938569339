//! `/api/v1/admin/sources/{id}/subscribe`: C2S is told where to send.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use gancho::aws::Secrets;
use gancho::clients::{C2sClient, C2sConfig, Secret, upstream_http};
use gancho::config::OperateSettings;
use gancho::enrichment::ports::{HookAction, LeadThread, Upstream, UpstreamError, UpstreamErrorKind};
use gancho::lambda::http::Problem;
use gancho::lambda::problem_schema::ProblemDocument;
use gancho::manage::sources::Opened;
use gancho::manage::subscribe::{self as register, ACTIONS, Hooks, SubscribeError};
use gancho::model::ids::SourceId;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::Backing;
use super::sources::SourceOpen;
use crate::address::Base;
use crate::body::Named;
use crate::state::Shared;

/// Time for one call. Two of them must fit into the 30 seconds API Gateway waits.
const ONE_CALL: Duration = Duration::from_secs(10);

/// What the route works with.
pub(super) struct Registrar<S, H> {
    pub(super) state: Shared<S>,
    pub(super) hooks: H,
}

/// The real C2S. Its token is read when it is needed: that is when a source is set up, and hardly ever again.
pub(super) struct C2s {
    pub(super) secrets: Secrets,
    pub(super) settings: OperateSettings,
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    c2s_token: String,
}

impl C2s {
    async fn client(&self) -> Option<C2sClient> {
        let text = self.secrets.read(self.settings.providers_secret.as_deref()?).await;
        let text =
            text.inspect_err(|error| tracing::error!(%error, "the providers' credentials cannot be read")).ok()?;
        // The error of a JSON parser may quote what it read.
        let credentials: Credentials = serde_json::from_str(&text).ok()?;
        let config = C2sConfig {
            base_url: self.settings.c2s_base_url.clone()?,
            auth_header: self.settings.c2s_auth_header.clone(),
            subscribe_path: self.settings.c2s_subscribe_path.clone(),
            token: Secret::new(credentials.c2s_token),
            timeout: ONE_CALL,
        };
        let made = upstream_http().and_then(|http| C2sClient::new(http, config));
        made.inspect_err(|error| tracing::error!(%error, "no client of C2S can be made")).ok()
    }
}

impl Hooks for C2s {
    async fn hook(&self, action: HookAction, url: &Url) -> Result<(), UpstreamError> {
        match self.client().await {
            Some(client) => client.subscribe(action, url).await,
            None => Err(UpstreamError::new(Upstream::C2s, UpstreamErrorKind::Misconfigured)),
        }
    }
}

/// A source whose provider knows its new address.
#[derive(Serialize, ToSchema)]
pub(super) struct SourceRegistered {
    #[serde(flatten)]
    open: SourceOpen,
    /// What the provider will tell of.
    #[schema(value_type = Vec<HookAction>)]
    registered: [HookAction; 2],
}

/// Tells the provider the source's address, with a fresh token in it.
#[utoipa::path(post, path = "/sources/{id}/subscribe", operation_id = "subscribe_source", tag = "sources", security(("admin_token" = [])),
    params(("id" = SourceId, Path, description = "The source.")),
    responses(
        (status = 200, description = "Registered; shown this once.", body = SourceRegistered),
        (status = 409, description = "`configured_by_hand`, `no_public_url` or `conflict`.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 502, description = "`upstream_failed`: the provider did not take it.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn subscribe<S: Backing, H: Hooks + 'static>(
    Extract(registrar): Extract<Arc<Registrar<S, H>>>,
    Named(id): Named<SourceId>,
    request: Request,
) -> Result<Json<SourceRegistered>, Problem> {
    let state = &registrar.state;
    let base = Base::of(state, &request.into_parts().0);
    let chance = state.chance();
    let done = register::subscribe(&state.store, &registrar.hooks, &id, base.as_str(), chance, state.now()).await;
    let done = done.map_err(problem)?;
    tracing::info!(source.id = %id, "a source was registered at its provider");
    Ok(Json(SourceRegistered {
        open: SourceOpen::of(Opened { source: done.source, token: done.token, verify_token: None }, &base),
        registered: ACTIONS,
    }))
}

fn problem(error: SubscribeError) -> Problem {
    match error {
        SubscribeError::ByHand => {
            Problem::new(StatusCode::CONFLICT, "configured_by_hand", "This provider is told by hand where to send.")
        }
        SubscribeError::Address => Problem::new(
            StatusCode::CONFLICT,
            "no_public_url",
            "The platform's own address cannot be registered. Set the parameter PublicUrl.",
        ),
        SubscribeError::Change(error) => error.into(),
        SubscribeError::Upstream { error, registered, unchanged } => {
            let what = if unchanged {
                "Nothing was changed."
            } else {
                "The source has a new token; the old address stays good for 30 days. Try again."
            };
            Problem::new(StatusCode::BAD_GATEWAY, "upstream_failed", format!("{error}. {what}"))
                .with("registered", registered)
                .with("unchanged", unchanged)
        }
    }
}
