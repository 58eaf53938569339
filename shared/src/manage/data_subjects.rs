//! A data subject's request, taken in; and its receipt.

use jiff::Timestamp;

use super::json_fields::{BodyError, JsonFields};
use crate::data_subjects::needle::Needle;
use crate::model::ids::{JobId, TenantId};
use crate::model::job::{DataSubjectJob, JobStatus, SubjectRequest};
use crate::model::row::{Queue, RowKey, WorkState};
use crate::signing::seal::{NONCE_BYTES, StackKeys};
use crate::work::{Bells, Ring, Rows, StoreError, Timing, home_shard};

/// Reads what a person is known by: exactly one of `phone`, `email` and `cpf`.
///
/// # Errors
/// With everything that is wrong with the body. What the body held is in no error.
pub fn read(mut fields: JsonFields) -> Result<Needle, BodyError> {
    let given: Vec<(&str, String)> =
        Needle::KINDS.iter().filter_map(|kind| fields.text(kind).map(|text| (*kind, text))).collect();
    let needle = match given.as_slice() {
        [(kind, text)] => match Needle::parse(kind, text) {
            Some(needle) => Some(needle),
            None => fields.refused(*kind, "invalid_value", format!("this is no {kind} that could be looked for")),
        },
        [] => fields.refused("", "missing", "one of `phone`, `email` and `cpf` is needed"),
        _ => fields.refused("", "contradictory", "only one of `phone`, `email` and `cpf` at a time"),
    };
    fields.refuse_rest();
    fields.finish(needle)
}

/// What a job is made with.
pub struct JobChance {
    /// For its name.
    pub id: [u8; 10],
    /// For the seal of what the person is known by.
    pub nonce: [u8; NONCE_BYTES],
}

/// Records the request and rings for it.
///
/// # Errors
/// When the store does not answer.
pub async fn ask(
    store: &(impl Rows + Bells),
    keys: &StackKeys,
    timing: &Timing,
    request: SubjectRequest,
    needle: &Needle,
    chance: JobChance,
    now: Timestamp,
) -> Result<DataSubjectJob, StoreError> {
    let id = JobId::new(now, chance.id);
    let tenant = TenantId::default_tenant();
    let key = RowKey::DataSubject(id.clone());
    let job = DataSubjectJob {
        needle: Some(keys.seal(needle.text().as_bytes(), &tenant, id.as_str(), chance.nonce)),
        work: WorkState::starting(Queue::Lead, now, timing.due_at(now), home_shard(&key)),
        id,
        tenant,
        request,
        known_by: needle.known_by().to_owned(),
        asked_at: now,
        status: JobStatus::Waiting,
        cursor: None,
        looked_at: 0,
        found: Vec::new(),
        found_total: 0,
        pending: Vec::new(),
        done_at: None,
    };
    store.insert(&job).await?;
    for bell in store.ring(&[Ring::of(&job)], now).await {
        tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
    }
    Ok(job)
}

/// A job's receipt, as far as it has come.
///
/// # Errors
/// When the store does not answer.
pub async fn receipt(store: &impl Rows, id: &JobId) -> Result<Option<DataSubjectJob>, StoreError> {
    store.read(&RowKey::DataSubject(id.clone())).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryStore;
    use crate::testing::samples::stack_keys;

    fn errors(body: &str) -> Vec<String> {
        match JsonFields::read(body.as_bytes()).and_then(read) {
            Err(BodyError::Fields(errors)) => errors.into_iter().map(|e| format!("{}:{}", e.path, e.code)).collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn a_person_is_known_by_one_thing() {
        assert_eq!(errors("{}"), [":missing"]);
        assert_eq!(errors(r#"{"phone":"11987650001","email":"ana@example.com"}"#), [":contradictory"]);
        assert_eq!(errors(r#"{"cpf":"123"}"#), ["cpf:invalid_value"]);
        assert_eq!(errors(r#"{"cpf":"00000000191","name":"Ana"}"#), ["name:unknown_field"]);
        assert_eq!(errors(r#"{"cpf":"00000000191"}"#), ["Ok(Needle(cpf: …))"]);
    }

    #[tokio::test]
    async fn a_request_is_stored_sealed_and_rung_for() {
        let store = MemoryStore::default();
        let needle = Needle::parse("cpf", "000.000.001-91").unwrap();
        let chance = JobChance { id: [1; 10], nonce: [2; NONCE_BYTES] };
        let now = Timestamp::from_second(1_900_000_000).unwrap();
        let timing = Timing::default();
        let job = ask(&store, &stack_keys(), &timing, SubjectRequest::Erase, &needle, chance, now).await.unwrap();
        let stored = serde_json::to_string(&receipt(&store, &job.id).await.unwrap()).unwrap();
        assert!(!stored.contains("00000000191"), "{stored}");
        assert_eq!(store.rung(), [Ring::of(&job)]);
    }
}
