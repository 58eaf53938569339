//! `/api/v1/admin/data-subjects`

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use gancho::lambda::http::Problem;
use gancho::manage::data_subjects::{self, JobChance};
use gancho::manage::described::operator::DataSubjectBody;
use gancho::model::ids::JobId;
use gancho::model::job::{DataSubjectJob, JobStatus, SubjectRequest};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Backing;
use crate::body::{Fields, Named};
use crate::state::Shared;

/// A data subject's request. What was found is named by where it lies. Nothing of what it held is kept.
#[derive(Serialize, ToSchema)]
#[schema(as = DataSubjectJob)]
pub(super) struct JobView {
    id: JobId,
    request: SubjectRequest,
    /// `phone`, `email` or `cpf`.
    known_by: String,
    status: JobStatus,
    asked_at: Timestamp,
    done_at: Option<Timestamp>,
    /// Rows looked at.
    looked_at: u64,
    found_total: u64,
    /// Where it lies; at most so many are named.
    found: Vec<String>,
}

impl From<DataSubjectJob> for JobView {
    fn from(job: DataSubjectJob) -> Self {
        Self {
            id: job.id,
            request: job.request,
            known_by: job.known_by,
            status: job.status,
            asked_at: job.asked_at,
            done_at: job.done_at,
            looked_at: job.looked_at,
            found_total: job.found_total,
            found: job.found,
        }
    }
}

/// Finds out what is held of a person.
#[utoipa::path(post, path = "/data-subjects/report", operation_id = "report_data_subject", tag = "data subjects", security(("admin_token" = [])),
    request_body = DataSubjectBody,
    responses((status = 202, description = "Taken in; ask for its receipt.", body = JobView)),
)]
pub(super) async fn report<S: Backing>(
    state: Extract<Shared<S>>,
    fields: Fields,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    ask(state, fields, SubjectRequest::Report).await
}

/// Blanks what is held of a person.
#[utoipa::path(post, path = "/data-subjects/erase", operation_id = "erase_data_subject", tag = "data subjects", security(("admin_token" = [])),
    request_body = DataSubjectBody,
    responses((status = 202, description = "Taken in; ask for its receipt.", body = JobView)),
)]
pub(super) async fn erase<S: Backing>(
    state: Extract<Shared<S>>,
    fields: Fields,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    ask(state, fields, SubjectRequest::Erase).await
}

async fn ask<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Fields(fields): Fields,
    request: SubjectRequest,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let needle = data_subjects::read(fields)?;
    let chance = JobChance { id: state.chance(), nonce: state.chance() };
    let (timing, now) = (&state.config.timing, state.now());
    let job = data_subjects::ask(&state.store, &state.keys, timing, request, &needle, chance, now).await?;
    tracing::warn!(job.id = %job.id, known_by = job.known_by, erase = request == SubjectRequest::Erase, "a data subject's request was taken in");
    Ok((StatusCode::ACCEPTED, Json(job.into())))
}

/// The receipt of a request.
#[utoipa::path(get, path = "/data-subjects/{id}", operation_id = "read_data_subject_job", tag = "data subjects", security(("admin_token" = [])),
    params(("id" = JobId, Path, description = "The job.")),
    responses((status = 200, description = "How far it has come.", body = JobView)),
)]
pub(super) async fn receipt<S: Backing>(
    Extract(state): Extract<Shared<S>>,
    Named(id): Named<JobId>,
) -> Result<Json<JobView>, Problem> {
    let job = data_subjects::receipt(&state.store, &id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(job.into()))
}
