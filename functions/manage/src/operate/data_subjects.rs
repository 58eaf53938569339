//! `/api/v1/admin/data-subjects`

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::manage::data_subjects::{self, JobChance};
use gancho::model::ids::JobId;
use gancho::model::job::{DataSubjectJob, SubjectRequest};
use serde_json::{Value, json};

use super::Backing;
use crate::body::{Fields, Named};
use crate::state::Shared;

/// What was found is named by where it lies. Nothing of what it held is kept.
fn shown(job: &DataSubjectJob) -> Value {
    json!({
        "id": job.id,
        "request": job.request,
        "known_by": job.known_by,
        "status": job.status,
        "asked_at": job.asked_at,
        "done_at": job.done_at,
        "looked_at": job.looked_at,
        "found_total": job.found_total,
        "found": job.found,
    })
}

/// `POST /data-subjects/report`
pub(super) async fn report<S: Backing>(
    state: Extract<Shared<S>>,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), Problem> {
    ask(state, fields, SubjectRequest::Report).await
}

/// `POST /data-subjects/erase`
pub(super) async fn erase<S: Backing>(
    state: Extract<Shared<S>>,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), Problem> {
    ask(state, fields, SubjectRequest::Erase).await
}

async fn ask<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Fields(fields): Fields,
    request: SubjectRequest,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let needle = data_subjects::read(fields)?;
    let chance = JobChance { id: state.chance(), nonce: state.chance() };
    let (timing, now) = (&state.config.timing, state.now());
    let job = data_subjects::ask(&state.store, &state.keys, timing, request, &needle, chance, now).await?;
    tracing::warn!(job.id = %job.id, known_by = job.known_by, erase = request == SubjectRequest::Erase, "a data subject's request was taken in");
    Ok((StatusCode::ACCEPTED, Json(shown(&job))))
}

/// `GET /data-subjects/{id}`: the receipt.
pub(super) async fn receipt<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<JobId>,
) -> Result<Json<Value>, Problem> {
    let job = data_subjects::receipt(&state.store, &id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(shown(&job)))
}
